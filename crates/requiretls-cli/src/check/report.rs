//! What is told about a plan, to people and to programs?

use super::found::{self, Fact};
use super::secure::{self, Half};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::facts::{Route, Security};
use requiretls_core::plan::Plan;
use requiretls_core::requirement::Requirement;
use requiretls_core::tag;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::config::{Dns, DnsMode};
use requiretls_engine::dns::Bounded;
use serde::Serialize;
use std::fmt;

/// All that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    next_hop: String,
    port: u16,
    tag: String,
    /// Whose word on DNSSEC counts.
    dnssec_by: &'static str,
    /// What leads to the hosts.
    way: Vec<Fact>,
    hosts: Vec<HostReport>,
    answer: Answer,
    #[serde(skip)]
    asked: String,
}

#[derive(Debug, Serialize)]
struct HostReport {
    host: String,
    facts: Vec<Fact>,
    /// The level that a connection must reach, and by which method; or why there is none.
    level: &'static str,
    method: &'static str,
    refused: Option<String>,
    secure: Secure,
}

/// The two halves of level secure.
#[derive(Debug, Serialize)]
struct Secure {
    way: Half,
    host: Half,
    missing: &'static str,
}

#[derive(Debug, Serialize)]
struct Answer {
    action: &'static str,
    code: u16,
    enhanced: String,
    who: &'static str,
    text: String,
}

impl Report {
    /// `strictest` is the plan for REQUIRETLS over the same facts; `kept` the policy that there was
    /// before they were looked up.
    pub(super) fn new(
        (plan, strictest): (&Plan, &Plan),
        port: u16,
        resolver: &Bounded<'_>,
        dns: &Dns,
        kept: Option<&KeptPolicy>,
    ) -> Self {
        let facts = plan.facts();
        let hosts = facts.hosts.iter().zip(plan.candidates());
        Self {
            next_hop: plan.next_hop().to_string(),
            port,
            tag: tag::write(plan.requirement()),
            dnssec_by: dnssec_by(dns, &facts.route),
            way: found::way(plan, resolver, kept),
            hosts: hosts
                .enumerate()
                .map(|(n, (host, candidate))| HostReport {
                    host: candidate.host.to_string(),
                    facts: found::of_host(host, port, resolver),
                    level: candidate.terms.level().as_str(),
                    method: candidate.terms.method(),
                    refused: candidate.refused.as_ref().map(|r| r.reply.text.clone()),
                    secure: Secure::of(strictest, n),
                })
                .collect(),
            answer: Answer::of(plan),
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

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, port {}, {}", self.next_hop, self.port, self.asked)?;
        writeln!(f, "DNSSEC: {}", self.dnssec_by)?;
        let facts = || {
            self.way
                .iter()
                .chain(self.hosts.iter().flat_map(|h| &h.facts))
        };
        let longest = facts().map(|fact| fact.source.len()).max();
        let width = longest.unwrap_or_default().max(LABEL_WIDTH);
        let mut row = |label: &str, word: &str, text: &str| {
            let line = format!("  {label:<width$}  {word:<8}  {text}");
            writeln!(f, "{}", line.trim_end())
        };
        row("", "", "")?;
        for fact in &self.way {
            row(&fact.source, fact.status, &shortened(&fact.found))?;
        }
        for host in &self.hosts {
            row("", "", "")?;
            for fact in &host.facts {
                row(&fact.source, fact.status, &shortened(&fact.found))?;
            }
            match &host.refused {
                Some(why) => row("must prove", "refused", why)?,
                None => row("must prove", host.level, by(host.level, host.method))?,
            }
            let halves = [
                ("secure: the way to it", &host.secure.way),
                ("secure: the host itself", &host.secure.host),
            ];
            for (label, half) in halves {
                let word = if half.is_there { "yes" } else { "missing" };
                row(label, word, &half.why)?;
            }
        }
        let Answer {
            action,
            code,
            enhanced,
            text,
            ..
        } = &self.answer;
        match *action {
            "go" => writeln!(f, "\n{text}"),
            "bounce" => writeln!(f, "\nwould be returned: {code} {enhanced} {text}"),
            _ => writeln!(f, "\nwould wait: {code} {enhanced} {text}"),
        }
    }
}

/// The widest label that is no fact's source.
const LABEL_WIDTH: usize = "secure: the host itself".len();

/// Nobody compares a whole digest by eye; `--json` has it.
fn shortened(found: &str) -> String {
    let short = |word: &str| match word.split_at_checked(16) {
        Some((head, rest)) if rest.len() > 16 && word.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{head}...")
        }
        _ => word.to_owned(),
    };
    found.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

fn by(level: &'static str, method: &'static str) -> &'static str {
    match (level, method) {
        ("may", _) => "nothing: TLS where it is offered",
        (_, "none") => "TLS, with any certificate",
        (_, "dane") => "TLS, by DANE",
        (_, "pkix") => "TLS, by a certificate from a known authority",
        (_, "pin") => "TLS, by a pinned key",
        (_, "dane+pkix") => "TLS, by DANE and by a certificate from a known authority",
        _ => "TLS",
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
