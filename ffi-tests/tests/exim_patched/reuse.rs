//! May a message ride on a connection that was made for others?

use ffi_tests::Result;

use crate::build::{Build, NEWEST, STABLE};
use crate::scene::{Daemon, Scene};

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";

/// Messages that are queued together for one MX host go over one connection, if one waits behind the other.
fn together(build: Build, messages: &[(&str, &str)], host: &str) -> Result<(Vec<usize>, String)> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    scene.run(&Daemon {
        main: "queue_only = true\nremote_max_parallel = 1",
        queue: "",
        ..Daemon::patched(&program, build)
    })?;
    let mut ids = Vec::new();
    for (mail, domain) in messages {
        let recipient = format!("bob@{domain}");
        ids.push((scene.submit(mail, "", &[&recipient])?, recipient));
    }
    // A two-stage run notes first which messages wait for which host.
    scene.inside("exim", &["exim4", "-qqf"])?;
    for (id, recipient) in &ids {
        let line = scene.outcome(id, recipient)?;
        assert!(line.contains("=>"), "{line}\n{}", scene.log("exim")?);
    }
    let log = scene.log("exim")?;
    let received = scene.finish()?;
    let sessions = received.of(host);
    let counts = sessions
        .iter()
        .map(|session| session.matches(": MAIL ").count());
    Ok((counts.collect(), format!("{log}\n{}", received.0)))
}

fn rides(build: Build) -> Result<()> {
    let (free, bound) = ((NONE, "beside.test"), (NONE, "sts-enforce.test"));
    for (messages, expected) in [
        // Two that nothing is asked of: one connection, as in stock.
        ([free, free], vec![2]),
        // Each direction, tagged or bound by a policy: two.
        ([free, (R, "sts-enforce.test")], vec![1, 1]),
        ([(R, "sts-enforce.test"), free], vec![1, 1]),
        ([free, bound], vec![1, 1]),
        ([bound, free], vec![1, 1]),
        (
            [(R, "sts-enforce.test"), (R, "sts-enforce.test")],
            vec![1, 1],
        ),
    ] {
        let (counts, shown) = together(build, &messages, "mx.sts-enforce.test")?;
        assert_eq!(counts, expected, "{messages:?}\n{shown}");
    }
    Ok(())
}

#[test]
fn no_message_that_anything_is_asked_for_rides_on_an_open_connection() -> Result<()> {
    rides(STABLE)
}

#[test]
fn no_message_that_anything_is_asked_for_rides_on_an_open_connection_of_the_newest_version()
-> Result<()> {
    rides(NEWEST)
}

/// Recipients of several domains in one message: each domain has its plan, and those that the connection suits share it.
#[test]
fn recipients_share_a_transaction_when_their_plans_agree() -> Result<()> {
    for (build, mail, domains, expected) in [
        // Nothing is asked for the one, a policy binds the other: what was proved suits both, from the bound one on.
        (STABLE, NONE, ["sts-enforce.test", "beside.test"], 1),
        (STABLE, NONE, ["beside.test", "sts-enforce.test"], 2),
        // Both need DANE, at the same host.
        (STABLE, R, ["dane-ee.test", "beside-dane.test"], 1),
        (NEWEST, R, ["dane-ee.test", "beside-dane.test"], 1),
        // The same message may go to one of them only: beside.test has no REQUIRETLS-proof path trouble of its own.
        (NEWEST, NONE, ["beside.test", "sts-enforce.test"], 2),
    ] {
        let scene = Scene::with(build)?;
        let recipients = domains.map(|domain| format!("bob@{domain}"));
        let id = scene.submit(mail, "", &[&recipients[0], &recipients[1]])?;
        for recipient in &recipients {
            let end = scene.delivered(&id, recipient)?;
            assert!(end, "{domains:?}: {}", scene.log("exim")?);
        }
        let log = scene.log("exim")?;
        let received = scene.finish()?;
        let sessions = received.0.matches(": MAIL FROM:<ann@client.test>").count();
        assert_eq!(
            sessions, expected,
            "{mail} {domains:?}\n{log}\n{}",
            received.0
        );
    }
    Ok(())
}
