//! What have the tests found, and for how long does that hold?
//!
//! In memory for the process and in the cache's directory for those after it, so that a process per
//! message asks no more than one that stays. The memory is one number a server, read and written
//! whole: there is no lock that a fork in another thread could leave taken.

use super::super::Resolver;
use super::{Ad, Finding, ProbeNames, Signatures, Standing, Tested, WITHHELD};
use crate::cache::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The names to test with, and what has been found.
#[derive(Clone, Debug)]
pub(in crate::dns) struct SelfTest {
    pub(super) names: ProbeNames,
    cache: Cache,
    /// By place: seconds since 1970, and the finding's number in the last eight bits.
    found: Arc<[AtomicU64]>,
    /// By place: when signatures last came through, in seconds since 1970; 0: never.
    passed: Arc<[AtomicU64]>,
}

impl SelfTest {
    pub(in crate::dns) fn new(names: ProbeNames, cache: Cache, servers: usize) -> Self {
        let nothing = || (0..servers).map(|_| AtomicU64::new(0)).collect();
        Self {
            names,
            cache,
            found: nothing(),
            passed: nothing(),
        }
    }

    /// What is known of each server and still holds.
    pub(super) fn known(&self, resolver: &Resolver) -> Vec<Option<Finding>> {
        let now = resolver.clock.now().ok();
        let servers = resolver.servers.iter().zip(self.found.iter());
        servers
            .enumerate()
            .map(|(place, (server, found))| {
                let now = now?;
                if let Some((at, finding)) = unpacked(found.load(Ordering::Relaxed))
                    && holds(at, finding, now)
                {
                    return Some(finding);
                }
                let tested = self.cache.tested(*server)?;
                let passed = tested.passed.filter(|&passed| passed <= now);
                if let (Some(passed), Some(last)) = (passed, self.passed.get(place)) {
                    last.fetch_max(passed, Ordering::Relaxed);
                }
                if !holds(tested.at, tested.finding, now) {
                    return None;
                }
                self.note(resolver, place, tested.at, tested.finding);
                Some(tested.finding)
            })
            .collect()
    }

    /// Keeps what was found just now.
    pub(super) fn learn(&self, resolver: &Resolver, place: usize, finding: Finding) {
        // Without a clock it holds for the present lookup alone.
        let now = resolver.clock.now().ok();
        if let (Some(now), Some(last)) = (now, self.passed.get(place))
            && finding.signatures == Signatures::Passes
        {
            last.store(now, Ordering::Relaxed);
        }
        self.note(resolver, place, now.unwrap_or_default(), finding);
        if let (Some(at), Some(&server)) = (now, resolver.servers.get(place)) {
            let passed = self.last_passed(place);
            let tested = Tested {
                at,
                finding,
                passed,
            };
            self.cache.keep_tested(server, tested);
        }
    }

    /// Whether signatures came through a server within [`WITHHELD`].
    pub(super) fn has_passed_lately(&self, resolver: &Resolver, place: usize) -> bool {
        let (Some(last), Ok(now)) = (self.last_passed(place), resolver.clock.now()) else {
            return false;
        };
        // By a clock that was wrong then it would never end.
        now.checked_sub(last).is_some_and(|age| age < WITHHELD)
    }

    fn last_passed(&self, place: usize) -> Option<u64> {
        let last = self.passed.get(place)?.load(Ordering::Relaxed);
        (last != 0).then_some(last)
    }

    /// Says so when it is something new.
    fn note(&self, resolver: &Resolver, place: usize, at: u64, finding: Finding) {
        let (Some(found), Some(server)) = (self.found.get(place), resolver.servers.get(place))
        else {
            return;
        };
        let before = unpacked(found.swap(packed(at, finding), Ordering::Relaxed));
        if before.is_some_and(|(_, before)| before == finding) {
            return;
        }
        let passed = self.has_passed_lately(resolver, place);
        match finding.standing(resolver.validates(), passed) {
            Standing::Proven => {
                tracing::debug!("the name server {server} has passed the test: {finding}");
            }
            Standing::Unproven => tracing::warn!(
                "whether the name server {server} can be relied on for DNSSEC is not known: {finding}"
            ),
            Standing::Withholding => tracing::error!(
                "signatures that came through the name server {server} lately are withheld now: \
                 {finding}; somebody may be on the path to it, so what it says without signatures \
                 counts as forged, for three days after the last that came, and mail waits"
            ),
            Standing::Worthless => tracing::error!(
                "the name server {server} cannot be relied on for DNSSEC: {finding}; nothing that it \
                 says counts as DNSSEC-validated, so DANE is off and messages that need it wait"
            ),
        }
    }
}

