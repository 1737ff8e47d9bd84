use super::{FailureDetails, Report};
use crate::domain::Domain;
use crate::plan::PolicyType;
use crate::tlsrpt::day::Day;
use crate::tlsrpt::{Failure, Judged, Policy, ResultType, Session};
use serde_json::{Value, json};
use std::net::IpAddr;

fn domain(name: &str) -> Domain {
    Domain::known(name)
}

fn policy(kind: PolicyType) -> Policy {
    let (strings, mx_hosts): (&[&str], &[&str]) = match kind {
        PolicyType::Sts => (&["version: STSv1", "mode: testing"], &["*.mail.d.test"]),
        PolicyType::Tlsa => (&["3 1 1 00aa"], &[]),
        PolicyType::NoPolicyFound => (&[], &[]),
    };
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Policy {
        kind,
        strings: owned(strings),
        domain: domain("d.test"),
        mx_hosts: owned(mx_hosts),
    }
}

fn session(host: &str, last: u8, policies: &[(PolicyType, Option<Failure>)]) -> Session {
    Session {
        domain: domain("d.test"),
        host: domain(host),
        address: Some(IpAddr::from([192, 0, 2, last])),
        policies: policies
            .iter()
            .map(|&(kind, failure)| Judged {
                policy: policy(kind),
                failure,
            })
            .collect(),
    }
}

fn report(sessions: &[Session]) -> Report {
    let day = Day::of(1_795_600_000);
    let mut report = Report::new("Mail Test", "tls@mail.test", "2026-11-25-d.test", day);
    let sender = Some(IpAddr::from([198, 51, 100, 1]));
    for session in sessions {
        report.add(session, sender);
    }
    report
}

const EXPIRED: Option<Failure> = Some(Failure::plain(ResultType::CertificateExpired));

/// The structure of the sample of RFC 8460 appendix B, with other values.
#[test]
fn t6_a_report_as_it_is_written() {
    use PolicyType::{NoPolicyFound, Sts, Tlsa};
    let written = serde_json::to_value(report(&[
        session("mx1.mail.d.test", 1, &[(Sts, EXPIRED)]),
        session("mx1.mail.d.test", 1, &[(Sts, EXPIRED)]),
        session(
            "mx2.mail.d.test",
            2,
            &[(Tlsa, None), (Sts, Some(Failure::MX_MISMATCH))],
        ),
        session("mx2.mail.d.test", 2, &[(Sts, None)]),
        session("d.test", 3, &[(NoPolicyFound, None)]),
    ]))
    .unwrap();
    let expected = json!({
        "organization-name": "Mail Test",
        "date-range": {
            "start-datetime": "2026-11-25T00:00:00Z",
            "end-datetime": "2026-11-25T23:59:59Z",
        },
        "contact-info": "tls@mail.test",
        "report-id": "2026-11-25-d.test",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1", "mode: testing"],
                    "policy-domain": "d.test",
                    "mx-host": ["*.mail.d.test"],
                },
                "summary": {
                    "total-successful-session-count": 1,
                    "total-failure-session-count": 3,
                },
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "198.51.100.1",
                        "receiving-mx-hostname": "mx1.mail.d.test",
                        "receiving-ip": "192.0.2.1",
                        "failed-session-count": 2,
                    },
                    {
                        "result-type": "validation-failure",
                        "sending-mta-ip": "198.51.100.1",
                        "receiving-mx-hostname": "mx2.mail.d.test",
                        "receiving-ip": "192.0.2.2",
                        "failed-session-count": 1,
                        "failure-reason-code": "mtasts-policy-mx-mismatch",
                    },
                ],
            },
            {
                "policy": {
                    "policy-type": "tlsa",
                    "policy-string": ["3 1 1 00aa"],
                    "policy-domain": "d.test",
                },
                "summary": {
                    "total-successful-session-count": 1,
                    "total-failure-session-count": 0,
                },
            },
            {
                "policy": { "policy-type": "no-policy-found", "policy-domain": "d.test" },
                "summary": {
                    "total-successful-session-count": 1,
                    "total-failure-session-count": 0,
                },
            },
        ],
    });
    assert_eq!(written, expected);
}

#[test]
fn t6_what_is_written_is_read() {
    let report = report(&[session("mx1.d.test", 1, &[(PolicyType::Sts, EXPIRED)])]);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn t6_what_others_send_is_read() {
    let with = |details: Value, block: Value| json!({"policies": [{"policy": block, "failure-details": details}]});
    let details = json!([{"result-type": "certificate-expired", "failed-session-count": 4}]);
    let sts = json!({"policy-type": "sts", "policy-domain": "d.test"});
    let one = json!({"policy-type": "sts", "policy-string": "a", "mx-host": "*.d.test"});
    let null = json!({"policy-type": null, "policy-string": null, "mx-host": null});
    // label, the report, policy-strings, mx-hosts, failures
    #[rustfmt::skip]
    let rows = [
        ("field report 71", with(details.clone(), sts.clone()), 0, 0, 4),
        ("erratum 6241: strings", with(details.clone(), one), 1, 1, 4),
        ("null", with(Value::Null, null), 0, 0, 0),
        ("null in details", with(json!([{"result-type": null, "receiving-ip": null, "failed-session-count": null}]), sts.clone()), 0, 0, 0),
        ("unknown members", with(json!([{"result-type": "x", "failed-session-count": 1, "new": [1]}]), sts), 0, 0, 1),
    ];
    for (label, text, strings, mx_hosts, failures) in rows {
        let report: Report =
            serde_json::from_value(text).unwrap_or_else(|e| panic!("{label}: {e}"));
        let policy = report.policies.first().unwrap();
        assert_eq!(policy.policy.policy_string.len(), strings, "T6 {label}");
        assert_eq!(policy.policy.mx_host.len(), mx_hosts, "T6 {label}");
        let count = |details: &FailureDetails| details.failed_session_count;
        let count: u64 = policy.failure_details.iter().map(count).sum();
        assert_eq!(count, failures, "T6 {label}");
    }
    for (label, text) in [
        ("no object", "3"),
        ("no JSON", "{"),
        (
            "a text as count",
            r#"{"policies":[{"summary":{"total-failure-session-count":"x"}}]}"#,
        ),
    ] {
        assert!(serde_json::from_str::<Report>(text).is_err(), "T6 {label}");
    }
}

#[test]
fn counts_stop_at_the_end() {
    let mut report = report(&[session("a.test", 1, &[(PolicyType::Sts, EXPIRED)])]);
    for policy in &mut report.policies {
        policy.summary.total_failure_session_count = u64::MAX;
    }
    report.add(&session("a.test", 1, &[(PolicyType::Sts, EXPIRED)]), None);
    let policy = report.policies.first().unwrap();
    assert_eq!(policy.summary.total_failure_session_count, u64::MAX);
    assert_eq!(policy.failure_details.len(), 2, "another sender");
}
