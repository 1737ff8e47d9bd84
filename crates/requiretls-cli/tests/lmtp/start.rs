//! Whatever is wrong at the start, the message stays in its queue and nobody's bounce quotes us.

use crate::office::{Office, PROGRAM};
use std::process::{Command, Stdio};

#[test]
fn a_fault_at_the_start_is_status_75_and_silent() {
    let office = Office::open("");
    let config = office.config();
    let good = config.to_str().unwrap();
    let bad = office.path("bad.conf");
    std::fs::write(&bad, "[lmtp]\nno_such_key = 1\n").unwrap();
    let bad = bad.to_str().unwrap();
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &str); 5] = [
        ("no configuration", &["--config", "/no/such/file"], "/no/such/file: cannot be read"),
        ("a bad one", &["--config", bad], "bad.conf, line 2: unknown field `no_such_key`"),
        ("an unknown option", &["--config", good, "--tga=x"], ""),
        ("no route", &["--config", good, "--route", "a..b"], ""),
        ("two that exclude each other", &["--config", good, "--reuse", "--tag", ""], ""),
    ];
    for (label, words, reason) in rows {
        let run = |more: &[&str]| {
            let mut command = Command::new(PROGRAM);
            command
                .arg("lmtp")
                .args(words)
                .args(more)
                .stdin(Stdio::null());
            command.output().unwrap()
        };
        let output = run(&[]);
        assert_eq!(output.status.code(), Some(75), "{label}");
        assert!(output.stdout.is_empty(), "{label}");
        assert!(output.stderr.is_empty(), "{label}");
        if !reason.is_empty() {
            let told = run(&["--log", "stderr"]).stderr;
            let told = String::from_utf8(told).unwrap();
            assert!(told.contains(reason), "{label}: {told}");
        }
    }
}

#[test]
fn a_service_says_what_is_wrong() {
    let office = Office::open("");
    let socket = office.path("lmtp");
    let socket = socket.to_str().unwrap();
    let key = office.path("key.pem");
    std::fs::write(&key, "no key").unwrap();
    let tcp = "[lmtp_listener.\"127.0.0.1:2424\"]\n";
    #[rustfmt::skip]
    let rows = [
        ("no listener", "[lmtp_listener.\"pipe\"]\n".to_owned(), "the configuration has no lmtp_listener but the pipe"),
        ("no directory", "[lmtp_listener.\"unix:/no/such/lmtp\"]\n".to_owned(), "unix:/no/such/lmtp: "),
        ("not our address", "[lmtp_listener.\"192.0.2.1:2424\"]\n".to_owned(), "192.0.2.1:2424: "),
        ("no certificate", format!("{tcp}certificate = \"none.pem\"\nkey = \"key.pem\"\n"), "none.pem: "),
        ("no key", format!("{tcp}certificate = \"ca.pem\"\nkey = \"key.pem\"\n"), "key.pem: "),
        ("metrics where nobody may", format!("[lmtp]\nmetrics = \"192.0.2.1:9\"\n[lmtp_listener.\"unix:{socket}\"]\n"), "metrics at 192.0.2.1:9: "),
    ];
    for (label, tables, reason) in rows {
        office.configure(&tables);
        let output = office.command(&["--listen"]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{label}: {told}");
        assert!(told.contains(reason), "{label}: {told}");
    }
}
