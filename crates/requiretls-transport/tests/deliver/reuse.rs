//! P9: a message rides on an open connection only where its own plan lets it.

use crate::peer::{DROP, Traits};
use crate::world::{World, short, summary};
use requiretls_core::delivery::Action;
use requiretls_core::tls_level::TlsLevel;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

const GOOD: Traits = Traits::GOOD;
const NO_REQUIRETLS: Traits = Traits { tls: "DSN", ..GOOD };
const CLEAR: Traits = Traits::CLEAR;

/// First tag, second tag, outcome of the second, whether it rode, connections in all.
#[test]
fn p9_who_may_ride() {
    for (label, traits, first, second, expected, rode, connections) in [
        (
            "R after R",
            GOOD,
            "R",
            "R",
            "go 250 2.0.0 - sender",
            true,
            1,
        ),
        (
            "none after R",
            GOOD,
            "R",
            "none",
            "go 250 2.0.0 - nobody",
            true,
            1,
        ),
        (
            "R after none, with the chain judged then",
            GOOD,
            "none",
            "R",
            "go 250 2.0.0 - sender",
            true,
            1,
        ),
        (
            "none after none in clear",
            CLEAR,
            "none",
            "none",
            "go 250 2.0.0 - nobody",
            true,
            1,
        ),
        (
            "R after none in clear",
            CLEAR,
            "none",
            "R",
            "bounce 550 5.7.10 9 sender",
            false,
            2,
        ),
        (
            "R where REQUIRETLS is not offered",
            NO_REQUIRETLS,
            "none",
            "R",
            "bounce 550 5.7.30 13 sender",
            false,
            2,
        ),
    ] {
        let world = World::of(&[traits]);
        let client = world.client().keeping_connections();
        let made = client.deliver(world.plan(first), &short());
        let kept = made.kept.expect("kept");
        assert_eq!(kept.host().to_string(), "mx1.d.test");
        let outcome = client.deliver_over(kept, world.plan(second), &short());
        assert_eq!(summary(&outcome), expected, "{label}: {outcome:#?}");
        assert_eq!(outcome.tries.iter().any(|t| t.resumed), rode, "{label}");
        assert_eq!(
            outcome.declined.is_some(),
            !rode,
            "{label}: what may not ride comes back"
        );
        assert_eq!(world.peers[0].seen().len(), connections, "{label}");
        let commands = &world.peers[0].seen()[0].commands;
        let mails = commands.iter().filter(|c| c.contains("MAIL")).count();
        assert_eq!(mails, 1 + usize::from(rode), "{label}: {commands:?}");
        assert!(
            !commands.iter().any(|c| c.ends_with("RSET")),
            "{label}: nothing was left open: {commands:?}"
        );
        if let Some(kept) = outcome.kept.or(outcome.declined) {
            kept.quit();
        }
    }
}

/// Another next hop with the same host: the certificate names the host, so that R may ride (P9).
#[test]
fn p9_across_next_hops() {
    let world = World::of(&[GOOD]);
    let client = world.client().keeping_connections();
    let kept = client
        .deliver(world.plan("R"), &short())
        .kept
        .expect("kept");
    let session = kept.session().clone();
    let plan = world.plan_for("e.test", "R", false);
    let outcome = client.deliver_over(kept, plan, &short());
    assert_eq!(outcome.action, Action::Go);
    assert_eq!(world.peers[0].seen().len(), 1);
    assert_eq!(
        outcome.session.as_ref(),
        Some(&session),
        "riding proves nothing new"
    );
    let kept = outcome.kept.expect("kept");
    assert_eq!(*kept.session(), session, "and renews nothing");

    let unnamed = World::of(&[Traits {
        certificate: "other.test",
        ..GOOD
    }]);
    let client = unnamed.client().keeping_connections();
    let kept = client
        .deliver(unnamed.plan("none"), &short())
        .kept
        .expect("kept");
    let plan = unnamed.plan_for("e.test", "none", false);
    let outcome = client.deliver_over(kept, plan, &short());
    assert_eq!(outcome.action, Action::Go);
    assert!(outcome.declined.is_some(), "nothing names the host");
    assert_eq!(unnamed.peers[0].seen().len(), 2);
}

/// A site's floor is asked anew.
#[test]
fn p9_a_floor_is_asked_anew() {
    let mut world = World::of(&[CLEAR]);
    let client = world.client().keeping_connections();
    let kept = client
        .deliver(world.plan("none"), &short())
        .kept
        .expect("kept");
    world.rule.floor = TlsLevel::Encrypt;
    let outcome = client.deliver_over(kept, world.plan("none"), &short());
    assert_eq!(summary(&outcome), "defer 451 4.7.4 9 site");
    assert_eq!(world.messages(), 1);
}

/// A connection that has died meanwhile costs the message nothing.
#[test]
fn p9_a_dead_connection() {
    for (label, instead, expected) in [
        (
            "closed while it was idle",
            &[("1:(message)", "250 2.0.0 taken\r\n(drop)")],
            "go 250 2.0.0 - sender",
        ),
        (
            "421 while it was idle",
            &[("1:(message)", "250 2.0.0 taken\r\n421 4.4.2 late\r\n")],
            "go 250 2.0.0 - sender",
        ),
        (
            "dropped at MAIL",
            &[("2:MAIL", DROP)],
            "go 250 2.0.0 - sender",
        ),
        (
            "421 to MAIL",
            &[("2:MAIL", "421 4.4.2 too late\r\n")],
            "go 250 2.0.0 - sender",
        ),
        (
            "dropped at DATA",
            &[("2:DATA", DROP)],
            "go 250 2.0.0 - sender",
        ),
    ] {
        let world = World::of(&[GOOD.with(instead)]);
        let client = world.client().keeping_connections();
        let kept = client
            .deliver(world.plan("R"), &short())
            .kept
            .expect("kept");
        let outcome = client.deliver_over(kept, world.plan("R"), &short());
        assert_eq!(summary(&outcome), expected, "{label}");
        assert!(outcome.declined.is_none(), "{label}");
        assert_eq!(world.peers[0].seen().len(), 2, "{label}");
    }
    // The refusal that the new connection meets stays certain: no REQUIRETLS is offered there.
    let world = World::of(&[GOOD.with(&[("2:MAIL", DROP)]), NO_REQUIRETLS]);
    let addresses: Vec<SocketAddr> = world.peers.iter().map(|peer| peer.address).collect();
    let made = AtomicUsize::new(0);
    let client = world
        .client()
        .keeping_connections()
        .with_endpoints(move |_, _| addresses[made.fetch_add(1, Ordering::Relaxed).min(1)]);
    let kept = client
        .deliver(world.plan("R"), &short())
        .kept
        .expect("kept");
    let outcome = client.deliver_over(kept, world.plan("R"), &short());
    assert_eq!(summary(&outcome), "bounce 550 5.7.30 13 sender");
    assert!(
        outcome.tries[0].resumed && outcome.tries.len() == 3,
        "two hosts anew"
    );
}

/// A client keeps nothing unless it was told to, and says QUIT.
#[test]
fn nothing_is_kept_unasked() {
    let world = World::of(&[GOOD]);
    let outcome = world.deliver("R");
    assert!(outcome.kept.is_none());
    assert_eq!(world.peers[0].commands().last().unwrap(), "*QUIT");
}
