//! REQUIRETLS offered and accepted by a stock Exim: what does a client see?

use std::fmt::Write as _;
use std::fs;

use ffi_tests::{Client, Heard, Result, Said, kept_in, target};
use requiretls_testbed::{Domain, Peer, trusting};

use crate::scene::{ADDRESS, Scene, Setting};

on_every_exim!(
    requiretls_is_offered_and_accepted,
    the_demos_commands_are_heard,
    an_acl_does_not_lower_what_was_asked,
    what_was_asked_is_not_cut_through,
);

/// Scenarios of the demo that cannot be shown, and why.
const NOT_SHOWN: [(&str, &str); 4] = [
    ("in-tag-stricter", OWN_PARAMETERS),
    ("in-level", OWN_PARAMETERS),
    ("in-level-unknown", OWN_PARAMETERS),
    ("in-two-ways", OWN_PARAMETERS),
];
const OWN_PARAMETERS: &str = "the files take REQUIRETLS alone out of the line that Exim reads";

/// Those that end in another way: how, and why.
const OTHERWISE: [(&str, &str, &str); 4] = [
    (
        "in-rcpt",
        "refused 501",
        "what RCPT may say is Exim's own: behind the path, nothing",
    ),
    (
        "in-quoted-bracket",
        "refused 501",
        "the rewrite rule does not know such an address",
    ),
    ("in-tag-damaged", "kept 1.secure.onwar", TAKEN),
    ("in-tag-newer", "kept 2.secure", TAKEN),
];
const TAKEN: &str = "what the site's own ACL has set is not refused to the client, but waits";

/// Inside TLS, the MAIL command, how the answer to it begins, and whether the message goes on with REQUIRETLS.
type Row = (&'static str, bool, &'static str, &'static str, bool);

const ROWS: [Row; 15] = [
    ("untagged", true, "MAIL FROM:<ann@host.test>", "250", false),
    (
        "in clear, untagged",
        false,
        "MAIL FROM:<ann@host.test> SIZE=100",
        "250",
        false,
    ),
    (
        "VF1",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS",
        "250",
        true,
    ),
    (
        "VF2",
        true,
        "MAIL FROM:<ann@host.test> requiretls SIZE=10",
        "250",
        true,
    ),
    (
        "behind others",
        true,
        "MAIL FROM:<ann@host.test> SIZE=10 BODY=8BITMIME REQUIRETLS",
        "250",
        true,
    ),
    (
        "VF2 all of it",
        true,
        "mail from:<ann@host.test> size=10 requiretls",
        "250",
        true,
    ),
    ("VF8", true, "MAIL FROM:<> REQUIRETLS", "250", true),
    (
        "VF3 an empty value",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS=",
        "501 5.5.4 ",
        false,
    ),
    (
        "VF3 a value",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS=CHAIN",
        "501 5.5.4 ",
        false,
    ),
    (
        "VF4",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLS REQUIRETLS",
        "501 5.5.4 ",
        false,
    ),
    (
        "VF5",
        false,
        "MAIL FROM:<ann@host.test> REQUIRETLS",
        "530 5.7.10 ",
        false,
    ),
    (
        "VF5 the null path",
        false,
        "MAIL FROM:<> REQUIRETLS",
        "530 5.7.10 ",
        false,
    ),
    (
        "unknown",
        true,
        "MAIL FROM:<ann@host.test> REQUIRETLX",
        "5",
        false,
    ),
    (
        "R2 the word within a quoted address",
        true,
        "MAIL FROM:<\"a> REQUIRETLS\"@host.test> SIZE=10",
        "250",
        false,
    ),
    (
        "R2 the word behind one with > in it, which the rewrite rule does not know",
        true,
        "MAIL FROM:<\"a>b\"@host.test> REQUIRETLS",
        "501 ",
        false,
    ),
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
        let (_, inside) = Client::inside_tls(ADDRESS, trusting()?)?;
        assert!(offers(&inside), "R5: {inside}");
        for (n, (label, tls, command, begins, required)) in ROWS.iter().enumerate() {
            let (mut client, _) = if *tls {
                Client::inside_tls(ADDRESS, trusting()?)?
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
            assert_eq!(sent, *required, "{label}");
            let path = match *begins {
                "250" => command.split(['<', '>']).nth(1).unwrap_or_default(),
                // The next one was taken.
                _ => "ann@host.test",
            };
            assert!(
                message.return_path.starts_with(path),
                "{label}: {message:?}"
            );
            assert_eq!(message.return_path.is_empty(), path.is_empty(), "{label}");
        }
        Ok(())
    })
}

