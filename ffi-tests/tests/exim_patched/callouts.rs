//! Is a callout asked of the plan too, and a delivery that begins while the message still comes in?

use ffi_tests::Result;

use crate::build::Build;
use crate::scene::Scene;

on_every_build!(callouts_and_cutthrough_are_gated,);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";
/// R9: an ACL sets a tag that asks for nothing. Exim remembers what it was told of an address, so these have their own.
const LOWERED: &str = "MAIL FROM:<ann+1.no@client.test> REQUIRETLS";

fn callouts_and_cutthrough_are_gated(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    for (mail, recipient, expected) in [
        (R, "callout@good.test", "250 Accepted"),
        (R, "callout@no-requiretls.test", "550"),
        (R, "callout@dane-ee-wrong.test", "451"),
        (NONE, "callout@no-requiretls.test", "250 Accepted"),
        (NONE, "callout@dane-ee-wrong.test", "451"),
        (R, "cut@no-requiretls.test", "550"),
        (R, "hold@no-requiretls.test", "550"),
        (LOWERED, "callout-anew@no-requiretls.test", "550"),
        (LOWERED, "cut-anew@no-requiretls.test", "550"),
    ] {
        let to = format!("RCPT TO:<{recipient}>");
        let replies = scene.say(60, true, &[mail, &to])?;
        assert!(
            replies.has(expected),
            "{mail} {recipient}: {replies:?}\n{}",
            scene.log("exim")
        );
    }
    // The connection of a callout is kept for the message only where nothing was asked of it.
    for (mail, recipient, mark) in [
        (NONE, "cut@good.test", ">>"),
        (R, "cut@good.test", "=>"),
        (LOWERED, "cut@good.test", "=>"),
        (NONE, "cut@dane-ee.test", "=>"),
        (R, "hold@good.test", "=>"),
        (NONE, "hold@dane-ee.test", "=>"),
    ] {
        let id = scene.submit(mail, "", &[recipient])?;
        let line = scene.outcome(&id, recipient)?;
        assert!(line.contains(mark), "{mail} {recipient}: {line}");
    }
    let received = scene.finish()?;
    // No host learns of the message that its plan was against, by whichever command.
    assert_eq!(
        received.mail("mx.dane-ee-wrong.test"),
        [""; 0],
        "{}",
        received.of("mx.dane-ee-wrong.test").concat()
    );
    let refused = received.mail("mx.no-requiretls.test");
    assert_eq!(refused.len(), 1, "{refused:?}");
    Ok(())
}
