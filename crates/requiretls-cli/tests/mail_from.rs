//! `requiretls mail-from`, run as a program: what it prints and how it ends.

#![allow(clippy::expect_used)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output};

fn run<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(args)
        .output()
        .expect("the program runs")
}

fn golden(label: &str, output: &Output, stdout: &str, code: i32) {
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told, stdout, "{label}: {errors}");
    assert_eq!(output.status.code(), Some(code), "{label}");
    assert!(errors.is_empty(), "{label}: {errors}");
}

#[test]
fn tags_and_refusals() {
    let rows: &[(&str, &[&str], &str, i32)] = &[
        (
            "VF1",
            &["MAIL FROM:<a@b.example> REQUIRETLS"],
            "1.secure.onward\n",
            0,
        ),
        ("nothing asked", &["MAIL FROM:<a@b.example> SIZE=10"], "", 0),
        (
            "VF5 in clear",
            &["--clear", "MAIL FROM:<a@b.example> REQUIRETLS"],
            "530 5.7.10 REQUIRETLS needs TLS: send STARTTLS first\n",
            1,
        ),
        (
            "VF3",
            &["MAIL FROM:<a@b.example> REQUIRETLS=CHAIN"],
            "501 5.5.4 REQUIRETLS with a value that is not allowed\n",
            1,
        ),
        (
            "VF9",
            &[
                "--dialect",
                "rfc8689,draft-fenton",
                "MAIL FROM:<a@b.example> REQUIRETLS=chain,Dane",
            ],
            "1.encrypt.onward.either\n",
            0,
        ),
        (
            "VF13 draft alone",
            &["--dialect=draft-fenton", "MAIL FROM:<> REQUIRETLS"],
            "1.encrypt.onward\n",
            0,
        ),
        (
            "VF14",
            &["--dialect", "tls-level", "MAIL FROM:<> TLSPOLICY=SECURE"],
            "1.secure\n",
            0,
        ),
        (
            "VF15",
            &["--dialect", "tls-level", "MAIL FROM:<> TLSPOLICY=NONE"],
            "501 5.5.4 TLSPOLICY needs one of the values MAY, ENCRYPT, SECURE\n",
            1,
        ),
        ("VF17", &["MAIL FROM:<> TLSPOLICY=MAY"], "", 0),
        (
            "no command",
            &["HELO x"],
            "501 5.5.2 MAIL command cannot be read\n",
            1,
        ),
    ];
    for (label, args, stdout, code) in rows {
        golden(label, &run([&["mail-from"], *args].concat()), stdout, *code);
    }
}

#[test]
fn json() {
    let rows: &[(&str, &[&str], &str, i32)] = &[
        (
            "VF1",
            &["--json", "MAIL FROM:<> REQUIRETLS"],
            r#"{"answer":"taken","tag":"1.secure.onward","code":250,"enhanced":"2.0.0","text":"OK"}"#,
            0,
        ),
        (
            "nothing asked",
            &["--json", "MAIL FROM:<>"],
            r#"{"answer":"not_ours","tag":"","code":250,"enhanced":"2.0.0","text":"OK"}"#,
            0,
        ),
        (
            "VF4",
            &["--json", "MAIL FROM:<> REQUIRETLS REQUIRETLS"],
            r#"{"answer":"refused","tag":"!","code":501,"enhanced":"5.5.4","text":"more than one parameter about TLS"}"#,
            1,
        ),
    ];
    for (label, args, stdout, code) in rows {
        let output = run([&["mail-from"], *args].concat());
        golden(label, &output, &format!("{stdout}\n"), *code);
    }
}

#[test]
fn a_line_may_be_any_bytes() {
    for (label, line, stdout, code) in [
        (
            "8-bit path, not UTF-8",
            b"MAIL FROM:<\xff\xfe@b.example> REQUIRETLS".to_vec(),
            "1.secure.onward\n",
            0,
        ),
        (
            "8-bit in our parameter",
            b"MAIL FROM:<> REQUIRETLS\xa0".to_vec(),
            "501 5.5.4 REQUIRETLS with a value that is not allowed\n",
            1,
        ),
        (
            "CR",
            b"MAIL FROM:<>\r REQUIRETLS".to_vec(),
            "501 5.5.2 MAIL command cannot be read\n",
            1,
        ),
        (
            "8,193 octets",
            [b"MAIL FROM:<> X=".as_slice(), &[b'x'; 8_178]].concat(),
            "500 5.5.2 MAIL command too long\n",
            1,
        ),
    ] {
        let args = [OsString::from("mail-from"), OsString::from_vec(line)];
        golden(label, &run(&args), stdout, code);
    }
}

#[test]
fn wrong_usage_ends_with_64() {
    let rows: &[(&str, &[&str])] = &[
        ("nothing", &[]),
        ("no line", &["mail-from"]),
        ("two lines", &["mail-from", "a", "b"]),
        (
            "unknown dialect",
            &["mail-from", "--dialect", "rfc8690", "MAIL FROM:<>"],
        ),
        ("unknown option", &["mail-from", "--tls", "MAIL FROM:<>"]),
        ("unknown command", &["rcpt-to", "RCPT TO:<a@b.example>"]),
    ];
    for (label, args) in rows {
        let output = run(*args);
        assert_eq!(output.status.code(), Some(64), "{label}");
        assert!(output.stdout.is_empty(), "{label}");
        assert!(!output.stderr.is_empty(), "{label}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for args in [&["--help"][..], &["--version"], &["mail-from", "--help"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
    let version = run(["--version"]);
    let told = String::from_utf8_lossy(&version.stdout);
    assert_eq!(told, format!("requiretls {}\n", env!("CARGO_PKG_VERSION")));
}
