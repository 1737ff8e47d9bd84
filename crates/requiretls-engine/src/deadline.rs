//! How much time is left?
//!
//! One monotonic budget is shared by all steps of a lookup, so that no wall clock that jumps, no
//! slow peer and no number of hosts makes the one call that waits wait longer than it was told.

use std::time::{Duration, Instant};

/// The end of a budget.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Instant,
}

impl Deadline {
    /// A budget that begins now.
    #[must_use]
    pub fn after(budget: Duration) -> Self {
        let now = Instant::now();
        let end = now
            .checked_add(budget)
            .or_else(|| now.checked_add(LONGEST))
            .unwrap_or(now);
        Self { end }
    }

    /// The time left; `None` when it is over.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether the time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left().is_none()
    }

    /// This deadline, or the one after `limit`, whichever is first.
    #[must_use]
    pub fn at_most(&self, limit: Duration) -> Self {
        Self {
            end: self.end.min(Self::after(limit).end),
        }
    }

    /// A step's share: half of what is left, so that one step that hangs leaves time for the
    /// others.
    #[must_use]
    pub fn half(&self) -> Self {
        self.at_most(self.left().unwrap_or_default() / 2)
    }
}

/// What a budget that no clock can hold is cut to.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_shares_never_exceed_it() {
        let none = Deadline::after(Duration::ZERO);
        assert!(none.is_over());
        assert!(none.half().is_over());
        assert!(none.at_most(Duration::from_secs(9)).is_over());

        let minute = Deadline::after(Duration::from_secs(60));
        assert!(minute.half().left().unwrap() <= Duration::from_secs(30));
        assert!(minute.at_most(Duration::from_secs(1)).left().unwrap() <= Duration::from_secs(1));
        assert!(minute.at_most(Duration::from_secs(99)).left().unwrap() > Duration::from_secs(50));

        let endless = Deadline::after(Duration::MAX);
        assert!(endless.left().unwrap() > Duration::from_secs(60));
    }
}
