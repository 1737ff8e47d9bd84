//! Lines, by what a delivery was told.

mod carried;
mod dialects;
mod list;

use super::{LogLine, Severity};
use crate::authenticate::{CertFailure, Evidence, Method, Outcome};
use crate::dane::TlsaRecord;
use crate::delivery::{Action, Delivery};
use crate::domain::Domain;
use crate::ehlo::EhloReply;
use crate::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use crate::next_hop::{Host, NextHop};
use crate::plan::{Message, Plan, Settings};
use crate::requirement::Requirement;
use crate::site_policy::{HopMode, Key, PeerDialect, Rule, Rules};
use crate::tag;
use crate::tls_level::TlsLevel;

const AES: Option<&str> = Some("TLS_AES_128_GCM_SHA256");
const CLEAR: Option<&str> = None;

/// P12: the tokens of the sample, under the rule of the partner.
#[test]
fn p12_the_sample_line() {
    let plan = plan(HopMode::Encrypt).under(Key::parse("partner.test").ok());
    let line = to_partner(plan, Some("TLSv1.3"), unproved(), "250 DSN");
    assert_eq!(line.severity, Severity::Notice);
    let sample = "hop=encrypt rule=partner.test tag=R tls=1.3 auth=none \
                  unmet=mx,cert,norequiretls sent=RET=HDRS";
    assert!(line.text.contains(sample), "{}", line.text);
}

/// P12: a relaxed use is logged with what was unmet, in clear text as a warning.
#[test]
fn p12_lines() {
    let rows = [
        (
            HopMode::Encrypt,
            Some("TLSv1.3"),
            Severity::Notice,
            "action=go next_hop=partner.test host=mx.partner.test mx=insecure level=encrypt \
             who=sender hop=encrypt tag=R tls=1.3 auth=none unmet=mx,cert,norequiretls \
             sent=RET=HDRS lost=all",
        ),
        (
            HopMode::Opportunistic,
            CLEAR,
            Severity::Warning,
            "action=go next_hop=partner.test host=mx.partner.test mx=insecure level=may \
             who=nobody hop=opportunistic tag=R tls=none auth=none unmet=mx,starttls \
             sent=RET=HDRS lost=all",
        ),
    ];
    for (hop, tls, severity, expected) in rows {
        let line = to_partner(plan(hop), tls, unproved(), "250 DSN");
        assert_eq!((line.severity, line.text.as_str()), (severity, expected));
    }
}

/// P12: what was negotiated and what has authenticated the peer, for the untagged as well.
#[test]
fn p12_tls_and_auth() {
    let all = Evidence::new(|_| Outcome::Holds);
    #[rustfmt::skip]
    let rows = [
        ("1.3", Some("TLSv1.3"), AES, unproved(), "tls=1.3 auth=none"),
        ("1.2", Some("TLSv1.2"), AES, unproved(), "tls=1.2 auth=none"),
        ("1.1 (P10)", Some("TLSv1.1"), AES, unproved(), "tls=weak auth=none"),
        ("no encryption (P10)", Some("TLSv1.2"), Some("NULL-SHA256"), unproved(), "tls=weak auth=none"),
        ("clear", CLEAR, AES, all.clone(), "tls=none auth=none"),
        ("no chain", Some("TLSv1.3"), AES, Evidence::not_supplied(), "tls=1.3 auth=none"),
        ("DANE", Some("TLSv1.3"), AES, only(Method::Dane), "tls=1.3 auth=dane"),
        ("PKIX, the host", Some("TLSv1.3"), AES, only(Method::PkixHost), "tls=1.3 auth=pkix"),
        ("PKIX, the domain", Some("TLSv1.3"), AES, only(Method::PkixNextHop), "tls=1.3 auth=pkix-domain"),
        ("the site's names", Some("TLSv1.3"), AES, only(Method::SitePkix), "tls=1.3 auth=site-pkix"),
        ("the site's pin", Some("TLSv1.3"), AES, only(Method::SitePin), "tls=1.3 auth=site-pin"),
        ("all", Some("TLSv1.3"), AES, all, "tls=1.3 auth=dane,pkix,pkix-domain,site-pkix,site-pin"),
    ];
    for (label, protocol, cipher, evidence, expected) in rows {
        let plan = plan_for(Requirement::None, Rule::default(), insecure_mx());
        let line = to_host(plan, &partner(), protocol, cipher, evidence, "250 DSN");
        let expected = format!(" {expected} sent=");
        assert!(line.text.contains(&expected), "{label}: {}", line.text);
        assert_eq!(line.severity, Severity::Info, "{label}");
    }
}

