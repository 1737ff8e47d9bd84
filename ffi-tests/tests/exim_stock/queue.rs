//! Does it hold when much happens at once?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

use crate::scene::{LOG, Scene, Setting};

on_every_exim!(parallel_queue_runs_keep_apart_what_they_judge);

/// Six kinds of domains, as many of each.
const DOMAINS: usize = 50;
const MESSAGES: usize = 200;
const LIMIT: Duration = Duration::from_secs(480);

fn domain(n: usize) -> (Domain, bool) {
    let self_signed = || Peer::good().certificate(Certificate::SelfSigned);
    let named = || Domain::new(&format!("d{n}.test"));
    match n % 6 {
        0 => (named().mx("mx").peer(Peer::good().no_starttls()), true),
        1 => (
            named().signed().mx("mx").peer(self_signed().dane_ee()),
            true,
        ),
        2 => (
            named().signed().mx("mx").peer(Peer::good().dane_ee_wrong()),
            false,
        ),
        3 => (
            named().mx("mx").peer(Peer::good()).sts(Sts::enforce()),
            true,
        ),
        4 => (
            named().mx("mx").peer(self_signed()).sts(Sts::enforce()),
            false,
        ),
        _ => (
            named()
                .mx("mx")
                .peer(Peer::good().no_starttls())
                .sts(Sts::enforce()),
            false,
        ),
    }
}

fn parallel_queue_runs_keep_apart_what_they_judge(exim: &str) -> Result<()> {
    let setting = Setting {
        queue_only: true,
        ..Setting::default()
    };
    let domains = (0..DOMAINS).map(|n| domain(n).0).collect();
    Scene::run(exim, &setting, domains, |scene| {
        let mut expected = BTreeMap::new();
        for message in 0..MESSAGES {
            // Four recipients, each of another kind, in every other message; else one.
            let several = if message % 2 == 0 { 4 } else { 1 };
            let recipients: Vec<(String, bool)> = (0..several)
                .map(|i| {
                    let n = (message + i * 13) % DOMAINS;
                    (format!("m{message}@d{n}.test"), domain(n).1)
                })
                .collect();
            let names: Vec<&str> = recipients.iter().map(|(name, _)| name.as_str()).collect();
            scene.submit(&names, "")?;
            expected.extend(recipients);
        }
        // Three at once, each of which has several transports at once.
        let run = "for n in 1 2 3; do exim4 -qff </dev/null >/dev/null 2>&1 & done";
        scene.servers.inside("host", &["sh", "-c", run])?;
        let end = Instant::now() + LIMIT;
        loop {
            let log = scene.servers.log(LOG)?;
            let missing = expected
                .keys()
                .find(|recipient| !log.contains(&format!(" {recipient} R=")));
            match missing {
                None => break,
                Some(recipient) => assert!(Instant::now() < end, "{recipient}: nothing in {log}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut wrong = Vec::new();
        for (recipient, goes) in &expected {
            let taken = scene.taken(recipient);
            if taken.len() != usize::from(*goes) {
                wrong.push((recipient, goes, taken.len()));
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}\n{}", scene.servers.log(LOG)?);
        Ok(())
    })
}
