//! The client that ignores answers leaks wherever the other one refuses; else the leak judge of
//! the demo would judge nothing.

use crate::peer::{HANDSHAKE, Traits};
use crate::world::{World, short};
use requiretls_core::delivery::Action;
use requiretls_transport::ClientIgnoringAnswers;

const GOOD: Traits = Traits::GOOD;

#[test]
fn it_sends_what_was_refused() {
    for (label, traits, parameters, tls) in [
        ("P6.9 no STARTTLS", Traits::CLEAR, "", false),
        (
            "P6.10 454",
            GOOD.with(&[("STARTTLS", "454 not now\r\n")]),
            "",
            false,
        ),
        (
            "P6.11a 502",
            GOOD.with(&[("STARTTLS", "502 what?\r\n")]),
            "",
            false,
        ),
        (
            "P6.11b garbage",
            GOOD.with(&[(HANDSHAKE, "no TLS\r\n")]),
            "",
            false,
        ),
        (
            "P6.12 wrong name",
            Traits {
                certificate: "other.test",
                ..GOOD
            },
            "",
            true,
        ),
        (
            "P6.13 no REQUIRETLS",
            Traits { tls: "DSN", ..GOOD },
            "",
            true,
        ),
        (
            "P6.14 refused",
            GOOD.with(&[("*MAIL FROM:<a@s.test> REQUIRETLS", "555 5.5.4 what?\r\n")]),
            "",
            true,
        ),
        ("P4 what may go goes as it should", GOOD, "REQUIRETLS", true),
    ] {
        let world = World::of(&[traits]);
        let heeding = world.deliver("R");
        let leaks = parameters.is_empty();
        assert_eq!(heeding.action == Action::Go, !leaks, "{label}");
        let before = world.messages();
        let client = ClientIgnoringAnswers::leaking(world.client());
        let outcome = client.send_regardless(world.plan("R"), &short());
        assert_eq!(world.messages(), before + 1, "{label}: {outcome:#?}");
        assert_eq!(outcome.action, Action::Go, "{label}");
        assert_eq!(outcome.sent().unwrap().parameters, parameters, "{label}");
        assert_eq!(outcome.tls().is_some(), tls, "{label}");
        if leaks {
            assert_ne!(
                outcome.delivery.outcome().action,
                Action::Go,
                "{label}: what core said"
            );
        }
    }
}

/// Row 3 and a rule that cannot be met: no step was allowed at all.
#[test]
fn it_sends_where_no_connection_was_allowed() {
    let mut world = World::of(&[GOOD]);
    world.insecure_mx = true;
    let heeding = world.deliver("R");
    assert_eq!(heeding.action, Action::Bounce);
    assert!(world.peers[0].seen().is_empty());
    let client = ClientIgnoringAnswers::leaking(world.client());
    let outcome = client.send_regardless(world.plan("R"), &short());
    assert_eq!(outcome.action, Action::Go);
    assert_eq!(world.messages(), 1);
}
