//! Does it hold when much happens at once?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Session, Sts};

use crate::build::Build;
use crate::scene::{Daemon, Scene};

on_every_build_at_leisure!(parallel_queue_runs_keep_apart_what_they_judge);

const DOMAINS: usize = 50;
const MESSAGES: usize = 200;
const LIMIT: Duration = Duration::from_secs(300);

/// A domain of one of six kinds; whether untagged mail goes there, and whether tagged mail does.
fn domain(n: usize) -> (Domain, bool, bool) {
    let self_signed = || Peer::good().certificate(Certificate::SelfSigned);
    let named = || Domain::new(&format!("d{n}.test"));
    match n % 6 {
        0 => (
            named().mx("mx").peer(Peer::good().no_starttls()),
            true,
            false,
        ),
        1 => (
            named().signed().mx("mx").peer(self_signed().dane_ee()),
            true,
            true,
        ),
        2 => (
            named().signed().mx("mx").peer(Peer::good().dane_ee_wrong()),
            false,
            false,
        ),
        3 => (
            named().mx("mx").peer(Peer::good()).sts(Sts::enforce()),
            true,
            true,
        ),
        4 => (
            named().signed().mx("mx").peer(Peer::good().no_requiretls()),
            true,
            false,
        ),
        _ => (
            named()
                .mx("mx")
                .peer(Peer::good().no_starttls())
                .sts(Sts::enforce()),
            false,
            false,
        ),
    }
}

/// Four recipients in every other message, each of another kind; every third message is tagged.
fn parallel_queue_runs_keep_apart_what_they_judge(build: Build) -> Result<()> {
    let program = build.program()?;
    let domains = (0..DOMAINS).map(|n| domain(n).0).collect();
    let mut scene = Scene::with_domains(&[build.root], domains)?;
    scene.run(&Daemon {
        main: "queue_only = true\nremote_max_parallel = 4\nqueue_run_max = 5\nsmtp_accept_queue_per_connection = 0\nbounce_return_message = false\n",
        ..Daemon::patched(&program, build)
    })?;
    let (mut expected, mut lines) = (BTreeMap::new(), Vec::new());
    for message in 0..MESSAGES {
        let tagged = message % 3 == 0;
        let several = if message % 2 == 0 { 4 } else { 1 };
        let recipients: Vec<(String, bool)> = (0..several)
            .map(|i| {
                let n = (message + i * 13) % DOMAINS;
                let (_, untagged_goes, tagged_goes) = domain(n);
                let goes = if tagged { tagged_goes } else { untagged_goes };
                (format!("m{message}@d{n}.test"), goes)
            })
            .collect();
        lines.push(format!(
            "MAIL FROM:<ann@client.test>{}",
            if tagged { " REQUIRETLS" } else { "" }
        ));
        lines.extend(
            recipients
                .iter()
                .map(|(name, _)| format!("RCPT TO:<{name}>")),
        );
        lines.extend(["DATA", "Subject: x", "", "."].map(str::to_owned));
        expected.extend(
            recipients
                .into_iter()
                .map(|(name, goes)| (name, (tagged, goes))),
        );
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let replies = scene.say(60, true, &lines)?;
    let taken = replies.0.iter().filter(|reply| reply.contains(" OK id="));
    assert_eq!(taken.count(), MESSAGES, "{replies:?}");
    // Three at once, each of which has several transports at once.
    let run = "for n in 1 2 3; do exim4 -qff </dev/null >/dev/null 2>&1 & done";
    scene.inside("exim", &["sh", "-c", run])?;
    let end = Instant::now() + LIMIT;
    loop {
        let log = scene.log("exim");
        let missing = expected
            .keys()
            .find(|recipient| !log.contains(&format!(" {recipient} R=")));
        match missing {
            None => break,
            Some(recipient) => assert!(Instant::now() < end, "{recipient}: nothing in {log}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let sessions = scene.world()?.sessions().sessions();
    let mut wrong = Vec::new();
    for (recipient, (tagged, goes)) in &expected {
        let came = arrivals(&sessions, recipient);
        let as_asked = came
            .iter()
            .all(|with| with.iter().any(|word| word == "REQUIRETLS") == *tagged);
        if came.len() != usize::from(*goes) || !as_asked {
            wrong.push((recipient, tagged, goes, came));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}\n{}", scene.log("exim"));
    scene.finish().map(drop)
}

/// The parameters of MAIL with which a recipient's message was taken, each time that it was.
fn arrivals(sessions: &[Session], recipient: &str) -> Vec<Vec<String>> {
    let messages = sessions.iter().flat_map(|session| &session.messages);
    let to_them = messages.filter(|m| m.taken && m.recipients.iter().any(|r| r == recipient));
    to_them
        .map(|message| message.mail_parameters.clone())
        .collect()
}
