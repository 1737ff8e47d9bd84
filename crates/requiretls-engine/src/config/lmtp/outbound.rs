//! How does the mail go out that `requiretls lmtp` has taken?

use std::net::IpAddr;
use std::num::NonZero;
use std::time::Duration;

/// The part of `[lmtp]` that is about the connections that mail goes out by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outbound {
    /// The most connections to one host and port at once.
    pub host_connections: usize,
    /// The most of them that are kept without a message.
    pub host_idle_connections: usize,
    /// The most connections to all hosts that are kept without a message.
    pub idle_connections: usize,
    /// How long one is kept without a message.
    pub reuse: Duration,
    /// How old one may be to be kept.
    pub lifetime: Duration,
    /// The most messages on one.
    pub messages: usize,
    /// How long a message waits for a place among the connections to a host.
    pub place: Duration,
    /// How long a message may take until it has its answers, but for the end of one that is being
    /// sent.
    pub answer: Duration,
    /// The most next hops of one message that are served at the same time.
    pub next_hops: NonZero<usize>,
    /// What they come from, at most one of each family; the system chooses for a family without one.
    pub sources: Vec<IpAddr>,
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            host_connections: 20,
            host_idle_connections: 4,
            idle_connections: 200,
            reuse: Duration::from_secs(30),
            lifetime: Duration::from_secs(300),
            messages: 100,
            place: Duration::from_secs(30),
            answer: Duration::from_secs(240),
            next_hops: const { NonZero::new(8).unwrap() },
            sources: Vec::new(),
        }
    }
}
