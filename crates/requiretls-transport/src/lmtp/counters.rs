//! How much has been done?

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start of the program; none but the number of open connections ever falls.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
    messages: AtomicU64,
    octets: AtomicU64,
    delivered: AtomicU64,
    deferred: AtomicU64,
    bounced: AtomicU64,
}

/// What was counted up to a moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counted {
    /// Connections that were taken.
    pub connections: u64,
    /// Those that are open.
    pub open: u64,
    /// Connections that were turned away, since there are too many.
    pub refused: u64,
    /// Messages that came whole.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Recipients that a next hop has taken the message for.
    pub delivered: u64,
    /// Recipients that were answered 4yz.
    pub deferred: u64,
    /// Recipients that were answered 5yz.
    pub bounced: u64,
}

impl Counters {
    /// The counts as they are now.
    pub fn read(&self) -> Counted {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let closed = of(&self.closed);
        let connections = of(&self.connections);
        Counted {
            connections,
            open: connections.saturating_sub(closed),
            refused: of(&self.refused),
            messages: of(&self.messages),
            octets: of(&self.octets),
            delivered: of(&self.delivered),
            deferred: of(&self.deferred),
            bounced: of(&self.bounced),
        }
    }

    /// A connection, which is open as long as this is.
    pub(super) fn connected(&self) -> Connected<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(self)
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn received(&self, octets: u64) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, code: u16) {
        let counter = match code {
            200..=299 => &self.delivered,
            500..=599 => &self.bounced,
            _ => &self.deferred,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that is open.
pub(super) struct Connected<'a>(&'a Counters);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Ordering::Relaxed);
    }
}
