//! Zones, peers and policies together.

use crate::client::{Client, openssl, strict};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{
    Certificate, DnsMode, Domain, HTTPS_PORT, Peer, SMTP_PORT, Sts, World, WorldError, Zone,
};
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One sentence per domain, and what each of them became.
#[test]
fn a_world_is_what_it_is_described_as() {
    let world = World::builder()
        .domain(
            Domain::new("dane.test")
                .signed()
                .mx("mx")
                .peer(Peer::good().dane_ee()),
        )
        .domain(
            Domain::new("sts.test")
                .mx("mx1")
                .peer(Peer::good())
                .mx("mx2")
                .peer(Peer::good().no_requiretls())
                .peer(Peer::good().down())
                .sts(Sts::enforce()),
        )
        .domain(Domain::new("implicit.test").peer(Peer::good().certificate(Certificate::Expired)))
        .domain(Domain::new("hosted.test").mx("mx1.sts.test."))
        .start()
        .unwrap();
    assert_eq!(world.port("dane.test"), SMTP_PORT);
    let peer = world.peers("mx.dane.test")[0];
    let mut client = Client::connect(peer.address());
    assert_eq!(client.reply().0, 220);
    client.ask("EHLO client.test");
    let client = client.starttls(&strict(world.ca_der()), "mx.dane.test");
    drop(client.unwrap());
    let record = peer.credential().tlsa(3, 1, 1).to_string();
    let dane = [
        "-dane_tlsa_domain",
        "mx.dane.test",
        "-dane_tlsa_rrdata",
        &record,
    ];
    let seen = openssl(peer.address(), &dane);
    assert!(seen.contains("Verification: OK"), "{seen}");
    assert_eq!(world.sessions().of("mx.dane.test").len(), 2);

    assert_eq!(world.peers("mx2.sts.test").len(), 1, "the other is down");
    assert_eq!(world.peers("implicit.test").len(), 1);
    assert!(world.peers("mx1.hosted.test").is_empty());
    let addresses: Vec<IpAddr> = [
        "mx.dane.test",
        "mx1.sts.test",
        "mx2.sts.test",
        "implicit.test",
    ]
    .iter()
    .flat_map(|host| world.peers(host))
    .map(|peer| peer.address().ip())
    .collect();
    let text = world.domains_txt();
    for address in &addresses {
        assert_eq!(text.matches(&format!(" {address}\n")).count(), 1, "{text}");
    }
    assert!(world.stop().is_empty());
}

/// A domain on `::1` has a port of its own, since all worlds share that address.
#[test]
fn ipv6_alone() {
    let build = || {
        World::builder()
            .domain(Domain::new("six.test").mx("mx").peer(Peer::good().ipv6()))
            .domain(
                Domain::new("both.test")
                    .signed()
                    .mx("mx")
                    .peer(Peer::good().no_starttls())
                    .peer(Peer::good().ipv6().dane_ee()),
            )
            .start()
            .unwrap()
    };
    let (one, two) = (build(), build());
    let mut ports = Vec::new();
    for world in [&one, &two] {
        for domain in ["six.test", "both.test"] {
            let peers = world.peers(&format!("mx.{domain}"));
            for peer in &peers {
                assert_eq!(peer.address().port(), world.port(domain));
                assert_eq!(Client::connect(peer.address()).reply().0, 220);
            }
            assert!(peers.iter().any(|peer| peer.address().is_ipv6()));
            assert!(!ports.contains(&world.port(domain)), "{ports:?}");
            ports.push(world.port(domain));
        }
    }
}

