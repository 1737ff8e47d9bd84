//! What is refused before any connection, and in which words.

use super::*;

/// Under this tag, over this route, with MTA-STS.
fn of(requirement: Requirement, route: Route, sts: Sts) -> Plan {
    let message = Message {
        requirement,
        ..Message::default()
    };
    let facts = Facts {
        route,
        ..facts(sts)
    };
    let next_hop = NextHop::Domain(domain("d.test"));
    let (rule, settings) = (Rule::default(), Settings::default());
    Plan::new(next_hop, message, rule, settings, facts)
}

#[test]
fn p6_3_why_the_path_is_refused() {
    use Security::{Insecure, Unknown};
    let dnssec = tag::parse("1.secure.onward.both.dnssec").unwrap();
    #[rustfmt::skip]
    let rows = [
        ("P6.3 M=A", Requirement::R, Route::Literal, "an address literal"),
        ("P6.3 M=I, +DNSSEC", dnssec, Route::Mx(Insecure), "not signed (DNSSEC)"),
        ("P6.3 M=V", Requirement::R, Route::Mx(Unknown), "want of a validating resolver"),
        ("P6.3 M=I", Requirement::R, Route::Mx(Insecure), "neither DNSSEC nor MTA-STS"),
    ];
    for (label, requirement, route, cause) in rows {
        let plan = of(requirement, route, Sts::None);
        let refusal = plan.refused().expect(label);
        assert_eq!(refusal.row, Row::Path, "{label}");
        let text = &refusal.reply.text;
        assert!(text.contains(cause), "{label}: {text}");
    }
}

#[test]
fn p6_7_p6_6a_by_the_route() {
    use Security::{Insecure, Secure, Unknown};
    let fd = tag::parse_word("FD").unwrap();
    let other = || live(Mode::Testing, "old.test", true);
    let (row_7, row_6a) = (Row::StsOtherHost, Row::DraftOption);
    #[rustfmt::skip]
    let rows = [
        ("P6.7 M=I", Requirement::R, Insecure, other(), Some((row_7, Class::Committed))),
        ("P6.7 M=V", Requirement::R, Unknown, other(), Some((row_7, Class::Transient))),
        ("P6.7 M=S", Requirement::R, Secure, other(), None),
        ("P6.6a M=I", fd, Insecure, Sts::None, Some((row_6a, Class::Sender))),
        ("P6.6a M=V", fd, Unknown, Sts::None, Some((row_6a, Class::Transient))),
    ];
    for (label, requirement, mx, sts, expected) in rows {
        let plan = of(requirement, Route::Mx(mx), sts);
        let refused = plan.candidates()[0].refused.as_ref();
        assert_eq!(refused.map(|r| (r.row, r.class)), expected, "{label}");
    }
}

#[test]
fn d7_records_behind_insecure_mx_records() {
    use InsecureMxDane::{Dane, Encrypt, May};
    use Security::{Insecure, Secure};
    for (label, mx, insecure_mx_dane, expected) in [
        ("D7 as found", Insecure, Dane, Records::Usable),
        ("D7 encryption", Insecure, Encrypt, Records::Unusable),
        ("D7 not looked up", Insecure, May, Records::None),
        ("P2b M=S, encryption", Secure, Encrypt, Records::Usable),
        ("P2b M=S, not looked up", Secure, May, Records::Usable),
    ] {
        let settings = Settings {
            insecure_mx_dane,
            ..Settings::default()
        };
        let mut facts = facts(Sts::None);
        facts.route = Route::Mx(mx);
        let plan = plan("none", false, HopMode::Enforce, settings, facts);
        assert_eq!(plan.records(&usable()), expected, "{label}");
    }
}

#[test]
fn d21_nothing_but_dane() {
    use TlsLevel::{Encrypt, Secure};
    let dane = |dane| Methods {
        dane,
        ..Methods::default()
    };
    let pkix = Methods {
        pkix_names: vec![domain("mx.test")],
        ..dane(true)
    };
    let pin = Methods {
        pins: vec![[7; 32]],
        ..dane(true)
    };
    for (label, floor, methods, expected) in [
        ("D21 DANE", Secure, dane(true), true),
        ("D21 a lower floor", Encrypt, dane(true), false),
        ("D21 any method", Secure, dane(false), false),
        ("D21 or a name", Secure, pkix, false),
        ("D21 or a pin", Secure, pin, false),
    ] {
        let rule = Rule {
            floor,
            methods,
            ..Rule::default()
        };
        let next_hop = NextHop::Domain(domain("d.test"));
        let (message, settings) = (Message::default(), Settings::default());
        let plan = Plan::new(next_hop, message, rule, settings, facts(Sts::None));
        assert_eq!(plan.requires_dane(), expected, "{label}");
    }
}