fn holds(at: u64, finding: Finding, now: u64) -> bool {
    let life = if finding.is_clear() { CLEAR } else { UNCLEAR };
    now.checked_sub(at).is_some_and(|age| age < life)
}

/// How long a finding holds, in seconds.
const CLEAR: u64 = 600;

/// The same, where a question of the test was not answered.
const UNCLEAR: u64 = 60;

/// 0 is no finding.
fn packed(at: u64, finding: Finding) -> u64 {
    let ad = ADS.iter().position(|(ad, _)| *ad == finding.ad);
    let signatures = SIGNATURES
        .iter()
        .position(|(s, _)| *s == finding.signatures);
    let number = match (ad, signatures) {
        (Some(ad), Some(signatures)) => ad * SIGNATURES.len() + signatures + 1,
        _ => 0,
    };
    at << 8 | u64::try_from(number).unwrap_or_default()
}

fn unpacked(packed: u64) -> Option<(u64, Finding)> {
    let number = usize::try_from(packed & 0xff).ok()?.checked_sub(1)?;
    let (ad, _) = *ADS.get(number / SIGNATURES.len())?;
    let (signatures, _) = *SIGNATURES.get(number % SIGNATURES.len())?;
    Some((packed >> 8, Finding { ad, signatures }))
}

impl Ad {
    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&ADS, self)
    }
}

impl Signatures {
    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&SIGNATURES, self)
    }
}

impl Finding {
    /// By the words of its halves.
    pub(crate) fn from_words(ad: &str, signatures: &str) -> Option<Self> {
        let (ad, _) = *ADS.iter().find(|(_, word)| *word == ad)?;
        let (signatures, _) = *SIGNATURES.iter().find(|(_, word)| *word == signatures)?;
        Some(Self { ad, signatures })
    }
}

fn word<T: Copy + PartialEq>(words: &[(T, &'static str)], which: T) -> &'static str {
    let found = words.iter().find(|(one, _)| *one == which);
    found.map_or("", |(_, word)| word)
}

const ADS: [(Ad, &str); 6] = [
    (Ad::Right, "right"),
    (Ad::Always, "always"),
    (Ad::Never, "never"),
    (Ad::Silent, "silent"),
    (Ad::Refuses, "refuses"),
    (Ad::Fails, "fails"),
];

const SIGNATURES: [(Signatures, &str); 6] = [
    (Signatures::Passes, "passes"),
    (Signatures::Strips, "strips"),
    (Signatures::DropsDo, "drops-do"),
    (Signatures::Silent, "silent"),
    (Signatures::Refuses, "refuses"),
    (Signatures::Fails, "fails"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_holds_for_its_time() {
        for (ad, ad_word) in ADS {
            for (signatures, signatures_word) in SIGNATURES {
                let finding = Finding { ad, signatures };
                let label = format!("{ad_word} {signatures_word}");
                let words = (ad.as_str(), signatures.as_str());
                assert_eq!(
                    Finding::from_words(words.0, words.1),
                    Some(finding),
                    "{label}"
                );
                let packed = packed(1_800_000_000, finding);
                assert_eq!(unpacked(packed), Some((1_800_000_000, finding)), "{label}");
                let life = if finding.is_clear() { 600 } else { 60 };
                for (now, expected) in [
                    (99, false),
                    (100, true),
                    (99 + life, true),
                    (100 + life, false),
                ] {
                    assert_eq!(holds(100, finding, now), expected, "{label} at {now}");
                }
            }
        }
        assert_eq!(unpacked(0), None);
        assert_eq!(unpacked(37), None);
        const { assert!(WITHHELD < 4 * 86_400, "RFC 5321 section 4.5.4.1") };
        assert_eq!(Finding::from_words("right", ""), None);
    }
}