/// P9: a message on an open connection has what that one has shown.
#[test]
fn p9_tls_and_auth_of_an_open_connection() {
    for (protocol, word) in [("TLSv1.3", "1.3"), ("TLSv1.2", "1.2"), ("TLSv1", "weak")] {
        let plan = || plan_for(Requirement::None, Rule::default(), insecure_mx());
        let mut first = Delivery::new(plan());
        let chain = only(Method::PkixHost);
        connect(
            &mut first,
            &partner(),
            Some(protocol),
            AES,
            chain,
            "250 DSN",
        );
        let session = first.session().expect("the gate may open").to_string();
        let session = crate::session::Session::parse(&session).expect("a session");
        let mut second = Delivery::new(plan());
        assert_eq!(second.resume(&partner(), &session, 0), Action::Go);
        let clearance = second.mail_params(0).expect("may go");
        let line = LogLine::cleared(&second, &clearance).text;
        assert!(line.contains(&format!(" tls={word} auth=pkix ")), "{line}");
    }
}

/// P12: the key of the rule that holds; a preset and the defaults have none.
#[test]
fn p12_the_key_of_the_rule() {
    let mut rules = Rules::default();
    for key in ["partner.test", ".parent.test", "unix:/run/a b.sock"] {
        let key = Key::parse(key).expect("a key");
        rules.insert(key, Rule::default()).expect("new");
    }
    let without_any = rules.clone();
    rules.insert(Key::Any, Rule::default()).expect("new");
    let rows = [
        ("exact", &rules, "partner.test", Some("partner.test")),
        ("below", &rules, "a.parent.test", Some(".parent.test")),
        ("any", &rules, "elsewhere.test", Some("*")),
        ("none", &without_any, "elsewhere.test", None),
        ("preset", &rules, "127.0.0.1", None),
        (
            "a blank",
            &rules,
            "unix:/run/a b.sock",
            Some("unix:/run/a?b.sock"),
        ),
    ];
    for (label, rules, next_hop, expected) in rows {
        let next_hop = NextHop::parse(next_hop).expect("a next hop");
        let rule = rules.look_up(&next_hop).expect("can be read").clone();
        let plan = plan_to(next_hop.clone(), Requirement::R, rule, insecure_mx());
        let plan = plan.under(rules.key(&next_hop));
        let verdict = LogLine::verdict(&plan, &Delivery::new(plan.clone()).verdict()).text;
        let key = verdict
            .split(' ')
            .find_map(|token| token.strip_prefix("rule="));
        assert_eq!(key, expected, "{label}: {verdict}");
    }
}

