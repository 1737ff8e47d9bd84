//! What a domain may cost, whatever it publishes.

use crate::name_server::{Fault, NameServer, Zone as Lines};
use requiretls_core::facts::{Addresses, Facts, LookupCause, LookupFailure, Tlsa};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::discovery::MOST_HOSTS;
use requiretls_engine::dns::MOST_QUESTIONS;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, WireFault, Zone};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn lookup(server: SocketAddr, mode: &str, anchor: Option<&str>, budget: u64) -> (Facts, Duration) {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("root.key");
    std::fs::write(key, anchor.unwrap_or_default()).unwrap();
    let text = format!(
        "cache.directory = \"\"\n[dns]\nservers = [\"{server}\"]\nmode = \"{mode}\"\n\
         trust_anchor = \"root.key\""
    );
    let config = Config::parse(text.as_bytes(), &directory.path().join("x.conf")).unwrap();
    let discovery = Discovery::open(&config).unwrap();
    let question = Question {
        next_hop: &NextHop::parse("d.test").unwrap(),
        hosts: &[],
        port: 25,
        rule: &Rule::default(),
        requiring: true,
    };
    let (begin, kept_waiting) = (Instant::now(), kept_waiting());
    let deadline = Deadline::after(Duration::from_millis(budget));
    let facts = discovery.lookup(&question, &deadline).into();
    let kept_waiting = self::kept_waiting().saturating_sub(kept_waiting);
    (facts, begin.elapsed().saturating_sub(kept_waiting))
}

/// How long this thread would have run and had no processor: what the machine is slow in is not the
/// lookup's. Nothing where that is not told.
fn kept_waiting() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').nth(1).and_then(|n| n.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// 200 MX records, 100 addresses, 900 TLSA records (1,000 are too many to be signed as one set here),
/// and a TXT record of 60,000 octets.
fn large() -> (Block, DnsWorld) {
    let mut text = String::new();
    for n in 0..200 {
        writeln!(text, "@ MX {n} mx{n}\nmx{n} A 192.0.2.1").unwrap();
    }
    for n in 2..101 {
        writeln!(text, "mx0 A 192.0.2.{n}").unwrap();
    }
    for n in 0..900 {
        writeln!(text, "_25._tcp.mx0 TLSA 3 1 1 {n:064x}").unwrap();
    }
    let long = format!("\"{}\" ", "x".repeat(250)).repeat(240);
    writeln!(text, "_mta-sts TXT {long}").unwrap();
    let zones = [("test", ""), ("d.test", text.as_str())];
    let zones = zones.map(|(name, text)| Zone::from_text(name, text).unwrap());
    let block = Block::claim().unwrap();
    let world = DnsWorld::start(DnsWorldSpec {
        zones: zones.into(),
        addresses: vec![(block.address(2), 0).into()],
        ..DnsWorldSpec::default()
    });
    (block, world.unwrap())
}

#[test]
fn p5_what_is_beyond_the_limits_is_untried() {
    for (mode, most) in [("ad", MOST_QUESTIONS), ("validate", 1_000)] {
        let (_block, world) = large();
        let anchor = Some(world.trust_anchor());
        let (facts, _) = lookup(world.address(), mode, anchor, 60_000);
        assert_eq!(facts.hosts.len(), 200, "{mode}: each is in the plan");
        for (n, host) in facts.hosts.iter().enumerate() {
            match &host.addresses {
                Addresses::Found(addresses) if n < MOST_HOSTS => {
                    assert_eq!(addresses.len(), if n == 0 { 100 } else { 1 }, "{mode} {n}");
                }
                Addresses::Failed(LookupFailure { cause, question }) if n >= MOST_HOSTS => {
                    assert_eq!(*cause, LookupCause::Timeout, "{mode} {n}: row 5 defers");
                    assert!(question.contains("not asked for"), "{mode} {n}: {question}");
                }
                other => panic!("{mode} {n}: {other:?}"),
            }
        }
        let Tlsa::Found { records, .. } = &facts.hosts[0].tlsa else {
            panic!("{mode}: {:?}", facts.hosts[0].tlsa);
        };
        assert_eq!(records.len(), 900, "{mode}");
        let asked = world.questions();
        let udp = asked.iter().filter(|asked| !asked.tcp).count();
        assert!(udp > MOST_HOSTS * 3 && udp <= most, "{mode}: {udp}");
    }
}

/// Whatever DNS does, a lookup ends with its deadline: within a tenth of a second, even as it is built
/// for tests.
#[test]
fn the_deadline_holds() {
    let (_block, world) = large();
    let anchor = world.trust_anchor();
    let faults: [(&str, Option<WireFault>); 6] = [
        ("large", None),
        ("late", Some(WireFault::Delay(Duration::from_millis(400)))),
        ("silent", Some(WireFault::Drop)),
        ("SERVFAIL", Some(WireFault::ServFail)),
        ("all over TCP", Some(WireFault::Truncate)),
        ("wrong ids", Some(WireFault::WrongId)),
    ];
    for (label, fault) in faults {
        world.faults().clear();
        if let Some(fault) = fault {
            world.faults().everywhere(fault);
        }
        for mode in ["ad", "validate"] {
            // In the middle of reading, of judging, and of waiting.
            for budget in [20, 70, 200, 1_500] {
                in_time(&format!("{label}, {mode}"), budget, || {
                    lookup(world.address(), mode, Some(anchor), budget).1
                });
            }
        }
    }
    let drip = [("MX d.test", Fault::TruncateThenDrip)];
    let half_open = NameServer::start(Lines::new(&["d.test MX 10 mx.test"], &["test"], &drip));
    in_time("half open", 1_500, || {
        lookup(half_open.address(), "ad", None, 1_500).1
    });
}

/// How much later than its deadline a lookup may come back.
const SLACK: Duration = Duration::from_millis(100);

/// What a machine that is busy with something else does may be in the way once.
fn in_time(label: &str, budget: u64, lookup: impl Fn() -> Duration) {
    let most = Duration::from_millis(budget) + SLACK;
    let mut took = lookup();
    if took >= most {
        eprintln!("{label}, {budget} ms: {took:?} at first");
        took = lookup();
    }
    println!("{label}, {budget} ms: {took:?}");
    assert!(took < most, "{label}, {budget} ms: {took:?}");
}
