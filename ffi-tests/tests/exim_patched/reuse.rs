//! May a message ride on a connection that was made for others?

use ffi_tests::Result;

use crate::build::Build;
use crate::scene::{Daemon, Received, Scene};

on_every_build!(
    no_message_that_anything_is_asked_for_rides_on_an_open_connection,
    recipients_share_a_transaction_when_their_plans_agree,
);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";

/// MAIL command and domain of two messages.
type Pair = [(&'static str, &'static str); 2];

/// Two messages that are queued together for one MX host: how many come over each connection to it.
const PAIRS: [(Pair, &[usize]); 6] = [
    // Nothing is asked of either: one connection, as in stock.
    ([(NONE, "beside.test"), (NONE, "beside.test")], &[2]),
    // Tagged or bound by a policy, behind or before one that nothing is asked of.
    ([(NONE, "beside.test"), (R, "sts-enforce.test")], &[1, 1]),
    ([(R, "sts-enforce.test"), (NONE, "beside.test")], &[1, 1]),
    ([(NONE, "beside.test"), (NONE, "sts-enforce.test")], &[1, 1]),
    ([(NONE, "sts-enforce.test"), (NONE, "beside.test")], &[1, 1]),
    ([(R, "sts-enforce.test"), (R, "sts-enforce.test")], &[1, 1]),
];

/// Exim notes which messages wait for a host in the first stage, in processes beside each other. 4.100 leaves the note out where
/// another one is writing just then; it shares connections the next time.
const TRIES: usize = 10;

fn no_message_that_anything_is_asked_for_rides_on_an_open_connection(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    scene.run(&Daemon {
        main: "queue_only = true\nremote_max_parallel = 1",
        ..Daemon::patched(&program, build)
    })?;
    let mut before = 0;
    for (messages, expected) in PAIRS {
        for left in (0..TRIES).rev() {
            deliver_together(&scene, messages)?;
            let counts = connections(&scene.received()?);
            let new = counts.get(before..).unwrap_or_default().to_vec();
            before = counts.len();
            if new == expected {
                break;
            }
            let is_missed = expected == [2] && new == [1, 1] && left > 0;
            assert!(is_missed, "{messages:?}: {new:?}\n{}", scene.log("exim"));
        }
    }
    scene.finish().map(drop)
}

/// Queued, and then delivered in one queue run.
fn deliver_together(scene: &Scene, messages: Pair) -> Result<()> {
    let mut ids = Vec::new();
    for (mail, domain) in messages {
        let recipient = format!("bob@{domain}");
        ids.push((scene.submit(mail, "", &[&recipient])?, recipient));
    }
    // The first stage notes which messages wait for which host, the second one delivers.
    scene.inside("exim", &["exim4", "-qqf"])?;
    for (id, recipient) in &ids {
        let line = scene.outcome(id, recipient)?;
        assert!(line.contains("=>"), "{line}\n{}", scene.log("exim"));
    }
    Ok(())
}

/// How many messages came over each connection.
fn connections(received: &Received) -> Vec<usize> {
    let sessions = received.of("mx.sts-enforce.test").into_iter();
    sessions
        .map(|session| session.matches(": MAIL ").count())
        .collect()
}

/// Recipients of several domains in one message: each domain has its plan, and those that the connection suits share it.
fn recipients_share_a_transaction_when_their_plans_agree(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    let mut expected = 0;
    for (mail, domains, transactions) in [
        // A policy binds the first, nothing is asked for the second: what was proved suits both.
        (NONE, ["sts-enforce.test", "beside.test"], 1),
        // The first proves nothing that the second could use.
        (NONE, ["beside.test", "sts-enforce.test"], 2),
        // Both need DANE, at the same host.
        (R, ["dane-ee.test", "beside-dane.test"], 1),
    ] {
        let recipients = domains.map(|domain| format!("bob@{domain}"));
        let id = scene.submit(mail, "", &[&recipients[0], &recipients[1]])?;
        for recipient in &recipients {
            let delivered = scene.delivered(&id, recipient)?;
            assert!(delivered, "{domains:?}: {}", scene.log("exim"));
        }
        expected += transactions;
    }
    let log = scene.log("exim");
    let received = scene.finish()?;
    let transactions = received.0.matches(": MAIL FROM:<ann@client.test>").count();
    assert_eq!(transactions, expected, "{log}\n{}", received.0);
    Ok(())
}
