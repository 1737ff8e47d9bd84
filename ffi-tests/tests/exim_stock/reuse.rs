//! Does a message ever ride on a connection that was opened without its check?

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

use crate::scene::{Scene, Setting};

on_every_exim!(
    a_bound_message_rides_on_no_open_connection,
    a_connection_is_not_passed_on_between_bound_messages,
    cutthrough_and_callouts_are_judged,
);

/// Two domains without a policy and two with one that names the same host, whose certificate nobody vouches for.
fn sharing(host: Peer) -> Vec<Domain> {
    let shares = |name: &str| Domain::new(&format!("{name}.test")).mx("mx.host.test.");
    let policy = || Sts::enforce().mx("mx.host.test");
    vec![
        Domain::new("host.test").mx("mx").peer(host),
        shares("free-a"),
        shares("free-b"),
        shares("bound-a").sts(policy()),
        shares("bound-b").sts(policy()),
    ]
}

fn a_bound_message_rides_on_no_open_connection(exim: &str) -> Result<()> {
    let host = Peer::good().certificate(Certificate::SelfSigned);
    let setting = Setting {
        queue_only: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, sharing(host), |scene| {
        let free: Vec<String> = (0..4)
            .map(|n| format!("bob-{n}@free-{}.test", if n % 2 == 0 { "a" } else { "b" }))
            .collect();
        let (before, after) = free.split_at(2);
        let bound = ["bob@bound-a.test".to_owned()];
        for recipient in before.iter().chain(&bound).chain(after) {
            scene.submit(&[recipient], "")?;
        }
        // The first pass routes all of them and notes which host they wait for; the second sends on open connections.
        scene.exim(&["-qqff"])?;
        scene.wait_for("bob@bound-a.test", "==")?;
        for recipient in &free {
            scene.wait_for(recipient, "=>")?;
        }
        assert!(scene.taken("bob@bound-a.test").is_empty());
        // That is no accident: those without a policy shared connections.
        let sessions = scene.world.sessions().sessions();
        let most = sessions.iter().map(|session| session.messages.len()).max();
        assert!(most >= Some(2), "{most:?}");
        Ok(())
    })
}

fn a_connection_is_not_passed_on_between_bound_messages(exim: &str) -> Result<()> {
    let setting = Setting {
        queue_only: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, sharing(Peer::good()), |scene| {
        for recipient in [
            "bob@free-a.test",
            "bob@bound-a.test",
            "eve@bound-a.test",
            "bob@bound-b.test",
        ] {
            scene.submit(&[recipient], "")?;
        }
        scene.submit(&["tom@bound-a.test", "tom@bound-b.test"], "")?;
        scene.exim(&["-qqff"])?;
        for recipient in [
            "bob@bound-a.test",
            "eve@bound-a.test",
            "bob@bound-b.test",
            "tom@bound-a.test",
            "tom@bound-b.test",
        ] {
            scene.wait_for(recipient, "=>")?;
            let taken = scene.taken(recipient);
            assert_eq!(taken.len(), 1, "{recipient}");
            assert!(
                taken.iter().all(|(session, _)| session.messages.len() == 1),
                "{recipient}: {taken:#?}"
            );
        }
        Ok(())
    })
}

/// An ACL may have Exim connect while the client waits, and send the message over that connection.
fn cutthrough_and_callouts_are_judged(exim: &str) -> Result<()> {
    let domains = vec![
        Domain::new("good.test")
            .mx("mx")
            .peer(Peer::good())
            .sts(Sts::enforce()),
        Domain::new("bad.test")
            .mx("mx")
            .peer(Peer::good().certificate(Certificate::SelfSigned))
            .sts(Sts::enforce()),
        Domain::new("clear.test")
            .mx("mx")
            .peer(Peer::good().no_starttls())
            .sts(Sts::enforce()),
        Domain::new("free.test")
            .mx("mx")
            .peer(Peer::good().no_starttls()),
    ];
    let setting = Setting {
        cutthrough: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains, |scene| {
        for (name, taken) in [
            ("good", true),
            ("bad", false),
            ("clear", false),
            ("free", true),
        ] {
            let recipient = format!("bob@{name}.test");
            // The client is told to come again, or the message waits here.
            let accepted = scene.submit(&[&recipient], "").is_ok();
            assert!(accepted || !taken, "{name}");
            assert_eq!(scene.taken(&recipient).len(), usize::from(taken), "{name}");
            if taken {
                let line = scene.logged(&[">> ", &recipient])?;
                assert!(line.contains("requiretls_smtp"), "{line}");
            }
        }
        Ok(())
    })
}
