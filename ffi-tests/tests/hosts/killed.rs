//! What is left of a message when the transport is killed?
//!
//! Whatever it was doing, the message is still in the server's queue or already at the next hop, and arrives in the end:
//! once, or twice where the next hop had it when the transport died (RFC 1047).

use std::fs;
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result};

use crate::mail_server::{Handing, MailServer};
use crate::outcome::Fate;
use crate::scene::{SENDER, Scene};
use crate::submission::Submission;

/// Where the dialogue is held, the next hop, and how many copies may arrive.
const PLACES: [(&str, &str, usize); 7] = [
    ("LHLO", "good.test", 1),
    ("MAIL", "good.test", 1),
    ("RCPT", "good.test", 1),
    ("DATA", "good.test", 1),
    ("CONTENT", "good.test", 1),
    // The next hop has the whole message and has not answered; it waits before each reply.
    ("DOT", "slow.test", 2),
    // It has answered, and the server does not know yet.
    ("ANSWER", "good.test", 2),
];
const TRANSPORT: &str = "requiretls-lmtp";
const LIMIT: Duration = Duration::from_secs(30);

/// Each place once.
pub(crate) fn at_every_place(server: Box<dyn MailServer>, handing: Handing) -> Result<()> {
    let mut scene = Scene::behind_gate(server, handing)?;
    let gate = scene.servers().path().join("share/gate");
    for (place, domain, copies) in PLACES {
        let recipient = format!("{}@{domain}", place.to_lowercase());
        // The process of the message before may still be on its way out.
        wait("only a service is left of the transport", || {
            let left = scene.servers().running(TRANSPORT);
            left.is_ok_and(|left| left.len() == usize::from(handing == Handing::Socket))
        })?;
        fs::write(gate.join("hold"), place)?;
        scene.submit(&Submission {
            sender: SENDER.to_owned(),
            recipients: vec![recipient.clone()],
            header: "RequireTLS-Tag: 1.secure.onward\r\n".to_owned(),
            body: format!("{place}\r\n"),
        })?;
        wait(&format!("the dialogue comes to {place}"), || {
            gate.join("held").exists()
        })?;
        if place == "DOT" {
            wait("the next hop has the message", || {
                scene
                    .came(&recipient)
                    .iter()
                    .any(|message| message.complete)
            })?;
        }
        assert_eq!(scene.servers().kill(TRANSPORT)?, 1, "{place}");
        let at_next_hop = scene.came(&recipient);
        let begun = at_next_hop
            .iter()
            .filter(|message| message.complete)
            .count();
        let expected = usize::from(matches!(place, "DOT" | "ANSWER"));
        assert_eq!(begun, expected, "{place}: {at_next_hop:?}");
        fs::remove_file(gate.join("held"))?;

        scene.wait_for(&recipient, Fate::Deferred)?;
        let waiting = scene.server.waiting(scene.servers())?;
        assert!(waiting.contains(&recipient), "{place}: {waiting:?}");

        scene.restart_service()?;
        scene.server.flush(scene.servers())?;
        scene.wait_for(&recipient, Fate::Delivered)?;
        let arrived = scene.taken(&recipient).len();
        assert!((1..=copies).contains(&arrived), "{place}: {arrived} copies");
        let waiting = scene.server.waiting(scene.servers())?;
        assert!(!waiting.contains(&recipient), "{place}: {waiting:?}");
    }
    Ok(())
}

fn wait(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        if Instant::now() > end {
            return Err(Failure::new(format!("it does not happen that {what}")));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Asked or not, in the order of their coming.
const QUEUED: [bool; 6] = [true, false, false, true, true, false];

/// Messages that came while the transport was away all go out when it is there, each as it asked: one process or
/// connection may be given several of them, and what it heard of one says nothing of the next.
pub(crate) fn a_full_queue(server: Box<dyn MailServer>, handing: Handing) -> Result<()> {
    let mut scene = Scene::start(server, handing)?;
    let move_program = |scene: &Scene, from: &str, to: &str| {
        scene.servers().inside("host", &["mv", from, to]).map(drop)
    };
    let (here, away) = ("/usr/bin/requiretls", "/usr/bin/requiretls.away");
    move_program(&scene, here, away)?;
    scene.servers().kill(TRANSPORT)?;
    let address = |n: usize| format!("queued-{n}@good.test");
    for (n, asks) in QUEUED.into_iter().enumerate() {
        let field = if asks {
            "RequireTLS-Tag: 1.secure.onward\r\n"
        } else {
            ""
        };
        scene.submit(&Submission {
            sender: SENDER.to_owned(),
            recipients: vec![address(n)],
            header: field.to_owned(),
            body: format!("{n}\r\n"),
        })?;
    }
    for n in 0..QUEUED.len() {
        scene.wait_for(&address(n), Fate::Deferred)?;
    }
    move_program(&scene, away, here)?;
    scene.restart_service()?;
    scene.server.flush(scene.servers())?;
    for (n, asks) in QUEUED.into_iter().enumerate() {
        scene.wait_for(&address(n), Fate::Delivered)?;
        let taken = scene.taken(&address(n));
        assert_eq!(taken.len(), 1, "{n}");
        let parameters = taken.iter().flat_map(|message| &message.mail_parameters);
        let asked = parameters.into_iter().any(|p| p == "REQUIRETLS");
        assert_eq!(asked, asks, "{n}");
    }
    let waiting = scene.server.waiting(scene.servers())?;
    assert!(waiting.is_empty(), "{waiting:?}");
    Ok(())
}
