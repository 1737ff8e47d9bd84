//! What do answers and failed lookups mean for the plan?

use requiretls_core::authenticate::{Reference, Site};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::dane::base::{self, Alias};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Sts, Tlsa,
};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::reply::Enhanced;
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;
use std::net::IpAddr;

pub(crate) fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

pub(crate) fn host(name: &str, tlsa: Tlsa) -> HostFacts {
    HostFacts {
        host: Host::Name(domain(name)),
        addresses: Addresses::Found(vec!["192.0.2.1".parse().unwrap()]),
        cname: None,
        tlsa,
    }
}

pub(crate) fn facts(route: Route, host: HostFacts, sts: Sts) -> Facts {
    Facts {
        route,
        expanded: None,
        hosts: vec![host],
        sts,
        expires: None,
    }
}

pub(crate) fn plan(word: &str, facts: Facts) -> Plan {
    let message = Message {
        requirement: tag::parse_word(word).unwrap(),
        ..Message::default()
    };
    let next_hop = NextHop::parse("d.test").unwrap();
    Plan::new(
        next_hop,
        message,
        Rule::default(),
        Settings::default(),
        facts,
    )
}

fn failed(cause: LookupCause, question: &str) -> LookupFailure {
    LookupFailure {
        cause,
        question: question.to_owned(),
    }
}

const CAUSES: [(&str, LookupCause); 5] = [
    ("SERVFAIL", LookupCause::ServFail),
    ("timed out", LookupCause::Timeout),
    ("refused by the resolver", LookupCause::Refused),
    ("malformed answer", LookupCause::Malformed),
    ("DNSSEC validation failed", LookupCause::Bogus),
];

/// Reports 20, 34, 49: a TLSA lookup that fails is never "no TLSA".
#[test]
fn a_failed_tlsa_lookup_defers() {
    let question = "TLSA _25._tcp.mx.d.test";
    for (label, word, code) in [
        ("field report 34, untagged", "none", Enhanced(4, 7, 5)),
        ("field report 20, R", "R", Enhanced(4, 7, 10)),
        ("field report 49, LE", "LE", Enhanced(4, 7, 10)),
    ] {
        for (sentence, cause) in CAUSES {
            let tlsa = Tlsa::Failed(failed(cause, question));
            let route = Route::Mx(Security::Secure);
            let plan = plan(word, facts(route, host("mx.d.test", tlsa), Sts::None));
            let mut delivery = Delivery::new(plan);
            let none = delivery.next_host_to_try().is_err();
            assert!(
                none,
                "{label}, {sentence}: no connection, so nothing in clear"
            );
            let outcome = delivery.outcome();
            assert_eq!(outcome.action, Action::Defer, "{label}, {sentence}");
            assert_eq!(outcome.reply.enhanced, code, "{label}, {sentence}");
            let text = &outcome.reply.text;
            let says = text.contains(question) && text.contains(sentence);
            assert!(says, "{label}, {sentence}: {text}");
        }
    }
}

/// Reports 7 and 8: what could not be told is temporary, with its name and type; nothing is weakened.
#[test]
fn a_failed_mx_lookup_defers() {
    for (label, word) in [
        ("field report 8, untagged", "none"),
        ("field report 8, H", "H"),
        ("field report 7, R", "R"),
    ] {
        for (sentence, cause) in CAUSES {
            let route = Route::Failed(failed(cause, "MX d.test"));
            let facts = Facts {
                hosts: Vec::new(),
                ..facts(route, host("mx.d.test", Tlsa::None), Sts::None)
            };
            let outcome = Delivery::new(plan(word, facts)).outcome();
            assert_eq!(outcome.action, Action::Defer, "{label}, {sentence}");
            assert_eq!(
                outcome.reply.enhanced,
                Enhanced(4, 4, 3),
                "{label}, {sentence}"
            );
            let text = &outcome.reply.text;
            let says = text.contains("MX d.test") && text.contains(sentence);
            assert!(says, "{label}, {sentence}: {text}");
        }
    }
}

type Families<'a> = &'a [Option<Security>];

