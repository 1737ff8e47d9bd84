//! How do octets come from the client and go to it?
//!
//! A socket, or the two ends that a mail server gave the program as standard input and output. Each
//! wait has an end, and one for a command also ends when the program is about to. Nothing is read
//! into memory before there is something to read: a thousand clients may wait at once.

use super::drain::{Drain, Waited};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustls::{ProtocolVersion, ServerConnection};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// The two directions of a connection.
#[derive(Debug)]
pub(super) enum Ends {
    /// Both are one socket.
    Socket(OwnedFd),
    /// Standard input and output, or a pair like it.
    Pair { input: OwnedFd, output: OwnedFd },
}

/// A connection in clear whose waits end.
#[derive(Debug)]
pub(super) struct Wire {
    ends: Ends,
    drain: Drain,
    /// Whether the drain ends a wait for more.
    minds_drain: bool,
    read_limit: Duration,
    write_limit: Duration,
}

/// In clear or inside TLS.
#[derive(Debug)]
pub(super) struct Stream {
    wire: Wire,
    tls: Option<Box<ServerConnection>>,
}

/// The program is about to end, and nothing was under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drained;

impl Wire {
    pub(super) fn new(ends: Ends, drain: Drain, write_limit: Duration) -> Self {
        Self {
            ends,
            drain,
            minds_drain: false,
            read_limit: write_limit,
            write_limit,
        }
    }

    fn input(&self) -> BorrowedFd<'_> {
        match &self.ends {
            Ends::Socket(socket) => socket.as_fd(),
            Ends::Pair { input, .. } => input.as_fd(),
        }
    }

    fn output(&self) -> BorrowedFd<'_> {
        match &self.ends {
            Ends::Socket(socket) => socket.as_fd(),
            Ends::Pair { output, .. } => output.as_fd(),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let until = Instant::now().checked_add(self.read_limit);
        loop {
            let input = self.input();
            let wait = self
                .drain
                .wait_for(input, PollFlags::IN, self.minds_drain, until);
            match wait? {
                Waited::Ready => {}
                Waited::Drained => return Err(io::Error::other(Drained)),
                Waited::TimedOut => return Err(io::ErrorKind::TimedOut.into()),
            }
            match rustix::io::read(self.input(), &mut *buf) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                read => return Ok(read?),
            }
        }
    }
}

impl Write for Wire {
    /// Standard output may be blocking, and stays so since others have it too: a pipe that is ready
    /// takes so many octets at once (`PIPE_BUF`).
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let until = Instant::now().checked_add(self.write_limit);
        let block = buf.get(..MAX_WRITE).unwrap_or(buf);
        loop {
            let output = self.output();
            match self.drain.wait_for(output, PollFlags::OUT, false, until)? {
                Waited::Ready => {}
                Waited::Drained | Waited::TimedOut => return Err(io::ErrorKind::TimedOut.into()),
            }
            match rustix::io::write(self.output(), block) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, tls: None }
    }

    /// How long the next reads wait, and whether the drain ends them.
    pub(super) fn patience(&mut self, limit: Duration, minds_drain: bool) {
        self.wire.read_limit = limit;
        self.wire.minds_drain = minds_drain;
    }

    /// The handshake; from here on it is inside TLS or lost, with nobody to tell why.
    pub(super) fn shake_hands(&mut self, tls: ServerConnection) -> io::Result<()> {
        let tls = self.tls.insert(Box::new(tls));
        while tls.is_handshaking() {
            tls.complete_io(&mut self.wire)
                .map_err(|error| io::Error::other(format!("no TLS: {error}")))?;
        }
        Ok(())
    }

    /// Tells the client that nothing more will come; best effort.
    pub(super) fn close(&mut self) {
        if let Some(tls) = &mut self.tls
            && !tls.is_handshaking()
        {
            tls.send_close_notify();
            let _ = self.flush();
        }
    }

    /// "TLSv1.3"; `none` in clear.
    pub(super) fn protocol(&self) -> &'static str {
        match self.tls.as_ref().map(|tls| tls.protocol_version()) {
            None => "none",
            Some(Some(ProtocolVersion::TLSv1_3)) => "TLSv1.3",
            Some(Some(ProtocolVersion::TLSv1_2)) => "TLSv1.2",
            Some(_) => "unknown",
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.wire.read(buf),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.wire).read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.wire.write(buf),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.wire).write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => self.wire.flush(),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.wire).flush(),
        }
    }
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program is about to end")
    }
}

impl std::error::Error for Drained {}

const MAX_WRITE: usize = 4_096;
