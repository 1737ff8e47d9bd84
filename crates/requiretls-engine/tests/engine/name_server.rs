//! A resolver that knows a few records, follows CNAMEs as a recursive one does, sets AD where every
//! name on the way is in a signed zone, and can be told to misbehave for a question.

use hickory_resolver::proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, SOA, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How a question is answered that should not be answered as the records say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// SERVFAIL with the extended error 6.
    Bogus,
    /// Not at all.
    Drop,
    /// The first time not at all.
    DropFirst,
    /// Octets that are no message.
    Garbage,
    /// NOERROR and nothing else; the records are cut away.
    Lame,
    /// NOTIMP.
    NotImp,
    /// REFUSED.
    Refused,
    /// SERVFAIL.
    ServFail,
    /// With an address record for another name in front.
    Stray,
    /// Cut over UDP, whole over TCP.
    Truncate,
    /// Cut over UDP, closed over TCP.
    TruncateThenClose,
    /// Cut over UDP, one octet per 50 ms over TCP.
    TruncateThenDrip,
    /// Cut over UDP, taken over TCP and never answered.
    TruncateThenSilence,
    /// First with a wrong id, then with the right one.
    WrongIdFirst,
    /// With a wrong id.
    WrongId,
    /// To another question.
    WrongQuestion,
}

/// What it knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    pub(crate) records: Vec<Record>,
    pub(crate) signed: Vec<Name>,
    pub(crate) faults: Vec<(Name, RecordType, Fault)>,
}

pub(crate) struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Zone {
    /// Lines such as `mx.d.test A 192.0.2.1`, with a TTL before the type if it is not 3600; names
    /// at and below `signed` are in signed zones; faults such as `TXT d.test`.
    pub(crate) fn new(lines: &[&str], signed: &[&str], faults: &[(&str, Fault)]) -> Self {
        Self {
            records: lines.iter().map(|line| record(line)).collect(),
            signed: signed.iter().map(|s| name(s)).collect(),
            faults: faults
                .iter()
                .map(|(question, fault)| {
                    let (kind, owner) = question.split_once(' ').unwrap();
                    (name(owner), kind.parse().unwrap(), *fault)
                })
                .collect(),
        }
    }

    fn fault(&self, owner: &Name, kind: RecordType) -> Option<Fault> {
        let fault = self
            .faults
            .iter()
            .find(|(n, k, _)| n == owner && *k == kind);
        fault.map(|(_, _, fault)| *fault)
    }

    fn is_signed(&self, owner: &Name) -> bool {
        self.signed.iter().any(|zone| zone.zone_of(owner))
    }

    fn answer(&self, query: &Message) -> Message {
        let question = query.queries[0].clone();
        let mut response = Message::response(query.metadata.id, OpCode::Query);
        response.metadata.recursion_available = true;
        response.add_query(question.clone());
        let mut owner = question.name().clone();
        let mut signed = self.is_signed(&owner);
        for _ in 0..20 {
            let here: Vec<&Record> = self.records.iter().filter(|r| r.name == owner).collect();
            let wanted = |r: &&&Record| r.record_type() == question.query_type();
            let found: Vec<&&Record> = here.iter().filter(wanted).collect();
            if !found.is_empty() {
                response.add_answers(found.into_iter().copied().cloned());
                break;
            }
            let alias = here.iter().find_map(|r| match &r.data {
                RData::CNAME(target) => Some((*r, target.0.clone())),
                _ => None,
            });
            let Some((link, target)) = alias else {
                let exists = self.records.iter().any(|r| owner.zone_of(&r.name));
                if !exists {
                    response.metadata.response_code = ResponseCode::NXDomain;
                }
                response.add_authority(soa());
                break;
            };
            response.add_answer(link.clone());
            owner = target;
            signed &= self.is_signed(&owner);
        }
        response.metadata.authentic_data = signed && query.metadata.authentic_data;
        response
    }
}

