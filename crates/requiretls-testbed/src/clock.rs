//! What time is it in the world?
//!
//! One clock for everything in it: signatures, certificates and whoever judges them. It goes on with
//! the system's and can be put forward and back while the world runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock; clones of it show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// One that shows the system's time until it is moved.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        let system = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        system
            .as_secs()
            .saturating_add_signed(self.ahead.load(Ordering::SeqCst))
    }

    /// Puts it forward.
    pub fn forward(&self, by: Duration) {
        self.ahead.fetch_add(seconds(by), Ordering::SeqCst);
    }

    /// Puts it back.
    pub fn back(&self, by: Duration) {
        self.ahead.fetch_sub(seconds(by), Ordering::SeqCst);
    }
}

/// As many days as a [`Clock`] is put forward or back by.
#[must_use]
pub const fn days(number: u64) -> Duration {
    Duration::from_secs(number * 86_400)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_show_the_same_time() {
        let clock = Clock::system();
        let other = clock.clone();
        let start = clock.now();
        other.forward(days(31));
        assert!((start + 31 * 86_400..start + 32 * 86_400).contains(&clock.now()));
        clock.back(days(62));
        assert!((start - 31 * 86_400..start - 30 * 86_400).contains(&other.now()));
    }
}
