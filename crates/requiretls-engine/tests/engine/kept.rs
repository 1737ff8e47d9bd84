//! What a process that stays need not ask again.

use crate::name_server::Fault;
use crate::policy_host::Authority;
use crate::world::{NOW, World, names};
use requiretls_core::facts::{Facts, Route, Security};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::site_policy::{self, HopMode, Rule};
use requiretls_core::tls_level::TlsLevel;
use requiretls_engine::clock::Clock;
use requiretls_engine::discovery::Discovered;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, Zone};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const LINES: [&str; 8] = [
    "d.test MX 10 mx.d.test",
    "mx.d.test A 192.0.2.1",
    "mx.d.test AAAA 2001:db8::1",
    "_25._tcp.mx.d.test TLSA 3 1 1 01",
    "_26._tcp.mx.d.test TLSA 3 1 1 01",
    "relay.test A 192.0.2.2",
    "other.test MX 10 mx.d.test",
    "null.test MX 0 .",
];

/// A question, without its next hop.
#[derive(Clone, Copy)]
struct Asking<'a> {
    port: u16,
    hosts: &'a [&'a str],
    rule: &'a Rule,
    requiring: bool,
    budget: u64,
}

/// A next hop, and the rest of the question.
type To<'a> = (&'a str, Asking<'a>);

fn plain(rule: &Rule) -> Asking<'_> {
    Asking {
        port: 25,
        hosts: &[],
        rule,
        requiring: false,
        budget: 5_000,
    }
}

fn look_up(discovery: &Discovery, next_hop: &str, asking: Asking<'_>) -> Discovered {
    let hosts: Vec<Host> = asking
        .hosts
        .iter()
        .map(|h| Host::parse(h).unwrap())
        .collect();
    let question = Question {
        next_hop: &NextHop::parse(next_hop).unwrap(),
        hosts: &hosts,
        port: asking.port,
        rule: asking.rule,
        requiring: asking.requiring,
    };
    let deadline = Deadline::after(Duration::from_millis(asking.budget));
    discovery.lookup(&question, &deadline)
}

/// The system's many roots take long to read.
fn one_root() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, Authority::new("CA").pem()).unwrap();
    (directory, path)
}

fn at(discovery: &Discovery, after: i64) -> Discovery {
    let now = NOW.checked_add_signed(after).unwrap();
    discovery.clone().with_clock(Clock::fixed(now))
}

#[test]
fn a_second_lookup_asks_nobody() {
    let world = World::new(&LINES, &["test"], &[]);
    let discovery = world.discovery();
    let rule = Rule::default();
    for next_hop in [
        "d.test",
        "other.test",
        "mx.d.test",
        "null.test",
        "nowhere.test",
        "[192.0.2.1]",
        "unix:/run/lmtp",
    ] {
        let first = look_up(&discovery, next_hop, plain(&rule));
        assert!(!first.is_kept(), "{next_hop}");
        assert_eq!(first.found_at(), Some(NOW), "{next_hop}");
        let asked = world.name_server.asked().len();
        // Another thread, and no time to ask anybody.
        let second = std::thread::scope(|scope| {
            let lookup = scope.spawn(|| {
                let discovery = at(&discovery, 60);
                let asking = Asking {
                    budget: 0,
                    ..plain(&rule)
                };
                look_up(&discovery, next_hop, asking)
            });
            lookup.join().unwrap()
        });
        assert!(second.is_kept(), "{next_hop}");
        assert_eq!(second.found_at(), Some(NOW), "{next_hop}");
        assert_eq!(second.facts(), first.facts(), "{next_hop}");
        assert_eq!(world.name_server.asked().len(), asked, "{next_hop}");
        let afresh = discovery.clone().keeping_no_facts();
        for _ in 0..2 {
            assert!(!look_up(&afresh, next_hop, plain(&rule)).is_kept());
        }
    }
}

