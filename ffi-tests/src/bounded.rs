//! How does a command end, if it ends in time?
//!
//! A mail server's helper programs can hang for minutes; a test run must not.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{Failure, Result};

/// Runs a command to its end, feeding it `input`. Past `limit` it is killed with all that it started.
///
/// # Errors
/// It cannot be started, or did not end within the limit. Its exit status is for the caller to judge.
pub fn run(command: &mut Command, input: &[u8], limit: Duration) -> Result<Output> {
    let name = describe(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::new(format!("{name}: {error}")))?;
    let writer = child.stdin.take().map(|mut pipe| {
        let input = input.to_vec();
        // A command that does not read its input is no failure.
        std::thread::spawn(move || drop(pipe.write_all(&input)))
    });
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child, limit)?;
    if let Some(writer) = writer {
        drop(writer.join());
    }
    let (stdout, stderr) = (stdout.join(), stderr.join());
    match status {
        Some(status) => Ok(Output {
            status,
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
        }),
        None => Err(Failure::new(format!(
            "{name} did not end within {} s; it said: {}",
            limit.as_secs(),
            String::from_utf8_lossy(&stderr.unwrap_or_default()).trim()
        ))),
    }
}

/// Runs a command that must succeed; returns its standard output.
///
/// # Errors
/// As [`run`], and where it exits with another status than 0: with what it said.
pub fn output(command: &mut Command, limit: Duration) -> Result<String> {
    let name = describe(command);
    let output = run(command, b"", limit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::new(format!(
        "{name}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}

/// `None`: it had to be killed.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                kill_process_group(group, Signal::KILL)?;
            }
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until an error is all there is to show.
            drop(pipe.read_to_end(&mut bytes));
        }
        bytes
    })
}

fn describe(command: &Command) -> String {
    let mut name = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        name.push(' ');
        name.push_str(&argument.to_string_lossy());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let start = Instant::now();
        let mut command = Command::new("sh");
        command.args(["-c", "echo started >&2; sleep 60 & wait"]);
        let failure = run(&mut command, b"", Duration::from_millis(300)).err();
        let sentence = failure
            .map(|failure| failure.to_string())
            .unwrap_or_default();
        assert!(sentence.contains("did not end within"), "{sentence}");
        assert!(sentence.ends_with("it said: started"), "{sentence}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_failing_command_shows_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 3"]);
        let failure = output(&mut command, Duration::from_secs(10)).err();
        let sentence = failure
            .map(|failure| failure.to_string())
            .unwrap_or_default();
        assert!(sentence.contains("exit status: 3"), "{sentence}");
        assert!(sentence.contains("no such thing"), "{sentence}");
    }
}
