//! Tagged mail: where does a tag come from, is it kept, and does REQUIRETLS go on the wire?

use ffi_tests::Result;
use requiretls_testbed::{Domain, Message, Peer};

use crate::scene::{Scene, Setting};

on_every_exim!(
    a_tag_comes_from_an_acl_a_field_and_a_submission,
    what_cannot_be_read_as_a_tag_waits,
    each_recipient_has_an_answer_of_its_own,
    a_bounce_keeps_the_tag_and_returns_no_body,
);

fn domains() -> Vec<Domain> {
    let good = Peer::good;
    let signed = |name: &str, peer| {
        Domain::new(&format!("{name}.test"))
            .signed()
            .mx("mx")
            .peer(peer)
    };
    vec![
        signed("good", good()),
        signed("bounces", good()),
        signed("dane-wrong", good().dane_ee_wrong()),
        signed("no-requiretls", good().no_requiretls()),
        signed("no-starttls", good().no_starttls()),
        signed(
            "some",
            good().refuses_recipient("nobody", "550 5.1.1 There is nobody here"),
        ),
    ]
}

fn requires_tls(message: &Message) -> bool {
    message
        .mail_parameters
        .iter()
        .any(|parameter| parameter == "REQUIRETLS")
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

/// What the header section asks for, whose domain, and whether it arrives with REQUIRETLS; `None`: it waits.
type Row = (&'static str, &'static str, &'static str, Option<bool>);

const ROWS: [Row; 9] = [
    ("nothing asked", "", "good", Some(false)),
    (
        "R7 by the site's ACL",
        "X-Site-Tag: 1.secure.onward\r\n",
        "good",
        Some(true),
    ),
    (
        "R7 by a field",
        "RequireTLS-Tag: 1.secure.onward\r\n",
        "good",
        Some(true),
    ),
    (
        "the field raises the site's",
        "X-Site-Tag: 1.encrypt\r\nRequireTLS-Tag: 1.secure.onward\r\n",
        "good",
        Some(true),
    ),
    (
        "the site's is not lowered",
        "X-Site-Tag: 1.secure.onward\r\nTLS-Required: No\r\n",
        "good",
        Some(true),
    ),
    ("untagged", "", "dane-wrong", None),
    (
        "R14 TLS-Required: No",
        "TLS-Required: No\r\n",
        "dane-wrong",
        Some(false),
    ),
    (
        "R11 folded",
        "TLS-Required:\r\n No\r\n",
        "dane-wrong",
        Some(false),
    ),
    (
        "nobody lowers by our own field",
        "RequireTLS-Tag: 1.no\r\n",
        "dane-wrong",
        None,
    ),
];

fn a_tag_comes_from_an_acl_a_field_and_a_submission(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        for (n, (label, header, name, arrives)) in ROWS.iter().enumerate() {
            let recipient = format!("user-{n}@{name}.test");
            scene.submit(&[&recipient], header)?;
            let (kind, line) = scene.outcome(&recipient)?;
            assert_eq!(
                kind,
                if arrives.is_some() { "=>" } else { "==" },
                "{label}: {line}"
            );
            let taken = scene.taken(&recipient);
            let required: Vec<bool> = taken
                .iter()
                .map(|(_, message)| requires_tls(message))
                .collect();
            assert_eq!(
                required,
                arrives.iter().copied().collect::<Vec<bool>>(),
                "{label}: {line}"
            );
            for (_, message) in &taken {
                assert_eq!(
                    text(message).contains("TLS-Required:"),
                    header.contains("TLS-Required:"),
                    "{label}"
                );
                assert!(
                    !text(message).contains("RequireTLS-Tag"),
                    "{label}: {}",
                    text(message)
                );
            }
        }
        let message = "RequireTLS-Tag: 1.secure.onward\\nSubject: x\\n\\nThe body.\\n";
        let submit = format!("printf '{message}' | exim4 -odf -f ann@host.test user@good.test");
        scene.servers.inside("host", &["sh", "-c", &submit])?;
        scene.wait_for("user@good.test", "=>")?;
        let taken = scene.taken("user@good.test");
        assert!(
            taken.len() == 1 && taken.iter().all(|(_, message)| requires_tls(message)),
            "{taken:?}"
        );
        Ok(())
    })
}

