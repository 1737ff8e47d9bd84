//! Does a server with an event loop get the same answers as one that waits?

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Built, Example, Installed, Result, Testbed, bounded};

const LIMIT: Duration = Duration::from_secs(60);

/// Half a second before every reply: one after the other a hundred messages would take ten minutes.
#[test]
fn the_event_loop_delivers_a_hundred_messages_at_once() -> Result<()> {
    for name in ["event_loop", "event_loop-gnutls"] {
        let event_loop = Example::named(name).build(&Installed::find()?)?;
        let world = Testbed::start()?;
        let port = world.port("slow.test")?;
        let list = |n: usize| format!("user{n}@slow.test {port} 1.secure.onward\n");
        let list: String = (0..100).map(list).collect();
        let said = deliver(&event_loop, &world, &list)?;
        for n in 0..100 {
            let line = format!("user{n}@slow.test 1.secure.onward go 250\n");
            assert!(said.contains(&line), "{name}: {line}{said}");
        }
        assert!(
            said.ends_with("\nmessages=100 connections_at_once=100\n"),
            "{name}: {said}"
        );
    }
    Ok(())
}

/// The same answers as from the sender that waits for each reply.
#[test]
fn the_event_loop_does_as_each_plan_says() -> Result<()> {
    let rows = [
        ("dane-ee.test", "1.secure.onward", "go 250"),
        ("dane-ee-wrong.test", "-", "defer 451"),
        ("sts-enforce.test", "1.secure.onward", "go 250"),
        ("no-starttls.test", "1.secure.onward", "bounce 550"),
        ("no-starttls.test", "-", "go 250"),
        ("hosts.test", "1.secure.onward", "go 250"),
        ("addresses.test", "1.may", "go 250"),
        ("unsigned.test", "1.secure.onward", "bounce 550"),
        ("zone-damaged.test", "-", "defer 451"),
        ("starttls-454.test", "-", "go 250"),
        ("starttls-454.test", "1.secure.onward", "defer 451"),
        ("tls-garbage.test", "-", "go 250"),
        ("tls-alert.test", "1.secure.onward", "defer 451"),
        ("injects.test", "-", "go 250"),
        ("injects.test", "1.secure.onward", "defer 451"),
        ("ehlo-502.test", "-", "go 250"),
        ("ehlo-in-tls-451.test", "-", "go 250"),
        ("mail-555.test", "1.secure.onward", "bounce 550"),
        ("insists.test", "1.may", "go 250"),
        ("rcpt-550.test", "-", "bounce 550"),
        ("data-451.test", "-", "defer 451"),
        ("greets-421.test", "-", "defer 421"),
        ("drops-dot.test", "-", "defer 451"),
        ("down.test", "-", "defer 451"),
    ];
    let world = Testbed::start()?;
    let mut list = String::new();
    for (domain, tag, _) in rows {
        // Nobody listens for this one, so the world has no place of it.
        let listens = if domain == "down.test" {
            "good.test"
        } else {
            domain
        };
        writeln!(list, "user@{domain} {} {tag}", world.port(listens)?)?;
    }
    for name in ["event_loop", "event_loop-gnutls"] {
        let event_loop = Example::named(name).build(&Installed::find()?)?;
        let said = deliver(&event_loop, &world, &list)?;
        for (domain, tag, outcome) in rows {
            let line = format!("user@{domain} {tag} {outcome}\n");
            assert!(said.contains(&line), "{name}: {line}{said}");
        }
    }
    Ok(())
}

fn deliver(event_loop: &Built, world: &Testbed, list: &str) -> Result<String> {
    let mut command = Command::new(event_loop.program());
    command.arg("-c").arg(world.configuration());
    let output = bounded::run(&mut command, list.as_bytes(), LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{stderr}");
    Ok(said)
}
