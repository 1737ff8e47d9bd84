//! Which hosts does the next hop have?
//!
//! RFC 5321 section 5.1, RFC 7505, and P2a for what DNSSEC says of the way there.

use super::search::Search;
use crate::dns::{Exchange, Found, Kind, Mx};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Route, Security};
use requiretls_core::next_hop::{Host, NextHop};
use std::borrow::Cow;
use std::ops::Range;

/// The hosts to be looked up, and how they were found.
pub(super) struct Way {
    pub(super) route: Route,
    pub(super) expanded: Option<Domain>,
    pub(super) targets: Vec<Target>,
    /// The places of targets of equal preference, which may be tried in any order.
    pub(super) equals: Vec<Range<usize>>,
}

/// A host to be looked up.
pub(super) struct Target {
    pub(super) host: Host,
    /// It is an address or a name that no host has (row 5a): it is not looked up.
    pub(super) unusable: bool,
}

impl Search<'_> {
    pub(super) fn route(&self) -> Way {
        let configured = self.configured();
        if !configured.is_empty() {
            return Way::new(Route::Configured, configured.into_owned());
        }
        match self.question.next_hop {
            NextHop::Domain(domain) => self.by_mx(domain),
            NextHop::Literal(address) => {
                let route = if self.is_local() {
                    Route::Configured
                } else {
                    Route::Literal
                };
                Way::new(route, vec![Host::Literal(*address)])
            }
            NextHop::Socket(path) => Way::new(Route::Configured, vec![Host::Socket(path.clone())]),
        }
    }

    /// The hosts that the server or the site's rule gives instead of MX records.
    pub(super) fn configured(&self) -> Cow<'_, [Host]> {
        let smarthost = || Host::parse(self.question.rule.smarthost.as_deref()?).ok();
        match self.question.hosts {
            [] => Cow::Owned(smarthost().into_iter().collect()),
            hosts => Cow::Borrowed(hosts),
        }
    }

    fn by_mx(&self, domain: &Domain) -> Way {
        let mut questions = vec![(domain.clone(), Kind::Mx)];
        questions.extend(self.announcement_of(domain)); // they do not depend on each other
        self.dns.ahead(&questions);
        let answer = match self.dns.mx(domain) {
            Ok(answer) => answer,
            Err(failure) => return Way::new(Route::Failed(failure), Vec::new()),
        };
        self.lives(answer.ttl);
        let security = answer.security;
        // D13: a name that insecure CNAMEs lead to vouches for nothing.
        let expanded = (security == Security::Secure)
            .then(|| answer.expanded().cloned())
            .flatten();
        let mut equals = Vec::new();
        let (route, targets) = match answer.found {
            Found::NoDomain => (Route::NoDomain(security), Vec::new()),
            Found::NoData => (
                Route::Implicit(security),
                vec![Target::host(domain.clone())],
            ),
            Found::Records(records) => match self.in_order(records) {
                Some(ranked) => {
                    equals = places_of_equals(&ranked);
                    let targets = ranked.into_iter().map(|(_, target)| target);
                    (Route::Mx(security), targets.collect())
                }
                None => (Route::NullMx(security), Vec::new()),
            },
        };
        Way {
            route,
            expanded,
            targets,
            equals,
        }
    }

    /// Best first, by chance among equals, each host once, without those that are no better than
    /// this host itself; `None`: a null MX. One beside others says nothing (RFC 7505 section 3).
    fn in_order(&self, mut records: Vec<Mx>) -> Option<Vec<(u16, Target)>> {
        records.retain(|mx| mx.exchange != Exchange::Null);
        if records.is_empty() {
            return None;
        }
        let own = &self.discovery.own_names;
        let ours = records
            .iter()
            .filter(|mx| matches!(&mx.exchange, Exchange::Host(host) if own.contains(host)))
            .map(|mx| mx.preference)
            .min();
        records.retain(|mx| ours.is_none_or(|ours| mx.preference < ours));
        records.sort_by_key(|mx| mx.preference);
        for equals in records.chunk_by_mut(|a, b| a.preference == b.preference) {
            self.discovery.lots.shuffle(equals);
        }
        let mut ranked: Vec<(u16, Target)> = Vec::new();
        for mx in records {
            let target = match mx.exchange {
                Exchange::Host(host) => Target::host(host),
                Exchange::Unusable(host) => Target {
                    host: Host::Name(host),
                    unusable: true,
                },
                Exchange::Null => continue,
            };
            if !ranked.iter().any(|(_, other)| other.host == target.host) {
                ranked.push((mx.preference, target));
            }
        }
        Some(ranked)
    }
}

/// Where there is more than one of a preference.
fn places_of_equals(ranked: &[(u16, Target)]) -> Vec<Range<usize>> {
    let mut end = 0;
    let groups = ranked.chunk_by(|(a, _), (b, _)| a == b).map(|group| {
        let begin = end;
        end += group.len();
        begin..end
    });
    groups.filter(|group| group.len() > 1).collect()
}

impl Way {
    fn new(route: Route, hosts: Vec<Host>) -> Self {
        Self {
            route,
            expanded: None,
            equals: Vec::new(),
            targets: hosts
                .into_iter()
                .map(|host| Target {
                    host,
                    unusable: false,
                })
                .collect(),
        }
    }
}

impl Target {
    /// The name that is looked up, if one is.
    pub(super) fn name(&self) -> Option<&Domain> {
        self.host.name().filter(|_| !self.unusable)
    }

    fn host(name: Domain) -> Self {
        Self {
            host: Host::Name(name),
            unusable: false,
        }
    }
}
