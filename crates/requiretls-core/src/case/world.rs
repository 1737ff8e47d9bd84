//! What is the world of a case made of? Facts for the plan, and what a connection shows.

use super::{
    AddressWord, Case, CaseAddress, CaseHost, MethodWord, NullPathFloor, OfferWord, ProofWord,
    RecordWord, RouteWord, StsWord,
};
use crate::authenticate::{CertFailure, CertUndecided, Evidence, Outcome};
use crate::dane::TlsaRecord;
use crate::domain::Domain;
use crate::ehlo::{EhloReply, Offer, ReplyClass, TlsPolicy};
use crate::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Sts, Tlsa,
};
use crate::mta_sts::{Mode, Policy};
use crate::next_hop::{Host, NextHop};
use crate::plan::{Message, Plan, Settings, Unreadable};
use crate::site_policy::{Methods, Rule};
use crate::tls_level::TlsLevel;
use std::net::{IpAddr, Ipv4Addr};

/// The second in which everything happens but what comes too late.
pub(super) const NOW: u64 = 0;
/// When the facts expire that the first message's connection rests on.
pub(super) const EXPIRED: u64 = 60;

/// What a plan needs besides its case.
#[derive(Clone, Copy)]
pub(super) struct Where {
    /// To the case's own next hop, or another that leads to the same hosts.
    pub(super) other: bool,
    /// When the facts expire.
    pub(super) expires: u64,
}

impl Case {
    /// The plan of the first message.
    pub(super) fn plan(&self) -> Plan {
        self.plan_to(Where {
            other: false,
            expires: EXPIRED,
        })
    }

    pub(super) fn plan_to(&self, to: Where) -> Plan {
        let name = if to.other { "other" } else { "case" };
        let next_hop = match (self.hop.mode().is_local(), self.route) {
            (true, _) => NextHop::Socket(format!("/run/{name}.sock")),
            (false, RouteWord::A) => NextHop::Literal(address(usize::from(to.other), 0)),
            (false, _) => NextHop::Domain(Domain::known(format!("{name}.test"))),
        };
        if !self.tag_readable {
            return Plan::unreadable(next_hop, Unreadable::Tag, "the tag cannot be read");
        }
        if !self.rule_readable {
            return Plan::unreadable(next_hop, Unreadable::Rule, "the site's rule cannot be read");
        }
        let message = Message {
            requirement: self.tag.requirement(self.dnssec),
            null_path: self.null_path,
            auth: self.auth_credentials,
        };
        let settings = Settings {
            null_path_floor: match self.null_path_floor {
                NullPathFloor::Encrypt => TlsLevel::Encrypt,
                NullPathFloor::May => TlsLevel::May,
                NullPathFloor::Secure => TlsLevel::Secure,
            },
            insecure_mx_dane: self.insecure_mx_dane.knob(),
        };
        Plan::new(
            next_hop,
            message,
            self.rule(),
            settings,
            self.facts(to.expires),
        )
    }

    fn rule(&self) -> Rule {
        let has = |word| self.methods.contains(&word);
        Rule {
            floor: self.floor.level(),
            methods: Methods {
                dane: has(MethodWord::Dane),
                pkix_names: if has(MethodWord::Pkix) {
                    vec![Domain::known("site.test")]
                } else {
                    vec![]
                },
                ca: Vec::new(),
                pins: if has(MethodWord::Pin) {
                    vec![PIN]
                } else {
                    vec![]
                },
            },
            hop: self.hop.mode(),
            discovery: self.discovery.discovery(),
            peer_dialect: self.peer_dialect.dialect(),
            smarthost: None,
            port: None,
        }
    }

    fn facts(&self, expires: u64) -> Facts {
        let security = self.msec.security();
        let route = match self.route {
            RouteWord::S => Route::Mx(Security::Secure),
            RouteWord::I => Route::Mx(Security::Insecure),
            RouteWord::V => Route::Mx(Security::Unknown),
            RouteWord::N => Route::Implicit(security),
            RouteWord::C => Route::Configured,
            RouteWord::A => Route::Literal,
            RouteWord::E => Route::Failed(failure("MX case.test")),
            RouteWord::Z => Route::NullMx(security),
            RouteWord::X => Route::NoDomain(security),
        };
        Facts {
            route,
            expanded: None,
            hosts: self
                .hosts
                .iter()
                .enumerate()
                .filter(|(_, host)| !host.stranger)
                .map(|(i, host)| host.facts(i))
                .collect(),
            sts: self.sts_facts(),
            expires: Some(expires),
        }
    }

