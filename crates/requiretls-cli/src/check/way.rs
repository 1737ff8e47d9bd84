//! What leads to the hosts?

use super::Looked;
use super::answered::word;
use super::fact::Fact;
use requiretls_core::domain::Domain;
use requiretls_core::facts::Route;
use requiretls_core::mta_sts::record_name;
use requiretls_engine::dns::{Exchange, Kind, Mx};

/// The MX records or what takes their place.
pub(super) fn route(looked: &Looked<'_>) -> Vec<Fact> {
    let plan = &looked.plan;
    let facts = plan.facts();
    match (&facts.route, plan.next_hop().domain()) {
        (Route::Configured, _) => vec![configured(looked)],
        (Route::Literal, _) | (_, None) => {
            let found = "the next hop is an address: nothing is looked up";
            vec![Fact::new("hosts", "site", found)]
        }
        (route, Some(domain)) => by_mx(looked, route, domain),
    }
}

fn by_mx(looked: &Looked<'_>, route: &Route, domain: &Domain) -> Vec<Fact> {
    let answered = &looked.answered;
    let mut questions = vec![(domain.clone(), Kind::Mx)];
    questions.extend(record_name(domain).map(|name| (name, Kind::Txt)));
    answered.ahead(&questions);
    let answer = answered.dns().mx(domain);
    let chain = answer
        .as_ref()
        .map_or_else(|_| Vec::new(), |answer| answer.chain.clone());
    let mut fact = answered.fact("MX", (domain, Kind::Mx), answer, hosts);
    // What the plan rests on is told, should the answer have changed since.
    match route {
        Route::Implicit(_) => "none: the domain is the host".clone_into(&mut fact.found),
        Route::NullMx(_) => "null MX: the domain takes no mail".clone_into(&mut fact.found),
        Route::NoDomain(_) => "there is no such domain".clone_into(&mut fact.found),
        _ => {}
    }
    let alias = chain.last().map(|target| {
        let target = target.as_ref().map_or("what is no name", Domain::as_str);
        let link = answered.dns().cname(domain);
        let status = link.map_or("failed", |answer| word(answer.security));
        Fact::new("CNAME", status, format!("an alias of {target}"))
    });
    alias.into_iter().chain([fact]).collect()
}

/// Best first.
fn hosts(records: &[Mx]) -> String {
    let mut records: Vec<(u16, String)> = records
        .iter()
        .map(|mx| {
            let host = match &mx.exchange {
                Exchange::Host(host) => host.to_string(),
                Exchange::Unusable(what) => format!("{what} (no host name)"),
                Exchange::Null => "none (null MX)".to_owned(),
            };
            (mx.preference, host)
        })
        .collect();
    records.sort();
    let told = records
        .iter()
        .map(|(preference, host)| format!("{host} ({preference})"));
    told.collect::<Vec<_>>().join(", ")
}

/// The line of the site's own rule.
fn configured(looked: &Looked<'_>) -> Fact {
    let hosts = looked.plan.facts().hosts.iter();
    let hosts: Vec<String> = hosts.map(|host| host.host.to_string()).collect();
    let key = looked.config.rules.key(looked.plan.next_hop());
    let rule = key.and_then(|key| looked.written.rule(&key));
    let place = rule.and_then(|rule| rule.setting("smarthost"));
    let fact = Fact::new("hosts", "site", hosts.join(", "));
    match place {
        Some(place) => fact.from(place.to_string()),
        None => fact.from("the site's routing"),
    }
}

/// The record that announces a policy.
pub(super) fn announcement(looked: &Looked<'_>, domain: &Domain) -> Option<Fact> {
    let name = record_name(domain)?;
    let answered = &looked.answered;
    let answer = answered.dns().txt(&name);
    let told = |texts: &[Vec<u8>]| {
        let texts = texts.iter().map(|text| text.escape_ascii().to_string());
        texts.collect::<Vec<_>>().join(", ")
    };
    Some(answered.fact("TXT _mta-sts", (&name, Kind::Txt), answer, told))
}
