//! How do octets reach the peer before the deadline?
//!
//! One socket, in clear or inside TLS. Each read and write waits no longer than what is left of
//! the phase, so that a peer that drips gains nothing.

use crate::timeouts::deadline;
use rustls::{ClientConnection, StreamOwned};
use socket2::{SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// A connection to a peer.
#[derive(Debug)]
pub(crate) enum Channel {
    /// In clear.
    Clear(Timed),
    /// Inside TLS.
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// A socket whose operations end with the phase.
#[derive(Debug)]
pub(crate) struct Timed {
    socket: Socket,
    deadline: Instant,
}

impl Channel {
    /// Begins a phase.
    pub(crate) fn begin(&mut self, limit: Duration) {
        let timed = match self {
            Self::Clear(timed) => timed,
            Self::Tls(stream) => &mut stream.sock,
        };
        timed.begin(limit);
    }

    /// Tells the peer that nothing more will come; best effort.
    pub(crate) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }
}

impl Read for Channel {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(timed) => timed.read(buf),
            Self::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(timed) => timed.write(buf),
            Self::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(timed) => timed.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Timed {
    pub(crate) fn connect(to: &SockAddr, limit: Duration) -> io::Result<Self> {
        let socket = Socket::new(to.domain(), Type::STREAM, None)?;
        let deadline = deadline(limit);
        socket.connect_timeout(to, limit.max(SHORTEST))?;
        if !to.is_unix() {
            socket.set_tcp_nodelay(true)?;
        }
        Ok(Self { socket, deadline })
    }

    pub(crate) fn begin(&mut self, limit: Duration) {
        self.deadline = deadline(limit);
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Zero would mean no limit at all.
        Ok(left.max(SHORTEST))
    }
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(buf).map_err(timed_out)
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(buf).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SHORTEST: Duration = Duration::from_millis(1);

/// What a socket's own timeout is reported as differs from system to system.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