impl NameServer {
    pub(crate) fn start(zone: Zone) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let asked = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let threads = vec![
            {
                let (zone, asked, over) = (zone.clone(), Arc::clone(&asked), Arc::clone(&over));
                std::thread::spawn(move || serve_udp(&zone, &udp, &asked, &over))
            },
            {
                let over = Arc::clone(&over);
                std::thread::spawn(move || serve_tcp(&zone, &tcp, &over))
            },
        ];
        Self {
            address,
            asked,
            over,
            threads,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The questions over UDP so far: "MX d.test".
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

const PAUSE: Duration = Duration::from_millis(10);

fn serve_udp(zone: &Zone, socket: &UdpSocket, asked: &Mutex<Vec<String>>, over: &AtomicBool) {
    socket.set_read_timeout(Some(PAUSE)).unwrap();
    let mut buffer = [0; 2048];
    while !over.load(Ordering::Relaxed) {
        let Ok((length, client)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let query = Message::from_vec(&buffer[..length]).unwrap();
        assert_eq!(query.max_payload(), 1232, "RFC 6891");
        assert!(query.metadata.recursion_desired);
        let question = &query.queries[0];
        let owner = question.name().to_ascii();
        let line = format!("{} {}", question.query_type(), owner.trim_end_matches('.'));
        let first = {
            let mut asked = asked.lock().unwrap();
            let first = !asked.contains(&line);
            asked.push(line);
            first
        };
        let send = |message: &Message| socket.send_to(&message.to_vec().unwrap(), client).unwrap();
        let mut answer = zone.answer(&query);
        match zone.fault(question.name(), question.query_type()) {
            Some(Fault::Drop) => continue,
            Some(Fault::DropFirst) if first => continue,
            Some(Fault::Garbage) => {
                let _ = socket.send_to(&[7; 30], client);
                continue;
            }
            Some(Fault::WrongIdFirst) => {
                let mut other = answer.clone();
                other.metadata.id = other.metadata.id.wrapping_add(1);
                other.answers.clear();
                send(&other);
            }
            Some(Fault::WrongId) => answer.metadata.id = answer.metadata.id.wrapping_add(1),
            Some(Fault::WrongQuestion) => {
                answer.queries[0].set_name(name("other.test"));
            }
            Some(Fault::Lame) => {
                answer.answers.clear();
                answer.authorities.clear();
                answer.metadata.response_code = ResponseCode::NoError;
            }
            Some(Fault::Stray) => {
                let stray = record("stray.test A 203.0.113.9");
                answer.answers.insert(0, stray);
            }
            Some(
                Fault::Truncate
                | Fault::TruncateThenClose
                | Fault::TruncateThenDrip
                | Fault::TruncateThenSilence,
            ) => {
                answer.answers.clear();
                answer.metadata.truncation = true;
            }
            Some(Fault::Bogus) => {
                let mut edns = Edns::new();
                let extended = EdnsOption::Unknown(15, vec![0, 6]);
                edns.options_mut().insert(extended);
                answer.set_edns(edns);
                fail(&mut answer, ResponseCode::ServFail);
            }
            Some(Fault::ServFail) => fail(&mut answer, ResponseCode::ServFail),
            Some(Fault::Refused) => fail(&mut answer, ResponseCode::Refused),
            Some(Fault::NotImp) => fail(&mut answer, ResponseCode::NotImp),
            Some(Fault::DropFirst) | None => {}
        }
        send(&answer);
    }
}

fn fail(answer: &mut Message, code: ResponseCode) {
    answer.answers.clear();
    answer.authorities.clear();
    answer.metadata.authentic_data = false;
    answer.metadata.response_code = code;
}

fn serve_tcp(zone: &Zone, listener: &TcpListener, over: &AtomicBool) {
    listener.set_nonblocking(true).unwrap();
    while !over.load(Ordering::Relaxed) {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(PAUSE);
                continue;
            }
            Err(_) => continue,
        };
        stream.set_nonblocking(false).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query).unwrap();
        let query = Message::from_vec(&query).unwrap();
        let question = &query.queries[0];
        let fault = zone.fault(question.name(), question.query_type());
        if fault == Some(Fault::TruncateThenClose) {
            continue;
        }
        if fault == Some(Fault::TruncateThenSilence) {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(PAUSE);
            }
            continue;
        }
        let answer = zone.answer(&query).to_vec().unwrap();
        let length = u16::try_from(answer.len()).unwrap();
        let framed = [length.to_be_bytes().to_vec(), answer].concat();
        if fault == Some(Fault::TruncateThenDrip) {
            for octet in framed {
                std::thread::sleep(PAUSE * 5);
                if stream.write_all(&[octet]).is_err() || over.load(Ordering::Relaxed) {
                    break;
                }
            }
            continue;
        }
        let _ = stream.write_all(&framed);
    }
}

fn soa() -> Record {
    let soa = SOA::new(name("ns.test"), name("root.test"), 1, 1, 1, 1, 900);
    Record::from_rdata(name("test"), 1800, RData::SOA(soa))
}

/// `owner [ttl] type data`.
fn record(line: &str) -> Record {
    let (owner, rest) = line.split_once(' ').unwrap();
    let (first, data) = rest.split_once(' ').unwrap();
    let (ttl, kind, data) = match first.parse() {
        Ok(ttl) => {
            let (kind, data) = data.split_once(' ').unwrap();
            (ttl, kind, data)
        }
        Err(_) => (3600, first, data),
    };
    let data = match kind {
        "A" => RData::A(A(data.parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(data.parse().unwrap())),
        "CNAME" => RData::CNAME(CNAME(name(data))),
        "MX" => {
            let (preference, exchange) = data.split_once(' ').unwrap();
            RData::MX(MX::new(preference.parse().unwrap(), name(exchange)))
        }
        // A bar separates the strings of one record.
        "TXT" => RData::TXT(TXT::new(data.split('|').map(str::to_owned).collect())),
        "TLSA" => {
            let words: Vec<&str> = data.split(' ').collect();
            let number = |n: usize| words[n].parse::<u8>().unwrap();
            let hex = words.get(3).copied().unwrap_or_default();
            let octet = |n| u8::from_str_radix(&hex[n * 2..n * 2 + 2], 16).unwrap();
            RData::TLSA(TLSA::new(
                CertUsage::from(number(0)),
                Selector::from(number(1)),
                Matching::from(number(2)),
                (0..hex.len() / 2).map(octet).collect(),
            ))
        }
        other => panic!("{other}"),
    };
    Record::from_rdata(name(owner), ttl, data)
}
