//! Random sequences of calls, in any order: does the gate open only for what was shown?
//!
//! The worlds and calls are drawn here; the [`driver`] makes them and judges what core says. The
//! fuzz target `delivery` makes the same calls out of bytes. At the gate, at the end and in between the
//! delivery, written as a case, must decide as it does itself.

// A test's own faults end it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::match_bool
)]

mod calls;
mod checker;
mod draw_world;
mod driver;
mod replay;
mod world;

use calls::{calls, worlds};
use driver::{Gate, Try};
use proptest::prop_assert;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;

#[test]
fn the_gate_opens_only_for_what_was_shown() {
    let opened = Cell::new(0_u32);
    let resumed = Cell::new(0_u32);
    let replayed = Cell::new(0_u32);
    let config = Config {
        cases: 2_500,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&(worlds(), calls()), |(worlds, calls)| {
        let mut run = Try::new(&worlds);
        for (number, (which, call)) in calls.iter().enumerate() {
            let gate = run.call(*which, call);
            let is_open = gate != Gate::Shut;
            // Each of them would be the best, and takes too long.
            if is_open || number % 8 == 7 || number + 1 == calls.len() {
                let compared = replay::agrees(run.delivery(*which), is_open);
                prop_assert!(compared.is_ok(), "{call:?}: {}", compared.unwrap_err());
                replayed.set(replayed.get() + u32::from(compared == Ok(true)));
            }
            opened.set(opened.get() + u32::from(is_open));
            resumed.set(resumed.get() + u32::from(gate == Gate::OpenedAfterResume));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(opened.get() > 800, "opened {} times", opened.get());
    assert!(resumed.get() > 50, "after resume {} times", resumed.get());
    let replayed = replayed.get();
    assert!(replayed > 5_000, "replayed {replayed} times");
}
