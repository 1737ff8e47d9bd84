//! What a delivery keeps of its tries, and in which words.

use super::*;
use crate::delivery::{Ended, Tried};

/// How the latest try ended, and of how many.
fn latest(d: &Delivery) -> Option<(Ended, usize)> {
    let tries = d.recorded().expect("was told to record").tries();
    tries.last().map(|tried| (tried.ended, tries.len()))
}

#[test]
fn p6_how_each_try_ended() {
    type Row = (&'static str, At, fn(&mut Delivery) -> Action, Ended);
    fn later() -> EhloReply {
        EhloReply::parse(b"450 4.3.2 later\r\n")
    }
    #[rustfmt::skip]
    let rows: [Row; 23] = [
        ("P6.8", At::Host, |d| d.done(End::Lost), Ended::NoConnection),
        ("P6.8 EHLO answered 4yz", At::Host, |d| d.ehlo(&later()), Ended::NoConnection),
        ("P6.8 greeted with 4yz", At::Host, |d| d.done(End::Reply(450)), Ended::NotReady),
        ("P6.8 greeted with 421", At::Host, |d| d.done(End::Reply(421)), Ended::NotReady),
        ("P6.8a", At::Host, |d| d.done(End::Reply(554)), Ended::Unwelcome),
        ("P6.8 after EHLO", At::Clear, |d| d.done(End::Lost), Ended::AfterEhlo),
        ("P6.9", At::Host, |d| d.ehlo(&ehlo("")), Ended::Judged),
        ("P6.10", At::Tls, |d| d.done(End::Lost), Ended::InsideTls),
        ("P6.10 EHLO answered 4yz", At::Tls, |d| d.ehlo(&later()), Ended::InsideTls),
        ("P6.10 STARTTLS", At::Clear, |d| d.tls_failed(TlsFailure::Lost), Ended::Judged),
        ("P6.10 told as TLS that failed", At::Tls, |d| d.tls_failed(TlsFailure::Lost), Ended::Judged),
        ("P6.12", At::Tls, |d| d.peer(bad()), Ended::Judged),
        ("P6.8 before MAIL", At::Ready, |d| d.done(End::Lost), Ended::AtMail),
        ("P6.8 at MAIL", At::Sent, |d| d.done(End::Lost), Ended::AtMail),
        ("P6.8 421 to MAIL", At::Sent, |d| d.done(End::Reply(421)), Ended::AtMail),
        ("P6.8 450 to MAIL", At::Sent, |d| d.done(End::Reply(450)), Ended::Deferred),
        ("P6.8 left for another", At::Clear, |d| d.host(&host_name("mx2.d.test")), Ended::AfterEhlo),
        ("P6.14", At::Sent, |d| d.mail_reply(555, "5.5.4 no"), Ended::ParameterRefused),
        ("P6.15 expired", At::Ready, |d| d.mail_params(NOW + 60).map_or_else(|a| a, |_| Action::Go), Ended::Expired),
        ("P6.15 out of order", At::Ready, |d| d.peer(good()), Ended::Internal),
        ("P6.15 accepted too early", At::Ready, |d| d.done(End::Reply(250)), Ended::Internal),
        ("P5 settled", At::Sent, |d| d.done(End::Reply(250)), Ended::Settled),
        ("P5 closed", At::Sent, |d| d.done(End::Closed), Ended::Settled),
    ];
    for (label, state, call, expected) in rows {
        let mut d = at(state).recording();
        call(&mut d);
        assert_eq!(latest(&d), Some((expected, 1)), "{label}");
        assert!(d.recorded().expect(label).is_complete(), "{label}");
    }
}

#[test]
fn p6_16_clear_text_is_not_taken() {
    let h = Requirement::Downgrade(Downgrade::HeaderField);
    let mut d = delivery(h, &["mx1.d.test"]).recording();
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&ehlo(""));
    assert!(d.mail_params(NOW).is_ok());
    d.mail_reply(530, "5.7.0 no");
    assert_eq!(latest(&d), Some((Ended::TlsDemanded, 1)));
}

