//! What Exim itself writes about a message, does it require what the message required?

use std::thread::sleep;
use std::time::Duration;

use ffi_tests::{Client, Result};
use requiretls_testbed::{Domain, Message, Peer};

use crate::scene::{ADDRESS, Scene, Setting};

on_every_exim!(
    an_autoreply_requires_it,
    a_failure_notice_has_no_body_whatever_is_asked,
    a_warning_requires_it,
    a_notice_of_success_does_not_and_has_no_body,
);

fn domains() -> Vec<Domain> {
    let signed = |name: &str, peer| Domain::new(name).signed().mx("mx").peer(peer);
    vec![
        signed("good.test", Peer::good()),
        signed("no-requiretls.test", Peer::good().no_requiretls()),
        signed("down.test", Peer::good().down()),
    ]
}

fn requires_tls(message: &Message) -> bool {
    message
        .mail_parameters
        .iter()
        .any(|parameter| parameter == "REQUIRETLS")
}

/// The messages that have come to an address, as soon as there is one.
fn notices(scene: &Scene<'_>, recipient: &str) -> Result<Vec<(Message, String)>> {
    scene.wait_for(recipient, "=>")?;
    let taken = scene.taken(recipient).into_iter();
    let notices = taken.map(|(_, message)| {
        let text = String::from_utf8_lossy(&message.body).into_owned();
        assert_eq!(message.return_path, "", "{message:?}");
        assert!(!text.contains("RequireTLS-Tag"), "{text}");
        (message, text)
    });
    Ok(notices.collect())
}

/// The only one.
fn notice(scene: &Scene<'_>, recipient: &str) -> Result<(Message, String)> {
    let mut all = notices(scene, recipient)?;
    assert_eq!(all.len(), 1, "{all:?}");
    Ok(all.pop().unwrap_or_default())
}

/// R33: what a message required goes along, by the one line that the README names.
fn an_autoreply_requires_it(exim: &str) -> Result<()> {
    let setting = Setting {
        main: &["SITE_VACATION = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        let rows = [
            ("X-Site-Tag: 1.secure.onward\r\n", true),
            ("RequireTLS-Tag: 1.secure.onward\r\n", true),
            ("X-Site-Tag: ${run{/bin/true}}\r\n", true),
            ("", false),
        ];
        for (n, (header, required)) in rows.into_iter().enumerate() {
            let sender = format!("ann-{n}@good.test");
            scene.submit_from(&sender, &["away@host.test"], header)?;
            let (reply, text) = notice(scene, &sender)?;
            assert!(text.contains("I am away."), "{text}");
            assert_eq!(requires_tls(&reply), required, "{header}: {reply:?}");
        }
        Ok(())
    })
}

/// R28: RET=FULL is disregarded.
fn a_failure_notice_has_no_body_whatever_is_asked(exim: &str) -> Result<()> {
    let setting = Setting {
        main: &["SITE_DSN = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        for (n, ret) in ["", " RET=FULL ENVID=x", " RET=HDRS"]
            .into_iter()
            .enumerate()
        {
            let sender = format!("ann-{n}@good.test");
            let (mut client, offered) = Client::in_clear(ADDRESS)?;
            assert!(offered.contains("250-DSN"), "{offered}");
            for (command, code) in [
                (format!("MAIL FROM:<{sender}>{ret}"), "250"),
                (
                    "RCPT TO:<bob@no-requiretls.test> NOTIFY=FAILURE".to_owned(),
                    "250",
                ),
                ("DATA".to_owned(), "354"),
                (
                    "X-Site-Tag: 1.secure.onward\r\nSubject: x\r\n\r\nThe body.\r\n.".to_owned(),
                    "250",
                ),
                ("QUIT".to_owned(), "221"),
            ] {
                let reply = client.ask(&command)?;
                assert!(reply.starts_with(code), "{command}: {reply}");
            }
            let (bounce, text) = notice(scene, &sender)?;
            assert!(requires_tls(&bounce), "{ret}: {bounce:?}");
            assert!(
                text.contains("5.7.30") && text.contains("Subject: x"),
                "{ret}: {text}"
            );
            assert!(!text.contains("The body."), "{ret}: {text}");
        }
        Ok(())
    })
}

fn a_warning_requires_it(exim: &str) -> Result<()> {
    let setting = Setting {
        main: &["delay_warning = 1s"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        for (n, header, required) in [(0, "X-Site-Tag: 1.secure.onward\r\n", true), (1, "", false)]
        {
            let (sender, recipient) = (format!("ann-{n}@good.test"), format!("bob-{n}@down.test"));
            scene.submit_from(&sender, &[&recipient], header)?;
            scene.wait_for(&recipient, "==")?;
            sleep(Duration::from_millis(1100));
            scene.exim(&["-qff"])?;
            // On a slow machine there are several.
            for (warning, text) in notices(scene, &sender)? {
                assert!(
                    text.contains("Subject: Warning: ") && text.contains(&recipient),
                    "{text}"
                );
                assert!(!text.contains("The body."), "{text}");
                assert_eq!(requires_tls(&warning), required, "{warning:?}");
            }
        }
        Ok(())
    })
}

/// What the README says that stock Exim cannot do: R28 is about non-delivery.
fn a_notice_of_success_does_not_and_has_no_body(exim: &str) -> Result<()> {
    let setting = Setting {
        main: &["SITE_DSN = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        let (mut client, _) = Client::in_clear(ADDRESS)?;
        for command in [
            "MAIL FROM:<ann@good.test> RET=FULL",
            "RCPT TO:<bob@good.test> NOTIFY=SUCCESS",
            "DATA",
            "X-Site-Tag: 1.secure.onward\r\nSubject: x\r\n\r\nThe body.\r\n.",
            "QUIT",
        ] {
            let reply = client.ask(command)?;
            assert!(reply.starts_with(['2', '3']), "{command}: {reply}");
        }
        let (notice, text) = notice(scene, "ann@good.test")?;
        assert!(text.contains("Delivery Status Notification"), "{text}");
        assert!(
            !requires_tls(&notice) && !text.contains("The body."),
            "{text}"
        );
        assert!(
            scene
                .taken("bob@good.test")
                .iter()
                .all(|(_, message)| requires_tls(message))
        );
        Ok(())
    })
}
