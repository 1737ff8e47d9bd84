//! What is taken for the message?

use crate::desk::{Desk, code, terms};
use requiretls_transport::lmtp::{Limits, Terms};
use std::path::PathBuf;

/// How a message looks after DATA, and what it is; whatever is smuggled in it stays in it.
#[test]
fn the_message_ends_at_crlf_dot_crlf() {
    let smuggled = "MAIL FROM:<x@y.test>\r\nRCPT TO:<z@y.test>\r\nDATA\r\nevil\r\n.\r\n";
    #[rustfmt::skip]
    let rows = [
        ("empty", String::new(), String::new()),
        ("lines", "a\r\nb\r\n".to_owned(), "a\r\nb\r\n".to_owned()),
        ("dots", "..\r\n...a\r\n".to_owned(), ".\r\n..a\r\n".to_owned()),
        ("8-bit", "\u{fc}\r\n".to_owned(), "\u{fc}\r\n".to_owned()),
        ("a line of 100,000 octets", "x".repeat(100_000) + "\r\n", "x".repeat(100_000) + "\r\n"),
        ("LF dot LF", "a\n.\nb\r\n".to_owned(), "a\n.\nb\r\n".to_owned()),
        ("LF dot CRLF", "a\n.\r\nb\r\n".to_owned(), "a\n.\r\nb\r\n".to_owned()),
        ("CR dot CR", "a\r.\rb\r\n".to_owned(), "a\r.\rb\r\n".to_owned()),
        // A dot that begins a line goes, as always.
        ("CRLF dot LF", "a\r\n.\nb\r\n".to_owned(), "a\r\n\nb\r\n".to_owned()),
        ("CRLF dot CR", "a\r\n.\rb\r\n".to_owned(), "a\r\n\rb\r\n".to_owned()),
    ];
    for (label, sent, message) in rows {
        let mut desk = Desk::greeted(terms());
        let reply = desk.client.message("<a@b.test>", "c@d.test", &sent);
        assert_eq!(code(&reply), "250 2.1.5", "{label}");
        assert_eq!(desk.client.code("NOOP"), "250 2.0.0", "{label}");
        let carried = desk.carried();
        assert_eq!(carried.len(), 1, "{label}");
        assert_eq!(
            String::from_utf8_lossy(&carried[0].content),
            message,
            "{label}"
        );
    }
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"] {
        let mut desk = Desk::greeted(terms());
        let sent = format!("a{end}{smuggled}");
        desk.client.envelope("<a@b.test>", &["c@d.test"]);
        desk.client.say("DATA");
        desk.client.send(sent);
        assert_eq!(code(&desk.client.reply()), "250 2.1.5", "{end:?}");
        assert_eq!(desk.client.code("NOOP"), "250 2.0.0", "{end:?}");
        let carried = desk.carried();
        assert_eq!(carried.len(), 1, "{end:?}: one message came");
        assert_eq!(carried[0].envelope.return_path.as_str(), "a@b.test");
    }
}

/// RFC 2920: everything at once, cut wherever the network likes.
#[test]
fn pipelining() {
    let message = "MAIL FROM:<a@b.test>\r\nRCPT TO:<1@d.test>\r\nRCPT TO:<bad\r\n\
                   RCPT TO:<550-5.7.30@d.test>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\n";
    let all = format!("LHLO x\r\n{message}RSET\r\n{message}QUIT\r\n");
    let one = [
        "250 2.1.0",
        "250 2.1.5",
        "501 5.5.2",
        "250 2.1.5",
        "354",
        "250 2.1.5",
        "550 5.7.30",
    ];
    for size in [1, 5, 97, all.len()] {
        let mut desk = Desk::open(terms());
        for block in all.as_bytes().chunks(size) {
            desk.client.send(block);
        }
        let replies: Vec<String> = (0..18).map(|_| code(&desk.client.reply())).collect();
        let expected = [
            &["220", "250"],
            &one[..],
            &["250 2.0.0"],
            &one[..],
            &["221 2.0.0"],
        ]
        .concat();
        assert_eq!(replies, expected, "blocks of {size}");
        assert_eq!(desk.client.reply(), "");
        let carried = desk.carried();
        assert_eq!(carried.len(), 2);
        assert!(
            carried
                .iter()
                .all(|c| c.content == b"Subject: x\r\n\r\n.\r\n")
        );
    }
}

#[test]
fn a_large_message_is_in_a_file_and_a_small_one_is_not() {
    let limits = Limits {
        in_memory: 10_000,
        ..terms().limits
    };
    for (label, lines, spilled) in [("small", 10, false), ("large", 2_000, true)] {
        let mut desk = Desk::greeted(Terms {
            limits: limits.clone(),
            ..terms()
        });
        let content = ".\u{fc} and so on\r\n".repeat(lines);
        let stuffed = content.replace(".\u{fc}", "..\u{fc}");
        let reply = desk.client.message("<a@b.test>", "c@d.test", &stuffed);
        assert_eq!(code(&reply), "250 2.1.5", "{label}");
        let carried = desk.carried();
        assert!(carried[0].content == content.as_bytes(), "{label}");
        assert_eq!(carried[0].is_spilled, spilled, "{label}");
    }
}

/// It is read to its end: each recipient has its reply, and the next message comes.
#[test]
fn a_message_that_cannot_be_taken() {
    let size = Limits {
        message_size: Some(5_000),
        ..terms().limits
    };
    let directory = Limits {
        in_memory: 10,
        spill_directory: PathBuf::from("/nowhere/at/all"),
        ..terms().limits
    };
    for (label, limits, expected) in [
        ("RFC 1870: larger than was said", size, "552 5.3.4"),
        ("no file can be made", directory, "452 4.3.1"),
    ] {
        let mut desk = Desk::greeted(Terms { limits, ..terms() });
        desk.client
            .envelope("<a@b.test> SIZE=10", &["1@d.test", "2@d.test"]);
        desk.client.say("DATA");
        desk.client
            .send("and so on, and so on\r\n".repeat(10_000) + ".\r\n");
        for _ in 0..2 {
            assert_eq!(code(&desk.client.reply()), expected, "{label}");
        }
        assert!(desk.carried().is_empty(), "{label}");
        let reply = desk.client.message("<a@b.test>", "c@d.test", "x\r\n");
        assert_eq!(code(&reply), "250 2.1.5", "{label}: the next one");
    }
}

#[test]
fn a_client_that_goes_within_its_message_has_sent_none() {
    for sent in ["", "a\r\n", "a\r\n.", "a\r\n.\r"] {
        let mut desk = Desk::greeted(terms());
        desk.client.envelope("<a@b.test>", &["c@d.test"]);
        desk.client.say("DATA");
        desk.client.send(sent);
        let Desk {
            client,
            notes,
            server,
            ..
        } = desk;
        drop(client);
        server.join().unwrap();
        assert!(notes.lock().unwrap().is_empty(), "{sent:?}");
    }
}
