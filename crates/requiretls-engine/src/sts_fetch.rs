//! What policy does a domain serve?
//!
//! One HTTPS request (RFC 8461 section 3.3): no redirect, no proxy, no cache, at most 64 KiB, and
//! one deadline from the address lookup to the last octet, so that a server that drips ends with
//! it. What a response means is for [`requiretls_core::mta_sts::fetch`] to say. Everything is built
//! per call: between calls there is no connection, no thread and no descriptor.

mod connection;

use crate::clock::Clock;
use crate::config;
use crate::deadline::Deadline;
use crate::dns::{Bounded, Family, Found, Kind};
use crate::roots::TrustRoots;
use connection::Connect;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure};
use requiretls_core::mta_sts::fetch::{self, FetchError};
use requiretls_core::mta_sts::{Policy, PolicyError, policy_host};
use rustls::crypto::CryptoProvider;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, config::Config, http};

/// Fetches policies. Plain memory.
#[derive(Clone, Debug)]
pub struct PolicyFetcher {
    roots: TrustRoots,
    provider: Arc<CryptoProvider>,
    port: u16,
    allow_private_addresses: bool,
    families: Vec<Family>,
    clock: Clock,
}

impl PolicyFetcher {
    /// With these roots, for certificates that are valid by this clock.
    #[must_use]
    pub fn new(
        settings: &config::Sts,
        families: &[Family],
        roots: &TrustRoots,
        clock: Clock,
    ) -> Self {
        Self {
            roots: roots.clone(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            port: settings.port,
            allow_private_addresses: settings.allow_private_addresses,
            families: families.to_vec(),
            clock,
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The policy that a domain serves now, within the deadline of `dns`.
    ///
    /// # Errors
    /// [`FetchFailure`], by stage.
    pub fn fetch(&self, domain: &Domain, dns: &Bounded<'_>) -> Result<Policy, FetchFailure> {
        let host = policy_host(domain).ok_or(FetchFailure::NoAddress)?;
        let addresses = self.addresses(&host, dns)?;
        let body = self.get(&host, addresses, dns.deadline())?;
        Policy::parse(&body).map_err(FetchFailure::Policy)
    }

    fn addresses(&self, host: &Domain, dns: &Bounded<'_>) -> Result<Vec<IpAddr>, FetchFailure> {
        let mut addresses = Vec::new();
        let mut failure = None;
        let question = |&family| (host.clone(), Kind::Addresses(family));
        dns.ahead(&self.families.iter().map(question).collect::<Vec<_>>());
        for &family in &self.families {
            match dns.addresses(host, family) {
                Ok(answer) => {
                    if let Found::Records(found) = answer.found {
                        addresses.extend(found);
                    }
                }
                Err(e) => failure = Some(e),
            }
        }
        if let Some(&first) = addresses.first() {
            addresses.retain(|&a| self.allow_private_addresses || is_public(a));
            return if addresses.is_empty() {
                Err(FetchFailure::PrivateAddress(first))
            } else {
                Ok(addresses)
            };
        }
        Err(failure.map_or(FetchFailure::NoAddress, FetchFailure::Dns))
    }

    fn get(
        &self,
        host: &Domain,
        addresses: Vec<IpAddr>,
        deadline: &Deadline,
    ) -> Result<Vec<u8>, FetchFailure> {
        let left = deadline.left().ok_or(FetchFailure::Timeout)?;
        let tls = connection::tls(self.roots.store(), &self.provider, self.clock)
            .map_err(|e| FetchFailure::Tls(e.to_string()))?;
        let connect = Connect {
            deadline: *deadline,
            tls: Arc::new(tls),
        };
        let config = Agent::config_builder()
            .https_only(true)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(left))
            .max_response_header_size(16 * 1024)
            .max_idle_connections(0)
            .user_agent("")
            .accept("text/plain")
            .build();
        let known = Known(
            addresses
                .into_iter()
                .map(|ip| SocketAddr::new(ip, self.port))
                .collect(),
        );
        let agent = Agent::with_parts(config, connect, known);
        // The port is where to connect, not part of the address: URL, Host and SNI stay as
        // published (S6).
        let mut response = agent
            .get(format!("https://{host}{}", fetch::PATH))
            .call()
            .map_err(FetchFailure::from)?;
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let accept = |length| fetch::accept(status, content_type.as_deref(), length);
        accept(0).map_err(FetchFailure::Response)?;
        let limit = u64::try_from(fetch::MAX_BODY).unwrap_or(u64::MAX);
        let body = response
            .body_mut()
            .with_config()
            .limit(limit)
            .read_to_vec()
            .map_err(FetchFailure::from)?;
        accept(body.len()).map_err(FetchFailure::Response)?;
        Ok(body)
    }
}

/// Why a policy could not be fetched, by stage; RFC 8460 section 4.3 tells them apart (T5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FetchFailure {
    /// The policy host's addresses could not be looked up.
    Dns(LookupFailure),
    /// The policy host has no address.
    NoAddress,
    /// It has private or loopback addresses alone.
    PrivateAddress(IpAddr),
    /// No connection.
    Tcp(String),
    /// The certificate, or the handshake.
    Tls(String),
    /// The response breaks HTTP.
    Http(String),
    /// The response carries no policy.
    Response(FetchError),
    /// The policy is none.
    Policy(PolicyError),
    /// The time was up.
    Timeout,
}

impl FetchFailure {
    /// The stage as facts tell it: the policy host's certificate or handshake, the policy's
    /// syntax, and all else (T5).
    #[must_use]
    pub fn cause(&self) -> LookupCause {
        match self {
            Self::Tls(_) => LookupCause::PolicyUntrusted,
            Self::Policy(_) => LookupCause::PolicyInvalid,
            Self::Dns(_)
            | Self::NoAddress
            | Self::PrivateAddress(_)
            | Self::Tcp(_)
            | Self::Http(_)
            | Self::Response(_)
            | Self::Timeout => LookupCause::PolicyUnavailable,
        }
    }
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(failure) => {
                write!(f, "DNS: {}: {}", failure.question, failure.cause.as_str())
            }
            Self::NoAddress => f.write_str("DNS: the policy host has no address"),
            Self::PrivateAddress(ip) => {
                write!(f, "DNS: the policy host's address {ip} is not public")
            }
            Self::Tcp(what) => write!(f, "TCP: {what}"),
            Self::Tls(what) => write!(f, "TLS: {what}"),
            Self::Http(what) => write!(f, "HTTP: {what}"),
            Self::Response(FetchError::Status(status)) => write!(f, "HTTP {status}"),
            Self::Response(error) => write!(f, "HTTP: {error}"),
            Self::Policy(error) => write!(f, "policy: {error}"),
            Self::Timeout => f.write_str("timed out"),
        }
    }
}

