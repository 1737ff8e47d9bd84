//! What was found out, and how sure is it?
//!
//! Facts do not keep the status of every answer; where they do not, the resolver is asked once
//! more.

use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Addresses, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::mta_sts::{Policy, record_name};
use requiretls_core::plan::Plan;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::dns::{Bounded, Family, Found};
use serde::Serialize;

/// One thing that was found out.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    /// What was asked, and where.
    pub(super) source: String,
    /// DNSSEC's word on it, or how it was had.
    pub(super) status: &'static str,
    pub(super) found: String,
}

/// What leads to the hosts.
pub(super) fn way(plan: &Plan, resolver: &Bounded<'_>, kept: Option<&KeptPolicy>) -> Vec<Fact> {
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
        way.extend(kept.map(|kept| of_before(kept, domain)));
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

/// The policy that was kept: what messages were judged by until now.
fn of_before(kept: &KeptPolicy, domain: &Domain) -> Fact {
    Fact {
        source: format!("cache: policy of {domain}"),
        status: "kept",
        found: format!("id {}, {}", kept.id, mode_and_mx(&kept.policy)),
    }
}

/// The policy behind it.
fn policy(sts: &Sts, domain: &Domain) -> Option<Fact> {
    let source = format!("https://mta-sts.{domain}");
    let (status, found) = match sts {
        Sts::None => return None,
        Sts::Unknown(failure) => ("failed", failure.question.clone()),
        Sts::Live { policy, .. } => ("HTTPS", mode_and_mx(policy)),
    };
    Some(Fact {
        source,
        status,
        found,
    })
}

/// What is known of one host.
pub(super) fn of_host(host: &HostFacts, port: u16, resolver: &Bounded<'_>) -> Vec<Fact> {
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

fn mode_and_mx(policy: &Policy) -> String {
    let names = policy.mx().collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() {
        names
    } else {
        format!(", mx {names}")
    };
    format!("mode {}{names}", policy.mode())
}

fn word(security: Security) -> &'static str {
    match security {
        Security::Secure => "signed",
        Security::Insecure => "unsigned",
        Security::Unknown => "unknown",
    }
}
