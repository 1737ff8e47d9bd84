use super::{Action, Delivery, End, TlsFailure};
use crate::authenticate::{CertFailure, CertUndecided, Evidence, Outcome};
use crate::connection::Clearance;
use crate::decision::Row;
use crate::domain::Domain;
use crate::ehlo::EhloReply;
use crate::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use crate::next_hop::{Host, NextHop};
use crate::plan::{Message, Plan, Settings};
use crate::reply::Enhanced;
use crate::requirement::{Downgrade, Requirement};
use crate::site_policy::Rule;
use std::net::Ipv4Addr;

mod record;
mod reuse;
mod told;

const NOW: u64 = 1_000;
const CIPHER: Option<&str> = Some("TLS_AES_128_GCM_SHA256");

fn host_name(name: &str) -> Host {
    Host::Name(Domain::known(name))
}

fn facts(hosts: &[&str]) -> Facts {
    Facts {
        route: Route::Mx(Security::Secure),
        expanded: None,
        hosts: hosts
            .iter()
            .map(|name| HostFacts {
                host: host_name(name),
                addresses: Addresses::Found(vec![Ipv4Addr::new(192, 0, 2, 1).into()]),
                cname: None,
                tlsa: Tlsa::None,
            })
            .collect(),
        sts: Sts::None,
        expires: Some(NOW + 60),
    }
}

fn delivery(requirement: Requirement, hosts: &[&str]) -> Delivery {
    delivery_to("d.test", requirement, facts(hosts))
}

fn delivery_to(next_hop: &str, requirement: Requirement, facts: Facts) -> Delivery {
    let message = Message {
        requirement,
        ..Message::default()
    };
    let next_hop = NextHop::Domain(Domain::known(next_hop));
    let (rule, settings) = (Rule::default(), Settings::default());
    Delivery::new(Plan::new(next_hop, message, rule, settings, facts))
}

fn ehlo(keywords: &str) -> EhloReply {
    EhloReply::parse(format!("250-mx.d.test\r\n{keywords}250 SIZE\r\n").as_bytes())
}

fn plain() -> EhloReply {
    ehlo("250-STARTTLS\r\n")
}

fn full() -> EhloReply {
    ehlo("250-REQUIRETLS\r\n250-DSN\r\n")
}

fn good() -> Evidence {
    Evidence::new(|_| Outcome::Holds)
}

fn bad() -> Evidence {
    Evidence::new(|_| Outcome::Fails(CertFailure::NotTrusted))
}

/// The states of the order rules, with what leads there under a tag of R.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    Looked,
    Host,
    Clear,
    Peer,
    Tls,
    Ready,
    Sent,
    Done,
}

fn at(state: At) -> Delivery {
    let mut d = delivery(Requirement::R, &["mx1.d.test", "mx2.d.test"]);
    let steps: &[At] = match state {
        At::Looked => &[],
        At::Host => &[At::Host],
        At::Clear => &[At::Host, At::Clear],
        At::Peer => &[At::Host, At::Clear, At::Peer],
        At::Tls => &[At::Host, At::Clear, At::Peer, At::Tls],
        At::Ready => &[At::Host, At::Clear, At::Peer, At::Tls, At::Ready],
        At::Sent => &[At::Host, At::Clear, At::Peer, At::Tls, At::Ready, At::Sent],
        At::Done => &[
            At::Host,
            At::Clear,
            At::Peer,
            At::Tls,
            At::Ready,
            At::Sent,
            At::Done,
        ],
    };
    for step in steps {
        let action = match step {
            At::Looked => Action::Go,
            At::Host => d.host(&host_name("mx1.d.test")),
            At::Clear => d.ehlo(&plain()),
            At::Peer => d.peer(good()),
            At::Tls => d.tls(Some("TLSv1.3"), CIPHER),
            At::Ready => d.ehlo(&full()),
            At::Sent => d.mail_params(NOW).map_or_else(|a| a, |_| Action::Go),
            At::Done => d.done(End::Reply(250)),
        };
        let expected = if *step == At::Clear {
            Action::StartTls
        } else {
            Action::Go
        };
        assert_eq!(action, expected, "on the way to {state:?}, at {step:?}");
    }
    d
}

