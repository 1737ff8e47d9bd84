//! Which MTA-STS policy does a domain publish, and is this host in it?
//!
//! RFC 8461, read strictly: what the grammar does not allow is no policy.

use crate::domain::Domain;

/// A valid MTA-STS policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    mode: Mode,
    mx: Vec<String>,
    max_age: u32,
    lines: Vec<String>,
}

/// The mode of a policy (RFC 8461 section 5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Hosts that fail must not be delivered to.
    Enforce,
    /// Failures are reported only.
    Testing,
    /// As if there were no policy.
    None,
}

impl Policy {
    /// The policy's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the host matches one of the policy's patterns (S14, VM1 to VM4).
    #[must_use]
    pub fn matches(&self, host: &Domain) -> bool {
        let _ = (&self.mx, host, self.max_age, &self.lines);
        todo!()
    }
}
