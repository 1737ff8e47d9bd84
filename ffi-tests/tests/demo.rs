//! Does a C program do in the demo's world what the demo itself does?

use std::process::Command;
use std::time::Duration;

use ffi_tests::{Installed, Result, Sender, Testbed, bounded, built};

const LIMIT: Duration = Duration::from_secs(240);

/// Every outbound scenario of the demo, sent by the C sender, which asks the library for the next
/// host. The same lines are expected, and the same judge looks at what the peers saw.
#[test]
fn the_c_sender_with_the_librarys_hosts_does_as_the_demo_does() -> Result<()> {
    demo(&Sender::build(&Installed::find()?)?, &[])
}

/// The same with a host list of the sender's own, as mail servers have it.
#[test]
fn the_c_sender_with_its_own_hosts_does_as_the_demo_does() -> Result<()> {
    demo(&Sender::build(&Installed::find()?)?, &["--own-hosts"])
}

/// The TLS library is the server's: with GnuTLS the same comes of every scenario.
#[test]
fn the_c_sender_with_gnutls_does_as_the_demo_does() -> Result<()> {
    demo(&Sender::build_with_gnutls(&Installed::find()?)?, &[])
}

fn demo(sender: &Sender, options: &[&str]) -> Result<()> {
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
    resume(&Sender::build(&Installed::find()?)?)
}

/// GnuTLS keeps the chain of a session with the session. It was shown when that began, not now.
#[test]
fn a_session_that_gnutls_resumes_shows_no_chain_either() -> Result<()> {
    resume(&Sender::build_with_gnutls(&Installed::find()?)?)
}

fn resume(sender: &Sender) -> Result<()> {
    let dir = tempfile::TempDir::new()?;
    let world = Testbed::start()?;
    let port = world.port("resumes.test")?;
    let config = world.configuration();
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
