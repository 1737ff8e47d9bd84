//! Is it over?
//!
//! Threads that wait for time to pass must end at once when their world does.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::fault::locked;

/// The end of a world; clones of it are the same end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// It is over.
    pub(crate) fn now(&self) {
        let (over, told) = &*self.0;
        *locked(over) = true;
        told.notify_all();
    }

    pub(crate) fn is_now(&self) -> bool {
        *locked(&self.0.0)
    }

    /// Waits; says whether it is over before this time has passed.
    pub(crate) fn within(&self, time: Duration) -> bool {
        let (over, told) = &*self.0;
        let over = told
            .wait_timeout_while(locked(over), time, |over| !*over)
            .unwrap_or_else(PoisonError::into_inner);
        *over.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn waiting_ends_with_the_time_or_with_the_world() {
        let stop = Stop::default();
        assert!(!stop.within(Duration::from_millis(5)));
        let other = stop.clone();
        let start = Instant::now();
        let waiting = std::thread::spawn(move || other.within(Duration::from_secs(60)));
        stop.now();
        assert!(waiting.join().unwrap());
        assert!(start.elapsed() < Duration::from_secs(30));
        assert!(stop.is_now() && stop.within(Duration::ZERO));
    }
}
