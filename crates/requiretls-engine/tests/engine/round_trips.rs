//! How often does a cold lookup wait for DNS?
//!
//! A name server that delays each answer shows it: what does not depend on an answer comes before
//! that answer has gone, what does comes after it.

use requiretls_core::facts::{Facts, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{DnsMode, Domain, Peer, SMTP_PORT, Sts as Page, WireFault, World, Zone};
use std::time::{Duration, Instant};

const DELAY: Duration = Duration::from_millis(100);

/// What one cold lookup took.
#[derive(Debug)]
struct Cost {
    /// Round trips one after the other, until the policy was asked for, and in all.
    before_fetch: usize,
    all: usize,
    #[allow(dead_code)] // for people
    questions: usize,
    #[allow(dead_code)]
    took: Duration,
}

fn world() -> World {
    let host = |domain: Domain, n: u16| {
        domain
            .mx_at(n * 10, &format!("mx{n}"))
            .peer(Peer::good().dane_ee())
    };
    let domain = Domain::new("three.example").signed().sts(Page::enforce());
    World::builder()
        .zone(Zone::from_text("example", "").unwrap())
        .domain((1..=3).fold(domain, host))
        .start()
        .unwrap()
}

fn cold(world: &World, mode: DnsMode) -> (Facts, Cost) {
    let directory = tempfile::tempdir().unwrap();
    world.write(directory.path(), mode).unwrap();
    let config = Config::load(Some(&directory.path().join("requiretls.conf"))).unwrap();
    let discovery = Discovery::open(&config).unwrap();
    let question = Question {
        next_hop: &NextHop::parse("three.example").unwrap(),
        hosts: &[],
        port: SMTP_PORT,
        rule: &Rule::default(),
        requiring: true,
    };
    let (asked_before, fetched_before) =
        (world.dns().questions().len(), world.sts().requests().len());
    let begin = Instant::now();
    let facts = discovery.lookup(&question, &Deadline::after(Duration::from_secs(30)));
    let took = begin.elapsed();
    let mut asked: Vec<Instant> = world
        .dns()
        .questions()
        .iter()
        .skip(asked_before)
        .map(|a| a.at)
        .collect();
    asked.sort();
    let fetched = world.sts().requests()[fetched_before..]
        .iter()
        .map(|r| r.at)
        .min()
        .unwrap();
    let waves = |until: Option<Instant>| {
        let mut starts: Vec<Instant> = Vec::new();
        for &at in asked
            .iter()
            .filter(|at| until.is_none_or(|until| **at < until))
        {
            // Whatever comes later than that may have waited for it.
            if starts.last().is_none_or(|&start| at >= start + DELAY) {
                starts.push(at);
            }
        }
        starts.len()
    };
    let cost = Cost {
        before_fetch: waves(Some(fetched)),
        all: waves(None),
        questions: asked.len(),
        took,
    };
    (facts.into(), cost)
}

/// A cold plan for three hosts with DANE and MTA-STS waits at most three times before the policy is
/// fetched in mode `ad`. In mode `validate` the chain of trust is asked for beside what it is for.
#[test]
fn a_cold_lookup_waits_three_times_before_the_policy_is_fetched() {
    let world = world();
    world.dns().faults().everywhere(WireFault::Delay(DELAY));
    for (mode, before_fetch, all) in [(DnsMode::Ad, 3, 4), (DnsMode::Validate, 4, 5)] {
        // When the machine pauses, that looks like a round trip more, never like one less.
        let mut costs = (0..3).map(|_| {
            let (facts, cost) = cold(&world, mode);
            assert_eq!(facts.route, Route::Mx(Security::Secure), "{mode:?}");
            assert_eq!(facts.hosts.len(), 3);
            for host in &facts.hosts {
                assert!(
                    matches!(host.tlsa, Tlsa::Found { .. }),
                    "{mode:?}: {host:?}"
                );
            }
            assert!(
                matches!(facts.sts, Sts::Live { .. }),
                "{mode:?}: {:?}",
                facts.sts
            );
            eprintln!("{mode:?}: {cost:?}");
            cost
        });
        let good = costs.find(|cost| cost.before_fetch <= before_fetch && cost.all <= all);
        assert!(good.is_some(), "{mode:?}");
    }
}
