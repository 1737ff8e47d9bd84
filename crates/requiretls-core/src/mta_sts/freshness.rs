//! Does a policy kept from earlier still count, and must it be fetched again?
//!
//! RFC 8461 sections 3.3 and 5.1 (S17 to S20, S25, P2c). The store and the fetch are the caller's;
//! here is only what a kept policy, the TXT records and a fetch mean together. TXT records are
//! unsigned where it matters, so they may bring a policy in, never end one.

use super::fetch;
use super::policy::{Mode, Policy};
use super::record::Announcement;
use crate::domain::Domain;

/// How long after its end a policy is remembered: the domain may still have one (P2c).
pub const NOTE: u64 = 30 * 86_400;

/// A policy kept from an earlier fetch. Times are in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The id of the TXT record that it was fetched for.
    pub id: &'a str,
    /// When it was last fetched.
    pub fetched: u64,
}

/// What is known of a domain's policy (P2c).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State<'a> {
    /// No policy, or one of mode none.
    None,
    /// In force; the mode is enforce or testing.
    Live(&'a Policy),
    /// There may be one, and it cannot be had now.
    Unknown,
}

impl Kept<'_> {
    /// The end of its life: the last fetch and `max_age` (S17).
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.fetched
            .saturating_add(u64::from(self.policy.max_age()))
    }

    /// Whether it still counts. One from the future has just been fetched: the clock has been set
    /// back, and doubt must not end a policy (S25).
    #[must_use]
    pub fn is_live(&self, now: u64) -> bool {
        let age = now.saturating_sub(self.fetched);
        age < u64::from(self.policy.max_age())
    }

    /// Whether what it says was looked at within the last five minutes, so that a verdict may be
    /// for good (S20).
    #[must_use]
    pub fn is_checked(&self, now: u64) -> bool {
        let pause = fetch::RETRY_AFTER.as_secs();
        now.checked_sub(self.fetched).is_some_and(|age| age < pause)
    }

    /// Whether it is to be fetched again though nothing asks for it: after about a day, or when
    /// half of its life is over (S19). Domains that were met together part over six hours.
    #[must_use]
    pub fn refresh_is_due(&self, domain: &Domain, now: u64) -> bool {
        let Some(age) = now.checked_sub(self.fetched) else {
            return true; // S25
        };
        let spread = domain.as_str().bytes().fold(0_u64, |sum, octet| {
            sum.wrapping_mul(31).wrapping_add(octet.into())
        });
        let day = DAY.saturating_sub(spread % SPREAD);
        age >= day.min(u64::from(self.policy.max_age() / 2))
    }

    /// Whether a verdict about these hosts needs a look at the policy first: it refuses one of
    /// them and was not fetched just now (S20).
    #[must_use]
    pub fn recheck_is_due<'h>(
        &self,
        mut hosts: impl Iterator<Item = &'h Domain>,
        now: u64,
    ) -> bool {
        self.is_live(now)
            && self.policy.mode() != Mode::None
            && !self.is_checked(now)
            && hosts.any(|host| !self.policy.matches(host))
    }
}

/// A fetch that failed.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// When, in seconds since 1970.
    pub at: u64,
    /// The id that it was for; empty: none was announced.
    pub id: &'a str,
}

impl Failed<'_> {
    /// Whether there must be no fetch yet (S9); of a time to come nothing is known (S25).
    #[must_use]
    pub fn is_recent(&self, now: u64) -> bool {
        let pause = fetch::RETRY_AFTER.as_secs();
        now.checked_sub(self.at).is_some_and(|age| age < pause)
    }

    /// The same for a fetch because of this id: a new one begins anew.
    #[must_use]
    pub fn is_recent_for(&self, id: &str, now: u64) -> bool {
        self.id == id && self.is_recent(now)
    }
}

const DAY: u64 = 86_400;

/// Six hours.
const SPREAD: u64 = 21_600;

/// Whether the policy must be fetched before anything is concluded.
///
/// `announcement` is `None` when the TXT lookup failed.
#[must_use]
pub fn fetch_is_due(
    announcement: Option<&Announcement>,
    kept: Option<&Kept<'_>>,
    now: u64,
) -> bool {
    let Some(record) = announcement.and_then(Announcement::record) else {
        return false;
    };
    // A policy from the future is refreshed (S25), a new id asks for a fetch (S18).
    !kept.is_some_and(|k| k.is_live(now) && k.fetched <= now && k.id == record.id())
}

