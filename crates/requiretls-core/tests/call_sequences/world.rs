//! A message, its next hop and what connections show, as the checker and core both see it.

use super::checker::M;
use requiretls_core::authenticate::{CertFailure, Evidence, Outcome};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Sts, Tlsa,
};
use requiretls_core::mta_sts::{Mode, Policy};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{InsecureMxDane, Message, Plan, Settings};
use requiretls_core::requirement::{Downgrade, Requirement, Requiring};
use requiretls_core::site_policy::{Discovery, HopMode, Methods, PeerDialect, Rule};
use requiretls_core::tls_level::TlsLevel;
use std::net::Ipv4Addr;

pub(crate) use requiretls_core::authenticate::Method;
pub(crate) use requiretls_core::site_policy::HopMode as Hop;

pub(crate) const HOSTS: [&str; 3] = ["mx1.test", "mx2.test", "elsewhere.test"];

/// P2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::upper_case_acronyms)]
#[rustfmt::skip]
pub(crate) enum Tag { None, H, LM, LE, LS, R, F0, FC, FD, FCD }

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StsFact {
    None,
    Testing,
    Enforce,
    Unknown,
}

/// Usable records have a certificate usage and a number of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Records {
    None,
    Usable(u8, u8),
    Unusable,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) struct WorldHost {
    pub(crate) records: Records,
    pub(crate) matches: bool,
    pub(crate) cname: Option<Security>,
    pub(crate) addresses: u8,
}

#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct World {
    pub(crate) next_hop: &'static str,
    pub(crate) tag: Tag,
    pub(crate) dnssec: bool,
    pub(crate) null_path: bool,
    pub(crate) auth: bool,
    pub(crate) hop: Hop,
    pub(crate) floor: u8,
    pub(crate) site_dane: bool,
    pub(crate) site_pkix: bool,
    pub(crate) site_pin: bool,
    pub(crate) discovery_on: bool,
    pub(crate) peer_is_draft: bool,
    pub(crate) null_path_floor: u8,
    pub(crate) insecure_mx_dane: &'static str,
    pub(crate) route: M,
    pub(crate) sts: StsFact,
    pub(crate) hosts: Vec<WorldHost>,
    pub(crate) expires: Option<u64>,
}

/// What a connection has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conn {
    /// `Some(true)`: TLS 1.2 or later with a cipher that encrypts.
    pub(crate) tls: Option<bool>,
    pub(crate) proved: Vec<Method>,
    pub(crate) pinned: bool,
    pub(crate) requiretls: bool,
}

impl Conn {
    pub(crate) fn modern(&self) -> bool {
        self.tls == Some(true)
    }

    pub(crate) fn holds(&self, method: Method) -> bool {
        self.tls.is_some() && self.proved.contains(&method)
    }
}

