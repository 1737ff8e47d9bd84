//! Which of equals comes first?
//!
//! RFC 5321 section 5.1: hosts of equal preference are tried in random order, anew each time. Nothing
//! secret hangs on it, so that keys drawn once and the time are enough: no system call, no lock, and
//! parent and child go different ways after a fork.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Where lots are drawn.
#[derive(Debug, Default)]
pub(super) struct Lots {
    keys: RandomState,
    drawn: AtomicU64,
}

impl Lots {
    pub(super) fn shuffle<T>(&self, equals: &mut [T]) {
        for left in (2..=equals.len()).rev() {
            equals.swap(left - 1, self.draw(left));
        }
    }

    /// One of so many.
    fn draw(&self, count: usize) -> usize {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let lot = self.keys.hash_one((number, Instant::now()));
        let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        usize::try_from(lot % count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_order_comes_up_about_as_often() {
        let lots = Lots::default();
        let mut seen: BTreeMap<[u8; 3], u32> = BTreeMap::new();
        for _ in 0..6_000 {
            let mut equals = [1, 2, 3];
            lots.shuffle(&mut equals);
            *seen.entry(equals).or_default() += 1;
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
        assert!(seen.values().all(|n| (800..1_200).contains(n)), "{seen:?}");
        lots.shuffle::<u8>(&mut []);
    }
}
