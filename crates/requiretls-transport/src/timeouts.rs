//! How long may each phase of a connection take?

use std::time::{Duration, Instant};

/// The longest time for each phase, over all reads and writes in it. The defaults are those of
/// RFC 5321 section 4.5.3.2, where it has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// The TCP connection.
    pub connect: Duration,
    /// The greeting.
    pub greeting: Duration,
    /// A command and its reply: EHLO, HELO, STARTTLS, MAIL, RCPT.
    pub command: Duration,
    /// The TLS handshake.
    pub handshake: Duration,
    /// DATA and its reply.
    pub data: Duration,
    /// One block of the message.
    pub block: Duration,
    /// From the end of the message to its reply.
    pub end_of_data: Duration,
    /// RSET on a connection that was kept, QUIT: nobody should wait for these.
    pub courtesy: Duration,
}

impl Timeouts {
    /// The same for every phase.
    #[must_use]
    pub const fn all(limit: Duration) -> Self {
        Self {
            connect: limit,
            greeting: limit,
            command: limit,
            handshake: limit,
            data: limit,
            block: limit,
            end_of_data: limit,
            courtesy: limit,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            handshake: minutes(2),
            data: minutes(2),
            block: minutes(3),
            end_of_data: minutes(10),
            courtesy: Duration::from_secs(5),
        }
    }
}

/// The end of a phase that begins now; a limit beyond the clock's reach is a day.
pub(crate) fn deadline(limit: Duration) -> Instant {
    after(Instant::now(), limit)
}

/// Later by so much; what is beyond the clock's reach is a day later.
pub(crate) fn after(time: Instant, by: Duration) -> Instant {
    time.checked_add(by)
        .or_else(|| time.checked_add(Duration::from_secs(86_400)))
        .unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::Timeouts;
    use std::time::Duration;

    /// RFC 5321 section 4.5.3.2.1 to 4.5.3.2.6: no less than these.
    #[test]
    fn the_defaults_are_those_of_rfc_5321() {
        let timeouts = Timeouts::default();
        for (label, limit, minutes) in [
            ("the 220 greeting", timeouts.greeting, 5),
            ("MAIL and RCPT", timeouts.command, 5),
            ("DATA", timeouts.data, 2),
            ("a block", timeouts.block, 3),
            ("the end of the message", timeouts.end_of_data, 10),
        ] {
            assert_eq!(limit, Duration::from_secs(60 * minutes), "{label}");
        }
    }
}