/// F12, L13: what the next hop is not told is named, whatever the hop mode, at level notice where
/// onward hops were asked for.
#[test]
fn f12_l13_what_is_lost() {
    use HopMode::{Encrypt, Enforce, Off};
    use PeerDialect::{Draft, Rfc8689};
    let (full, policy) = (
        "250-REQUIRETLS\n250 DSN",
        "250-TLSPOLICY MAY ENCRYPT SECURE\n250 DSN",
    );
    #[rustfmt::skip]
    let rows = [
        ("F12 R", "R", Enforce, Rfc8689, full, "sent=REQUIRETLS", ""),
        ("F12 R to the draft", "R", Enforce, Draft, full, "sent=REQUIRETLS=CHAIN,DANE", "path"),
        ("F12 F0", "F0", Enforce, Rfc8689, full, "sent=REQUIRETLS", "level"),
        ("F12 F0 to the draft", "F0", Enforce, Draft, full, "sent=REQUIRETLS", ""),
        ("F12 FC", "FC", Enforce, Rfc8689, full, "sent=REQUIRETLS", "level,chain"),
        ("F12 FC to the draft", "FC", Enforce, Draft, full, "sent=REQUIRETLS=CHAIN", ""),
        ("F12 FCD", "FCD", Enforce, Rfc8689, full, "sent=REQUIRETLS", "level,chain,dane"),
        ("F12 FC, hop encrypt", "FC", Encrypt, Rfc8689, full, "unmet= sent=REQUIRETLS", "level,chain"),
        ("VX77 FD, hop encrypt", "FD", Encrypt, Rfc8689, full, "unmet=mx,cert,downcast sent=REQUIRETLS", "dane"),
        ("F12 FC+DNSSEC, hop encrypt", "FC+DNSSEC", Encrypt, Rfc8689, full, "unmet=downcast sent=REQUIRETLS", "level,chain,dnssec"),
        ("P12 R, hop off", "R", Off, Rfc8689, full, "unmet= sent=RET=HDRS", "all"),
        ("L13 LS, listed", "LS", Enforce, Rfc8689, policy, "sent=TLSPOLICY=SECURE", ""),
        ("L13 LS, not listed", "LS", Enforce, Rfc8689, full, "sent=", "all"),
        ("L13 LE, another value listed", "LE", Enforce, Rfc8689, "250-TLSPOLICY SECURE\n250 DSN", "sent=", "all"),
        ("L13 LM, listed", "LM", Enforce, Rfc8689, policy, "sent=TLSPOLICY=MAY", ""),
        ("L13 LM, not listed", "LM", Enforce, Rfc8689, full, "sent=", "all"),
        ("R8 H, in the message", "H", Enforce, Rfc8689, policy, "sent=", ""),
        ("untagged", "none", Enforce, Rfc8689, policy, "sent=", ""),
    ];
    for (label, word, hop, peer_dialect, offer, sent, lost) in rows {
        let requirement = tag::parse_word(word).expect("a tag");
        let rule = Rule {
            hop,
            peer_dialect,
            ..Rule::default()
        };
        let facts = with_route(Route::Mx(Security::Secure));
        let plan = plan_for(requirement, rule, facts);
        let evidence = Evidence::new(|_| Outcome::Holds);
        let line = to_host(plan, &partner(), Some("TLSv1.3"), AES, evidence, offer);
        let expected = match lost {
            "" => format!(" {sent}"),
            lost => format!(" {sent} lost={lost}"),
        };
        assert!(line.text.ends_with(&expected), "{label}: {}", line.text);
        let quiet = (lost.is_empty() || word.starts_with('L')) && hop == Enforce;
        let severity = if quiet {
            Severity::Info
        } else {
            Severity::Notice
        };
        assert_eq!(line.severity, severity, "{label}");
    }
}

/// R34, P12: the last hop over LMTP: without TLS only to a socket or loopback, and the tag ends
/// there unless it is carried, which is logged.
#[test]
fn r34_lmtp() {
    let (socket, loopback) = ("unix:/run/lmtp.sock", "127.0.0.1");
    let full = "250-REQUIRETLS\n250 DSN";
    #[rustfmt::skip]
    let rows = [
        ("VX35 preset, socket", socket, None, "R", CLEAR, full, Severity::Warning,
            "mx=configured level=may who=nobody hop=opportunistic tag=R tls=none auth=none unmet=starttls sent=RET=HDRS lost=all"),
        ("preset, loopback with TLS", loopback, None, "R", Some("TLSv1.3"), full, Severity::Notice,
            "mx=literal level=may who=nobody hop=opportunistic tag=R tls=1.3 auth=none unmet=mx,cert sent=REQUIRETLS"),
        ("local", socket, Some(HopMode::Local), "R", CLEAR, full, Severity::Warning,
            "mx=configured level=may who=nobody hop=local tag=R tls=none auth=none unmet=starttls sent=RET=HDRS lost=all"),
        ("VX66 local carry", socket, Some(HopMode::LocalCarry), "R", CLEAR, full, Severity::Warning,
            "mx=configured level=may who=nobody hop=local-carry tag=R tls=none auth=none unmet=starttls sent=REQUIRETLS"),
        ("VX66 local carry, not offered", socket, Some(HopMode::LocalCarry), "R", CLEAR, "250 DSN", Severity::Warning,
            "mx=configured level=may who=nobody hop=local-carry tag=R tls=none auth=none unmet=starttls sent=RET=HDRS lost=all"),
        ("VX66 LS, local", socket, Some(HopMode::Local), "LS", CLEAR, full, Severity::Warning,
            "mx=configured level=may who=nobody hop=local tag=LS tls=none auth=none unmet=starttls sent=RET=HDRS lost=all"),
        ("F12 FD, local", socket, Some(HopMode::Local), "FD", CLEAR, full, Severity::Warning,
            "mx=configured level=may who=nobody hop=local tag=FD tls=none auth=none unmet=starttls sent=RET=HDRS lost=all"),
        ("untagged", socket, Some(HopMode::Local), "none", CLEAR, full, Severity::Info,
            "mx=configured level=may who=nobody tag=none tls=none auth=none sent="),
    ];
    for (label, next_hop, hop, word, tls, offer, severity, expected) in rows {
        let next_hop = NextHop::parse(next_hop).expect("a next hop");
        let mut rules = Rules::default();
        if let Some(hop) = hop {
            let rule = Rule {
                hop,
                ..Rule::default()
            };
            let key = Key::Exact(next_hop.clone());
            rules.insert(key, rule).expect("a local endpoint");
        }
        let host = Host::parse(&next_hop.to_string()).expect("a host");
        let route = match next_hop {
            NextHop::Literal(_) => Route::Literal,
            _ => Route::Configured,
        };
        let mut facts = with_route(route);
        for found in &mut facts.hosts {
            found.host = host.clone();
        }
        let rule = rules.look_up(&next_hop).expect("can be read").clone();
        let requirement = tag::parse_word(word).expect("a tag");
        let plan = plan_to(next_hop, requirement, rule, facts);
        let line = to_host(plan, &host, tls, AES, unproved(), offer);
        assert!(line.text.ends_with(expected), "{label}: {}", line.text);
        assert_eq!(line.severity, severity, "{label}");
    }
    // LMTP over TCP to another machine has no preset (P12).
    let far = NextHop::parse("10.0.0.5").expect("a literal");
    let plan = plan_to(
        far,
        Requirement::R,
        Rule::default(),
        with_route(Route::Literal),
    );
    let verdict = Delivery::new(plan.clone()).verdict();
    let line = LogLine::verdict(&plan, &verdict).text;
    assert!(
        line.starts_with("action=bounce next_hop=[10.0.0.5] row=3 who=sender hop=enforce tag=R ")
    );
}

