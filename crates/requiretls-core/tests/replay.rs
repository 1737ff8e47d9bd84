//! A delivery written as a case decides the same when `explain` replays it.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic)]

use requiretls_core::authenticate::{CertFailure, CertUndecided, Evidence, Method, Outcome};
use requiretls_core::case::{Answer, Case};
use requiretls_core::delivery::{Delivery, End, TlsFailure};
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::mta_sts::{Mode, Policy};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan, Settings, Unreadable};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;
use std::net::Ipv4Addr;

const CASES: &str = include_str!("decision-cases.jsonl");
const EXPIRES: u64 = 1_000;

/// Every decision case, driven through a delivery that records, comes back as a case that decides
/// the same, by the same host and address.
#[test]
fn p_all_decision_cases_come_back() {
    let mut lines = 0;
    for (number, line) in CASES.lines().enumerate() {
        let case = Case::parse(line).expect("a case");
        assert_eq!(Case::parse(&case.line()).as_ref(), Ok(&case), "{line}");
        let (delivery, answer) = case.deliver();
        let written = Case::of_verdict(&delivery).expect("was recorded").line();
        assert_eq!(
            replayed(&written),
            told(answer),
            "line {}: {written}",
            number + 1
        );
        lines += 1;
    }
    assert_eq!(lines, 3_000);
}

