//! One message after another: what did the next hop get, and what does the server tell its sender?

use std::collections::BTreeSet;

use ffi_tests::{Failure, Result};

use crate::mail_server::{Handing, MailServer};
use crate::outcome::Fate::{self, Bounced, Deferred, Delivered};
use crate::receiver;
use crate::scene::{SENDER, Scene};
use crate::submission::Submission;

/// How a message asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asks {
    Nothing,
    /// `RequireTLS-Tag: 1.secure.onward`, written by whoever sent it.
    ByField,
    /// `TLS-Required: No`.
    Less,
    /// A tag that nobody can read.
    Illegibly,
}

impl Asks {
    fn field(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::ByField => "RequireTLS-Tag: 1.secure.onward\r\n",
            Self::Less => "TLS-Required: No\r\n",
            Self::Illegibly => "RequireTLS-Tag: 1.secure.onwar\r\n",
        }
    }
}

/// Statement, what is asked, and for each recipient's address what becomes of it, in which words.
type Row = (
    &'static str,
    Asks,
    &'static [(&'static str, Fate, &'static str)],
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("R20", Asks::ByField, &[("good.test", Delivered, "250 2.0.0 Taken")]),
    ("VX8", Asks::ByField, &[("dane.test", Delivered, "250 2.0.0 Taken")]),
    ("R27", Asks::ByField, &[(receiver::DOMAIN, Delivered, "250 2.0.0 Ok")]),
    ("VX30", Asks::ByField, &[("no-starttls.test", Bounced, "550 5.7.10")]),
    ("R25", Asks::ByField, &[("no-requiretls.test", Bounced, "550 5.7.30")]),
    ("VX8", Asks::ByField, &[("wrong-name.test", Bounced, "550 5.7.10")]),
    ("D18", Asks::ByField, &[("dane-wrong.test", Deferred, "451 4.7.10")]),
    ("VX29", Asks::ByField, &[("sts-other.test", Deferred, "451 4.7.10")]),
    ("VX24", Asks::Illegibly, &[("good.test", Deferred, "451 4.3.0")]),
    ("VX1", Asks::Nothing, &[("no-starttls.test", Delivered, "250 2.0.0 Taken")]),
    ("P3", Asks::Nothing, &[("dane-wrong.test", Deferred, "451 4.7.5")]),
    ("S16", Asks::Nothing, &[("sts-other.test", Deferred, "451 4.7.5")]),
    ("R8", Asks::Less, &[("dane-wrong.test", Delivered, "250 2.0.0 Taken")]),
    ("R8", Asks::Less, &[("sts-other.test", Delivered, "250 2.0.0 Taken")]),
    ("P6.15", Asks::ByField, &[("later.test", Deferred, "451 4.3.0 Not today")]),
    ("RFC 1047", Asks::ByField, &[("lost.test", Deferred, "4.4.2")]),
    ("RFC 2033", Asks::ByField, &[
        ("some.test", Delivered, "250 2.0.0 Taken"),
        ("nobody@some.test", Bounced, "550 5.1.1 There is nobody here"),
    ]),
    ("RFC 2033", Asks::ByField, &[
        ("good.test", Delivered, "250 2.0.0 Taken"),
        ("no-requiretls.test", Bounced, "550 5.7.30"),
        ("later.test", Deferred, "451 4.3.0 Not today"),
        (receiver::DOMAIN, Delivered, "250 2.0.0 Ok"),
    ]),
];

/// A line of each message's body, which no bounce may have.
const SECRET: &str = "what only the recipient may read";