#[test]
fn descriptions_that_cannot_be() {
    let two_on_ipv6 = Domain::new("a.test")
        .mx("mx1")
        .peer(Peer::good().ipv6())
        .mx("mx2")
        .peer(Peer::good().ipv6());
    let foreign = Domain::new("a.test").mx("mx.b.test.").peer(Peer::good());
    let no_zone = Domain::new("a.test").record("@ MX nonsense");
    let crowd = (0..300).fold(Domain::new("a.test").mx("mx"), |domain, _| {
        domain.peer(Peer::good().down())
    });
    for (domain, expected) in [
        (two_on_ipv6, "a second peer on ::1"),
        (foreign, "mx.b.test is not below a.test"),
        (crowd, "252 addresses"),
    ] {
        let error = World::builder().domain(domain).start().err().unwrap();
        assert!(matches!(error, WorldError::Description(_)));
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = World::builder().domain(no_zone).start().err().unwrap();
    assert!(matches!(error, WorldError::Zone(_)), "{error}");
}

/// The check that every world makes at its end.
#[test]
fn a_world_that_ends_tells_of_leaks() {
    let world = || {
        let domain = Domain::new("a.test").peer(Peer::good().no_starttls());
        let world = World::builder().domain(domain).start().unwrap();
        let peer = world.peers("a.test")[0].address();
        let mut client = Client::connect(peer);
        client.reply();
        client.ask("EHLO client.test");
        client.ask("MAIL FROM:<s+1.secure.onward@s.test>");
        client.ask("QUIT");
        world
    };
    let leaks = world().stop();
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    assert_eq!(leaks[0].tag, "1.secure.onward");
    let dropped = std::panic::catch_unwind(|| drop(world()));
    let said = *dropped.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains("1.secure.onward"), "{said}");
}

/// Files for another process, and that process.
#[test]
fn the_program_serves_until_its_input_ends() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .arg("serve")
        .arg(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let config = read("requiretls.conf");
    assert!(
        config.contains(&format!("port = {HTTPS_PORT}\n")),
        "{config}"
    );
    assert!(read("ca.pem").starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(read("anchor.key").contains("DNSKEY"));
    let domains = read("domains.txt");
    let line = domains
        .lines()
        .find(|line| line.starts_with("good.test "))
        .unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let address: IpAddr = words[3].parse().unwrap();
    let port: u16 = words[1].parse().unwrap();
    let mut client = Client::connect((address, port).into());
    assert_eq!(client.reply().0, 220);
    assert_eq!(client.ask("EHLO client.test").0, 250);
    assert_eq!(client.ask("QUIT").0, 221);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let sessions = read("sessions.txt");
    assert!(sessions.contains("clear: EHLO client.test\n"), "{sessions}");
}

/// All of the threads of a whole world, however many, and at once.
#[test]
fn a_world_ends_at_once() {
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| {
            let path = task.ok()?.path().join("comm");
            std::fs::read_to_string(path).ok()
        });
        names.filter(|name| name.starts_with("mx.crowd-")).count()
    };
    let domains = (0..200).map(|n| {
        let name = format!("crowd-{n}.test");
        Domain::new(&name).mx("mx").peer(Peer::good())
    });
    let world = World::builder().domains(domains).start().unwrap();
    let mut client = Client::connect(world.peers("mx.crowd-7.test")[0].address());
    client.reply();
    assert_eq!(threads(), 201, "a listener each, and one session");
    let start = Instant::now();
    assert!(world.stop().is_empty());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(threads(), 0);
}

/// What the program is told wrong.
#[test]
fn usage_of_the_program() {
    let none = ["serve", "/nonexistent/directory"];
    for (arguments, code) in [
        (&[][..], 64),
        (&["serve"], 64),
        (&["server", "x"], 64),
        (&none, 1),
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_testbed"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

/// Shapes and defects of zones are the zones' own; here they are only passed on.
#[test]
fn zones_have_their_shapes() {
    let world = World::builder()
        .zone(Zone::from_text("test", "").unwrap().nsec3())
        .domain(Domain::new("old.test").zone(Zone::expired).mx("mx"))
        .domain(
            Domain::new("lie.test")
                .mx("mx")
                .altered("@ MX 10 evil.example."),
        )
        .domain(
            Domain::new("bad.test")
                .mx("mx")
                .damaged("@", RecordType::MX),
        )
        .domain(Domain::new("null.test").signed().null_mx())
        .start()
        .unwrap();
    assert!(world.trust_anchor().contains("DNSKEY"));
    let config = world.config_toml(DnsMode::Validate);
    assert!(config.contains("mode = \"validate\"\n"), "{config}");
    assert!(
        config.contains(&world.dns().address().to_string()),
        "{config}"
    );
}