/// Label, lines in the place of those of the same name and type, faults, seconds to the second
/// lookup, whether it asks.
type Row<'a> = (&'a str, &'a str, Option<(&'a str, Fault)>, i64, bool);

#[test]
fn for_how_long() {
    let week = "mx.d.test 604800 A 192.0.2.1";
    let (drop, fail, refused) = (Fault::Drop, Fault::ServFail, Fault::Refused);
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("within the TTL",               "",                                        None, 899,   false),
        ("no policy: the SOA's minimum", "",                                        None, 900,   true),
        ("MX TTL",                       "d.test 60 MX 10 mx.d.test",               None, 59,    false),
        ("MX TTL over",                  "d.test 60 MX 10 mx.d.test",               None, 60,    true),
        ("A TTL",                        "mx.d.test 50 A 192.0.2.1",                None, 49,    false),
        ("A TTL over",                   "mx.d.test 50 A 192.0.2.1",                None, 50,    true),
        ("AAAA TTL over",                "mx.d.test 50 AAAA 2001:db8::1",           None, 50,    true),
        ("TLSA TTL",                     "_25._tcp.mx.d.test 40 TLSA 3 1 1 01",     None, 39,    false),
        ("TLSA TTL over",                "_25._tcp.mx.d.test 40 TLSA 3 1 1 01",     None, 40,    true),
        ("TXT TTL over",                 "_mta-sts.d.test 30 TXT v=spf1",           None, 30,    true),
        ("RFC 1035 TTL 0",               "mx.d.test 0 A 192.0.2.1",                 None, 0,     true),
        ("RFC 1035 TTL 1",               "mx.d.test 1 A 192.0.2.1",                 None, 0,     false),
        ("a long TTL",                   week,                                      None, 899,   false),
        ("S25 clock set back",           "",                                        None, -1,    true),
        ("S25 clock set back far",       "",                                        None, -9_999, true),
        ("clock put forward",            "",                                        None, 99_999, true),
        ("D2 MX failed",                 "", Some(("MX d.test", fail)),                     0,     true),
        ("D2 A failed",                  "", Some(("A mx.d.test", refused)),                0,     true),
        ("D2 AAAA failed",               "", Some(("AAAA mx.d.test", fail)),                0,     true),
        ("D2 AAAA bogus",                "", Some(("AAAA mx.d.test", Fault::Bogus)),        0,     true),
        ("D2 TLSA failed",               "", Some(("TLSA _25._tcp.mx.d.test", drop)),       0,     true),
        ("S24 TXT failed",               "", Some(("TXT _mta-sts.d.test", refused)),        0,     true),
    ];
    let rule = Rule::default();
    let (_directory, ca_file) = one_root();
    for (label, line, fault, after, asks) in table {
        let owner_and_type = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let kind = if words.get(1).is_some_and(|w| w.parse::<u32>().is_ok()) {
                words.get(2)
            } else {
                words.get(1)
            };
            words.first().zip(kind).map(|(o, k)| format!("{o} {k}"))
        };
        let replaced = owner_and_type(line);
        let lines = LINES
            .into_iter()
            .filter(|other| owner_and_type(other) != replaced);
        let lines: Vec<&str> = lines.chain(Some(line).filter(|l| !l.is_empty())).collect();
        let mut world = World::new(&lines, &["test"], fault.as_slice());
        world.settings = format!("[sts]\nca_file = {ca_file:?}");
        let discovery = world.discovery();
        let asking = Asking {
            budget: 600,
            ..plain(&rule)
        };
        let first = look_up(&discovery, "d.test", asking);
        let asked = world.name_server.asked().len();
        let second = look_up(&at(&discovery, after), "d.test", asking);
        assert_eq!(world.name_server.asked().len() > asked, asks, "{label}");
        assert_eq!(second.is_kept(), !asks, "{label}");
        if !asks {
            assert_eq!(first.hosts, second.hosts, "{label}");
            assert_eq!(first.route, second.route, "{label}");
            let end = second.expires.unwrap();
            let now = NOW.checked_add_signed(after).unwrap();
            assert!(end >= now + 300, "{label}: a delivery has its time");
        }
    }
}

