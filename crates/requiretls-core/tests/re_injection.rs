//! Does the requirement survive aliases, lists, vacation answers and bounces?
//!
//! RFC 8689 sections 4.1, 5 and 6: whatever a message becomes, it keeps its requirement. Outside
//! SMTP the tag travels as text; back in it is merged with what the new MAIL command and the
//! header say. The tag of re-originated mail is the same tag, so there is no call that makes one.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use requiretls_core::case::Case;
use requiretls_core::domain::Domain;
use requiretls_core::dsn::{self, Ret};
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::mail_param::{Answer, Dialects, MailParams, Refusal, TagTrust};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::reply::Enhanced;
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;

const TAGS: [&str; 13] = [
    "none",
    "H",
    "LM",
    "LE",
    "LS",
    "R",
    "F0",
    "FC",
    "FD",
    "FCD",
    "F0+DNSSEC",
    "FC+DNSSEC",
    "FD+DNSSEC",
];

/// Where an instance of a redistributed message goes.
const INSTANCES: [&str; 4] = ["a.test", "b.test", "[192.0.2.1]", "unix:/run/deliver"];

fn requirement(word: &str) -> Requirement {
    tag::parse_word(word).unwrap_or_else(|e| panic!("{word}: {e}"))
}

fn all_dialects() -> Dialects {
    Dialects {
        rfc8689: true,
        draft_fenton: true,
        tls_level: true,
    }
}

fn plan(next_hop: &str, requirement: Requirement) -> Plan {
    let message = Message {
        requirement,
        ..Message::default()
    };
    let next_hop = NextHop::parse(next_hop).unwrap();
    let facts = Facts {
        route: Route::Mx(Security::Secure),
        expanded: None,
        hosts: vec![HostFacts {
            host: Host::Name(Domain::parse(b"mx.test").unwrap()),
            addresses: Addresses::Found(Vec::new()),
            cname: None,
            tlsa: Tlsa::None,
        }],
        sts: Sts::None,
        expires: None,
    };
    Plan::new(
        next_hop,
        message,
        Rule::default(),
        Settings::default(),
        facts,
    )
}

#[test]
fn r9_every_instance_of_an_alias_has_the_same_tag() {
    for word in TAGS {
        let asked = requirement(word);
        let kept = tag::write(asked);
        let tags = INSTANCES.map(|next_hop| {
            let read = tag::parse(&kept).unwrap_or_else(|e| panic!("{word}: {e}"));
            tag::write(plan(next_hop, read).requirement())
        });
        assert!(tags.iter().all(|tag| *tag == kept), "R9 {word}: {tags:?}");
    }
}

/// What an instance's own way adds or lacks changes no other instance's tag.
#[test]
fn r9_hop_modes_do_not_touch_the_kept_tag() {
    use requiretls_core::site_policy::HopMode;
    for hop in [HopMode::Encrypt, HopMode::Opportunistic, HopMode::Off] {
        let message = Message {
            requirement: Requirement::R,
            ..Message::default()
        };
        let rule = Rule {
            hop,
            ..Rule::default()
        };
        let facts = plan("a.test", Requirement::R).facts().clone();
        let next_hop = NextHop::parse("a.test").unwrap();
        let plan = Plan::new(next_hop, message, rule, Settings::default(), facts);
        let kept = tag::write(plan.requirement());
        assert_eq!(kept, "1.secure.onward", "R9 P12 {hop:?}");
    }
}

/// One thing that a re-injected message brings along.
#[derive(Clone, Copy, Debug)]
enum Brings<'a> {
    /// A MAIL FROM parameter.
    Param(&'a str),
    /// A header field `TLS-Required`.
    Field(&'a str),
    /// A tag in the environment or an argument, written by the site.
    Env(&'a str),
    /// A tag in a header field, written by anybody.
    TagField(&'a str),
}

fn hand_in(params: &mut MailParams, what: Brings) -> Answer {
    match what {
        Brings::Param(text) => {
            let (name, value) = text
                .split_once('=')
                .map_or((text, None), |(name, value)| (name, Some(value)));
            params.param(name.as_bytes(), value.map(str::as_bytes))
        }
        Brings::Field(value) => params.header(b"TLS-Required", value.as_bytes()),
        Brings::Env(text) => params.earlier_tag(text.as_bytes(), TagTrust::Full),
        Brings::TagField(text) => params.earlier_tag(text.as_bytes(), TagTrust::RaiseOnly),
    }
}

/// What comes of them, in every order.
fn merged(brings: &[Brings]) -> Vec<Result<String, u16>> {
    orders(brings)
        .iter()
        .map(|order| {
            let mut params = MailParams::new(all_dialects(), true, true);
            for what in order {
                hand_in(&mut params, *what);
            }
            params.end().map(tag::word).map_err(Refusal::code)
        })
        .collect()
}

fn orders<'a>(brings: &[Brings<'a>]) -> Vec<Vec<Brings<'a>>> {
    let Some((first, rest)) = brings.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for order in orders(rest) {
        for at in 0..=order.len() {
            let mut order = order.clone();
            order.insert(at, *first);
            all.push(order);
        }
    }
    all
}