    fn sts_facts(&self) -> Sts {
        let mode = match self.sts {
            StsWord::None => return Sts::None,
            StsWord::Unknown => return Sts::Unknown(failure("MTA-STS policy of case.test")),
            StsWord::Testing => Mode::Testing,
            StsWord::Enforce => Mode::Enforce,
        };
        let named: Vec<String> = self
            .hosts
            .iter()
            .enumerate()
            .filter(|(_, host)| host.matches)
            .map(|(index, _)| host_name(index))
            .collect();
        let mut patterns: Vec<&str> = named.iter().map(String::as_str).collect();
        patterns.push("elsewhere.test");
        match Policy::from_parts(mode, &patterns, 86_400) {
            Ok(policy) => Sts::Live {
                policy,
                checked: self.sts_checked,
                refetch_failed: None,
            },
            Err(_) => Sts::Unknown(failure("MTA-STS policy of case.test")),
        }
    }
}

impl CaseHost {
    fn facts(&self, index: usize) -> HostFacts {
        let host = Domain::known(host_name(index));
        let addresses = match self.addr {
            AddressWord::Ok => {
                Addresses::Found((0..self.addrs.len()).map(|a| address(index, a)).collect())
            }
            AddressWord::None => Addresses::Denied(Security::Secure),
            AddressWord::NoneInsec => Addresses::Denied(Security::Insecure),
            AddressWord::Err => Addresses::Failed(failure("address")),
        };
        let found = |usage| Tlsa::Found {
            base: host.clone(),
            records: vec![TlsaRecord {
                usage,
                selector: 1,
                matching: 1,
                data: vec![0; 32],
            }],
        };
        let tlsa = match self.records {
            RecordWord::None => Tlsa::None,
            RecordWord::Usable => found(3),
            RecordWord::Unusable => found(0),
            RecordWord::Failed => Tlsa::Failed(failure("TLSA")),
        };
        HostFacts {
            addresses,
            cname: self.cname.security(),
            tlsa,
            host: Host::Name(host),
        }
    }
}

impl CaseAddress {
    pub(super) fn evidence(&self) -> Evidence {
        if !self.chain {
            return Evidence::not_supplied();
        }
        Evidence::new(|method| {
            let word = ProofWord::of(method);
            if self.auth.contains(&word) {
                Outcome::Holds
            } else if self.undecided.contains(&word) {
                Outcome::Undecided(CertUndecided::NotYetValid)
            } else {
                Outcome::Fails(CertFailure::NotTrusted)
            }
        })
        .with_leaf_key(Some(self.leaf_key()))
    }

    /// The site's pin where that holds.
    fn leaf_key(&self) -> [u8; 32] {
        if self.auth.contains(&ProofWord::SitePin) {
            PIN
        } else {
            [1; 32]
        }
    }

    pub(super) fn ehlo(&self, class: ReplyClass, starttls: bool) -> EhloReply {
        let ok = class == ReplyClass::Ok;
        let offers = |word| ok && self.offers.contains(&word);
        let lists = |word| offers(OfferWord::TlsPolicy) || offers(word);
        EhloReply {
            class,
            starttls,
            offer: Offer {
                requiretls: offers(OfferWord::Requiretls),
                tls_policy: TlsPolicy {
                    may: lists(OfferWord::TlsPolicyMay),
                    encrypt: lists(OfferWord::TlsPolicyEncrypt),
                    secure: lists(OfferWord::TlsPolicySecure),
                },
                dsn: ok && self.dsn,
            },
        }
    }
}

fn failure(question: &str) -> LookupFailure {
    LookupFailure {
        cause: LookupCause::ServFail,
        question: question.to_owned(),
    }
}

/// The key that the site's rule pins.
const PIN: [u8; 32] = [0; 32];

pub(super) fn host_named(index: usize) -> Host {
    Host::Name(Domain::known(host_name(index)))
}

fn host_name(index: usize) -> String {
    format!("mx{index}.case.test")
}

fn address(host: usize, index: usize) -> IpAddr {
    let [.., third] = host.to_be_bytes();
    let [.., fourth] = index.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(192, 0, third, fourth))
}
