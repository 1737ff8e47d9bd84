//! What has the site decided about a next hop?
//!
//! Bilateral rules, keyed by the next hop as routed (P8, P12, P13). The longest match wins alone:
//! its whole table counts, and what it leaves unset takes the defaults, not a shorter rule's.

mod matching;
mod review;

pub use matching::Match;
pub use review::{Remark, RemarkKind};

use crate::domain::{Domain, DomainError};
use crate::next_hop::{Host, NextHop};
use crate::tls_level::TlsLevel;
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::fmt;

/// All rules of a site.
#[derive(Clone, Debug)]
pub struct Rules {
    exact: HashMap<NextHop, Entry>,
    below: HashMap<Domain, Entry>,
    any: Option<Entry>,
    without_rule: Entry,
    preset: Entry,
}

/// Which next hops a rule is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// `*`: those for which there is no other rule.
    Any,
    /// `.example.com`: every name below, but not `example.com`.
    Below(Domain),
    /// `example.com`, `192.0.2.1`, `unix:/path`: this one.
    Exact(NextHop),
}

/// The rule for one next hop.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rule {
    /// The level below which nothing leaves (P1).
    pub floor: TlsLevel,
    /// The methods that count, and the only ones under floor secure (P8).
    pub methods: Methods,
    /// How strictly requiring tags are passed on (P12).
    pub hop: HopMode,
    /// Whether DANE and MTA-STS of the destination are obeyed (D22).
    pub discovery: Discovery,
    /// What the peer understands by REQUIRETLS (F12).
    pub peer_dialect: PeerDialect,
    /// Where to send instead of to the MX hosts: a name, a literal or `unix:/path`.
    pub smarthost: Option<String>,
    /// The port; `None`: 25.
    pub port: Option<u16>,
}

/// The site's methods of authentication (P8). None of them: the destination's own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Methods {
    /// `dane`.
    pub dane: bool,
    /// `pkix`: the names that a certificate may carry; empty: the method is not there.
    pub pkix_names: Vec<Domain>,
    /// The site's own certificate authority for `pkix`, as the DER of its certificates.
    pub ca: Vec<Vec<u8>>,
    /// `pin`: SHA-256 of the subject public key info; empty: the method is not there.
    pub pins: Vec<[u8; 32]>,
}

/// P12: how strictly requiring tags are passed on to one next hop.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum HopMode {
    /// As the tag says.
    #[default]
    Enforce,
    /// TLS is needed, nothing more.
    Encrypt,
    /// TLS where it can be had.
    Opportunistic,
    /// The tag is not passed on.
    Off,
    /// A socket or loopback endpoint: opportunistic, and no discovery.
    Local,
    /// As local, and the parameter is passed on without TLS.
    LocalCarry,
}

/// D22: what becomes of DANE and MTA-STS.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Discovery {
    /// Obeyed.
    #[default]
    On,
    /// Looked up and logged.
    Audit,
    /// Looked up only where a tag or floor needs it.
    Off,
}

/// F12: what the peer understands by REQUIRETLS.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum PeerDialect {
    /// RFC 8689.
    #[default]
    Rfc8689,
    /// draft-fenton-smtp-require-tls.
    Draft,
}

impl Rules {
    /// Makes room for so many further rules, for whoever adds many.
    pub fn reserve(&mut self, further: usize) {
        self.exact.reserve(further);
    }

    /// Adds the rule for a key.
    ///
    /// # Errors
    /// [`RuleError`], when the key has a rule already, or its words are for local endpoints alone.
    pub fn insert(&mut self, key: Key, rule: Rule) -> Result<(), RuleError> {
        let local_key = matches!(&key, Key::Exact(next_hop) if next_hop.is_local_endpoint());
        let leaves = rule.smarthost.as_deref().is_some_and(|smarthost| {
            !NextHop::parse(smarthost).is_ok_and(|host| host.is_local_endpoint())
        });
        if rule.hop.is_local() && (!local_key || leaves) {
            return Err(RuleError::LocalElsewhere); // P12: refuse to start
        }
        self.add(key, Ok(rule))
    }

    /// Adds a key whose rule cannot be read: what goes there is deferred (row 15, 451 4.3.5),
    /// never sent as if there were no rule.
    ///
    /// # Errors
    /// [`RuleError`], when the key has a rule already.
    pub fn insert_unreadable(&mut self, key: Key, why: Unreadable) -> Result<(), RuleError> {
        self.add(key, Err(why))
    }

    /// Whether any rule that can be read is so.
    pub fn any(&self, is_so: impl Fn(&Rule) -> bool) -> bool {
        self.exact
            .values()
            .chain(self.below.values())
            .chain(&self.any)
            .flatten()
            .any(is_so)
    }

