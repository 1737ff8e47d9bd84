//! Who answers questions, and what was asked?
//!
//! One server for all zones of a world, over UDP and TCP, at every address it is given. With RD it
//! answers as a validating resolver does, without it as the authority of its zones.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::RecordType;

use crate::clock::Clock;
use crate::dns_message::{Service, Transport};
use crate::fault::{Faults, locked};
use crate::sign::sign;
use crate::stop::Stop;
use crate::truth::Knowledge;
use crate::zone::{Zone, ZoneError};

/// What a [`DnsWorld`] is made of.
#[derive(Clone, Debug, Default)]
pub struct DnsWorldSpec {
    /// The zones, in any order. A root is added when there is none. Zones delegate to those below them.
    pub zones: Vec<Zone>,
    /// Where to listen: one or more. Port 0 takes a free port, the same for all that say so.
    pub addresses: Vec<SocketAddr>,
    /// The time it is there.
    pub clock: Clock,
}

/// Running name servers; they end when this is dropped.
#[derive(Debug)]
pub struct DnsWorld {
    address: SocketAddr,
    addresses: Vec<SocketAddr>,
    trust_anchor: String,
    service: Arc<Service>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// A question that was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The name in lower case, without its final dot.
    pub name: String,
    /// The type.
    pub record_type: RecordType,
    /// Whether it came over TCP.
    pub tcp: bool,
    /// When it came.
    pub at: Instant,
}

impl DnsWorld {
    /// Signs the zones and begins to answer.
    ///
    /// # Errors
    /// Two zones have the same name, or an address cannot be had.
    pub fn start(spec: DnsWorldSpec) -> Result<Self, DnsError> {
        let sockets = bind(&spec.addresses).map_err(DnsError::Address)?;
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(address, _, _)| *address).collect();
        let Some(address) = addresses.first().copied() else {
            let none = io::Error::new(ErrorKind::InvalidInput, "none was given");
            return Err(DnsError::Address(none));
        };
        let hosts: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
        let now = spec.clock.now();
        let (tree, trust_anchor) = sign(spec.zones, &hosts, now).map_err(DnsError::Zone)?;
        let service = Arc::new(Service::new(Knowledge {
            tree,
            faults: Arc::default(),
            clock: spec.clock,
        }));
        let shared: Arc<Shared> = Arc::default();
        let mut threads = Vec::new();
        for (address, udp, tcp) in sockets {
            let (ours, theirs) = (Arc::clone(&service), Arc::clone(&shared));
            let udp = Arc::new(udp);
            threads.push(thread::spawn(move || {
                serve_udp(&ours, &theirs, &udp, address);
            }));
            let (ours, theirs) = (Arc::clone(&service), Arc::clone(&shared));
            threads.push(thread::spawn(move || {
                serve_tcp(&ours, &theirs, &tcp, address);
            }));
        }
        Ok(Self {
            address,
            addresses,
            trust_anchor,
            service,
            shared,
            threads,
        })
    }

    /// The first of its addresses.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All of its addresses, in the order they were given.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The root's keys as DNSKEY records in the form of a zone file.
    #[must_use]
    pub fn trust_anchor(&self) -> &str {
        &self.trust_anchor
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.service.faults()
    }

    /// What was asked so far, in order.
    #[must_use]
    pub fn questions(&self) -> Vec<Asked> {
        self.service.questions()
    }
}

impl Drop for DnsWorld {
    fn drop(&mut self) {
        self.shared.stop.now();
        for address in &self.addresses {
            // A packet and a connection wake the threads that wait for one. If they fail, nobody waits.
            let any = SocketAddr::new(address.ip(), 0);
            drop(UdpSocket::bind(any).and_then(|udp| udp.send_to(&[], address)));
            drop(TcpStream::connect(address));
        }
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
        let late = std::mem::take(&mut *locked(&self.shared.threads));
        for (thread, connection) in late {
            if let Some(connection) = connection {
                drop(connection.shutdown(Shutdown::Both));
            }
            drop(thread.join());
        }
    }
}

impl fmt::Display for Asked {
    /// As in `MX example.test`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.record_type, self.name)
    }
}

