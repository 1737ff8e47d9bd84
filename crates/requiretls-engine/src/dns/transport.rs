//! How does one question get to a name server and back?
//!
//! Blocking UDP from a port that the kernel draws, TCP when the answer was cut. A datagram counts
//! when it came from the server asked (the socket is connected), carries the id and repeats the
//! question; anything else is waited past, as if it had not come (RFC 5452 section 9.1).

use crate::deadline::Deadline;
use hickory_resolver::proto::op::{Message, MessageType};
use requiretls_core::facts::LookupCause;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};

/// Asks one server.
pub(super) fn exchange(
    server: SocketAddr,
    query: &Message,
    deadline: &Deadline,
) -> Result<Message, LookupCause> {
    let bytes = query.to_vec().map_err(|_| LookupCause::Malformed)?;
    let response = over_udp(server, query, &bytes, deadline)?;
    if response.metadata.truncation {
        return over_tcp(server, query, &bytes, deadline);
    }
    Ok(response)
}

fn over_udp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
    deadline: &Deadline,
) -> Result<Message, LookupCause> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).map_err(|_| LookupCause::Timeout)?;
    socket.connect(server).map_err(|_| LookupCause::Timeout)?;
    socket.send(bytes).map_err(|_| LookupCause::Timeout)?;
    let mut buffer = [0; 4096];
    let mut failure = LookupCause::Timeout;
    loop {
        let Some(left) = deadline.left() else {
            return Err(failure);
        };
        socket
            .set_read_timeout(Some(left))
            .map_err(|_| LookupCause::Timeout)?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(e) if is_only_a_pause(&e) => continue,
            Err(_) => return Err(failure), // ECONNREFUSED: nobody listens
        };
        match buffer.get(..length).map(Message::from_vec) {
            Some(Ok(message)) if answers(&message, query) => return Ok(message),
            Some(Ok(_)) | None => {}
            Some(Err(_)) => failure = LookupCause::Malformed,
        }
    }
}

fn over_tcp(
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
    deadline: &Deadline,
) -> Result<Message, LookupCause> {
    let length = u16::try_from(bytes.len()).map_err(|_| LookupCause::Malformed)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    let bytes = (|| {
        let left = deadline.left().ok_or(ErrorKind::TimedOut)?;
        let mut stream = TcpStream::connect_timeout(&server, left)?;
        stream.set_write_timeout(deadline.left())?;
        stream.write_all(&framed)?;
        let mut length = [0; 2];
        read_exact(&mut stream, &mut length, deadline)?;
        let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
        read_exact(&mut stream, &mut response, deadline)?;
        Ok::<_, io::Error>(response)
    })()
    .map_err(|_| LookupCause::Timeout)?;
    match Message::from_vec(&bytes) {
        Ok(message) if answers(&message, query) && !message.metadata.truncation => Ok(message),
        _ => Err(LookupCause::Malformed),
    }
}

/// `Read::read_exact` with one deadline over all its parts.
fn read_exact(
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    deadline: &Deadline,
) -> io::Result<()> {
    while !buffer.is_empty() {
        let left = deadline.left().ok_or(ErrorKind::TimedOut)?;
        stream.set_read_timeout(Some(left))?;
        match stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => buffer = buffer.get_mut(n..).unwrap_or_default(),
            Err(e) if is_only_a_pause(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn answers(message: &Message, query: &Message) -> bool {
    message.metadata.id == query.metadata.id
        && message.metadata.message_type == MessageType::Response
        && message.metadata.op_code == query.metadata.op_code
        && message.queries == query.queries
}

/// A signal, or the read timeout: whether the time is over is for the deadline to say.
fn is_only_a_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::TimedOut | ErrorKind::WouldBlock
    )
}
