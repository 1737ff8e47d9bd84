//! How does a request get to a policy host?
//!
//! ureq speaks HTTP; the connection under it is ours, for three reasons. Every read and write ends
//! with the one deadline, handshake included. Certificates are judged by our clock. And a
//! connection that breaks without the end of TLS is an error: a body without a length would
//! otherwise be taken as whole where an attacker cut it (RFC 8446 section 6.1).

use crate::clock::Clock;
use crate::deadline::Deadline;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Connects ureq.
#[derive(Debug)]
pub(super) struct Connect {
    pub(super) deadline: Deadline,
    pub(super) tls: Arc<ClientConfig>,
}

/// TLS with these roots, no session kept, certificates judged by this clock.
pub(super) fn tls(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
    clock: Clock,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_details(Arc::clone(provider), Arc::new(Time(clock)));
    let mut tls = builder
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.resumption = rustls::client::Resumption::disabled();
    Ok(tls)
}

impl Connector for Connect {
    type Out = Https;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<Https>, ureq::Error> {
        let host = details.uri.host().unwrap_or_default().to_owned();
        let name = ServerName::try_from(host).map_err(|_| ureq::Error::HostNotFound)?;
        let wire = Wire {
            stream: self.reach(&details.addrs)?,
            deadline: self.deadline,
        };
        let connection = ClientConnection::new(Arc::clone(&self.tls), name)?;
        let mut stream = StreamOwned::new(connection, wire);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let config = details.config;
        Ok(Some(Https {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream,
        }))
    }
}

impl Connect {
    /// The first address that answers; each but the last may take half of the time left.
    fn reach(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
        for (n, address) in addresses.iter().enumerate() {
            let last = n + 1 == addresses.len();
            let deadline = if last {
                self.deadline
            } else {
                self.deadline.half()
            };
            match TcpStream::connect_timeout(address, left(&deadline)?) {
                Ok(stream) => return Ok(stream),
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }
}

/// HTTPS as ureq wants it.
#[derive(Debug)]
pub(super) struct Https {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, Wire>,
}

impl Transport for Https {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input).map_err(|e| match e.kind() {
            // ureq would take these for the end of the body.
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset => {
                io::Error::new(ErrorKind::BrokenPipe, "the connection broke before its end")
            }
            _ => e,
        })?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        false // used once
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// A socket whose every wait ends with the deadline.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    deadline: Deadline,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(left(&self.deadline)?))?;
            match self.stream.read(buffer) {
                Err(e) if is_only_a_pause(&e) => {}
                done => return done,
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            self.stream.set_write_timeout(Some(left(&self.deadline)?))?;
            match self.stream.write(buffer) {
                Err(e) if is_only_a_pause(&e) => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Our clock, for rustls; an unset one is none.
#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let now = self.0.now().ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now)))
    }
}

fn left(deadline: &Deadline) -> io::Result<Duration> {
    deadline.left().ok_or_else(|| ErrorKind::TimedOut.into())
}

/// A signal, or the timeout: whether the time is over is for the deadline to say.
fn is_only_a_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::TimedOut | ErrorKind::WouldBlock
    )
}
