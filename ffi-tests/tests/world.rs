//! Are the servers what the other tests take them for? Asked with their own programs, without the library.

use std::path::PathBuf;

use ffi_tests::{Result, World};

#[test]
fn the_resolver_says_what_is_secure_insecure_and_bogus() -> Result<()> {
    let world = World::start()?;
    let rows = [
        // question, response code, authenticated
        (["dane.signed.test", "mx"], "NOERROR", true),
        (["mx.dane.signed.test", "a"], "NOERROR", true),
        (["_25._tcp.mx.dane.signed.test", "tlsa"], "NOERROR", true),
        (
            ["_25._tcp.mx.mismatch.signed.test", "tlsa"],
            "NOERROR",
            true,
        ),
        (["_25._tcp.mx.pkix.signed.test", "tlsa"], "NXDOMAIN", true),
        (["_mta-sts.pkix.signed.test", "txt"], "NXDOMAIN", true),
        (["unsigned.test", "mx"], "NOERROR", false),
        (["_mta-sts.unsigned.test", "txt"], "NXDOMAIN", false),
        (["bogus.test", "mx"], "SERVFAIL", false),
        (["elsewhere.example", "mx"], "NXDOMAIN", true),
    ];
    for ([name, kind], code, authenticated) in rows {
        let said = world.inside("nsd", &["drill", "-D", "@127.25.0.53", kind, name])?;
        assert!(
            said.contains(&format!("rcode: {code},")),
            "{kind} {name}: {said}"
        );
        let flags = said
            .lines()
            .find(|line| line.starts_with(";; flags:"))
            .unwrap_or_default();
        assert_eq!(
            flags.contains(" ad "),
            authenticated,
            "{kind} {name}: {said}"
        );
    }
    Ok(())
}

#[test]
fn postfix_is_a_release_that_speaks_requiretls() -> Result<()> {
    let world = World::start()?;
    let setting = world.inside(
        "postfix311",
        &["/usr/sbin/postconf", "-h", "requiretls_enable"],
    )?;
    assert_eq!(setting.trim(), "yes");
    Ok(())
}

#[test]
fn a_world_takes_its_servers_with_it() -> Result<()> {
    let world = World::start()?;
    let processes: Vec<PathBuf> = world.processes()?;
    assert!(processes.len() >= 8, "{processes:?}");
    drop(world);
    // A process that has ended may stay in the table until its parent looks; then it has no program any more.
    let left: Vec<_> = processes
        .iter()
        .filter(|process| process.join("exe").read_link().is_ok())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}
