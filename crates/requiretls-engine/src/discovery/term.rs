//! For how long does what was found hold?
//!
//! There are two answers. A delivery that begins with facts may end with them: [`Term::expires`] gives
//! it five minutes at least, whatever the times to live (RFC 1035 section 3.2.1: one of 0 is for the
//! transaction in progress). The next delivery begins with what still holds by itself: [`Term::window`]
//! ends with the shortest time to live, which a validated answer's signature has cut to its own end
//! (RFC 4035 section 5.3.3), and before a policy is due to be asked for.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The shortest of all times met in one lookup.
#[derive(Debug, Default)]
pub(super) struct Term {
    /// In seconds; `None`: nothing that was found ends.
    life: Cell<Option<u32>>,
    /// In seconds since 1970.
    end: Cell<Option<u64>>,
}

/// When something may be used, by the wall clock and by one that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// In seconds since 1970; the end is outside.
    pub(super) since: u64,
    pub(super) until: u64,
    begun: Instant,
}

impl Term {
    /// A part of it lives for so many seconds.
    pub(super) fn lives(&self, seconds: u32) {
        let life = self.life.get().map_or(seconds, |life| life.min(seconds));
        self.life.set(Some(life));
    }

    /// From this time on, in seconds since 1970, somebody is to be asked again.
    pub(super) fn ends(&self, time: u64) {
        let end = self.end.get().map_or(time, |end| end.min(time));
        self.end.set(Some(end));
    }

    /// When a delivery that begins now must have ended; `None`: when it likes. Without a clock nothing
    /// is known to be fresh.
    pub(super) fn expires(&self, now: Option<u64>) -> Option<u64> {
        let life = u64::from(self.life.get()?).max(SHORTEST_LIFE);
        Some(now.map_or(0, |now| now.saturating_add(life)))
    }

    /// When a lookup may use what one that began then has found.
    pub(super) fn window(&self, since: u64, begun: Instant) -> Window {
        let life = self.life.get().map_or(LONGEST_LIFE, u64::from);
        let until = since.saturating_add(life.min(LONGEST_LIFE));
        Window {
            since,
            until: self.end.get().map_or(until, |end| end.min(until)),
            begun,
        }
    }
}

impl Window {
    /// Not before its beginning either: then the clock has been set back, and nobody knows how much of
    /// the time is over (S25). Nor for longer than it is long, whatever the wall clock shows.
    pub(super) fn holds(&self, now: u64) -> bool {
        let length = Duration::from_secs(self.until.saturating_sub(self.since));
        (self.since..self.until).contains(&now) && self.begun.elapsed() < length
    }
}

/// For a delivery under way, in seconds.
pub(super) const SHORTEST_LIFE: u64 = 300;

/// What common resolvers cut times to live to, in seconds.
const LONGEST_LIFE: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn the_shortest_counts() {
        /// Label, lives, ends, a delivery's end, the window's.
        type Row<'a> = (&'a str, &'a [u32], &'a [u64], Option<u64>, u64);
        #[rustfmt::skip]
        let table: [Row<'_>; 9] = [
            ("nothing ends",           &[],          &[],                    None,              LONGEST_LIFE),
            ("an hour",                &[3_600],     &[],                    Some(3_600),       3_600),
            ("the shorter",            &[3_600, 400], &[],                   Some(400),         400),
            ("RFC 1035 for now",       &[3_600, 0],  &[],                    Some(300),         0),
            ("short",                  &[60],        &[],                    Some(300),         60),
            ("long",                   &[604_800],   &[],                    Some(604_800),     LONGEST_LIFE),
            ("S19 due before",         &[3_600],     &[NOW + 90, NOW + 100], Some(3_600),       90),
            ("S19 due after",          &[3_600],     &[NOW + 9_000],         Some(3_600),       3_600),
            ("S20 due already",        &[3_600],     &[NOW - 1],             Some(3_600),       0),
        ];
        for (label, lives, ends, expires, length) in table {
            let term = Term::default();
            for life in lives {
                term.lives(*life);
            }
            for end in ends {
                term.ends(*end);
            }
            let expected = expires.map(|life| NOW + life);
            assert_eq!(term.expires(Some(NOW)), expected, "{label}");
            assert_eq!(
                term.expires(None),
                expires.map(|_| 0),
                "{label}: without a clock"
            );
            let window = term.window(NOW, Instant::now());
            let until = window.until.saturating_sub(NOW);
            assert_eq!(until, length, "{label}");
        }
    }

    #[test]
    fn a_window_has_two_clocks() {
        let minute = |begun| Window {
            since: NOW,
            until: NOW + 60,
            begun,
        };
        let now = Instant::now();
        let ago = |seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now);
        #[rustfmt::skip]
        let table = [
            ("at once",                        now,     NOW,      true),
            ("the last second",                now,     NOW + 59, true),
            ("over",                           now,     NOW + 60, false),
            ("S25 set back",                   now,     NOW - 1,  false),
            ("S25 set back into the window",   ago(61), NOW + 10, false),
            ("S25 stands still",               ago(59), NOW,      true),
        ];
        for (label, begun, at, holds) in table {
            assert_eq!(minute(begun).holds(at), holds, "{label}");
        }
    }
}
