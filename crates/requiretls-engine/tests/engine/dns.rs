//! One question, and everything that can come back.

use crate::name_server::{Fault, NameServer, Zone};
use crate::world::domain;
use requiretls_core::facts::{LookupCause, Security};
use requiretls_engine::Deadline;
use requiretls_engine::dns::{Answer, Family, Found, Kind, Resolver};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RECORDS: [&str; 12] = [
    "a.test A 192.0.2.1",
    "a.test A 192.0.2.2",
    "mx.test MX 10 a.test",
    "alias.test CNAME middle.test",
    "middle.test CNAME a.test",
    "unsigned.example A 192.0.2.3",
    "leaves.test CNAME unsigned.example",
    "enters.example CNAME a.test",
    "dangling.test CNAME nothing.test",
    "loop.test CNAME pool.test",
    "pool.test CNAME loop.test",
    "self.test CNAME self.test",
];

fn ask(resolver: &Resolver, name: &str, budget: u64) -> Result<Answer<IpAddr>, LookupCause> {
    let deadline = Deadline::after(Duration::from_millis(budget));
    resolver
        .within(deadline)
        .addresses(&domain(name), Family::Ipv4)
        .map_err(|failure| {
            assert_eq!(failure.question, format!("A {name}"));
            failure.cause
        })
}

fn addresses(list: &[&str]) -> Found<IpAddr> {
    Found::Records(list.iter().map(|a| a.parse().unwrap()).collect())
}

#[test]
fn answers_and_their_status() {
    use Security::{Insecure, Secure, Unknown};
    let server = NameServer::start(Zone::new(&RECORDS, &["test"], &[]));
    let both = || addresses(&["192.0.2.1", "192.0.2.2"]);
    #[rustfmt::skip]
    let table = [
        ("AD",                        "a.test",           Secure,   vec![],                        both()),
        ("no AD",                     "unsigned.example", Insecure, vec![],                        addresses(&["192.0.2.3"])),
        ("NODATA",                    "mx.test",          Secure,   vec![],                        Found::NoData),
        ("NXDOMAIN",                  "none.test",        Secure,   vec![],                        Found::NoDomain),
        ("NXDOMAIN, no AD",           "none.example",     Insecure, vec![],                        Found::NoDomain),
        ("two CNAMEs",                "alias.test",       Secure,   vec!["middle.test", "a.test"], both()),
        ("CNAME to an unsigned zone", "leaves.test",      Insecure, vec!["unsigned.example"],      addresses(&["192.0.2.3"])),
        ("CNAME from one (D3)",       "enters.example",   Insecure, vec!["a.test"],                both()),
        ("CNAME to nothing",          "dangling.test",    Secure,   vec!["nothing.test"],          Found::NoDomain),
    ];
    for (label, name, security, chain, found) in table {
        let chain: Vec<_> = chain.into_iter().map(|n| Some(domain(n))).collect();
        let negative = matches!(found, Found::NoData | Found::NoDomain);
        let mut expected = Answer {
            security,
            chain,
            found,
            ttl: if negative { 900 } else { 3600 },
        };
        let trusted = Resolver::new(vec![server.address()], true);
        assert_eq!(ask(&trusted, name, 2000), Ok(expected.clone()), "{label}");
        let other = Resolver::new(vec![server.address()], false);
        expected.security = Unknown;
        assert_eq!(
            ask(&other, name, 2000),
            Ok(expected),
            "D1, untrusted: {label}"
        );
    }
}

#[test]
fn faults_of_the_server() {
    use LookupCause::{Bogus, Malformed, Refused, ServFail, Timeout};
    let both = || Ok(addresses(&["192.0.2.1", "192.0.2.2"]));
    #[rustfmt::skip]
    let table = [
        ("SERVFAIL",                   Fault::ServFail,          Err(ServFail)),
        ("SERVFAIL, EDE 6",            Fault::Bogus,             Err(Bogus)),
        ("REFUSED",                    Fault::Refused,           Err(Refused)),
        ("NOTIMP",                     Fault::NotImp,            Err(Refused)),
        ("no answer",                  Fault::Drop,              Err(Timeout)),
        ("row 50: the first is lost",  Fault::DropFirst,         both()),
        ("cut, then TCP",              Fault::Truncate,          both()),
        ("cut, TCP closes",            Fault::TruncateThenClose, Err(Timeout)),
        ("cut, TCP drips",             Fault::TruncateThenDrip,  Err(Timeout)),
        ("a wrong id is waited past",  Fault::WrongIdFirst,      both()),
        ("a wrong id alone",           Fault::WrongId,           Err(Timeout)),
        ("another question",           Fault::WrongQuestion,     Err(Timeout)),
        ("no message",                 Fault::Garbage,           Err(Malformed)),
        ("a stray record",             Fault::Stray,             both()),
        ("nothing in it",              Fault::Lame,              Ok(Found::NoData)),
    ];
    std::thread::scope(|scope| {
        for (label, fault, expected) in table {
            scope.spawn(move || {
                let zone = Zone::new(&RECORDS, &["test"], &[("A a.test", fault)]);
                let server = NameServer::start(zone);
                let resolver = Resolver::new(vec![server.address()], true);
                let begin = Instant::now();
                let found = ask(&resolver, "a.test", 5000).map(|answer| answer.found);
                assert_eq!(found, expected, "{label}");
                assert!(begin.elapsed() < Duration::from_secs(5), "{label}");
            });
        }
    });
}

