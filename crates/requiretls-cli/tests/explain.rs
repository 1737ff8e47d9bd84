//! `requiretls explain`, from the outside.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::naive_bytecount)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const CASES: &str = include_str!("../../requiretls-core/tests/decision-cases.jsonl");

/// Every decision case of the statements' executable model comes out as it prescribes (P1 to P13).
#[test]
fn p_all_decision_cases_agree() {
    let (answers, status) = explain(CASES);
    assert_eq!(status, Some(0));
    let lines: Vec<&str> = CASES.lines().collect();
    assert_eq!((lines.len(), answers.len()), (3000, 3000));
    let mut wrong = Vec::new();
    for (number, (line, answer)) in lines.iter().zip(&answers).enumerate() {
        let line: Value = serde_json::from_str(line).expect("a case");
        let expected = line["expect"].as_object().expect("what is prescribed");
        assert_eq!(expected.len(), 10, "line {}: fields prescribed", number + 1);
        for (field, value) in expected {
            if &answer[field] != value {
                let is = &answer[field];
                wrong.push(format!("line {}: {field} is {is}, not {value}", number + 1));
            }
        }
        let sentence = answer["sentence"].as_str().expect("a sentence");
        assert!(
            !sentence.is_empty() && !sentence.contains('%'),
            "line {}",
            number + 1
        );
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_bare_case_has_the_defaults() {
    let (answers, status) = explain("{}\n{\"tag\":\"R\"}\n\n{\"case\":{\"M\":\"E\"}}");
    assert_eq!(status, Some(0));
    let actions: Vec<&str> = answers
        .iter()
        .filter_map(|a| a["action"].as_str())
        .collect();
    assert_eq!(actions, ["go", "bounce", "defer"]);
}

/// P5: the line that a delivery logs at level debug is a case, with whatever syslog puts before it.
#[test]
fn p5_log_lines_are_cases() {
    let case = r#"case={"tag":"LE","hosts":[{"addrs":[{"starttls":"no"}]}]}"#;
    let rows = [
        ("bare", case.to_owned()),
        (
            "of syslog",
            format!("<15>Nov 26 10:00:00 mx exim[77]: {case}"),
        ),
        ("of a file", format!("2026-11-26T10:00:00Z debug {case}\r")),
    ];
    for (label, line) in rows {
        let (answers, status) = explain(&line);
        assert_eq!(status, Some(0), "{label}: {answers:?}");
        assert_eq!(answers[0]["action"], "bounce", "{label}");
        assert_eq!(answers[0]["row"], "9", "{label}");
    }
    let cut = r#"mx exim[77]: case={"tag":"LE","hosts":[{"addrs"..."#;
    let none = "mx exim[77]: action=go next_hop=d.test tag=R";
    let inside = r#"{"tag":"case={}"}"#;
    for line in [cut, none, inside] {
        let (answers, status) = explain(line);
        assert_eq!(status, Some(65), "{line}: {answers:?}");
        assert!(answers[0]["error"].is_string(), "{line}");
    }
}

/// P9: further messages on the connection of the first, each with its own answer.
#[test]
fn p9_further_messages() {
    let case = r#"{"tag":"R","hosts":[{"addrs":[{"auth":["pkix_host"],"offers":["REQUIRETLS"]}]}],
        "then":[{"tag":"R"},{"tag":"R","expired":true},{"tag":"FD"}]}"#;
    let (answers, status) = explain(&case.replace('\n', " "));
    assert_eq!(status, Some(0), "{answers:?}");
    assert_eq!(answers[0]["action"], "go");
    let then = answers[0]["then"].as_array().expect("a list");
    let told: Vec<_> = then
        .iter()
        .map(|a| {
            (
                a["connection"].as_str(),
                a["action"].as_str(),
                a["code"].as_str(),
            )
        })
        .collect();
    let some = |connection, action, code| (Some(connection), Some(action), Some(code));
    assert_eq!(
        told,
        [
            some("reused", "go", ""),
            some("new", "go", ""),
            some("none", "bounce", "550"),
        ]
    );
    let why = then[1]["not_reused"].as_str().expect("a sentence");
    assert!(why.contains("expired"), "{why}");
    let (answers, _) = explain("{}");
    assert!(answers[0].get("then").is_none(), "nothing was asked");
}

/// The list of the log line's tokens is the library's.
#[test]
fn p12_log_tokens() {
    let told = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(["explain", "--log-tokens"])
        .output()
        .expect("runs");
    assert_eq!(told.status.code(), Some(0));
    let text = String::from_utf8(told.stdout).expect("text");
    assert_eq!(text, requiretls_core::log_line::token::manual());
    let page = include_str!("../../requiretls-core/src/log_line/tokens.md");
    assert_eq!(text, page);
    let both = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(["explain", "--log-tokens", "file"])
        .output()
        .expect("runs");
    assert_eq!(both.status.code(), Some(64));
}

/// A line that is no case is answered with what is wrong in it, and the rest goes on.
#[test]
fn lines_that_are_no_cases() {
    let rows = [
        ("unknown field", r#"{"tagg":"R"}"#, "tagg"),
        (
            "unknown field in a host",
            r#"{"hosts":[{"D":"U","mach":true}]}"#,
            "hosts[0].mach",
        ),
        (
            "unknown field in an address",
            r#"{"hosts":[{"addrs":[{},{"tsl":"1.3"}]}]}"#,
            "hosts[0].addrs[1].tsl",
        ),
        (
            "unknown word",
            r#"{"tag":"RR"}"#,
            "tag: unknown variant `RR`",
        ),
        (
            "unknown word in an address",
            r#"{"hosts":[{"addrs":[{"tls":"1.4"}]}]}"#,
            "hosts[0].addrs[0].tls",
        ),
        (
            "unknown field in a further message",
            r#"{"then":[{"tag":"R"},{"sts":"e"}]}"#,
            "then[1].sts",
        ),
        (
            "a damaged tag",
            r#"{"tag":"1.secure.onwar"}"#,
            "tag: unknown variant",
        ),
        ("wrong type", r#"{"null_path":"yes"}"#, "null_path"),
        ("field beside case", r#"{"case":{},"extra":1}"#, "extra"),
        ("not JSON", "tag=R", "not JSON"),
        ("cut off", r#"{"tag":"R""#, "not JSON"),
        ("a list", "[]", "JSON object"),
        ("not UTF-8", "{\"tag\":\"\u{0}", "not JSON"),
    ];
    for (label, line, named) in rows {
        let (answers, status) = explain(&format!("{{}}\n{line}\n{{}}\n"));
        assert_eq!(status, Some(65), "{label}");
        assert_eq!(answers.len(), 3, "{label}: the rest goes on");
        assert_eq!(answers[2]["action"], "go", "{label}");
        let error = answers[1]["error"].as_str().unwrap_or_default();
        assert!(error.starts_with("line 2: "), "{label}: {error}");
        assert!(error.contains(named), "{label}: {error}");
    }
}

#[test]
fn an_endless_line_is_refused_and_passed_over() {
    let long = format!("{{\"tag\":\"{}\"}}", "R".repeat(3 << 20));
    let (answers, status) = explain(&format!("{long}\n{{}}\n"));
    assert_eq!(status, Some(65));
    assert_eq!(answers.len(), 2);
    assert!(
        answers[0]["error"]
            .as_str()
            .is_some_and(|e| e.contains("longer than"))
    );
    assert_eq!(answers[1]["action"], "go");
}

#[test]
fn a_file_or_none() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../requiretls-core/tests/decision-cases.jsonl"
    );
    let read = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(["explain", file])
        .output()
        .expect("runs");
    assert_eq!(read.status.code(), Some(0));
    assert_eq!(read.stdout.iter().filter(|&&b| b == b'\n').count(), 3000);
    let missing = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(["explain", "no/such/file"])
        .output()
        .expect("runs");
    assert_eq!(missing.status.code(), Some(66));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no/such/file"));
}

/// Answers come while input goes on, and memory does not grow with the number of lines.
#[test]
fn streams_in_constant_memory() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .arg("explain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut input = child.stdin.take().expect("a pipe");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let reader = std::thread::spawn(move || output.lines().count());
    let mut peaks = Vec::new();
    for _ in 0..4 {
        for _ in 0..2 {
            input.write_all(CASES.as_bytes()).expect("takes input");
        }
        peaks.push(resident_kib(child.id()));
    }
    drop(input);
    assert!(child.wait().expect("ends").success());
    assert_eq!(reader.join().expect("reads"), 24_000);
    let (first, last) = (peaks[0], peaks[3]);
    assert!(last <= first + 4096, "resident KiB over time: {peaks:?}");
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("is running");
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM:"))
        .expect("has a peak");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

fn explain(input: &str) -> (Vec<Value>, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .arg("explain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("ends");
    writer.join().expect("writes").expect("takes input");
    let answers = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    (answers, output.status.code())
}
