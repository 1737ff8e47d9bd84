//! Is a next hop that speaks LMTP judged as one that speaks SMTP?
//!
//! RFC 8689 section 2 item 7 (R34): LHLO is EHLO to us. Where the routing names a unix socket or a
//! loopback address a weaker hop mode is preset (P12), and nowhere else.

// A test's own faults end it.
#![allow(clippy::unwrap_used)]

use requiretls_core::case::{Answer, Case};
use requiretls_core::ehlo::{EhloReply, ReplyClass};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::{HopMode, Rules};

fn decide(case: &str) -> Answer {
    Case::parse(case).unwrap().decide()
}

#[test]
fn r34_the_same_checks_over_tcp() {
    // A configured host, as routing to a delivery agent gives it.
    let whole = r#"{"auth":["pkix_host"],"offers":["REQUIRETLS"]}"#;
    #[rustfmt::skip]
    let rows = [
        ("R34, all there", whole, "go", ""),
        ("R34, no STARTTLS", r#"{"starttls":"no"}"#, "bounce", "550 5.7.10"),
        ("R34, another certificate", r#"{"offers":["REQUIRETLS"]}"#, "bounce", "550 5.7.10"),
        ("R34, no REQUIRETLS in LHLO", r#"{"auth":["pkix_host"]}"#, "bounce", "550 5.7.30"),
        ("R34, TLS breaks", r#"{"hs":"fail"}"#, "defer", "451 4.7.10"),
    ];
    for (label, shown, action, code) in rows {
        let case = format!(r#"{{"tag":"R","M":"C","hosts":[{{"addrs":[{shown}]}}]}}"#);
        let answer = decide(&case);
        let found = format!("{} {}", answer.code, answer.enhanced);
        assert_eq!((answer.action, found.trim()), (action, code), "{label}");
    }
}

#[test]
fn r34_only_a_configured_endpoint_of_this_machine_is_preset() {
    let rules = Rules::default();
    for (label, next_hop, hop) in [
        ("R34, socket", "unix:/run/lmtp", HopMode::Opportunistic),
        ("R34, loopback", "127.0.0.1", HopMode::Opportunistic),
        ("R34, loopback, IPv6", "[IPv6:::1]", HopMode::Opportunistic),
        ("R34 VX35, private literal", "10.0.0.5", HopMode::Enforce),
        (
            "R34, a name, whatever it resolves to",
            "localhost",
            HopMode::Enforce,
        ),
    ] {
        let next_hop = NextHop::parse(next_hop).unwrap();
        let rule = rules.look_up(&next_hop).unwrap();
        assert_eq!(rule.hop, hop, "{label}");
    }
}

#[test]
fn r34_what_a_socket_gets() {
    #[rustfmt::skip]
    let rows = [
        ("R34, in clear", "opportunistic", r#"{"starttls":"no"}"#, "go RET=HDRS starttls"),
        ("R34, in clear, offered: not without TLS", "local", r#"{"starttls":"no","offers":["REQUIRETLS"]}"#, "go RET=HDRS starttls"),
        ("R34, carried", "local carry", r#"{"starttls":"no","offers":["REQUIRETLS"]}"#, "go REQUIRETLS starttls"),
        ("R34, with TLS", "opportunistic", r#"{"auth":["pkix_host"],"offers":["REQUIRETLS"]}"#, "go REQUIRETLS "),
    ];
    for (label, hop, shown, expected) in rows {
        let case =
            format!(r#"{{"tag":"R","M":"C","hop":"{hop}","hosts":[{{"addrs":[{shown}]}}]}}"#);
        let answer = decide(&case);
        let unmet = answer.unmet.join(",");
        let found = format!("{} {} {unmet}", answer.action, answer.sends);
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn r34_lhlo_is_read_as_ehlo() {
    let reply = EhloReply::parse(b"250-lmtp.test\r\n250-REQUIRETLS\r\n250 STARTTLS\r\n");
    assert_eq!(reply.class, ReplyClass::Ok, "R34");
    assert!(reply.starttls && reply.offer.requiretls, "R34");
}
