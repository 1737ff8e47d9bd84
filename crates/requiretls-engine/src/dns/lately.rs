//! Which questions failed shortly before?
//!
//! They are asked again, since the answer may be there by now, but nobody waits long for them a
//! second time: there is one patience for all of them together.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What failed, and the patience that is left.
#[derive(Clone, Debug, Default)]
pub(super) struct Lately {
    /// How long ago, in seconds, by question.
    failed: HashMap<String, u64>,
    left: Cell<Duration>,
}

impl Lately {
    pub(super) fn new(failed: HashMap<String, u64>, patience: Duration) -> Self {
        let left = Cell::new(patience);
        Self { failed, left }
    }

    /// Whether this question did. Mostly none did, and then it need not be put into words.
    pub(super) fn failed(&self, question: impl FnOnce() -> String) -> bool {
        !self.failed.is_empty() && self.failed.contains_key(&question())
    }

    /// A question that failed before too says so.
    pub(super) fn told(&self, question: String) -> String {
        match self.failed.get(&question) {
            Some(ago) => format!("{question} (failed {ago} s ago too, so waited for briefly)"),
            None => question,
        }
    }

    /// Takes what this takes off the patience that is left.
    pub(super) fn spend(&self, ask: impl FnOnce(Duration)) {
        let (start, left) = (Instant::now(), self.left.get());
        ask(left);
        self.left.set(left.saturating_sub(start.elapsed()));
    }
}
