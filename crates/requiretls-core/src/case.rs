//! What does a decision case say, and what did core decide?
//!
//! A case describes one message, one next hop and everything its hosts would show, in JSON.
//! `explain` reads cases; each is turned into facts and a script of what the connections show, and
//! driven through the same [`Delivery`] that the C API drives. A field left out has the default;
//! an unknown field or word is an error that names it.

mod script;
mod words;

pub use words::{
    AddressWord, CnameWord, DialectWord, DiscoveryWord, HopWord, KnobWord, LevelWord, MailWord,
    MethodWord, OfferWord, ProofWord, RecordWord, RouteWord, SecondEhloWord, SecurityWord,
    StarttlsWord, StsWord, TagWord, TcpWord, VersionWord, WorkedWord,
};

use crate::authenticate::{CertFailure, Evidence, Method, Outcome};
use crate::connection::Clearance;
use crate::dane::TlsaRecord;
use crate::delivery::{Action, Delivery, End, TlsFailure};
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
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// One decision case.
// The format has its yes-or-no fields as it has them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Case {
    /// The tag, in P2's words.
    pub tag: TagWord,
    /// The draft's DNSSEC option on an F tag.
    pub dnssec: bool,
    /// Whether the return path is empty.
    pub null_path: bool,
    /// The hop mode (P12).
    pub hop: HopWord,
    /// The site's floor (P8).
    pub floor: LevelWord,
    /// The site's methods (P8).
    pub methods: Vec<MethodWord>,
    /// D22.
    pub discovery: DiscoveryWord,
    /// F12.
    pub peer_dialect: DialectWord,
    /// How the hosts were found (P2a).
    #[serde(rename = "M")]
    pub route: RouteWord,
    /// The status of the denial or null MX, for N, Z and X.
    pub msec: SecurityWord,
    /// The domain's MTA-STS state (P2c).
    pub sts: StsWord,
    /// In the order to try.
    pub hosts: Vec<CaseHost>,
    /// AUTH credentials will be sent.
    pub auth_credentials: bool,
    /// Whether the tag can be read.
    pub tag_readable: bool,
    /// Whether the site's rule can be read.
    pub rule_readable: bool,
    /// P13.
    pub null_path_floor: NullPathFloor,
    /// P13.
    pub insecure_mx_dane: KnobWord,
}

/// One host of a case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseHost {
    /// The TLSA records (P2b).
    #[serde(rename = "D")]
    pub records: RecordWord,
    /// Whether the host fits the policy's mx.
    #[serde(rename = "match")]
    pub matches: bool,
    /// Whether it has addresses.
    pub addr: AddressWord,
    /// A CNAME at the host name.
    pub cname: CnameWord,
    /// Its addresses in the order tried.
    pub addrs: Vec<CaseAddress>,
}

/// What the connection to one address shows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseAddress {
    /// TCP and greeting.
    pub tcp: TcpWord,
    /// The answer to STARTTLS, or whether it is offered.
    pub starttls: StarttlsWord,
    /// The handshake.
    pub hs: WorkedWord,
    /// The version negotiated.
    pub tls: VersionWord,
    /// EHLO inside TLS.
    pub ehlo2: SecondEhloWord,
    /// Whether the chain was handed over.
    pub chain: bool,
    /// The methods that would hold on this connection.
    pub auth: Vec<ProofWord>,
    /// Keywords of the EHLO that precedes MAIL.
    pub offers: Vec<OfferWord>,
    /// Whether that EHLO offers DSN.
    pub dsn: bool,
    /// The reply to MAIL.
    pub mail: MailWord,
}

/// The null path's floor; the default differs from the site floor's.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NullPathFloor {
    /// Any TLS 1.2 or later.
    #[default]
    Encrypt,
    /// Nothing.
    May,
    /// The tag's own row.
    Secure,
}

/// What core decided.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// go, defer or bounce.
    pub action: &'static str,
    /// The address that got the message.
    pub addr: Option<usize>,
    /// The verdict's code; empty on go.
    pub code: String,
    /// The verdict's enhanced code; empty on go.
    pub enhanced: String,
    /// The host that got the message.
    pub host: Option<usize>,
    /// The effective level; empty unless go.
    pub level: &'static str,
    /// The row of P6 that decided; empty on go.
    pub row: &'static str,
    /// The parameter sent, else `RET=HDRS` where P4 wants it, else empty.
    pub sends: String,
    /// Whether the message went over TLS.
    pub tls: Option<bool>,
    /// Who imposed it.
    pub who: &'static str,
    /// What a requiring tag would have asked by itself and did not get (P12).
    pub unmet: Vec<&'static str>,
    /// In words.
    pub sentence: String,
}

impl Case {
    /// Reads one line: a case, or an object that holds it under `case`; `expect` is not read.
    ///
    /// # Errors
    /// A sentence that names the field or word.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut value: serde_json::Value =
            serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
        if let Some(object) = value.as_object_mut() {
            if let Some(case) = object.remove("case") {
                object.remove("expect");
                if let Some(unknown) = object.keys().next() {
                    return Err(format!("unknown field `{unknown}` beside `case`"));
                }
                value = case;
            }
        } else {
            return Err("a case is a JSON object".to_owned());
        }
        serde_path_to_error::deserialize(value).map_err(|e| {
            let path = e.path().to_string();
            if path == "." {
                e.inner().to_string()
            } else {
                format!("{path}: {}", e.inner())
            }
        })
    }

    /// What core decides.
    #[must_use]
    pub fn decide(&self) -> Answer {
        script::run(self, Delivery::new(self.plan()))
    }

    fn plan(&self) -> Plan {
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
    pub(crate) fn evidence(&self) -> Evidence {
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

    pub(crate) fn ehlo(&self, class: ReplyClass, starttls: bool) -> EhloReply {
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

impl Default for Case {
    fn default() -> Self {
        Self {
            tag: TagWord::None,
            dnssec: false,
            null_path: false,
            hop: HopWord::Enforce,
            floor: LevelWord::May,
            methods: Vec::new(),
            discovery: DiscoveryWord::On,
            peer_dialect: DialectWord::Rfc8689,
            route: RouteWord::S,
            msec: SecurityWord::Sec,
            sts: StsWord::None,
            hosts: vec![CaseHost::default()],
            auth_credentials: false,
            tag_readable: true,
            rule_readable: true,
            null_path_floor: NullPathFloor::Encrypt,
            insecure_mx_dane: KnobWord::Dane,
        }
    }
}

impl Default for CaseHost {
    fn default() -> Self {
        Self {
            records: RecordWord::None,
            matches: true,
            addr: AddressWord::Ok,
            cname: CnameWord::No,
            addrs: vec![CaseAddress::default()],
        }
    }
}

impl Default for CaseAddress {
    fn default() -> Self {
        Self {
            tcp: TcpWord::Ok,
            starttls: StarttlsWord::Yes,
            hs: WorkedWord::Ok,
            tls: VersionWord::V13,
            ehlo2: SecondEhloWord::Ok,
            chain: true,
            auth: Vec::new(),
            offers: Vec::new(),
            dsn: true,
            mail: MailWord::Ok,
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
