//! What is answered to which command, and when?

use crate::desk::{Desk, code, terms};
use requiretls_core::mail_param::Dialects;
use requiretls_core::next_hop::NextHop;
use requiretls_transport::lmtp::{Limits, Terms};
use requiretls_transport::{Body, Ret};

/// What was said before.
const STATES: [(&str, &[&str]); 4] = [
    ("new", &[]),
    ("greeted", &["LHLO client.test"]),
    ("mail", &["LHLO client.test", "MAIL FROM:<a@b.test>"]),
    (
        "rcpt",
        &[
            "LHLO client.test",
            "MAIL FROM:<a@b.test>",
            "RCPT TO:<c@d.test>",
        ],
    ),
];

fn in_every_state(label: &str, terms: &Terms, command: &str, expected: &str) {
    let found: Vec<String> = STATES
        .iter()
        .map(|(_, before)| {
            let mut desk = Desk::open(terms.clone());
            assert_eq!(code(&desk.client.reply()), "220");
            for command in *before {
                assert!(desk.client.say(command).starts_with("250"), "{command}");
            }
            desk.client.send(command);
            let reply = code(&desk.client.reply());
            // 421 and 221 close, whatever else does not.
            let closes = desk.client.0.shutdown(std::net::Shutdown::Write).is_ok()
                && desk.client.reply().is_empty();
            assert!(closes, "{label}: more than one reply");
            desk.server.join().unwrap();
            reply
        })
        .collect();
    assert_eq!(found.join(" | "), expected, "{label}");
}

#[test]
fn every_command_in_every_state() {
    let long = format!("NOOP {}\r\n", "x".repeat(10_000));
    #[rustfmt::skip]
    let rows = [
        ("LHLO", "LHLO x\r\n", "250 | 250 | 250 | 250"),
        ("LHLO without a name", "LHLO\r\n", "501 5.5.4 | 501 5.5.4 | 501 5.5.4 | 501 5.5.4"),
        ("RFC 2033 4.1: EHLO", "EHLO x\r\n", "500 5.5.1 | 500 5.5.1 | 500 5.5.1 | 500 5.5.1"),
        ("RFC 2033 4.1: HELO", "HELO x\r\n", "500 5.5.1 | 500 5.5.1 | 500 5.5.1 | 500 5.5.1"),
        ("MAIL", "MAIL FROM:<a@b.test>\r\n", "503 5.5.1 | 250 2.1.0 | 503 5.5.1 | 503 5.5.1"),
        ("MAIL that cannot be read", "MAIL <a@b.test>\r\n", "501 5.5.2 | 501 5.5.2 | 501 5.5.2 | 501 5.5.2"),
        ("RCPT", "RCPT TO:<c@d.test>\r\n", "503 5.5.1 | 503 5.5.1 | 250 2.1.5 | 250 2.1.5"),
        ("RFC 2033 4.2: DATA needs a recipient", "DATA\r\n", "503 5.5.1 | 503 5.5.1 | 503 5.5.1 | 354"),
        ("RSET", "RSET\r\n", "250 2.0.0 | 250 2.0.0 | 250 2.0.0 | 250 2.0.0"),
        ("NOOP", "NOOP\r\n", "250 2.0.0 | 250 2.0.0 | 250 2.0.0 | 250 2.0.0"),
        ("HELP", "HELP\r\n", "214 2.0.0 | 214 2.0.0 | 214 2.0.0 | 214 2.0.0"),
        ("VRFY", "VRFY x\r\n", "252 2.5.2 | 252 2.5.2 | 252 2.5.2 | 252 2.5.2"),
        ("QUIT", "QUIT\r\n", "221 2.0.0 | 221 2.0.0 | 221 2.0.0 | 221 2.0.0"),
        ("STARTTLS without a certificate", "STARTTLS\r\n", "502 5.5.1 | 502 5.5.1 | 502 5.5.1 | 502 5.5.1"),
        ("BDAT", "BDAT 3 LAST\r\n", "502 5.5.1 | 502 5.5.1 | 502 5.5.1 | 502 5.5.1"),
        ("AUTH", "AUTH PLAIN\r\n", "502 5.5.1 | 502 5.5.1 | 502 5.5.1 | 502 5.5.1"),
        ("no command", "XYZZY\r\n", "500 5.5.2 | 500 5.5.2 | 500 5.5.2 | 500 5.5.2"),
        ("bare LF", "QUIT\n", "500 5.5.2 | 500 5.5.2 | 500 5.5.2 | 500 5.5.2"),
        ("too long", long.as_str(), "500 5.5.2 | 500 5.5.2 | 500 5.5.2 | 500 5.5.2"),
    ];
    for (label, command, expected) in rows {
        in_every_state(label, &terms(), command, expected);
    }
}

