//! What time is it?
//!
//! A machine without a set clock says 1970 or the date of its firmware. That is no time: policies
//! would never expire and certificates would be judged by chance, so it is an error of its own.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Clock(Source);

impl Clock {
    /// The system's.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// One that stands still, in seconds since 1970; for tests and for replaying a case.
    #[must_use]
    pub const fn fixed(seconds: u64) -> Self {
        Self(Source::Fixed(seconds))
    }

    /// Seconds since 1970.
    ///
    /// # Errors
    /// [`NoClock`], when the clock was never set.
    pub fn now(&self) -> Result<u64, NoClock> {
        let now = match self.0 {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_err(|_| NoClock)?
                .as_secs(),
            Source::Fixed(seconds) => seconds,
        };
        if now < THIS_SOFTWARE {
            Err(NoClock)
        } else {
            Ok(now)
        }
    }
}

/// The clock was never set: it shows a time at which this software did not exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoClock;

impl fmt::Display for NoClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system clock is not set")
    }
}

impl std::error::Error for NoClock {}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Source {
    #[default]
    System,
    Fixed(u64),
}

/// 1 January 2025, 00:00 UTC.
const THIS_SOFTWARE: u64 = 1_735_689_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_clock_is_an_error() {
        #[rustfmt::skip]
        let table = [
            ("1970",            0,                 Err(NoClock)),
            ("firmware's date", 1_600_000_000,     Err(NoClock)),
            ("just before",     THIS_SOFTWARE - 1, Err(NoClock)),
            ("the first",       THIS_SOFTWARE,     Ok(THIS_SOFTWARE)),
            ("far ahead",       u64::MAX,          Ok(u64::MAX)),
        ];
        for (label, seconds, expected) in table {
            assert_eq!(Clock::fixed(seconds).now(), expected, "{label}");
        }
        assert!(Clock::system().now().is_ok(), "this machine has a clock");
    }
}
