//! Who closes the connections that nobody wants any more?
//!
//! A thread that sleeps until the next one's time is over, begun with the first one that is kept:
//! a carrier that keeps none has no thread.

use super::{Pool, State};
use crate::connection::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Closes idle connections with QUIT when their time is over, and all when it is dropped.
#[derive(Debug)]
pub(crate) struct Janitor {
    pool: Arc<Pool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Janitor {
    pub(crate) fn of(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            thread: Mutex::default(),
        }
    }

    /// Begins the thread, once there is something to do. Where none can be had, connections are
    /// closed when they are found to be too old, or at the end.
    pub(crate) fn begin(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_some() || self.pool.lock().idle == 0 {
            return;
        }
        let pool = Arc::clone(&self.pool);
        let builder = std::thread::Builder::new().name("idle connections".to_owned());
        *thread = builder
            .stack_size(STACK)
            .spawn(move || pool.tend())
            .inspect_err(|error| tracing::warn!(%error, "no thread for idle connections"))
            .ok();
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        self.pool.close();
        let thread = self.thread.get_mut();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        match thread {
            Some(thread) => {
                let _ = thread.join();
            }
            None => self.pool.tend(),
        }
    }
}

impl Pool {
    /// Until the pool is closed; then nothing is left in it.
    fn tend(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let closed = state.closed;
            let expired = Self::expired(&mut state, |idle| closed || self.ends(idle) <= now);
            if !expired.is_empty() {
                drop(state);
                Connection::quit_all(expired.into_iter().map(|kept| kept.connection));
                state = self.lock();
                continue;
            }
            if closed {
                return;
            }
            let sleep = self.next_end(&state).map_or(LONG, |end| {
                end.saturating_duration_since(Instant::now()).max(SHORT)
            });
            state = self.wait(state, sleep);
        }
    }

    fn next_end(&self, state: &State) -> Option<Instant> {
        let idle = state.hosts.values().flat_map(|hosted| &hosted.idle);
        idle.map(|idle| self.ends(idle)).min()
    }
}

/// Where nothing is idle, whatever is put in wakes the thread.
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);
const STACK: usize = 128 * 1024;