/// What is known, once the fetch that [`fetch_is_due`] asked for is over: `fetched` is its policy,
/// `None` when it failed or none was due.
#[must_use]
pub fn settle<'a>(
    announcement: Option<&Announcement>,
    kept: Option<&Kept<'a>>,
    fetched: Option<&'a Policy>,
    now: u64,
) -> State<'a> {
    let live = kept.filter(|k| k.is_live(now)).map(|k| k.policy);
    // A fetched policy replaces the kept one, whatever its mode (S18).
    if let Some(policy) = fetched.or(live) {
        return match policy.mode() {
            Mode::Enforce | Mode::Testing => State::Live(policy),
            Mode::None => State::None,
        };
    }
    let noted = kept
        .is_some_and(|k| k.policy.mode() != Mode::None && now < k.expires().saturating_add(NOTE));
    match announcement {
        None | Some(Announcement::One(_)) => State::Unknown,
        Some(_) if noted => State::Unknown,
        Some(_) => State::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn policy(mode: Mode) -> Policy {
        Policy::from_parts(mode, &["mx.example.com"], 86_400).unwrap()
    }

    fn announce(id: &str) -> Announcement {
        Announcement::One(Record::parse(format!("v=STSv1; id={id}").as_bytes()).unwrap())
    }

    #[test]
    fn states() {
        let (enforce, testing, none) = (
            policy(Mode::Enforce),
            policy(Mode::Testing),
            policy(Mode::None),
        );
        let at_once = Policy::from_parts(Mode::Enforce, &["mx.example.com"], 0).unwrap();
        let kept = |policy, age: u64| {
            Some(Kept {
                policy,
                id: "a",
                fetched: NOW - age,
            })
        };
        let ahead = Some(Kept {
            policy: &enforce,
            id: "a",
            fetched: NOW + 100,
        });
        let (a, b, absent) = (announce("a"), announce("b"), Announcement::Absent);
        let two = Announcement::Several(2);
        let day = 86_400;
        let (live, unknown) = (State::Live(&enforce), State::Unknown);
        // label, TXT (None: lookup failed), kept, fetched, fetch due, state
        #[rustfmt::skip]
        let rows = [
            ("VP15 TXT absent", Some(&absent), kept(&enforce, 10), None, false, live),
            ("VP15 expired, fetch fails", Some(&a), kept(&enforce, day), None, true, unknown),
            ("VP16 none fetched", Some(&b), kept(&enforce, 10), Some(&none), true, State::None),
            ("VP16 fetch fails", Some(&b), kept(&enforce, 10), None, true, live),
            ("VP14 fetch fails, kept", Some(&b), kept(&testing, 10), None, true,
                State::Live(&testing)),
            ("S17 last second", None, kept(&enforce, day - 1), None, false, live),
            ("S17 TXT lookup failed", None, kept(&enforce, 10), None, false, live),
            ("S18 two TXT end nothing", Some(&two), kept(&enforce, 10), None, false, live),
            ("S18 same id", Some(&a), kept(&enforce, 10), None, false, live),
            ("S18 from none to enforce", Some(&b), kept(&none, 10), Some(&enforce), true, live),
            ("S25 from the future", Some(&a), ahead, None, true, live),
            ("S12 max_age 0 now", Some(&a), None, Some(&at_once), true, State::Live(&at_once)),
            ("S12 max_age 0 later", Some(&a), kept(&at_once, 0), None, true, unknown),
            ("P2c first contact", Some(&a), None, Some(&enforce), true, live),
            ("P2c first contact fails", Some(&a), None, None, true, unknown),
            ("P2c TXT lookup failed", None, None, None, false, unknown),
            ("P2c nothing", Some(&absent), None, None, false, State::None),
            ("P2c two TXT", Some(&two), None, None, false, State::None),
            ("P2c mode none kept", None, kept(&none, 10), None, false, State::None),
            ("P2c noted", Some(&absent), kept(&enforce, 30 * day), None, false, unknown),
            ("P2c note over", Some(&absent), kept(&enforce, 31 * day), None, false, State::None),
            ("S16 note of mode none", Some(&absent), kept(&none, 2 * day), None, false,
                State::None),
        ];
        for (label, txt, kept, fetched, due, state) in rows {
            assert_eq!(fetch_is_due(txt, kept.as_ref(), NOW), due, "{label}: fetch");
            assert_eq!(
                settle(txt, kept.as_ref(), fetched, NOW),
                state,
                "{label}: state"
            );
        }
    }
}
