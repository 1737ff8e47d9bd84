//! A few next hops, their hosts, and a carrier that knows the way.

use requiretls_core::domain::Domain;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::pkix::Roots;
use requiretls_core::plan::{Message, Plan, Settings, Unreadable};
use requiretls_core::reply::Reply;
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;
use requiretls_testbed::{Peer, Pki, Session, SessionLog, SmtpPeer};
use requiretls_transport::{
    Carrier, Client, Content, Envelope, Limits, Path, PlanFor, Request, Timeouts,
};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 1 June 2027.
pub(crate) const NOW: u64 = 1_811_808_000;
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The peers with their hosts and addresses, and which hosts each next hop has.
pub(crate) struct Site {
    pub(crate) log: SessionLog,
    peers: Vec<(String, IpAddr, SmtpPeer)>,
    ways: HashMap<String, Vec<String>>,
    pki: Pki,
    /// By next hop; the default elsewhere.
    pub(crate) rules: HashMap<String, Rule>,
    pub(crate) route: Route,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    /// The next hops that were looked up.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            log: SessionLog::default(),
            peers: Vec::new(),
            ways: HashMap::new(),
            pki: Pki::new(NOW).unwrap(),
            rules: HashMap::new(),
            route: Route::Mx(Security::Secure),
            timeouts: Timeouts::all(Duration::from_secs(10)),
            limits: Limits::default(),
            asked: Arc::default(),
        }
    }

    /// A host with a peer at an IPv4 address; more than once: at its further addresses.
    pub(crate) fn host(self, host: &str, peer: Peer) -> Self {
        let number = u8::try_from(self.peers.len()).unwrap() + 1;
        let address = Ipv4Addr::new(192, 0, 2, number);
        self.peer(host, address.into(), "127.0.0.1:0", peer)
    }

    /// The same at an IPv6 address.
    pub(crate) fn host6(self, host: &str, peer: Peer) -> Self {
        let number = u16::try_from(self.peers.len()).unwrap() + 1;
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number);
        self.peer(host, address.into(), "[::1]:0", peer)
    }

    fn peer(mut self, host: &str, address: IpAddr, listen: &str, peer: Peer) -> Self {
        let listen = listen.parse().unwrap();
        let started = SmtpPeer::start(listen, host, "d.test", peer, &self.pki, &self.log);
        self.peers
            .push((host.to_owned(), address, started.unwrap()));
        self
    }

    /// Where a next hop's mail goes, best first.
    pub(crate) fn way(mut self, next_hop: &str, hosts: &[&str]) -> Self {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        self.ways.insert(next_hop.to_owned(), hosts);
        self
    }

    pub(crate) fn client(&self) -> Client {
        let real: HashMap<IpAddr, SocketAddr> = self
            .peers
            .iter()
            .map(|(_, address, peer)| (*address, peer.address()))
            .collect();
        Client::new("client.test", Roots::from_der([self.pki.ca_der()]), || NOW)
            .unwrap()
            .with_timeouts(self.timeouts)
            .with_endpoints(move |address, _| real[&address])
    }

    pub(crate) fn carrier(&self) -> Carrier {
        self.carrier_of(self.client())
    }

    pub(crate) fn carrier_of(&self, client: Client) -> Carrier {
        let facts: HashMap<String, Facts> = self
            .ways
            .iter()
            .map(|(next_hop, hosts)| (next_hop.clone(), self.facts(hosts)))
            .collect();
        let (rules, asked) = (self.rules.clone(), Arc::clone(&self.asked));
        Carrier::with_limits(client, self.limits, move |wanted: &PlanFor<'_>| {
            let next_hop = wanted.next_hop.clone();
            asked.lock().unwrap().push(next_hop.to_string());
            let Ok(requirement) = tag::parse(wanted.tag) else {
                return Plan::unreadable(next_hop, Unreadable::Tag, "the tag cannot be read");
            };
            let message = Message {
                requirement,
                null_path: wanted.null_path,
                auth: false,
            };
            let facts = facts.get(&next_hop.to_string()).cloned();
            let facts = facts.unwrap_or(Facts {
                route: Route::NoDomain(Security::Secure),
                expanded: None,
                hosts: Vec::new(),
                sts: Sts::None,
                expires: None,
            });
            let rule = rules.get(&next_hop.to_string()).cloned();
            let rule = rule.unwrap_or_default();
            Plan::new(next_hop, message, rule, Settings::default(), facts)
        })
    }

    fn facts(&self, hosts: &[String]) -> Facts {
        let addresses = |host: &String| {
            let peers = self.peers.iter().filter(move |(name, ..)| name == host);
            peers.map(|(_, address, _)| *address).collect()
        };
        let hosts = hosts.iter().map(|host| HostFacts {
            host: Host::Name(Domain::parse(host.as_bytes()).unwrap()),
            addresses: Addresses::Found(addresses(host)),
            cname: None,
            tlsa: Tlsa::None,
        });
        Facts {
            route: self.route.clone(),
            expanded: None,
            hosts: hosts.collect(),
            sts: Sts::None,
            expires: None,
        }
    }

    /// The sessions of one host, when so many have ended in all.
    pub(crate) fn sessions(&self, host: &str) -> Vec<Session> {
        self.log.of(host)
    }

    pub(crate) fn taken(&self, host: &str) -> usize {
        let sessions = self.sessions(host);
        let messages = sessions.iter().flat_map(|session| &session.messages);
        messages.filter(|message| message.taken).count()
    }
}

pub(crate) fn path(address: &str) -> Path {
    Path::parse(address).unwrap()
}

/// A short message under a tag word, to these recipients: code and enhanced code of each reply.
pub(crate) fn carry(carrier: &Carrier, word: &str, to: &[&str]) -> Vec<String> {
    let replies = replies(carrier, word, to, None);
    let short = |reply: Reply| format!("{} {}", reply.code, reply.enhanced);
    replies.into_iter().map(short).collect()
}

pub(crate) fn replies(
    carrier: &Carrier,
    word: &str,
    to: &[&str],
    route: Option<&NextHop>,
) -> Vec<Reply> {
    let tag = tag::parse_word(word).map_or_else(|_| word.to_owned(), tag::write);
    let text = format!("RequireTLS-Tag: {tag}\r\n\r\nhello\r\n");
    let content = Content::from_bytes(text.into_bytes());
    carrier.carry(&Request {
        number: (1, 1),
        envelope: &Envelope::new(path("a@s.test"), to.iter().map(|to| path(to))),
        tag: &tag,
        content: &content,
        route,
    })
}