/// RFC 5452 sections 4.3 and 4.5: whoever cannot see the question must not guess the answer's way.
#[test]
fn ids_and_ports_cannot_be_guessed() {
    const QUESTIONS: usize = 64;
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = Resolver::new(vec![server.local_addr().unwrap()], true);
    let (mut ids, mut ports) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let names = (0..QUESTIONS).map(|n| (domain(&format!("n{n}.test")), Kind::Mx));
            let dns = resolver.within(Deadline::after(Duration::from_secs(20)));
            dns.ahead(&names.collect::<Vec<_>>());
        });
        let mut query = [0; 512];
        for _ in 0..QUESTIONS {
            let (length, client) = server.recv_from(&mut query).unwrap();
            query[2] |= 0x80;
            server.send_to(&query[..length], client).unwrap();
            ids.push(u16::from_be_bytes([query[0], query[1]]));
            ports.push(client.port());
        }
    });
    for (label, mut numbers) in [("ids", ids), ("ports", ports)] {
        let steps: std::collections::HashSet<u16> = numbers
            .windows(2)
            .map(|pair| pair[1].wrapping_sub(pair[0]))
            .collect();
        assert!(
            steps.len() > QUESTIONS / 2,
            "{label} follow each other: {numbers:?}"
        );
        numbers.sort_unstable();
        numbers.dedup();
        assert!(numbers.len() > QUESTIONS - 8, "{label}: {numbers:?}");
    }
}

#[test]
fn a_validation_failure_is_believed_from_a_trusted_server_alone() {
    let zone = Zone::new(&RECORDS, &[], &[("A a.test", Fault::Bogus)]);
    let server = NameServer::start(zone);
    for (trusted, expected) in [(true, LookupCause::Bogus), (false, LookupCause::ServFail)] {
        let resolver = Resolver::new(vec![server.address()], trusted);
        assert_eq!(ask(&resolver, "a.test", 2000), Err(expected), "{trusted}");
    }
}

#[test]
fn cname_loops_end() {
    let server = NameServer::start(Zone::new(&RECORDS, &["test"], &[]));
    let resolver = Resolver::new(vec![server.address()], true);
    for name in ["loop.test", "self.test"] {
        assert_eq!(
            ask(&resolver, name, 2000),
            Err(LookupCause::Malformed),
            "{name}"
        );
    }
}

#[test]
fn the_next_server_is_asked_when_one_fails() {
    let good = || NameServer::start(Zone::new(&RECORDS, &["test"], &[]));
    let with = |fault| NameServer::start(Zone::new(&RECORDS, &["test"], &[("A a.test", fault)]));
    #[rustfmt::skip]
    let table = [
        ("the first is silent",   Fault::Drop,     true),
        ("the first fails",       Fault::ServFail, true),
        ("the first refuses",     Fault::Refused,  true),
    ];
    for (label, fault, expected) in table {
        let (bad, good) = (with(fault), good());
        let resolver = Resolver::new(vec![bad.address(), good.address()], true);
        let deadline = Deadline::after(Duration::from_secs(4));
        let questions = resolver.within(deadline);
        let first = questions.addresses(&domain("a.test"), Family::Ipv4);
        assert_eq!(first.is_ok(), expected, "{label}");
        let before = bad.asked().len();
        let _ = questions.addresses(&domain("b.test"), Family::Ipv4);
        assert_eq!(
            bad.asked().len(),
            before,
            "{label}: the one that answered goes first"
        );
    }
    let both = [with(Fault::ServFail), with(Fault::Refused)];
    let resolver = Resolver::new(both.iter().map(NameServer::address).collect(), true);
    assert_eq!(ask(&resolver, "a.test", 4000), Err(LookupCause::Refused));
    assert_eq!(
        both[0].asked().len(),
        1,
        "all have said no: not asked again"
    );
}

