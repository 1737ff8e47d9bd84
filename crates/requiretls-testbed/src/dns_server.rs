//! Who answers questions, and what was asked?
//!
//! One server for all zones of a world, over UDP and TCP, at every address it is given. With RD it
//! answers as a validating resolver does, without it as the authority of its zones.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_resolver::proto::rr::RecordType;

use crate::clock::Clock;
use crate::fault::Faults;
use crate::zone::{Zone, ZoneError};

/// What a [`DnsWorld`] is made of.
#[derive(Clone, Debug, Default)]
pub struct DnsWorldSpec {
    /// The zones, in any order. A root is added when there is none. Zones delegate to those below them.
    pub zones: Vec<Zone>,
    /// Where to listen: one or more. Port 0 takes a free port, the same for all that say so.
    pub addresses: Vec<SocketAddr>,
    /// The time it is there.
    pub clock: Clock,
}

/// Running name servers; they end when this is dropped.
#[derive(Debug)]
pub struct DnsWorld {
    faults: Arc<Faults>,
}

/// A question that was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The name in lower case, without its final dot.
    pub name: String,
    /// The type.
    pub record_type: RecordType,
    /// Whether it came over TCP.
    pub tcp: bool,
}

impl DnsWorld {
    /// Signs the zones and begins to answer.
    ///
    /// # Errors
    /// Two zones have the same name, or an address cannot be had.
    pub fn start(spec: DnsWorldSpec) -> Result<Self, DnsError> {
        let _ = spec;
        Err(DnsError::Zone(ZoneError("not yet".to_owned())))
    }

    /// The first of its addresses.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 53))
    }

    /// All of its addresses, in the order they were given.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &[]
    }

    /// The root's keys as DNSKEY records in the form of a zone file.
    #[must_use]
    pub fn trust_anchor(&self) -> String {
        String::new()
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was asked so far, in order.
    #[must_use]
    pub fn questions(&self) -> Vec<Asked> {
        Vec::new()
    }
}

impl fmt::Display for Asked {
    /// As in `MX example.test`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.record_type, self.name)
    }
}

/// Why a world does not start.
#[derive(Debug)]
pub enum DnsError {
    /// An address cannot be had.
    Address(std::io::Error),
    /// A zone is wrong.
    Zone(ZoneError),
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "the name server has no address: {error}"),
            Self::Zone(error) => write!(f, "a zone is wrong: {error}"),
        }
    }
}

impl std::error::Error for DnsError {}