/// The wall clock of this world stands still; the other one does not.
#[test]
fn s25_no_longer_than_that_on_a_clock_that_nobody_sets() {
    let world = World::new(&["mx.test 1 A 192.0.2.1"], &["test"], &[]);
    let discovery = world.discovery();
    let rule = Rule::default();
    let first = look_up(&discovery, "mx.test", plain(&rule));
    assert!(!first.is_kept());
    std::thread::sleep(Duration::from_millis(1_100));
    assert!(!look_up(&discovery, "mx.test", plain(&rule)).is_kept());
}

#[test]
fn another_question_is_another() {
    let (_directory, ca_file) = one_root();
    let mut world = World::new(&LINES, &["test"], &[]);
    world.settings = format!("[sts]\nca_file = {ca_file:?}");
    let usual = Rule::default();
    let rule = |change: fn(&mut Rule)| {
        let mut rule = Rule::default();
        change(&mut rule);
        rule
    };
    let smarthost = rule(|r| r.smarthost = Some("relay.test".to_owned()));
    let other_smarthost = rule(|r| r.smarthost = Some("mx.d.test".to_owned()));
    let off = rule(|r| r.discovery = site_policy::Discovery::Off);
    let audit = rule(|r| r.discovery = site_policy::Discovery::Audit);
    let secure_off = rule(|r| {
        r.discovery = site_policy::Discovery::Off;
        r.floor = TlsLevel::Secure;
    });
    let other_floor = rule(|r| r.floor = TlsLevel::Encrypt);
    let local = rule(|r| r.hop = HopMode::Local);
    let encrypt = rule(|r| r.hop = HopMode::Encrypt);
    let plainly = plain(&usual);
    let by = |hosts| Asking { hosts, ..plainly };
    let requiring = |asking| Asking {
        requiring: true,
        ..asking
    };
    let to_port = |port| Asking { port, ..plainly };
    // label, the first question, the second, whether it is the same
    #[rustfmt::skip]
    let table: Vec<(&str, To<'_>, To<'_>, bool)> = vec![
        ("the same",               ("d.test", plainly),         ("d.test", plainly),         true),
        ("P2 as written",          ("d.test", plainly),         ("D.Test.", plainly),        true),
        ("a tag asks no more",     ("d.test", plainly),         ("d.test", requiring(plainly)), true),
        ("another domain",         ("d.test", plainly),         ("other.test", plainly),     false),
        ("D10 another port",       ("d.test", plainly),         ("d.test", to_port(26)),     false),
        ("P2a hosts",              ("d.test", plainly),         ("d.test", by(&["mx.d.test"])), false),
        ("P2a other hosts",        ("d.test", by(&["mx.d.test"])), ("d.test", by(&["relay.test"])), false),
        ("P2a their order",        ("d.test", by(&["mx.d.test", "relay.test"])), ("d.test", by(&["relay.test", "mx.d.test"])), false),
        ("P2a the same hosts",     ("d.test", by(&["mx.d.test"])), ("d.test", by(&["MX.d.test"])), true),
        ("a smart host",           ("d.test", plainly),         ("d.test", plain(&smarthost)), false),
        ("another smart host",     ("d.test", plain(&smarthost)), ("d.test", plain(&other_smarthost)), false),
        ("hosts before it",        ("d.test", Asking { hosts: &["mx.d.test"], ..plain(&smarthost) }, ), ("d.test", by(&["mx.d.test"])), true),
        ("D22 off",                ("d.test", plainly),         ("d.test", plain(&off)),     false),
        ("D22 off, a tag",         ("d.test", plain(&off)),     ("d.test", requiring(plain(&off))), false),
        ("D22 off, a tag as on",   ("d.test", plainly),         ("d.test", requiring(plain(&off))), true),
        ("D22 off, a floor as on", ("d.test", plainly),         ("d.test", plain(&secure_off)), true),
        ("D22 audit as on",        ("d.test", plainly),         ("d.test", plain(&audit)),   true),
        ("P8 another floor",       ("d.test", plainly),         ("d.test", plain(&other_floor)), true),
        ("P12 another hop mode",   ("d.test", plainly),         ("d.test", plain(&encrypt)), true),
        ("P12 local",              ("[127.0.0.1]", plainly),    ("[127.0.0.1]", plain(&local)), false),
    ];
    for (label, (first, asking), (second, asking_again), same) in table {
        let discovery = world.discovery();
        assert!(!look_up(&discovery, first, asking).is_kept(), "{label}");
        let again = look_up(&discovery, second, asking_again);
        assert_eq!(again.is_kept(), same, "{label}");
        let afresh = look_up(&discovery.keeping_no_facts(), second, asking_again);
        assert_eq!(again.facts(), afresh.facts(), "{label}");
    }
}

