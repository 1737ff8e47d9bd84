mod rows;
mod told;

use super::*;
use crate::authenticate::Method;
use crate::dane::TlsaRecord;
use crate::delivery::{Action, Delivery, End};
use crate::domain::Domain;
use crate::ehlo::EhloReply;
use crate::mta_sts::Policy;
use crate::need::MethodSet;
use crate::site_policy::{HopMode, Methods};
use crate::tag;

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

/// Of one host, mx.test, found by secure MX records of d.test.
fn facts(sts: Sts) -> Facts {
    let host = HostFacts {
        host: Host::Name(domain("mx.test")),
        addresses: Addresses::Found(vec![IpAddr::from([192, 0, 2, 1])]),
        cname: None,
        tlsa: Tlsa::None,
    };
    Facts {
        route: Route::Mx(Security::Secure),
        expanded: None,
        hosts: vec![host],
        sts,
        expires: None,
    }
}

fn live(mode: Mode, mx: &str, checked: bool) -> Sts {
    let policy = Policy::from_parts(mode, &[mx], 86_400).unwrap();
    Sts::Live {
        policy,
        checked,
        refetch_failed: None,
    }
}

fn plan(word: &str, null_path: bool, hop: HopMode, settings: Settings, facts: Facts) -> Plan {
    let message = Message {
        requirement: tag::parse_word(word).unwrap(),
        null_path,
        ..Message::default()
    };
    let rule = Rule {
        hop,
        ..Rule::default()
    };
    Plan::new(
        NextHop::Domain(domain("d.test")),
        message,
        rule,
        settings,
        facts,
    )
}

#[test]
fn where_less_is_asked_than_the_tag_does() {
    use HopMode::{Encrypt, Enforce, Off};
    #[rustfmt::skip]
    let rows = [
        ("P12 enforce", "R", false, Enforce, false),
        ("P12 encrypt", "R", false, Encrypt, true),
        ("P12 off", "LE", false, Off, true),
        ("P4 null path", "R", true, Enforce, true),
        ("P12 never on none", "none", false, Encrypt, false),
        ("P12 never on H", "H", true, Off, false),
        ("P12 nor on LM", "LM", false, Encrypt, false),
    ];
    for (label, word, null_path, hop, expected) in rows {
        let plan = plan(word, null_path, hop, Settings::default(), facts(Sts::None));
        assert_eq!(plan.is_relaxed(), expected, "{label}");
    }
}

#[test]
fn s20_no_bounce_rests_on_an_old_policy() {
    use Action::{Bounce, Defer};
    let testing = |checked| live(Mode::Testing, "mx.test", checked);
    #[rustfmt::skip]
    let rows = [
        ("S20 old policy", "R", testing(false), Defer),
        ("S20 just checked", "R", testing(true), Bounce),
        ("S20 no policy", "R", Sts::None, Bounce),
        ("P1 no part in a downgrade", "H", testing(false), Bounce),
    ];
    for (label, word, sts, expected) in rows {
        let settings = Settings::default();
        let plan = plan(word, false, HopMode::Enforce, settings, facts(sts));
        let mut delivery = Delivery::new(plan);
        delivery.next_host_to_try().unwrap();
        delivery.ehlo(&EhloReply::parse(b"250 mx.test\r\n"));
        // R ends at row 9; H goes on in clear and meets row 16.
        if delivery.mail_params(0).is_ok() {
            delivery.mail_reply(530, "5.7.0 Must issue a STARTTLS command first");
        }
        delivery.done(End::Closed);
        assert_eq!(delivery.outcome().action, expected, "{label}");
    }
}

fn usable() -> Tlsa {
    Tlsa::Found {
        base: domain("mx.test"),
        records: vec![TlsaRecord {
            usage: 3,
            selector: 1,
            matching: 1,
            data: vec![7; 32],
        }],
    }
}

#[test]
fn methods_in_the_words_of_the_c_api() {
    let secure = Route::Mx(Security::Secure);
    let insecure = Route::Mx(Security::Insecure);
    let usable = usable();
    let enforce = live(Mode::Enforce, "mx.test", true);
    let none = Methods::default();
    let pkix = Methods {
        pkix_names: vec![domain("mx.test")],
        ..Methods::default()
    };
    let pin = Methods {
        pins: vec![[7; 32]],
        ..Methods::default()
    };
    let (no, off, on) = (Sts::None, Discovery::Off, Discovery::On);
    #[rustfmt::skip]
    let rows = [
        ("P3 nothing", "none", &secure, &Tlsa::None, &no, &none, on, "none"),
        ("P3 D=U", "none", &secure, &usable, &no, &none, on, "dane"),
        ("P3 T=e", "none", &secure, &Tlsa::None, &enforce, &none, on, "pkix"),
        ("P3 D=U, M=I, T=e", "none", &insecure, &usable, &enforce, &none, on, "dane+pkix"),
        ("P4 R", "R", &secure, &Tlsa::None, &no, &none, on, "pkix"),
        ("P4 FC, D=U", "FC", &secure, &usable, &no, &none, on, "dane+pkix"),
        ("P4 FCD, D=U", "FCD", &secure, &usable, &no, &none, on, "dane"),
        ("P4 FCD, D=U, D22", "FCD", &secure, &usable, &no, &none, off, "dane"),
        ("P4 LS, M=N", "LS", &Route::Implicit(Security::Secure), &Tlsa::None, &no, &none, on,
            "pkix"),
        ("P8 pkix", "none", &insecure, &Tlsa::None, &no, &pkix, on, "pkix"),
        ("P8 pkix, D=U", "none", &secure, &usable, &no, &pkix, on, "dane+pkix"),
        ("P8 pin", "none", &insecure, &Tlsa::None, &no, &pin, on, "pin"),
        ("P8 pin, D=U", "none", &secure, &usable, &no, &pin, on, "dane"),
    ];
    for (label, word, route, tlsa, sts, methods, discovery, expected) in rows {
        let mut facts = facts(sts.clone());
        facts.route = route.clone();
        facts.hosts[0].tlsa = tlsa.clone();
        let floor = if methods.is_empty() {
            TlsLevel::May
        } else {
            TlsLevel::Secure
        };
        let rule = Rule {
            floor,
            methods: methods.clone(),
            discovery,
            ..Rule::default()
        };
        let message = Message {
            requirement: tag::parse_word(word).unwrap(),
            ..Message::default()
        };
        let next_hop = NextHop::Domain(domain("d.test"));
        let plan = Plan::new(next_hop, message, rule, Settings::default(), facts);
        assert_eq!(plan.candidates()[0].terms.method(), expected, "{label}");
    }
}

