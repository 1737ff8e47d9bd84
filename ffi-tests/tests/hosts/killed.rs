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
const LIMIT: Duration = Duration::from_secs(30);

/// Each place once.
pub(crate) fn at_every_place(server: Box<dyn MailServer>, handing: Handing) -> Result<()> {
    let mut scene = Scene::behind_gate(server, handing)?;
    let gate = scene.servers().path().join("share/gate");
    for (place, domain, copies) in PLACES {
        let recipient = format!("{}@{domain}", place.to_lowercase());
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
        assert_eq!(scene.servers().kill("requiretls-lmtp")?, 1, "{place}");
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
