//! Deadlines, bounds, and what follows DATA.

use crate::peer::{DRIP, FLOOD, GREETING, HANDSHAKE, LINES, MESSAGE, SILENCE, Traits};
use crate::world::{World, message, path, short, summary};
use requiretls_core::delivery::Action;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Sts, Tlsa};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message as PlanMessage, Plan, Settings};
use requiretls_core::site_policy::{HopMode, Rule};
use requiretls_transport::{Client, ClientError, Timeouts};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

/// Label, peer, message, what arrives, what MAIL goes with.
type ContentRow<'a> = (&'a str, Traits, &'a [u8], &'a [u8], &'a str);

const GOOD: Traits = Traits::GOOD;
const CLEAR: Traits = Traits::CLEAR;

/// P6.8, P6.10: one deadline for a phase, whether the peer says nothing, or something now and then.
#[test]
fn p6_8_and_10_deadlines_hold() {
    let limit = Duration::from_millis(150);
    // QUIT after the deadline has one of its own.
    let most = Duration::from_millis(1_500);
    for at in [
        GREETING, "EHLO", "STARTTLS", HANDSHAKE, "*EHLO", "*MAIL", "*RCPT", "*DATA", MESSAGE,
    ] {
        for how in [SILENCE, DRIP, LINES] {
            let instead: &'static [(&str, &str)] = Box::leak(Box::new([(at, how)]));
            let world = World::of(&[GOOD.with(instead)]);
            let client = world.client().with_timeouts(Timeouts::all(limit));
            let begun = Instant::now();
            let outcome = client.deliver(world.plan("R"), &short());
            let took = begun.elapsed();
            assert_eq!(outcome.action, Action::Defer, "{at} {how}: {outcome:#?}");
            let row = outcome.row.map_or("-", |row| row.as_str());
            let expected = match at {
                // What drips is no TLS.
                HANDSHAKE if how != SILENCE => "11b",
                HANDSHAKE | "STARTTLS" | "*EHLO" => "10",
                // Nobody knows.
                MESSAGE => "-",
                _ => "8",
            };
            assert_eq!(row, expected, "{at} {how}");
            assert!(took < most, "{at} {how}: {took:?}");
            assert!(took >= limit || row == "11b", "{at} {how}: {took:?}");
        }
    }
}

/// A peer that does not read the message.
#[test]
fn a_block_has_a_deadline() {
    let world = World::of(&[CLEAR.with(&[("DATA", "354 go\r\n"), (MESSAGE, SILENCE)])]);
    // The peer reads octet by octet: 16 MiB take it longer than this.
    let mut timeouts = Timeouts::all(Duration::from_secs(10));
    timeouts.block = Duration::from_millis(20);
    timeouts.courtesy = Duration::from_millis(100);
    let content = vec![b'x'; 16 << 20];
    let message = message(&path("a@s.test"), &content);
    let client = world.client().with_timeouts(timeouts);
    let begun = Instant::now();
    let outcome = client.deliver(world.plan("none"), &message);
    assert_eq!(summary(&outcome), "defer 451 4.4.2 8 nobody");
    assert_eq!(outcome.tries[0].cause.as_deref(), Some("timed out"));
    assert!(begun.elapsed() < Duration::from_secs(8));
}

/// A reply without end is given up for its length, long before any deadline.
#[test]
fn replies_are_bounded() {
    for at in [GREETING, "EHLO", "*EHLO", "*MAIL", "*RCPT"] {
        let instead: &'static [(&str, &str)] = Box::leak(Box::new([(at, FLOOD)]));
        let world = World::of(&[GOOD.with(instead)]);
        let begun = Instant::now();
        let outcome = world.deliver("R");
        assert_eq!(outcome.action, Action::Defer, "{at}");
        let cause = outcome.tries[0].cause.as_deref();
        assert_eq!(cause, Some("a reply that does not end"), "{at}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{at}");
    }
}

/// RFC 5321 section 4.5.2; octets above 127 go as they are.
#[test]
fn messages_arrive_as_they_are() {
    let long = b"0123456789abcdef\n.\n".repeat(20_000);
    let long_sent = [
        b"0123456789abcdef\r\n..\r\n".repeat(20_000),
        b".\r\n".to_vec(),
    ]
    .concat();
    let rows: [ContentRow<'_>; 5] = [
        ("plain", GOOD, b"a\r\n", b"a\r\n.\r\n", "REQUIRETLS"),
        (
            "dots",
            GOOD,
            b".a\r\n.\r\n..\n",
            b"..a\r\n..\r\n...\r\n.\r\n",
            "REQUIRETLS",
        ),
        (
            "smuggling",
            GOOD,
            b"a\n.\nMAIL FROM:<c@s.test>\n",
            b"a\r\n..\r\nMAIL FROM:<c@s.test>\r\n.\r\n",
            "REQUIRETLS",
        ),
        (
            "8-bit",
            GOOD,
            b"\xc3\xbc\xff\r\n",
            b"\xc3\xbc\xff\r\n.\r\n",
            "REQUIRETLS",
        ),
        ("over block borders", GOOD, &long, &long_sent, "REQUIRETLS"),
    ];
    for (label, traits, content, sent, parameters) in rows {
        let world = World::of(&[traits]);
        let message = message(&path("a@s.test"), content);
        let outcome = world.client().deliver(world.plan("R"), &message);
        assert_eq!(outcome.action, Action::Go, "{label}");
        assert!(
            world.peers[0].messages() == [sent.to_vec()],
            "{label}: what arrived"
        );
        assert_eq!(outcome.sent().unwrap().parameters, parameters, "{label}");
    }
}

