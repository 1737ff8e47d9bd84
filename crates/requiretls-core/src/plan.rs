//! Which hosts may be tried, and what must each of them prove?
//!
//! A plan is made once per message and next hop, from the requirement, the site's rule and the
//! facts. It settles what needs no connection: rows 15 and 1 to 4 for the next hop as a whole,
//! rows 5 to 7 for each host (P5), and for every host left the level and methods that the
//! destination (P3), the site (P8) and the tag (P4, P4a, P12) ask for, each by itself.

mod demand;
mod terms;

pub use demand::{InsecureMxDane, Message, Settings};
pub use terms::Terms;

use crate::decision::{
    Class, DNSSEC_NEEDED, ENCRYPTION_NEEDED, INTERNAL, Objection, Objections, RULE_UNREADABLE,
    Refusal, Row, Who,
};
use crate::facts::{Addresses, Facts, HostFacts, LookupFailure, Route, Security, Sts, Tlsa};
use crate::mta_sts::Mode;
use crate::next_hop::{Host, NextHop};
use crate::reply::{Enhanced, Reply};
use crate::requirement::Proof;
use crate::site_policy::{Discovery, Rule};
use crate::tls_level::TlsLevel;
use demand::Demand;
use std::net::IpAddr;
pub(crate) use terms::{OwnRow, Side};
use terms::{Records, StsMatch};

/// What may be done with one message at one next hop.
#[derive(Clone, Debug)]
pub struct Plan {
    next_hop: NextHop,
    rule: Rule,
    demand: Demand,
    facts: Facts,
    candidates: Vec<Candidate>,
    refused: Option<Refusal>,
}

/// One host of a plan.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The host, by the name it is tried under.
    pub host: Host,
    /// Its addresses in the order to try; empty where the host program knows them alone.
    pub addresses: Vec<IpAddr>,
    /// What a connection to it must prove.
    pub terms: Terms,
    /// Why it may not be tried at all.
    pub refused: Option<Refusal>,
}

impl Plan {
    /// Judges the facts for one message.
    #[must_use]
    pub fn new(
        next_hop: NextHop,
        message: &Message,
        rule: Rule,
        settings: &Settings,
        facts: Facts,
    ) -> Self {
        let demand = Demand::on_this_hop(message, &rule, settings);
        let facts = if demand.hop.is_local() { without_discovery(facts) } else { facts };
        let mut plan =
            Self { next_hop, rule, demand, facts, candidates: Vec::new(), refused: None };
        plan.refused = plan.judge_next_hop();
        plan.candidates = plan.facts.hosts.iter().map(|host| plan.candidate(host)).collect();
        plan.note_own_row();
        plan
    }

    /// A plan for a tag or a rule that cannot be read: it defers, whatever the facts (row 15).
    #[must_use]
    pub fn unreadable(next_hop: NextHop, unreadable: Unreadable, sentence: &str) -> Self {
        let (code, enhanced) = match unreadable {
            Unreadable::Rule => RULE_UNREADABLE,
            Unreadable::Tag | Unreadable::Internal => INTERNAL,
        };
        Self {
            next_hop,
            rule: Rule::default(),
            demand: Demand::default(),
            facts: Facts {
                route: Route::Configured,
                expanded: None,
                hosts: Vec::new(),
                sts: Sts::None,
                expires: None,
            },
            candidates: Vec::new(),
            refused: Some(Refusal {
                row: Row::Unreadable,
                class: Class::Transient,
                who: Who::Nobody,
                reply: Reply::new(code, enhanced, sentence),
            }),
        }
    }

    /// The next hop as routed.
    #[must_use]
    pub fn next_hop(&self) -> &NextHop {
        &self.next_hop
    }

    /// The facts that the plan rests on.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The site's rule for this next hop.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The hosts, in the order to try.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Why the next hop as a whole is refused: no host may be tried then.
    #[must_use]
    pub fn refused(&self) -> Option<&Refusal> {
        self.refused.as_ref()
    }