#[test]
fn where_tlsa_records_are_looked_for() {
    use Security::{Insecure, Secure};
    let mx = domain("mx.d.test");
    let alias = |initial| Alias {
        initial,
        expanded: domain("host.far.test"),
    };
    #[rustfmt::skip]
    let rows: [(&str, Families, Option<Alias>, &[&str]); 8] = [
        ("field report 4, AAAA fails", &[Some(Secure), None], None, &["mx.d.test"]),
        ("field report 31, AAAA denial bogus", &[Some(Secure), None], None, &["mx.d.test"]),
        ("field report 32, insecure host: not asked", &[Some(Insecure), Some(Insecure)], None, &[]),
        ("field report 37, IPv6 alone", &[None, Some(Secure)], None, &["mx.d.test"]),
        ("field report 44, alias, all secure: the target first", &[Some(Secure)], Some(alias(Secure)), &["host.far.test", "mx.d.test"]),
        ("field report 44, alias secure, target not", &[Some(Insecure)], Some(alias(Secure)), &["mx.d.test"]),
        ("field report 44, alias not secure", &[Some(Insecure)], Some(alias(Insecure)), &[]),
        ("field report 19, the domain itself", &[Some(Secure)], None, &["mx.d.test"]),
    ];
    for (label, families, alias, expected) in rows {
        let security = base::address_security(families).unwrap();
        let names = base::candidates(&mx, security, alias.as_ref());
        let names: Vec<&str> = names.iter().map(Domain::as_str).collect();
        assert_eq!(names, expected, "{label}");
    }
    let owner = base::owner_name(25, &domain("d.test")).unwrap();
    assert_eq!(owner.as_str(), "_25._tcp.d.test", "field report 19");
}

#[test]
fn a_host_with_ipv6_alone_is_tried() {
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    let only_ipv6 = HostFacts {
        addresses: Addresses::Found(vec![address]),
        ..host("mx.d.test", Tlsa::None)
    };
    let facts = facts(Route::Mx(Security::Insecure), only_ipv6, Sts::None);
    let mut delivery = Delivery::new(plan("none", facts));
    let candidate = delivery.next_host_to_try().expect("field report 37");
    assert_eq!(candidate.addresses, [address], "field report 37");
}

/// The names that DANE looks for are those of the configured host, or of the domain itself.
#[test]
fn dane_without_mx_records() {
    let record = TlsaRecord {
        usage: 3,
        selector: 1,
        matching: 1,
        data: vec![7; 32],
    };
    for (label, route, name) in [
        (
            "field report 35, a configured name",
            Route::Configured,
            "relay.test",
        ),
        (
            "field report 19, implicit MX",
            Route::Implicit(Security::Secure),
            "d.test",
        ),
    ] {
        let tlsa = Tlsa::Found {
            base: domain(name),
            records: vec![record.clone()],
        };
        let plan = plan("none", facts(route, host(name, tlsa), Sts::None));
        let candidate = plan.candidates().first().unwrap();
        assert_eq!(candidate.terms.method(), "dane", "{label}");
        let sni = plan.sni(candidate).map(Domain::as_str);
        assert_eq!(sni, Some(name), "{label}");
        let reference: Reference = plan.reference(candidate, Site::default()).unwrap();
        assert!(reference.tlsa.is_some(), "{label}");
    }
}

/// Report 41: whatever a server routes to is read or refused, and a literal has no name to ask for.
#[test]
fn forms_of_next_hops() {
    let rows: [(&str, &str, Option<Option<&str>>); 9] = [
        (
            "field report 41, a name",
            "relay.test",
            Some(Some("relay.test")),
        ),
        ("field report 41, a literal", "[192.0.2.1]", Some(None)),
        (
            "field report 41, an IPv6 literal",
            "[IPv6:2001:db8::1]",
            Some(None),
        ),
        (
            "field report 41, without brackets",
            "2001:db8::1",
            Some(None),
        ),
        (
            "field report 41, a name in brackets, a port",
            "[relay.test]:587",
            None,
        ),
        ("field report 41, a parent", ".example.com", None),
        ("field report 41, empty", "", None),
        ("field report 41, empty brackets", "[]", None),
        ("field report 41, an unknown tag", "[IPv9:x]", None),
    ];
    for (label, text, expected) in rows {
        let read = NextHop::parse(text).ok();
        let domain = read
            .as_ref()
            .map(|next_hop| next_hop.domain().map(Domain::as_str));
        assert_eq!(domain, expected, "{label}");
    }
}
