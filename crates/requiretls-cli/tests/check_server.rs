//! `requiretls check-server`, run as a program against mail servers with one defect each.

#![cfg(feature = "demo")]
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use requiretls_testbed::{Lax, Peer, Pki, SessionLog, SmtpPeer, Step, Tls};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn serve(peer: Peer, log: &SessionLog) -> SmtpPeer {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let pki = Pki::new(now.as_secs()).expect("certificates");
    let address = "127.0.0.1:0".parse().expect("an address");
    SmtpPeer::start(address, "mx.a.test", "a.test", peer, &pki, log).expect("a peer")
}

fn check(server: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args([
            "check-server",
            server,
            "--name",
            "client.test",
            "--timeout",
            "5",
        ])
        .args(args)
        .output()
        .expect("the program runs")
}

/// Exit status, and all findings but those that hold.
fn found(server: &str, args: &[&str]) -> (Option<i32>, BTreeSet<String>) {
    let output = check(server, &[args, &["--json"]].concat());
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("findings").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let others = findings
        .filter(|finding| finding["verdict"] != "holds")
        .map(|finding| format!("{}: {}", text(&finding["verdict"]), text(&finding["check"])))
        .collect();
    (output.status.code(), others)
}

#[test]
fn each_defect_is_found_and_nothing_else() {
    const IN_TLS: [&str; 7] = [
        "MAIL with REQUIRETLS is taken inside TLS",
        "so is it in lower case",
        "so is it before and behind another parameter",
        "so is it from <>",
        "REQUIRETLS with a value is refused",
        "REQUIRETLS twice is refused",
        "REQUIRETLS on RCPT is refused",
    ];
    let all = |verdict: &str, checks: &[&str]| -> Vec<String> {
        checks.iter().map(|c| format!("{verdict}: {c}")).collect()
    };
    let one = |text: &str| vec![text.to_owned()];
    let no_tls = || {
        let further = [
            "clear text behind STARTTLS is not obeyed inside TLS",
            "REQUIRETLS is offered inside TLS",
        ];
        [all("unknown", &IN_TLS), all("unknown", &further)].concat()
    };
    #[rustfmt::skip]
    let table: Vec<(&str, Peer, i32, Vec<String>)> = vec![
        ("good", Peer::good(), 0, vec![]),
        ("R5", Peer::good().requiretls_before_tls_only().offers("REQUIRETLS"), 1,
            [one("doubt: REQUIRETLS is not offered in clear"), one("fault: MAIL with REQUIRETLS is refused in clear")].concat()),
        ("R4", Peer::good().lax(Lax::InClear), 1, one("fault: MAIL with REQUIRETLS is refused in clear")),
        ("R2, value", Peer::good().lax(Lax::Value), 1, one("fault: REQUIRETLS with a value is refused")),
        ("R2, RCPT", Peer::good().lax(Lax::OnRcpt), 1, one("fault: REQUIRETLS on RCPT is refused")),
        ("R6", Peer::good().lax(Lax::Twice), 0, one("doubt: REQUIRETLS twice is refused")),
        ("RFC 3207 section 4.2", Peer::good().lax(Lax::BehindStartTls), 1,
            one("fault: clear text behind STARTTLS is not obeyed inside TLS")),
        ("R1, not offered", Peer::good().no_requiretls(), 1,
            [one("fault: REQUIRETLS is offered inside TLS"), all("unknown", &IN_TLS)].concat()),
        ("R27, offered and refused", Peer::good().refuses_parameter("555 5.5.4 no"), 1, all("fault", &IN_TLS[..4])),
        ("no STARTTLS", Peer::good().no_starttls(), 1,
            [one("fault: STARTTLS leads to TLS 1.2 or later"), no_tls()].concat()),
        ("STARTTLS refused for now", Peer::good().starttls_refused("454 4.7.0 later"), 2,
            [one("unknown: STARTTLS leads to TLS 1.2 or later"), one("unknown: REQUIRETLS is offered inside TLS"), all("unknown", &IN_TLS)].concat()),
        ("no TLS behind it", Peer::good().tls(Tls::Version11), 1,
            [one("fault: STARTTLS leads to TLS 1.2 or later"), one("unknown: REQUIRETLS is offered inside TLS"), all("unknown", &IN_TLS)].concat()),
        ("the sender is refused", Peer::good().answers(Step::Mail, Some(true), "550 5.7.1 not you"), 2,
            all("unknown", &IN_TLS)),
        ("the recipient is refused", Peer::good().answers(Step::Rcpt, Some(true), "550 5.1.1 who"), 2,
            one("unknown: REQUIRETLS on RCPT is refused")),
        ("greylisted", Peer::good().answers(Step::Mail, None, "451 4.7.1 later"), 2,
            [one("unknown: MAIL with REQUIRETLS is refused in clear"), all("unknown", &IN_TLS)].concat()),
    ];
    for (label, peer, status, expected) in table {
        let log = SessionLog::default();
        let peer = serve(peer, &log);
        let (code, others) = found(&peer.address().to_string(), &[]);
        let expected: BTreeSet<String> = expected.into_iter().collect();
        assert_eq!((code, others), (Some(status), expected), "{label}");
        // Nothing but questions: no session comes to DATA.
        let begun = log.ended(1, Duration::from_secs(5));
        let said = begun.iter().flat_map(|session| &session.lines);
        assert!(said.clone().count() > 0, "{label}");
        assert!(
            !said.clone().any(|(_, line)| line.starts_with("DATA")),
            "{label}"
        );
    }
}

#[test]
fn for_people() {
    let log = SessionLog::default();
    let peer = serve(Peer::good().lax(Lax::Value), &log);
    let output = check(&peer.address().to_string(), &["--to", "ann@a.test"]);
    let told = String::from_utf8_lossy(&output.stdout);
    for words in [
        "  holds    MAIL with REQUIRETLS is taken inside TLS\n",
        "  fault    REQUIRETLS with a value is refused\n           250 2.1.0 Ok\n           RFC 8689 section 2\n",
        "\n12 checks: 11 hold, 0 in doubt, 0 unknown, 1 faults\n",
    ] {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    let asked = log.sessions();
    let mut said = asked.iter().flat_map(|session| &session.lines);
    assert!(said.any(|(_, line)| line == "RCPT TO:<ann@a.test> REQUIRETLS"));
}

#[test]
fn what_cannot_be_asked() {
    for (label, server, args, status, words) in [
        ("nobody there", "127.0.0.1:1", vec![], 2, "127.0.0.1:1: "),
        ("no such host", "mx.invalid", vec![], 2, "mx.invalid: "),
        ("no host", "a b", vec![], 64, "a b: "),
        ("no port", "a.test:", vec![], 64, "not HOST or HOST:PORT"),
        (
            "no address",
            "127.0.0.1",
            vec!["--from", "a b"],
            64,
            "--from a b: ",
        ),
        ("no name", "127.0.0.1", vec!["--name", ""], 64, "--name"),
    ] {
        let output = check(server, &args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{label}: {errors}");
        assert!(errors.contains(words), "{label}: {errors}");
    }
}