#[test]
fn a_name_for_ehlo_is_one_word() {
    let roots = requiretls_core::pkix::Roots::not_loaded();
    for name in ["", "a b", "a\r\nb", "b\u{fc}cher.test"] {
        let client = Client::new(name, roots.clone(), || 0);
        assert_eq!(client.err(), Some(ClientError::Name), "{name:?}");
    }
}

/// A peer's words go into a reply without what could end its line.
#[test]
fn a_peers_text_is_made_safe() {
    let world =
        World::of(&[GOOD.with(&[("*RCPT", "550-5.1.1 a%s\r\n550 5.1.1 b\u{7}\u{fc}\r\n")])]);
    let outcome = world.deliver("R");
    assert_eq!(outcome.reply.to_string(), "550 5.1.1 a?s b??");
    assert_eq!(outcome.peer.unwrap().code, 550);
}

/// The rule's port goes before the client's; where nobody listens, row 8.
#[test]
fn where_to_connect() {
    for (rule, expected) in [(None, 25), (Some(2525), 2525)] {
        let mut world = World::of(&[GOOD]);
        world.rule.port = rule;
        let real = world.peers[0].address;
        let client = world.client().with_endpoints(move |address, port| {
            assert_eq!(
                (address.to_string().as_str(), port),
                ("192.0.2.1", expected)
            );
            real
        });
        let outcome = client.deliver(world.plan("R"), &short());
        assert_eq!(outcome.action, Action::Go, "{rule:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let world = World::of(&[GOOD]);
    let client = world.client().with_endpoints(move |_, _| closed);
    let outcome = client.deliver(world.plan("R"), &short());
    assert_eq!(summary(&outcome), "defer 451 4.4.1 8 nobody");
    assert!(outcome.tries[0].cause.is_some() && outcome.host().is_some());
}

/// The address that connections are made from, by the family of the host's.
#[test]
fn where_connections_are_made_from() {
    let v4 = ["127.0.0.2", "127.0.0.3"].map(|a| a.parse().unwrap());
    let v6: IpAddr = "::1".parse().unwrap();
    for (label, listen, sources, expected) in [
        ("none", "127.0.0.1:0", vec![], "127.0.0.1"),
        ("IPv4", "127.0.0.1:0", vec![v4[0]], "127.0.0.2"),
        (
            "the first",
            "127.0.0.1:0",
            vec![v6, v4[1], v4[0]],
            "127.0.0.3",
        ),
        ("none of the family", "127.0.0.1:0", vec![v6], "127.0.0.1"),
        ("IPv6", "[::1]:0", vec![v4[0], v6], "::1"),
    ] {
        let listener = TcpListener::bind(listen).unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (stream, from) = listener.accept().unwrap();
            drop(stream);
            from.ip().to_string()
        });
        let client = World::of(&[GOOD]).client().with_sources(sources);
        let client = client.with_endpoints(move |_, _| address);
        let world = World::of(&[GOOD]);
        let outcome = client.deliver(world.plan("R"), &short());
        assert_eq!(summary(&outcome), "defer 451 4.4.1 8 nobody", "{label}");
        assert_eq!(peer.join().unwrap(), expected, "{label}");
    }
    // One that is not this machine's is a fault like any other of the network.
    let elsewhere = "192.0.2.9".parse().unwrap();
    let world = World::of(&[GOOD]);
    let client = world.client().with_sources([elsewhere]);
    let outcome = client.deliver(world.plan("R"), &short());
    assert_eq!(summary(&outcome), "defer 451 4.4.1 8 nobody");
    assert!(world.peers[0].seen().is_empty());
}

/// P12 `local`: a unix socket from the site's routing, no discovery, in clear.
#[test]
fn p12_a_unix_socket() {
    let at = std::env::temp_dir().join(format!("requiretls-transport-{}", std::process::id()));
    let _ = std::fs::remove_file(&at);
    let listener = UnixListener::bind(&at).unwrap();
    let peer = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        (&stream).write_all(b"220 x\r\n").unwrap();
        let mut seen = Vec::new();
        while let Some(Ok(line)) = lines.next() {
            let reply = match line.as_str() {
                "DATA" => "354 go\r\n",
                "hello" | "" => continue,
                l if l.starts_with("Subject") => continue,
                _ => "250 2.0.0 ok\r\n",
            };
            seen.push(line);
            (&stream).write_all(reply.as_bytes()).unwrap();
        }
        seen
    });
    let text = format!("unix:{}", at.display());
    let facts = Facts {
        route: Route::Configured,
        expanded: None,
        hosts: vec![HostFacts {
            host: Host::parse(&text).unwrap(),
            addresses: Addresses::Found(Vec::new()),
            cname: None,
            tlsa: Tlsa::None,
        }],
        sts: Sts::None,
        expires: None,
    };
    let rule = Rule {
        hop: HopMode::Local,
        ..Rule::default()
    };
    let message = PlanMessage {
        requirement: requiretls_core::tag::parse_word("R").unwrap(),
        ..PlanMessage::default()
    };
    let next_hop = NextHop::parse(&text).unwrap();
    let plan = Plan::new(next_hop, message, rule, Settings::default(), facts);
    let outcome = World::of(&[]).client().deliver(plan, &short());
    std::fs::remove_file(&at).unwrap();
    assert_eq!(summary(&outcome), "go 250 2.0.0 - nobody", "{outcome:#?}");
    assert_eq!((outcome.address(), outcome.tls()), (None, None));
    let expected = [
        "EHLO client.test",
        "MAIL FROM:<a@s.test>",
        "RCPT TO:<b@d.test>",
        "DATA",
        ".",
        "QUIT",
    ];
    assert_eq!(peer.join().unwrap(), expected);
}
