//! Which addresses and TLSA records does one host have?
//!
//! RFC 7672 section 2.2: addresses first, and TLSA only where they are secure (D8), so that an
//! unsigned zone with a name server that fails on unknown types is not punished for it.

use super::route::Target;
use super::search::Search;
use crate::dns::{Answer, Found, Kind};
use requiretls_core::dane::base::{self, Alias};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{
    Addresses, HostFacts, LookupCause, LookupFailure, Route, Security, Tlsa,
};
use requiretls_core::next_hop::Host;
use requiretls_core::plan::InsecureMxDane;
use std::net::IpAddr;

/// What the families' answers for one host come to.
struct Resolved {
    addresses: Addresses,
    /// The best status of an answer with addresses (D8).
    security: Option<Security>,
    /// The CNAMEs of the answer that it is from.
    links: Option<Links>,
    /// The family that failed, where the other has addresses.
    half: Option<LookupFailure>,
}

/// The CNAMEs at a host's name.
struct Links {
    /// The weakest one's status.
    weakest: Security,
    /// What TLSA base domains follow from; a failure when the first link's status is not known.
    alias: Result<Alias, LookupFailure>,
}

impl Search<'_> {
    /// All hosts, step by step together: addresses, then TLSA records. Names behind the first
    /// [`MOST_HOSTS`] are not looked up and count as untried (P5), so that a domain with any number of
    /// hosts costs no more than that.
    pub(super) fn hosts(&self, targets: &[Target], route: &Route) -> Vec<HostFacts> {
        self.dns.ahead(&self.addresses_of(targets));
        let mut names = 0_usize;
        let resolved: Vec<_> = targets
            .iter()
            .map(|target| {
                let name = target.name()?;
                names = names.saturating_add(1);
                Some((name, (names <= MOST_HOSTS).then(|| self.resolve(name))))
            })
            .collect();
        if self.wants_tlsa(route) {
            let looked_up = resolved.iter().flatten();
            let looked_up = looked_up.filter_map(|(name, r)| Some((name, r.as_ref()?)));
            let owners = looked_up.flat_map(|(name, resolved)| {
                let bases = resolved.bases(name).unwrap_or_default();
                bases.into_iter().filter_map(|base| self.owner_name(&base))
            });
            self.dns
                .ahead(&owners.map(|owner| (owner, Kind::Tlsa)).collect::<Vec<_>>());
        }
        let facts = targets.iter().zip(resolved);
        facts
            .map(|(target, resolved)| match resolved {
                Some((_, None)) => untried(target),
                Some((name, Some(resolved))) => self.host(target, Some((name, resolved)), route),
                None => self.host(target, None, route),
            })
            .collect()
    }

    /// The questions for the addresses of all hosts.
    pub(super) fn addresses_of(&self, targets: &[Target]) -> Vec<(Domain, Kind)> {
        let families = &self.discovery.families;
        let questions = |name: &Domain| {
            let name = name.clone();
            families
                .iter()
                .map(move |&f| (name.clone(), Kind::Addresses(f)))
        };
        let names = targets.iter().filter_map(Target::name).take(MOST_HOSTS);
        names.flat_map(questions).collect()
    }

    fn host(
        &self,
        target: &Target,
        resolved: Option<(&Domain, Resolved)>,
        route: &Route,
    ) -> HostFacts {
        let (addresses, cname, tlsa) = match (&target.host, resolved) {
            (Host::Literal(address), _) => (Addresses::Found(vec![*address]), None, Tlsa::None),
            (Host::Socket(_), _) => (Addresses::Found(Vec::new()), None, Tlsa::None),
            (Host::Name(_), None) => (Addresses::Denied(status(route)), None, Tlsa::None),
            (Host::Name(_), Some((name, resolved))) => {
                let tlsa = if self.wants_tlsa(route) {
                    self.tlsa(name, &resolved)
                } else {
                    Tlsa::None
                };
                if let Some(failure) = &resolved.half {
                    told_of_half(name, failure, &resolved.addresses, &tlsa);
                }
                let cname = resolved.links.map(|links| links.weakest);
                (resolved.addresses, cname, tlsa)
            }
        };
        HostFacts {
            host: target.host.clone(),
            addresses,
            cname,
            tlsa,
        }
    }

    fn resolve(&self, name: &Domain) -> Resolved {
        let mut found = Vec::new();
        let mut statuses = Vec::new();
        let mut denied = None;
        let mut failure = None;
        let mut best: Option<Answer<IpAddr>> = None;
        for &family in &self.discovery.families {
            let answer = match self.dns.addresses(name, family) {
                Ok(answer) => answer,
                Err(e) => {
                    failure = Some(e);
                    statuses.push(None);
                    continue;
                }
            };
            self.lives(answer.ttl);
            if let Found::Records(addresses) = &answer.found {
                found.extend(addresses);
                statuses.push(Some(answer.security));
            } else {
                denied = Some(weaker(denied, answer.security));
            }
            let better = best.as_ref().is_none_or(|best| rank(&answer) > rank(best));
            if better {
                best = Some(answer);
            }
        }
        let half = failure.clone().filter(|_| !found.is_empty());
        let addresses = match (found.is_empty(), failure, denied) {
            (false, _, _) => Addresses::Found(found),
            (true, Some(failure), _) => Addresses::Failed(failure),
            (true, None, denied) => Addresses::Denied(denied.unwrap_or(Security::Unknown)),
        };
        let links = best
            .filter(|answer| !answer.chain.is_empty())
            .map(|answer| self.links(name, &answer));
        Resolved {
            addresses,
            security: base::address_security(&statuses),
            links,
            half,
        }
    }

    /// Whether TLSA records behind this route are looked up at all.
    fn wants_tlsa(&self, route: &Route) -> bool {
        let insecure_mx = *route == Route::Mx(Security::Insecure);
        let may = self.discovery.insecure_mx_dane == InsecureMxDane::May;
        self.discovers() && !(insecure_mx && may) // P2b
    }

    fn tlsa(&self, name: &Domain, resolved: &Resolved) -> Tlsa {
        let bases = match resolved.bases(name) {
            Ok(bases) => bases,
            Err(failure) => return Tlsa::Failed(failure.clone()),
        };
        for base in bases {
            let Some(owner) = self.owner_name(&base) else {
                continue;
            };
            let answer = match self.dns.tlsa(&owner) {
                Ok(answer) => answer,
                Err(failure) => return Tlsa::Failed(failure), // D2
            };
            self.lives(answer.ttl);
            if let (Security::Secure, Found::Records(records)) = (answer.security, answer.found) {
                return Tlsa::Found { base, records };
            }
        }
        Tlsa::None
    }

    fn owner_name(&self, base: &Domain) -> Option<Domain> {
        base::owner_name(self.question.port, base)
    }

    /// The status of each CNAME by itself. Where the answer as a whole is secure, so is each link;
    /// where it is not, the first links may still be, which decides about the base domain (D9).
    fn links(&self, name: &Domain, answer: &Answer<IpAddr>) -> Links {
        let expanded = answer.expanded().unwrap_or(name).clone();
        let all = |security| Links {
            weakest: security,
            alias: Ok(Alias {
                initial: security,
                expanded: expanded.clone(),
            }),
        };
        if answer.security != Security::Insecure || !self.discovers() {
            return all(answer.security);
        }
        let mut initial = None;
        let mut link = Some(name.clone());
        for next in &answer.chain {
            let Some(owner) = &link else {
                break; // what cannot be asked for ends the walk
            };
            let security = match self.link(owner) {
                Ok(security) => security,
                Err(failure) => {
                    return Links {
                        weakest: Security::Unknown,
                        alias: initial.map_or(Err(failure), |initial| {
                            Ok(Alias {
                                initial,
                                expanded: expanded.clone(),
                            })
                        }),
                    };
                }
            };
            let initial = *initial.get_or_insert(security);
            if security != Security::Secure {
                return Links {
                    weakest: security, // D3: all after it count no more
                    alias: Ok(Alias { initial, expanded }),
                };
            }
            link.clone_from(next);
        }
        all(Security::Secure)
    }

    fn link(&self, owner: &Domain) -> Result<Security, LookupFailure> {
        let answer = self.dns.cname(owner)?;
        self.lives(answer.ttl);
        match answer.found {
            Found::Records(_) => Ok(answer.security),
            // It was there a moment ago.
            Found::NoData | Found::NoDomain => Err(LookupFailure {
                cause: LookupCause::Malformed,
                question: format!("CNAME {owner}"),
            }),
        }
    }
}

