//! What is the world of a case made of? Facts for the plan, and what a connection shows.

use super::{
    AddressWord, Case, CaseAddress, CaseHost, MethodWord, NullPathFloor, OfferWord, ProofWord,
    RecordWord, RouteWord, StsWord, TagWord,
};
use crate::authenticate::{CertFailure, Evidence, Method, Outcome};
use crate::dane::TlsaRecord;
use crate::domain::Domain;
use crate::ehlo::{EhloReply, Offer, ReplyClass, TlsPolicy};
use crate::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Sts, Tlsa,
};
use crate::mta_sts::{Mode, Policy};
use crate::next_hop::{Host, NextHop};
use crate::plan::{Message, Plan, Settings, Unreadable};
use crate::requirement::{Downgrade, Requirement, Requiring};
use crate::site_policy::{Methods, Rule};
use crate::tls_level::TlsLevel;
use std::net::{IpAddr, Ipv4Addr};

impl Case {
    pub(super) fn plan(&self) -> Plan {
        let next_hop = match (self.hop.mode().is_local(), self.route) {
            (true, _) => NextHop::Socket("/run/case.sock".to_owned()),
            (false, RouteWord::A) => NextHop::Literal(address(0, 0)),
            (false, _) => NextHop::Domain(Domain::known("case.test")),
        };
        if !self.tag_readable {
            return Plan::unreadable(next_hop, Unreadable::Tag, "the tag cannot be read");
        }
        if !self.rule_readable {
            return Plan::unreadable(next_hop, Unreadable::Rule, "the site's rule cannot be read");
        }
        let message = Message {
            requirement: self.requirement(),
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
        Plan::new(next_hop, message, self.rule(), settings, self.facts())
    }

    fn requirement(&self) -> Requirement {
        let draft =
            |chain, dane| Requirement::Requiring(Requiring::draft(chain, dane, self.dnssec));
        match self.tag {
            TagWord::None => Requirement::None,
            TagWord::H => Requirement::Downgrade(Downgrade::HeaderField),
            TagWord::LM => Requirement::Downgrade(Downgrade::Parameter),
            TagWord::LE => Requirement::Requiring(Requiring::LE),
            TagWord::LS => Requirement::Requiring(Requiring::LS),
            TagWord::R => Requirement::Requiring(Requiring::R),
            TagWord::F0 => draft(false, false),
            TagWord::FC => draft(true, false),
            TagWord::FD => draft(false, true),
            TagWord::FCD => draft(true, true),
        }
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
                    vec![[0; 32]]
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

    fn facts(&self) -> Facts {
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
                .map(|(i, host)| host.facts(i))
                .collect(),
            sts: self.sts_facts(),
            expires: None,
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
                checked: true,
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
            let word = match method {
                Method::Dane => ProofWord::Dane,
                Method::PkixHost => ProofWord::PkixHost,
                Method::PkixNextHop => ProofWord::PkixNextHop,
                Method::SitePkix => ProofWord::SitePkix,
                Method::SitePin => ProofWord::SitePin,
            };
            if self.auth.contains(&word) {
                Outcome::Holds
            } else {
                Outcome::Fails(CertFailure::NotTrusted)
            }
        })
    }

    pub(super) fn ehlo(&self, class: ReplyClass, starttls: bool) -> EhloReply {
        let ok = class == ReplyClass::Ok;
        let all = ok && self.offers.contains(&OfferWord::TlsPolicy);
        EhloReply {
            class,
            starttls,
            offer: Offer {
                requiretls: ok && self.offers.contains(&OfferWord::Requiretls),
                tls_policy: TlsPolicy {
                    may: all,
                    encrypt: all,
                    secure: all,
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

fn host_name(index: usize) -> String {
    format!("mx{index}.case.test")
}

fn address(host: usize, index: usize) -> IpAddr {
    let [.., third] = host.to_be_bytes();
    let [.., fourth] = index.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(192, 0, third, fourth))
}
