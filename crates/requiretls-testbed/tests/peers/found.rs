//! Does the configuration of a world lead into it? What the engine finds there.

use requiretls_core::facts::{Addresses, Facts, LookupCause, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{CONFIG_FILE, DnsMode, World, catalogue};
use std::net::IpAddr;
use std::time::Duration;

type Fits = fn(&Facts) -> bool;

fn mx(facts: &Facts, security: Security) -> bool {
    facts.route == Route::Mx(security)
}

fn bogus(facts: &Facts) -> bool {
    matches!(&facts.route, Route::Failed(e) if matches!(e.cause, LookupCause::Bogus | LookupCause::ServFail))
}

fn tlsa(facts: &Facts) -> Option<usize> {
    match &facts.hosts.first()?.tlsa {
        Tlsa::Found { records, .. } => Some(records.len()),
        _ => None,
    }
}

fn no_policy(facts: &Facts) -> bool {
    mx(facts, Security::Insecure) && matches!(facts.sts, Sts::Unknown(_))
}

/// P2a, P2b, P2c: the facts of the domains that `testbed serve` serves.
#[test]
fn the_engine_finds_what_was_built() {
    let world = World::builder().domains(catalogue()).start().unwrap();
    let directory = tempfile::tempdir().unwrap();
    world.write(directory.path(), DnsMode::Ad).unwrap();
    let config = Config::load(Some(&directory.path().join(CONFIG_FILE))).unwrap();
    let discovery = Discovery::open(&config).unwrap();
    let table: [(&str, Fits); 24] = [
        ("good", |f| {
            mx(f, Security::Secure) && tlsa(f).is_none() && f.sts == Sts::None
        }),
        ("unsigned", |f| {
            mx(f, Security::Insecure) && tlsa(f).is_none()
        }),
        ("dane-ee", |f| mx(f, Security::Secure) && tlsa(f) == Some(1)),
        ("dane-ta-wrong", |f| {
            mx(f, Security::Secure) && tlsa(f) == Some(1)
        }),
        ("null", |f| f.route == Route::NullMx(Security::Secure)),
        ("implicit", |f| f.route == Route::Implicit(Security::Secure)),
        ("zone-expired", bogus),
        ("zone-wrong-ds", bogus),
        ("zone-damaged", bogus),
        ("zone-altered", bogus),
        ("sts-enforce", |f| {
            mx(f, Security::Insecure) && matches!(f.sts, Sts::Live { checked: true, .. })
        }),
        ("sts-testing", |f| matches!(f.sts, Sts::Live { .. })),
        ("sts-other", |f| matches!(f.sts, Sts::Live { .. })),
        ("sts-none", |f| f.sts == Sts::None),
        ("sts-301", no_policy),
        ("sts-404", no_policy),
        ("sts-html", no_policy),
        ("sts-long", no_policy),
        ("sts-cut", no_policy),
        ("sts-wrong-name", no_policy),
        ("hosts", |f| f.hosts.len() == 2),
        (
            "addresses",
            |f| matches!(&f.hosts.first().unwrap().addresses, Addresses::Found(a) if a.len() == 2),
        ),
        ("down", |f| mx(f, Security::Secure)),
        ("nowhere", |f| f.route == Route::NoDomain(Security::Secure)),
    ];
    for (name, fits) in table {
        let domain = format!("{name}.test");
        let question = Question {
            next_hop: &NextHop::parse(&domain).unwrap(),
            hosts: &[],
            port: world.port(&domain),
            rule: &Rule::default(),
            requiring: false,
        };
        let facts = discovery.lookup(&question, &Deadline::after(Duration::from_secs(20)));
        assert!(fits(&facts), "{domain}: {facts:#?}");
        for host in &facts.hosts {
            let Addresses::Found(found) = &host.addresses else {
                panic!("{domain}: {facts:#?}");
            };
            let peers = world.peers(&host.host.to_string());
            let mut peers: Vec<IpAddr> = peers.iter().map(|p| p.address().ip()).collect();
            let mut found = found.clone();
            found.sort();
            peers.sort();
            assert!(
                found == peers || name == "down",
                "{domain}: {found:?}, {peers:?}"
            );
        }
    }
    let fetched = world.sts().requests();
    assert!(fetched.iter().any(|r| r.host == "mta-sts.sts-enforce.test"));
    assert!(
        !fetched.iter().any(|r| r.path != requiretls_testbed::PATH),
        "no redirect is followed"
    );
}
