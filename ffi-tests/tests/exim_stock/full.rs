//! REQUIRETLS offered and accepted by a stock Exim: what does a client see?

use ffi_tests::Result;
use requiretls_testbed::{Domain, Peer};

use crate::scene::{ADDRESS, Scene, Setting};
use crate::tls_client::Client;

on_every_exim!(requiretls_is_offered_and_accepted);

/// Inside TLS, the MAIL command, and how the answer to it begins.
type Row = (&'static str, bool, &'static str, &'static str);

const ROWS: [Row; 12] = [
    ("untagged", true, "MAIL FROM:<ann@host.test>", "250"),
    (
        "in clear, untagged",
        false,
        "MAIL FROM:<ann@host.test> SIZE=100",
        "250",
    ),
    ("VF1", true, "MAIL FROM:<ann@host.test> REQUIRETLS", "250"),
    (
        "VF2",
        true,
        "MAIL FROM:<ann@host.test> requiretls SIZE=10",
        "250",
    ),
    (
        "behind others",
        true,
        "MAIL FROM:<ann@host.test> SIZE=10 BODY=8BITMIME REQUIRETLS",
        "250",
    ),
    ("VF8", true, "MAIL FROM:<> REQUIRETLS", "250"),
    (
        "VF3 an empty value",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS=",
        "501 5.5.4 ",
    ),
    (
        "VF3 a value",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS=CHAIN",
        "501 5.5.4 ",
    ),
    (
        "VF4",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS REQUIRETLS",
        "501 5.5.4 ",
    ),
    (
        "VF5",
        false,
        "MAIL FROM:<ann@host.test> REQUIRETLS",
        "530 5.7.10 ",
    ),
    (
        "VF5 the null path",
        false,
        "MAIL FROM:<> REQUIRETLS",
        "530 5.7.10 ",
    ),
    ("unknown", true, "MAIL FROM:<ann@host.test> REQUIRETLX", "5"),
];

fn requiretls_is_offered_and_accepted(exim: &str) -> Result<()> {
    let domains = vec![
        Domain::new("good.test")
            .signed()
            .mx("mx")
            .peer(Peer::good()),
    ];
    let setting = Setting {
        full: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains, |scene| {
        let offers = |reply: &str| reply.lines().any(|line| line == "250-REQUIRETLS");
        assert!(!offers(&Client::in_clear(ADDRESS)?.1), "R5");
        let (_, inside) = Client::inside_tls(ADDRESS)?;
        assert!(offers(&inside), "R5: {inside}");
        for (n, (label, tls, command, begins)) in ROWS.iter().enumerate() {
            let (mut client, _) = if *tls {
                Client::inside_tls(ADDRESS)?
            } else {
                Client::in_clear(ADDRESS)?
            };
            let reply = client.ask(command)?;
            assert!(reply.starts_with(begins), "{label}: {reply}");
            if *begins != "250" {
                // Nothing of it is left for the next message.
                assert!(
                    client.ask("MAIL FROM:<ann@host.test>")?.starts_with("250"),
                    "{label}"
                );
            }
            let recipient = format!("user-{n}@good.test");
            for (command, code) in [
                (format!("RCPT TO:<{recipient}>"), "250"),
                ("DATA".to_owned(), "354"),
                ("Subject: x\r\n\r\nThe body.\r\n.".to_owned(), "250"),
                ("QUIT".to_owned(), "221"),
            ] {
                let reply = client.ask(&command)?;
                assert!(reply.starts_with(code), "{label}: {command}: {reply}");
            }
            scene.wait_for(&recipient, "=>")?;
            let required = command.to_lowercase().contains("requiretls") && *begins == "250";
            let taken = scene.taken(&recipient);
            let message = taken
                .first()
                .map(|(_, message)| message.clone())
                .unwrap_or_default();
            assert_eq!(taken.len(), 1, "{label}: {taken:?}");
            let sent = message
                .mail_parameters
                .iter()
                .any(|parameter| parameter == "REQUIRETLS");
            assert_eq!(sent, required, "{label}");
            let null_path = command.contains("<>") && *begins == "250";
            assert_eq!(
                message.return_path,
                if null_path { "" } else { "ann@host.test" },
                "{label}"
            );
        }
        Ok(())
    })
}