/// What the command line says was said of the first message; Sendmail uses a program again.
#[test]
fn a_run_takes_one_message() {
    let once = Terms {
        one_transaction: true,
        ..terms()
    };
    #[rustfmt::skip]
    let rows = [
        ("LHLO", "LHLO x\r\n", "250 | 250 | 421 4.3.2 | 421 4.3.2"),
        ("MAIL", "MAIL FROM:<a@b.test>\r\n", "503 5.5.1 | 250 2.1.0 | 421 4.3.2 | 421 4.3.2"),
        ("RSET", "RSET\r\n", "250 2.0.0 | 250 2.0.0 | 421 4.3.2 | 421 4.3.2"),
        ("NOOP", "NOOP\r\n", "250 2.0.0 | 250 2.0.0 | 250 2.0.0 | 250 2.0.0"),
        ("RCPT", "RCPT TO:<c@d.test>\r\n", "503 5.5.1 | 503 5.5.1 | 250 2.1.5 | 250 2.1.5"),
        ("QUIT", "QUIT\r\n", "221 2.0.0 | 221 2.0.0 | 221 2.0.0 | 221 2.0.0"),
    ];
    for (label, command, expected) in rows {
        in_every_state(label, &once, command, expected);
    }
    for (label, command, expected) in [
        ("after the message: MAIL", "MAIL FROM:<>", "421 4.3.2"),
        ("after the message: RSET", "RSET", "421 4.3.2"),
        ("after the message: LHLO", "LHLO x", "421 4.3.2"),
        ("after the message: QUIT", "QUIT", "221 2.0.0"),
    ] {
        let mut desk = Desk::greeted(once.clone());
        let reply = desk.client.message("<a@b.test>", "c@d.test", "x\r\n");
        assert_eq!(code(&reply), "250 2.1.5", "{label}");
        assert_eq!(desk.client.code(command), expected, "{label}");
        assert_eq!(desk.client.reply(), "", "{label}");
        assert_eq!(desk.carried().len(), 1, "{label}");
    }
    let mut desk = Desk::greeted(once);
    assert_eq!(desk.client.code("MAIL FROM:<a@b.test> X"), "555 5.5.4");
    let again = desk.client.code("MAIL FROM:<>");
    assert_eq!(
        again, "421 4.3.2",
        "a message that was refused was a message"
    );
}

