//! How is SMTP spoken on one connection?
//!
//! Commands and replies, no policy. A connection on which a reply could not be read is lost, and
//! nothing more is said on it.

use crate::channel::{Channel, Timed};
use crate::content::Stuffing;
use crate::message::Message;
use crate::reply::{Class, PeerReply, Reader};
use crate::timeouts::Timeouts;
use crate::tls::{self, Tls};
use requiretls_core::delivery::TlsFailure;
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::{EhloReply, MAX_REPLY};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use smtp_proto::{EXT_8BIT_MIME, EhloResponse};
use socket2::SockAddr;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// An open SMTP connection.
#[derive(Debug)]
pub(crate) struct Connection {
    channel: Channel,
    /// Read from the peer, and not yet looked at.
    unread: Vec<u8>,
    /// What the last EHLO offered, as smtp-proto reads it; of what concerns the policy core has a
    /// reading of its own.
    extensions: u32,
    tls: Option<Tls>,
    timeouts: Timeouts,
}

/// The reply to EHLO, or to HELO after it.
#[derive(Debug)]
pub(crate) enum Hello {
    /// For core to judge.
    Read(EhloReply, PeerReply),
    /// Neither EHLO nor HELO was taken; the reply to EHLO as core reads it, and that to HELO.
    Refused(EhloReply, PeerReply),
}

/// The connection is lost, or what came on it is no SMTP.
#[derive(Debug)]
pub(crate) enum Broken {
    Io(io::Error),
    NotSmtp(&'static str),
}

impl Connection {
    pub(crate) fn connect(to: &SockAddr, timeouts: Timeouts) -> io::Result<Self> {
        Ok(Self {
            channel: Channel::Clear(Timed::connect(to, timeouts.connect)?),
            unread: Vec::new(),
            extensions: 0,
            tls: None,
            timeouts,
        })
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(crate) fn offers_8bit(&self) -> bool {
        self.extensions & EXT_8BIT_MIME != 0
    }

    pub(crate) fn greeting(&mut self) -> Result<PeerReply, Broken> {
        self.channel.begin(self.timeouts.greeting);
        self.reply()
    }

    /// EHLO, and HELO where EHLO is answered 5yz; then nothing was offered.
    pub(crate) fn hello(&mut self, name: &str) -> Result<Hello, Broken> {
        self.extensions = 0;
        let reply = self.command(&format!("EHLO {name}"))?;
        let read = EhloReply::parse(reply.raw());
        match reply.class() {
            Class::Positive => {
                if let Ok(offer) = EhloResponse::parse(&mut reply.raw().iter()) {
                    self.extensions = offer.capabilities;
                }
                Ok(Hello::Read(read, reply))
            }
            Class::Transient => Ok(Hello::Read(read, reply)),
            Class::Intermediate => Err(OUT_OF_TURN),
            Class::Permanent => {
                let helo = self.command(&format!("HELO {name}"))?;
                match helo.class() {
                    Class::Positive => Ok(Hello::Read(EhloReply::parse(b""), helo)),
                    Class::Transient | Class::Permanent => Ok(Hello::Refused(read, helo)),
                    Class::Intermediate => Err(OUT_OF_TURN),
                }
            }
        }
    }

    /// A command without its line end, and its reply.
    pub(crate) fn command(&mut self, line: &str) -> Result<PeerReply, Broken> {
        self.command_within(line, self.timeouts.command)
    }

    /// RSET, which nobody should wait for.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.command_within("RSET", self.timeouts.courtesy)
            .is_ok_and(|reply| reply.class() == Class::Positive && !reply.closes())
    }

    /// STARTTLS with another command behind it in the same write, in clear, to see whether the peer
    /// takes the latter for one that came inside TLS. No client that delivers does so.
    pub(crate) fn start_tls_and(&mut self, injected: &str) -> Result<PeerReply, Broken> {
        let both = format!("STARTTLS\r\n{injected}\r\n");
        self.send(both.as_bytes(), self.timeouts.command)?;
        self.reply()
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
            extensions: 0,
            tls: Some(made.tls),
            timeouts: self.timeouts,
        };
        Ok((connection, made.chain))
    }

    /// DATA and its reply.
    pub(crate) fn data(&mut self) -> Result<PeerReply, Broken> {
        self.command_within("DATA", self.timeouts.data)
    }

    /// The message after a 354, and the reply to it.
    pub(crate) fn content(&mut self, message: &Message<'_>) -> Result<PeerReply, Broken> {
        let mut stuffing = Stuffing::new();
        let mut out = Vec::new();
        for block in message.content.chunks(BLOCK) {
            stuffing.push(block, &mut out);
            self.send(&out, self.timeouts.block)?;
            out.clear();
        }
        stuffing.finish(&mut out);
        self.send(&out, self.timeouts.block)?;
        self.channel.begin(self.timeouts.end_of_data);
        self.reply()
    }

    /// QUIT, whatever the peer says to it.
    pub(crate) fn quit(mut self) {
        let _ = self.command_within("QUIT", self.timeouts.courtesy);
        self.channel.close();
    }

    fn command_within(&mut self, line: &str, limit: Duration) -> Result<PeerReply, Broken> {
        if line.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Broken::NotSmtp("a command of more than one line"));
        }
        tracing::trace!(line, "command");
        self.send(format!("{line}\r\n").as_bytes(), limit)?;
        self.reply()
    }

    /// Begins a phase with what is to be sent in it.
    fn send(&mut self, octets: &[u8], limit: Duration) -> Result<(), Broken> {
        self.channel.begin(limit);
        self.channel.write_all(octets).map_err(Broken::Io)?;
        self.channel.flush().map_err(Broken::Io)
    }

    fn reply(&mut self) -> Result<PeerReply, Broken> {
        let mut reader = Reader::default();
        loop {
            let line = self.line()?;
            if let Some(reply) = reader.line(&line).map_err(Broken::NotSmtp)? {
                tracing::trace!(%reply, "reply");
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

/// What is sent of a message in one phase.
const BLOCK: usize = 65_536;