impl std::error::Error for FetchFailure {}

impl From<ureq::Error> for FetchFailure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::BodyExceedsLimit(_) => Self::Response(FetchError::TooLarge),
            ureq::Error::Rustls(error) => Self::Tls(tls(&error)),
            ureq::Error::Tls(what) => Self::Tls(what.to_owned()),
            ureq::Error::Io(error) if error.kind() == ErrorKind::TimedOut => Self::Timeout,
            ureq::Error::Io(error) => {
                let inner = error.get_ref();
                match inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
                    Some(error) => Self::Tls(tls(error)),
                    None => Self::Tcp(error.to_string()),
                }
            }
            other => Self::Http(other.to_string()),
        }
    }
}

/// The words that an administrator looks for.
fn tls(error: &rustls::Error) -> String {
    use rustls::CertificateError as Cert;
    let rustls::Error::InvalidCertificate(cert) = error else {
        return error.to_string();
    };
    match cert {
        Cert::NotValidForName | Cert::NotValidForNameContext { .. } => {
            "certificate for another name".to_owned()
        }
        Cert::Expired | Cert::ExpiredContext { .. } => "certificate expired".to_owned(),
        Cert::NotValidYet | Cert::NotValidYetContext { .. } => {
            "certificate not valid yet".to_owned()
        }
        Cert::UnknownIssuer => "certificate from an unknown authority".to_owned(),
        other => format!("certificate refused: {other}"),
    }
}

/// Gives ureq the addresses that our own lookup found.
#[derive(Debug)]
struct Known(Vec<SocketAddr>);

impl Resolver for Known {
    fn resolve(
        &self,
        _uri: &http::Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        for &address in self.0.iter().take(MOST_ADDRESSES) {
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(addresses)
    }
}

/// More than that ureq does not take.
const MOST_ADDRESSES: usize = 16;

/// Whether an address can be that of a host on the Internet (RFC 6890 and the registries that it
/// made). A policy host that anybody may name in DNS must not make a mail server send requests into
/// the network behind it.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !matches!(
            v4.octets(),
            [0 | 10 | 127 | 224.., ..]
                | [100, 64..=127, ..]
                | [169, 254, ..]
                | [172, 16..=31, ..]
                | [192, 0, 0 | 2, _]
                | [192, 88, 99, _]
                | [192, 168, ..]
                | [198, 18 | 19, ..]
                | [198, 51, 100, _]
                | [203, 0, 113, _]
        ),
        IpAddr::V6(v6) => match v6.segments() {
            // NAT64 (RFC 6052 section 2.1) and 6to4 (RFC 3056 section 2) lead to an IPv4 address.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                is_public(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)).into())
            }
            // Teredo and other protocols' own; documentation.
            [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
            [first, ..] => (0x2000..0x4000).contains(&first),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses() {
        #[rustfmt::skip]
        let table = [
            ("8.8.8.8", true), ("100.63.0.1", true), ("100.128.0.1", true), ("172.32.0.1", true),
            ("2001:4860::1", true), ("64:ff9b::808:808", true), ("::ffff:8.8.8.8", true),
            ("127.0.0.1", false), ("10.1.2.3", false), ("172.16.0.1", false), ("192.168.0.1", false),
            ("169.254.1.1", false), ("100.64.0.1", false), ("0.1.2.3", false), ("224.0.0.1", false),
            ("255.255.255.255", false), ("240.0.0.1", false), ("::1", false), ("::", false),
            ("fe80::1", false), ("fd00::1", false), ("ff02::1", false), ("::ffff:127.0.0.1", false),
            ("64:ff9b::a00:1", false), ("64:ff9b::7f00:1", false), ("64:ff9b:1::808:808", false),
            ("2002:808:808::1", true), ("2002:a00:1::1", false), ("2002:7f00:1::1", false),
            ("2002:c0a8:101::1", false), ("2001::1", false), ("2001:db8::1", false),
            ("3fff::1", false), ("fec0::1", false), ("::808:808", false), ("100::1", false),
            ("::ffff:10.0.0.1", false), ("::ffff:169.254.169.254", false), ("4000::1", false),
            ("192.0.0.8", false), ("192.0.1.1", true), ("192.0.2.1", false), ("192.88.99.1", false),
            ("198.17.0.1", true), ("198.18.0.1", false), ("198.19.255.1", false),
            ("198.51.100.1", false), ("203.0.113.1", false), ("223.255.255.1", true),
            ("239.1.1.1", false), ("2a00:1450::1", true), ("2001:200::1", true),
        ];
        for (address, expected) in table {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
}