/// Why a world does not start.
#[derive(Debug)]
pub enum DnsError {
    /// An address cannot be had.
    Address(std::io::Error),
    /// A zone is wrong.
    Zone(ZoneError),
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "the name server has no address: {error}"),
            Self::Zone(error) => write!(f, "a zone is wrong: {error}"),
        }
    }
}

impl std::error::Error for DnsError {}

/// What the threads of a world have in common.
#[derive(Debug, Default)]
struct Shared {
    stop: Stop,
    /// Connections and late answers.
    threads: Mutex<Vec<(JoinHandle<()>, Option<TcpStream>)>>,
}

impl Shared {
    fn keep(&self, thread: JoinHandle<()>, connection: Option<TcpStream>) {
        let mut threads = locked(&self.threads);
        threads.retain(|(thread, _)| !thread.is_finished());
        threads.push((thread, connection));
    }
}

type Sockets = Vec<(SocketAddr, UdpSocket, TcpListener)>;

fn bind(addresses: &[SocketAddr]) -> io::Result<Sockets> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match bind_all(addresses) {
            // The port that was free for the first socket need not be so for the others.
            Err(error)
                if error.kind() == ErrorKind::AddrInUse
                    && attempt < 50
                    && addresses.iter().any(|address| address.port() == 0) => {}
            result => return result,
        }
    }
}

fn bind_all(addresses: &[SocketAddr]) -> io::Result<Sockets> {
    let mut sockets = Sockets::new();
    let mut free = 0;
    for address in addresses {
        let mut address = *address;
        let chosen = address.port() == 0;
        if chosen {
            address.set_port(free);
        }
        let udp = UdpSocket::bind(address)?;
        let address = udp.local_addr()?;
        if chosen {
            free = address.port();
        }
        sockets.push((address, udp, TcpListener::bind(address)?));
    }
    Ok(sockets)
}

fn serve_udp(service: &Arc<Service>, shared: &Shared, udp: &Arc<UdpSocket>, address: SocketAddr) {
    let mut buffer = [0; 4096];
    while !shared.stop.is_now() {
        let Ok((length, client)) = udp.recv_from(&mut buffer) else {
            continue;
        };
        let query = buffer.get(..length).unwrap_or_default();
        let Some(reply) = service.reply(query, Transport::Udp, address) else {
            continue;
        };
        // The client may be gone: then nobody misses the answer.
        if reply.delay.is_zero() {
            drop(udp.send_to(&reply.octets, client));
            continue;
        }
        let (udp, stop) = (Arc::clone(udp), shared.stop.clone());
        let late = thread::spawn(move || {
            if !stop.within(reply.delay) {
                drop(udp.send_to(&reply.octets, client));
            }
        });
        shared.keep(late, None);
    }
}

fn serve_tcp(service: &Arc<Service>, shared: &Shared, listener: &TcpListener, address: SocketAddr) {
    while !shared.stop.is_now() {
        let Ok((stream, _)) = listener.accept() else {
            continue;
        };
        let Ok(copy) = stream.try_clone() else {
            continue;
        };
        let (service, stop) = (Arc::clone(service), shared.stop.clone());
        let connection = thread::spawn(move || {
            // However a client leaves, its connection is over.
            drop(serve_connection(&service, &stop, &stream, address));
            drop(stream.shutdown(Shutdown::Both));
        });
        shared.keep(connection, Some(copy));
    }
}

/// RFC 7766: any number of questions, each with its length before it.
fn serve_connection(
    service: &Service,
    stop: &Stop,
    mut stream: &TcpStream,
    address: SocketAddr,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    while !stop.is_now() {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query)?;
        let Some(reply) = service.reply(&query, Transport::Tcp, address) else {
            continue;
        };
        if stop.within(reply.delay) {
            break;
        }
        let length = u16::try_from(reply.octets.len()).map_err(io::Error::other)?;
        stream.write_all(&[length.to_be_bytes().to_vec(), reply.octets].concat())?;
    }
    Ok(())
}

const IDLE: Duration = Duration::from_secs(10);
