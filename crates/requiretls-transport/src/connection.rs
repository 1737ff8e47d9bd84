//! How is SMTP spoken on one connection?
//!
//! Commands and replies, no policy. A connection on which a reply could not be read, or whose peer
//! has said that it leaves, is lost, and nothing more is said on it.

use crate::channel::{Channel, Timed};
use crate::content::Content;
use crate::extensions::Extensions;
use crate::pool::Permit;
use crate::reply::{PeerReply, Reader};
use crate::stuffing::Stuffing;
use crate::timeouts::{Timeouts, deadline};
use crate::tls::{self, Tls};
use requiretls_core::delivery::TlsFailure;
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::MAX_REPLY;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use socket2::SockAddr;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An open SMTP connection.
#[derive(Debug)]
pub(crate) struct Connection {
    channel: Channel,
    /// Read from the peer, and not yet looked at.
    unread: Vec<u8>,
    extensions: Extensions,
    tls: Option<Tls>,
    timeouts: Timeouts,
    opened: Instant,
    /// How many messages were begun on it.
    messages: usize,
    /// A MAIL was said that no message has ended: RSET comes before the next one.
    mail_open: bool,
    lost: bool,
    /// The place that it takes among those to its host.
    _permit: Option<Arc<Permit>>,
}

/// The connection is lost, or what came on it is no SMTP.
#[derive(Debug)]
pub(crate) enum Broken {
    Io(io::Error),
    NotSmtp(&'static str),
}

/// Why there is no reply to a message.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Its end was not sent: the peer cannot have taken it.
    Unfinished(Broken),
    /// Its end was sent, or may have been: the peer may have taken it (RFC 1047).
    Unknown(Broken),
}

