//! What is done at the same time?
//!
//! Next hops of one message wait for nobody's slow peers but their own, and a message with a thousand
//! next hops has no thousand threads.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What `make` makes of each item, in whatever order. No more than `limit` are under way at once, one
/// of them in the calling thread, which does all of it where no other thread can be had.
pub(crate) fn at_once<T: Send, U: Send>(
    items: Vec<T>,
    limit: NonZero<usize>,
    make: impl Fn(T) -> U + Sync,
) -> Vec<U> {
    let further = limit.get().min(items.len()).saturating_sub(1);
    if further == 0 {
        return items.into_iter().map(make).collect();
    }
    let waiting = Mutex::new(VecDeque::from(items));
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            // The lock is held for as long as this line.
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(item) = next else {
                return;
            };
            let one = make(item);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(one);
        }
    };
    thread::scope(|scope| {
        for _ in 0..further {
            let builder = thread::Builder::new()
                .name("next hop".to_owned())
                .stack_size(STACK);
            if let Err(error) = builder.spawn_scoped(scope, work) {
                tracing::warn!(%error, "no further thread for the next hops of a message");
                break;
            }
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A look-up may make an HTTPS connection.
const STACK: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::at_once;
    use std::num::NonZero;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn all_is_made_and_no_more_than_the_limit_at_once() {
        for (items, limit, expected) in [(0, 4, 0), (1, 4, 1), (20, 1, 1), (20, 4, 4), (3, 8, 3)] {
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let limit = NonZero::new(limit).unwrap();
            let mut done = at_once((0..items).collect(), limit, |item: usize| {
                let under_way = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(under_way, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(20));
                now.fetch_sub(1, Ordering::SeqCst);
                item
            });
            done.sort_unstable();
            assert_eq!(done, (0..items).collect::<Vec<_>>());
            assert_eq!(most.into_inner(), expected, "{items} items");
        }
    }
}
