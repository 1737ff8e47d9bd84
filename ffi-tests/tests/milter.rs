//! What does the mail filter do in a real server?

use std::process::Child;

use ffi_tests::{Example, Installed, Result, Sender, World};

/// The filter's process, until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Postfix passes the parameters of MAIL on to its filters, and TLS by a macro of its own.
#[test]
fn postfix_keeps_the_tag_that_the_filter_adds() -> Result<()> {
    let installed = Installed::find()?;
    let (milter, sender) = (
        Example::named("milter").build(&installed)?,
        Sender::build(&installed)?,
    );
    let world = World::start()?;
    let mut command = world.command([milter.program()]);
    command.arg("-c").arg(world.configuration());
    let _running = Running(command.arg(world.filter_socket()).spawn()?);
    world.wait_for_filter()?;
    let mut kept: Vec<String> = Vec::new();
    for (mail_from, tag) in [
        (
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            Some("1.secure.onward"),
        ),
        ("MAIL FROM:<ann@client.test>", None),
        ("MAIL FROM:<> REQUIRETLS", Some("1.secure.onward")),
    ] {
        let answer = sender.send(&world, &[], mail_from, "user@filtered.signed.test")?;
        assert_eq!(answer.brief(), "go 250 2.0.0", "{mail_from}: {answer:?}");
        let queue_id = answer
            .text
            .strip_prefix("Ok: queued as ")
            .unwrap_or_default();
        // Where it went on to is logged after what the filter did.
        world.onward(queue_id)?;
        kept.extend(tag.map(|tag| format!("RequireTLS-Tag: {tag}")));
        let added = world.added_fields()?;
        assert_eq!(added, kept, "{mail_from}: {}", world.postfix_log()?);
    }
    Ok(())
}
