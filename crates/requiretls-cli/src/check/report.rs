//! What is told about a plan, to people and to programs?

use super::fact::Fact;
use super::secure::{self, Half};
use super::{Looked, hosts, policy, servers, way};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::facts::{Route, Security};
use requiretls_core::plan::Plan;
use requiretls_core::requirement::Requirement;
use requiretls_core::tag;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::config::{Dns, DnsMode};
use serde::Serialize;

/// All that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) next_hop: String,
    pub(super) port: u16,
    tag: String,
    /// Whose word on DNSSEC counts.
    pub(super) dnssec_by: &'static str,
    /// The name servers.
    pub(super) servers: Vec<Fact>,
    /// What leads to the hosts.
    pub(super) way: Vec<Fact>,
    pub(super) hosts: Vec<HostReport>,
    pub(super) answer: Answer,
    /// For how many seconds all of it holds; none: nothing of it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holds: Option<u64>,
    #[serde(skip)]
    pub(super) asked: String,
}

#[derive(Debug, Serialize)]
pub(super) struct HostReport {
    pub(super) host: String,
    pub(super) facts: Vec<Fact>,
    /// The level that a connection must reach, and by which method; or why there is none.
    pub(super) level: &'static str,
    pub(super) method: &'static str,
    pub(super) refused: Option<String>,
    pub(super) secure: Secure,
}

/// The two halves of level secure.
#[derive(Debug, Serialize)]
pub(super) struct Secure {
    pub(super) way: Half,
    pub(super) host: Half,
    pub(super) missing: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) action: &'static str,
    pub(super) code: u16,
    pub(super) enhanced: String,
    who: &'static str,
    pub(super) text: String,
}

impl Report {
    /// `kept` is the policy that there was before the lookup, which began at `begin`.
    pub(super) fn new(looked: &Looked<'_>, kept: Option<&KeptPolicy>, begin: u64) -> Self {
        let plan = &looked.plan;
        let facts = plan.facts();
        let mut way = way::route(looked);
        let is_there = !matches!(
            facts.route,
            Route::Failed(_) | Route::NullMx(_) | Route::NoDomain(_) | Route::Literal
        );
        if let Some(domain) = plan.sts_domain().filter(|_| is_there) {
            way.extend(way::announcement(looked, domain));
            way.extend(policy::facts(looked, domain, kept, begin));
        }
        let now = looked.discovery.clock().now().unwrap_or_default();
        Self {
            next_hop: plan.next_hop().to_string(),
            port: looked.port,
            tag: tag::write(plan.requirement()),
            dnssec_by: dnssec_by(&looked.config.dns, &facts.route),
            servers: servers::facts(looked),
            way,
            hosts: facts
                .hosts
                .iter()
                .zip(plan.candidates())
                .enumerate()
                .map(|(n, (host, candidate))| HostReport {
                    host: candidate.host.to_string(),
                    facts: hosts::facts(looked, host),
                    level: candidate.terms.level().as_str(),
                    method: candidate.terms.method(),
                    refused: candidate.refused.as_ref().map(|r| r.reply.text.clone()),
                    secure: Secure::of(&looked.strictest, n),
                })
                .collect(),
            answer: Answer::of(plan),
            holds: facts.expires.map(|end| end.saturating_sub(now)),
            asked: asked(plan.requirement()),
        }
    }

    pub(super) fn action(&self) -> &'static str {
        self.answer.action
    }
}

impl Secure {
    fn of(strictest: &Plan, n: usize) -> Self {
        let (way, host) = (secure::way(strictest, n), secure::host(strictest, n));
        let missing = match (way.is_there, host.is_there) {
            (true, true) => "nothing",
            (false, true) => "the way",
            (true, false) => "the host",
            (false, false) => "both",
        };
        Self { way, host, missing }
    }
}

impl Answer {
    fn of(plan: &Plan) -> Self {
        let may_try = plan.candidates().iter().any(|c| c.refused.is_none());
        let verdict = Delivery::new(plan.clone()).outcome();
        if plan.refused().is_none() && may_try {
            return Self {
                action: "go",
                code: 250,
                enhanced: "2.0.0".to_owned(),
                who: "nobody",
                text: "may go, as far as is known before connecting".to_owned(),
            };
        }
        let action = match verdict.action {
            Action::Bounce => "bounce",
            _ => "defer",
        };
        Self {
            action,
            code: verdict.reply.code,
            enhanced: verdict.reply.enhanced.to_string(),
            who: verdict.who.as_str(),
            text: verdict.reply.text.clone(),
        }
    }
}

fn asked(requirement: Requirement) -> String {
    match requirement {
        Requirement::None => "a message that asks for nothing".to_owned(),
        other => format!(
            "a message with tag {} ({})",
            tag::write(other),
            tag::word(other)
        ),
    }
}

fn dnssec_by(dns: &Dns, route: &Route) -> &'static str {
    match (&dns.mode, route) {
        (_, Route::Mx(Security::Unknown) | Route::Implicit(Security::Unknown)) => {
            "nobody whom we trust validates"
        }
        (DnsMode::Validate(_), _) => "validated here, from our own trust anchor",
        (DnsMode::Auto | DnsMode::Ad, _) => "by the resolver's word (AD)",
    }
}