#[test]
fn time_is_kept() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let silent_address = silent.local_addr().unwrap();
    let table: [(&str, Vec<SocketAddr>, u64, u64); 4] = [
        ("a silent server", vec![silent_address], 300, 900),
        ("two silent servers", vec![silent_address; 2], 300, 900),
        ("nobody listens", vec![nobody], 9_000, 3_000),
        ("no time", vec![silent_address], 0, 900),
    ];
    for (label, servers, budget, most) in table {
        let resolver = Resolver::new(servers, true);
        let begin = Instant::now();
        assert_eq!(
            ask(&resolver, "a.test", budget),
            Err(LookupCause::Timeout),
            "{label}"
        );
        let most = Duration::from_millis(most);
        assert!(begin.elapsed() < most, "{label}: {:?}", begin.elapsed());
    }
}

/// Whatever comes without end, the deadline does.
#[test]
fn a_flood_of_wrong_answers_ends() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut query = [0; 512];
            let (length, client) = server.recv_from(&mut query).unwrap();
            query[0] ^= 1;
            query[2] |= 0x80;
            while !over.load(Ordering::Relaxed) {
                let _ = server.send_to(&query[..length], client);
            }
        });
        let begin = Instant::now();
        let resolver = Resolver::new(vec![address], true);
        assert_eq!(ask(&resolver, "a.test", 400), Err(LookupCause::Timeout));
        let took = begin.elapsed();
        over.store(true, Ordering::Relaxed);
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}

#[test]
fn questions_ahead_are_asked_once() {
    let zone = Zone::new(&RECORDS, &["test"], &[("MX mx.test", Fault::ServFail)]);
    let server = NameServer::start(zone);
    let resolver = Resolver::new(vec![server.address()], true);
    let dns = resolver.within(Deadline::after(Duration::from_secs(5)));
    let v4 = Kind::Addresses(Family::Ipv4);
    dns.ahead(&[
        (domain("a.test"), v4),
        (domain("A.Test"), v4),
        (domain("mx.test"), Kind::Mx),
    ]);
    let found = dns
        .addresses(&domain("a.test"), Family::Ipv4)
        .unwrap()
        .found;
    assert_eq!(found, addresses(&["192.0.2.1", "192.0.2.2"]));
    let failure = dns.mx(&domain("mx.test")).unwrap_err();
    assert_eq!(
        failure.cause,
        LookupCause::ServFail,
        "a failure is known too"
    );
    let mut asked = server.asked();
    asked.sort();
    assert_eq!(asked, ["A a.test", "MX mx.test"]);
}

#[test]
fn records_of_each_type() {
    let lines = [
        "d.test MX 20 b.test",
        "d.test MX 10 A.Test",
        "d.test MX 0 .",
        "_25._tcp.a.test TLSA 3 1 1 00ff",
        "_25._tcp.a.test TLSA 255 254 253",
        "t.test TXT v=STSv1; |id=1",
        "t.test TXT other",
        "c.test CNAME d.test",
    ];
    let server = NameServer::start(Zone::new(&lines, &["test"], &[]));
    let resolver = Resolver::new(vec![server.address()], true);
    let dns = resolver.within(Deadline::after(Duration::from_secs(5)));

    let Found::Records(mx) = dns.mx(&domain("d.test")).unwrap().found else {
        panic!("MX");
    };
    let exchanges: Vec<_> = mx
        .iter()
        .map(|mx| (mx.preference, format!("{:?}", mx.exchange)))
        .collect();
    assert_eq!(exchanges[1], (10, "Host(Domain(\"a.test\"))".to_owned()));
    assert_eq!(exchanges[2], (0, "Null".to_owned()));

    let Found::Records(tlsa) = dns.tlsa(&domain("_25._tcp.a.test")).unwrap().found else {
        panic!("TLSA");
    };
    let fields: Vec<_> = tlsa
        .iter()
        .map(|t| (t.usage, t.selector, t.matching, t.data.clone()))
        .collect();
    assert_eq!(
        fields,
        [(3, 1, 1, vec![0, 255]), (255, 254, 253, vec![])],
        "D11, as published"
    );

    let txt = dns.txt(&domain("t.test")).unwrap().found;
    let expected = vec![b"v=STSv1; id=1".to_vec(), b"other".to_vec()];
    assert_eq!(txt, Found::Records(expected), "S1: strings joined");

    let cname = dns.cname(&domain("c.test")).unwrap();
    assert_eq!(cname.found, Found::Records(vec![Some(domain("d.test"))]));
    assert!(cname.chain.is_empty(), "by itself, not followed");
}
