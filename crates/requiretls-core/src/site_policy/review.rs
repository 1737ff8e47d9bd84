//! Which rules does the site perhaps not mean as they are written?
//!
//! All of these are legal, and none changes a decision. Only what the rules alone show is
//! remarked on: no longer match ever takes everything from a shorter one, so that a rule never
//! wins only when mail can never be routed to its key. A rule for the name of an MX host never
//! wins either (P2), but which names are such hosts is not written in the rules.

use super::{Discovery, HopMode, Key, Match, Rule, Rules};
use crate::next_hop::NextHop;
use crate::tls_level::TlsLevel;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Something to know about one rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// What kind of thing.
    pub kind: RemarkKind,
    /// The rule.
    pub key: Key,
    /// The setting in it; `None`: the rule as a whole.
    pub setting: Option<&'static str>,
    /// Another rule that the remark is about.
    pub other: Option<Key>,
    /// One clause, without the names of the rules.
    pub text: String,
}

/// What kind of thing a [`Remark`] tells.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RemarkKind {
    /// Mail can never be routed to the key.
    NeverWins,
    /// A setting protects less than its default does.
    Weak,
    /// The floor is below that of the rule which this one overrides.
    LowersFloor,
    /// The rule overrides others by the defaults, because a rule is one whole table.
    NotInherited,
    /// Without the rule everything would be the same.
    ChangesNothing,
    /// A setting that nothing asks for.
    WithoutEffect,
    /// The key is the smart host of another rule, and it is that rule which counts there.
    SmartHost,
}

impl RemarkKind {
    /// Whether the site should look at it: it is told as a warning, else as a note.
    #[must_use]
    pub const fn is_warning(self) -> bool {
        matches!(self, Self::NeverWins | Self::Weak | Self::LowersFloor)
    }

    /// The word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverWins => "never-wins",
            Self::Weak => "weak",
            Self::LowersFloor => "lowers-floor",
            Self::NotInherited => "not-inherited",
            Self::ChangesNothing => "changes-nothing",
            Self::WithoutEffect => "without-effect",
            Self::SmartHost => "smarthost",
        }
    }
}

impl Rules {
    /// Everything there is to remark on, in the order of the keys' texts. Rules that cannot be
    /// read are passed over.
    #[must_use]
    pub fn review(&self) -> Vec<Remark> {
        let exact = self.exact.iter().map(|(k, e)| (Key::Exact(k.clone()), e));
        let below = self.below.iter().map(|(k, e)| (Key::Below(k.clone()), e));
        let any = self.any.iter().map(|e| (Key::Any, e));
        let mut all: Vec<(Key, &Rule)> = exact
            .chain(below)
            .chain(any)
            .filter_map(|(key, entry)| Some((key, entry.as_ref().ok()?)))
            .collect();
        // By name, so that the same is told each time.
        all.sort_by_cached_key(|(key, _)| key.to_string());
        let mut smarthosts: BTreeMap<String, &Key> = BTreeMap::new();
        for (key, rule) in &all {
            if let Some(Ok(host)) = rule.smarthost.as_deref().map(NextHop::parse) {
                let host = super::canonical(host).to_string();
                smarthosts.entry(host).or_insert(key);
            }
        }
        let mut remarks = Vec::new();
        for (key, rule) in &all {
            let about = About {
                key,
                rule,
                remarks: &mut remarks,
            };
            about.review(self, smarthosts.get(&key.to_string()).copied());
        }
        remarks
    }
}

/// One rule under review.
struct About<'a> {
    key: &'a Key,
    rule: &'a Rule,
    remarks: &'a mut Vec<Remark>,
}

