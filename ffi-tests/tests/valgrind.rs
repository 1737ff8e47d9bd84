//! Does the library leave memory alone that is not its own, and give back what is?
//!
//! The C sender under valgrind, among real servers. What the process still holds at its end and can still reach is
//! its own affair: caches and thread-local state of the runtime.

use ffi_tests::{Installed, Result, Sender, World};

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