/// P6.15: never "no tag".
fn what_cannot_be_read_as_a_tag_waits(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        for (n, tag) in [
            "junk",
            "2.later",
            "!",
            "1.secure onward",
            "${run{/bin/true}}",
        ]
        .iter()
        .enumerate()
        {
            let recipient = format!("user-{n}@good.test");
            // By the field it is not even taken in, and the client learns why.
            let refused = scene.submit(&[&recipient], &format!("RequireTLS-Tag: {tag}\r\n"));
            let why = refused
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(why.contains(": 451 4.3.0 "), "{tag}: {why}");
            // By the site's own ACL it is.
            scene.submit(&[&recipient], &format!("X-Site-Tag: {tag}\r\n"))?;
            let (kind, line) = scene.outcome(&recipient)?;
            assert_eq!(kind, "==", "{tag}: {line}");
            assert!(line.contains("451 4.3.0 "), "{tag}: {line}");
            assert!(scene.taken(&recipient).is_empty(), "{tag}");
            assert!(scene.exim(&["-bp"])?.contains(&recipient), "{tag}");
        }
        Ok(())
    })
}

fn each_recipient_has_an_answer_of_its_own(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        let rows = [
            ("bob@good.test", "=>", "250"),
            ("eve@good.test", "=>", "250"),
            ("bob@no-requiretls.test", "**", "5.7.30"),
            ("bob@no-starttls.test", "**", "5.7.10"),
            ("bob@dane-wrong.test", "==", "4.7.10"),
            ("bob@some.test", "=>", "250"),
            ("nobody@some.test", "**", "5.1.1"),
        ];
        let recipients = rows.map(|(recipient, ..)| recipient);
        scene.submit(&recipients, "X-Site-Tag: 1.secure.onward\r\n")?;
        for (recipient, kind, code) in rows {
            let (found, line) = scene.outcome(recipient)?;
            assert_eq!(found.replace("->", "=>"), kind, "{line}");
            assert!(line.contains(code), "{line}");
            let taken = scene.taken(recipient);
            assert_eq!(taken.len(), usize::from(kind == "=>"), "{line}");
            assert!(
                taken
                    .iter()
                    .all(|(_, message)| message.in_tls && requires_tls(message)),
                "{recipient}"
            );
        }
        Ok(())
    })
}

/// RFC 8689 section 5.
fn a_bounce_keeps_the_tag_and_returns_no_body(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        let rows = [
            ("1.secure.onward", "bob@no-requiretls.test", "5.7.30", true),
            ("1.secure.onward", "nobody@some.test", "5.1.1", true),
            ("", "nobody@some.test", "5.1.1", false),
        ];
        for (n, (tag, recipient, code, required)) in rows.into_iter().enumerate() {
            let sender = format!("ann-{n}@bounces.test");
            let field = if tag.is_empty() {
                String::new()
            } else {
                format!("X-Site-Tag: {tag}\r\n")
            };
            scene.submit_from(&sender, &[recipient], &field)?;
            scene.wait_for(&sender, "=>")?;
            let bounces = scene.taken(&sender);
            assert_eq!(bounces.len(), 1, "{bounces:#?}");
            let bounce = bounces
                .first()
                .map(|(_, bounce)| bounce.clone())
                .unwrap_or_default();
            assert_eq!(bounce.return_path, "", "{bounces:?}");
            assert_eq!(requires_tls(&bounce), required, "{bounces:?}");
            let text = text(&bounce);
            assert!(text.contains(recipient) && text.contains(code), "{text}");
            assert!(
                !text.contains("The body.") && text.contains("Subject: x"),
                "{text}"
            );
            assert!(!text.contains("RequireTLS-Tag"), "{text}");
        }
        Ok(())
    })
}
