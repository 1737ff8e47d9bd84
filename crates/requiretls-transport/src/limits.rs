//! How many connections are open, and for how long?

use std::num::NonZero;
use std::time::Duration;

/// The limits of a carrier's connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections to one host and port that are open at once, busy or idle; at least one.
    pub per_host: usize,
    /// Those of them that are kept open without a message. 0: none is.
    pub idle_per_host: usize,
    /// Idle connections in all.
    pub idle: usize,
    /// How long one is kept open without a message.
    pub idle_time: Duration,
    /// How old one may be to be kept. What it proved when it was made is never older.
    pub lifetime: Duration,
    /// How many messages are begun on one.
    pub messages: usize,
    /// Next hops of one message that are looked up and served at the same time.
    pub next_hops: NonZero<usize>,
    /// How long a message waits for a place among the connections to a host; then it goes to the
    /// next host, or waits in the server's queue.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_host: 20,
            idle_per_host: 4,
            idle: 200,
            idle_time: Duration::from_secs(30),
            lifetime: Duration::from_secs(300),
            messages: 100,
            next_hops: const { NonZero::new(8).unwrap() },
            patience: Duration::from_secs(30),
        }
    }
}