#[test]
fn parameters() {
    let limited = Terms {
        limits: Limits {
            message_size: Some(1_000),
            ..terms().limits
        },
        ..terms()
    };
    #[rustfmt::skip]
    let rows = [
        ("none", "MAIL FROM:<a@b.test>", "250 2.1.0"),
        ("null path", "MAIL FROM:<>", "250 2.1.0"),
        ("all", "MAIL FROM:<a@b.test> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+3D REQUIRETLS", "250 2.1.0"),
        ("any case", "mail from:<a@b.test> body=7bit ret=full requiretls", "250 2.1.0"),
        ("RFC 1870: too large", "MAIL FROM:<a@b.test> SIZE=1001", "552 5.3.4"),
        ("far too large", "MAIL FROM:<a@b.test> SIZE=99999999999999999999", "552 5.3.4"),
        ("no number", "MAIL FROM:<a@b.test> SIZE=-1", "501 5.5.4"),
        ("21 digits", "MAIL FROM:<a@b.test> SIZE=000000000000000000001", "501 5.5.4"),
        ("SIZE alone", "MAIL FROM:<a@b.test> SIZE", "501 5.5.4"),
        ("SIZE twice", "MAIL FROM:<a@b.test> SIZE=1 SIZE=2", "501 5.5.4"),
        ("BODY, not offered", "MAIL FROM:<a@b.test> BODY=BINARYMIME", "501 5.5.4"),
        ("BODY twice", "MAIL FROM:<a@b.test> BODY=7BIT BODY=7BIT", "501 5.5.4"),
        ("RET, another word", "MAIL FROM:<a@b.test> RET=BODY", "501 5.5.4"),
        ("ENVID, empty", "MAIL FROM:<a@b.test> ENVID=", "501 5.5.4"),
        ("ENVID, 101 octets", &format!("MAIL FROM:<a@b.test> ENVID={}", "x".repeat(101)), "501 5.5.4"),
        ("SMTPUTF8 with a value", "MAIL FROM:<a@b.test> SMTPUTF8=1", "501 5.5.4"),
        ("R2: a value", "MAIL FROM:<a@b.test> REQUIRETLS=x", "501 5.5.4"),
        ("R6: twice", "MAIL FROM:<a@b.test> REQUIRETLS REQUIRETLS", "501 5.5.4"),
        ("L7: a dialect that is off", "MAIL FROM:<a@b.test> TLSPOLICY=MAY", "555 5.5.4"),
        ("RFC 5321 4.1.1.11: unknown", "MAIL FROM:<a@b.test> AUTH=<>", "555 5.5.4"),
        ("RFC 6531: 8-bit without SMTPUTF8", "MAIL FROM:<\u{fc}@b.test>", "553 5.6.7"),
        ("RFC 6531: with it", "MAIL FROM:<\u{fc}@b.test> SMTPUTF8", "250 2.1.0"),
        ("an address with a blank", "MAIL FROM:<a b@b.test>", "501 5.5.2"),
        ("RCPT", "RCPT TO:<c@d.test> NOTIFY=SUCCESS,failure ORCPT=rfc822;x@y", "250 2.1.5"),
        ("NOTIFY=NEVER", "RCPT TO:<c@d.test> NOTIFY=never", "250 2.1.5"),
        ("NEVER with another", "RCPT TO:<c@d.test> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("NOTIFY, another word", "RCPT TO:<c@d.test> NOTIFY=ALWAYS", "501 5.5.4"),
        ("ORCPT without a type", "RCPT TO:<c@d.test> ORCPT=x@y", "501 5.5.4"),
        ("ORCPT twice", "RCPT TO:<c@d.test> ORCPT=a;b ORCPT=a;b", "501 5.5.4"),
        ("VF6, R2: on RCPT", "RCPT TO:<c@d.test> REQUIRETLS", "555 5.5.4"),
        ("unknown on RCPT", "RCPT TO:<c@d.test> X=1", "555 5.5.4"),
        ("RCPT, 8-bit without SMTPUTF8", "RCPT TO:<\u{fc}@d.test>", "553 5.6.7"),
        ("RCPT, null path", "RCPT TO:<>", "501 5.1.3"),
        ("RCPT without a domain", "RCPT TO:<postmaster>", "550 5.1.3"),
        ("RCPT, too long", &format!("RCPT TO:<{}@d.test>", "x".repeat(300)), "501 5.1.7"),
    ];
    for (label, command, expected) in rows {
        let mut desk = Desk::greeted(limited.clone());
        if command.starts_with("RCPT") {
            desk.client.envelope("<a@b.test>", &[]);
        }
        assert_eq!(desk.client.code(command), expected, "{label}");
    }
}

#[test]
fn what_was_asked_goes_along() {
    let mut desk = Desk::greeted(terms());
    let client = &mut desk.client;
    client.envelope("<a@b.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+3D", &[]);
    client.say("RCPT TO:<c@d.test> NOTIFY=NEVER");
    client.say("RCPT TO:<\u{fc}@d.test> ORCPT=utf-8;\u{fc}@y");
    client.say("DATA");
    client.send(b"x\r\n.\r\n");
    assert_eq!(code(&client.reply()), "250 2.1.5");
    assert_eq!(code(&client.reply()), "250 2.1.5");
    // The next message begins anew.
    client.message("<>", "e@d.test", "y\r\n");
    let carried = desk.carried();
    let envelope = &carried[0].envelope;
    assert_eq!(envelope.return_path.as_str(), "a@b.test");
    assert_eq!(envelope.body, Body::EightBitMime);
    assert!(envelope.smtp_utf8);
    assert_eq!(envelope.ret, Some(Ret::Hdrs));
    assert_eq!(envelope.envid.as_ref().unwrap().as_str(), "x+3D");
    let [first, second] = &*envelope.recipients else {
        panic!("{envelope:?}");
    };
    assert_eq!(first.notify.as_ref().unwrap().as_str(), "NEVER");
    assert_eq!(second.path.as_str(), "\u{fc}@d.test");
    assert_eq!(second.orcpt.as_ref().unwrap().as_str(), "utf-8;\u{fc}@y");
    let envelope = &carried[1].envelope;
    assert!(envelope.return_path.is_null() && envelope.envid.is_none() && !envelope.smtp_utf8);
}

#[test]
fn what_is_offered() {
    let all = Dialects {
        draft_fenton: true,
        tls_level: true,
        ..Dialects::default()
    };
    let always = [
        "SIZE 0",
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
    ];
    #[rustfmt::skip]
    let rows: [(&str, Terms, &[&str]); 5] = [
        ("P12: counts as inside TLS", terms(), &["REQUIRETLS"]),
        ("R5: in clear", Terms { carry: false, ..terms() }, &[]),
        ("R10: not promised", Terms { advertise: false, ..terms() }, &[]),
        ("no dialect", Terms { dialects: Dialects::NONE, ..terms() }, &[]),
        ("all dialects", Terms { dialects: all, ..terms() }, &["REQUIRETLS", "TLSPOLICY MAY ENCRYPT SECURE"]),
    ];
    for (label, terms, ours) in rows {
        let mut desk = Desk::open(terms);
        desk.client.reply();
        let reply = desk.client.say("LHLO client.test");
        let lines: Vec<&str> = reply.lines().map(|line| &line[4..]).collect();
        let expected = [&["lmtp.test"], &always[..], ours].concat();
        assert_eq!(lines, expected, "{label}");
    }
    let limits = Limits {
        message_size: Some(77),
        ..terms().limits
    };
    let mut desk = Desk::open(Terms { limits, ..terms() });
    desk.client.reply();
    assert!(desk.client.say("LHLO x").contains("\n250-SIZE 77\n"));
}

#[test]
fn a_route_takes_everything() {
    let route = NextHop::parse("relay.test").ok();
    let mut desk = Desk::greeted(Terms { route, ..terms() });
    let reply = desk.client.message("<a@b.test>", "postmaster", "x\r\n");
    assert_eq!(code(&reply), "250 2.1.5", "no domain is needed");
    assert_eq!(desk.carried()[0].route.as_deref(), Some("relay.test"));
}

#[test]
fn too_many_recipients() {
    let limits = Limits {
        recipients: 2,
        ..terms().limits
    };
    let mut desk = Desk::greeted(Terms { limits, ..terms() });
    desk.client
        .envelope("<a@b.test>", &["1@d.test", "2@d.test"]);
    assert_eq!(desk.client.code("RCPT TO:<3@d.test>"), "452 4.5.3");
    desk.client.say("DATA");
    desk.client.send(b"x\r\n.\r\n");
    for _ in 0..2 {
        assert_eq!(code(&desk.client.reply()), "250 2.1.5");
    }
    assert_eq!(
        desk.client.code("NOOP"),
        "250 2.0.0",
        "two replies, not three"
    );
}

#[test]
fn a_client_that_speaks_no_lmtp_is_left() {
    let mut desk = Desk::greeted(terms());
    let junk = "GET / HTTP/1.1\r\n".repeat(2_000);
    desk.client.send(junk);
    let last = (0..2_000).map(|_| desk.client.reply()).last();
    assert_eq!(last.as_deref().map(code).as_deref(), Some("421 4.7.0"));
    assert_eq!(desk.client.reply(), "");
}
