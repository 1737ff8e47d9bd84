//! One question and one server: datagrams, then a stream when the answer was cut.

use hickory_resolver::proto::op::{Message, MessageType};
use requiretls_core::facts::LookupCause;
use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};

/// What came in.
#[derive(Debug)]
pub(super) enum Heard {
    /// Not yet an answer.
    Nothing,
    /// An answer to the question, whole, and how many octets it had.
    Response(Message, usize),
    /// This server will not answer.
    Failure(LookupCause),
}

/// A socket that never blocks. Every descriptor is closed on exec.
#[derive(Debug)]
pub(super) struct Wire {
    server: SocketAddr,
    socket: Carrier,
    /// What it comes to when nothing more is heard.
    failure: LookupCause,
}

#[derive(Debug)]
enum Carrier {
    Udp(UdpSocket),
    Tcp {
        stream: TcpStream,
        unsent: Vec<u8>,
        received: Vec<u8>,
    },
}

impl Wire {
    /// Sends a datagram.
    pub(super) fn udp(server: SocketAddr, query: &Message) -> Result<Self, LookupCause> {
        let bytes = query.to_vec().map_err(|_| LookupCause::Malformed)?;
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let sent = || -> io::Result<UdpSocket> {
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            socket.connect(server)?;
            socket.send(&bytes)?;
            Ok(socket)
        };
        Ok(Self {
            server,
            socket: Carrier::Udp(sent().map_err(|_| LookupCause::Timeout)?),
            failure: LookupCause::Timeout,
        })
    }

    /// What to wait for.
    pub(super) fn descriptor(&self) -> PollFd<'_> {
        match &self.socket {
            Carrier::Udp(socket) => PollFd::new(socket, PollFlags::IN),
            Carrier::Tcp { stream, unsent, .. } if unsent.is_empty() => {
                PollFd::new(stream, PollFlags::IN)
            }
            Carrier::Tcp { stream, .. } => PollFd::new(stream, PollFlags::OUT),
        }
    }

    /// Why there is no answer, when the time is over.
    pub(super) fn failure(&self) -> LookupCause {
        self.failure
    }

    /// Reads or writes what can be without waiting.
    pub(super) fn proceed(&mut self, query: &Message) -> Heard {
        match &mut self.socket {
            Carrier::Udp(socket) => {
                let heard = datagrams(socket, query, &mut self.failure);
                match heard {
                    Heard::Response(message, _) if message.metadata.truncation => {
                        match connect(self.server, query) {
                            Ok(carrier) => self.socket = carrier,
                            Err(_) => return Heard::Failure(LookupCause::Timeout),
                        }
                        self.failure = LookupCause::Timeout;
                        Heard::Nothing
                    }
                    heard => heard,
                }
            }
            Carrier::Tcp {
                stream,
                unsent,
                received,
            } => match exchange(stream, unsent, received) {
                Ok(None) => Heard::Nothing,
                Ok(Some(bytes)) => match Message::from_vec(&bytes) {
                    Ok(m) if answers(&m, query) && !m.metadata.truncation => {
                        Heard::Response(m, bytes.len())
                    }
                    _ => Heard::Failure(LookupCause::Malformed),
                },
                Err(_) => Heard::Failure(LookupCause::Timeout),
            },
        }
    }
}

/// The first datagram that answers.
fn datagrams(socket: &UdpSocket, query: &Message, failure: &mut LookupCause) -> Heard {
    let mut buffer = [0; 4096];
    for _ in 0..MOST_AT_ONCE {
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Heard::Nothing,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return Heard::Failure(*failure), // ECONNREFUSED: nobody listens
        };
        match buffer.get(..length).map(Message::from_vec) {
            Some(Ok(message)) if answers(&message, query) => {
                return Heard::Response(message, length);
            }
            Some(Ok(_)) | None => {}
            Some(Err(_)) => *failure = LookupCause::Malformed,
        }
    }
    Heard::Nothing
}

/// Of one question's datagrams, before the others have their turn.
const MOST_AT_ONCE: usize = 16;

/// Begins to connect; the query is sent as soon as that is done.
fn connect(server: SocketAddr, query: &Message) -> io::Result<Carrier> {
    let bytes = query.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let domain = Domain::for_address(server);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&server.into()) {
        Ok(()) => {}
        Err(e) if is_under_way(&e) => {}
        Err(e) => return Err(e),
    }
    Ok(Carrier::Tcp {
        stream: socket.into(),
        unsent: [&length.to_be_bytes(), bytes.as_slice()].concat(),
        received: Vec::new(),
    })
}

/// Sends what is unsent, then receives; the message without its length, when it is whole.
fn exchange(
    stream: &mut TcpStream,
    unsent: &mut Vec<u8>,
    received: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => drop(unsent.drain(..n.min(unsent.len()))),
            Err(e) if is_under_way(&e) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    let mut buffer = [0; 4096];
    loop {
        if let Some((length, message)) = received.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            if let Some(message) = message.get(..length) {
                return Ok(Some(message.to_vec()));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => received.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(e) if is_under_way(&e) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
}

fn answers(message: &Message, query: &Message) -> bool {
    message.metadata.id == query.metadata.id
        && message.metadata.message_type == MessageType::Response
        && message.metadata.op_code == query.metadata.op_code
        && message.queries == query.queries
}

/// Nothing to be done now; poll(2) says when.
fn is_under_way(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}
