//! `requiretls demo`, run as a program: does it say that nothing leaked, and could it say otherwise?

#![cfg(feature = "demo")]
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn demo(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .arg("demo")
        .args(args)
        .output()
        .expect("the program runs")
}

/// The scenarios, and the numbers at the end.
fn json(args: &[&str]) -> (Vec<Value>, Value, Option<i32>) {
    let output = demo(&[args, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let summary = lines.pop().expect("a last line")["summary"].clone();
    (lines, summary, output.status.code())
}

fn ids(lines: &[Value], is: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let chosen = lines.iter().filter(|line| is(line));
    chosen.map(|line| text(&line["id"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn leaked(line: &Value) -> bool {
    line["leaks"].as_array().is_some_and(|l| !l.is_empty())
}

#[test]
fn nothing_leaks() {
    let started = Instant::now();
    let output = demo(&[]);
    let took = started.elapsed();
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let last = text.lines().last().expect("a last line");
    let (n, rest) = last.split_once(' ').expect("a number");
    assert_eq!(
        rest,
        format!("scenarios: {n} as expected, 0 leaks"),
        "{text}"
    );
    assert!(n.parse::<usize>().expect("a number") >= 50, "{last}");
    assert_eq!(output.status.code(), Some(0));
    assert!(!text.contains('\u{1b}'), "plain where nobody looks");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn there_is_enough_of_each_kind() {
    let (lines, summary, code) = json(&[]);
    assert_eq!(code, Some(0), "{summary}");
    for (kind, least) in [
        ("scenarios", 50),
        ("inbound", 10),
        ("outbound", 40),
        ("several_hosts", 5),
        ("open_connection", 3),
        ("ipv6", 2),
    ] {
        let count = summary[kind].as_u64().expect(kind);
        assert!(count >= least, "{kind}: {count}");
    }
    assert_eq!(summary["scenarios"], lines.len());
    assert_eq!(summary["as_expected"], lines.len());
    assert_eq!(summary["leaks"], 0);
    let all = ids(&lines, |_| true);
    assert_eq!(all.len(), lines.len(), "each id once");
    for line in &lines {
        let statement = text(&line["statement"]);
        assert!(
            statement.starts_with(['D', 'F', 'L', 'P', 'R', 'S', 'V']),
            "{line}"
        );
        assert_eq!(line["expected"], line["happened"], "{line}");
    }
}

#[test]
fn a_filter_chooses() {
    let (lines, summary, code) = json(&["--filter", "CERT-"]);
    assert_eq!(code, Some(0), "{summary}");
    assert!(lines.len() >= 10, "{summary}");
    let others = ids(&lines, |line| !text(&line["id"]).starts_with("cert-"));
    assert!(others.is_empty(), "{others:?}");

    let nothing = demo(&["--filter", "no such scenario"]);
    assert_eq!(nothing.status.code(), Some(64));
    assert!(nothing.stdout.is_empty());
}

/// A judge that found nothing here would find nothing anywhere.
#[test]
fn whoever_ignores_the_answers_leaks_where_it_is_marked() {
    let (lines, summary, code) = json(&["--ignore-answers"]);
    assert_eq!(code, Some(1), "{summary}");
    let marked = ids(&lines, |line| line["leaks_if_ignored"] == true);
    assert!(marked.len() >= 40, "{}", marked.len());
    assert_eq!(ids(&lines, leaked), marked);
    assert_eq!(summary["leaks"], marked.len());

    let output = demo(&["--ignore-answers", "--filter", "no-starttls"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        text.contains("leak: no-starttls: arrived at mx.no-starttls.test"),
        "{text}"
    );
    let last = text.lines().last().expect("a last line");
    assert!(
        !last.ends_with(", 0 leaks") && last.ends_with(" leaks"),
        "{last}"
    );
}

/// Somebody else's message, in a world that is kept, is judged by the same line.
#[test]
fn other_senders_are_judged_too() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(["demo", "--keep", "--json", "--filter", "no-starttls"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let scenario: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(scenario["id"], "no-starttls");
    let config = PathBuf::from(text(&scenario["sent"]["config"]));
    let domains = config.with_file_name("domains.txt");
    let domains = std::fs::read_to_string(domains).expect("what is there");
    let peer = domains
        .lines()
        .find(|line| line.starts_with("no-starttls.test "))
        .expect("the domain");
    let address = peer.split(' ').next_back().expect("an address");
    let port = scenario["sent"]["port"].as_u64().expect("a port");

    let mut peer = TcpStream::connect(format!("{address}:{port}")).expect("the peer listens");
    let mut replies = BufReader::new(peer.try_clone().expect("a socket"));
    let mut say = |words: &str| {
        peer.write_all(words.as_bytes()).expect("sent");
        let mut reply = String::new();
        while reply
            .lines()
            .last()
            .is_none_or(|l| l.get(3..4) != Some(" "))
        {
            assert_ne!(
                replies.read_line(&mut reply).expect("a reply"),
                0,
                "{reply}"
            );
        }
    };
    say("");
    say("EHLO somebody.test\r\n");
    say("MAIL FROM:<a@sender.test>\r\n");
    say("RCPT TO:<b@no-starttls.test>\r\n");
    say("DATA\r\n");
    say("X-Scenario: no-starttls\r\n\r\nx\r\n.\r\n");
    say("QUIT\r\n");

    drop(process.stdin.take());
    let ended = process.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&ended.stderr);
    let leak = "leak: no-starttls: arrived at mx.no-starttls.test";
    assert!(errors.contains(leak), "{errors}");
    assert!(
        errors.ends_with("1 leaks while the world was kept\n"),
        "{errors}"
    );
    assert_eq!(ended.status.code(), Some(1));
    assert!(!config.exists(), "nothing is left behind");
}

/// Two domains that differ in one octet of one signature.
#[test]
fn one_octet_of_a_signature_changes_a_scenario() {
    let (lines, summary, code) = json(&["--filter", "signature-"]);
    assert_eq!((lines.len(), code), (2, Some(0)), "{summary}");
    let [intact, altered] = [&lines[0], &lines[1]];
    assert_eq!(intact["happened"]["action"], "go");
    assert_eq!(altered["happened"]["action"], "defer");
    let sentence = text(&altered["sentence"]);
    assert!(
        sentence.ends_with("DNSSEC validation failed"),
        "validated here: {sentence}"
    );
}

/// Expectations and the judge ask nothing of the library that is on trial.
#[test]
fn the_judge_asks_nothing_of_the_accused() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo");
    let testbed = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("requiretls-testbed");
    let mut files = vec![
        testbed.join("src/judge.rs"),
        demo.join("scenario.rs"),
        demo.join("describe.rs"),
        demo.join("scenarios.rs"),
    ];
    let scenarios = demo.join("scenarios").read_dir().expect("scenarios");
    files.extend(scenarios.map(|entry| entry.expect("a file").path()));
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let source = std::fs::read_to_string(&file).expect("readable");
        for accused in ["core", "engine", "transport", "capi"] {
            let name = format!("requiretls_{accused}");
            assert!(!source.contains(&name), "{}: {name}", file.display());
        }
    }
}
