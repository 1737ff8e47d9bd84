//! How does a message come in?
//!
//! Behind DATA, dotted (RFC 5321 section 4.5.2), or in chunks (RFC 3030).

use super::lines::Lines;
use super::talk::{TOO_LARGE, Talk, Wire};
use crate::peer::Step;
use std::io::{self, ErrorKind};

impl Talk<'_> {
    pub(super) fn data(&mut self, wire: &mut dyn Wire, lines: &mut Lines) -> io::Result<()> {
        if let Some(refusal) = self.no_message_yet() {
            return self.reply(wire, refusal);
        }
        if let Some(reply) = self.peer.reply(Step::Data, self.in_tls) {
            return self.reply(wire, reply);
        }
        self.reply(wire, "354 Go ahead")?;
        loop {
            let line = lines.next_octets(wire)?.ok_or(ErrorKind::UnexpectedEof)?;
            if line == b"." {
                break;
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            self.record.message(|message| {
                message.body.extend_from_slice(line);
                message.body.extend_from_slice(b"\r\n");
            });
            self.breaks(wire, Step::Data)?;
        }
        self.whole(wire)
    }

    pub(super) fn bdat(
        &mut self,
        wire: &mut dyn Wire,
        lines: &mut Lines,
        line: &str,
    ) -> io::Result<()> {
        let mut words = line.split(' ').skip(1);
        let length = words.next().and_then(|length| length.parse().ok());
        let last = words.next().map(|word| word.eq_ignore_ascii_case("LAST"));
        let (Some(length), true) = (length, self.offers("CHUNKING")) else {
            return self.reply(wire, "500 5.5.1 Unknown command");
        };
        let chunk = lines.take(wire, length)?;
        if let Some(refusal) = self.no_message_yet() {
            return self.reply(wire, refusal);
        }
        self.record.message(|m| m.body.extend_from_slice(&chunk));
        self.breaks(wire, Step::Data)?;
        match last {
            Some(true) => self.whole(wire),
            _ => self.reply(wire, "250 2.0.0 Chunk taken"),
        }
    }

    fn no_message_yet(&self) -> Option<&'static str> {
        match self.recipients {
            None => Some("503 5.5.1 MAIL first"),
            Some(0) => Some("554 5.5.1 No valid recipients"),
            Some(_) => None,
        }
    }

    /// The end of the message has come.
    fn whole(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        let mut length = 0;
        self.record.message(|message| {
            message.complete = true;
            length = message.body.len();
        });
        self.recipients = None;
        self.breaks(wire, Step::Dot)?;
        let reply = self.peer.reply(Step::Dot, self.in_tls);
        let reply = match reply {
            None if self.is_too_large(length) => TOO_LARGE,
            own => own.unwrap_or("250 2.0.0 Taken"),
        };
        self.reply(wire, reply)?;
        let taken = reply.starts_with('2');
        self.record.message(|m| m.taken = taken);
        self.breaks(wire, Step::Taken)
    }
}
