//! What does an MTA-STS policy say, is it the one that holds, and what is told of it?

use crate::lookups::{domain, facts, host, plan};
use requiretls_core::authenticate::{CertFailure, Evidence, Outcome};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::delivery::{Action, Delivery, End};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{Route, Security, Sts, Tlsa};
use requiretls_core::mta_sts::fetch::{self, FetchError};
use requiretls_core::mta_sts::freshness::{Kept, State, fetch_is_due, settle};
use requiretls_core::mta_sts::{
    Announcement, MAX_AGE_LIMIT, Mode, Policy, policy_host, record_name,
};
use requiretls_core::tlsrpt::day::Day;
use requiretls_core::tlsrpt::report::Report;

const NOW: u64 = 1_800_000_000;

fn enforce(host: &str) -> Policy {
    Policy::from_parts(Mode::Enforce, &[host], 86_400).unwrap()
}

fn kept(policy: &Policy, age: u64) -> Kept<'_> {
    Kept {
        policy,
        id: "a",
        fetched: NOW - age,
        failed: None,
    }
}

fn announce(id: &str) -> Announcement {
    Announcement::of(&[format!("v=STSv1; id={id}")])
}

#[test]
fn policies_as_read() {
    let whole = "version: STSv1\nmode: enforce\nmx: mx.d.test\nmax_age: 86400\n";
    let age = |age: &str| whole.replace("86400", age);
    #[rustfmt::skip]
    let rows = [
        ("field report 1, nmx", whole.replace("mx:", "nmx:"), None),
        ("field report 55, LF", whole.to_owned(), Some(86_400)),
        ("field report 55, CRLF", whole.replace('\n', "\r\n"), Some(86_400)),
        ("field report 55, mixed", whole.replacen('\n', "\r\n", 2), Some(86_400)),
        ("field report 59, one more than a year", age("31557601"), Some(MAX_AGE_LIMIT)),
        ("field report 59, 2^32", age("4294967296"), Some(MAX_AGE_LIMIT)),
        ("field report 59, ten digits", age("9999999999"), Some(MAX_AGE_LIMIT)),
        ("field report 59, eleven digits", age("99999999999"), None),
        ("field report 61, U-label in mx", whole.replace("mx.d.test", "b\u{fc}cher.test"), None),
        ("field report 61, A-label in mx", whole.replace("mx.d.test", "xn--bcher-kva.test"), Some(86_400)),
    ];
    for (label, body, max_age) in rows {
        let read = Policy::parse(body.as_bytes()).ok();
        assert_eq!(read.as_ref().map(Policy::max_age), max_age, "{label}");
        let hosts = read.map(|policy| policy.mx().len());
        assert!(
            hosts.is_none_or(|hosts| hosts > 0),
            "{label}: field report 1, no empty list"
        );
    }
}

#[test]
fn names_are_compared_as_a_labels() {
    let asked = domain("b\u{fc}cher.test");
    let record = record_name(&asked).unwrap();
    assert_eq!(
        record.as_str(),
        "_mta-sts.xn--bcher-kva.test",
        "field report 61"
    );
    let host = policy_host(&asked).unwrap();
    assert_eq!(
        host.as_str(),
        "mta-sts.xn--bcher-kva.test",
        "field report 61"
    );
    let policy = enforce("mx.xn--bcher-kva.test");
    assert!(
        policy.matches(&domain("MX.B\u{fc}cher.test")),
        "field report 61"
    );
}

#[test]
fn which_policy_holds() {
    let (old, new) = (enforce("old.x.test"), enforce("new.x.test"));
    let two = Announcement::of(&["v=STSv1; id=a", "v=STSv1; id=b"]);
    let one_broken = Announcement::of(&["v=STSv1; id=a", "v=STSv1; id=!"]);
    let live = kept(&old, 10);
    // label, TXT, kept, fetched, is a fetch due, what holds
    #[rustfmt::skip]
    let rows = [
        ("field report 1, invalid, none kept", announce("a"), None, None, true, State::Unknown),
        ("field report 1, invalid, one kept", announce("b"), Some(live), None, true, State::Live(&old)),
        ("field report 10, new id", announce("b"), Some(live), Some(&new), true, State::Live(&new)),
        ("field report 56, two records", two, None, None, false, State::None),
        ("field report 56, one of two valid", one_broken, None, None, false, State::None),
        ("field report 58, a redirect: the kept one stays", announce("b"), Some(live), None, true, State::Live(&old)),
    ];
    for (label, txt, kept, fetched, due, state) in rows {
        assert_eq!(
            fetch_is_due(Some(&txt), kept.as_ref(), NOW),
            due,
            "{label}: fetch"
        );
        assert_eq!(
            settle(Some(&txt), kept.as_ref(), fetched, NOW),
            state,
            "{label}"
        );
    }
}

