//! Asks one question.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use requiretls_testbed::proto::op::{Edns, Message, OpCode, Query};
use requiretls_testbed::proto::rr::{Name, RecordType};

/// How long a test waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A question in a recursive query with AD and DO.
pub(crate) fn query(name: &str, kind: RecordType) -> Message {
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Query;
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = true;
    message.add_query(Query::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    edns.set_dnssec_ok(true);
    message.set_edns(edns);
    message
}

/// Over UDP, and over TCP what was truncated.
pub(crate) fn ask(server: SocketAddr, query: &Message) -> Message {
    let answer = ask_udp(server, query, PATIENCE)
        .unwrap_or_else(|| panic!("no answer over UDP to {}", query.queries[0]));
    if answer.metadata.truncation {
        ask_tcp(server, query)
    } else {
        answer
    }
}

/// `None` when nothing comes, or no message.
pub(crate) fn ask_udp(server: SocketAddr, query: &Message, wait: Duration) -> Option<Message> {
    let udp = UdpSocket::bind(SocketAddr::new(server.ip(), 0)).unwrap();
    udp.set_read_timeout(Some(wait)).unwrap();
    udp.send_to(&query.to_vec().unwrap(), server).unwrap();
    let mut buffer = [0; 4096];
    let (length, _) = udp.recv_from(&mut buffer).ok()?;
    Message::from_vec(&buffer[..length]).ok()
}

pub(crate) fn ask_tcp(server: SocketAddr, query: &Message) -> Message {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let octets = query.to_vec().unwrap();
    let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
    stream
        .write_all(&[length.to_vec(), octets].concat())
        .unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    Message::from_vec(&answer).unwrap()
}