/// Every message of the table, at once.
pub(crate) fn every_row(server: Box<dyn MailServer>, handing: Handing) -> Result<()> {
    let scene = Scene::start(server, handing)?;
    for (n, (statement, asks, recipients)) in ROWS.iter().enumerate() {
        scene.submit(&Submission {
            sender: SENDER.to_owned(),
            recipients: recipients.iter().map(|r| address(n, r.0)).collect(),
            header: format!(
                "From: {SENDER}\r\nSubject: row {n}, {statement}\r\nMessage-ID: <{n}@client.test>\r\n{}",
                asks.field()
            ),
            body: format!("{SECRET}\r\n..twice\r\n"),
        })?;
    }
    let (mut waiting, mut returned) = (BTreeSet::new(), Vec::new());
    for (n, (statement, asks, recipients)) in ROWS.iter().enumerate() {
        for (domain, fate, words) in *recipients {
            let address = address(n, domain);
            let outcome = scene.outcome(&address)?;
            let label = format!("row {n} {statement} {asks:?} {address}: {outcome}");
            assert_eq!(outcome.fate, *fate, "{label}");
            if *fate != Delivered || scene.server.logs_what_it_hears() {
                assert!(outcome.words.contains(words), "{words}: {label}");
            }
            match fate {
                Deferred => drop(waiting.insert(address)),
                Bounced => returned.push((address, *words)),
                Delivered => {
                    let asked = (*asks == Asks::ByField).then_some("REQUIRETLS");
                    check_received(&scene, &address, asked, &label)?;
                }
            }
        }
    }
    for (address, words) in returned {
        check_returned(&scene, &address, words)?;
    }
    scene.until("the queue holds what was deferred and nothing else", || {
        let queue = scene.server.waiting(scene.servers())?;
        Ok((queue == waiting).then_some(()))
    })
}

fn address(row: usize, domain: &str) -> String {
    match domain.split_once('@') {
        Some((user, domain)) => format!("{user}-{row}@{domain}"),
        None => format!("user-{row}@{domain}"),
    }
}

/// The parameter, and the message without the field that was for the transport alone.
fn check_received(scene: &Scene, address: &str, asked: Option<&str>, label: &str) -> Result<()> {
    let text = if address.ends_with(receiver::DOMAIN) {
        let text = scene.until(&format!("Postfix stores the message: {label}"), || {
            Ok(scene.stored(address)?.pop())
        })?;
        // Postfix 3.11 tells by this field that the message came with REQUIRETLS.
        let told = text.contains("\nRequire-TLS-ESMTP: yes\n");
        assert_eq!(told, asked.is_some(), "{label}\n{text}");
        text
    } else {
        let mut taken = scene.taken(address);
        let Some(message) = taken.pop() else {
            return Err(Failure::new(format!("no next hop has it: {label}")));
        };
        assert!(taken.is_empty(), "twice: {label}");
        let parameters = &message.mail_parameters;
        let with = parameters.iter().any(|p| p == "REQUIRETLS");
        assert_eq!(with, asked.is_some(), "{label}: {parameters:?}");
        assert!(!with || message.in_tls, "{label}");
        String::from_utf8_lossy(&message.body).replace("\r\n", "\n")
    };
    assert!(!text.contains("RequireTLS-Tag"), "{label}\n{text}");
    assert!(text.contains(SECRET), "{label}\n{text}");
    assert!(text.contains("\n.twice\n"), "{label}\n{text}");
    Ok(())
}

/// The sender is told why, in the transport's words, and gets no body back (R28).
fn check_returned(scene: &Scene, address: &str, words: &str) -> Result<()> {
    let bounce = scene.until(&format!("a bounce for {address} arrives"), || {
        let bounces = scene.taken(SENDER).into_iter();
        let mut texts = bounces.map(|m| (String::from_utf8_lossy(&m.body).into_owned(), m));
        Ok(texts.find(|(text, _)| text.contains(address)))
    })?;
    let (bounce, message) = bounce;
    let parameters = &message.mail_parameters;
    assert_eq!(message.return_path, "", "{address}");
    assert_eq!(
        parameters.iter().any(|p| p == "REQUIRETLS"),
        scene.server.bounces_require(),
        "{address}: {parameters:?}\n{bounce}"
    );
    // Whoever writes it folds lines as it likes.
    let text = bounce.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(words), "{address}: {words}\n{bounce}");
    assert!(!bounce.contains(SECRET), "{address}\n{bounce}");
    Ok(())
}