impl About<'_> {
    fn review(mut self, rules: &Rules, smarthost_of: Option<&Key>) {
        if let Some(why) = unreachable(self.key) {
            // What else it says is as much as nothing.
            self.remark(RemarkKind::NeverWins, None, why);
            return;
        }
        self.weak();
        self.without_effect();
        let (place, overridden) = rules.find_without(self.key);
        if let Ok(overridden) = overridden {
            self.beside(place, overridden);
        }
        if let Some(other) = smarthost_of.filter(|other| *other != self.key) {
            let text = "mail for which it is the smart host keeps to the rule of that next hop";
            self.remark(RemarkKind::SmartHost, None, text);
            self.about(Some(other.clone()));
        }
    }

    /// What a level of secure, asked by the site itself, makes up for is no weakness.
    fn weak(&mut self) {
        let (rule, local) = (self.rule, self.is_local());
        let any = *self.key == Key::Any;
        let hop = match rule.hop {
            HopMode::Off => Some("a tag ends here: it demands nothing, and is not passed on"),
            _ if rule.floor == TlsLevel::Secure || local => None,
            HopMode::Opportunistic if rule.floor == TlsLevel::May => {
                Some("under a tag that requires TLS clear text is allowed")
            }
            HopMode::Opportunistic => {
                Some("under a tag that requires an authenticated host any certificate will do")
            }
            HopMode::Encrypt if any => {
                Some("nowhere in the world does a tag get more than TLS with any certificate")
            }
            HopMode::Encrypt | HopMode::Enforce | HopMode::Local | HopMode::LocalCarry => None,
        };
        if let Some(text) = hop {
            self.remark(RemarkKind::Weak, Some("hop"), text);
        }
        let discovery = match rule.discovery {
            _ if rule.floor == TlsLevel::Secure || local => None,
            Discovery::On => None,
            Discovery::Audit => Some("DANE and MTA-STS are looked up and not obeyed"),
            Discovery::Off => Some("DANE and MTA-STS are not obeyed"),
        };
        if let Some(text) = discovery {
            self.remark(RemarkKind::Weak, Some("discovery"), text);
        }
    }

    fn without_effect(&mut self) {
        let rule = self.rule;
        let socket = matches!(self.endpoint(), Some(NextHop::Socket(_)));
        if socket && rule.port.is_some() {
            self.remark(RemarkKind::WithoutEffect, Some("port"), "a socket has none");
        }
        if rule.hop.is_local() && rule.discovery != Discovery::On {
            let text = "a local endpoint has no discovery";
            self.remark(RemarkKind::WithoutEffect, Some("discovery"), text);
        }
        if rule.hop == HopMode::Off && rule.peer_dialect != super::PeerDialect::Rfc8689 {
            let text = "with hop \"off\" nothing is sent that has a dialect";
            self.remark(RemarkKind::WithoutEffect, Some("peer_dialect"), text);
        }
    }

    /// What the rule does to the one that it overrides.
    fn beside(&mut self, place: Match<'_>, overridden: &Rule) {
        let other = place.key();
        if same_effect(self.rule, overridden) {
            let text = "it changes nothing: the same holds without it";
            self.remark(RemarkKind::ChangesNothing, None, text);
            self.about(other);
            return;
        }
        let lower = self.rule.floor < overridden.floor;
        // Where there is no wire, a floor for the wire is rightly not asked.
        if lower && !self.is_local() {
            let text = format!(
                "the floor is {}; without this rule it would be {}",
                self.rule.floor, overridden.floor,
            );
            self.remark(RemarkKind::LowersFloor, Some("floor"), text);
            self.about(other.clone());
        }
        let reset = reset(self.rule, overridden);
        if other.is_some() && !reset.is_empty() {
            let text = format!(
                "a rule is one whole table: it does not take {} from the one that it overrides",
                reset.join(", "),
            );
            self.remark(RemarkKind::NotInherited, None, text);
            self.about(other);
        }
    }

    /// Where the rule itself says that connections go; `None`: to many places.
    fn endpoint(&self) -> Option<NextHop> {
        match (&self.rule.smarthost, self.key) {
            (Some(host), _) => NextHop::parse(host).ok(),
            (None, Key::Exact(next_hop)) => Some(next_hop.clone()),
            (None, Key::Below(_) | Key::Any) => None,
        }
    }

    fn is_local(&self) -> bool {
        self.endpoint().is_some_and(|e| e.is_local_endpoint())
    }

    fn remark(&mut self, kind: RemarkKind, setting: Option<&'static str>, text: impl Into<String>) {
        self.remarks.push(Remark {
            kind,
            key: self.key.clone(),
            setting,
            other: None,
            text: text.into(),
        });
    }

    /// The latest remark is about another rule too.
    fn about(&mut self, other: Option<Key>) {
        if let Some(latest) = self.remarks.last_mut() {
            latest.other = other;
        }
    }
}