    /// A host of the server's own list that the plan has not: allowed only where nothing but
    /// level `may` is asked of it, for nothing vouches for its name.
    #[must_use]
    pub fn stranger(&self, host: Host) -> Option<Candidate> {
        let facts = HostFacts {
            host,
            addresses: Addresses::Found(Vec::new()),
            cname: None,
            tlsa: Tlsa::None,
        };
        let candidate = self.candidate(&facts);
        (candidate.refused.is_none() && candidate.terms.level() == TlsLevel::May)
            .then_some(candidate)
    }

    /// P5: the code of a deferral for lack of protection.
    pub(crate) fn deferral(&self) -> (u16, Enhanced) {
        self.demand.deferral(Row::Path)
    }

    /// What becomes of a message all of whose hosts are unusable (row 2).
    pub(crate) fn no_host_left(&self) -> Refusal {
        let insecure = match self.facts.route {
            Route::Mx(security) | Route::Implicit(security) => security != Security::Secure,
            _ => false,
        };
        self.no_host(insecure, 550, Enhanced(5, 4, 4), "no host of it has an address")
    }

    /// P12: what the tag's own row would have asked, so that a relaxed use can be logged.
    fn note_own_row(&mut self) {
        let Some(demand) = self.demand.own_row() else { return };
        let own = Self { demand, refused: None, candidates: Vec::new(), ..self.clone() };
        let path = own.judge_next_hop().is_some();
        for (candidate, facts) in self.candidates.iter_mut().zip(&own.facts.hosts) {
            let alone = own.candidate(facts);
            candidate.terms.own_row = Some(OwnRow {
                path_unmet: path || alone.refused.is_some(),
                need: alone.terms.sender.need,
                onward: demand.needs_requiretls(),
            });
        }
    }

    /// Rows 1 to 4, which no host can mend.
    fn judge_next_hop(&self) -> Option<Refusal> {
        match &self.facts.route {
            Route::Failed(failure) => return Some(self.lookup_failed(failure)),
            Route::NullMx(security) => {
                let insecure = *security != Security::Secure;
                let cause = "it takes no mail (null MX)";
                return Some(self.no_host(insecure, 556, Enhanced(5, 1, 10), cause));
            }
            Route::NoDomain(security) => {
                let insecure = *security != Security::Secure;
                let cause = "there is no such domain";
                return Some(self.no_host(insecure, 550, Enhanced(5, 1, 2), cause));
            }
            Route::Mx(_) | Route::Implicit(_) | Route::Configured | Route::Literal => {}
        }
        self.path().or_else(|| self.sts_unknown())
    }

    fn lookup_failed(&self, failure: &LookupFailure) -> Refusal {
        Refusal {
            row: Row::MxFailed,
            class: Class::Transient,
            who: Who::Nobody,
            reply: Reply::new(
                451,
                Enhanced(4, 4, 3),
                format!("{}: {} lookup: {}", self.next_hop, failure.question, failure.cause.as_str()),
            ),
        }
    }

    /// Row 2. An unsigned answer that contradicts a live policy may be forged (RFC 8461 section 5).
    fn no_host(&self, insecure: bool, code: u16, enhanced: Enhanced, cause: &str) -> Refusal {
        let text = format!("{}: {cause}", self.next_hop);
        if insecure && self.live_enforce() {
            return Refusal {
                row: Row::NoHost,
                class: Class::Committed,
                who: Who::Recipient,
                reply: Reply::new(
                    451,
                    Enhanced(4, 7, 5),
                    format!("{text}, says an unsigned answer against its MTA-STS policy"),
                ),
            };
        }
        Refusal {
            row: Row::NoHost,
            class: Class::Unusable,
            who: Who::Nobody,
            reply: Reply::new(code, enhanced, text),
        }
    }