#[test]
#[rustfmt::skip]
fn r33_mediators_carry_the_tag() {
    use Brings::{Env, Field, Param, TagField};
    const R: &str = "1.secure.onward";
    let rows: &[(&str, &[Brings], Result<&str, u16>)] = &[
        ("R33, list without SMTP", &[Env(R)], Ok("R")),
        ("R33, list over SMTP", &[Param("REQUIRETLS")], Ok("R")),
        ("R33, list over SMTP that keeps the field", &[Param("REQUIRETLS"), TagField(R)], Ok("R")),
        ("R33, Sieve redirect", &[Env("1.encrypt.onward.chain.dnssec")], Ok("FC+DNSSEC")),
        ("R33, forwarded by a content filter", &[TagField(R)], Ok("R")),
        ("R33, user agent adds REQUIRETLS", &[Param("REQUIRETLS"), TagField("")], Ok("R")),
        ("R33, user agent says No", &[Field(" No")], Ok("H")),
        ("R33, re-originated downgrade", &[Env("1.no")], Ok("H")),
        ("R33, LM", &[Env("1.may")], Ok("LM")),
        ("R33, nothing came along", &[], Ok("none")),
        ("R33, empty tag", &[Env(""), TagField("")], Ok("none")),
        ("R8, the field never lowers the parameter", &[Param("REQUIRETLS"), Field(" No")], Ok("R")),
        ("R33, the field never lowers the tag", &[Env(R), Field(" No")], Ok("R")),
        ("L12, TLSPOLICY beats the field, the tag beats both", &[Param("TLSPOLICY=MAY"), Field(" No"), Env(R)], Ok("R")),
        ("RAISE_ONLY, raises", &[TagField("1.encrypt")], Ok("LE")),
        ("RAISE_ONLY, never lowers", &[TagField("1.no")], Ok("none")),
        ("RAISE_ONLY, never lowers with may", &[TagField("1.may")], Ok("none")),
        ("RAISE_ONLY, beside a requirement", &[TagField("1.no"), Env(R)], Ok("R")),
        ("RAISE_ONLY, the field itself may lower", &[TagField("1.no"), Field(" No")], Ok("H")),
        ("three sources, the strictest of each part", &[Param("TLSPOLICY=SECURE"), TagField("1.encrypt.onward"), Env("1.encrypt")], Ok("R")),
        ("CHAIN and DANE from two sources", &[Env("1.encrypt.onward.chain"), TagField("1.secure.onward.dane")], Ok("1.secure.onward.both")),
        ("P6.15, damaged on the way", &[Env("1.secure.onwar")], Err(451)),
        ("P6.15, damaged beside a parameter", &[Param("REQUIRETLS"), TagField("1.secure.onwar")], Err(451)),
        ("P6.15, refused before", &[Env("!")], Err(451)),
        ("P6.15, written by a newer version", &[TagField("2.secure")], Err(451)),
    ];
    for (label, brings, expected) in rows {
        let expected = expected.map(str::to_owned);
        for found in merged(brings) {
            assert_eq!(found, expected, "{label}");
        }
    }
}

#[test]
fn r33_a_tag_from_the_site_survives_every_round() {
    for word in TAGS {
        let mut kept = tag::write(requirement(word));
        for round in 0..3 {
            let mut params = MailParams::new(all_dialects(), true, true);
            params.earlier_tag(kept.as_bytes(), TagTrust::Full);
            let again = tag::write(params.end().unwrap());
            assert_eq!(again, kept, "R33 {word}, round {round}");
            kept = again;
        }
    }
}

/// A bounce, a vacation answer, a notice that was received: all have an empty return path.
#[test]
fn r28_r30_f10_a_notice_keeps_the_requirement_and_returns_headers() {
    for word in TAGS {
        let asked = requirement(word);
        let rules = dsn::rules(asked);
        let requires = asked.requiring().is_some();
        let label = format!("R28, R30, F10 {word}");
        assert_eq!(rules.requirement, asked, "{label}: the same options");
        assert_eq!(rules.ret, requires.then_some(Ret::Hdrs), "{label}");
        // A bounce of the bounce keeps it too.
        assert_eq!(dsn::rules(rules.requirement), rules, "{label}");
    }
}

#[test]
fn r30_a_notice_that_was_received_is_judged_as_an_own_one() {
    let mut params = MailParams::new(Dialects::default(), true, true);
    let answer = params.line(b"MAIL FROM:<> RET=FULL REQUIRETLS\r\n");
    assert_eq!(answer, Answer::Taken);
    let received = params.end().unwrap();
    assert_eq!(received, Requirement::R, "R30");
    let rules = dsn::rules(received);
    assert_eq!(rules, dsn::rules(Requirement::R), "R30");
    let ret = rules.ret.map(Ret::as_str);
    assert_eq!(ret, Some("HDRS"), "R28: RET=FULL is disregarded");
}