/// What a delivery was told, and the case that is written of it, to the letter.
type Told = (&'static str, &'static str, fn(&mut Delivery), &'static str);

/// P5, P6: every way in which a try can end has its words.
#[test]
fn p6_each_ending_as_a_case() {
    const LEFT: &str = r#"{"untried":true}"#;
    #[rustfmt::skip]
    let rows: [Told; 24] = [
        ("nothing tried", "R", |_| {}, ""),
        ("row 8", "R", |d| { d.done(End::Lost); }, r#"{"addrs":[{"tcp":"fail"}]}"#),
        ("row 8, greeted with 4yz", "R", |d| { d.done(End::Reply(450)); }, r#"{"addrs":[{"tcp":"4yz"}]}"#),
        ("row 8a", "R", |d| { d.done(End::Reply(554)); }, r#"{"addrs":[{"tcp":"5yz"}]}"#),
        ("row 8, EHLO 4yz", "R", |d| { d.ehlo(&ehlo("450 later")); }, r#"{"addrs":[{"tcp":"fail"}]}"#),
        ("row 8, lost after EHLO", "R", |d| { starttls(d); d.done(End::Lost); }, r#"{"addrs":[{"end":"ehlo"}]}"#),
        ("row 9", "R", |d| { d.ehlo(&ehlo("250 DSN")); }, r#"{"addrs":[{"starttls":"no"}]}"#),
        ("row 10", "R", |d| { starttls(d); d.tls_failed(TlsFailure::Reply(454)); }, r#"{"addrs":[{"hs":"lost"}]}"#),
        ("row 10, inside TLS", "none", |d| { tls(d); d.ehlo(&ehlo("451 later")); }, r#"{"addrs":[{"end":"tls"}]}"#),
        ("row 11a", "R", |d| { starttls(d); d.tls_failed(TlsFailure::Reply(502)); }, r#"{"addrs":[{"starttls":"5yz"}]}"#),
        ("row 11b", "R", |d| { starttls(d); d.tls_failed(TlsFailure::Rejected); }, r#"{"addrs":[{"hs":"fail"}]}"#),
        ("row 11b, too old", "R", |d| { starttls(d); d.tls(Some("TLSv1.1"), AES); }, r#"{"addrs":[{"tls":"1.1"}]}"#),
        ("row 12", "R", |d| { tls(d); d.peer(only(Method::PkixNextHop)); }, r#"{"addrs":[{"auth":["pkix_nh"]}]}"#),
        ("row 12a, no chain", "R", |d| { tls(d); d.peer(Evidence::not_supplied()); }, r#"{"addrs":[{"chain":false}]}"#),
        ("row 12a, chain not told", "R", |d| { tls(d); d.ehlo(&ehlo("250 DSN")); }, r#"{"addrs":[{"chain":false}]}"#),
        ("row 12a, one method", "R", |d| { tls(d); d.peer(early(Method::PkixHost)); }, r#"{"addrs":[{"undecided":["pkix_host"]}]}"#),
        ("row 13", "R", |d| { ready(d, "250 DSN"); }, r#"{"addrs":[{"auth":["pkix_host"]}]}"#),
        ("row 14", "R", |d| { sent(d); d.mail_reply(555, "5.5.4 no"); }, r#"{"addrs":[{"auth":["pkix_host"],"mail":"param","offers":["REQUIRETLS"]}]}"#),
        ("row 15, expired", "R", |d| { ready(d, FULL); let _ = d.mail_params(EXPIRES); }, r#"{"addrs":[{"auth":["pkix_host"],"end":"expired","offers":["REQUIRETLS"]}]}"#),
        ("row 15, out of order", "R", |d| { let _ = d.mail_params(0); }, r#"{"addrs":[{"end":"internal"}]}"#),
        ("row 16", "H", |d| { d.ehlo(&ehlo("250 DSN")); let _ = d.mail_params(0); d.mail_reply(530, "5.7.0 no"); }, r#"{"addrs":[{"mail":"530","starttls":"no"}]}"#),
        ("lost at MAIL", "R", |d| { sent(d); d.done(End::Lost); }, r#"{"addrs":[{"auth":["pkix_host"],"end":"mail","offers":["REQUIRETLS"]}]}"#),
        ("put off after MAIL", "R", |d| { sent(d); d.done(End::Reply(451)); }, r#"{"addrs":[{"auth":["pkix_host"],"end":"4yz","offers":["REQUIRETLS"]}]}"#),
        ("settled", "LE", |d| { ready(d, "250-TLSPOLICY ENCRYPT\n250 SIZE"); let _ = d.mail_params(0); d.done(End::Reply(250)); },
            r#"{"addrs":[{"auth":["pkix_host"],"dsn":false,"offers":["TLSPOLICY=ENCRYPT"]}]}"#),
    ];
    for (label, word, tell, expected) in rows {
        let requirement = tag::parse_word(word).expect("a tag");
        let mut delivery = recorded(requirement, facts(&["mx1.d.test", "mx2.d.test"]));
        if !expected.is_empty() {
            delivery.host(&named("mx1.d.test"));
        }
        tell(&mut delivery);
        let line = Case::of_verdict(&delivery).expect("was recorded").line();
        let tag = match word {
            "none" => String::new(),
            word => format!(r#","tag":"{word}""#),
        };
        let hosts = if expected.is_empty() {
            format!("{LEFT},{LEFT}")
        } else {
            format!("{expected},{LEFT}")
        };
        assert_eq!(line, format!(r#"{{"hosts":[{hosts}]{tag}}}"#), "{label}");
        agrees(&delivery, label);
    }
}

/// P5: once a host has settled the message, what comes after it is for other recipients.
#[test]
fn p5_hosts_after_the_one_that_settled() {
    let mut delivery = recorded(Requirement::None, facts(&["mx1.d.test", "mx2.d.test"]));
    for (host, end) in [("mx1.d.test", End::Reply(250)), ("mx2.d.test", End::Lost)] {
        delivery.host(&named(host));
        ready(&mut delivery, "250 DSN");
        delivery.mail_params(0).expect("may go");
        delivery.done(end);
    }
    let line = Case::of_verdict(&delivery).expect("was recorded").line();
    assert_eq!(line, r#"{"hosts":[{"addrs":[{"auth":["pkix_host"]}]}]}"#);
    agrees(&delivery, "settled");
}

/// S20, P2b, P2c: what was found out, as words, and the same decision.
#[test]
fn p2_facts_as_a_case() {
    let policy = |mode| Policy::from_parts(mode, &["mx1.d.test"], 86_400).expect("a policy");
    let policy_of = |mode, checked| Sts::Live {
        policy: policy(mode),
        checked,
        refetch_failed: None,
    };
    #[rustfmt::skip]
    let rows = [
        ("P2c enforce", policy_of(Mode::Enforce, true), Route::Mx(Security::Insecure), r#""M":"I","sts":"e""#),
        ("S20 not checked", policy_of(Mode::Enforce, false), Route::Mx(Security::Insecure), r#""M":"I","sts":"e","sts_checked":false"#),
        ("S20 testing, not checked", policy_of(Mode::Testing, false), Route::Mx(Security::Secure), r#""sts":"t","sts_checked":false"#),
        ("P2a unknown", Sts::None, Route::Mx(Security::Unknown), r#""M":"V""#),
        ("P2a implicit", Sts::None, Route::Implicit(Security::Insecure), r#""M":"N","msec":"insec""#),
        ("P2a configured", Sts::None, Route::Configured, r#""M":"C""#),
        ("P2a null MX", Sts::None, Route::NullMx(Security::Insecure), r#""M":"Z","msec":"insec""#),
    ];
    for (label, sts, route, expected) in rows {
        for bounces in [true, false] {
            let found = Facts {
                sts: sts.clone(),
                route: route.clone(),
                ..facts(&["mx1.d.test", "mx2.d.test"])
            };
            let mut delivery = recorded(Requirement::R, found);
            for host in ["mx1.d.test", "mx2.d.test"] {
                delivery.host(&named(host));
                if bounces {
                    delivery.ehlo(&ehlo("250 DSN"));
                }
            }
            let line = Case::of_verdict(&delivery).expect("was recorded").line();
            for part in expected.split(',') {
                assert!(line.contains(part), "{label}: {line}");
            }
            let matches = line.matches(r#""match":false"#).count();
            let no_match = matches!(sts, Sts::Live { .. });
            assert_eq!(matches, usize::from(no_match), "{label}: {line}");
            agrees(&delivery, label);
        }
    }
}

/// A merged tag has no word and comes as its text; it is judged by all its parts.
#[test]
fn p2_merged_tags() {
    for text in ["1.secure.onward.both.dnssec", "1.secure.onward.chain"] {
        let requirement = tag::parse(text).expect("a tag");
        let mut delivery = recorded(requirement, facts(&["mx1.d.test"]));
        delivery.host(&named("mx1.d.test"));
        ready(&mut delivery, FULL);
        let line = Case::of_verdict(&delivery).expect("was recorded").line();
        assert!(line.ends_with(&format!(r#""tag":"{text}"}}"#)), "{line}");
        agrees(&delivery, text);
    }
}

/// A line is read as what it was written from, what is left out too.
#[test]
fn p9_further_messages_in_a_line() {
    let line = r#"{"tag":"R","then":[{"next_hop":"other","tag":"LE"},{}]}"#;
    let case = Case::parse(line).expect("a case");
    assert_eq!(case.line(), line);
}

/// P6.15: a plan that could not be made.
#[test]
fn p6_15_unreadable_plans() {
    for (unreadable, expected) in [
        (Unreadable::Tag, r#"{"hosts":[],"tag_readable":false}"#),
        (Unreadable::Internal, r#"{"hosts":[],"tag_readable":false}"#),
        (Unreadable::Rule, r#"{"hosts":[],"rule_readable":false}"#),
    ] {
        let plan = Plan::unreadable(next_hop(), unreadable, "cannot be read");
        let delivery = Delivery::new(plan).recording();
        let line = Case::of_verdict(&delivery).expect("was recorded").line();
        assert_eq!(line, expected);
        agrees(&delivery, expected);
    }
}

/// Nothing is kept unless it was asked for, and never more than 256 tries.
#[test]
fn what_is_kept_is_bounded() {
    let plan = || plan(Requirement::None, facts(&["mx1.d.test"]));
    let mut silent = Delivery::new(plan());
    silent.host(&named("mx1.d.test"));
    silent.done(End::Lost);
    assert_eq!(Case::of_verdict(&silent), None);
    assert_eq!(Case::of_message(&silent), None);
    let mut endless = Delivery::new(plan()).recording();
    for tries in 0..300 {
        let case = Case::of_verdict(&endless);
        assert_eq!(case.is_some(), tries <= 256, "{tries}");
        // A host of the server's own list may be tried for ever.
        endless.host(&named("elsewhere.test"));
        endless.done(End::Lost);
    }
}

const FULL: &str = "250-REQUIRETLS\n250 DSN";
const AES: Option<&str> = Some("TLS_AES_128_GCM_SHA256");

fn ehlo(lines: &str) -> EhloReply {
    if lines.starts_with("45") {
        return EhloReply::parse(lines.as_bytes());
    }
    EhloReply::parse(format!("250-mx\n{lines}").as_bytes())
}

fn starttls(d: &mut Delivery) {
    d.ehlo(&ehlo("250 STARTTLS"));
}

fn tls(d: &mut Delivery) {
    starttls(d);
    d.tls(Some("TLSv1.3"), AES);
}

fn ready(d: &mut Delivery, offer: &str) {
    tls(d);
    d.peer(only(Method::PkixHost));
    d.ehlo(&ehlo(offer));
}

fn sent(d: &mut Delivery) {
    ready(d, FULL);
    d.mail_params(0).expect("may go");
}

fn only(method: Method) -> Evidence {
    evidence(method, Outcome::Holds)
}

fn early(method: Method) -> Evidence {
    evidence(method, Outcome::Undecided(CertUndecided::NotYetValid))
}

fn evidence(method: Method, outcome: Outcome) -> Evidence {
    Evidence::new(|m| {
        if m == method {
            outcome
        } else {
            Outcome::Fails(CertFailure::NotTrusted)
        }
    })
}

fn named(name: &str) -> Host {
    Host::Name(domain(name))
}

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).expect("a domain")
}

fn next_hop() -> NextHop {
    NextHop::Domain(domain("d.test"))
}

fn facts(hosts: &[&str]) -> Facts {
    Facts {
        route: Route::Mx(Security::Secure),
        expanded: None,
        hosts: hosts
            .iter()
            .map(|name| HostFacts {
                host: named(name),
                addresses: Addresses::Found(vec![Ipv4Addr::new(192, 0, 2, 1).into()]),
                cname: None,
                tlsa: Tlsa::None,
            })
            .collect(),
        sts: Sts::None,
        expires: Some(EXPIRES),
    }
}

fn plan(requirement: Requirement, facts: Facts) -> Plan {
    let message = Message {
        requirement,
        ..Message::default()
    };
    Plan::new(
        next_hop(),
        message,
        Rule::default(),
        Settings::default(),
        facts,
    )
}

fn recorded(requirement: Requirement, facts: Facts) -> Delivery {
    Delivery::new(plan(requirement, facts)).recording()
}

/// The case decides as the delivery does.
fn agrees(delivery: &Delivery, label: &str) {
    let outcome = delivery.outcome();
    let line = Case::of_verdict(delivery).expect("was recorded").line();
    let answer = replayed(&line);
    assert_eq!(answer.action, outcome.action.as_str(), "{label}: {line}");
    if answer.action != "go" {
        let said = (
            outcome.reply.code.to_string(),
            outcome.reply.enhanced.to_string(),
            outcome.row.map_or("", |row| row.as_str()),
            outcome.who.as_str(),
        );
        let again = (answer.code, answer.enhanced, answer.row, answer.who);
        assert_eq!(again, said, "{label}: {line}");
    }
}

/// The parts of an answer that a replay repeats: all but the names in its sentence.
fn told(answer: Answer) -> Answer {
    Answer {
        sentence: String::new(),
        ..answer
    }
}

fn replayed(line: &str) -> Answer {
    let case = Case::parse(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    told(case.decide())
}
