//! What has the client sent that was not looked at yet?
//!
//! Octets that were read ahead: commands may come many at once (PIPELINING), and the first of the
//! message behind them. Between two commands nothing is held.

use super::command::{Line, MAX_COMMAND};
use std::io::{self, Read};

/// Octets that were read and not yet looked at.
#[derive(Debug, Default)]
pub(super) struct Input {
    octets: Vec<u8>,
    /// Those before it are done with.
    at: usize,
}

impl Input {
    /// The next line, if it is there already.
    pub(super) fn has_line(&self) -> bool {
        self.rest().contains(&b'\n')
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// The next line; `None`: the client has closed.
    pub(super) fn line(&mut self, from: &mut impl Read) -> io::Result<Option<Line>> {
        let (mut looked_at, mut is_long) = (0, false);
        loop {
            let rest = self.rest();
            let new = rest.get(looked_at..).unwrap_or_default();
            if let Some(end) = new.iter().position(|&b| b == b'\n') {
                let line = rest.get(..=looked_at + end).unwrap_or_default().to_vec();
                self.consume(line.len());
                let is_long = is_long || line.len() > MAX_COMMAND;
                return Ok(Some(if is_long {
                    Line::TooLong
                } else {
                    Line::Whole(line)
                }));
            }
            looked_at = rest.len();
            if looked_at > MAX_COMMAND {
                is_long = true;
                self.consume(looked_at);
                looked_at = 0;
            }
            if self.fill(from)? == 0 {
                return Ok(None);
            }
        }
    }

    /// What was read ahead, given away.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let at = std::mem::take(&mut self.at);
        let mut octets = std::mem::take(&mut self.octets);
        octets.drain(..at.min(octets.len()));
        octets
    }

    /// What was taken, or read elsewhere, and belongs to the commands.
    pub(super) fn put_back(&mut self, octets: &[u8]) {
        self.octets = octets.to_vec();
        self.at = 0;
    }

    fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        let mut block = [0; 2_048];
        let read = loop {
            match from.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if self.at > 0 {
            self.octets.drain(..self.at.min(self.octets.len()));
            self.at = 0;
        }
        self.octets
            .extend_from_slice(block.get(..read).unwrap_or_default());
        Ok(read)
    }

    fn rest(&self) -> &[u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    fn consume(&mut self, octets: usize) {
        self.at += octets;
        if self.at >= self.octets.len() {
            // A client may wait long before the next command.
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::{Line, MAX_COMMAND};
    use super::Input;

    #[test]
    fn lines_come_whole() {
        let long = vec![b'x'; MAX_COMMAND + 10_000];
        let fits = vec![b'x'; MAX_COMMAND - 1];
        let mut sent = b"LHLO a\r\nRSET\n".to_vec();
        for line in [&fits, &long, &b"QUIT\r".to_vec()] {
            sent.extend_from_slice(line);
            sent.push(b'\n');
        }
        sent.extend_from_slice(b"no end");
        let mut from = sent.as_slice();
        let mut input = Input::default();
        let mut next = || input.line(&mut from).unwrap();
        assert_eq!(next(), Some(Line::Whole(b"LHLO a\r\n".to_vec())));
        assert_eq!(next(), Some(Line::Whole(b"RSET\n".to_vec())));
        assert_eq!(next(), Some(Line::Whole([fits, b"\n".to_vec()].concat())));
        assert_eq!(next(), Some(Line::TooLong));
        assert_eq!(next(), Some(Line::Whole(b"QUIT\r\n".to_vec())));
        assert_eq!(next(), None);
    }
}
