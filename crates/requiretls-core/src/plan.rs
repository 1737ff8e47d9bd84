//! Which hosts may be tried, and what must each of them prove?
//!
//! A plan is made once per message and next hop, from the requirement, the site's rule and the
//! facts. It settles what needs no connection: rows 15 and 1 to 4 for the next hop as a whole,
//! rows 5 to 7 for each host (P5), and for every host left the level and methods that the
//! destination (P3), the site (P8) and the tag (P4, P4a, P12) ask for, each by itself.

mod demand;
mod host_rows;
mod next_hop_rows;
mod terms;
mod told;

pub use demand::{InsecureMxDane, Message, Settings};
pub use terms::Terms;
pub use told::PolicyType;

use crate::decision::{
    Class, Grounds, INTERNAL, Objection, Objections, RULE_UNREADABLE, Refusal, Row, Who,
};
use crate::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use crate::mta_sts::Mode;
use crate::next_hop::{Host, NextHop};
use crate::reply::{Enhanced, Reply};
use crate::requirement::Requirement;
use crate::site_policy::{Discovery, Key, Rule};
use crate::tls_level::TlsLevel;
use demand::Demand;
use std::net::IpAddr;
use std::sync::Arc;
pub(crate) use terms::{OwnRow, Records, Side, StsMatch};

