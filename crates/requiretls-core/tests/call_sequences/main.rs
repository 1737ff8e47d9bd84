//! Random sequences of calls, in any order: does the gate open only for what was shown?
//!
//! The worlds and calls are drawn here; the [`driver`] makes them and judges what core says. The
//! fuzz target `delivery` makes the same calls out of bytes.

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
mod world;

use calls::{calls, worlds};
use driver::{Gate, Try};
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;

#[test]
fn the_gate_opens_only_for_what_was_shown() {
    let opened = Cell::new(0_u32);
    let resumed = Cell::new(0_u32);
    let config = Config {
        cases: 2_500,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&(worlds(), calls()), |(worlds, calls)| {
        let mut run = Try::new(&worlds);
        for (which, call) in &calls {
            let gate = run.call(*which, call);
            opened.set(opened.get() + u32::from(gate != Gate::Shut));
            resumed.set(resumed.get() + u32::from(gate == Gate::OpenedAfterResume));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(opened.get() > 800, "opened {} times", opened.get());
    assert!(resumed.get() > 50, "after resume {} times", resumed.get());
}
