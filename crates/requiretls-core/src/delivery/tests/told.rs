//! What a delivery tells about the current try, and how a try ends.

use super::*;

#[test]
fn how_a_try_ends() {
    #[rustfmt::skip]
    let rows = [
        ("P6.8 4yz greeting", At::Host, End::Reply(450), Row::Connect, Enhanced(4, 3, 2)),
        ("P6.8 421 greeting", At::Host, End::Reply(421), Row::Connect, Enhanced(4, 3, 2)),
        ("P6.8 no connection", At::Host, End::Lost, Row::Connect, Enhanced(4, 4, 1)),
        ("P6.8 221 is no greeting", At::Host, End::Reply(221), Row::Connect, Enhanced(4, 4, 1)),
        ("P6.8a", At::Host, End::Reply(554), Row::Greeting, Enhanced(4, 3, 2)),
        ("P6.8 before STARTTLS", At::Clear, End::Lost, Row::Connect, Enhanced(4, 4, 2)),
        ("P6.10", At::Tls, End::Lost, Row::TlsLost, Enhanced(4, 7, 10)),
        ("P6.8 421 before MAIL", At::Ready, End::Reply(421), Row::Connect, Enhanced(4, 4, 2)),
        ("P6.8 421 to MAIL", At::Sent, End::Reply(421), Row::Connect, Enhanced(4, 4, 2)),
        ("P6.8 other 4yz to MAIL", At::Sent, End::Reply(450), Row::Connect, Enhanced(4, 0, 0)),
    ];
    for (label, state, end, row, enhanced) in rows {
        let mut d = at(state);
        assert_eq!(d.done(end), Action::NextHost, "{label}");
        let refusal = d.last_refusal().expect(label);
        assert_eq!(
            (refusal.row, refusal.reply.enhanced),
            (row, enhanced),
            "{label}"
        );
    }
}

#[test]
fn a_host_that_settled_the_message_is_not_tried_again() {
    for (label, end) in [("P5 reply", End::Reply(250)), ("P5 closed", End::Closed)] {
        let mut d = at(At::Sent);
        assert_eq!(d.done(end), Action::Go, "{label}");
        assert_eq!(
            d.host(&host_name("mx1.d.test")),
            Action::NextHost,
            "{label}"
        );
        assert_eq!(d.host(&host_name("mx2.d.test")), Action::Go, "{label}");
    }
}

#[test]
fn the_clearance_is_of_the_current_try() {
    assert_eq!(at(At::Ready).clearance(), None);
    let mut d = at(At::Sent);
    let told = d.clearance().map(Clearance::mail_params);
    assert_eq!(told, Some(" REQUIRETLS"), "P4");
    assert_eq!(d.host(&host_name("mx2.d.test")), Action::Go);
    assert_eq!(d.clearance(), None);
}

/// Up to MAIL, under this tag, at a peer that offers this.
fn inside_tls(word: &str, null_path: bool, offers: &str) -> Delivery {
    let message = Message {
        requirement: crate::tag::parse_word(word).expect(word),
        null_path,
        ..Message::default()
    };
    let next_hop = NextHop::Domain(Domain::known("d.test"));
    let (rule, settings) = (Rule::default(), Settings::default());
    let mut d = Delivery::new(Plan::new(next_hop, message, rule, settings, facts(&["mx"])));
    assert_eq!(d.host(&host_name("mx")), Action::Go);
    assert_eq!(d.ehlo(&plain()), Action::StartTls);
    assert_eq!(d.peer(good()), Action::Go);
    assert_eq!(d.tls(Some("TLSv1.3"), CIPHER), Action::Go);
    assert!(!d.ret_hdrs(), "nothing before EHLO");
    assert_eq!(d.ehlo(&ehlo(offers)), Action::Go);
    d
}

#[test]
fn ret_after_the_last_ehlo() {
    #[rustfmt::skip]
    let rows = [
        ("R28 parameter sent", "R", false, "250-REQUIRETLS\r\n250-DSN\r\n", false),
        ("R29 null path", "R", true, "250-DSN\r\n", true),
        ("R29 null path, no DSN", "R", true, "", false),
        ("R29 null path, parameter sent", "R", true, "250-REQUIRETLS\r\n250-DSN\r\n", false),
        ("L8 not offered", "LE", false, "250-DSN\r\n", false),
        ("untagged", "none", true, "250-DSN\r\n", false),
    ];
    for (label, word, null_path, offers, ret) in rows {
        let d = inside_tls(word, null_path, offers);
        assert_eq!(d.ret_hdrs(), ret, "{label}");
    }
}

#[test]
fn p6_14_the_parameter_is_dropped_once_refused() {
    let mut d = inside_tls("LE", false, "250-TLSPOLICY ENCRYPT\r\n250-DSN\r\n");
    assert!(d.mail_params(NOW).is_ok());
    assert!(!d.dropped_parameter());
    assert_eq!(d.mail_reply(555, "5.5.4 unsupported"), Action::Again);
    assert!(d.dropped_parameter());
    assert!(d.ret_hdrs());
    assert_eq!(d.host(&host_name("mx")), Action::NextHost);
    assert!(!d.dropped_parameter(), "of the current try alone");
}

#[test]
fn replies_to_ehlo_and_starttls() {
    type Call = fn(&mut Delivery) -> Action;
    let later: Call = |d| d.ehlo(&EhloReply::parse(b"421 4.3.2 later\r\n"));
    let refused: Call = |d| d.tls_failed(TlsFailure::Reply(502));
    #[rustfmt::skip]
    let rows = [
        ("P6.8 EHLO answered 4yz", At::Host, later, Row::Connect),
        ("P6.10 EHLO inside TLS answered 4yz", At::Tls, later, Row::TlsLost),
        ("P6.11a", At::Clear, refused, Row::StarttlsRefused),
        ("P6.10 5yz inside TLS", At::Tls, refused, Row::TlsLost),
    ];
    for (label, state, call, row) in rows {
        let mut d = at(state);
        assert_eq!(call(&mut d), Action::NextHost, "{label}");
        assert_eq!(d.last_refusal().expect(label).row, row, "{label}");
    }
}

#[test]
fn addresses_and_hosts_in_their_order() {
    let mut facts = facts(&["mx1.d.test", "mx2.d.test"]);
    facts.hosts[0].addresses = Addresses::Found(vec![
        Ipv4Addr::new(192, 0, 2, 1).into(),
        Ipv4Addr::new(192, 0, 2, 2).into(),
    ]);
    let mut d = delivery_to("d.test", Requirement::None, facts);
    assert_eq!((d.address(), d.current().is_none()), (None, true));
    for (label, host, address) in [
        ("R24 the first", "mx1.d.test", 0),
        ("P5 its second address", "mx1.d.test", 1),
        ("R24 then the next", "mx2.d.test", 0),
    ] {
        let next = d.next_host_to_try().expect(label);
        assert_eq!(next.host, host_name(host), "{label}");
        assert_eq!(d.address(), Some(address), "{label}");
        let current = d.current().map(|candidate| &candidate.host);
        assert_eq!(current, Some(&host_name(host)), "{label}");
        assert_eq!(d.done(End::Lost), Action::NextHost, "{label}");
        assert_eq!(d.address(), None, "{label}");
    }
    assert!(d.next_host_to_try().is_err(), "P5 nothing is left");
}
