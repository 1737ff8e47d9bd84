//! What does the other side say, and what may follow on the same connection?

use crate::lookups::{facts, host, plan};
use requiretls_core::authenticate::{Evidence, Outcome};
use requiretls_core::delivery::{Action, Delivery, TlsFailure};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{Route, Security, Sts, Tlsa};
use requiretls_core::mail_param::{Answer, Dialects, MailParams};
use requiretls_core::requirement::Requirement;
use requiretls_core::tag;

const CIPHER: Option<&str> = Some("TLS_AES_128_GCM_SHA256");

fn delivery(word: &str) -> Delivery {
    let route = Route::Mx(Security::Secure);
    let plan = plan(word, facts(route, host("mx.d.test", Tlsa::None), Sts::None));
    let mut delivery = Delivery::new(plan);
    assert!(delivery.next_host_to_try().is_ok());
    delivery
}

fn inside_tls(word: &str) -> Delivery {
    let mut delivery = delivery(word);
    let offers = EhloReply::parse(b"250-mx.d.test\r\n250 STARTTLS\r\n");
    assert_eq!(delivery.ehlo(&offers), Action::StartTls);
    assert_eq!(delivery.tls(Some("TLSv1.3"), CIPHER), Action::Go);
    assert_eq!(delivery.peer(Evidence::new(|_| Outcome::Holds)), Action::Go);
    delivery
}

#[test]
fn starttls_is_found_wherever_it_stands() {
    for (label, reply) in [
        (
            "field report 23, in the middle",
            "250-mx.d.test\r\n250-SIZE\r\n250-STARTTLS\r\n250 DSN\r\n",
        ),
        (
            "field report 23, any case",
            "250-mx.d.test\r\n250-StartTls\r\n250 DSN\r\n",
        ),
        (
            "field report 23, last",
            "250-mx.d.test\r\n250-DSN\r\n250 starttls\r\n",
        ),
        (
            "field report 23, another name in the greeting",
            "250-other.test at your service\r\n250 STARTTLS\r\n",
        ),
    ] {
        assert!(EhloReply::parse(reply.as_bytes()).starttls, "{label}");
    }
    let named = EhloReply::parse(b"250-STARTTLS\r\n250 DSN\r\n");
    assert!(
        !named.starttls,
        "field report 23: the greeting is no keyword"
    );
}

#[test]
fn starttls_inside_tls_is_ignored() {
    for (label, word, keywords) in [
        ("field report 64, untagged", "none", "250-STARTTLS\r\n"),
        (
            "field report 64, R",
            "R",
            "250-STARTTLS\r\n250-REQUIRETLS\r\n",
        ),
    ] {
        let mut delivery = inside_tls(word);
        let reply = format!("250-mx.d.test\r\n{keywords}250 DSN\r\n");
        let action = delivery.ehlo(&EhloReply::parse(reply.as_bytes()));
        assert_eq!(action, Action::Go, "{label}");
        assert!(delivery.mail_params(0).is_ok(), "{label}");
    }
}

#[test]
fn a_server_that_drops_the_handshake() {
    for (label, word, action) in [
        (
            "field report 65, may: a new connection in clear",
            "none",
            Action::Go,
        ),
        ("field report 65, encrypt", "LE", Action::NextHost),
        ("field report 65, secure", "LS", Action::NextHost),
    ] {
        let mut delivery = delivery(word);
        let offers = EhloReply::parse(b"250-mx.d.test\r\n250 STARTTLS\r\n");
        assert_eq!(delivery.ehlo(&offers), Action::StartTls, "{label}");
        assert_eq!(delivery.tls_failed(TlsFailure::Lost), action, "{label}");
        if action == Action::NextHost {
            assert_eq!(delivery.outcome().action, Action::Defer, "{label}");
        }
    }
}

/// That the buffer is discarded is for the server to see to; what was sent in clear is not inside TLS.
#[test]
fn commands_behind_starttls() {
    let line = |text: &str, tls| {
        let mut params = MailParams::new(Dialects::default(), true, tls);
        params.line(text.as_bytes())
    };
    let code = |answer| match answer {
        Answer::Refused(refusal) => refusal.code(),
        Answer::Taken | Answer::NotOurs => 250,
    };
    let mail = "MAIL FROM:<a@x.test> REQUIRETLS\r\n";
    let both = format!("STARTTLS\r\n{mail}");
    for (label, text, tls, expected) in [
        ("field report 67, in clear", mail, false, 530),
        ("field report 67, both as one line", &both, false, 501),
        (
            "field report 67, both as one line, inside TLS",
            &both,
            true,
            501,
        ),
        ("field report 67, inside TLS", mail, true, 250),
    ] {
        assert_eq!(code(line(text, tls)), expected, "{label}");
    }
}

#[test]
fn no_mail_from_without_requiretls() {
    for (label, word) in [("field report 79, R", "R"), ("field report 79, F0", "F0")] {
        let requirement = tag::parse_word(word).unwrap();
        assert!(requirement != Requirement::None, "{label}");
        let mut delivery = inside_tls(word);
        let lacks = EhloReply::parse(b"250-mx.d.test\r\n250 DSN\r\n");
        assert_eq!(delivery.ehlo(&lacks), Action::NextHost, "{label}");
        assert!(
            delivery.mail_params(0).is_err(),
            "{label}: stop before MAIL"
        );
    }
}