impl World {
    pub(crate) fn site_methods(&self) -> Vec<Method> {
        let methods = [
            (self.site_dane, Method::Dane),
            (self.site_pkix, Method::SitePkix),
            (self.site_pin, Method::SitePin),
        ];
        methods
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, m)| *m)
            .collect()
    }

    /// What a chain that proves these methods comes to in this world: a pin holds by its key.
    pub(crate) fn evidence(&self, proved: &[Method], pinned: bool) -> Evidence {
        let held = self.held(proved, pinned);
        let key = if pinned { [1; 32] } else { [2; 32] };
        Evidence::new(|method| {
            if held.contains(&method) {
                Outcome::Holds
            } else {
                Outcome::Fails(CertFailure::NotTrusted)
            }
        })
        .with_leaf_key(Some(key))
    }

    pub(crate) fn held(&self, proved: &[Method], pinned: bool) -> Vec<Method> {
        Method::ALL
            .into_iter()
            .filter(|method| match method {
                Method::SitePin => self.site_pin && pinned,
                Method::SitePkix => self.site_pkix && proved.contains(method),
                _ => proved.contains(method),
            })
            .collect()
    }

    pub(crate) fn plan(&self) -> Plan {
        let next_hop = match (self.route, self.hop) {
            (_, HopMode::Local | HopMode::LocalCarry) => NextHop::parse("unix:/run/s").unwrap(),
            (M::A, _) => NextHop::parse("192.0.2.1").unwrap(),
            _ => NextHop::parse(self.next_hop).unwrap(),
        };
        let message = Message {
            requirement: self.requirement(),
            null_path: self.null_path,
            auth: self.auth,
        };
        let settings = Settings {
            null_path_floor: level(self.null_path_floor),
            insecure_mx_dane: match self.insecure_mx_dane {
                "may" => InsecureMxDane::May,
                "encrypt" => InsecureMxDane::Encrypt,
                _ => InsecureMxDane::Dane,
            },
        };
        Plan::new(next_hop, message, self.rule(), settings, self.facts())
    }

    fn requirement(&self) -> Requirement {
        let draft =
            |chain, dane| Requirement::Requiring(Requiring::draft(chain, dane, self.dnssec));
        match self.tag {
            Tag::None => Requirement::None,
            Tag::H => Requirement::Downgrade(Downgrade::HeaderField),
            Tag::LM => Requirement::Downgrade(Downgrade::Parameter),
            Tag::LE => Requirement::Requiring(Requiring::LE),
            Tag::LS => Requirement::Requiring(Requiring::LS),
            Tag::R => Requirement::R,
            Tag::F0 => draft(false, false),
            Tag::FC => draft(true, false),
            Tag::FD => draft(false, true),
            Tag::FCD => draft(true, true),
        }
    }

    fn rule(&self) -> Rule {
        Rule {
            floor: level(self.floor),
            methods: Methods {
                dane: self.site_dane,
                pkix_names: self
                    .site_pkix
                    .then(|| domain("site.test"))
                    .into_iter()
                    .collect(),
                ca: Vec::new(),
                pins: self.site_pin.then_some([1; 32]).into_iter().collect(),
            },
            hop: self.hop,
            discovery: if self.discovery_on {
                Discovery::On
            } else {
                Discovery::Off
            },
            peer_dialect: if self.peer_is_draft {
                PeerDialect::Draft
            } else {
                PeerDialect::Rfc8689
            },
            smarthost: None,
            port: None,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            route: match self.route {
                M::S => Route::Mx(Security::Secure),
                M::I => Route::Mx(Security::Insecure),
                M::V => Route::Mx(Security::Unknown),
                M::N(security) => Route::Implicit(security),
                M::C => Route::Configured,
                M::A => Route::Literal,
            },
            expanded: None,
            hosts: self
                .hosts
                .iter()
                .zip(HOSTS)
                .map(|(host, name)| host.facts(name))
                .collect(),
            sts: self.sts(),
            expires: self.expires,
        }
    }

    fn sts(&self) -> Sts {
        let mode = match self.sts {
            StsFact::None => return Sts::None,
            StsFact::Unknown => return Sts::Unknown(failure()),
            StsFact::Testing => Mode::Testing,
            StsFact::Enforce => Mode::Enforce,
        };
        let named = self
            .hosts
            .iter()
            .zip(HOSTS)
            .filter(|(host, _)| host.matches);
        let patterns: Vec<&str> = named
            .map(|(_, name)| name)
            .chain(["nowhere.test"])
            .collect();
        Sts::Live {
            policy: Policy::from_parts(mode, &patterns, 86_400).unwrap(),
            checked: true,
            refetch_failed: None,
        }
    }
}

impl WorldHost {
    fn facts(&self, name: &str) -> HostFacts {
        let found = |usage, number| Tlsa::Found {
            base: domain(name),
            records: vec![TlsaRecord {
                usage,
                selector: 1,
                matching: 1,
                data: vec![number; 32],
            }],
        };
        HostFacts {
            host: Host::Name(domain(name)),
            addresses: match self.addresses {
                0 => Addresses::Denied(Security::Secure),
                n => Addresses::Found((0..n).map(|n| Ipv4Addr::new(192, 0, 2, n).into()).collect()),
            },
            cname: self.cname,
            tlsa: match self.records {
                Records::None => Tlsa::None,
                Records::Usable(usage, number) => found(usage, number),
                Records::Unusable => found(1, 0),
                Records::Failed => Tlsa::Failed(failure()),
            },
        }
    }
}

pub(crate) fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

pub(crate) fn ehlo(starttls: bool, requiretls: bool) -> EhloReply {
    let mut text = "250-mx\n250-TLSPOLICY MAY ENCRYPT SECURE\n".to_owned();
    text.push_str(if starttls { "250-STARTTLS\n" } else { "" });
    text.push_str(if requiretls { "250-REQUIRETLS\n" } else { "" });
    EhloReply::parse(format!("{text}250 DSN\n").as_bytes())
}

fn failure() -> LookupFailure {
    LookupFailure {
        cause: LookupCause::ServFail,
        question: "a lookup".to_owned(),
    }
}

fn level(number: u8) -> TlsLevel {
    match number {
        0 => TlsLevel::May,
        1 => TlsLevel::Encrypt,
        _ => TlsLevel::Secure,
    }
}