/// Why mail can never be routed there.
fn unreachable(key: &Key) -> Option<&'static str> {
    // The longest path that fits a socket address with its NUL.
    const MAX_SOCKET_PATH: usize = 107;
    let numeric = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        last.bytes().all(|b| b.is_ascii_digit())
    };
    match key {
        // RFC 3696 section 2: the highest label is never all digits.
        Key::Below(domain) if numeric(domain.as_str()) => {
            Some("no domain name ends in a number, and addresses have no names below them")
        }
        Key::Exact(NextHop::Domain(domain)) if numeric(domain.as_str()) => {
            Some("no domain name ends in a number, and an address it is not")
        }
        // One more label and its dot make 254 octets (RFC 1035 section 3.1).
        Key::Below(domain) if domain.as_str().len() > 251 => {
            Some("no name below it is short enough to be one")
        }
        Key::Exact(NextHop::Literal(address)) if !takes_connections(*address) => {
            Some("no connection can be made to this address")
        }
        Key::Exact(NextHop::Socket(path)) if path.len() > MAX_SOCKET_PATH => {
            Some("no socket has so long a path")
        }
        Key::Exact(NextHop::Socket(path)) if path.ends_with('/') => {
            Some("a path that ends in a slash is a directory's")
        }
        _ => None,
    }
}

/// RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.2.
fn takes_connections(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !address.is_multicast() && !address.is_unspecified() && !broadcast
}

/// Whether two rules lead to the same decisions, however they are written.
fn same_effect(one: &Rule, other: &Rule) -> bool {
    // A list of names, pins or authorities is a set.
    let methods = |rule: &Rule| {
        let methods = &rule.methods;
        (
            methods.dane,
            methods.pkix_names.iter().cloned().collect::<BTreeSet<_>>(),
            methods.ca.iter().cloned().collect::<BTreeSet<_>>(),
            methods.pins.iter().copied().collect::<BTreeSet<_>>(),
        )
    };
    let host = |rule: &Rule| {
        let text = rule.smarthost.as_deref()?;
        Some(NextHop::parse(text).map(super::canonical))
    };
    one.floor == other.floor
        && one.hop == other.hop
        && one.discovery == other.discovery
        && one.peer_dialect == other.peer_dialect
        && one.port.unwrap_or(25) == other.port.unwrap_or(25)
        && host(one) == host(other)
        && methods(one) == methods(other)
}

/// The settings that are the defaults here and not so in the rule which is overridden; floor, hop
/// and discovery are told by themselves where they protect less.
fn reset(rule: &Rule, overridden: &Rule) -> Vec<&'static str> {
    let defaults = Rule::default();
    let port = |rule: &Rule| rule.port.unwrap_or(25);
    let is_reset = [
        (
            "methods",
            rule.methods.is_empty() && !overridden.methods.is_empty(),
        ),
        (
            "peer_dialect",
            rule.peer_dialect == defaults.peer_dialect
                && overridden.peer_dialect != defaults.peer_dialect,
        ),
        (
            "smarthost",
            rule.smarthost.is_none() && overridden.smarthost.is_some(),
        ),
        ("port", port(rule) == 25 && port(overridden) != 25),
    ];
    is_reset
        .into_iter()
        .filter_map(|(name, is_reset)| is_reset.then_some(name))
        .collect()
}

#[cfg(test)]
mod tests;
