//! Rows 8 to 16 of P6, and P4, P5, P7 and P10, as they come about on the wire.

use crate::peer::{DROP, GREETING, HANDSHAKE, Key, MESSAGE, Traits};
use crate::world::{NOW, World, message, path, short, summary};
use requiretls_core::delivery::Action;
use requiretls_transport::{Envelope, Message, Path};
use rustls::HandshakeKind;
use std::sync::{Arc, Mutex};

/// Label, hosts, tag, outcome, connections made, messages taken.
type Row = (
    &'static str,
    &'static [Traits],
    &'static str,
    &'static str,
    usize,
    usize,
);

/// Step, where it drops, outcome under R, outcome without a tag.
type DropRow = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const GOOD: Traits = Traits::GOOD;
const CLEAR: Traits = Traits::CLEAR;
const WRONG_NAME: Traits = Traits {
    certificate: "other.test",
    ..GOOD
};
const NO_REQUIRETLS: Traits = Traits { tls: "DSN", ..GOOD };
const TLSPOLICY: Traits = Traits {
    tls: "TLSPOLICY MAY ENCRYPT SECURE,DSN",
    clear: "STARTTLS,REQUIRETLS",
    ..GOOD
};
const ONLY_BEFORE_TLS: Traits = Traits {
    tls: "DSN",
    clear: "STARTTLS,REQUIRETLS",
    ..GOOD
};
const STOLEN: Traits = Traits {
    key: Key::AnotherOne,
    ..GOOD
};
const TLS_1_2: Traits = Traits {
    only_tls_1_2: true,
    ..GOOD
};
const STOLEN_1_2: Traits = Traits {
    only_tls_1_2: true,
    ..STOLEN
};
const NOT_NOW: Traits = GOOD.with(&[("STARTTLS", "454 4.7.0 not now\r\n")]);
const NO_SUCH: Traits = GOOD.with(&[("STARTTLS", "502 5.5.1 what?\r\n")]);
const OPEN_END: Traits = GOOD.with(&[("STARTTLS", "421 4.3.2 leaving\r\n")]);
const GARBAGE: Traits = GOOD.with(&[(HANDSHAKE, "this is no TLS at all\r\n")]);
const HANGS_UP: Traits = GOOD.with(&[(HANDSHAKE, DROP)]);
const INJECTS: Traits = GOOD.with(&[("STARTTLS", "220 2.0.0 go ahead\r\n250 REQUIRETLS\r\n")]);
const HELO_ONLY: Traits = GOOD.with(&[("EHLO", "500 5.5.1 what?\r\n")]);
const HELO_ONLY_INSIDE: Traits = GOOD.with(&[("*EHLO", "500 5.5.1 what?\r\n")]);
const NO_HELLO: Traits = GOOD.with(&[("EHLO", "550 no\r\n"), ("HELO", "550 no\r\n")]);
const NO_HELLO_INSIDE: Traits = GOOD.with(&[("*EHLO", "550 no\r\n"), ("*HELO", "550 no\r\n")]);
const NOT_NOW_INSIDE: Traits = GOOD.with(&[("*EHLO", "451 4.3.0 not now\r\n")]);
const DROPS_INSIDE: Traits = GOOD.with(&[("*EHLO", DROP)]);
const REFUSES: Traits = GOOD.with(&[("*MAIL FROM:<a@s.test> REQUIRETLS", "555 5.5.4 what?\r\n")]);
const BY_ENHANCED: Traits = GOOD.with(&[("MAIL", "550-5.7.30 no\r\n550 5.7.30 such thing\r\n")]);
const DEMANDS_TLS: Traits = CLEAR.with(&[("MAIL", "530 5.7.0 STARTTLS first\r\n")]);
const DEMANDS_LATE: Traits = CLEAR.with(&[("RCPT", "530 5.7.0 STARTTLS first\r\n")]);
const GREYLISTS: Traits = GOOD.with(&[("RCPT", "450 4.2.0 come again\r\n")]);