    /// Row 3: what this way to the hosts can never give, or cannot give now.
    fn path(&self) -> Option<Refusal> {
        let methods = &self.rule.methods;
        let only_dane = methods.dane && methods.pkix_names.is_empty() && methods.pins.is_empty();
        let site = self.rule.floor == TlsLevel::Secure
            && ((only_dane && !self.vouched_route())
                || (methods.is_empty() && self.facts.route == Route::Literal));
        let (sender, code) = self.sender_on_path();
        let objections = Objections { recipient: false, site, sender };
        objections.any().then(|| {
            let cause = match (&self.facts.route, code == DNSSEC_NEEDED) {
                (Route::Literal, _) => "an address literal cannot be authenticated",
                (_, true) => "its MX or CNAME records are not signed (DNSSEC)",
                (Route::Mx(Security::Unknown), _) => {
                    "nothing vouches for its MX records, for want of a validating resolver"
                }
                _ => "nothing vouches for its MX records: neither DNSSEC nor MTA-STS",
            };
            self.refusal(Row::Path, objections, false, code, None, cause)
        })
    }

    fn sender_on_path(&self) -> (Option<Objection>, (u16, Enhanced)) {
        let Some(tag) = self.demand.strict() else { return (None, ENCRYPTION_NEEDED) };
        let route = &self.facts.route;
        let dnssec = match route {
            _ if !tag.dnssec() => None,
            Route::Mx(Security::Insecure) | Route::Implicit(Security::Insecure) => {
                Some(Objection::Definite)
            }
            Route::Mx(Security::Unknown) | Route::Implicit(Security::Unknown) => {
                Some(Objection::Transient)
            }
            _ => None,
        };
        if let Some(objection) = dnssec {
            return (Some(self.demand.soften(objection)), DNSSEC_NEEDED);
        }
        let objection = match (route, &self.facts.sts) {
            _ if self.goes_on() => None,
            (Route::Literal, _)
                if tag.level() == TlsLevel::Secure || tag.proof() != Proof::Unnamed =>
            {
                Some(Objection::Definite)
            }
            _ if !self.demand.needs_vouched_path() => None,
            (Route::Mx(Security::Insecure), Sts::None) => Some(Objection::Definite),
            (Route::Mx(Security::Unknown), Sts::None | Sts::Unknown(_)) => {
                Some(Objection::Transient)
            }
            _ => None,
        };
        (objection.map(|o| self.demand.soften(o)), ENCRYPTION_NEEDED)
    }

    /// Row 4: an MTA-STS policy could vouch for the path, if it could be had.
    fn sts_unknown(&self) -> Option<Refusal> {
        let unknown = matches!(self.facts.sts, Sts::Unknown(_))
            && self.facts.route == Route::Mx(Security::Insecure);
        if !unknown || !self.demand.needs_vouched_path() || self.goes_on() {
            return None;
        }
        let objections = Objections { sender: Some(Objection::Transient), ..Default::default() };
        let cause = "its MTA-STS policy could not be had, and nothing else vouches for its MX records";
        Some(self.refusal(Row::StsUnknown, objections, false, ENCRYPTION_NEEDED, None, cause))
    }

    /// P4a, last paragraph: a tag with a method that needs no vouched path goes on past rows 3,
    /// 4 and 7; lacking that method is row 12.
    fn goes_on(&self) -> bool {
        let methods = &self.rule.methods;
        let site_method = !methods.pkix_names.is_empty() || !methods.pins.is_empty();
        self.demand.strict().is_some_and(|tag| {
            self.demand.needs_vouched_path()
                && if tag.onward() {
                    site_method
                } else {
                    site_method || self.facts.route != Route::Literal
                }
        })
    }

    fn candidate(&self, facts: &HostFacts) -> Candidate {
        let records = self.records(&facts.tlsa);
        let sts = self.sts_match(&facts.host);
        let terms = self.terms(&facts.host, records, sts);
        let refused = self
            .no_address(facts)
            .or_else(|| self.tlsa_failed(facts, records))
            .or_else(|| self.draft_option(facts, records))
            .or_else(|| self.other_host(facts, records, sts, &terms));
        let addresses = match &facts.addresses {
            Addresses::Found(found) => found.clone(),
            Addresses::Denied(_) | Addresses::Failed(_) => Vec::new(),
        };
        Candidate { host: facts.host.clone(), addresses, terms, refused }
    }