#[test]
fn p6_whose_try_it_was() {
    type Row = (&'static str, fn(&mut Delivery), Tried);
    let rows: [Row; 4] = [
        (
            "P6.8 a candidate",
            |d| {
                d.host(&host_name("mx2.d.test"));
            },
            Tried::Candidate(1),
        ),
        (
            "P9 an open connection to one",
            |d| {
                let mut first = delivery(Requirement::None, &["mx2.d.test"]);
                first.host(&host_name("mx2.d.test"));
                first.ehlo(&ehlo(""));
                let session = first.session().expect("the gate may open");
                let resumed = d.resume(&host_name("mx2.d.test"), &session, NOW);
                assert_eq!(resumed, Action::Go);
            },
            Tried::Candidate(1),
        ),
        (
            "P6 a stranger",
            |d| {
                d.host(&host_name("elsewhere.test"));
            },
            Tried::Stranger(host_name("elsewhere.test")),
        ),
        (
            "P6.5a refused unasked",
            |d| {
                assert_eq!(d.host(&host_name("mx3.d.test")), Action::NextHost);
            },
            Tried::Candidate(2),
        ),
    ];
    for (label, enter, expected) in rows {
        let mut facts = facts(&["mx1.d.test", "mx2.d.test", "mx3.d.test"]);
        facts.hosts[2].addresses = Addresses::Denied(Security::Secure);
        let mut d = delivery_to("d.test", Requirement::None, facts).recording();
        enter(&mut d);
        d.done(End::Lost);
        let tries = d.recorded().expect(label).tries();
        let hosts: Vec<&Tried> = tries.iter().map(|tried| &tried.host).collect();
        assert_eq!(hosts, [&expected], "{label}");
    }
}

#[test]
fn p5_what_is_untried() {
    let mut facts = facts(&["mx1.d.test", "mx2.d.test", "mx3.d.test"]);
    let two = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|octets| Ipv4Addr::from(octets).into());
    facts.hosts[0].addresses = Addresses::Found(two.to_vec());
    facts.hosts[2].addresses = Addresses::Denied(Security::Secure);
    let mut d = delivery_to("d.test", Requirement::None, facts);
    let untried = |d: &Delivery| [0, 1, 2, 3].map(|index| d.untried(index));
    assert_eq!(untried(&d), [2, 1, 1, 0], "all");
    for (label, host, expected) in [
        ("one address of two", "mx1.d.test", [1, 1, 1, 0]),
        ("the other", "mx1.d.test", [0, 1, 1, 0]),
        ("no more than it has", "mx1.d.test", [0, 1, 1, 0]),
        ("P6.5a refused unasked", "mx3.d.test", [0, 1, 0, 0]),
    ] {
        d.host(&host_name(host));
        d.done(End::Lost);
        assert_eq!(untried(&d), expected, "{label}");
    }
}

#[test]
fn what_is_kept_only_where_it_was_asked_for() {
    let mut d = at(At::Host);
    d.done(End::Lost);
    assert!(!d.is_recording());
    assert!(d.recorded().is_none());
    let mut d = at(At::Looked).recording();
    assert!(d.is_recording());
    assert_eq!(latest(&d), None);
    assert!(d.current_try().is_none(), "no host");
    d.host(&host_name("mx1.d.test"));
    let current = d.current_try().expect("a host");
    assert_eq!(current.host, Tried::Candidate(0));
    assert_eq!(current.ended, Ended::Settled, "as if it ended now");
    assert_eq!(latest(&d), None, "it has not");
}

/// A message that was accepted without a host is of no try.
#[test]
fn p6_15_what_no_try_can_say() {
    let mut d = at(At::Looked).recording();
    assert_eq!(d.done(End::Lost), Action::NextHost);
    assert!(d.recorded().expect("records").is_complete(), "nothing");
    assert_eq!(d.done(End::Reply(250)), Action::Defer);
    assert!(!d.recorded().expect("records").is_complete());
    assert_eq!(latest(&d), None);
}

/// A host of the server's own list may be tried for ever.
#[test]
fn no_more_than_256_tries_are_kept() {
    let mut d = delivery(Requirement::None, &["mx1.d.test"]).recording();
    for tries in 1..=258 {
        d.host(&host_name("elsewhere.test"));
        d.done(End::Lost);
        let record = d.recorded().expect("records");
        assert_eq!(record.tries().len(), tries.min(256));
        assert_eq!(record.is_complete(), tries <= 256, "{tries}");
    }
}
