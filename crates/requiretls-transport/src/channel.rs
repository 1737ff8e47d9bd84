//! How do octets reach the peer before the deadline?
//!
//! One socket, in clear or inside TLS. Each read and write waits no longer than what is left of
//! the phase, so that a peer that drips gains nothing.

use crate::timeouts::deadline;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use rustls::{ClientConnection, StreamOwned};
use socket2::{SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// A connection to a peer.
#[derive(Debug)]
pub(crate) enum Channel {
    /// In clear.
    Clear(Timed),
    /// Inside TLS.
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// A socket whose operations end with the phase. It never blocks by itself: what is there at once
/// costs no look at the clock, and the rest is waited for by `poll`.
#[derive(Debug)]
pub(crate) struct Timed {
    socket: Socket,
    deadline: Instant,
    /// No phase goes on beyond it.
    until: Option<Instant>,
}

impl Channel {
    /// Begins a phase.
    pub(crate) fn begin(&mut self, limit: Duration) {
        self.timed().begin(limit);
    }

    /// Ends all phases that begin from here on at this time, whatever their own limits.
    pub(crate) fn ends_by(&mut self, until: Option<Instant>) {
        self.timed().until = until;
    }

    /// Whether the peer has neither said anything nor closed. Inside TLS whatever has come counts
    /// as said: a connection that is taken for dead costs a new one and nothing else.
    pub(crate) fn is_quiet(&mut self) -> bool {
        if let Self::Tls(stream) = self {
            let state = stream.conn.process_new_packets();
            if state.is_ok_and(|state| state.plaintext_bytes_to_read() > 0) {
                return false;
            }
        }
        let read = recv(
            &self.timed().socket,
            &mut [0; 1],
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        );
        read.is_err_and(|error| error == rustix::io::Errno::AGAIN)
    }

    /// Tells the peer that nothing more will come; best effort.
    pub(crate) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }

    fn timed(&mut self) -> &mut Timed {
        match self {
            Self::Clear(timed) => timed,
            Self::Tls(stream) => &mut stream.sock,
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
    /// Connects, from this address where one is given.
    pub(crate) fn connect(
        to: &SockAddr,
        from: Option<IpAddr>,
        limit: Duration,
        until: Option<Instant>,
    ) -> io::Result<Self> {
        let socket = Socket::new(to.domain(), Type::STREAM, None)?;
        let deadline = earlier(deadline(limit), until);
        let limit = deadline.saturating_duration_since(Instant::now());
        if let Some(from) = from {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        socket.connect_timeout(to, limit.max(SHORTEST))?;
        if !to.is_unix() {
            socket.set_tcp_nodelay(true)?;
        }
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            deadline,
            until,
        })
    }

    pub(crate) fn begin(&mut self, limit: Duration) {
        self.deadline = earlier(deadline(limit), self.until);
    }

    /// Until the socket is ready, or the phase is over.
    fn wait(&self, wanted: PollFlags) -> io::Result<()> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.socket, wanted)], left.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait(PollFlags::IN)?;
            match self.socket.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.write(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT)?;
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn earlier(deadline: Instant, until: Option<Instant>) -> Instant {
    until.map_or(deadline, |until| deadline.min(until))
}

const SHORTEST: Duration = Duration::from_millis(1);
