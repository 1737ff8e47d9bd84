//! Does a C program do in the demo's world what the demo itself does?

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ffi_tests::{Failure, Installed, Result, Sender, bounded, built};

const LIMIT: Duration = Duration::from_secs(240);

/// Every outbound scenario of the demo, sent by the C sender, which asks the library for the next
/// host. The same lines are expected, and the same judge looks at what the peers saw.
#[test]
fn the_c_sender_with_the_librarys_hosts_does_as_the_demo_does() -> Result<()> {
    demo(&[])
}

/// The same with a host list of the sender's own, as mail servers have it.
#[test]
fn the_c_sender_with_its_own_hosts_does_as_the_demo_does() -> Result<()> {
    demo(&["--own-hosts"])
}

fn demo(options: &[&str]) -> Result<()> {
    let sender = Sender::build(&Installed::find()?)?;
    let mut command = Command::new(built("requiretls")?);
    command.args(["demo", "--sender"]).arg(sender.program());
    let output = bounded::run(command.args(options), b"", LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().next_back().unwrap_or_default();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let (scenarios, rest) = last.split_once(" scenarios: ").unwrap_or_default();
    assert_eq!(
        rest,
        format!("{scenarios} as expected, 0 leaks"),
        "{said}{stderr}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}{stderr}");
    let number: usize = scenarios.parse().unwrap_or_default();
    assert!(number >= 40, "only {number} scenarios: {said}");
    Ok(())
}

/// A resumed TLS session shows no certificate chain: the message waits, and is neither sent nor
/// returned (P6 row 12a). Without a tag nothing is asked of the chain.
#[test]
fn a_resumed_session_shows_no_chain_and_the_message_waits() -> Result<()> {
    let sender = Sender::build(&Installed::find()?)?;
    let dir = tempfile::TempDir::new()?;
    let _world = Testbed::start(dir.path())?;
    let port = fs::read_to_string(dir.path().join("domains.txt"))?
        .lines()
        .find_map(|line| {
            line.strip_prefix("resumes.test ")?
                .split(' ')
                .next()
                .map(str::to_owned)
        })
        .ok_or_else(|| Failure::new("the world has no resumes.test"))?;
    let config = dir.path().join("requiretls.conf");
    let session = dir.path().join("session");
    let rows = [
        ("a full handshake", "1.secure.onward", "go 250 2.0.0"),
        ("resumed", "1.secure.onward", "defer 451 4.7.10"),
        ("resumed, nothing asked", "", "go 250 2.0.0"),
    ];
    for (label, tag, expected) in rows {
        let options = [
            "-c".as_ref(),
            config.as_os_str(),
            "-r".as_ref(),
            session.as_os_str(),
            "-p".as_ref(),
            port.as_ref(),
            "-g".as_ref(),
            tag.as_ref(),
            "MAIL FROM:<ann@client.test>".as_ref(),
            "user@resumes.test".as_ref(),
        ];
        let answer = sender.with_options(options)?;
        assert_eq!(answer.brief(), expected, "{label}: {answer:?}");
        assert!(session.exists(), "{label}: the session is kept");
    }
    Ok(())
}

/// The world of the testbed, in a process of its own, until it is dropped.
struct Testbed(Child);

impl Testbed {
    fn start(dir: &Path) -> Result<Self> {
        let mut child = Command::new(built("testbed")?)
            .args(["serve".as_ref(), dir.as_os_str(), "validate".as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let testbed = Self(child);
        if line.trim_end() == "ready" {
            Ok(testbed)
        } else {
            Err(Failure::new(format!("the testbed said {line:?}")))
        }
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        // It ends when its standard input does; the kill is for one that does not.
        drop(self.0.stdin.take());
        std::thread::sleep(Duration::from_millis(200));
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
