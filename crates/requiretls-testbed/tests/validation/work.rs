//! How much work may a zone make for whoever validates it?
//!
//! CVE-2023-50387 (many keys of one tag, many signatures), CVE-2023-50868 (many NSEC3 records, many
//! iterations), and sizes that are merely large. A lookup ends with its deadline, and what it could
//! not judge is a failure: mail waits.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use requiretls_core::facts::{Addresses, Facts, Route, Security, Tlsa};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::discovery::MOST_HOSTS;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::proto::dnssec::Nsec3HashAlgorithm;
use requiretls_testbed::proto::dnssec::rdata::{DNSSECRData, NSEC3};
use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::{RData, Record, RecordType};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, Zone, rdata};

use crate::hand::{Hand, spoilt};
use crate::liar::{Liar, Lie};

/// How many hosts the costly domain has.
const HOSTS: usize = 60;

/// What a lookup may take.
const BUDGET: Duration = Duration::from_millis(1_500);

/// Ten times what it may be late by: machines pause.
const LATE: Duration = Duration::from_secs(1);

struct Site {
    world: DnsWorld,
    liar: Liar,
    hand: Hand,
    directory: tempfile::TempDir,
    _block: Block,
}

impl Site {
    fn start(zones: Vec<Zone>) -> Self {
        let hand = Hand::new("trap.test");
        let test = Zone::from_text("test", &hand.delegation()).unwrap();
        let block = Block::claim().unwrap();
        let world = DnsWorld::start(DnsWorldSpec {
            zones: zones.into_iter().chain([test]).collect(),
            addresses: vec![(block.address(2), 0).into()],
            ..DnsWorldSpec::default()
        })
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("root.key"), world.trust_anchor()).unwrap();
        let at = SocketAddr::from((block.address(3), world.address().port()));
        let liar = Liar::start(at, world.address());
        Self {
            world,
            liar,
            hand,
            directory,
            _block: block,
        }
    }

    fn lookup(
        &self,
        server: SocketAddr,
        mode: &str,
        domain: &str,
        budget: Duration,
    ) -> (Facts, Duration) {
        let text = format!(
            "cache.directory = \"\"\n[dns]\nservers = [\"{server}\"]\nmode = \"{mode}\"\n\
             trust_anchor = \"root.key\"\nprobe_signed = [\".\", \"test\"]\nprobe_unsigned = []"
        );
        let config = Config::parse(text.as_bytes(), &self.directory.path().join("x.conf")).unwrap();
        let discovery = Discovery::open(&config).unwrap();
        let question = Question {
            next_hop: &NextHop::parse(domain).unwrap(),
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: true,
        };
        let begin = Instant::now();
        let facts = discovery.lookup(&question, &Deadline::after(budget));
        (facts.into(), begin.elapsed())
    }
}

/// What the zone that is made by hand is made with.
#[derive(Clone, Copy, Debug, Default)]
struct Trap {
    /// Keys with the tag of the one that signs.
    namesakes: usize,
    /// Signatures over each set that do not hold, before the one that does.
    signatures: usize,
    /// NSEC3 records in each denial, and their iterations.
    denials: usize,
    iterations: u16,
}

/// Hosts with an address, and TLSA records for the first of them; the rest is denied.
fn trap(hand: &Hand, made: Trap) -> Arc<Lie> {
    let mut sets: HashMap<(String, RecordType), Vec<Record>> = HashMap::new();
    let mut add = |owner: &str, kind, records: Vec<Record>| {
        sets.insert((owner.to_owned(), kind), padded(records, made.signatures));
    };
    let keys = hand.keys(hand.namesakes(made.namesakes));
    add("trap.test", RecordType::DNSKEY, keys);
    let mx = |n: usize| rdata(&format!("MX {n} h{n}.trap.test.")).unwrap();
    let mx = hand.signed("trap.test", (0..HOSTS).map(mx).collect(), 1, 30);
    add("trap.test", RecordType::MX, mx);
    for n in 0..HOSTS {
        let host = format!("h{n}.trap.test");
        add(&host, RecordType::A, hand.record(&host, "A 192.0.2.1"));
    }
    let owner = "_25._tcp.h0.trap.test";
    add(owner, RecordType::TLSA, hand.record(owner, "TLSA 3 1 1 00"));
    let denial = denial(hand, made);
    Arc::new(move |truth, query, _| {
        let question = &query.queries[0];
        let owner = question.name().to_ascii().trim_end_matches('.').to_owned();
        if !owner.ends_with("trap.test") || question.query_type() == RecordType::DS {
            return Some(truth.of(query));
        }
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.metadata.authentic_data = true;
        answer.add_query(question.clone());
        answer.edns.clone_from(&query.edns);
        match sets.get(&(owner, question.query_type())) {
            Some(records) => answer.add_answers(records.clone()),
            None => answer.add_authorities(denial.clone()),
        };
        answer.metadata.response_code = ResponseCode::NoError;
        Some(answer)
    })
}

/// As much of it as a message holds.
fn padded(records: Vec<Record>, signatures: usize) -> Vec<Record> {
    let last = records.last().unwrap().clone();
    let mut all: Vec<Record> = (0..signatures).filter_map(|n| spoilt(&last, n)).collect();
    all.extend(records);
    all
}

