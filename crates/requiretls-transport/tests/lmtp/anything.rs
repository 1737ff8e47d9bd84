//! Does the server stay whole, whatever a client says?

use crate::desk::{Desk, terms};
use proptest::prelude::*;
use requiretls_core::mail_param::TagTrust;
use requiretls_transport::lmtp::{Limits, PostfixField, TagField, Terms};
use std::io::{Read, Write};
use std::time::Duration;

const WORDS: [&str; 22] = [
    "LHLO x",
    "MAIL FROM:<a@b.test>",
    "MAIL FROM:<> REQUIRETLS",
    "MAIL FROM:<a@b.test> SIZE=9999",
    "RCPT TO:<c@d.test>",
    "RCPT TO:<451-4.7.5@d.test> NOTIFY=NEVER",
    "RCPT TO:<\u{fc}@d.test>",
    "DATA",
    "RSET",
    "NOOP",
    "STARTTLS",
    "EHLO x",
    "BDAT 5",
    "Subject: x",
    "X-Tag: 1.secure",
    "X-Tag: what",
    "Require-TLS-ESMTP: yes",
    "TLS-Required: No",
    "",
    ".",
    "..",
    "\0",
];

const ENDS: [&str; 5] = ["\r\n", "\r\n", "\r\n", "\n", "\r"];

/// What it has said before: seldom comes it to that by chance.
const BEGUN: [&str; 3] = [
    "",
    "LHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n",
    "LHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n",
];

fn said() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        9 => prop::sample::select(&WORDS[..]).prop_map(|w| w.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    let line = (word, prop::sample::select(&ENDS[..]));
    let lines = prop::collection::vec(line, 0..30);
    (prop::sample::select(&BEGUN[..]), lines).prop_map(|(begun, lines)| {
        let lines = lines
            .into_iter()
            .map(|(word, end)| [&word, end.as_bytes()].concat());
        let begun = begun.as_bytes().to_vec();
        std::iter::once(begun)
            .chain(lines)
            .collect::<Vec<_>>()
            .concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every line of it is a reply, a client that says QUIT is heard, and each recipient that was
    /// noted with a message that came whole has its answer.
    #[test]
    fn a_conversation_stays_one(said in said(), size in 1..200_usize, once in any::<bool>()) {
        let terms = Terms {
            one_transaction: once,
            tag_field: Some(TagField { name: "X-Tag".to_owned(), trust: TagTrust::RaiseOnly }),
            postfix_field: PostfixField::Trusted,
            limits: Limits {
                message_size: Some(200),
                recipients: 3,
                command: Duration::from_secs(10),
                block: Duration::from_secs(10),
                ..terms().limits
            },
            ..terms()
        };
        let mut desk = Desk::open(terms);
        let end = b"\r\n.\r\nQUIT\r\n";
        for block in [&said[..], end].concat().chunks(size) {
            // It may have closed: 421.
            if desk.client.0.write_all(block).is_err() {
                break;
            }
        }
        let mut replies = Vec::new();
        let _ = desk.client.0.read_to_end(&mut replies);
        prop_assert!(desk.server.join().is_ok(), "it panicked");
        let text = String::from_utf8(replies).unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        for line in &lines {
            let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
            let is_code = code.is_some_and(|code| (214..=555).contains(&code));
            let is_joined = matches!(line.as_bytes().get(3), Some(b' ' | b'-'));
            prop_assert!(is_code && is_joined && line.len() <= 510, "{line:?}");
            prop_assert!(line.bytes().all(|b| matches!(b, b' '..=b'~')), "{line:?}");
        }
        let last = lines.last().copied().unwrap_or_default();
        prop_assert!(last.starts_with("221 ") || last.starts_with("421 "), "{text}");
        // What was carried for somebody is answered, and nothing else is acknowledged.
        let carried: usize = desk.notes.lock().unwrap().iter().map(|c| c.envelope.recipients.len()).sum();
        let taken = lines.iter().filter(|l| l.contains(" c@d.test") || l.contains(" 451-4.7.5@d.test")).count();
        prop_assert_eq!(taken, carried);
    }
}