    fn add(&mut self, key: Key, entry: Entry) -> Result<(), RuleError> {
        let replaced = match key {
            Key::Any if self.any.is_some() => true,
            Key::Any => {
                self.preset = entry.clone().map(|any| preset(&any));
                self.any = Some(entry);
                false
            }
            Key::Below(domain) => match self.below.entry(domain) {
                Vacant(place) => {
                    place.insert(entry);
                    false
                }
                Occupied(_) => true,
            },
            Key::Exact(next_hop) => match self.exact.entry(canonical(next_hop)) {
                Vacant(place) => {
                    place.insert(entry);
                    false
                }
                Occupied(_) => true,
            },
        };
        if replaced {
            return Err(RuleError::Duplicate);
        }
        Ok(())
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            below: HashMap::new(),
            any: None,
            without_rule: Ok(Rule::default()),
            preset: Ok(preset(&Rule::default())),
        }
    }
}

impl Key {
    /// Reads `example.com`, `.example.com`, `*`, an address literal or `unix:/path`. Names may be
    /// written in A- or U-labels, in any case, with a final dot: all are one key.
    ///
    /// # Errors
    /// [`DomainError`], when it is none of these.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(parent) = text.strip_prefix('.') {
            return Domain::parse(parent.as_bytes()).map(Self::Below);
        }
        NextHop::parse(text).map(|next_hop| Self::Exact(canonical(next_hop)))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(domain) => write!(f, ".{domain}"),
            Self::Exact(next_hop) => next_hop.fmt(f),
        }
    }
}

impl Rule {
    /// The rule for a next hop to which the server gives hosts of its own (none: as routed).
    ///
    /// P12: the preset for local endpoints and the word `local` are judged by the endpoint that is
    /// connected to. Other hosts for a local next hop leave the machine, so that its weak hop mode
    /// is not for them. A rule with a smart host says of its own accord how to get there.
    #[must_use]
    pub fn with_hosts(mut self, next_hop: &NextHop, hosts: &[Host]) -> Self {
        let leaves = hosts.iter().any(|host| !host.is_local_endpoint());
        let preset = self.hop == HopMode::Opportunistic && self.smarthost.is_none();
        if leaves && next_hop.is_local_endpoint() && (preset || self.hop.is_local()) {
            self.hop = HopMode::Enforce;
        }
        self
    }
}

impl HopMode {
    /// Whether the next hop is a configured socket or loopback endpoint without discovery (P12).
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Local | Self::LocalCarry)
    }

    /// The word used in configuration and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Encrypt => "encrypt",
            Self::Opportunistic => "opportunistic",
            Self::Off => "off",
            Self::Local => "local",
            Self::LocalCarry => "local carry",
        }
    }
}

impl Discovery {
    /// The word used in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Audit => "audit",
            Self::Off => "off",
        }
    }
}

impl PeerDialect {
    /// The word used in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc8689 => "rfc8689",
            Self::Draft => "draft",
        }
    }
}

impl Methods {
    /// Whether the site named no method.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.dane && self.pkix_names.is_empty() && self.pins.is_empty()
    }
}

/// A rule that is there and cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable(
    /// Where and why, for the log: "/etc/rules, line 3: unknown hop mode".
    pub String,
);

/// Why a rule cannot be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RuleError {
    /// There is a rule for this key: which of two equal ones rules would be chance (P12).
    Duplicate,
    /// `local` or `local carry` for what is no unix socket and no loopback literal.
    LocalElsewhere,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "a second rule for the same next hop",
            Self::LocalElsewhere => {
                "the hop modes \"local\" and \"local carry\" are for unix sockets and loopback \
                 literals alone"
            }
        })
    }
}

impl std::error::Error for Unreadable {}
impl std::error::Error for RuleError {}

type Entry = Result<Rule, Unreadable>;

fn preset(any: &Rule) -> Rule {
    Rule {
        floor: any.floor,
        methods: any.methods.clone(),
        hop: match any.hop {
            HopMode::Enforce => HopMode::Opportunistic,
            other => other,
        },
        ..Rule::default()
    }
}

/// An IPv4 address in IPv6 clothes is the IPv4 address: one endpoint, one rule.
fn canonical(next_hop: NextHop) -> NextHop {
    match next_hop {
        NextHop::Literal(address) => NextHop::Literal(address.to_canonical()),
        NextHop::Domain(_) | NextHop::Socket(_) => next_hop,
    }
}

#[cfg(test)]
mod tests;
