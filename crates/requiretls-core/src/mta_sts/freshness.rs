//! Does a policy kept from earlier still count, and must it be fetched again?
//!
//! RFC 8461 sections 3.3 and 5.1 (S17 to S20, S25, P2c). The store is the caller's; here is only
//! what a kept policy, the TXT records and a fetch mean together, and when the next fetch is due.
//! TXT records are unsigned where it matters, so they may bring a policy in, never end one.

use super::fetch::RETRY_AFTER;
use super::policy::{Mode, Policy};
use super::record::Announcement;
use crate::domain::Domain;

/// How long after its end a policy is remembered: the domain may still have one (P2c).
pub const NOTE: u64 = 30 * 86_400;

/// After how long a policy is fetched again without being asked for (S19); a policy that lives
/// shorter, after half its life.
pub const REFRESH_AFTER: u64 = 86_400;

/// A policy kept from an earlier fetch. Times are in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The id of the TXT record that it was fetched for.
    pub id: &'a str,
    /// When it was last fetched.
    pub fetched: u64,
    /// When a fetch was last tried and failed, if that was later.
    pub failed: Option<u64>,
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

    /// Whether it was fetched, with or without a change, within the last five minutes (S20):
    /// [`Sts::Live`](crate::facts::Sts::Live) says so. One from the future is not known to be.
    #[must_use]
    pub fn is_checked(&self, now: u64) -> bool {
        let age = now.checked_sub(self.fetched);
        age.is_some_and(|age| age < RETRY_AFTER.as_secs())
    }

    /// Until when [`is_checked`](Self::is_checked) says so.
    #[must_use]
    pub fn checked_until(&self) -> u64 {
        self.fetched.saturating_add(RETRY_AFTER.as_secs())
    }

    /// Whether it may be fetched again for a verdict that rests on it, whatever the TXT record
    /// says: the id may be an old one played back, or a new one that was kept with the old body.
    /// At most once in five minutes, whether the last fetch failed or not (S20).
    #[must_use]
    pub fn may_be_rechecked(&self, now: u64) -> bool {
        self.untouched_for(RETRY_AFTER.as_secs(), now)
    }

    /// From when on [`may_be_rechecked`](Self::may_be_rechecked) says so, as seen now.
    #[must_use]
    pub fn may_be_rechecked_from(&self, now: u64) -> u64 {
        self.after(RETRY_AFTER.as_secs(), now)
    }

    /// Whether it is to be fetched again although nothing asks for it (S19): about daily, so that
    /// it does not end between two messages. Whether there is a TXT record now plays no part.
    #[must_use]
    pub fn refresh_is_due(&self, now: u64) -> bool {
        self.is_live(now) && self.untouched_for(self.refresh_interval(), now)
    }

    /// The same for the policy of this domain: up to a quarter of the time earlier, so that
    /// domains that were met together are not fetched together for ever after.
    #[must_use]
    pub fn refresh_is_due_for(&self, domain: &Domain, now: u64) -> bool {
        self.is_live(now) && self.untouched_for(self.interval_for(domain), now)
    }

    /// From when on [`refresh_is_due_for`](Self::refresh_is_due_for) says so, as seen now and if it
    /// lives so long.
    #[must_use]
    pub fn refresh_is_due_from(&self, domain: &Domain, now: u64) -> u64 {
        self.after(self.interval_for(domain), now)
    }

    fn interval_for(&self, domain: &Domain) -> u64 {
        let share = domain.as_str().bytes().fold(0_u64, |sum, octet| {
            sum.wrapping_mul(31).wrapping_add(octet.into()) % 251
        });
        let interval = self.refresh_interval();
        let earlier = (interval / 4).saturating_mul(share) / 251;
        interval.saturating_sub(earlier).max(RETRY_AFTER.as_secs())
    }

    fn refresh_interval(&self) -> u64 {
        let half_life = u64::from(self.policy.max_age()) / 2;
        REFRESH_AFTER.min(half_life).max(RETRY_AFTER.as_secs())
    }

    /// Whether the site is warned of a refresh that failed (S19): not of a policy that asks for
    /// nothing, whose host may well be gone.
    #[must_use]
    pub fn failed_refresh_warns(&self) -> bool {
        self.policy.mode() != Mode::None
    }

    /// Whether no fetch, failed or not, was made within so many seconds.
    fn untouched_for(&self, seconds: u64, now: u64) -> bool {
        self.after(seconds, now) <= now
    }

    /// So many seconds after the last fetch, failed or not. One in the future was made at an unknown
    /// time, before the clock was set back (S25).
    fn after(&self, seconds: u64, now: u64) -> u64 {
        let times = [Some(self.fetched), self.failed].into_iter().flatten();
        let last = times.filter(|time| *time <= now).max();
        last.map_or(0, |last| last.saturating_add(seconds))
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
    /// Whether there must be no fetch for this id yet (S9). Another id begins anew; of a time to
    /// come nothing is known (S25).
    #[must_use]
    pub fn forbids(&self, id: &str, now: u64) -> bool {
        let age = now.checked_sub(self.at);
        self.id == id && age.is_some_and(|age| age < RETRY_AFTER.as_secs())
    }
}

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
                failed: None,
            })
        };
        let ahead = Some(Kept {
            policy: &enforce,
            id: "a",
            fetched: NOW + 100,
            failed: None,
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

    #[test]
    fn s19_refreshed_about_daily() {
        let (day, hour) = (86_400, 3_600);
        let long = Policy::from_parts(Mode::Enforce, &["mx.example.com"], 30 * 86_400).unwrap();
        let short = Policy::from_parts(Mode::Testing, &["mx.example.com"], 7_200).unwrap();
        let tiny = Policy::from_parts(Mode::Enforce, &["mx.example.com"], 400).unwrap();
        let at_once = Policy::from_parts(Mode::Enforce, &["mx.example.com"], 0).unwrap();
        let none = Policy::from_parts(Mode::None, &[], 30 * 86_400).unwrap();
        // label, policy, age, how long ago a refresh failed, due, warns
        #[rustfmt::skip]
        let rows = [
            ("S19 fresh", &long, 0, None, false, true),
            ("S19 within the day", &long, day - 1, None, false, true),
            ("S19 a day", &long, day, None, true, true),
            ("S19 a failure counts as a try", &long, 2 * day, Some(hour), false, true),
            ("S19 failed a day ago", &long, 2 * day, Some(day), true, true),
            ("S19 short life: at half of it", &short, hour, None, true, true),
            ("S19 short life: not before", &short, hour - 1, None, false, true),
            ("S19 S9 never within five minutes", &tiny, 299, None, false, true),
            ("S19 S9 after five minutes", &tiny, 300, None, true, true),
            ("S19 expired: left to the next message", &tiny, 400, None, false, true),
            ("S19 S12 for one delivery", &at_once, 0, None, false, true),
            ("S19 mode none too", &none, day, None, true, false),
        ];
        for (label, policy, age, failed, due, warns) in rows {
            let kept = Kept {
                policy,
                id: "a",
                fetched: NOW - age,
                failed: failed.map(|ago| NOW - ago),
            };
            assert_eq!(kept.refresh_is_due(NOW), due, "{label}");
            assert_eq!(kept.failed_refresh_warns(), warns, "{label}: warns");
            // What a success restarts (S19).
            let again = Kept {
                fetched: NOW,
                ..kept
            };
            let max_age = u64::from(policy.max_age());
            assert_eq!(again.expires(), NOW + max_age, "{label}: restarted");
        }
    }

    #[test]
    fn s19_domains_part() {
        let policy = Policy::from_parts(Mode::Enforce, &["mx.example.com"], 604_800).unwrap();
        let due = |name: &str, age| {
            let kept = Kept {
                policy: &policy,
                id: "a",
                fetched: NOW - age,
                failed: None,
            };
            kept.refresh_is_due_for(&Domain::parse(name.as_bytes()).unwrap(), NOW)
        };
        let (day, names) = (86_400, (0..100).map(|n| format!("n{n}.example")));
        let names: Vec<String> = names.collect();
        let how_many = |age| names.iter().filter(|name| due(name, age)).count();
        assert_eq!(how_many(day * 3 / 4), 0, "none before three quarters");
        assert!((20..80).contains(&how_many(day * 7 / 8)), "some by then");
        assert_eq!(how_many(day), 100, "all within the day");
        assert_eq!(how_many(8 * day), 0, "expired");
    }

    #[test]
    fn s9_five_minutes_after_a_failure_for_the_same_id() {
        #[rustfmt::skip]
        let rows = [
            ("S9 at once", 0, "a", true),
            ("S9 the last second", 299, "a", true),
            ("S9 five minutes", 300, "a", false),
            ("S9 a new id", 0, "b", false),
            ("S9 none announced", 0, "", false),
            ("S25 from the future", -1, "a", false),
        ];
        for (label, age, id, forbids) in rows {
            let at = NOW.checked_add_signed(-age).unwrap();
            let failed = Failed { at, id: "a" };
            assert_eq!(failed.forbids(id, NOW), forbids, "{label}");
        }
    }

    #[test]
    fn s20_rechecked_at_most_once_in_five_minutes() {
        let enforce = policy(Mode::Enforce);
        // label, age of the last fetch (negative: from the future), of the last failure, is
        // checked, may be rechecked
        #[rustfmt::skip]
        let rows: [(&str, i64, Option<i64>, bool, bool); 9] = [
            ("S20 just fetched", 0, None, true, false),
            ("S20 four minutes", 240, None, true, false),
            ("S20 the last second", 299, None, true, false),
            ("S20 five minutes", 300, None, false, true),
            ("S20 failed just now", 3_600, Some(0), false, false),
            ("S20 failed within five minutes", 3_600, Some(299), false, false),
            ("S20 failed before", 3_600, Some(300), false, true),
            ("S25 from the future", -100, None, false, true),
            ("S25 from the future, failed just now", -100, Some(1), false, false),
        ];
        let back = |age: i64| NOW.checked_add_signed(-age).unwrap();
        for (label, age, failed, checked, may) in rows {
            let kept = Kept {
                policy: &enforce,
                id: "a",
                fetched: back(age),
                failed: failed.map(back),
            };
            assert_eq!(kept.is_checked(NOW), checked, "{label}: checked");
            assert_eq!(kept.may_be_rechecked(NOW), may, "{label}: may");
        }
    }

    /// What is kept in memory asks when a question will be answered otherwise, not whether it is now.
    #[test]
    fn s19_s20_when_it_changes() {
        let name = Domain::parse(b"d.test").unwrap();
        let long = Policy::from_parts(Mode::Enforce, &["mx.example.com"], 604_800).unwrap();
        // label, age of the last fetch (negative: from the future), of the last failure
        #[rustfmt::skip]
        let rows: [(&str, i64, Option<i64>); 7] = [
            ("just fetched", 0, None),
            ("fetched a while ago", 200, None),
            ("failed since", 5_000, Some(100)),
            ("failed before", 5_000, Some(6_000)),
            ("due", 90_000, None),
            ("S25 from the future", -100, None),
            ("S25 failed in the future", 200, Some(-100)),
        ];
        for (label, age, failed) in rows {
            let back = |age: i64| NOW.checked_add_signed(-age).unwrap();
            let kept = Kept {
                policy: &long,
                id: "a",
                fetched: back(age),
                failed: failed.map(back),
            };
            let (recheck, refresh) = (
                kept.may_be_rechecked_from(NOW),
                kept.refresh_is_due_from(&name, NOW),
            );
            assert_eq!(kept.may_be_rechecked(NOW), recheck <= NOW, "{label}: now");
            assert_eq!(
                kept.refresh_is_due_for(&name, NOW),
                refresh <= NOW,
                "{label}: now"
            );
            // No time of these lies ahead.
            if age >= 0 && failed.is_none_or(|age| age >= 0) {
                for at in [recheck, refresh].into_iter().filter(|at| *at > NOW) {
                    assert_eq!(kept.may_be_rechecked(at), at >= recheck, "{label}");
                    assert_eq!(kept.may_be_rechecked(at - 1), at > recheck, "{label}");
                    assert_eq!(kept.refresh_is_due_for(&name, at), at >= refresh, "{label}");
                    assert!(!kept.refresh_is_due_for(&name, recheck.min(refresh) - 1));
                }
                let until = kept.checked_until();
                assert_eq!(kept.is_checked(until.max(NOW) - 1), until > NOW, "{label}");
                assert!(!kept.is_checked(until), "{label}");
            }
        }
    }
}
