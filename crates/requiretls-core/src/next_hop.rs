//! Where does the site's routing send a message, and which host is tried?
//!
//! A next hop is what routing gives: a domain, an address literal or a unix socket (P2). A host is
//! what is tried: a name out of an MX record or the routing, or the literal itself.

use crate::domain::{Domain, DomainError};
use std::fmt;
use std::net::IpAddr;

/// The next hop as routed by the site: the name in P2's sense, never CNAME-expanded.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum NextHop {
    /// A domain whose MX records are looked up, or a smart host's name.
    Domain(Domain),
    /// An address literal.
    Literal(IpAddr),
    /// `unix:/path`.
    Socket(String),
}

/// A host that may be tried.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Host {
    /// The name in the MX record, A-labels (P2), or a configured name.
    Name(Domain),
    /// An address literal from the site's routing.
    Literal(IpAddr),
    /// A unix socket from the site's routing.
    Socket(String),
}

impl NextHop {
    /// Reads `example.com`, `192.0.2.1`, `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `2001:db8::1` or
    /// `unix:/path`.
    ///
    /// # Errors
    /// [`DomainError`], when it is none of these.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') && !path.bytes().any(|b| b < b' ' || b == 127) {
                Ok(Self::Socket(path.to_owned()))
            } else {
                Err(DomainError::BadCharacter)
            };
        }
        if let Some(address) = literal(text) {
            return Ok(Self::Literal(address));
        }
        let domain = Domain::parse(text.as_bytes())?;
        // With a final dot, or digits and dots of other scripts, it is that endpoint all the same:
        // a rule for the address must hold for it.
        let address = domain.as_str().parse().map(Self::Literal);
        Ok(address.unwrap_or(Self::Domain(domain)))
    }

    /// The next-hop domain (P2), where there is one.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Domain(domain) => Some(domain),
            Self::Literal(_) | Self::Socket(_) => None,
        }
    }

    /// A configured endpoint that never leaves this machine: a unix socket, 127.0.0.0/8 or `::1`
    /// (P12's preset). Judged by what the routing says, never by what a name resolves to.
    #[must_use]
    pub fn is_local_endpoint(&self) -> bool {
        match self {
            Self::Domain(_) => false,
            Self::Literal(address) => is_loopback(*address),
            Self::Socket(_) => true,
        }
    }
}

impl Host {
    /// As [`NextHop::is_local_endpoint`].
    #[must_use]
    pub fn is_local_endpoint(&self) -> bool {
        match self {
            Self::Name(_) => false,
            Self::Literal(address) => is_loopback(*address),
            Self::Socket(_) => true,
        }
    }

    /// Reads a host name or an address literal, as [`NextHop::parse`] does.
    ///
    /// # Errors
    /// [`DomainError`], when it is neither.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        Ok(match NextHop::parse(text)? {
            NextHop::Domain(domain) => Self::Name(domain),
            NextHop::Literal(address) => Self::Literal(address),
            NextHop::Socket(path) => Self::Socket(path),
        })
    }

    /// The host's name, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<&Domain> {
        match self {
            Self::Name(name) => Some(name),
            Self::Literal(_) | Self::Socket(_) => None,
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(address) => write_literal(*address, f),
            Self::Socket(path) => write!(f, "unix:{path}"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Literal(address) => write_literal(*address, f),
            Self::Socket(path) => write!(f, "unix:{path}"),
        }
    }
}

/// An IPv4 address in IPv6 clothes is the IPv4 address.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn write_literal(address: IpAddr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match address {
        IpAddr::V4(v4) => write!(f, "[{v4}]"),
        IpAddr::V6(v6) => write!(f, "[IPv6:{v6}]"),
    }
}

/// RFC 5321 section 4.1.3, the brackets optional.
fn literal(text: &str) -> Option<IpAddr> {
    let inner = text
        .strip_prefix('[')
        .map_or(Some(text), |rest| rest.strip_suffix(']'))?;
    let tagged = inner
        .get(..5)
        .is_some_and(|p| p.eq_ignore_ascii_case("IPv6:"));
    let address = if tagged { inner.get(5..)? } else { inner };
    let address: IpAddr = address.parse().ok()?;
    (!tagged || address.is_ipv6()).then_some(address)
}

#[cfg(test)]
mod tests;