impl Connection {
    pub(crate) fn connect(
        to: &SockAddr,
        from: Option<IpAddr>,
        timeouts: Timeouts,
        until: Option<Instant>,
        permit: Option<Arc<Permit>>,
    ) -> io::Result<Self> {
        Ok(Self {
            channel: Channel::Clear(Timed::connect(to, from, timeouts.connect, until)?),
            unread: Vec::new(),
            extensions: Extensions::default(),
            tls: None,
            timeouts,
            opened: Instant::now(),
            messages: 0,
            mail_open: false,
            lost: false,
            _permit: permit,
        })
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// What the last EHLO offered.
    pub(crate) fn extensions(&self) -> Extensions {
        self.extensions
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Whether RSET has to come before the next MAIL.
    pub(crate) fn is_mail_open(&self) -> bool {
        self.mail_open
    }

    /// A MAIL is about to be said.
    pub(crate) fn begin_message(&mut self) {
        self.messages = self.messages.saturating_add(1);
        self.mail_open = true;
    }

    /// Nothing more is to be said on it.
    pub(crate) fn give_up(&mut self) {
        self.lost = true;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Ends all phases by this time, but for the one that it would leave in doubt: the end of a
    /// message and the reply to it.
    pub(crate) fn ends_by(&mut self, until: Option<Instant>) {
        self.channel.ends_by(until);
    }

    /// Whether the peer, to which nothing is being said, has kept silent and not closed.
    pub(crate) fn is_quiet(&mut self) -> bool {
        !self.lost && self.unread.is_empty() && self.channel.is_quiet()
    }

    pub(crate) fn greeting(&mut self) -> Result<PeerReply, Broken> {
        self.reply(self.timeouts.greeting)
    }

    /// EHLO; what it offers counts from here on.
    pub(crate) fn ehlo(&mut self, name: &str) -> Result<PeerReply, Broken> {
        self.extensions = Extensions::default();
        let reply = self.command(&format!("EHLO {name}"))?;
        if reply.is_positive() {
            self.extensions = Extensions::read(reply.raw());
        }
        Ok(reply)
    }

    /// A command without its line end, and its reply.
    pub(crate) fn command(&mut self, line: &str) -> Result<PeerReply, Broken> {
        self.say(&[line], self.timeouts.command)?;
        self.reply(self.timeouts.command)
    }

    /// STARTTLS with another command behind it in the same write, in clear, to see whether the peer
    /// takes the latter for one that came inside TLS. No client that delivers does so.
    pub(crate) fn start_tls_and(&mut self, injected: &str) -> Result<PeerReply, Broken> {
        let both = format!("STARTTLS\r\n{injected}\r\n");
        self.send(both.as_bytes(), self.timeouts.command)?;
        self.reply(self.timeouts.command)
    }

    /// The handshake, after a 220. Octets that came in clear behind the 220 would count as replies
    /// inside TLS: there is no TLS then.
    pub(crate) fn start_tls(
        self,
        config: &Arc<ClientConfig>,
        name: Option<&Domain>,
    ) -> Result<(Self, Vec<CertificateDer<'static>>), (TlsFailure, String)> {
        if !self.unread.is_empty() {
            let cause = "clear text followed the reply to STARTTLS".to_owned();
            return Err((TlsFailure::Rejected, cause));
        }
        let Channel::Clear(mut socket) = self.channel else {
            return Err((TlsFailure::Rejected, "TLS inside TLS".to_owned()));
        };
        socket.begin(self.timeouts.handshake);
        let made = tls::handshake(config, name, socket)?;
        let connection = Self {
            channel: made.channel,
            unread: Vec::new(),
            extensions: Extensions::default(),
            tls: Some(made.tls),
            ..self
        };
        Ok((connection, made.chain))
    }

    /// Commands without their line ends, in one write.
    pub(crate) fn say(&mut self, lines: &[impl AsRef<str>], limit: Duration) -> Result<(), Broken> {
        let mut octets = Vec::new();
        for line in lines.iter().map(AsRef::as_ref) {
            if line.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
                return self.breaks(Broken::NotSmtp("a command of more than one line"));
            }
            tracing::trace!(line, "command");
            octets.extend_from_slice(line.as_bytes());
            octets.extend_from_slice(b"\r\n");
        }
        self.send(&octets, limit)
    }

    /// The next reply.
    pub(crate) fn reply(&mut self, limit: Duration) -> Result<PeerReply, Broken> {
        self.channel.begin(limit);
        match self.read_reply() {
            Ok(reply) => {
                tracing::trace!(%reply, "reply");
                self.lost |= reply.closes();
                Ok(reply)
            }
            Err(broken) => self.breaks(broken),
        }
    }

    /// The message after a 354, and the reply to it.
    pub(crate) fn data(&mut self, content: &Content) -> Result<PeerReply, Unanswered> {
        self.stream(content, Stuffing::dotted(), Vec::new())
    }

    /// The message as one chunk, and the reply to it (RFC 3030).
    pub(crate) fn bdat(&mut self, content: &Content) -> Result<PeerReply, Unanswered> {
        let command = format!("BDAT {} LAST\r\n", content.sent_len());
        tracing::trace!(line = command.trim_end(), "command");
        self.stream(content, Stuffing::plain(), command.into_bytes())
    }

    /// The end of a message for nobody, where a 354 came although no recipient was taken
    /// (RFC 2920 section 3.1).
    pub(crate) fn nothing(&mut self) -> Result<PeerReply, Broken> {
        self.send(b".\r\n", self.timeouts.block)?;
        self.reply(self.timeouts.end_of_data)
    }

    /// QUIT, whatever the peer says to it.
    pub(crate) fn quit(self) {
        Self::quit_all([self]);
    }

    /// QUIT to many, who take no longer together than one would.
    pub(crate) fn quit_all(all: impl IntoIterator<Item = Self>) {
        let all = all.into_iter().filter_map(|mut connection| {
            let limit = connection.timeouts.courtesy;
            let said = !connection.lost && connection.say(&["QUIT"], limit).is_ok();
            said.then(|| (deadline(limit), connection))
        });
        // All have been told before the first is waited for.
        for (deadline, mut connection) in all.collect::<Vec<_>>() {
            let _ = connection.reply(deadline.saturating_duration_since(Instant::now()));
            connection.channel.close();
        }
    }

    /// Block by block, so that it is never wholly in memory. The last block is held back until it is
    /// known to be the last: once it is being sent, nobody knows what the peer has.
    fn stream(
        &mut self,
        content: &Content,
        mut stuffing: Stuffing,
        mut out: Vec<u8>,
    ) -> Result<PeerReply, Unanswered> {
        let (mut block, mut reader) = (vec![0; BLOCK], content.reader());
        loop {
            let read = match reader.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(read) => read,
                Err(error) => {
                    self.lost = true;
                    return Err(Unanswered::Unfinished(Broken::Io(error)));
                }
            };
            let Some(read) = block.get(..read).filter(|read| !read.is_empty()) else {
                break;
            };
            if !out.is_empty() {
                self.send(&out, self.timeouts.block)
                    .map_err(Unanswered::Unfinished)?;
                out.clear();
            }
            stuffing.push(read, &mut out);
        }
        stuffing.finish(&mut out);
        self.ends_by(None);
        self.send(&out, self.timeouts.block)
            .and_then(|()| self.reply(self.timeouts.end_of_data))
            .inspect(|reply| self.mail_open = !reply.is_positive())
            .map_err(Unanswered::Unknown)
    }

    /// Begins a phase with what is to be sent in it.
    fn send(&mut self, octets: &[u8], limit: Duration) -> Result<(), Broken> {
        self.channel.begin(limit);
        let sent = self.channel.write_all(octets);
        match sent.and_then(|()| self.channel.flush()) {
            Ok(()) => Ok(()),
            Err(error) => self.breaks(Broken::Io(error)),
        }
    }

    fn breaks<T>(&mut self, broken: Broken) -> Result<T, Broken> {
        self.lost = true;
        Err(broken)
    }

    fn read_reply(&mut self) -> Result<PeerReply, Broken> {
        let mut reader = Reader::default();
        loop {
            let line = self.line()?;
            if let Some(reply) = reader.line(&line).map_err(Broken::NotSmtp)? {
                return Ok(reply);
            }
        }
    }

    /// One line with its line end.
    fn line(&mut self) -> Result<Vec<u8>, Broken> {
        let mut looked_at = 0;
        loop {
            let new = self.unread.iter().skip(looked_at);
            if let Some(end) = new.clone().position(|b| *b == b'\n') {
                let rest = self.unread.split_off(looked_at + end + 1);
                return Ok(std::mem::replace(&mut self.unread, rest));
            }
            looked_at = self.unread.len();
            if looked_at > MAX_REPLY {
                return Err(Broken::NotSmtp("a line that does not end"));
            }
            let mut block = [0; 4_096];
            let read = match self.channel.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::Io(error)),
                Ok(0) => return Err(Broken::Io(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => read,
            };
            self.unread.extend(block.iter().take(read));
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::TimedOut => f.write_str("timed out"),
            Self::Io(error) => error.fmt(f),
            Self::NotSmtp(what) => f.write_str(what),
        }
    }
}

/// A reply of a class that the command does not have.
pub(crate) const OUT_OF_TURN: Broken = Broken::NotSmtp("a reply that the command does not have");

/// What is read of a message and sent at once: two TLS records' worth.
const BLOCK: usize = 32_768;