#[test]
fn p6_rows_on_the_wire() {
    #[rustfmt::skip]
    const ROWS: &[Row] = &[
        ("P4 none, in clear", &[CLEAR], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P4 none, over TLS", &[GOOD], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P4 R", &[GOOD], "R", "go 250 2.0.0 - sender", 1, 1),
        ("P4 LE needs no certificate", &[WRONG_NAME], "LE", "go 250 2.0.0 - sender", 1, 1),
        ("P6.8 450 greeting", &[GOOD.with(&[(GREETING, "450 later\r\n")])], "R", "defer 451 4.3.2 8 nobody", 1, 0),
        ("P6.8a 554 greeting", &[GOOD.with(&[(GREETING, "554 no\r\n")])], "R", "defer 451 4.3.2 8a nobody", 1, 0),
        ("P6.8a 554 greeting, none", &[GOOD.with(&[(GREETING, "554 no\r\n")])], "none", "defer 451 4.3.2 8a nobody", 1, 0),
        ("P6.8 greeting of 3yz", &[GOOD.with(&[(GREETING, "354 go\r\n")])], "R", "defer 451 4.4.1 8 nobody", 1, 0),
        ("P6.8 greeting that is none", &[GOOD.with(&[(GREETING, "SSH-2.0-x\r\n")])], "R", "defer 451 4.4.1 8 nobody", 1, 0),
        ("P6.8 EHLO 4yz", &[GOOD.with(&[("EHLO", "451 later\r\n")])], "R", "defer 451 4.4.1 8 nobody", 1, 0),
        ("P6.9 no STARTTLS, R", &[CLEAR], "R", "bounce 550 5.7.10 9 sender", 1, 0),
        ("P6.9 no STARTTLS, LE", &[CLEAR], "LE", "bounce 550 5.7.10 9 sender", 1, 0),
        ("P6.9 HELO alone, none", &[HELO_ONLY], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P6.9 HELO alone, R", &[HELO_ONLY], "R", "bounce 550 5.7.10 9 sender", 1, 0),
        ("P6.8a neither EHLO nor HELO, none", &[NO_HELLO], "none", "defer 451 4.3.2 8a nobody", 1, 0),
        ("P6.8a neither EHLO nor HELO, R", &[NO_HELLO], "R", "defer 451 4.3.2 8a nobody", 1, 0),
        ("P6.10 454, none: the same connection", &[NOT_NOW], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P6.10 454, R", &[NOT_NOW], "R", "defer 451 4.7.10 10 sender", 1, 0),
        ("P6.10 421, none: a new connection", &[OPEN_END], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("P6.10 hangs up in the handshake, R", &[HANGS_UP], "R", "defer 451 4.7.10 10 sender", 1, 0),
        ("P10 hangs up in the handshake, none", &[HANGS_UP], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("P6.10 EHLO inside TLS 4yz, R", &[NOT_NOW_INSIDE], "R", "defer 451 4.7.10 10 sender", 1, 0),
        ("P10 EHLO inside TLS 4yz, none", &[NOT_NOW_INSIDE], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("P6.10 EHLO inside TLS dropped, R", &[DROPS_INSIDE], "R", "defer 451 4.7.10 10 sender", 1, 0),
        ("P10 EHLO inside TLS dropped, none", &[DROPS_INSIDE], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("P6.11a 502, none: the same connection", &[NO_SUCH], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P6.11a 502, R", &[NO_SUCH], "R", "bounce 550 5.7.10 11a sender", 1, 0),
        ("P6.11b garbage, R", &[GARBAGE], "R", "defer 451 4.7.10 11b sender", 1, 0),
        ("P10 garbage, none: a new connection", &[GARBAGE], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("P6.11b injection behind 220, R", &[INJECTS], "R", "defer 451 4.7.10 11b sender", 1, 0),
        ("P10 injection behind 220, none", &[INJECTS], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("P6.11b a certificate without its key, R", &[STOLEN], "R", "defer 451 4.7.10 11b sender", 1, 0),
        ("P6.11b the same in TLS 1.2, R", &[STOLEN_1_2], "R", "defer 451 4.7.10 11b sender", 1, 0),
        ("P10 the same, none", &[STOLEN], "none", "go 250 2.0.0 - nobody", 2, 1),
        ("R23 TLS 1.2 alone, R", &[TLS_1_2], "R", "go 250 2.0.0 - sender", 1, 1),
        ("P6.12 wrong name, R", &[WRONG_NAME], "R", "bounce 550 5.7.10 12 sender", 1, 0),
        ("P6.12 wrong name, none", &[WRONG_NAME], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P6.13 no REQUIRETLS", &[NO_REQUIRETLS], "R", "bounce 550 5.7.30 13 sender", 1, 0),
        ("R22 REQUIRETLS before TLS alone", &[ONLY_BEFORE_TLS], "R", "bounce 550 5.7.30 13 sender", 1, 0),
        ("P6.13 HELO alone inside TLS, R", &[HELO_ONLY_INSIDE], "R", "bounce 550 5.7.30 13 sender", 1, 0),
        ("P6.13 HELO alone inside TLS, none", &[HELO_ONLY_INSIDE], "none", "go 250 2.0.0 - nobody", 1, 1),
        ("P6.13 no hello inside TLS, R", &[NO_HELLO_INSIDE], "R", "bounce 550 5.7.30 13 sender", 1, 0),
        ("P6.8 no hello inside TLS, none", &[NO_HELLO_INSIDE], "none", "defer 451 4.4.2 8 nobody", 1, 0),
        ("P6.14 555", &[REFUSES], "R", "bounce 550 5.7.30 14 sender", 1, 0),
        ("P6.14 by the enhanced code", &[BY_ENHANCED], "R", "bounce 550 5.7.30 14 sender", 1, 0),
        ("P6.16 530 to MAIL, H", &[DEMANDS_TLS], "H", "bounce 530 5.7.0 16 sender", 1, 0),
        ("P6.16 530 to RCPT, H", &[DEMANDS_LATE], "H", "bounce 530 5.7.0 16 sender", 1, 0),
        ("P6.16 530 to MAIL, none: the peer's word", &[DEMANDS_TLS], "none", "bounce 530 5.7.0 - nobody", 1, 0),
        ("P7 the worse host has REQUIRETLS", &[NO_REQUIRETLS, GOOD], "R", "go 250 2.0.0 - sender", 2, 1),
        ("P7 the better host is away", &[GOOD.with(&[(GREETING, DROP)]), NO_REQUIRETLS], "R", "defer 451 4.4.1 8 nobody", 2, 0),
        ("P5 every host refused for good", &[NO_REQUIRETLS, WRONG_NAME], "R", "bounce 550 5.7.10 12 sender", 2, 0),
        ("a peer's 4yz: the next host", &[GREYLISTS, GOOD], "R", "go 250 2.0.0 - sender", 2, 1),
        ("a peer's 5yz settles it", &[GOOD.with(&[("RCPT", "550 5.1.1 who?\r\n")]), GOOD], "R", "bounce 550 5.1.1 - nobody", 1, 0),
        ("a peer's 5yz to MAIL", &[GOOD.with(&[("MAIL", "550 5.7.1 no\r\n")])], "R", "bounce 550 5.7.1 - nobody", 1, 0),
        ("a peer's 4yz to MAIL", &[GOOD.with(&[("MAIL", "452 4.3.1 full\r\n")])], "R", "defer 452 4.3.1 - nobody", 1, 0),
        ("a peer's 4yz to RCPT", &[GREYLISTS], "R", "defer 450 4.2.0 - nobody", 1, 0),
        ("a peer's 5yz to DATA", &[GOOD.with(&[("DATA", "554 5.6.0 no\r\n")])], "R", "bounce 554 5.6.0 - nobody", 1, 0),
        ("a peer's 4yz to the message", &[GOOD.with(&[(MESSAGE, "452 4.3.1 full\r\n")])], "R", "defer 452 4.3.1 - nobody", 1, 1),
        ("a peer's 5yz to the message", &[GOOD.with(&[(MESSAGE, "552 big\r\n")])], "R", "bounce 552 5.0.0 - nobody", 1, 1),
        ("250 to DATA is no 354", &[GOOD.with(&[("DATA", "250 ok\r\n")])], "R", "defer 451 4.4.2 8 nobody", 1, 0),
        ("354 to the message is no 250", &[GOOD.with(&[(MESSAGE, "354 more\r\n")])], "R", "defer 451 4.4.2 - nobody", 1, 1),
        ("354 to RCPT is no 250", &[GOOD.with(&[("RCPT", "354 more\r\n")])], "R", "defer 451 4.4.2 8 nobody", 1, 0),
        ("421 to RCPT", &[GOOD.with(&[("RCPT", "421 4.3.2 leaving\r\n")])], "R", "defer 451 4.4.2 8 nobody", 1, 0),
    ];
    let offers = ["", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"];
    let all = ROWS.iter().flat_map(|row| offers.map(|more| (row, more)));
    for ((label, hosts, tag, expected, connections, messages), more) in all {
        // What is answered to DATA is not asked where chunks are sent.
        if more.contains("CHUNKING") && label.contains("DATA") {
            continue;
        }
        let label = format!("{label} [{more}]");
        let hosts: Vec<Traits> = hosts.iter().map(|host| host.offers(more)).collect();
        let world = World::of(&hosts);
        let outcome = world.deliver(tag);
        assert_eq!(summary(&outcome), *expected, "{label}: {outcome:#?}");
        let made: usize = world.peers.iter().map(|p| p.seen().len()).sum();
        assert_eq!(made, *connections, "{label}: connections");
        assert_eq!(world.messages(), *messages, "{label}: messages");
    }
}

/// P6, below the table: EHLO refused inside TLS is followed by HELO only where row 13 lets MAIL follow.
#[test]
fn p6_13_helo_inside_tls() {
    for (tag, expected) in [
        ("R", false),
        ("F0", false),
        ("none", true),
        ("H", true),
        ("LE", true),
    ] {
        let world = World::of(&[HELO_ONLY_INSIDE]);
        let _ = world.deliver(tag);
        let commands = world.peers[0].commands();
        let said = commands.iter().any(|c| c.starts_with("*HELO"));
        assert_eq!(said, expected, "{tag}: {commands:?}");
    }
}

/// Rows 8 and 10: a connection that breaks at any step is never a reason to bounce, and a message
/// under R never goes on in clear.
#[test]
fn p6_8_and_10_drop_after_each_step() {
    #[rustfmt::skip]
    let rows: &[DropRow] = &[
        ("greeting", &[(GREETING, DROP)], "defer 451 4.4.1 8 nobody", "defer 451 4.4.1 8 nobody"),
        ("EHLO", &[("EHLO", DROP)], "defer 451 4.4.1 8 nobody", "defer 451 4.4.1 8 nobody"),
        ("STARTTLS", &[("STARTTLS", DROP)], "defer 451 4.7.10 10 sender", "go 250 2.0.0 - nobody"),
        ("handshake", &[(HANDSHAKE, DROP)], "defer 451 4.7.10 10 sender", "go 250 2.0.0 - nobody"),
        ("second EHLO", &[("*EHLO", DROP)], "defer 451 4.7.10 10 sender", "go 250 2.0.0 - nobody"),
        ("MAIL", &[("*MAIL", DROP)], "defer 451 4.4.2 8 nobody", "defer 451 4.4.2 8 nobody"),
        ("RCPT", &[("*RCPT", DROP)], "defer 451 4.4.2 8 nobody", "defer 451 4.4.2 8 nobody"),
        ("DATA", &[("*DATA", DROP)], "defer 451 4.4.2 8 nobody", "defer 451 4.4.2 8 nobody"),
        ("message", &[(MESSAGE, DROP)], "defer 451 4.4.2 - nobody", "defer 451 4.4.2 - nobody"),
        ("QUIT", &[("QUIT", DROP)], "go 250 2.0.0 - sender", "go 250 2.0.0 - nobody"),
    ];
    for (step, instead, under_r, untagged) in rows {
        let offers = ["", "PIPELINING"];
        let all = [("R", under_r), ("none", untagged)].map(|row| offers.map(|more| (row, more)));
        for ((tag, expected), more) in all.into_iter().flatten() {
            let world = World::of(&[GOOD.with(instead).offers(more)]);
            let outcome = world.deliver(tag);
            assert_eq!(
                summary(&outcome),
                *expected,
                "{tag}, dropped at {step} [{more}]"
            );
            let in_clear = world.peers[0].commands();
            let in_clear = in_clear.iter().any(|c| c.starts_with("MAIL"));
            assert_eq!(
                in_clear,
                tag == "none" && outcome.tls().is_none() && expected.starts_with("go"),
                "{tag} {step}"
            );
        }
    }
}

/// R22, P4, R29: what MAIL goes with, and that it goes once.
#[test]
fn p4_what_mail_goes_with() {
    let refuses_null = GOOD.with(&[("*MAIL FROM:<> REQUIRETLS", "555 5.5.4 what?\r\n")]);
    let refuses_level = TLSPOLICY.with(&[("*MAIL FROM:<a@s.test> TLSPOLICY", "501 5.5.4 no\r\n")]);
    let a = path("a@s.test");
    let null = Path::null();
    #[rustfmt::skip]
    let rows: [(&str, Traits, &Path, &str, &[&str]); 9] = [
        ("none", GOOD, &a, "none", &["*MAIL FROM:<a@s.test>"]),
        ("none in clear", CLEAR, &a, "none", &["MAIL FROM:<a@s.test>"]),
        ("R", GOOD, &a, "R", &["*MAIL FROM:<a@s.test> REQUIRETLS"]),
        ("R22 H", GOOD, &a, "H", &["*MAIL FROM:<a@s.test>"]),
        ("LE, offered", TLSPOLICY, &a, "LE", &["*MAIL FROM:<a@s.test> TLSPOLICY=ENCRYPT"]),
        ("R29 R from <>", GOOD, &null, "R", &["*MAIL FROM:<> REQUIRETLS"]),
        ("R29 R from <>, not offered", NO_REQUIRETLS, &null, "R", &["*MAIL FROM:<> RET=HDRS"]),
        ("P6.14 R from <>, refused: once without", refuses_null, &null, "R", &["*MAIL FROM:<> REQUIRETLS", "*RSET", "*MAIL FROM:<> RET=HDRS"]),
        ("P6.14 LE, refused: once without", refuses_level, &a, "LE", &["*MAIL FROM:<a@s.test> TLSPOLICY=ENCRYPT", "*RSET", "*MAIL FROM:<a@s.test> RET=HDRS"]),
    ];
    for (label, traits, from, tag, expected) in rows {
        let world = World::of(&[traits]);
        let message = message(from, b"x: y\r\n\r\n");
        let plan = world.plan_for("d.test", tag, from.as_str().is_empty());
        let outcome = world.client().deliver(plan, &message);
        assert_eq!(outcome.action, Action::Go, "{label}: {outcome:#?}");
        let commands = world.peers[0].commands();
        let mail: Vec<&String> = commands
            .iter()
            .filter(|c| c.contains("MAIL") || c.contains("RSET"))
            .collect();
        assert_eq!(mail, expected, "{label}");
        let sent = outcome.sent().unwrap();
        let last = expected.last().unwrap();
        assert!(
            last.ends_with(sent.parameters.as_str()) && sent.content,
            "{label}: {sent:?}"
        );
    }
}

/// P5: all addresses of a host before the next host, each once.
#[test]
fn p5_every_address_in_order() {
    let away = GOOD.with(&[(GREETING, DROP)]);
    for (label, hosts, tag, expected, tried) in [
        (
            "the second address",
            vec![vec![away, GOOD], vec![GOOD]],
            "R",
            "go",
            vec![1, 2],
        ),
        (
            "the next host",
            vec![vec![away, away], vec![GOOD]],
            "R",
            "go",
            vec![1, 2, 3],
        ),
        (
            "none",
            vec![vec![away, away], vec![away]],
            "R",
            "defer",
            vec![1, 2, 3],
        ),
        (
            "TLS fails at one address",
            vec![vec![GARBAGE, GOOD]],
            "R",
            "go",
            vec![1, 2],
        ),
        (
            "every address lacks it",
            vec![vec![CLEAR, CLEAR]],
            "R",
            "bounce",
            vec![1, 2],
        ),
        (
            "one may heal",
            vec![vec![CLEAR, away]],
            "R",
            "defer",
            vec![1, 2],
        ),
        (
            "in clear at the first address",
            vec![vec![GARBAGE, GOOD]],
            "none",
            "go",
            vec![1],
        ),
    ] {
        let world = World::with_hosts(&hosts);
        let outcome = world.deliver(tag);
        assert_eq!(outcome.action.as_str(), expected, "{label}");
        let addresses = outcome.tries.iter().map(|t| t.address.unwrap().to_string());
        let expected: Vec<String> = tried.iter().map(|n| format!("192.0.2.{n}")).collect();
        assert_eq!(addresses.collect::<Vec<_>>(), expected, "{label}");
    }
}

/// D20: the name of the host is sent as SNI; TLS is what rustls says it is.
#[test]
fn d20_server_name_and_what_was_negotiated() {
    let world = World::of(&[GOOD]);
    let outcome = world.deliver("R");
    assert_eq!(world.peers[0].seen()[0].sni.as_deref(), Some("mx1.d.test"));
    let tls = outcome.tls().unwrap();
    assert_eq!(
        (tls.protocol, tls.sni.as_deref()),
        ("TLSv1.3", Some("mx1.d.test"))
    );
    assert_eq!(outcome.host().unwrap().to_string(), "mx1.d.test");
    assert!(outcome.session.is_some() && outcome.kept.is_none());
}

/// Row 12a: no session is resumed, so that the chain is there every time.
#[test]
fn p6_12a_every_handshake_is_a_full_one() {
    for traits in [GOOD, TLS_1_2] {
        let world = World::of(&[traits]);
        let client = world.client();
        for _ in 0..3 {
            let outcome = client.deliver(world.plan("R"), &short());
            assert_eq!(outcome.action, Action::Go);
        }
        let seen = world.peers[0].seen();
        assert_eq!(seen.len(), 3);
        for seen in seen {
            assert_eq!(seen.handshake, Some(HandshakeKind::Full), "{traits:?}");
        }
    }
}

/// S20: whoever looks up the facts is shown every delivery once, when it has stopped.
#[test]
fn s20_a_delivery_that_has_stopped_is_shown() {
    for (label, hosts, tag, expected) in [
        ("go", vec![GOOD], "R", "go"),
        ("the second host", vec![NO_REQUIRETLS, GOOD], "R", "go"),
        ("defer", vec![GARBAGE], "R", "defer"),
        ("bounce", vec![CLEAR], "R", "bounce"),
        ("no host", vec![], "none", "bounce"),
    ] {
        let world = World::of(&hosts);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&shown);
        let client = world.client().noting(move |delivery| {
            let action = delivery.outcome().action.as_str();
            all.lock().unwrap().push(action);
        });
        let outcome = client.deliver(world.plan(tag), &short());
        assert_eq!(outcome.action.as_str(), expected, "{label}");
        assert_eq!(*shown.lock().unwrap(), [expected], "{label}");
    }
}

/// P9: what has expired by the time of MAIL opens no gate.
#[test]
fn p9_expired_facts() {
    let mut world = World::of(&[GOOD]);
    world.expires = Some(NOW);
    let outcome = world.deliver("none");
    assert_eq!(outcome.action, Action::Defer);
    assert!(!world.peers[0].commands().iter().any(|c| c.contains("MAIL")));
}

/// A plan that refuses the next hop as a whole makes no connection.
#[test]
fn p6_15_no_connection_under_a_refused_plan() {
    let world = World::of(&[GOOD]);
    let next_hop = world.plan("none").next_hop().clone();
    let plan = requiretls_core::plan::Plan::unreadable(
        next_hop,
        requiretls_core::plan::Unreadable::Tag,
        "unreadable",
    );
    let outcome = world.client().deliver(plan, &short());
    assert_eq!(summary(&outcome), "defer 451 4.3.0 15 nobody");
    assert!(outcome.tries.is_empty() && world.peers[0].seen().is_empty());
}

/// Each recipient has its own reply; one that was refused for good is not offered again.
#[test]
fn recipients_one_by_one() {
    let mixed = GOOD.with(&[
        ("*RCPT TO:<no@d.test>", "550 5.1.1 who?\r\n"),
        ("*RCPT TO:<later@d.test>", "450 4.2.0 later\r\n"),
    ]);
    let none_now = GOOD.with(&[
        ("*RCPT TO:<no@d.test>", "550 5.1.1 who?\r\n"),
        ("*RCPT TO", "450 4.2.0 later\r\n"),
    ]);
    for (label, hosts, expected, offered_to_second) in [
        (
            "mixed",
            vec![mixed, GOOD],
            ["250 2.0.0", "450 4.2.0", "550 5.1.1"],
            vec![],
        ),
        (
            "the rest goes to the next host",
            vec![none_now, GOOD],
            ["250 2.0.0", "250 2.0.0", "550 5.1.1"],
            vec!["*RCPT TO:<yes@d.test>", "*RCPT TO:<later@d.test>"],
        ),
        (
            "no other host is left",
            vec![none_now, CLEAR],
            ["450 4.2.0", "450 4.2.0", "550 5.1.1"],
            vec![],
        ),
    ] {
        let world = World::of(&hosts);
        let from = path("a@s.test");
        let to = ["yes@d.test", "later@d.test", "no@d.test"].map(path);
        let message = Message::new(Envelope::new(from, to), b"x\r\n".as_slice()).unwrap();
        let outcome = world.client().deliver(world.plan("R"), &message);
        let replies = outcome.recipients.iter();
        let replies = replies.map(|r| format!("{} {}", r.reply.code, r.reply.enhanced));
        let replies: Vec<String> = replies.collect();
        assert_eq!(replies, expected, "{label}");
        let second = world.peers[1].commands();
        let second: Vec<&String> = second.iter().filter(|c| c.contains("RCPT")).collect();
        assert_eq!(second, offered_to_second, "{label}");
    }
}
