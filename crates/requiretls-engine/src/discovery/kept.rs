//! What do we know already?
//!
//! A process that stays answers for a domain that it has looked up before without a question, a file
//! or a system call, for as long as every answer that the facts rest on holds. [`Term`](super::term)
//! says how long that is; [`doubt`](super::doubt), what is kept at all.
//!
//! A record that is kept within its time to live is the record: whoever asked a resolver would be told
//! the same one. So the TXT record's id has been looked at when it was at most one time to live ago (RFC
//! 8461 section 3.1), and a domain that wants a new policy seen sooner publishes a shorter one. What
//! DNS does not bound is bounded here: a policy is asked for again when it is due (S19), when hosts that
//! it refuses may have been added (S20), and when a delivery has said that it must be
//! ([`Discovery::note`](super::Discovery::note)); it is told as checked for five minutes and no longer.
//! What another process has found out, or has marked, is seen when the time is over.
//!
//! That a server's word on DNSSEC counts was true when the facts were found. A server that fails its
//! test later changes nothing in what is kept: it is secure for its time to live, and no longer.
//!
//! There is no lock: a slot is one pointer, read and replaced as a whole, so that a fork in another
//! thread leaves nothing taken; what that thread had counted as in use stays in the child, and costs
//! its memory alone. Parent and child each have their own from then on. It holds [`MOST_KEPT`] facts
//! of at most [`MOST_OCTETS_KEPT`] octets: an entry has two slots where it may be, by a hash that
//! nobody outside can foresee, and what is replaced is what has not been used for longer. Names without
//! a host, of which there are any number, give way to all others and replace none of them.

mod entry;
mod key;
mod size;

pub(super) use entry::Entry;
pub(super) use key::Key;

use super::Discovered;
use super::lots::Lots;
use arc_swap::ArcSwapOption;
use requiretls_core::domain::Domain;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many facts a process keeps.
pub const MOST_KEPT: usize = 4_096;

/// Larger facts are not kept: together they are 32 MiB at most, and seldom above 8.
pub const MOST_OCTETS_KEPT: usize = 8 * 1_024;

/// Facts of earlier lookups.
pub(super) struct KeptFacts {
    slots: Box<[ArcSwapOption<Entry>]>,
    keys: RandomState,
    /// How often something was forgotten on purpose.
    forgotten: AtomicU64,
    begun: Instant,
}

/// What was forgotten when a lookup began: facts found before that are not kept after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

impl KeptFacts {
    pub(super) fn with_slots(count: usize) -> Self {
        Self {
            slots: (0..count).map(|_| ArcSwapOption::empty()).collect(),
            keys: RandomState::new(),
            forgotten: AtomicU64::new(0),
            begun: Instant::now(),
        }
    }

    /// What is known now.
    pub(super) fn find(&self, key: &Key<'_>, now: u64, lots: &Lots) -> Option<Discovered> {
        self.places(key).find_map(|slot| {
            let entry = slot.load();
            let entry = entry.as_ref().filter(|entry| entry.is_for(key))?;
            let told = entry.told(now, lots)?;
            entry.use_at(self.moment());
            Some(told)
        })
    }

    /// To be drawn before anything is asked.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.forgotten.load(Ordering::Acquire))
    }

    /// Keeps what was found with this ticket, unless something has been forgotten since.
    pub(super) fn keep(&self, entry: Entry, ticket: Ticket, now: u64) {
        if entry.octets() > MOST_OCTETS_KEPT || !entry.holds(now) {
            return;
        }
        let places: Vec<&ArcSwapOption<Entry>> = self.places(entry.key()).collect();
        // The one before, then what is over, then by whether it has hosts and when it was used.
        let worth = |slot: &ArcSwapOption<Entry>| match slot.load().as_ref() {
            Some(other) if other.is_for(entry.key()) => None,
            Some(other) if other.holds(now) => Some((other.has_hosts(), other.used_at())),
            _ => Some((false, 0)),
        };
        let Some(slot) = places.iter().min_by_key(|slot| worth(slot)) else {
            return;
        };
        if !entry.has_hosts() && matches!(worth(slot), Some((true, _))) {
            return;
        }
        entry.use_at(self.moment());
        let entry = Arc::new(entry);
        slot.store(Some(Arc::clone(&entry)));
        if self.ticket().0 != ticket.0 {
            remove(slot, &entry);
        }
    }

    /// Forgets all facts that rest on this domain's policy; the ticket is for what was found after.
    pub(super) fn forget_policy(&self, domain: &Domain) -> Ticket {
        let ticket = self.forgotten.fetch_add(1, Ordering::AcqRel) + 1;
        for slot in &self.slots {
            let entry = slot.load();
            if let Some(entry) = entry.as_ref().filter(|e| e.policy_domain() == Some(domain)) {
                remove(slot, entry);
            }
        }
        Ticket(ticket)
    }

    /// In nanoseconds.
    fn moment(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn places(&self, key: &Key<'_>) -> impl Iterator<Item = &ArcSwapOption<Entry>> {
        let hash = self.keys.hash_one(key);
        [hash, hash.rotate_left(32)].into_iter().filter_map(|half| {
            let half = usize::try_from(half & 0xffff_ffff).ok()?;
            self.slots.get(half.checked_rem(self.slots.len())?)
        })
    }
}

/// Unless it has been replaced by another.
fn remove(slot: &ArcSwapOption<Entry>, entry: &Arc<Entry>) {
    drop(slot.compare_and_swap(entry, None));
}

impl fmt::Debug for KeptFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = self.slots.iter().filter(|slot| slot.load().is_some());
        write!(f, "{} facts in {} slots", full.count(), self.slots.len())
    }
}

#[cfg(test)]
mod tests;
