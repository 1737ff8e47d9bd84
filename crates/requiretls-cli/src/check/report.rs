//! What is told about a plan, to people and to programs?

use super::secure::{self, Half};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Addresses, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::mta_sts::{Mode, record_name};
use requiretls_core::plan::Plan;
use requiretls_core::requirement::Requirement;
use requiretls_core::tag;
use requiretls_engine::config::{Dns, DnsMode};
use requiretls_engine::dns::{Bounded, Found};
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

/// One thing that was found out.
#[derive(Debug, Serialize)]
struct Fact {
    /// What was asked, and where.
    source: String,
    /// DNSSEC's word on it, or how it was had.
    status: &'static str,
    found: String,
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
    /// `strictest` is the plan for REQUIRETLS over the same facts.
    pub(super) fn new(
        plan: &Plan,
        strictest: &Plan,
        port: u16,
        resolver: &Bounded<'_>,
        dns: &Dns,
    ) -> Self {
        let facts = plan.facts();
        let hosts = facts.hosts.iter().zip(plan.candidates());
        Self {
            next_hop: plan.next_hop().to_string(),
            port,
            tag: tag::write(plan.requirement()),
            dnssec_by: dnssec_by(dns, &facts.route),
            way: way(plan, resolver),
            hosts: hosts
                .enumerate()
                .map(|(n, (host, candidate))| HostReport {
                    host: candidate.host.to_string(),
                    facts: host_facts(host, port, resolver),
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

fn way(plan: &Plan, resolver: &Bounded<'_>) -> Vec<Fact> {
    let facts = plan.facts();
    let next_hop = plan.next_hop();
    let fact = |source: String, status, found: String| Fact {
        source,
        status,
        found,
    };
    let mx = || format!("MX {next_hop}");
    let hosts = facts.hosts.len();
    let route = match &facts.route {
        Route::Mx(security) => fact(mx(), word(*security), count(hosts, "host")),
        Route::Implicit(security) => {
            let found = "none: the domain is the host".to_owned();
            fact(mx(), word(*security), found)
        }
        Route::Configured => fact("configuration".to_owned(), "site", count(hosts, "host")),
        Route::Literal => fact("the next hop".to_owned(), "site", "an address".to_owned()),
        Route::Failed(failure) => fact(mx(), "failed", failure.cause.as_str().to_owned()),
        Route::NullMx(security) => fact(
            mx(),
            word(*security),
            "null MX: it takes no mail".to_owned(),
        ),
        Route::NoDomain(security) => {
            fact(mx(), word(*security), "there is no such domain".to_owned())
        }
    };
    let mut way = vec![route];
    let is_there = !matches!(
        facts.route,
        Route::Failed(_) | Route::NullMx(_) | Route::NoDomain(_) | Route::Literal
    );
    if let Some(domain) = policy_domain(plan).filter(|_| is_there) {
        way.extend(record_name(domain).map(|name| announcement(&name, resolver)));
        way.extend(policy(&facts.sts, domain));
    }
    way
}

/// P2c: the next-hop domain; of configured hosts the first that has a name.
fn policy_domain(plan: &Plan) -> Option<&Domain> {
    match plan.facts().route {
        Route::Configured => plan.facts().hosts.iter().find_map(|h| h.host.name()),
        _ => plan.next_hop().domain(),
    }
}

/// The TXT record.
fn announcement(name: &Domain, resolver: &Bounded<'_>) -> Fact {
    let (status, found) = match resolver.txt(name) {
        Err(failure) => ("failed", failure.cause.as_str().to_owned()),
        Ok(answer) => {
            let found = match answer.found {
                Found::Records(texts) => texts
                    .iter()
                    .map(|text| text.escape_ascii().to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
                Found::NoData | Found::NoDomain => "none".to_owned(),
            };
            (word(answer.security), found)
        }
    };
    Fact {
        source: format!("TXT {name}"),
        status,
        found,
    }
}

/// The policy behind it.
fn policy(sts: &Sts, domain: &Domain) -> Option<Fact> {
    let source = format!("https://mta-sts.{domain}");
    let (status, found) = match sts {
        Sts::None => return None,
        Sts::Unknown(failure) => ("failed", failure.question.clone()),
        Sts::Live { policy, .. } => {
            let names = policy.mx().collect::<Vec<_>>().join(", ");
            ("HTTPS", format!("mode {}, mx {names}", mode(policy.mode())))
        }
    };
    Some(Fact {
        source,
        status,
        found,
    })
}

fn host_facts(host: &HostFacts, port: u16, resolver: &Bounded<'_>) -> Vec<Fact> {
    let name = host.host.name();
    let addresses = match &host.addresses {
        Addresses::Found(found) => {
            let security = name.and_then(|name| address_security(name, resolver));
            let list: Vec<String> = found.iter().map(ToString::to_string).collect();
            (security.map_or("site", word), list.join(", "))
        }
        Addresses::Denied(security) => (word(*security), "none".to_owned()),
        Addresses::Failed(failure) => ("failed", failure.cause.as_str().to_owned()),
    };
    let Some(name) = name else {
        return Vec::new();
    };
    let (status, found) = addresses;
    let mut facts = vec![Fact {
        source: format!("A, AAAA {name}"),
        status,
        found,
    }];
    if let Some(security) = host.cname {
        facts.push(Fact {
            source: format!("CNAME {name}"),
            status: word(security),
            found: "an alias".to_owned(),
        });
    }
    let (source, status, found) = match &host.tlsa {
        Tlsa::None => (
            format!("TLSA _{port}._tcp.{name}"),
            "-",
            "none that counts".to_owned(),
        ),
        Tlsa::Failed(failure) => (
            failure.question.clone(),
            "failed",
            failure.cause.as_str().to_owned(),
        ),
        Tlsa::Found { base, records } => {
            let list: Vec<String> = records.iter().map(record).collect();
            (
                format!("TLSA _{port}._tcp.{base}"),
                "signed",
                list.join(", "),
            )
        }
    };
    facts.push(Fact {
        source,
        status,
        found,
    });
    facts
}

/// As in RFC 7672 section 2.2.2: signed where one family is.
fn address_security(name: &Domain, resolver: &Bounded<'_>) -> Option<Security> {
    use requiretls_engine::dns::Family;
    let families = [Family::Ipv4, Family::Ipv6];
    let statuses = families.map(|family| {
        let answer = resolver.addresses(name, family).ok()?;
        matches!(answer.found, Found::Records(_)).then_some(answer.security)
    });
    let found: Vec<Security> = statuses.into_iter().flatten().collect();
    let best = found.iter().find(|s| **s == Security::Secure);
    best.or(found.first()).copied()
}

fn record(record: &TlsaRecord) -> String {
    match record.usability() {
        Ok(()) => record.to_string(),
        Err(_) => format!("{record} (unusable)"),
    }
}

fn count(n: usize, what: &str) -> String {
    let ending = if n == 1 { "" } else { "s" };
    format!("{n} {what}{ending}")
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::None => "none",
        Mode::Testing => "testing",
    }
}

fn word(security: Security) -> &'static str {
    match security {
        Security::Secure => "signed",
        Security::Insecure => "unsigned",
        Security::Unknown => "unknown",
    }
}