/// P4 (FC, M=I), P3 (DANE behind an insecure MX): the line says that nothing vouches for the MX.
#[test]
fn p4_how_the_host_was_found() {
    let rows = [
        ("P4 FC", "FC", Route::Mx(Security::Insecure), "insecure"),
        ("FC", "FC", Route::Mx(Security::Secure), "secure"),
        ("P3 half", "none", Route::Mx(Security::Insecure), "insecure"),
        ("P2a V", "none", Route::Mx(Security::Unknown), "unknown"),
        ("P2a N", "R", Route::Implicit(Security::Insecure), "none"),
        ("P2a C", "R", Route::Configured, "configured"),
        ("P2a A", "none", Route::Literal, "literal"),
    ];
    for (label, word, route, expected) in rows {
        let requirement = tag::parse_word(word).expect("a tag");
        let mut facts = with_route(route);
        if label == "P3 half" {
            for found in &mut facts.hosts {
                found.tlsa = Tlsa::Found {
                    base: Domain::known("mx.partner.test"),
                    records: vec![TlsaRecord {
                        usage: 3,
                        selector: 1,
                        matching: 1,
                        data: vec![0; 32],
                    }],
                };
            }
        }
        let plan = plan_for(requirement, Rule::default(), facts);
        let good = Evidence::new(|_| Outcome::Holds);
        let line = to_partner(plan, Some("TLSv1.3"), good, "250 REQUIRETLS").text;
        assert!(
            line.contains(&format!(" mx={expected} level=")),
            "{label}: {line}"
        );
    }
}

/// P12: an empty `unmet` says that enforce would have passed, and it passes no host that the
/// lookup did not find.
#[test]
fn p12_a_stranger_is_unmet() {
    let mut delivery = Delivery::new(plan(HopMode::Opportunistic));
    delivery.host(&Host::Name(Domain::known("elsewhere.test")));
    delivery.ehlo(&EhloReply::parse(b"250-mx\n250 DSN"));
    let clearance = delivery.mail_params(0).expect("may go");
    let line = LogLine::cleared(&delivery, &clearance).text;
    assert!(line.contains(" unmet=mx,starttls sent="), "{line}");
}