/// RFC 5321 section 5.1: equals are drawn anew for each message, as if they had been looked up.
#[test]
fn equals_are_drawn_anew() {
    let lines = [
        "d.test MX 10 a.test",
        "d.test MX 20 b.test",
        "d.test MX 20 c.test",
        "d.test MX 20 d.test",
        "d.test MX 30 e.test",
        "a.test A 192.0.2.1",
        "b.test A 192.0.2.2",
        "c.test A 192.0.2.3",
        "d.test A 192.0.2.4",
        "e.test A 192.0.2.5",
    ];
    let world = World::new(&lines, &["test"], &[]);
    let discovery = world.discovery();
    let rule = Rule::default();
    let first = look_up(&discovery, "d.test", plain(&rule));
    let asked = world.name_server.asked().len();
    let mut orders = BTreeSet::new();
    for _ in 0..100 {
        let again = look_up(&discovery, "d.test", plain(&rule));
        assert!(again.is_kept());
        let order = names(&again);
        assert_eq!((order[0].as_str(), order[4].as_str()), ("a.test", "e.test"));
        for host in &first.hosts {
            assert!(again.hosts.contains(host), "whole: {host:?}");
        }
        orders.insert(order);
    }
    assert_eq!(orders.len(), 6, "{orders:?}");
    assert_eq!(world.name_server.asked().len(), asked);

    let rule = Rule::default();
    let hosts = Asking {
        hosts: &["c.test", "b.test", "e.test"],
        ..plain(&rule)
    };
    for _ in 0..20 {
        let order = names(&look_up(&discovery, "d.test", hosts));
        assert_eq!(order, hosts.hosts, "the site's own order stays");
    }
}

/// A server that does not pass its test, and one that cannot be tested.
#[test]
fn p2a_what_an_untested_server_says_is_asked_again() {
    let rule = Rule::default();
    // label, what becomes of the test's question, of the domain's zone; whether it is asked again
    #[rustfmt::skip]
    let table = [
        ("proven",           None,                true,  false),
        ("proven, unsigned", None,                false, false),
        ("no answer, AD",    Some(Fault::Drop),   true,  false),
        ("no answer, no AD", Some(Fault::Drop),   false, true),
        ("refused, no AD",   Some(Fault::Refused), false, true),
    ];
    for (label, fault, is_signed, asks) in table {
        let lines = ["mx.d.test A 192.0.2.1", "probe.example A 192.0.2.1"];
        let signed = ["probe.example", if is_signed { "test" } else { "none" }];
        let fault = fault.map(|fault| ("SOA probe.example", fault));
        let world = World::new(&lines, &signed, fault.as_slice());
        let server = world.name_server.address();
        let text = format!(
            "cache.directory = \"\"\n[dns]\nservers = [\"{server}\"]\n\
             probe_signed = [\"probe.example\"]\nprobe_unsigned = []"
        );
        let config = Config::parse(text.as_bytes(), Path::new("world")).unwrap();
        let discovery = Discovery::open(&config).unwrap();
        let discovery = discovery.with_clock(Clock::fixed(NOW));
        let first = look_up(&discovery, "mx.d.test", plain(&rule));
        let status = match (is_signed, asks) {
            (true, _) => Security::Secure,
            (false, false) => Security::Insecure,
            (false, true) => Security::Unknown,
        };
        assert_eq!(first.route, Route::Implicit(status), "{label}");
        let again = look_up(&discovery, "mx.d.test", plain(&rule));
        assert_eq!(again.is_kept(), !asks, "{label}");
    }
}