/// What the demo has the library hear, a client says to Exim. A tag from before is what an ACL sets, or the field that
/// anybody may write.
fn the_demos_commands_are_heard(exim: &str) -> Result<()> {
    let setting = Setting {
        full: true,
        queue_only: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, Vec::new(), |scene| {
        let (mut table, mut shown, mut wrong) = (String::new(), 0, Vec::new());
        for mut heard in Heard::all()? {
            if NOT_SHOWN.iter().any(|(id, _)| *id == heard.id) {
                continue;
            }
            if let Some(earlier) = &heard.earlier {
                let name = if earlier.may_lower {
                    "X-Site-Tag"
                } else {
                    "RequireTLS-Tag"
                };
                write!(heard.fields, "{name}: {}\r\n", earlier.tag)?;
            }
            scene.configure(&heard.receiving)?;
            let happened = match heard.say(ADDRESS, trusting()?)? {
                Said::Refused(reply) => reply,
                Said::Taken(id) => kept_in(&scene.exim(&["-Mvh", &id])?),
            };
            writeln!(table, "{:<24} {happened:<32} {}", heard.id, heard.about)?;
            let otherwise = OTHERWISE.iter().find(|(id, ..)| *id == heard.id);
            let expected = otherwise.map_or(heard.expected.as_str(), |(_, happened, _)| happened);
            if happened != expected {
                wrong.push(format!("{}: {expected}: {happened}", heard.id));
            }
            shown += 1;
        }
        fs::write(target().join(format!("exim-heard-stock-{exim}.txt")), table)?;
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(shown >= 22, "{shown}");
        Ok(())
    })
}

/// R9: the stricter of both; the site's ACL for DATA sets its tag after MAIL was heard.
fn an_acl_does_not_lower_what_was_asked(exim: &str) -> Result<()> {
    let setting = Setting {
        full: true,
        queue_only: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, Vec::new(), |scene| {
        for (parameter, acl, expected) in [
            (" REQUIRETLS", "1.encrypt", "kept 1.secure.onward"),
            (" REQUIRETLS", "1.no", "kept 1.secure.onward"),
            (" REQUIRETLS", "1.secure", "kept 1.secure.onward"),
            ("", "1.encrypt", "kept 1.encrypt"),
            ("", "1.no", "kept 1.no"),
        ] {
            let (mut client, _) = Client::inside_tls(ADDRESS, trusting()?)?;
            let mut reply = String::new();
            for command in [
                &format!("MAIL FROM:<ann@host.test>{parameter}"),
                "RCPT TO:<bob@good.test>",
                "DATA",
                &format!("X-Site-Tag: {acl}\r\n\r\nThe body.\r\n."),
            ] {
                reply = client.ask(command)?;
                assert!(reply.starts_with(['2', '3']), "{command}: {reply}");
            }
            let (_, id) = reply.split_once(" OK id=").unwrap_or_default();
            let spool = scene.exim(&["-Mvh", id.trim_end()])?;
            assert_eq!(kept_in(&spool), expected, "{parameter} {acl}");
        }
        Ok(())
    })
}

/// R9: an ACL for RCPT forgets the tag, and has the message go on while it comes in.
fn what_was_asked_is_not_cut_through(exim: &str) -> Result<()> {
    let domains = vec![
        Domain::new("clear.test")
            .mx("mx")
            .peer(Peer::good().no_starttls()),
    ];
    let setting = Setting {
        full: true,
        cutthrough: true,
        main: &["SITE_FORGETS = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains, |scene| {
        for (recipient, parameter, kind) in [
            ("ann@clear.test", "", ">>"),
            ("bob@clear.test", " REQUIRETLS", "**"),
        ] {
            let (mut client, _) = Client::inside_tls(ADDRESS, trusting()?)?;
            for command in [
                &format!("MAIL FROM:<carl@host.test>{parameter}"),
                &format!("RCPT TO:<{recipient}>"),
                "DATA",
                "Subject: x\r\n\r\nThe body.\r\n.",
            ] {
                let reply = client.ask(command)?;
                assert!(reply.starts_with(['2', '3']), "{command}: {reply}");
            }
            scene.logged(&[&format!(" {kind} {recipient} ")])?;
            let taken = scene.taken(recipient).len();
            assert_eq!(taken, usize::from(kind == ">>"), "{recipient}");
        }
        Ok(())
    })
}