/// A host that is not looked up: row 5, which defers.
fn untried(target: &Target) -> HostFacts {
    let host = &target.host;
    HostFacts {
        host: host.clone(),
        addresses: Addresses::Failed(LookupFailure {
            cause: LookupCause::Timeout,
            question: format!("A {host} (not asked for: behind the first {MOST_HOSTS} hosts)"),
        }),
        cname: None,
        tlsa: Tlsa::None,
    }
}

/// A host that is reached in one family although the other failed: what an administrator would
/// else find out from a packet dump.
fn told_of_half(name: &Domain, failure: &LookupFailure, found: &Addresses, tlsa: &Tlsa) {
    let how = match tlsa {
        Tlsa::Found { .. } => "DANE",
        Tlsa::None | Tlsa::Failed(_) => "reached",
    };
    let is_v4 = matches!(found, Addresses::Found(found) if found.iter().any(IpAddr::is_ipv4));
    let family = if is_v4 { "IPv4" } else { "IPv6" };
    let LookupFailure { cause, question } = failure;
    let cause = cause.as_str();
    tracing::info!("{name}: {how} over {family} although {question} failed ({cause})");
}

/// How many hosts of one next hop are looked up; addresses and sockets need no looking up.
pub const MOST_HOSTS: usize = 32;

impl Resolved {
    /// The TLSA base domains to try (D9); none without an address (D8).
    fn bases(&self, name: &Domain) -> Result<Vec<Domain>, &LookupFailure> {
        let Some(security) = self.security else {
            return Ok(Vec::new());
        };
        let alias = self.links.as_ref().map(|links| links.alias.as_ref());
        Ok(base::candidates(name, security, alias.transpose()?))
    }
}

/// Answers with addresses before those without, secure ones before others.
fn rank(answer: &Answer<IpAddr>) -> (bool, u8) {
    let positive = matches!(answer.found, Found::Records(_));
    let status = match answer.security {
        Security::Secure => 2,
        Security::Insecure => 1,
        Security::Unknown => 0,
    };
    (positive, status)
}

fn weaker(denied: Option<Security>, other: Security) -> Security {
    match (denied, other) {
        (None, other) => other,
        (Some(Security::Unknown), _) | (_, Security::Unknown) => Security::Unknown,
        (Some(Security::Insecure), _) | (_, Security::Insecure) => Security::Insecure,
        (Some(Security::Secure), Security::Secure) => Security::Secure,
    }
}

/// What DNSSEC says of the answer that a host's name is from.
fn status(route: &Route) -> Security {
    match route {
        Route::Mx(security) | Route::Implicit(security) => *security,
        _ => Security::Unknown,
    }
}
