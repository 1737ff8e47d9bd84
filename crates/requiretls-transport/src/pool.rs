//! Which connections are kept for other messages?
//!
//! By host and port, the one that was used last first. What a connection has proved is for the next
//! message's own plan to judge (P9); the pool knows nothing but ages and numbers. Its lock is never
//! held while anything is sent or awaited, so that a slow peer is nobody else's concern.

mod janitor;

use crate::kept::{Kept, Open};
use crate::limits::Limits;
use crate::timeouts::{after, deadline};
pub(crate) use janitor::Janitor;
use requiretls_core::next_hop::Host;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Connections to all hosts.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    state: Mutex<State>,
    /// A connection was put in or closed, or the end has come.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    hosts: HashMap<Key, Hosted>,
    idle: usize,
    /// Nothing is kept any more.
    closed: bool,
}

type Key = (Host, u16);

/// The connections to one host.
#[derive(Debug, Default)]
struct Hosted {
    /// Busy ones and idle ones.
    open: usize,
    /// The one that was put in last is the last.
    idle: Vec<Idle>,
}

#[derive(Debug)]
struct Idle {
    kept: Kept,
    since: Instant,
}

/// A place among the connections to one host; dropping it gives it back.
pub(crate) struct Permit {
    pool: Arc<Pool>,
    key: Key,
}

/// What a message for a host may do.
#[derive(Debug)]
pub(crate) enum Turn<T> {
    /// Ride on this connection, of which this was said.
    Ride(T, Box<Kept>),
    /// Make a connection in this place.
    Connect(Arc<Permit>),
    /// There are as many as there may be, and none has become free in time.
    Full,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// What a message for a host may do: ride on the idle connection that was used last and fits,
    /// with what `fits` says of it, or make one of its own. Where there are as many as there may be,
    /// one that does not fit is closed, or the first is waited for that is put in or closed.
    pub(crate) fn turn<T>(
        self: &Arc<Self>,
        host: &Host,
        port: u16,
        mut fits: impl FnMut(&Kept) -> Option<T>,
    ) -> Turn<T> {
        let key = (host.clone(), port);
        let deadline = deadline(self.limits.patience);
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let hosted = state.hosts.entry(key.clone()).or_default();
            let mut all = hosted.idle.iter().enumerate().rev();
            let found = all.find_map(|(at, idle)| {
                let fit = (self.ends(idle) > now).then(|| fits(&idle.kept))??;
                Some((at, fit))
            });
            if let Some((at, fit)) = found {
                let idle = hosted.idle.remove(at);
                state.idle -= 1;
                return Turn::Ride(fit, Box::new(idle.kept));
            }
            if hosted.open < self.limits.per_host.max(1) {
                hosted.open += 1;
                let pool = Arc::clone(self);
                return Turn::Connect(Arc::new(Permit { pool, key }));
            }
            if !hosted.idle.is_empty() {
                let idle = hosted.idle.remove(0);
                state.idle -= 1;
                drop(state);
                idle.kept.quit();
                state = self.lock();
                continue;
            }
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Turn::Full;
            }
            state = self.wait(state, left);
        }
    }

    /// Keeps a connection for other messages, or closes it.
    pub(crate) fn put(&self, open: Open) {
        if open.connection.messages() >= self.limits.messages
            || open.connection.opened().elapsed() >= self.limits.lifetime
        {
            return open.connection.quit();
        }
        let Some(kept) = open.keep() else {
            return;
        };
        let mut state = self.lock();
        let full = state.closed || state.idle >= self.limits.idle;
        let key = (kept.host.clone(), kept.port);
        // It is among the open ones to its host, so that there is an entry.
        let hosted = state.hosts.get_mut(&key);
        let Some(hosted) = hosted.filter(|h| !full && h.idle.len() < self.limits.idle_per_host)
        else {
            drop(state);
            return kept.quit();
        };
        let since = Instant::now();
        hosted.idle.push(Idle { kept, since });
        state.idle += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Keeps nothing any more.
    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes out the connections whose time is over, and tells when the next one's is.
    fn expired(state: &mut State, over: impl Fn(&Idle) -> bool) -> Vec<Kept> {
        let mut expired = Vec::new();
        for hosted in state.hosts.values_mut() {
            let all = std::mem::take(&mut hosted.idle);
            let (out, rest): (Vec<Idle>, Vec<Idle>) = all.into_iter().partition(&over);
            hosted.idle = rest;
            expired.extend(out.into_iter().map(|idle| idle.kept));
        }
        state.idle -= expired.len();
        expired
    }

    /// When an idle connection's time is over.
    fn ends(&self, idle: &Idle) -> Instant {
        let of_age = after(idle.kept.connection.opened(), self.limits.lifetime);
        of_age.min(after(idle.since, self.limits.idle_time))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked here has left numbers that still add up.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, limit);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        if let Some(hosted) = state.hosts.get_mut(&self.key) {
            hosted.open = hosted.open.saturating_sub(1);
            if hosted.open == 0 {
                state.hosts.remove(&self.key);
            }
        }
        drop(state);
        self.pool.changed.notify_all();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit")
            .field(&self.key)
            .finish_non_exhaustive()
    }
}
