//! What becomes of a queue when the files come, go and come again?

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

use crate::scene::{Scene, Setting};

on_every_exim!(a_queue_goes_from_stock_to_the_files_and_back);

const TAGGED: &str = "X-Site-Tag: 1.secure.onward\r\n";
const LESS: &str = "X-Site-Tag: 1.no\r\n";

/// A configuration that delivers by queue runs alone, with the files or without.
fn with(without: bool, main: &'static [&'static str]) -> Setting {
    Setting {
        without,
        main,
        queue_only: true,
        ..Setting::default()
    }
}

fn a_queue_goes_from_stock_to_the_files_and_back(exim: &str) -> Result<()> {
    let domains = vec![
        Domain::new("good.test")
            .signed()
            .mx("mx")
            .peer(Peer::good()),
        Domain::new("free.test")
            .mx("mx")
            .peer(Peer::good().no_starttls()),
        Domain::new("sts.test")
            .mx("mx")
            .peer(Peer::good().certificate(Certificate::SelfSigned))
            .sts(Sts::enforce()),
    ];
    Scene::run(exim, &with(true, &[]), domains, |scene| {
        // As Debian had it.
        for recipient in ["one@free.test", "one@good.test", "one@sts.test"] {
            scene.submit(&[recipient], "")?;
        }
        // The files take the queue over: what a policy binds waits from now on.
        scene.reconfigure(&with(false, &[]))?;
        scene.submit(&["two@good.test"], TAGGED)?;
        scene.exim(&["-qff"])?;
        for (recipient, kind, transport) in [
            ("one@free.test", "=>", "T=remote_smtp"),
            ("one@good.test", "=>", "T=remote_smtp"),
            ("one@sts.test", "==", "T=requiretls_smtp"),
            ("two@good.test", "=>", "T=requiretls_lmtp"),
        ] {
            let line = scene.wait_for(recipient, kind)?;
            assert!(line.contains(transport), "{line}");
        }
        for recipient in ["three@good.test", "three@free.test"] {
            scene.submit(&[recipient], TAGGED)?;
        }
        scene.submit(&["three@good.test", "four@free.test"], "")?;
        // R14: who asks for less is not held.
        scene.submit(&["less@free.test"], LESS)?;
        // Back, with the guard in their place: the tags are in the queue, and nobody asks the library.
        scene.reconfigure(&with(true, &["SITE_GUARD = yes"]))?;
        for recipient in ["five@good.test", "three@host.test"] {
            scene.submit(&[recipient], TAGGED)?;
        }
        scene.exim(&["-qff"])?;
        for recipient in ["three@good.test", "three@free.test", "five@good.test"] {
            let line = scene.wait_for(recipient, "==")?;
            assert!(
                line.contains("4.7.10 this Exim has no requiretls"),
                "{line}"
            );
        }
        // All other mail goes as ever: without a tag that asks for TLS, or to the server's own people.
        for recipient in [
            "three@good.test",
            "four@free.test",
            "less@free.test",
            "one@sts.test",
            "three@host.test",
        ] {
            let line = scene.wait_for(recipient, "=>")?;
            assert!(!line.contains("requiretls"), "{line}");
        }
        assert_eq!(scene.taken("three@good.test").len(), 1, "the untagged one");
        assert!(scene.taken("three@free.test").is_empty());
        // And with the files again nothing was forgotten.
        scene.reconfigure(&with(false, &[]))?;
        scene.exim(&["-qff"])?;
        for (recipient, kind) in [("five@good.test", "=>"), ("three@free.test", "**")] {
            let line = scene.wait_for(recipient, kind)?;
            assert!(
                line.contains("T=requiretls_lmtp") || line.contains("R=requiretls_tagged_plan"),
                "{line}"
            );
        }
        for (recipient, copies, required) in [
            ("one@free.test", 1, 0),
            ("one@good.test", 1, 0),
            ("one@sts.test", 1, 0),
            ("two@good.test", 1, 1),
            ("three@good.test", 2, 1),
            ("three@free.test", 0, 0),
            ("four@free.test", 1, 0),
            ("less@free.test", 1, 0),
            ("five@good.test", 1, 1),
        ] {
            let taken = scene.taken(recipient);
            assert_eq!(taken.len(), copies, "{recipient}");
            let parameters = taken
                .iter()
                .flat_map(|(_, message)| &message.mail_parameters);
            let tagged = parameters
                .filter(|parameter| *parameter == "REQUIRETLS")
                .count();
            assert_eq!(tagged, required, "{recipient}");
        }
        // The bounce of what no host could take has gone to the server's own people.
        let queued = scene.exim(&["-bp"])?;
        assert!(
            !queued.contains(".test>") || queued.contains("<>"),
            "{queued}"
        );
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}
