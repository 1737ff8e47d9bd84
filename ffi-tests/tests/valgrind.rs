//! Does the library leave memory alone that is not its own, and give back what is?
//!
//! The C sender under valgrind, among real servers. What the process still holds at its end and can still reach is
//! its own affair: caches and thread-local state of the runtime.

use std::fs;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Example, Installed, Result, Sender, World, bounded};
use tempfile::TempDir;

const VALGRIND: [&str; 6] = [
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--show-leak-kinds=definite",
];

fn check(rows: &[(&str, &str, &str)]) -> Result<()> {
    let sender = Sender::build(&Installed::find()?)?;
    let world = World::start()?;
    for (domain, mail_from, expected) in rows {
        let answer = sender.send(&world, &VALGRIND, mail_from, &format!("user@{domain}"))?;
        assert_eq!(answer.brief(), *expected, "{domain}: {answer:?}");
        assert!(!answer.stderr.contains("=="), "{domain}: {}", answer.stderr);
        assert_ne!(answer.status, Some(99), "{domain}: {}", answer.stderr);
    }
    Ok(())
}

#[test]
fn delivering_leaves_memory_in_order() -> Result<()> {
    check(&[
        (
            "dane.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "go 250 2.0.0",
        ),
        (
            "pkix.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "go 250 2.0.0",
        ),
        (
            "several.signed.test",
            "MAIL FROM:<ann@client.test>",
            "go 250 2.0.0",
        ),
    ])
}

#[test]
fn refusing_leaves_memory_in_order() -> Result<()> {
    check(&[
        (
            "unsigned.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "bounce 550 5.7.10",
        ),
        (
            "mismatch.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "defer 451 4.7.10",
        ),
        (
            "plain-tls.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "bounce 550 5.7.30",
        ),
        (
            "dane.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS=x",
            "refused 501 5.5.4",
        ),
    ])
}

/// The programs that need no peer.
#[test]
fn the_small_programs_leave_memory_in_order() -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    let rules = "[dns]\nservers = [\"127.0.0.1:9\"]\n\n[cache]\ndirectory = \"\"\n";
    fs::write(&config, rules)?;
    let session = "EHLO x\r\nMAIL FROM:<a@b.example> REQUIRETLS\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\
                   TLS-Required: No\r\n\r\n.\r\nMAIL FROM:<a@b.example> REQUIRETLS=x\r\nQUIT\r\n";
    let config = config.display().to_string();
    // The program, its arguments and input, its exit status, the last line it prints.
    let rows: [(&str, &[&str], &str, i32, &str); 3] = [
        (
            "inbound",
            &["-t", "-c", &config],
            session,
            0,
            "221 2.0.0 Bye",
        ),
        (
            "policy",
            &["-c", &config, "192.0.2.1", "1.secure.onward"],
            "",
            69,
            "bounce 550 5.7.10 ",
        ),
        ("reload", &[&config], "anew\nagain\n", 0, "new plan: may"),
    ];
    for (name, arguments, input, status, last) in rows {
        let built = Example::named(name).build(&installed)?;
        let mut words = VALGRIND.iter();
        let mut command = Command::new(words.next().copied().unwrap_or_default());
        command.args(words).arg(built.program()).args(arguments);
        let output = bounded::run(&mut command, input.as_bytes(), Duration::from_secs(240))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().next_back().unwrap_or_default();
        assert!(line.starts_with(last), "{name}: {said}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*stderr),
            (Some(status), ""),
            "{name}"
        );
    }
    Ok(())
}
