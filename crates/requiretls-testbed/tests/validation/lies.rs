//! Who lies on the way, and what comes of it for a domain whose TLSA records bind?
//!
//! A liar stands between the engine and the world's resolver, and then between a real unbound and
//! that resolver. In mode `validate`, and behind a validating unbound in mode `ad`, mail is protected
//! or waits, whatever the liar says; where mode `ad` has the liar on its own path, the table says what
//! the trust in that path (D1) protects from.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use requiretls_core::facts::{Addresses, Facts, Route, Security, Tlsa};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, Zone};

use crate::hand::Hand;
use crate::liar::Liar;
use crate::programs::Server;
use crate::told::Fate::{self, Delayed, Denied, Downgraded, Forged, Protected};
use crate::told::{MX_ADDRESS, Row, TLSA, rows};

struct Site {
    world: DnsWorld,
    liar: Liar,
    hand: Hand,
    directory: tempfile::TempDir,
    block: Block,
}

impl Site {
    fn start() -> Self {
        let records = [
            "@ MX 10 mx",
            &format!("mx A {MX_ADDRESS}"),
            &format!("_25._tcp.mx {TLSA}"),
            "other A 192.0.2.2",
            "_25._tcp.other TLSA 3 1 1 00",
            "*.wild TXT y",
            "_26._tcp.mx TXT x",
        ];
        let records = records.join("\n");
        let hand = Hand::new("hand.test");
        let zone = |name: &str| Zone::from_text(name, &records).unwrap();
        // What a wildcard could be expanded to is there by itself.
        let star = "@ MX 10 mx\nmx A 192.0.2.1\n*._tcp.mx TLSA 3 1 1 00\n";
        let star = format!("{star}_25._tcp.mx {TLSA}\n_26._tcp.mx TXT x\n");
        let zones = vec![
            Zone::from_text("test", &hand.delegation()).unwrap(),
            Zone::from_text("optout", "").unwrap().opt_out(),
            zone("d.test"),
            zone("n.test").nsec3(),
            zone("d.optout"),
            Zone::from_text("star.test", &star).unwrap(),
            zone("u.test").unsigned(),
            zone("evil.test"),
        ];
        let block = Block::claim().unwrap();
        let world = DnsWorld::start(DnsWorldSpec {
            zones,
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
            block,
        }
    }

    /// By a server, in a mode.
    fn fate(&self, server: SocketAddr, mode: &str, domain: &str, budget: u64) -> Fate {
        let text = format!(
            "cache.directory = \"\"\n[dns]\nservers = [\"{server}\"]\nmode = \"{mode}\"\n\
             trust_anchor = \"root.key\"\nfamilies = [\"ipv4\"]\nprobe_signed = [\".\", \"test\"]\n\
             probe_unsigned = [\"u.test\"]"
        );
        let config = Config::parse(text.as_bytes(), &self.directory.path().join("x.conf")).unwrap();
        let question = Question {
            next_hop: &NextHop::parse(domain).unwrap(),
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: true,
        };
        let deadline = Deadline::after(Duration::from_millis(budget));
        fate(
            &Discovery::open(&config)
                .unwrap()
                .lookup(&question, &deadline),
            domain,
        )
    }
}

fn fate(facts: &Facts, domain: &str) -> Fate {
    match facts.route {
        Route::Mx(Security::Secure) => {}
        Route::Mx(_) => return Downgraded,
        Route::Failed(_) => return Delayed,
        _ => return Denied,
    }
    let [host] = facts.hosts.as_slice() else {
        return Forged;
    };
    if host.host.to_string() != format!("mx.{domain}") {
        return Forged;
    }
    let addresses = match &host.addresses {
        Addresses::Found(found) if found.len() != 1 || found[0].to_string() != MX_ADDRESS => Forged,
        Addresses::Found(_) => Protected,
        Addresses::Failed(_) => Delayed,
        Addresses::Denied(_) => Denied,
    };
    let tlsa = match &host.tlsa {
        Tlsa::Found { records, .. }
            if records.len() == 1 && records[0].data.starts_with(&[0, 1, 2]) =>
        {
            Protected
        }
        Tlsa::Found { .. } => Forged,
        Tlsa::Failed(_) => Delayed,
        Tlsa::None if addresses == Protected => Downgraded,
        Tlsa::None => addresses,
    };
    // Where the host is not reached, nothing is lost with its records.
    if addresses == Delayed {
        Delayed
    } else {
        addresses.max(tlsa)
    }
}

#[test]
fn whoever_lies_delays_mail_at_most() {
    let site = Site::start();
    let rows = rows(&site.hand);
    assert!(rows.len() >= 20, "{}", rows.len());
    let mut wrong = Vec::new();
    let mut see = |label: &str, who: &dyn Debug, fate: Fate, expected: Fate| {
        if fate != expected {
            wrong.push(format!("{label}, {who:?}: {fate:?}, not {expected:?}"));
        }
    };
    for Row {
        label,
        domain,
        lie,
        validate,
        ad,
    } in &rows
    {
        site.liar.tell(Arc::clone(lie));
        assert!(*validate <= Delayed, "{label}");
        let budget = 3_000;
        see(
            label,
            &"validate",
            site.fate(site.liar.address, "validate", domain, budget),
            *validate,
        );
        see(
            label,
            &"ad",
            site.fate(site.liar.address, "ad", domain, budget),
            *ad,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{} lies", rows.len());
}

/// The same liar, but between a validating resolver and the truth: then mode `ad` is as safe.
#[test]
fn whoever_lies_to_a_validating_resolver_delays_mail_at_most() {
    let site = Site::start();
    let port = site.world.address().port();
    let upstream = format!(
        "forward-zone:\n  name: .\n  forward-addr: {}@{port}\n",
        site.liar.address.ip()
    );
    let mut wrong = Vec::new();
    for Row {
        label,
        domain,
        lie,
        validate,
        ..
    } in rows(&site.hand)
    {
        site.liar.tell(lie);
        // What it has cached must not help it.
        let address = SocketAddr::from((site.block.address(4), port));
        let unbound = Server::unbound(site.world.trust_anchor(), address, &upstream);
        let fate = site.fate(unbound.address, "ad", domain, 3_000);
        // Asked again, it may have found the truth; of other classes it takes nothing.
        let is_truth = label.ends_with("the truth");
        if fate > Delayed || is_truth && fate != Protected {
            wrong.push(format!(
                "{label}: {fate:?}, not {validate:?}\n{}",
                unbound.log()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