/// The command that forgets a policy is another matter.
#[test]
fn a_host_that_moved_under_the_same_id() {
    let (old, new) = (enforce("old.x.test"), enforce("new.x.test"));
    for (label, age, may) in [
        ("field report 11, once", 3_600, true),
        ("field report 11, at most every five minutes", 299, false),
        (
            "field report 25, a provisional policy of days ago",
            80_000,
            true,
        ),
    ] {
        let kept = kept(&old, age);
        let sts = |policy: &Policy, checked| Sts::Live {
            policy: policy.clone(),
            checked,
            refetch_failed: None,
        };
        let made = |sts| {
            let route = Route::Mx(Security::Insecure);
            plan("none", facts(route, host("new.x.test", Tlsa::None), sts))
        };
        let first = made(sts(&old, kept.is_checked(NOW)));
        assert_eq!(first.wants_recheck(), may, "{label}: wanted");
        assert_eq!(kept.may_be_rechecked(NOW), may, "{label}: allowed");
        let again = made(sts(&new, true));
        let refused = again.candidates().iter().any(|c| c.refused.is_some());
        assert!(
            !refused && !again.wants_recheck(),
            "{label}: delivered to new.x"
        );
    }
}

#[test]
fn redirects_are_failures() {
    for (label, status) in [
        ("field report 58, 301", 301),
        ("field report 58, 302", 302),
        ("field report 58, 307", 307),
        ("field report 58, 308", 308),
    ] {
        let read = fetch::accept(status, Some("text/plain"), 80);
        assert_eq!(read, Err(FetchError::Status(status)), "{label}");
    }
}

#[test]
fn the_policy_domain_of_a_smart_host() {
    let relayed = plan(
        "none",
        facts(Route::Configured, host("relay.test", Tlsa::None), Sts::None),
    );
    let asked = relayed.sts_domain().and_then(record_name).unwrap();
    assert_eq!(asked.as_str(), "_mta-sts.relay.test", "field report 43");
    let by_mx = plan(
        "none",
        facts(
            Route::Mx(Security::Secure),
            host("mx.d.test", Tlsa::None),
            Sts::None,
        ),
    );
    let asked = by_mx.sts_domain().and_then(record_name).unwrap();
    assert_eq!(asked.as_str(), "_mta-sts.d.test", "field report 43");
}

/// What one delivery over TLS is told as.
fn reported(tlsa: Tlsa, outcome: Outcome) -> serde_json::Value {
    let route = Route::Mx(Security::Secure);
    let plan = plan("none", facts(route, host("mx.d.test", tlsa), Sts::None));
    let mut delivery = Delivery::new(plan);
    let ehlo = |text: &str| EhloReply::parse(text.as_bytes());
    assert!(delivery.next_host_to_try().is_ok());
    assert_eq!(
        delivery.ehlo(&ehlo("250-mx\r\n250 STARTTLS\r\n")),
        Action::StartTls
    );
    let cipher = Some("TLS_AES_128_GCM_SHA256");
    assert_eq!(delivery.tls(Some("TLSv1.3"), cipher), Action::Go);
    if delivery.peer(Evidence::new(|_| outcome)) == Action::Go {
        assert_eq!(delivery.ehlo(&ehlo("250 mx\r\n")), Action::Go);
        assert!(delivery.mail_params(NOW).is_ok());
        assert_eq!(delivery.done(End::Reply(250)), Action::Go);
    }
    let mut report = Report::new("us", "tls@us.test", "1", Day::of(NOW));
    for session in delivery.tls_sessions() {
        report.add(&session, None);
    }
    serde_json::to_value(report).unwrap()
}

#[test]
fn reports_that_are_written() {
    let report = reported(Tlsa::None, Outcome::Holds);
    let policy = &report["policies"][0]["policy"];
    assert_eq!(policy["policy-type"], "no-policy-found", "field report 70");
    assert_eq!(policy["policy-domain"], "d.test", "field report 70");

    let record = |usage, matching, length| TlsaRecord {
        usage,
        selector: 1,
        matching,
        data: vec![0xab; length],
    };
    let rolled = Tlsa::Found {
        base: domain("mx.d.test"),
        records: vec![record(3, 1, 32), record(2, 2, 64)],
    };
    let report = reported(rolled, Outcome::Fails(CertFailure::DaneMismatch));
    let told = &report["policies"][0];
    let strings = [
        format!("3 1 1 {}", "ab".repeat(32)),
        format!("2 1 2 {}", "ab".repeat(64)),
    ];
    let found = &told["policy"]["policy-string"];
    assert_eq!(*found, serde_json::json!(strings), "field report 53");
    let reason = &told["failure-details"][0]["failure-reason-code"];
    assert_eq!(*reason, "dane-no-match", "field report 53");
}

#[test]
fn reports_that_are_read() {
    let text = r#"{"organization-name":"x","policies":[{"policy":{"policy-type":"sts",
        "policy-domain":"d.test"},"summary":{"total-failure-session-count":2},"failure-details":
        [{"result-type":"certificate-expired","failed-session-count":2}]}]}"#;
    let report: Report = serde_json::from_str(text).expect("field report 71");
    let policy = report.policies.first().unwrap();
    assert!(policy.policy.policy_string.is_empty(), "field report 71");
    let details = policy.failure_details.first().unwrap();
    assert_eq!(details.sending_mta_ip, None, "field report 71");
    assert_eq!(details.failed_session_count, 2, "field report 71");
}