    /// Rows 5 and 5a.
    fn no_address(&self, facts: &HostFacts) -> Option<Refusal> {
        let (row, class, text) = match &facts.addresses {
            Addresses::Found(_) => return None,
            Addresses::Failed(failure) => (
                Row::AddressFailed,
                Class::Transient,
                format!("{}: {} lookup: {}", facts.host, failure.question, failure.cause.as_str()),
            ),
            // Such a denial can be forged and must not complete a bounce.
            Addresses::Denied(security) if *security != Security::Secure && self.live_enforce() => (
                Row::NoAddress,
                Class::Transient,
                format!("{}: it has no address, says an unsigned answer", facts.host),
            ),
            Addresses::Denied(_) => {
                (Row::NoAddress, Class::Unusable, format!("{}: it has no address", facts.host))
            }
        };
        Some(Refusal {
            row,
            class,
            who: Who::Nobody,
            reply: Reply::new(451, Enhanced(4, 4, 3), text),
        })
    }

    /// Row 6: a host whose TLSA lookup failed must not be delivered to (D2).
    fn tlsa_failed(&self, facts: &HostFacts, records: Records) -> Option<Refusal> {
        let Records::Failed = records else { return None };
        let methods = &self.rule.methods;
        let sender = self.demand.strict().is_some_and(|tag| {
            tag.level() == TlsLevel::Secure
                || matches!(tag.proof(), Proof::Either | Proof::Dane | Proof::Both)
        });
        let objections = Objections {
            recipient: self.dest_rules(),
            site: self.rule.floor == TlsLevel::Secure && (methods.dane || methods.is_empty()),
            sender: sender.then_some(Objection::Transient),
        };
        objections.any().then(|| {
            let cause = match &facts.tlsa {
                Tlsa::Failed(f) => format!("{} lookup: {}", f.question, f.cause.as_str()),
                Tlsa::None | Tlsa::Found { .. } => "its TLSA lookup failed".to_owned(),
            };
            let who = if objections.recipient {
                Who::Recipient
            } else if self.rule.floor > TlsLevel::May {
                Who::Site
            } else {
                Who::Sender
            };
            self.transient(Row::TlsaFailed, who, &facts.host, &cause)
        })
    }

    /// Row 6a: what FD and +DNSSEC ask of this host's own records.
    fn draft_option(&self, facts: &HostFacts, records: Records) -> Option<Refusal> {
        let tag = self.demand.strict()?;
        let dane = matches!(tag.proof(), Proof::Dane | Proof::Both).then(|| {
            match (&self.facts.route, records) {
                (Route::Mx(Security::Unknown), _) => Some(Objection::Transient),
                (Route::Mx(Security::Insecure), _) => Some(Objection::Definite),
                (_, Records::None | Records::Unusable) => Some(Objection::Definite),
                (_, Records::Usable | Records::Failed) => None,
            }
        });
        let cname = match facts.cname {
            Some(Security::Insecure) if tag.dnssec() => Some(Objection::Definite),
            Some(Security::Unknown) if tag.dnssec() => Some(Objection::Transient),
            _ => None,
        };
        let (sender, code, cause) = match (cname, dane.flatten()) {
            (Some(Objection::Definite), _) => {
                (Objection::Definite, DNSSEC_NEEDED, "its name is an unsigned CNAME")
            }
            (_, Some(objection)) => {
                (objection, ENCRYPTION_NEEDED, "DANE does not vouch for it and its MX record")
            }
            (Some(objection), None) => {
                (objection, DNSSEC_NEEDED, "its name is a CNAME of unknown DNSSEC status")
            }
            (None, None) => return None,
        };
        let objections =
            Objections { sender: Some(self.demand.soften(sender)), ..Default::default() };
        Some(self.refusal(Row::DraftOption, objections, false, code, Some(&facts.host), cause))
    }