#[test]
#[rustfmt::skip]
fn r29_what_a_notice_is_sent_with() {
    let tls = r#""auth":[]"#;
    let rows = [
        ("R28, offered", "R", "", format!(r#"{{{tls},"offers":["REQUIRETLS"]}}"#), "go REQUIRETLS"),
        ("R29 R30, not offered", "R", "", format!("{{{tls}}}"), "go RET=HDRS"),
        ("R29, not offered, no DSN", "R", "", format!(r#"{{{tls},"dsn":false}}"#), "go "),
        ("R29, no TLS", "R", "", r#"{"starttls":"no"}"#.to_owned(), "defer "),
        ("R29, floor secure, no proof", "R", r#""null_path_floor":"secure","#, format!("{{{tls}}}"), "defer "),
        ("R29, floor may, no TLS", "R", r#""null_path_floor":"may","#, r#"{"starttls":"no"}"#.to_owned(), "go RET=HDRS"),
        ("F10, F0", "F0", "", format!(r#"{{{tls},"offers":["REQUIRETLS"]}}"#), "go REQUIRETLS"),
        ("F10, options kept", "FC", r#""dnssec":true,"peer_dialect":"draft","#, format!(r#"{{{tls},"offers":["REQUIRETLS"]}}"#), "go REQUIRETLS=CHAIN,DNSSEC"),
        ("F10 F12, options that cannot be said", "FD", "", format!(r#"{{{tls},"offers":["REQUIRETLS"]}}"#), "go REQUIRETLS"),
        ("L14, LS", "LS", "", format!(r#"{{{tls},"offers":["TLSPOLICY"]}}"#), "go TLSPOLICY=SECURE"),
        ("R30, H is not protected", "H", "", r#"{"starttls":"no"}"#.to_owned(), "go "),
    ];
    for (label, word, more, shown, expected) in rows {
        let case = format!(r#"{{"tag":"{word}",{more}"null_path":true,"hosts":[{{"addrs":[{shown}]}}]}}"#);
        let answer = Case::parse(&case).unwrap_or_else(|e| panic!("{label}: {e}")).decide();
        assert_eq!(format!("{} {}", answer.action, answer.sends), expected, "{label}");
    }
}

/// The codes and names that RFC 8689 section 7 registers.
#[test]
fn r35_registered_names_and_codes() {
    use requiretls_core::ehlo;
    let keywords: Vec<&str> = ehlo::keywords(Dialects::default(), true, true).collect();
    assert_eq!(
        keywords,
        ["REQUIRETLS"],
        "R35 R1: the keyword, no arguments"
    );

    let case =
        r#"{"tag":"R","hosts":[{"addrs":[{"auth":["pkix_host"],"offers":["REQUIRETLS"]}]}]}"#;
    let sent = Case::parse(case).unwrap().decide().sends;
    assert_eq!(sent, "REQUIRETLS", "R35: the parameter");
    assert_eq!(sent.len() + 1, 11, "R35 R3: the line grows by 11 octets");
    let rest = " REQUIRETLS\r\n";
    let path = "a".repeat(512 + 11 - "MAIL FROM:<>".len() - rest.len());
    let line = format!("MAIL FROM:<{path}>{rest}");
    assert_eq!(line.len(), 523, "R35");
    let mut params = MailParams::new(Dialects::default(), true, true);
    assert_eq!(params.line(line.as_bytes()), Answer::Taken, "R35");

    let lacks = r#"{"tag":"R","hosts":[{"addrs":[{"auth":["pkix_host"]}]}]}"#;
    let answer = Case::parse(lacks).unwrap().decide();
    let code = (answer.code.as_str(), answer.enhanced.as_str());
    assert_eq!(code, ("550", "5.7.30"), "R35: support required");
    let clear = r#"{"tag":"R","hosts":[{"addrs":[{"starttls":"no"}]}]}"#;
    let answer = Case::parse(clear).unwrap().decide();
    assert_eq!(answer.enhanced, "5.7.10", "R35: encryption needed");

    let mut params = MailParams::new(Dialects::default(), true, true);
    assert_eq!(
        params.header(b"TLS-Required", b"No"),
        Answer::Taken,
        "R35: the field"
    );
    let mut params = MailParams::new(Dialects::default(), true, false);
    let Answer::Refused(refusal) = params.param(b"REQUIRETLS", None) else {
        panic!("R4");
    };
    assert_eq!(
        (refusal.code(), refusal.enhanced()),
        (530, Enhanced(5, 7, 10)),
        "R35 R4"
    );
}
