//! What a plan tells of a host before, or without, connecting to it.

use super::*;
use crate::authenticate::Site;
use crate::facts::{LookupCause, LookupFailure};

fn record(usage: u8) -> TlsaRecord {
    TlsaRecord {
        usage,
        selector: 1,
        matching: 1,
        data: vec![7; 32],
    }
}

fn found(usage: u8) -> Tlsa {
    Tlsa::Found {
        base: domain("base.test"),
        records: vec![record(usage)],
    }
}

fn failed(cause: LookupCause) -> LookupFailure {
    LookupFailure {
        cause,
        question: "x".to_owned(),
    }
}

/// Of one host, under this tag.
fn of(word: &str, route: Route, tlsa: Tlsa, sts: Sts) -> Plan {
    let mut facts = facts(sts);
    facts.route = route;
    facts.hosts[0].tlsa = tlsa;
    plan(word, false, HopMode::Enforce, Settings::default(), facts)
}

fn secure(tlsa: Tlsa, sts: Sts) -> Plan {
    of("none", Route::Mx(Security::Secure), tlsa, sts)
}

#[test]
fn the_name_for_sni() {
    for (label, tlsa, expected) in [
        ("D20 usable", found(3), "base.test"),
        ("P2 unusable", found(1), "mx.test"),
        ("P2 none", Tlsa::None, "mx.test"),
    ] {
        let plan = secure(tlsa, Sts::None);
        let name = plan.sni(&plan.candidates()[0]).map(Domain::as_str);
        assert_eq!(name, Some(expected), "{label}");
    }
}

#[test]
fn names_that_are_asked_for() {
    let (mx, implicit) = (
        Route::Mx(Security::Secure),
        Route::Implicit(Security::Secure),
    );
    let enforce = || live(Mode::Enforce, "mx.test", true);
    #[rustfmt::skip]
    let rows: Vec<(&str, Plan, &[&str])> = vec![
        ("P3 nothing", secure(Tlsa::None, Sts::None), &[]),
        ("P3 T=e", secure(Tlsa::None, enforce()), &["mx.test"]),
        ("P4 R", of("R", mx.clone(), Tlsa::None, Sts::None), &["mx.test"]),
        ("P4 R, M=N", of("R", implicit, Tlsa::None, Sts::None), &["d.test"]),
        ("L9 LS", of("LS", mx.clone(), Tlsa::None, Sts::None), &["mx.test", "d.test"]),
        ("D12 DANE-EE", of("R", mx.clone(), found(3), Sts::None), &[]),
        ("D13 DANE-TA", of("R", mx.clone(), found(2), Sts::None), &["base.test", "d.test"]),
        ("D13 DANE-TA, then L9", of("LS", mx.clone(), found(2), Sts::None), &["base.test", "d.test"]),
        ("D13 not asked", of("FC", mx, found(1), Sts::None), &["mx.test"]),
    ];
    for (label, plan, expected) in rows {
        let names = plan.names(&plan.candidates()[0]);
        let names: Vec<&str> = names.into_iter().map(Domain::as_str).collect();
        assert_eq!(names, expected, "{label}");
    }
}

#[test]
fn names_of_the_site_and_mixed_records() {
    let rule = Rule {
        floor: TlsLevel::Secure,
        methods: Methods {
            dane: true,
            pkix_names: vec![domain("partner.test"), domain("mx.test")],
            ..Methods::default()
        },
        ..Rule::default()
    };
    let mut facts = facts(live(Mode::Enforce, "mx.test", true));
    facts.route = Route::Mx(Security::Insecure);
    facts.hosts[0].tlsa = Tlsa::Found {
        base: domain("base.test"),
        records: vec![record(2), record(3)],
    };
    let next_hop = NextHop::Domain(domain("d.test"));
    let plan = Plan::new(
        next_hop,
        Message::default(),
        rule,
        Settings::default(),
        facts,
    );
    let candidate = &plan.candidates()[0];
    let names: Vec<&str> = plan
        .names(candidate)
        .into_iter()
        .map(Domain::as_str)
        .collect();
    // A DANE-EE record is enough, so that no name is asked for DANE's sake (D12).
    assert_eq!(names, ["mx.test", "partner.test"], "P8, each once");

    let site = Site::of(&plan.rule().methods);
    let reference = plan.reference(candidate, site).unwrap();
    assert_eq!(reference.host, Some(domain("mx.test")), "P2");
    assert_eq!(reference.next_hop, Some(domain("d.test")), "P2");
    assert_eq!(reference.site.pkix_names.len(), 2, "P8");
}

#[test]
fn policies_in_the_words_of_rfc_8460() {
    /// Label, plan, type, domain, strings, patterns.
    type Row<'a> = (&'a str, Plan, &'a str, &'a str, Vec<&'a str>, &'a [&'a str]);
    let text = format!("3 1 1 {}", "07".repeat(32));
    let enforce = || live(Mode::Enforce, "mx.test", true);
    let testing = || live(Mode::Testing, "mx.test", true);
    let lines = [
        "version: STSv1",
        "mode: enforce",
        "mx: mx.test",
        "max_age: 86400",
    ];
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("T2 DANE", secure(found(3), enforce()), "tlsa", "base.test", vec![&text], &["mx.test"]),
        ("T2 STS", secure(Tlsa::None, enforce()), "sts", "d.test", lines.to_vec(), &["mx.test"]),
        ("T2 none", secure(Tlsa::None, Sts::None), "no-policy-found", "d.test", vec![], &[]),
        ("S16 testing", secure(found(3), testing()), "tlsa", "base.test", vec![&text], &[]),
    ];
    for (label, plan, kind, at, strings, patterns) in rows {
        let candidate = &plan.candidates()[0];
        assert_eq!(plan.policy_type(candidate).as_str(), kind, "{label}");
        let told = plan.policy_domain(candidate).map(Domain::as_str);
        assert_eq!(told, Some(at), "{label}");
        assert_eq!(plan.policy_strings(candidate), strings, "{label}");
        assert_eq!(plan.mx_patterns(), patterns, "{label}");
    }
}

#[test]
fn failures_in_the_words_of_rfc_8460() {
    use LookupCause::{Bogus, PolicyUnavailable, ServFail, Timeout};
    let tlsa = |cause| secure(Tlsa::Failed(failed(cause)), Sts::None);
    let sts = |cause| secure(Tlsa::None, Sts::Unknown(failed(cause)));
    for (label, plan, expected) in [
        ("T4 bogus", tlsa(Bogus), Some("dnssec-invalid")),
        ("T4 other", tlsa(ServFail), Some("tlsa-invalid")),
        (
            "T5 fetch",
            sts(PolicyUnavailable),
            Some("sts-policy-fetch-error"),
        ),
        ("T7 network", sts(Timeout), None),
        ("T4 nothing failed", secure(found(3), Sts::None), None),
    ] {
        let told = plan.policy_failure(&plan.candidates()[0]);
        assert_eq!(told, expected, "{label}");
    }
}