type Call = (&'static str, fn(&mut Delivery) -> Action);

const CALLS: [Call; 11] = [
    ("host", |d| d.host(&host_name("mx2.d.test"))),
    ("next", |d| {
        d.next_host_to_try().map_or_else(|a| a, |_| Action::Go)
    }),
    ("ehlo", |d| d.ehlo(&full())),
    ("tls_failed", |d| d.tls_failed(TlsFailure::Lost)),
    ("peer", |d| d.peer(good())),
    ("tls", |d| d.tls(Some("TLSv1.3"), CIPHER)),
    ("mail_params", |d| {
        d.mail_params(NOW).map_or_else(|a| a, |_| Action::Go)
    }),
    ("mail_reply", |d| d.mail_reply(250, "2.1.0 ok")),
    ("done 2xx", |d| d.done(End::Reply(250))),
    ("done 5xx", |d| d.done(End::Reply(550))),
    ("done closed", |d| d.done(End::Closed)),
];

/// State by call, under a tag that no connection here satisfies in clear. `G` go, `N` next host,
/// `D` defer (misuse). Every answer but go leaves the host.
#[test]
fn order_rules() {
    #[rustfmt::skip]
    let table: [(At, &str); 8] = [
        //            host next ehlo fail peer tls  mail rply 2xx  5xx  closed
        (At::Looked, "G    G    D    D    D    D    D    D    D    N    N"),
        (At::Host,   "G    G    N    N    G    G    D    D    D    N    N"),
        (At::Clear,  "G    G    D    N    G    G    D    D    D    N    N"),
        (At::Peer,   "G    G    D    N    G    G    D    D    D    N    N"),
        (At::Tls,    "G    G    G    N    G    D    D    D    D    N    N"),
        (At::Ready,  "G    G    D    D    D    D    G    D    D    N    G"),
        (At::Sent,   "G    G    D    D    D    D    G    G    G    G    G"),
        (At::Done,   "G    G    D    D    D    D    D    D    G    G    G"),
    ];
    for (state, row) in table {
        for ((name, call), expected) in CALLS.iter().zip(row.split_whitespace()) {
            let mut d = at(state);
            let action = call(&mut d);
            let expected = match expected {
                "G" => Action::Go,
                "N" => Action::NextHost,
                _ => Action::Defer,
            };
            assert_eq!(action, expected, "{name} at {state:?}");
            if action != Action::Go {
                assert!(d.current().is_none(), "{name} at {state:?} leaves the host");
                assert_eq!(
                    d.mail_params(NOW),
                    Err(Action::Defer),
                    "{name} at {state:?}: the gate"
                );
            }
            if action == Action::Defer {
                let why = d.why().expect("a reason");
                assert_eq!(
                    (why.code, why.enhanced),
                    (451, Enhanced(4, 3, 0)),
                    "{name} {state:?}"
                );
            }
        }
    }
}

/// The chain may be told before or after TLS; without it, EHLO inside TLS is the end (P6.12a).
#[test]
fn p6_12a_the_chain_comes_before_or_after_tls() {
    let rows: [(&str, &[Call], Action); 5] = [
        ("before", &[CALLS[4], CALLS[5], CALLS[2]], Action::Go),
        ("after", &[CALLS[5], CALLS[4], CALLS[2]], Action::Go),
        ("never", &[CALLS[5], CALLS[2]], Action::NextHost),
        (
            "none handed over (VX32)",
            &[("n 0", |d| d.peer(Evidence::not_supplied()))],
            Action::NextHost,
        ),
        (
            "implicit TLS: no EHLO before it",
            &[CALLS[5], CALLS[4], CALLS[2]],
            Action::Go,
        ),
    ];
    for (label, calls, expected) in rows {
        let from = if label.starts_with("implicit") {
            At::Host
        } else {
            At::Clear
        };
        let mut d = at(from);
        let last = calls
            .iter()
            .map(|(_, call)| call(&mut d))
            .last()
            .expect("a call");
        assert_eq!(last, expected, "{label}");
        if expected == Action::NextHost {
            assert_eq!(
                d.last_refusal().map(|r| r.row),
                Some(Row::ChainUndecided),
                "{label}"
            );
        } else {
            assert_eq!(
                d.mail_params(NOW).map(|c| c.mail_params()),
                Ok(" REQUIRETLS"),
                "{label}"
            );
        }
    }
}

/// Order rules, state PEER: a chain told before EHLO in clear is not that of a later STARTTLS.
#[test]
fn a_chain_is_of_the_tls_that_follows_it() {
    for (label, requirement, offer) in [
        ("before STARTTLS", Requirement::R, plain()),
        ("before clear text", Requirement::None, ehlo("")),
    ] {
        let mut d = delivery(requirement, &["mx1.d.test"]);
        d.host(&host_name("mx1.d.test"));
        assert_eq!(d.peer(good()), Action::Go, "{label}");
        assert_eq!(d.ehlo(&offer), Action::Defer, "{label}");
        assert!(d.current().is_none(), "{label}");
    }
}

/// VX52: not valid yet may heal.
#[test]
fn vx52_not_yet_valid_defers() {
    let mut d = delivery(Requirement::R, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&plain());
    d.tls(Some("TLSv1.3"), CIPHER);
    let early = Evidence::new(|_| Outcome::Undecided(CertUndecided::NotYetValid));
    assert_eq!(d.peer(early), Action::NextHost);
    let outcome = d.outcome();
    assert_eq!(outcome.action, Action::Defer);
    assert_eq!(
        (outcome.reply.code, outcome.reply.enhanced),
        (451, Enhanced(4, 7, 10))
    );
    assert_eq!(outcome.row, Some(Row::ChainUndecided));
}

/// VX15, R22: a keyword seen before TLS does not count.
#[test]
fn vx15_keyword_before_tls_only() {
    let mut d = delivery(Requirement::R, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    assert_eq!(
        d.ehlo(&ehlo("250-STARTTLS\r\n250-REQUIRETLS\r\n")),
        Action::StartTls
    );
    d.tls(Some("TLSv1.3"), CIPHER);
    d.peer(good());
    assert_eq!(d.ehlo(&ehlo("250-DSN\r\n")), Action::NextHost);
    let outcome = d.outcome();
    assert_eq!(outcome.action, Action::Bounce);
    assert_eq!(
        (outcome.reply.code, outcome.reply.enhanced),
        (550, Enhanced(5, 7, 30))
    );
}

/// A STARTTLS offer inside TLS is not taken, and one after a fallback to clear neither (P10).
#[test]
fn p10_starttls_is_asked_for_once() {
    let mut d = delivery(Requirement::None, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    assert_eq!(d.ehlo(&plain()), Action::StartTls);
    assert_eq!(d.tls_failed(TlsFailure::Rejected), Action::Go);
    assert_eq!(d.ehlo(&plain()), Action::Go, "stays in clear");
    let cleared = d.mail_params(NOW).expect("may go");
    assert!(!cleared.tls());
    let mut d = delivery(Requirement::None, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&plain());
    d.tls(Some("TLSv1.1"), None);
    assert_eq!(d.ehlo(&plain()), Action::Go);
    assert!(d.mail_params(NOW).expect("may go").tls());
}

/// Evidence of a connection that was left does not open the gate of the next (the hole that the
/// order rules name).
#[test]
fn gate_opens_only_for_what_was_shown_since_the_last_host() {
    for (name, call) in [CALLS[0], CALLS[1]] {
        let mut d = at(At::Ready);
        assert_eq!(call(&mut d), Action::Go, "{name}");
        assert_eq!(d.mail_params(NOW), Err(Action::Defer), "{name}");
    }
    let mut d = at(At::Ready);
    assert_eq!(d.host(&host_name("other.test")), Action::NextHost);
    assert_eq!(
        d.mail_params(NOW),
        Err(Action::Defer),
        "a host that is not in the plan"
    );
    // TLS with a good chain, then a fallback to clear: the chain is forgotten.
    let mut d = delivery(Requirement::None, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&plain());
    d.peer(good());
    assert_eq!(d.tls_failed(TlsFailure::Lost), Action::Go);
    assert_eq!(d.ehlo(&full()), Action::Go);
    assert!(!d.mail_params(NOW).expect("may go").tls());
}

/// The gate says defer when the facts have expired meanwhile.
#[test]
fn gate_is_closed_when_facts_have_expired() {
    let mut d = at(At::Ready);
    assert_eq!(d.mail_params(NOW + 60), Err(Action::Defer));
    assert!(d.current().is_none());
    let mut d = at(At::Sent);
    assert!(
        d.mail_params(NOW + 59).is_ok(),
        "a further transaction while they are fresh"
    );
}

/// A host of the server's own list that is not in the plan.
#[test]
fn strangers_only_at_level_may() {
    let rows = [
        ("untagged", Requirement::None, Action::Go),
        (
            "H",
            Requirement::Downgrade(Downgrade::HeaderField),
            Action::Go,
        ),
        ("R", Requirement::R, Action::NextHost),
    ];
    for (label, requirement, expected) in rows {
        let mut d = delivery(requirement, &["mx1.d.test"]);
        assert_eq!(d.host(&host_name("elsewhere.test")), expected, "{label}");
    }
}

/// P5: the end over all hosts, told by the rows of each address.
#[test]
fn p5_verdict_over_all_hosts() {
    let mut nothing = delivery(Requirement::R, &["mx1.d.test"]);
    assert_eq!(nothing.outcome().action, Action::Defer, "an untried host");
    assert_eq!(nothing.verdict().action, Action::Defer, "an untried host");
    nothing.host(&host_name("mx1.d.test"));
    assert_eq!(nothing.done(End::Lost), Action::NextHost);
    assert_eq!(nothing.outcome().reply.enhanced, Enhanced(4, 4, 1));
    assert_eq!(
        nothing.verdict().action,
        Action::Go,
        "the server has a result of its own"
    );

    let mut one_left = delivery(Requirement::R, &["mx1.d.test", "mx2.d.test"]);
    one_left.host(&host_name("mx1.d.test"));
    one_left.ehlo(&ehlo(""));
    assert_eq!(one_left.outcome().action, Action::Defer, "one host is left");
    one_left.host(&host_name("mx2.d.test"));
    one_left.ehlo(&ehlo(""));
    assert_eq!(
        one_left.verdict().action,
        Action::Bounce,
        "both refuse STARTTLS"
    );
    assert_eq!(one_left.next_host_to_try().err(), Some(Action::Bounce));

    let mut settled = at(At::Done);
    assert_eq!(settled.verdict().action, Action::Go);
    assert_eq!(
        settled.host(&host_name("mx2.d.test")),
        Action::Go,
        "recipients that are left"
    );
    assert_eq!(settled.verdict().action, Action::Go);
}

/// Row 15: what was wrong on our side is in the verdict, and neither a bounce nor the server's own
/// result comes of it.
#[test]
fn p6_15_misuse_and_expiry_are_in_the_verdict() {
    let internal = Enhanced(4, 3, 0);
    let rows: [(&str, At, Call, Enhanced); 5] = [
        ("TLS before its time", At::Ready, CALLS[5], internal),
        ("MAIL before its time", At::Host, CALLS[6], internal),
        ("accepted without a host", At::Looked, CALLS[8], internal),
        ("accepted without the gate", At::Ready, CALLS[8], internal),
        (
            "the facts have expired",
            At::Ready,
            ("late", |d| {
                d.mail_params(NOW + 60).map_or_else(|a| a, |_| Action::Go)
            }),
            Enhanced(4, 4, 3),
        ),
    ];
    for (label, state, (_, call), enhanced) in rows {
        let mut d = at(state);
        assert_eq!(call(&mut d), Action::Defer, "{label}");
        for host in ["mx1.d.test", "mx2.d.test"] {
            d.host(&host_name(host));
            d.done(End::Lost);
        }
        let verdict = d.verdict();
        assert_eq!(
            verdict.action,
            Action::Defer,
            "{label}: not the server's own result"
        );
        let mut d = at(state);
        call(&mut d);
        let reply = d.verdict().reply;
        assert_eq!((reply.code, reply.enhanced), (451, enhanced), "{label}");
        for host in ["mx1.d.test", "mx2.d.test"] {
            d.host(&host_name(host));
            d.ehlo(&ehlo(""));
        }
        assert_eq!(d.verdict().action, Action::Defer, "{label}: no bounce");
    }
}

/// A call out of order where there is no host takes nothing back of what is known already.
#[test]
fn p5_misuse_without_a_host_changes_no_verdict() {
    let mut d = delivery(Requirement::R, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&ehlo(""));
    assert_eq!(d.mail_params(NOW), Err(Action::Defer));
    assert_eq!(d.verdict().action, Action::Bounce, "no STARTTLS");
}

/// P5: a host that the site's route names twice is tried twice, by its name too.
#[test]
fn p5_a_host_named_twice() {
    let mut d = delivery(Requirement::R, &["mx1.d.test", "mx1.d.test"]);
    for label in ["first", "second"] {
        assert_eq!(d.host(&host_name("mx1.d.test")), Action::Go, "{label}");
        d.ehlo(&ehlo(""));
    }
    assert_eq!(d.host(&host_name("mx1.d.test")), Action::NextHost);
    assert_eq!(d.verdict().action, Action::Bounce, "both refuse STARTTLS");
}

/// The refusal that is told belongs to the latest answer.
#[test]
fn an_answer_without_a_refusal_tells_none() {
    let mut d = delivery(Requirement::R, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&ehlo(""));
    assert_eq!(d.last_refusal().map(|r| r.row), Some(Row::NoStarttls));
    assert_eq!(d.host(&host_name("other.test")), Action::NextHost);
    assert_eq!(d.last_refusal(), None);
}

/// Leaving a host without a word counts as a lost connection.
#[test]
fn a_host_left_without_a_word_counts_as_lost() {
    let mut d = delivery(Requirement::R, &["mx1.d.test"]);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&plain());
    assert_eq!(d.next_host_to_try().err(), Some(Action::Defer));
    assert_eq!(d.outcome().reply.enhanced, Enhanced(4, 4, 2));
}

/// P6.14 and P6.16: what the reply to MAIL means.
#[test]
fn p6_14_replies_to_mail() {
    let rows = [
        ("accepted", 250, "2.1.0 ok", Action::Go),
        (
            "unknown parameter",
            555,
            "5.5.4 REQUIRETLS?",
            Action::NextHost,
        ),
        ("syntax", 501, "", Action::NextHost),
        ("order", 503, "bad sequence", Action::NextHost),
        ("by its enhanced code", 550, "5.7.30 no", Action::NextHost),
        ("by its enhanced code", 554, "5.7.10 no", Action::NextHost),
        ("another reason (VX41)", 550, "5.7.1 not you", Action::Go),
        ("greylisted", 451, "4.7.1 later", Action::Go),
        (
            "a temporary code is never about the parameter",
            451,
            "4.7.10 later",
            Action::Go,
        ),
        ("530 inside TLS", 530, "5.7.0 STARTTLS first", Action::Go),
    ];
    for (label, code, text, expected) in rows {
        let mut d = at(At::Sent);
        assert_eq!(d.mail_reply(code, text), expected, "{label}");
        if expected == Action::NextHost {
            let why = d.why().expect("a reason");
            assert_eq!(
                (why.code, why.enhanced),
                (550, Enhanced(5, 7, 30)),
                "{label}"
            );
            assert!(
                why.text.contains(text.split(' ').next_back().unwrap_or("")),
                "{label}"
            );
        }
    }
}

/// P6.14: on the null path the message goes once more without the parameter, once.
#[test]
fn p6_14_again_on_the_null_path() {
    let message = Message {
        requirement: Requirement::R,
        null_path: true,
        auth: false,
    };
    let next_hop = NextHop::Domain(Domain::known("d.test"));
    let plan = Plan::new(
        next_hop,
        message,
        Rule::default(),
        Settings::default(),
        facts(&["mx1.d.test"]),
    );
    let mut d = Delivery::new(plan);
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&plain());
    d.tls(Some("TLSv1.2"), CIPHER);
    d.peer(bad());
    assert_eq!(d.ehlo(&full()), Action::Go, "R29: any TLS");
    assert_eq!(
        d.mail_params(NOW).map(|c| c.mail_params()),
        Ok(" REQUIRETLS")
    );
    assert_eq!(d.mail_reply(555, "5.5.4 no"), Action::Again);
    let second = d.mail_params(NOW).expect("goes without it");
    assert_eq!((second.mail_params(), second.ret_hdrs()), ("", true));
    assert_eq!(
        d.mail_reply(555, "5.5.4 no"),
        Action::Go,
        "nothing of ours was refused"
    );
}