    /// Row 7: the MTA-STS policy does not have this host.
    fn other_host(
        &self,
        facts: &HostFacts,
        records: Records,
        sts: StsMatch,
        terms: &Terms,
    ) -> Option<Refusal> {
        let recipient = self.dest_rules()
            && sts == StsMatch::EnforceOther
            && !(records == Records::Usable && self.vouched_route());
        let other = matches!(sts, StsMatch::EnforceOther | StsMatch::TestingOther);
        let sender = match &self.facts.route {
            _ if !other || !self.demand.needs_vouched_path() || self.goes_on() => None,
            Route::Mx(Security::Insecure) => Some(Objection::Definite),
            Route::Mx(Security::Unknown) => Some(Objection::Transient),
            _ => None,
        };
        let objections = Objections { recipient, site: false, sender };
        objections.any().then(|| {
            let cause = "the MTA-STS policy of its domain does not name it";
            let promise = terms.promise;
            self.refusal(
                Row::StsOtherHost,
                objections,
                promise,
                ENCRYPTION_NEEDED,
                Some(&facts.host),
                cause,
            )
        })
    }

    fn refusal(
        &self,
        row: Row,
        objections: Objections,
        promise: bool,
        definite: (u16, Enhanced),
        host: Option<&Host>,
        cause: &str,
    ) -> Refusal {
        let class = objections.class(row, promise);
        let who = match class {
            Class::Committed if objections.recipient => Who::Recipient,
            Class::Committed | Class::Site if objections.site => Who::Site,
            _ => Who::Sender,
        };
        let name = host.map_or_else(|| self.next_hop.to_string(), Host::to_string);
        let (code, enhanced) =
            if class == Class::Sender { definite } else { self.demand.deferral(row) };
        let text = format!("{name}: {cause} (required by the {who})");
        Refusal { row, class, who, reply: Reply::new(code, enhanced, text) }
    }

    fn transient(&self, row: Row, who: Who, host: &Host, cause: &str) -> Refusal {
        let (code, enhanced) = self.demand.deferral(row);
        let text = format!("{host}: {cause} (required by the {who})");
        Refusal { row, class: Class::Transient, who, reply: Reply::new(code, enhanced, text) }
    }

    /// P3 applies to every tag but the downgrade ones, and not where the site has switched
    /// discovery off (D22).
    fn dest_rules(&self) -> bool {
        !self.demand.downgrade && self.rule.discovery == Discovery::On
    }

    /// P2d: whether a promise of the destination is in force.
    fn promises_hold(&self) -> bool {
        !self.demand.downgrade
            && (self.rule.discovery == Discovery::On || self.demand.level >= TlsLevel::Encrypt)
    }

    fn live_enforce(&self) -> bool {
        self.promises_hold() && self.sts_mode() == Some(Mode::Enforce)
    }

    fn sts_mode(&self) -> Option<Mode> {
        match &self.facts.sts {
            _ if self.facts.route == Route::Literal => None,
            Sts::Live { policy, .. } => Some(policy.mode()),
            Sts::None | Sts::Unknown(_) => None,
        }
    }

    /// M = S, N or C: the way to the host is vouched for, or needs no voucher (R18, R19).
    fn vouched_route(&self) -> bool {
        matches!(
            self.facts.route,
            Route::Mx(Security::Secure) | Route::Implicit(_) | Route::Configured
        )
    }
}

/// What could not be read (row 15).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// Something of ours went wrong.
    Internal,
    /// The site's rule.
    Rule,
    /// The tag.
    Tag,
}

/// P12 `local`: nothing is discovered, the endpoint is configured.
fn without_discovery(mut facts: Facts) -> Facts {
    facts.route = Route::Configured;
    facts.sts = Sts::None;
    for host in &mut facts.hosts {
        host.tlsa = Tlsa::None;
        host.cname = None;
    }
    facts
}