/// What may be done with one message at one next hop.
#[derive(Clone, Debug)]
pub struct Plan {
    next_hop: NextHop,
    message: Message,
    rule: Rule,
    rule_key: Option<Key>,
    settings: Settings,
    demand: Demand,
    facts: Arc<Facts>,
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
    /// Judges the facts for one message; several plans may share them.
    #[must_use]
    pub fn new(
        next_hop: NextHop,
        message: Message,
        rule: Rule,
        settings: Settings,
        facts: impl Into<Arc<Facts>>,
    ) -> Self {
        let demand = Demand::on_this_hop(message, &rule, settings);
        let mut facts = facts.into();
        if demand.hop.is_local() {
            drop_discovery(Arc::make_mut(&mut facts));
        }
        let mut plan = Self {
            next_hop,
            message,
            rule,
            rule_key: None,
            settings,
            demand,
            facts,
            candidates: Vec::new(),
            refused: None,
        };
        plan.refused = plan.judge_next_hop();
        plan.candidates = plan
            .facts
            .hosts
            .iter()
            .map(|host| plan.candidate(host))
            .collect();
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
            message: Message::default(),
            rule: Rule::default(),
            rule_key: None,
            settings: Settings::default(),
            demand: Demand::default(),
            facts: Arc::new(Facts {
                route: Route::Configured,
                expanded: None,
                hosts: Vec::new(),
                sts: Sts::None,
                expires: None,
            }),
            candidates: Vec::new(),
            refused: Some(Refusal {
                row: Row::Unreadable,
                class: Class::Transient,
                who: Who::Nobody,
                reply: Reply::new(code, enhanced, sentence),
            }),
        }
    }

    /// The same plan with the key of the site's rule, as [`crate::site_policy::Rules::key`] tells
    /// it, for the log (P12).
    #[must_use]
    pub fn under(self, rule_key: Option<Key>) -> Self {
        Self { rule_key, ..self }
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

    /// The same, for a further plan.
    #[must_use]
    pub fn shared_facts(&self) -> Arc<Facts> {
        Arc::clone(&self.facts)
    }

    /// The site's rule for this next hop.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The key under which the site has that rule; `None`: a preset, the defaults, or not told.
    #[must_use]
    pub fn rule_key(&self) -> Option<&Key> {
        self.rule_key.as_ref()
    }

    /// The message that the plan is for.
    #[must_use]
    pub fn message(&self) -> Message {
        self.message
    }

    /// The site's settings for all next hops.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// What the sender asked.
    #[must_use]
    pub fn requirement(&self) -> Requirement {
        self.demand.requirement
    }

    /// Whether the hop mode or the null path asks less than the tag does by itself (P12).
    #[must_use]
    pub fn is_relaxed(&self) -> bool {
        self.demand.requirement.requiring().is_some()
            && (self.demand.strict().is_none() || self.demand.null_path)
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
        let mut candidate = self.candidate(&facts);
        let allowed = candidate.refused.is_none() && candidate.terms.level() == TlsLevel::May;
        // The tag's own row would not have it (P12: evaluated for the log).
        candidate.terms.own_row = self.own_row_plan().map(|own| own.own_row_of(&facts, true));
        allowed.then_some(candidate)
    }

    /// P5: the code of a deferral for lack of protection.
    pub(crate) fn deferral(&self) -> (u16, Enhanced) {
        self.demand.deferral(Row::Path)
    }

    /// P12: what the tag's own row would have asked, so that a relaxed use can be logged.
    fn note_own_row(&mut self) {
        let Some(own) = self.own_row_plan() else {
            return;
        };
        let path_unmet = own.judge_next_hop().is_some();
        for (candidate, facts) in self.candidates.iter_mut().zip(&own.facts.hosts) {
            candidate.terms.own_row = Some(own.own_row_of(facts, path_unmet));
        }
    }

    /// This plan with the tag as its own row has it, where the hop mode or the null path asks less.
    fn own_row_plan(&self) -> Option<Self> {
        Some(Self {
            demand: self.demand.own_row()?,
            ..self.clone()
        })
    }

    fn own_row_of(&self, facts: &HostFacts, path_unmet: bool) -> OwnRow {
        let candidate = self.candidate(facts);
        let path_unmet = path_unmet || candidate.refused.is_some();
        let judged = match self.facts.route {
            Route::Mx(Security::Insecure | Security::Unknown) if path_unmet => {
                self.as_if_vouched().candidate(facts)
            }
            _ => candidate,
        };
        OwnRow {
            path_unmet,
            need: judged.terms.sender.need,
            onward: self.demand.needs_requiretls(),
        }
    }

    /// A path that nothing vouches for is one half (`unmet=mx`); whether the chain is the other
    /// is judged as though the MX records were signed.
    fn as_if_vouched(&self) -> Self {
        let mut vouched = self.clone();
        Arc::make_mut(&mut vouched.facts).route = Route::Mx(Security::Secure);
        vouched
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

    /// The tag's objection alone, to the next hop or one of its hosts.
    fn sender_refuses(&self, row: Row, objection: Objection, definite: (u16, Enhanced)) -> Grounds {
        let sender = Some(self.demand.soften(objection));
        self.grounds(
            row,
            Objections {
                sender,
                ..Objections::default()
            },
            definite,
        )
    }

    fn grounds(&self, row: Row, objections: Objections, definite: (u16, Enhanced)) -> Grounds {
        Grounds {
            row,
            objections,
            promise: false,
            definite,
            deferral: self.demand.deferral(row),
            transient_who: Who::Sender,
        }
    }

    /// P3 applies to every tag but the downgrade ones, and not where the site has switched
    /// discovery off (D22).
    fn dest_rules(&self) -> bool {
        !self.demand.is_downgrade() && self.rule.discovery == Discovery::On
    }

    /// P2d: whether a promise of the destination is in force.
    fn promises_hold(&self) -> bool {
        !self.demand.is_downgrade()
            && (self.rule.discovery == Discovery::On || self.demand.level >= TlsLevel::Encrypt)
    }

    /// S20: whether the MTA-STS policy is to be fetched again before this plan is followed,
    /// because a host is refused that it does not name (row 7) and it was not fetched just now. A
    /// plan made from what the fetch has found, or from the old policy where it failed, counts.
    #[must_use]
    pub fn wants_recheck(&self) -> bool {
        let row_7 = |refusal: &Refusal| refusal.row == Row::StsOtherHost;
        self.rests_on_unchecked_sts()
            && self
                .candidates
                .iter()
                .any(|c| c.refused.as_ref().is_some_and(row_7))
    }

    /// Whether an MTA-STS policy took part in this plan's decisions that may have changed (S20).
    pub(crate) fn rests_on_unchecked_sts(&self) -> bool {
        let unchecked = matches!(self.facts.sts, Sts::Live { checked: false, .. });
        unchecked && self.promises_hold() && self.sts_mode().is_some()
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
    pub(crate) fn vouched_route(&self) -> bool {
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
fn drop_discovery(facts: &mut Facts) {
    facts.route = Route::Configured;
    facts.sts = Sts::None;
    for host in &mut facts.hosts {
        host.tlsa = Tlsa::None;
        host.cname = None;
    }
}

#[cfg(test)]
mod tests;
