//! RFC 1047, RFC 5321 section 4.5.3.2.6: when may a message be tried again, and where?
//!
//! Until its end is being sent, the peer cannot have taken it, and the next host may. From then on
//! only the peer's own reply says that it has not; without one no other host gets it in this run.

use crate::peer::{DROP, MESSAGE, SILENCE, Traits};
use crate::world::{World, short, summary};
use requiretls_transport::Timeouts;
use std::time::Duration;

/// Label, other answers, outcome, messages at the second host.
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    usize,
);

const GOOD: Traits = Traits::GOOD;
const UNKNOWN: &str = "defer 451 4.4.2 - nobody";
const GO: &str = "go 250 2.0.0 - sender";

/// What becomes of it, and whether the second host was asked.
#[test]
fn who_may_have_it_keeps_it() {
    #[rustfmt::skip]
    let rows: [Row; 11] = [
        ("dropped at MAIL", &[("*MAIL", DROP)], GO, 1),
        ("dropped at RCPT", &[("*RCPT", DROP)], GO, 1),
        ("dropped at DATA", &[("*DATA", DROP)], GO, 1),
        ("silent at DATA", &[("*DATA", SILENCE)], GO, 1),
        ("4yz to DATA", &[("*DATA", "451 4.3.0 later\r\n")], GO, 1),
        ("4yz to the message", &[(MESSAGE, "452 4.3.1 full\r\n")], GO, 1),
        ("421 to the message", &[(MESSAGE, "421 4.3.2 leaving\r\n")], GO, 1),
        ("5yz to the message", &[(MESSAGE, "550 5.7.1 no\r\n")], "bounce 550 5.7.1 - nobody", 0),
        ("dropped after the end", &[(MESSAGE, DROP)], UNKNOWN, 0),
        ("silent after the end", &[(MESSAGE, SILENCE)], UNKNOWN, 0),
        ("no reply after the end", &[(MESSAGE, "Thank you!\r\n")], UNKNOWN, 0),
    ];
    for more in ["", "PIPELINING", "PIPELINING,CHUNKING"] {
        for (label, instead, expected, second) in rows {
            if more.contains("CHUNKING") && label.contains("DATA") {
                continue;
            }
            let world = World::of(&[GOOD.with(instead).offers(more), GOOD]);
            let mut timeouts = Timeouts::all(Duration::from_secs(10));
            timeouts.data = Duration::from_millis(100);
            timeouts.end_of_data = Duration::from_millis(100);
            let client = world.client().with_timeouts(timeouts);
            let outcome = client.deliver(world.plan("R"), &short());
            assert_eq!(
                summary(&outcome),
                expected,
                "{label} [{more}]: {outcome:#?}"
            );
            assert_eq!(world.peers[1].messages().len(), second, "{label} [{more}]");
            let own = &outcome.recipients[0].reply;
            assert_eq!(own.code, outcome.reply.code, "{label} [{more}]");
            let warned = own.text.contains("possible duplicate");
            assert_eq!(warned, expected == UNKNOWN, "{label} [{more}]: {own}");
        }
    }
}
