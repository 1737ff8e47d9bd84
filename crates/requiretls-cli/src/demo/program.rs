//! What does another program make of a scenario?
//!
//! The program has the library through its C interface: `ffi-tests/c/sender.c`, or one that takes
//! the same options. It says what became of the message in one line on standard output; who imposed
//! it and what was sent is in the library's own log lines on standard error.

use super::scenario::{Ending, ending};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::NamedTempFile;

/// The program, and who lists the hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Program<'a> {
    pub(super) path: &'a Path,
    /// The program has a host list of its own, as most mail servers do, and asks about each; else
    /// it asks the library for the next host.
    pub(super) own_hosts: bool,
}

/// A message for the program.
pub(super) struct Sent<'a> {
    pub(super) config: &'a Path,
    pub(super) next_hop: &'a str,
    pub(super) port: u16,
    pub(super) tag: &'a str,
    pub(super) null_path: bool,
    pub(super) auth: bool,
    pub(super) hosts: &'a [String],
    pub(super) look_up: Duration,
    pub(super) patience: Duration,
    pub(super) content: &'a str,
    /// Tag, next hop and content of a message before it, whose connection is kept.
    pub(super) before: Option<(&'a str, &'a str, String)>,
    /// The next hop is an address literal, which no scenario can know beforehand.
    pub(super) is_literal: bool,
}

/// Runs the program, and reads how it ended.
pub(super) fn send(
    program: Program<'_>,
    sent: &Sent<'_>,
) -> Result<(Ending, String), Box<dyn Error>> {
    let mut command = Command::new(program.path);
    command
        .arg("-v")
        .arg("-c")
        .arg(sent.config)
        .args(["-n", sent.next_hop, "-g", sent.tag])
        .args(["-p", &sent.port.to_string()])
        .args(["-l", &sent.look_up.as_millis().to_string()])
        .args(["-t", &sent.patience.as_millis().to_string()]);
    if sent.auth {
        command.arg("-a");
    }
    if program.own_hosts {
        // A list that is empty is no list; such a host is in no plan.
        let hosts = sent.hosts.join(",");
        command.arg("-H").arg(if hosts.is_empty() {
            "nowhere.invalid"
        } else {
            &hosts
        });
    }
    let mut file = NamedTempFile::new()?;
    if let Some((tag, next_hop, content)) = &sent.before {
        file.write_all(content.as_bytes())?;
        command
            .arg("-b")
            .arg(format!("{tag},{next_hop},{}", file.path().display()));
    }
    let path = if sent.null_path {
        "<>"
    } else {
        "<anna@sender.test>"
    };
    command
        .arg(format!("MAIL FROM:{path}"))
        .arg("bert@recipient.test");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(sent.content.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    read(&said, &log, sent.is_literal).ok_or_else(|| format!("it said {said:?}, {log:?}").into())
}

fn read(said: &str, log: &str, is_literal: bool) -> Option<(Ending, String)> {
    let line = said.lines().next_back()?;
    let (fields, sentence) = line.split_once(" text=\"")?;
    let action = token(fields, "action")?;
    let host = token(fields, "host").filter(|host| *host != "-");
    // The gate's line says both; the verdict's says who, where that is somebody.
    let gate = log.lines().rfind(|l| token(l, "sent").is_some());
    let last = if action == "go" {
        gate
    } else {
        log.lines().next_back()
    };
    let who = last.and_then(|l| token(l, "who")).unwrap_or("nobody");
    let with = last
        .and_then(|l| token(l, "sent"))
        .filter(|_| action == "go");
    let host = host.map(|host| if is_literal { "[address]" } else { host }.to_owned());
    let ending = ending(
        action,
        token(fields, "code")?.parse().ok()?,
        token(fields, "enhanced")?,
        who,
        host,
        with.unwrap_or_default(),
    );
    Some((ending, sentence.trim_end_matches('"').to_owned()))
}

fn token<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(' ')
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}