fn denial(hand: &Hand, made: Trap) -> Vec<Record> {
    let soa = "SOA ns.trap.test. root.trap.test. 1 1 1 1 1";
    let mut records = padded(hand.record("trap.test", soa), made.signatures.min(50));
    for n in 0..made.denials {
        let hash = |n: usize| {
            let mut hash = vec![0; 20];
            hash[..8].copy_from_slice(&(n as u64).to_be_bytes());
            hash
        };
        let nsec3 = |next, types: Vec<RecordType>| {
            NSEC3::new(
                Nsec3HashAlgorithm::SHA1,
                false,
                made.iterations,
                vec![1, 2],
                next,
                types,
            )
        };
        let label = nsec3(hash(n), Vec::new());
        let label = label.next_hashed_owner_name_base32().unwrap().to_string();
        let data = RData::DNSSEC(DNSSECRData::NSEC3(nsec3(hash(n + 1), vec![RecordType::A])));
        let signed = hand.signed(&format!("{label}.trap.test"), vec![data], 1, 30);
        records.extend(padded(signed, made.signatures));
    }
    records
}

/// Never more than what was found out, and never none for TLSA records that are there.
fn is_safe(facts: &Facts) -> bool {
    let first = facts
        .hosts
        .iter()
        .find(|host| host.host.to_string() == "h0.trap.test");
    match facts.route {
        Route::Failed(_) => true,
        Route::Mx(Security::Secure) => {
            first.is_some_and(|host| match (&host.addresses, &host.tlsa) {
                (Addresses::Failed(_), _) => true,
                (_, Tlsa::None) => false,
                (_, Tlsa::Found { .. } | Tlsa::Failed(_)) => true,
            })
        }
        _ => false,
    }
}

#[test]
fn a_zone_cannot_make_work_beyond_the_deadline() {
    let site = Site::start(Vec::new());
    let none = Trap::default();
    #[rustfmt::skip]
    let table = [
        ("CVE-2023-50387: 400 signatures a set", Trap { signatures: 400, ..none }),
        ("CVE-2023-50387: 50 keys of one tag",   Trap { namesakes: 50, ..none }),
        ("CVE-2023-50387: 50 keys of one tag, 400 signatures a set", Trap { namesakes: 50, signatures: 400, ..none }),
        ("more keys than a zone has",            Trap { namesakes: 500, ..none }),
        ("CVE-2023-50868: 40 NSEC3 records",     Trap { denials: 40, signatures: 7, iterations: 150, ..none }),
        ("RFC 9276: 2,000 iterations",           Trap { denials: 3, iterations: 2_000, ..none }),
    ];
    site.liar.tell(trap(&site.hand, none));
    for mode in ["validate", "ad"] {
        let enough = Duration::from_secs(40);
        let (facts, _) = site.lookup(site.liar.address, mode, "trap.test", enough);
        let first = &facts.hosts[0].tlsa;
        assert!(
            matches!(first, Tlsa::Found { .. }),
            "harmless, {mode}: {first:?}"
        );
    }
    for (label, made) in table {
        site.liar.tell(trap(&site.hand, made));
        for mode in ["validate", "ad"] {
            let (facts, took) = site.lookup(site.liar.address, mode, "trap.test", BUDGET);
            eprintln!("{label}, {mode}: {took:?}, {:?}", facts.route);
            assert!(took < BUDGET + LATE, "{label}, {mode}: {took:?}");
            assert!(is_safe(&facts), "{label}, {mode}: {facts:?}");
        }
    }
    assert!(site.liar.asked() > 0);
}

/// 200 MX records, 100 addresses, 1,000 signed TLSA records, a TXT record of 60,000 octets. What is
/// signed has each record's name written out, so that 1,000 fit into 64 KiB where the name is short.
fn large() -> Vec<Zone> {
    let mut text = String::new();
    for n in 0..200 {
        writeln!(text, "@ MX {n} h{n}\nh{n} A 192.0.2.1").unwrap();
    }
    writeln!(text, "@ MX 0 h").unwrap();
    for n in 1..101 {
        writeln!(text, "h A 192.0.2.{n}").unwrap();
    }
    for n in 0..1_000 {
        writeln!(text, "_25._tcp.h TLSA 3 1 1 {n:064x}").unwrap();
    }
    let long = format!("\"{}\" ", "x".repeat(250)).repeat(240);
    writeln!(text, "_mta-sts TXT {long}").unwrap();
    vec![Zone::from_text("d.test", &text).unwrap()]
}

#[test]
fn what_is_large_is_found_or_ends_with_the_deadline() {
    let site = Site::start(large());
    for mode in ["validate", "ad"] {
        let before = site.world.questions().len();
        let (facts, took) = site.lookup(
            site.world.address(),
            mode,
            "d.test",
            Duration::from_secs(60),
        );
        let asked = site.world.questions()[before..]
            .iter()
            .filter(|asked| !asked.tcp)
            .count();
        eprintln!("{mode}: {took:?}, {asked} questions");
        assert_eq!(facts.hosts.len(), 201, "{mode}: each is in the plan");
        let first = facts
            .hosts
            .iter()
            .find(|host| host.host.to_string() == "h.d.test")
            .unwrap();
        assert!(
            matches!(&first.addresses, Addresses::Found(found) if found.len() == 100),
            "{mode}"
        );
        assert!(
            matches!(&first.tlsa, Tlsa::Found { records, .. } if records.len() == 1_000),
            "{mode}: {:?}",
            first.tlsa
        );
        let untried = facts
            .hosts
            .iter()
            .filter(|host| matches!(host.addresses, Addresses::Failed(_)));
        assert_eq!(untried.count(), 201 - MOST_HOSTS, "{mode}: P5");
        assert!(asked <= 400, "{mode}: {asked}");

        let (facts, took) = site.lookup(site.world.address(), mode, "d.test", BUDGET);
        eprintln!("{mode}, in a hurry: {took:?}, {:?}", facts.route);
        assert!(took < BUDGET + LATE, "{mode}: {took:?}");
    }
}