#[test]
fn what_was_asked_is_told() {
    let settings = Settings {
        null_path_floor: TlsLevel::Secure,
        insecure_mx_dane: InsecureMxDane::Encrypt,
    };
    let plan = plan("R", true, HopMode::Enforce, settings, facts(Sts::None));
    assert_eq!(plan.message().requirement, Requirement::R, "P2");
    assert!(plan.message().null_path, "R29");
    assert_eq!(plan.settings(), settings, "P13");
}

#[test]
fn s20_a_policy_is_fetched_again_where_it_refuses_a_host() {
    let enforce = |mx, checked| live(Mode::Enforce, mx, checked);
    let testing = live(Mode::Testing, "old.test", false);
    let found = facts(Sts::None).hosts[0].addresses.clone();
    let denied = Addresses::Denied(Security::Insecure);
    #[rustfmt::skip]
    let rows = [
        ("S20 names another host", "none", enforce("old.test", false), &found, true),
        ("S20 just fetched", "none", enforce("old.test", true), &found, false),
        ("S20 names the host", "none", enforce("mx.test", false), &found, false),
        ("S16 testing refuses none", "none", testing, &found, false),
        ("P1 no part in a downgrade", "H", enforce("old.test", false), &found, false),
        ("P6.5 refused in another row", "none", enforce("old.test", false), &denied, false),
        ("S20 no policy", "none", Sts::None, &found, false),
    ];
    for (label, word, sts, addresses, expected) in rows {
        let mut facts = facts(sts);
        facts.hosts[0].addresses = addresses.clone();
        let plan = plan(word, false, HopMode::Enforce, Settings::default(), facts);
        assert_eq!(plan.wants_recheck(), expected, "{label}");
    }
}

/// P12: where nothing vouches for the path, the log says what the chain lacks as though something
/// did; where something does, it is judged as it is.
#[test]
fn p12_what_the_own_row_asks_of_the_chain() {
    let usable = usable();
    let enforce = |mx| live(Mode::Enforce, mx, true);
    let (secure, insecure, unknown) = (Security::Secure, Security::Insecure, Security::Unknown);
    let (dane, pkix) = (Method::Dane, Method::PkixHost);
    // label, MX, TLSA, MTA-STS, path unmet, asked
    #[rustfmt::skip]
    let rows = [
        ("P4a M=S", secure, &Tlsa::None, Sts::None, false, pkix),
        ("P4a M=S, D=U", secure, &usable, Sts::None, false, dane),
        ("P4a M=I", insecure, &Tlsa::None, Sts::None, true, pkix),
        ("P4a M=I, D=U", insecure, &usable, Sts::None, true, dane),
        ("P4a M=V", unknown, &Tlsa::None, Sts::None, true, pkix),
        ("P4a M=I, T=e", insecure, &Tlsa::None, enforce("mx.test"), false, pkix),
        ("P4a M=I, D=U, T=e", insecure, &usable, enforce("mx.test"), false, pkix),
        ("P6.7 M=I, T=e, another host", insecure, &Tlsa::None, enforce("old.test"), true, pkix),
    ];
    for (label, mx, tlsa, sts, path_unmet, asked) in rows {
        let mut facts = facts(sts);
        facts.route = Route::Mx(mx);
        facts.hosts[0].tlsa = tlsa.clone();
        let plan = plan("R", false, HopMode::Encrypt, Settings::default(), facts);
        let own = plan.candidates()[0].terms.own_row.as_ref().expect(label);
        assert_eq!(own.path_unmet, path_unmet, "{label}");
        let clauses: Vec<MethodSet> = own.need.clauses().collect();
        assert_eq!(clauses, [MethodSet::only(asked)], "{label}");
    }
}

/// P12 `local`: M = C, D = T = 0, whatever was found.
#[test]
fn p12_local_drops_what_was_discovered() {
    // label, hop, whether what was found counts
    for (label, hop, counts) in [
        ("P12 local", HopMode::Local, false),
        ("P12 local carry", HopMode::LocalCarry, false),
        ("P12 enforce", HopMode::Enforce, true),
    ] {
        let mut found = facts(live(Mode::Enforce, "mx.test", true));
        found.hosts[0].tlsa = usable();
        found.hosts[0].cname = Some(Security::Secure);
        let plan = plan("R", false, hop, Settings::default(), found.clone());
        let told = plan.facts();
        assert_eq!(told == &found, counts, "{label}");
        if !counts {
            assert_eq!(told.route, Route::Configured, "{label}");
            assert_eq!(told.sts, Sts::None, "{label}");
            assert_eq!(told.hosts[0].tlsa, Tlsa::None, "{label}");
            assert_eq!(told.hosts[0].cname, None, "{label}");
        }
    }
}
