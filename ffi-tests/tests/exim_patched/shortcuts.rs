//! Do the shortcuts that Exim takes with hosts that it knows lead past a plan?
//!
//! The next hop is a real Exim that offers them: MAIL before EHLO is answered (PIPECONNECT), and TLS sessions that are
//! taken up again, without a certificate (P6.12a).

use std::time::{Duration, Instant};

use ffi_tests::{Identity, Result};
use requiretls_testbed::Domain;

use crate::build::Build;
use crate::scene::{Daemon, LIMIT, Scene};

on_every_build!(no_shortcut_is_taken_by_mail_that_anything_is_asked_for);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";
const OTHER: &str = "127.25.0.71";

fn domains(identity: &Identity) -> Vec<Domain> {
    let bound = Domain::new("bound.test").signed().mx("mx");
    vec![
        bound
            .record(&format!("mx A {OTHER}"))
            .record(&format!("_25._tcp.mx TLSA 3 1 1 {}", identity.pin)),
        // The same host by another name, that nothing is known about.
        Domain::new("free.test")
            .mx("mx")
            .record(&format!("mx A {OTHER}")),
    ]
}

fn no_shortcut_is_taken_by_mail_that_anything_is_asked_for(build: Build) -> Result<()> {
    let program = build.program()?;
    let identity = Identity::new("mx.bound.test")?;
    let mut scene = Scene::with_domains(&[build.root], domains(&identity))?;
    scene.run(&Daemon {
        name: "other",
        octet: 71,
        spool: "other",
        identity: Some(&identity),
        main: "pipelining_connect_advertise_hosts = *\ntls_resumption_hosts = *\n",
        routers: Some("taken:\n  driver = accept\n  transport = taken\n"),
        transport: "taken:\n  driver = appendfile\n  file = /mnt/mail/taken\n  user = Debian-exim\n  headers_add = ${if def:acl_m_requiretls {X-Tag: $acl_m_requiretls}}\n",
        ..Daemon::patched(&program, build)
    })?;
    scene.run(&Daemon {
        transport: "  hosts_pipe_connect = *\n  tls_resumption_hosts = *\n",
        ..Daemon::patched(&program, build)
    })?;
    // The host is learned by the first message, and then known.
    for (label, mail, domain, early, resumed) in [
        ("the first", NONE, "free.test", false, false),
        ("as stock", NONE, "free.test", true, true),
        ("tagged", R, "bound.test", false, false),
        ("bound", NONE, "bound.test", false, false),
        ("tagged again", R, "bound.test", false, false),
        ("as stock again", NONE, "free.test", true, true),
    ] {
        let recipient = format!("bob@{domain}");
        let id = scene.submit(mail, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(
            line.contains(" => "),
            "{label}: {line}\n{}",
            scene.log("exim")
        );
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words.contains(&"L*"), early, "{label}: {line}");
        let x = words
            .iter()
            .find(|word| word.starts_with("X="))
            .copied()
            .unwrap_or_default();
        assert_eq!(x.ends_with('*'), resumed, "{label}: {line}");
        assert_eq!(
            line.contains("CV=dane"),
            domain == "bound.test",
            "{label}: {line}"
        );
    }
    // What came there.
    let end = Instant::now() + LIMIT;
    while scene.log("other").matches(" Completed").count() < 6 {
        assert!(Instant::now() < end, "{}", scene.log("other"));
        std::thread::sleep(Duration::from_millis(20));
    }
    let taken = std::fs::read_to_string(scene.shared("mail/taken"))?;
    let tags: Vec<&str> = taken
        .lines()
        .filter_map(|line| line.strip_prefix("X-Tag: "))
        .collect();
    assert_eq!(tags, ["1.secure.onward"; 2], "{taken}");
    assert_eq!(taken.matches("Subject: x").count(), 6, "{taken}");
    Ok(())
}