#[test]
fn e6_refusals_name_host_cause_and_who() {
    let mut delivery = Delivery::new(plan(HopMode::Encrypt));
    delivery.host(&partner());
    let action = delivery.ehlo(&EhloReply::parse(b"250-mx\n250 DSN"));
    let line = LogLine::refused(&delivery, action);
    assert_eq!(
        line.text,
        "action=next_host next_hop=partner.test row=9 who=sender hop=encrypt tag=R code=550 \
         enhanced=5.7.10 reason=\"mx.partner.test: it offers no STARTTLS (required by the \
         sender)\""
    );
    let verdict = LogLine::verdict(delivery.plan(), &delivery.verdict());
    assert!(
        verdict
            .text
            .starts_with("action=bounce next_hop=partner.test row=9 who=sender ")
    );
    assert_eq!(verdict.severity, Severity::Notice);
}

/// P8: the site's floor stands in every line.
#[test]
fn p8_the_floor() {
    for (floor, expected) in [
        (TlsLevel::May, None),
        (TlsLevel::Encrypt, Some("encrypt")),
        (TlsLevel::Secure, Some("secure")),
    ] {
        let rule = Rule {
            floor,
            ..Rule::default()
        };
        let plan = plan_for(Requirement::None, rule, insecure_mx());
        let mut delivery = Delivery::new(plan);
        delivery.host(&partner());
        let action = delivery.ehlo(&EhloReply::parse(b"250-mx\n250 DSN"));
        let verdict = delivery.verdict();
        for line in [
            LogLine::refused(&delivery, action),
            LogLine::verdict(delivery.plan(), &verdict),
        ] {
            let mut tokens = line.text.split(' ');
            let told = tokens.find_map(|token| token.strip_prefix("floor="));
            assert_eq!(told, expected, "{}", line.text);
        }
    }
}

fn unproved() -> Evidence {
    Evidence::new(|_| Outcome::Fails(CertFailure::NotTrusted))
}

fn only(method: Method) -> Evidence {
    Evidence::new(|m| {
        if m == method {
            Outcome::Holds
        } else {
            Outcome::Fails(CertFailure::NotTrusted)
        }
    })
}

fn partner() -> Host {
    Host::Name(Domain::known("mx.partner.test"))
}

/// The line of a message that goes to the partner's host.
fn to_partner(plan: Plan, tls: Option<&str>, evidence: Evidence, offer: &str) -> LogLine {
    to_host(plan, &partner(), tls, AES, evidence, offer)
}

fn to_host(
    plan: Plan,
    host: &Host,
    protocol: Option<&str>,
    cipher: Option<&str>,
    evidence: Evidence,
    offer: &str,
) -> LogLine {
    let mut delivery = Delivery::new(plan);
    connect(&mut delivery, host, protocol, cipher, evidence, offer);
    let clearance = delivery.mail_params(0).expect("may go");
    LogLine::cleared(&delivery, &clearance)
}

/// Up to the gate; without a protocol in clear text.
fn connect(
    delivery: &mut Delivery,
    host: &Host,
    protocol: Option<&str>,
    cipher: Option<&str>,
    evidence: Evidence,
    offer: &str,
) {
    delivery.host(host);
    if protocol.is_some() {
        delivery.ehlo(&EhloReply::parse(b"250-mx\n250 STARTTLS"));
        delivery.tls(protocol, cipher);
        delivery.peer(evidence);
    }
    let reply = format!("250-mx\n{offer}");
    assert_eq!(
        delivery.ehlo(&EhloReply::parse(reply.as_bytes())),
        Action::Go
    );
}

fn plan(hop: HopMode) -> Plan {
    let rule = Rule {
        hop,
        ..Rule::default()
    };
    plan_for(Requirement::R, rule, insecure_mx())
}

fn plan_for(requirement: Requirement, rule: Rule, facts: Facts) -> Plan {
    let next_hop = NextHop::Domain(Domain::known("partner.test"));
    plan_to(next_hop, requirement, rule, facts)
}

fn plan_to(next_hop: NextHop, requirement: Requirement, rule: Rule, facts: Facts) -> Plan {
    let message = Message {
        requirement,
        ..Message::default()
    };
    Plan::new(next_hop, message, rule, Settings::default(), facts)
}

fn insecure_mx() -> Facts {
    with_route(Route::Mx(Security::Insecure))
}

fn with_route(route: Route) -> Facts {
    Facts {
        route,
        expanded: None,
        hosts: vec![HostFacts {
            host: partner(),
            addresses: Addresses::Found(Vec::new()),
            cname: None,
            tlsa: Tlsa::None,
        }],
        sts: Sts::None,
        expires: None,
    }
}
