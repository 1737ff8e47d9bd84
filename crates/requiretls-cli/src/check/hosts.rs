//! What is known of one host?

use super::Looked;
use super::answered::word;
use super::fact::Fact;
use requiretls_core::dane::TlsaRecord;
use requiretls_core::dane::base::owner_name;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{HostFacts, Route, Security, Tlsa};
use requiretls_core::next_hop::Host;
use requiretls_core::plan::InsecureMxDane;
use requiretls_engine::dns::{Answer, Family, Found, Kind};
use std::fmt::Display;
use std::net::IpAddr;

/// Its addresses by family, the CNAME at its name, its TLSA records.
pub(super) fn facts(looked: &Looked<'_>, host: &HostFacts) -> Vec<Fact> {
    let name = match &host.host {
        Host::Name(name) => name,
        Host::Literal(address) => {
            return vec![Fact::new("address", "site", address.to_string())];
        }
        Host::Socket(path) => return vec![Fact::new("socket", "site", path.clone())],
    };
    let answered = &looked.answered;
    let families = || answered.families.iter().copied();
    let questions: Vec<_> = families()
        .map(|family| (name.clone(), Kind::Addresses(family)))
        .collect();
    answered.ahead(&questions);
    let answers: Vec<_> = families()
        .map(|family| (family, answered.addresses(name, family)))
        .collect();
    let best = answers
        .iter()
        .filter_map(|(_, answer)| answer.as_ref().ok())
        .filter(|answer| matches!(answer.found, Found::Records(_)))
        .max_by_key(|answer| answer.security == Security::Secure)
        .cloned();
    let failed = answers.iter().any(|(_, answer)| answer.is_err());
    let found = answers
        .iter()
        .any(|(_, answer)| answer.as_ref().is_ok_and(is_there));
    let mut facts: Vec<Fact> = alias(looked, host, name, best.as_ref())
        .into_iter()
        .collect();
    for (family, answer) in answers {
        let (word, of) = match family {
            Family::Ipv4 => ("A", "IPv4"),
            Family::Ipv6 => ("AAAA", "IPv6"),
        };
        let is_failed = answer.is_err();
        let kind = Kind::Addresses(family);
        let mut fact = answered.fact(word, (name, kind), answer, list);
        if is_failed && failed && found {
            fact.found = format!(
                "{}: {of} is not used, the other family is enough",
                fact.found
            );
        }
        facts.push(fact);
    }
    facts.push(tlsa(looked, host, name, best.as_ref()));
    facts
}

fn is_there(answer: &Answer<IpAddr>) -> bool {
    matches!(answer.found, Found::Records(_))
}

fn alias(
    looked: &Looked<'_>,
    host: &HostFacts,
    name: &Domain,
    best: Option<&Answer<IpAddr>>,
) -> Option<Fact> {
    let security = host.cname?;
    let target = best.and_then(Answer::expanded);
    let target = target.map_or("another name".to_owned(), Domain::to_string);
    let fact = Fact::new("CNAME", word(security), format!("an alias of {target}"));
    let server = looked
        .answered
        .dns()
        .told_by(name, Kind::Addresses(Family::Ipv4));
    Some(match server {
        Some(server) => fact.from(server.to_string()),
        None => fact,
    })
}

fn tlsa(
    looked: &Looked<'_>,
    host: &HostFacts,
    name: &Domain,
    best: Option<&Answer<IpAddr>>,
) -> Fact {
    let port = looked.port;
    let label = |base: &Domain| {
        if base == name {
            format!("TLSA _{port}._tcp")
        } else {
            format!("TLSA _{port}._tcp.{base}")
        }
    };
    let base = match &host.tlsa {
        Tlsa::Found { base, .. } => base,
        Tlsa::Failed(failure) => {
            let named = failure.question.split(' ').nth(1);
            let own = owner_name(port, name);
            let is_own = own.is_some_and(|own| named == Some(own.as_str()));
            let what = if is_own {
                label(name)
            } else {
                failure.question.clone()
            };
            return Fact::new(what, "failed", failure.cause.as_str());
        }
        Tlsa::None => match best {
            None => return Fact::new(label(name), "not asked", "there is no address"),
            Some(best) if best.security != Security::Secure => {
                let why = "no address is signed, so no TLSA record would count (RFC 7672 2.2.2)";
                return Fact::new(label(name), "not asked", why);
            }
            Some(best) => match turned_off(looked) {
                Some(why) => return Fact::new(label(name), "not asked", why),
                None => best.expanded().unwrap_or(name),
            },
        },
    };
    let Some(owner) = owner_name(port, base) else {
        return Fact::new(label(base), "not asked", "the name would be too long");
    };
    let answer = looked.answered.dns().tlsa(&owner);
    let is_counted = matches!(host.tlsa, Tlsa::Found { .. });
    let told = |records: &[TlsaRecord]| {
        let records = records.iter().map(record).collect::<Vec<_>>().join(", ");
        if is_counted {
            records
        } else {
            format!("{records}: do not count, since they are not signed")
        }
    };
    looked
        .answered
        .fact(label(base), (&owner, Kind::Tlsa), answer, told)
}

/// P2b, P12: by whose word TLSA records are not looked up.
fn turned_off(looked: &Looked<'_>) -> Option<&'static str> {
    let settings = looked.config.sending.settings;
    let insecure = looked.plan.facts().route == Route::Mx(Security::Insecure);
    if looked.rule.hop.is_local() {
        Some("the site's rule names a local endpoint")
    } else if insecure && settings.insecure_mx_dane == InsecureMxDane::May {
        Some("insecure_mx_dane = \"may\", and the MX records are not signed")
    } else {
        None
    }
}

fn record(record: &TlsaRecord) -> String {
    match record.usability() {
        Ok(()) => record.to_string(),
        Err(why) => format!("{record} (unusable: {why})"),
    }
}

fn list<T: Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}
