//! Mode `validate` beside mode `ad`: the same questions about the same zones, each with the answer
//! that a validating resolver must give.

use crate::dns_table::{self, Answer as Truth};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Tlsa,
};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::clock::Clock;
use requiretls_engine::dns::{Bounded, Family, Found, Resolver, TrustAnchor};
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{
    AuthorityFault, Block, DnsWorld, DnsWorldSpec, WireFault, Zone, days, rdata,
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// An answer's status, how many aliases led to it, and how many records it has.
type Told = Result<(Security, usize, Records), LookupCause>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Records {
    Some(usize),
    NoData,
    NoDomain,
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn validating(world: &DnsWorld, now: u64) -> Resolver {
    let anchor = TrustAnchor::parse(world.trust_anchor()).unwrap();
    Resolver::new(vec![world.address()], false).validating(anchor, Clock::fixed(now))
}

fn believing(world: &DnsWorld) -> Resolver {
    Resolver::new(vec![world.address()], true)
}

/// `None`: no such question is ever asked.
fn ask(resolver: &Resolver, name: &str, kind: RecordType) -> Option<Told> {
    let dns = resolver.within(Deadline::after(Duration::from_secs(20)));
    told(&dns, name, kind)
}

fn told(dns: &Bounded<'_>, name: &str, kind: RecordType) -> Option<Told> {
    fn read<T>(
        answer: Result<requiretls_engine::dns::Answer<T>, requiretls_core::facts::LookupFailure>,
    ) -> Told {
        let answer = answer.map_err(|failure| failure.cause)?;
        let records = match answer.found {
            Found::Records(records) => Records::Some(records.len()),
            Found::NoData => Records::NoData,
            Found::NoDomain => Records::NoDomain,
        };
        Ok((answer.security, answer.chain.len(), records))
    }
    let name = Domain::parse(name.as_bytes()).ok()?;
    Some(match kind {
        RecordType::A => read(dns.addresses(&name, Family::Ipv4)),
        RecordType::AAAA => read(dns.addresses(&name, Family::Ipv6)),
        RecordType::CNAME => read(dns.cname(&name)),
        RecordType::MX => read(dns.mx(&name)),
        RecordType::TLSA => read(dns.tlsa(&name)),
        RecordType::TXT => read(dns.txt(&name)),
        _ => return None,
    })
}

/// Whether an answer says what the table does; that counts DNAMEs and aliases as records.
fn is_true(told: Told, truth: Truth) -> bool {
    use Security::{Insecure, Secure};
    let matches = |number: usize, status: Security| match told {
        Ok((security, _, Records::NoData)) if number == 0 => security == status,
        Ok((security, chain, Records::NoData)) => security == status && chain > 0,
        Ok((security, chain, Records::Some(records))) => {
            security == status && records > 0 && (records + chain..=number).contains(&number)
        }
        _ => false,
    };
    match truth {
        Truth::Secure(number) => matches(number, Secure),
        Truth::Insecure(number) => matches(number, Insecure),
        Truth::SecureNone(_) => matches!(told, Ok((Secure, _, Records::NoDomain))),
        Truth::InsecureNone(_) => matches!(told, Ok((Insecure, _, Records::NoDomain))),
        Truth::Bogus => told == Err(LookupCause::Bogus),
        Truth::Unreachable => matches!(told, Err(cause) if cause != LookupCause::Bogus),
    }
}

#[test]
fn both_modes_say_what_is_true_of_the_zones() {
    let block = Block::claim().unwrap();
    let world = dns_table::world(vec![(block.address(2), 0).into()]);
    let (validate, ad) = (validating(&world, now()), believing(&world));
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (label, name, kind, truth) in dns_table::questions() {
        let question = format!("{kind} {name}");
        for (mode, resolver) in [("validate", &validate), ("ad", &ad)] {
            let Some(told) = ask(resolver, &name, kind) else {
                continue;
            };
            asked += 1;
            if !is_true(told, truth) {
                wrong.push(format!(
                    "{mode}: {label}: {question}: {told:?}, not {truth:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 300, "{asked}");
}

#[test]
fn faults_of_the_authorities() {
    use AuthorityFault::{Delay, Deny, Drop, Lie, Refused, ServFail, StripSignatures, Truncate};
    use LookupCause::{Bogus, Timeout};
    let block = Block::claim().unwrap();
    let world = dns_table::world(vec![(block.address(2), 0).into()]);
    let (validate, ad) = (validating(&world, now()), believing(&world));
    let lie = |text: &str| Lie(vec![rdata(text).unwrap()]);
    let ok = |security, records| Ok((security, 0, records));
    let some = Records::Some;
    let secure = |number| ok(Security::Secure, some(number));
    let both = |told: Told| (told, told);
    let tlsa = "TLSA _25._tcp.mx.signed.example";
    let none = "TLSA mx.signed.example";
    #[rustfmt::skip]
    let table = vec![
        // label, fault at, question, fault, told in validate and in ad
        ("a lie",                    tlsa, tlsa, lie("TLSA 3 1 1 00"),      both(Err(Bogus))),
        ("no signatures",            tlsa, tlsa, StripSignatures,           both(Err(Bogus))),
        ("a denial",                 tlsa, tlsa, Deny,                      both(Err(Bogus))),
        ("an alias to elsewhere",    tlsa, tlsa, lie("CNAME _25._tcp.mx.unsigned.example."), both(Err(Bogus))),
        ("an invented record",       none, none, lie("TLSA 3 1 1 00"),      both(Err(Bogus))),
        ("a denial, not signed",     none, none, StripSignatures,           both(Err(Bogus))),
        ("DS denied",                "DS signed.example", tlsa, Deny,       both(Err(Bogus))),
        ("DS not signed",            "DS signed.example", tlsa, StripSignatures, both(Err(Bogus))),
        ("keys not signed",          "DNSKEY signed.example", tlsa, StripSignatures, both(Err(Bogus))),
        ("keys denied",              "DNSKEY signed.example", tlsa, Deny,   both(Err(Bogus))),
        ("no DS denied, unsigned",   "DS unsigned.example", "MX unsigned.example", Deny, both(Err(Bogus))),
        ("a lie in an unsigned zone", "A mx.unsigned.example", "A mx.unsigned.example", lie("A 203.0.113.9"),
            both(ok(Security::Insecure, some(1)))),
        ("SERVFAIL",                 tlsa, tlsa, ServFail,                  both(Err(LookupCause::ServFail))),
        ("REFUSED",                  tlsa, tlsa, Refused,                   (Err(LookupCause::Refused), Err(LookupCause::ServFail))),
        ("SERVFAIL for a key",       "DNSKEY signed.example", tlsa, ServFail, (Err(LookupCause::ServFail), Err(Bogus))),
        ("no answer",                tlsa, tlsa, Drop,                      (Err(Timeout), Err(LookupCause::ServFail))),
        ("late",                     tlsa, tlsa, Delay(Duration::from_millis(100)), both(secure(1))),
        ("cut",                      tlsa, tlsa, Truncate,                  both(secure(1))),
        ("cut keys",                 "DNSKEY signed.example", tlsa, Truncate, both(secure(1))),
    ];
    for (label, at, question, fault, (by_validation, by_ad)) in table {
        let (at_kind, at_name) = at.split_once(' ').unwrap();
        let kind = at_kind.parse().unwrap();
        world.faults().authority(at_name, kind, fault).unwrap();
        let (kind, name) = question.split_once(' ').unwrap();
        let kind = kind.parse().unwrap();
        for (mode, resolver, expected) in
            [("validate", &validate, by_validation), ("ad", &ad, by_ad)]
        {
            let dns = resolver.within(Deadline::after(Duration::from_secs(4)));
            assert_eq!(told(&dns, name, kind), Some(expected), "{mode}: {label}");
        }
        world.faults().clear();
        assert_eq!(
            ask(&validate, "mx.signed.example", RecordType::A),
            Some(secure(2)),
            "{label}"
        );
    }
}

#[test]
fn between_resolver_and_engine_validation_alone_sees_lies() {
    use WireFault::{ClearAd, Replace, SetAd};
    let block = Block::claim().unwrap();
    let world = dns_table::world(vec![(block.address(2), 0).into()]);
    let (validate, ad) = (validating(&world, now()), believing(&world));
    let one = |security| Ok((security, 0, Records::Some(1)));
    let (secure, insecure) = (one(Security::Secure), one(Security::Insecure));
    let other = || Replace(vec![rdata("MX 10 mx.evil.example.").unwrap()]);
    #[rustfmt::skip]
    let table: Vec<(&str, &str, WireFault, Told, Told)> = vec![
        ("other records, AD kept", "signed.example",   other(), Err(LookupCause::Bogus), secure),
        ("AD set",                 "unsigned.example", SetAd,   insecure,                secure),
        ("AD cleared",             "signed.example",   ClearAd, secure,                  insecure),
    ];
    for (label, name, fault, by_validation, by_ad) in table {
        world.faults().wire(name, RecordType::MX, fault).unwrap();
        assert_eq!(
            ask(&validate, name, RecordType::MX),
            Some(by_validation),
            "validate: {label}"
        );
        assert_eq!(ask(&ad, name, RecordType::MX), Some(by_ad), "ad: {label}");
        world.faults().clear();
    }
}

/// A lookup in a world of its own, in one mode.
struct Lookups {
    world: DnsWorld,
    directory: tempfile::TempDir,
    clock: requiretls_testbed::Clock,
    _block: Block,
}

impl Lookups {
    fn start(zones: Vec<Zone>) -> Self {
        let block = Block::claim().unwrap();
        let clock = requiretls_testbed::Clock::system();
        let world = DnsWorld::start(DnsWorldSpec {
            zones,
            addresses: vec![(block.address(2), 0).into()],
            clock: clock.clone(),
        })
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("root.key"), world.trust_anchor()).unwrap();
        Self {
            world,
            directory,
            clock,
            _block: block,
        }
    }

    fn facts(&self, mode: &str, next_hop: &str) -> Facts {
        let server = self.world.address();
        let text = format!(
            "[dns]\nmode = \"{mode}\"\ntrust_anchor = \"root.key\"\nservers = [\"{server}\"]"
        );
        let file = self.directory.path().join("requiretls.conf");
        let config = Config::parse(text.as_bytes(), &file).unwrap();
        let discovery = Discovery::open(&config).unwrap();
        assert!(discovery.is_dnssec_trusted());
        let question = Question {
            next_hop: &NextHop::parse(next_hop).unwrap(),
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: true,
        };
        discovery
            .with_clock(Clock::fixed(self.clock.now()))
            .lookup(&question, &Deadline::after(Duration::from_secs(20)))
            .into()
    }
}

fn zone(name: &str, lines: &[&str]) -> Zone {
    Zone::from_text(name, &lines.join("\n")).unwrap()
}

#[test]
fn lookups_come_to_the_same_facts_in_both_modes() {
    use Security::{Insecure, Secure};
    let lines = [
        "@             MX    10 mx",
        "mx            A     192.0.2.1",
        "_25._tcp.mx   TLSA  3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    ];
    let alias = ["@ MX 10 alias", "alias CNAME mx.good.example."];
    let leaves = ["@ MX 10 leaves", "leaves CNAME mx.unsigned.example."];
    let star = [
        "@             MX    10 mx",
        "mx            A     192.0.2.1",
        "*._tcp.mx     TLSA  3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    ];
    let lookups = Lookups::start(vec![
        zone("example", &[]),
        zone("good.example", &lines),
        zone("alias.example", &alias),
        zone("leaves.example", &leaves),
        zone("star.example", &star),
        zone("bare.example", &["@ A 192.0.2.1"]),
        zone("unsigned.example", &lines).unsigned(),
        zone("mx-byte.example", &lines)
            .damaged("@", RecordType::MX)
            .unwrap(),
        zone("a-byte.example", &lines)
            .damaged("mx", RecordType::A)
            .unwrap(),
        zone("tlsa-byte.example", &lines)
            .damaged("_25._tcp.mx", RecordType::TLSA)
            .unwrap(),
        zone("altered.example", &lines)
            .altered("_25._tcp.mx TLSA 3 1 1 00")
            .unwrap(),
    ]);
    let failed = |question: &str| LookupFailure {
        cause: LookupCause::Bogus,
        question: question.to_owned(),
    };
    let mx = |security| format!("{:?}", Route::Mx(security));
    let found = |base: &str| Ok(Some(base.to_owned()));
    #[rustfmt::skip]
    let table = [
        // the domain, its route, its host's aliases and TLSA base
        ("good.example",      mx(Secure),   None,         found("mx.good.example")),
        ("alias.example",     mx(Secure),   Some(Secure), found("mx.good.example")),
        ("leaves.example",    mx(Secure),   Some(Secure), Ok(None)),
        ("star.example",      mx(Secure),   None,         found("mx.star.example")),
        ("bare.example",      format!("{:?}", Route::Implicit(Secure)), None, Ok(None)),
        ("gone.example",      format!("{:?}", Route::NoDomain(Secure)), None, Ok(None)),
        ("unsigned.example",  mx(Insecure), None,         Ok(None)),
        ("mx-byte.example",   format!("{:?}", Route::Failed(failed("MX mx-byte.example"))), None, Ok(None)),
        ("a-byte.example",    mx(Secure),   None,         Ok(None)),
        ("tlsa-byte.example", mx(Secure),   None,         Err(failed("TLSA _25._tcp.mx.tlsa-byte.example"))),
        ("altered.example",   mx(Secure),   None,         Err(failed("TLSA _25._tcp.mx.altered.example"))),
    ];
    for (domain, route, cname, tlsa) in &table {
        for mode in ["validate", "ad"] {
            let facts = lookups.facts(mode, domain);
            assert_eq!(format!("{:?}", facts.route), *route, "{mode}: {domain}");
            let host = facts.hosts.first();
            assert_eq!(host.and_then(|host| host.cname), *cname, "{mode}: {domain}");
            let base = match host.map(|host| &host.tlsa) {
                Some(Tlsa::Found { base, .. }) => Ok(Some(base.to_string())),
                Some(Tlsa::Failed(failure)) => Err(failure.clone()),
                Some(Tlsa::None) | None => Ok(None),
            };
            assert_eq!(base, *tlsa, "{mode}: {domain}");
        }
    }
    for mode in ["validate", "ad"] {
        let facts = lookups.facts(mode, "a-byte.example");
        let bogus = Addresses::Failed(failed("A mx.a-byte.example"));
        assert_eq!(facts.hosts[0].addresses, bogus, "{mode}");
    }
    lookups.clock.forward(days(60));
    for mode in ["validate", "ad"] {
        let expired = Route::Failed(failed("MX good.example"));
        assert_eq!(
            lookups.facts(mode, "good.example").route,
            expired,
            "{mode}, 60 days later"
        );
    }
}

#[test]
fn what_does_not_depend_on_each_other_is_in_flight_together() {
    const DELAY: Duration = Duration::from_millis(150);
    let mut lines = Vec::new();
    for host in 1..=4 {
        lines.push(format!("@ MX {host} mx{host}"));
        lines.push(format!("mx{host} A 192.0.2.{host}"));
        lines.push(format!("mx{host} AAAA 2001:db8::{host}"));
        lines.push(format!("_25._tcp.mx{host} TLSA 3 1 1 {}", "00".repeat(32)));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let lookups = Lookups::start(vec![zone("example", &[]), zone("four.example", &lines)]);
    let slow = |name: &str, kind| {
        let faults = lookups.world.faults();
        faults.wire(name, kind, WireFault::Delay(DELAY)).unwrap();
    };
    slow("four.example", RecordType::MX);
    slow("_mta-sts.four.example", RecordType::TXT);
    for host in 1..=4 {
        slow(&format!("mx{host}.four.example"), RecordType::A);
        slow(&format!("mx{host}.four.example"), RecordType::AAAA);
        slow(&format!("_25._tcp.mx{host}.four.example"), RecordType::TLSA);
    }
    for (zone, kinds) in [(".", 1), ("example", 2), ("four.example", 2)] {
        for kind in [RecordType::DNSKEY, RecordType::DS].into_iter().take(kinds) {
            slow(zone, kind);
        }
    }
    // One by one: 14 round trips, and 19 with the chain of trust. Together: 3 and 4.
    for mode in ["ad", "validate"] {
        let before = lookups.world.questions().len();
        let begin = Instant::now();
        let facts = lookups.facts(mode, "four.example");
        let took = begin.elapsed();
        let found = |host: &&HostFacts| matches!(host.tlsa, Tlsa::Found { .. });
        assert_eq!(facts.hosts.iter().filter(found).count(), 4, "{mode}");
        assert!(took >= DELAY * 3, "{mode}: {took:?}");
        assert!(took < DELAY * 10, "{mode}: {took:?}");
        let asked = lookups.world.questions().len() - before;
        let tests = 5; // of the server, in the first flight
        let questions = if mode == "ad" { 14 } else { 19 };
        assert_eq!(asked, questions + tests, "{mode}");
    }
}

/// How many zones there are above a name is for others to say; the stack is the host program's.
#[test]
fn deep_trees_need_no_deep_stack() {
    let mut origin = "example".to_owned();
    let mut zones = vec![zone("example", &[])];
    for level in 1..=12 {
        origin = format!("z{level}.{origin}");
        zones.push(zone(&origin, &["@ 0 MX 10 mx"]));
    }
    let lookups = Lookups::start(zones);
    let at = |level: usize| origin.splitn(13 - level, '.').last().unwrap();
    let secure = Ok((Security::Secure, 0, Records::Some(1)));
    let bogus = Err(LookupCause::Bogus);
    let strip = || AuthorityFault::StripSignatures;
    let none = (0, RecordType::TXT, strip());
    #[rustfmt::skip]
    let table = [
        ("two zones deep",         2,  none.clone(),                                         secure),
        ("twelve",                 12, none,                                                 secure),
        ("a DS is not signed",     12, (1, RecordType::DS, strip()),                         bogus),
        ("no DS",                  12, (6, RecordType::DS, AuthorityFault::Deny),            bogus),
        ("keys are not signed",    12, (6, RecordType::DNSKEY, strip()),                     bogus),
        ("no keys",                12, (1, RecordType::DNSKEY, AuthorityFault::Deny),        bogus),
        ("the answer not signed",  12, (12, RecordType::MX, strip()),                        bogus),
        ("nothing is signed",      12, (12, RecordType::MX, AuthorityFault::Deny),           bogus),
    ];
    let resolver = validating(&lookups.world, now());
    for (label, depth, (level, kind, fault), expected) in table {
        lookups
            .world
            .faults()
            .authority(at(level), kind, fault)
            .unwrap();
        let told = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(256 * 1024);
            let lookup = || ask(&resolver, at(depth), RecordType::MX);
            thread.spawn_scoped(scope, lookup).unwrap().join().unwrap()
        });
        lookups.world.faults().clear();
        assert_eq!(told, Some(expected), "{label}");
    }
}
