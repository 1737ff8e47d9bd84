//! What did discovery find out?
//!
//! Plain data: DNS answers with their DNSSEC status, TLSA records, the MTA-STS policy. The engine
//! fills it in; policy code sees nothing else. Failures are values here, never absences: a lookup
//! that failed and a record that is not there lead to different decisions (D1, D2).

use crate::dane::TlsaRecord;
use crate::domain::Domain;
use crate::mta_sts::Policy;
use crate::next_hop::Host;
use std::fmt;
use std::net::IpAddr;

/// Everything that is known about one next hop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// How the hosts were found (P2a).
    pub route: Route,
    /// The next-hop domain's CNAME expansion, when every CNAME on the way was secure (D13).
    pub expanded: Option<Domain>,
    /// The hosts in the order to try: MX preference, random among equals (RFC 5321 section 5.1).
    pub hosts: Vec<HostFacts>,
    /// The MTA-STS policy of the policy domain (P2c).
    pub sts: Sts,
    /// When the first of these facts expires, in seconds since 1970; `None`: they do not.
    pub expires: Option<u64>,
}

/// M of P2a: how the hosts were found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// S, I, V: by MX records, and what DNSSEC says of every answer that led to them.
    Mx(Security),
    /// N: there is no MX record, so the domain is the host; the denial's status.
    Implicit(Security),
    /// C: configured hosts, no MX lookup.
    Configured,
    /// A: the next hop is an address literal.
    Literal,
    /// E: the lookup failed or is bogus.
    Failed(LookupFailure),
    /// Z: a null MX (RFC 7505).
    NullMx(Security),
    /// X: the domain does not exist.
    NoDomain(Security),
}

/// What DNSSEC says of an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Security {
    /// Validated.
    Secure,
    /// Proven to be unsigned.
    Insecure,
    /// Not known: no validating resolver.
    Unknown,
}

/// One host of the route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostFacts {
    /// The name as in the MX record, or as configured.
    pub host: Host,
    /// Its addresses.
    pub addresses: Addresses,
    /// Whether a CNAME was met at the host name, and its status: the weakest link's.
    pub cname: Option<Security>,
    /// The TLSA records at its base domain.
    pub tlsa: Tlsa,
}

/// The addresses of a host, over both families.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Addresses {
    /// At least one, in the order to try.
    Found(Vec<IpAddr>),
    /// Denied in every family, or the name is an address or no host name (row 5a); the weakest
    /// denial's status.
    Denied(Security),
    /// None found, and at least one family failed (row 5).
    Failed(LookupFailure),
}

/// D of P2b, as found: the TLSA answer for one host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tlsa {
    /// None, denied, insecure, or not looked up because the addresses are insecure (D8).
    None,
    /// A secure answer with records; whether any is usable is for [`crate::dane`] to say.
    Found {
        /// The TLSA base domain: the SNI and the first reference identifier (D9, D20).
        base: Domain,
        /// As published.
        records: Vec<TlsaRecord>,
    },
    /// The lookup failed (E).
    Failed(LookupFailure),
}

/// T of P2c for the policy domain; whether a host matches is for the policy to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sts {
    /// 0: no policy, or mode none.
    None,
    /// e or t: fresh, or cached and unexpired.
    Live {
        /// The policy; its mode is enforce or testing.
        policy: Policy,
        /// Fetched, or fetched again without a change, within the last five minutes (S20).
        checked: bool,
        /// Why it could not be fetched again, where that was tried: it lives on (S17), and the
        /// domain is told (T5).
        refetch_failed: Option<LookupFailure>,
    },
    /// `?`: there may be one.
    Unknown(LookupFailure),
}

/// What could not be found out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LookupFailure {
    /// What went wrong.
    pub cause: LookupCause,
    /// What was asked, for the sentence: "MX example.com", "TLSA _25._tcp.mx.example.com".
    pub question: String,
}

/// Why a lookup failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LookupCause {
    /// DNSSEC validation failed.
    Bogus,
    /// The answer did not parse, or was not one to this question.
    Malformed,
    /// REFUSED, NOTIMP or another error code.
    Refused,
    /// SERVFAIL, which may also stand for bogus.
    ServFail,
    /// The time was up, or the server could not be reached.
    Timeout,
    /// An MTA-STS policy was fetched and is none (T5).
    PolicyInvalid,
    /// An MTA-STS policy was announced or remembered and could not be had.
    PolicyUnavailable,
    /// The host of an MTA-STS policy did not authenticate itself (S8, T5).
    PolicyUntrusted,
}

impl LookupCause {
    /// For sentences: "TLSA lookup failed (SERVFAIL)".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bogus => "DNSSEC validation failed",
            Self::Malformed => "malformed answer",
            Self::Refused => "refused by the resolver",
            Self::ServFail => "SERVFAIL",
            Self::Timeout => "timed out",
            Self::PolicyInvalid => "policy is not valid",
            Self::PolicyUnavailable => "policy could not be had",
            Self::PolicyUntrusted => "policy host is not trusted",
        }
    }
}

impl fmt::Display for LookupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lookup of {}: {}", self.question, self.cause.as_str())
    }
}