/// RFC 4035 section 5.3.3: however long the TTL, a signature's end is the end.
#[test]
fn never_past_a_signature() {
    let block = Block::claim().unwrap();
    let text = "@ 9000 MX 10 mx\nmx 9000 A 192.0.2.1\nmx 9000 AAAA 2001:db8::1\n\
                _25._tcp.mx 9000 TLSA 3 1 1 00\n_mta-sts 9000 TXT v=spf1";
    let zones = [("test", ""), ("d.test", text)];
    let zones = zones.map(|(name, text)| Zone::from_text(name, text).unwrap());
    let clock = requiretls_testbed::Clock::system();
    let begun = clock.now();
    let world = DnsWorld::start(DnsWorldSpec {
        zones: zones.into(),
        addresses: vec![(block.address(2), 0).into()],
        clock: clock.clone(),
    })
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("root.key"), world.trust_anchor()).unwrap();
    let text = format!(
        "cache.directory = \"\"\n[dns]\nmode = \"validate\"\ntrust_anchor = \"root.key\"\n\
         probe_signed = []\nservers = [\"{}\"]",
        world.address()
    );
    let file = directory.path().join("requiretls.conf");
    let config = Config::parse(text.as_bytes(), &file).unwrap();
    // When the signatures end; the world has taken a moment to begin.
    let end = begun + requiretls_testbed::days(30).as_secs();
    let found = |discovery: &Discovery, now, name: &str| -> Discovered {
        let discovery = discovery.clone().with_clock(Clock::fixed(now));
        look_up(&discovery, name, plain(&Rule::default()))
    };
    // label, next hop, when it is looked up, again, whether that asks
    #[rustfmt::skip]
    let table = [
        ("the TTL is shorter",   "d.test",   20_000, 8_990,  false),
        ("the TTL is over",      "d.test",   20_000, 9_000,  true),
        ("before the signature", "d.test",   100,    90,     false),
        ("behind the signature", "d.test",   100,    110,    true),
        ("a denial, before",     "no.d.test", 100,   90,     false),
        ("a denial, behind",     "no.d.test", 100,   110,    true),
    ];
    for (label, name, before_end, after, asks) in table {
        let discovery = Discovery::open(&config).unwrap();
        let first = found(&discovery, end - before_end, name);
        let secure = matches!(
            first.route,
            Route::Mx(Security::Secure) | Route::NoDomain(Security::Secure)
        );
        assert!(secure, "{label}: {:?}", first.route);
        let asked = world.questions().len();
        let second = found(&discovery, end - before_end + after, name);
        assert_eq!(second.is_kept(), !asks, "{label}");
        assert_eq!(world.questions().len() > asked, asks, "{label}");
    }
}

/// A whole lookup is worth keeping to whoever has the facts alone.
#[test]
fn facts_go_on_without_the_rest() {
    let world = World::new(&LINES, &["test"], &[]);
    let found = look_up(&world.discovery(), "d.test", plain(&Rule::default()));
    let shared: std::sync::Arc<Facts> = found.clone().into();
    let own: Facts = found.clone().into();
    assert_eq!((found.facts(), &*shared), (&own, &own));
}
