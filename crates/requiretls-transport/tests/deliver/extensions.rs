//! RFC 1870, 3030, 3461, 6152, 6531: what is passed on, and what cannot be said here.

use crate::peer::{MESSAGE, Traits};
use crate::world::{World, path, summary};
use requiretls_transport::{Body, Envelope, Message, Ret, Value};

const GOOD: Traits = Traits::GOOD;
const BARE: Traits = Traits {
    clear: "STARTTLS",
    tls: "REQUIRETLS",
    ..Traits::GOOD
};

/// A change to an ordinary envelope.
type Wish = fn(&mut Envelope);

/// Label, peer, tag, envelope, message, and what comes of it.
type Row<T> = (&'static str, Traits, &'static str, Wish, &'static [u8], T);

fn dsn(envelope: &mut Envelope) {
    let value = |text| Some(Value::parse(text).unwrap());
    envelope.ret = Some(Ret::Full);
    envelope.envid = value("QQ314159");
    for recipient in &mut envelope.recipients {
        recipient.notify = value("SUCCESS,FAILURE");
        recipient.orcpt = value("rfc822;b+2Bc@d.test");
    }
}

fn message(wish: Wish, content: &[u8]) -> Message {
    let mut envelope = Envelope::new(path("a@s.test"), [path("b@d.test")]);
    wish(&mut envelope);
    Message::new(envelope, content).unwrap()
}

/// What MAIL, RCPT and the message go with.
#[test]
fn what_is_passed_on() {
    let null = |envelope: &mut Envelope| {
        dsn(envelope);
        envelope.return_path = path("");
    };
    let utf8 = |envelope: &mut Envelope| {
        envelope.smtp_utf8 = true;
        envelope.return_path = path("\u{e4}@s.test");
    };
    let utf8_orcpt = |envelope: &mut Envelope| {
        let orcpt = Value::parse("utf-8;\u{fc}@d.test").unwrap();
        envelope.recipients[0].orcpt = Some(orcpt);
    };
    let asked_8bit = |envelope: &mut Envelope| envelope.body = Body::EightBitMime;
    let asked_utf8 = |envelope: &mut Envelope| envelope.smtp_utf8 = true;
    #[rustfmt::skip]
    let rows: [Row<&[&str]>; 20] = [
        ("nothing", BARE, "R", |_| (), b"x\r\n", &["MAIL FROM:<a@s.test> REQUIRETLS", "RCPT TO:<b@d.test>", "DATA"]),
        ("DSN", GOOD, "none", dsn, b"x\r\n", &["MAIL FROM:<a@s.test> RET=FULL ENVID=QQ314159", "RCPT TO:<b@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@d.test", "DATA"]),
        ("DSN, not offered", BARE, "none", dsn, b"x\r\n", &["MAIL FROM:<a@s.test>", "RCPT TO:<b@d.test>", "DATA"]),
        ("R28: RET=FULL is disregarded", GOOD, "R", dsn, b"x\r\n", &["MAIL FROM:<a@s.test> REQUIRETLS RET=HDRS ENVID=QQ314159", "RCPT TO:<b@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@d.test", "DATA"]),
        ("R28: of a downgrade it is not", GOOD, "H", dsn, b"x\r\n", &["MAIL FROM:<a@s.test> RET=FULL ENVID=QQ314159", "RCPT TO:<b@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@d.test", "DATA"]),
        ("R29, P4: null path, no REQUIRETLS", Traits { tls: "DSN", ..GOOD }, "R", null, b"x\r\n", &["MAIL FROM:<> RET=HDRS ENVID=QQ314159", "RCPT TO:<b@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@d.test", "DATA"]),
        ("SIZE", BARE.offers("SIZE 1000"), "none", |_| (), b"x\r\n", &["MAIL FROM:<a@s.test> SIZE=3", "RCPT TO:<b@d.test>", "DATA"]),
        ("SIZE without a limit", BARE.offers("SIZE"), "none", |_| (), b"x\r\n", &["MAIL FROM:<a@s.test> SIZE=3", "RCPT TO:<b@d.test>", "DATA"]),
        ("SIZE is that of what is sent", BARE.offers("SIZE"), "none", |_| (), b".\nx", &["MAIL FROM:<a@s.test> SIZE=6", "RCPT TO:<b@d.test>", "DATA"]),
        ("SIZE, just so", BARE.offers("SIZE 3"), "none", |_| (), b"x\r\n", &["MAIL FROM:<a@s.test> SIZE=3", "RCPT TO:<b@d.test>", "DATA"]),
        ("8BITMIME", GOOD, "none", |_| (), b"\xc3\xbc\r\n", &["MAIL FROM:<a@s.test> BODY=8BITMIME", "RCPT TO:<b@d.test>", "DATA"]),
        ("8BITMIME, asked for in vain", GOOD, "none", asked_8bit, b"x\r\n", &["MAIL FROM:<a@s.test> BODY=8BITMIME", "RCPT TO:<b@d.test>", "DATA"]),
        ("8BITMIME, asked for in vain, not offered", BARE, "none", asked_8bit, b"x\r\n", &["MAIL FROM:<a@s.test>", "RCPT TO:<b@d.test>", "DATA"]),
        ("8 bits that nobody declared, no 8BITMIME: as they are", BARE, "R", |_| (), b"a: b\r\n\r\n\xff\r\n", &["MAIL FROM:<a@s.test> REQUIRETLS", "RCPT TO:<b@d.test>", "DATA"]),
        ("SMTPUTF8", GOOD.offers("SMTPUTF8"), "none", utf8, b"a: \xc3\xbc\r\n", &["MAIL FROM:<\u{e4}@s.test> BODY=8BITMIME SMTPUTF8", "RCPT TO:<b@d.test>", "DATA"]),
        ("SMTPUTF8, asked for in vain, not offered", GOOD, "none", asked_utf8, b"a: b\r\n\r\n\xc3\xbc\r\n", &["MAIL FROM:<a@s.test> BODY=8BITMIME", "RCPT TO:<b@d.test>", "DATA"]),
        ("RFC 6533: ORCPT in UTF-8", GOOD.offers("SMTPUTF8"), "none", utf8_orcpt, b"x\r\n", &["MAIL FROM:<a@s.test> SMTPUTF8", "RCPT TO:<b@d.test> ORCPT=utf-8;\u{fc}@d.test", "DATA"]),
        ("RFC 6533: not without SMTPUTF8", GOOD, "none", utf8_orcpt, b"x\r\n", &["MAIL FROM:<a@s.test>", "RCPT TO:<b@d.test>", "DATA"]),
        ("CHUNKING", BARE.offers("CHUNKING"), "none", |_| (), b".\r\n", &["MAIL FROM:<a@s.test>", "RCPT TO:<b@d.test>", "BDAT 3 LAST"]),
        ("CHUNKING, nothing", BARE.offers("CHUNKING"), "none", |_| (), b"", &["MAIL FROM:<a@s.test>", "RCPT TO:<b@d.test>", "BDAT 0 LAST"]),
    ];
    for (label, traits, tag, wish, content, expected) in rows {
        let world = World::of(&[traits]);
        let message = message(wish, content);
        let null_path = expected[0].starts_with("MAIL FROM:<> ");
        let plan = world.plan_for("d.test", tag, null_path);
        let outcome = world.client().deliver(plan, &message);
        assert_eq!(outcome.action.as_str(), "go", "{label}: {outcome:#?}");
        let commands = world.peers[0].commands();
        let commands = commands.iter().filter_map(|c| c.strip_prefix('*'));
        let commands: Vec<&str> = commands
            .filter(|c| !c.starts_with("EHLO") && *c != "QUIT")
            .collect();
        assert_eq!(commands, expected, "{label}");
    }
}

/// What the peer could not take is answered here, and nothing of it is sent; a policy that refuses
/// the host comes first.
#[test]
fn what_cannot_be_said_here() {
    let utf8_path = |envelope: &mut Envelope| envelope.return_path = path("\u{e4}@s.test");
    let asked_utf8 = |envelope: &mut Envelope| envelope.smtp_utf8 = true;
    let utf8_recipient =
        |envelope: &mut Envelope| envelope.recipients[0].path = path("\u{fc}@d.test");
    let asked_8bit = |envelope: &mut Envelope| envelope.body = Body::EightBitMime;
    #[rustfmt::skip]
    let rows: [Row<&str>; 9] = [
        ("RFC 6152 section 3", BARE, "R", asked_8bit, b"\r\n\xff\r\n", "bounce 550 5.6.3 - nobody"),
        ("RFC 1870", BARE.offers("SIZE 2"), "R", |_| (), b"x\r\n", "bounce 552 5.3.4 - nobody"),
        ("RFC 1870: as it would be sent", BARE.offers("SIZE 5"), "R", |_| (), b"\n\nx", "bounce 552 5.3.4 - nobody"),
        ("RFC 6531: return path", GOOD, "R", utf8_path, b"x\r\n", "bounce 550 5.6.7 - nobody"),
        ("RFC 6531: header field", GOOD, "R", asked_utf8, b"a: \xc3\xbc\r\n", "bounce 550 5.6.7 - nobody"),
        ("RFC 6531: recipient", GOOD, "R", utf8_recipient, b"x\r\n", "bounce 550 5.6.7 - nobody"),
        ("RFC 6531: without TLS", Traits::CLEAR, "none", utf8_recipient, b"x\r\n", "bounce 550 5.6.7 - nobody"),
        ("P6.9 comes first", Traits::CLEAR, "R", utf8_recipient, b"x\r\n", "bounce 550 5.7.10 9 sender"),
        ("P6.13 comes first", Traits { tls: "SIZE 1", ..GOOD }, "R", |_| (), b"x\r\n", "bounce 550 5.7.30 13 sender"),
    ];
    for (label, traits, tag, wish, content, expected) in rows {
        let world = World::of(&[traits]);
        let outcome = world
            .client()
            .deliver(world.plan(tag), &message(wish, content));
        assert_eq!(summary(&outcome), expected, "{label}: {outcome:#?}");
        assert_eq!(outcome.recipients[0].reply, outcome.reply, "{label}");
        assert!(outcome.reply.text.starts_with("mx1.d.test: "), "{label}");
        let commands = world.peers[0].commands();
        let mail = commands.iter().any(|c| c.contains("MAIL"));
        assert!(!mail, "{label}: {commands:?}");
        assert_eq!(commands.last().unwrap().trim_start_matches('*'), "QUIT");
    }
}

/// One recipient's address is no matter of another's.
#[test]
fn one_recipient_cannot_be_named() {
    let world = World::of(&[GOOD]);
    let to = ["b@d.test", "\u{fc}@d.test", "c@d.test"].map(path);
    let message = Message::new(Envelope::new(path("a@s.test"), to), b"x\r\n".as_slice()).unwrap();
    let outcome = world.client().deliver(world.plan("R"), &message);
    let replies = outcome.recipients.iter();
    let replies: Vec<u16> = replies.map(|r| r.reply.code).collect();
    assert_eq!(replies, [250, 550, 250]);
    let commands = world.peers[0].commands();
    let rcpt = commands.iter().filter(|c| c.contains("RCPT")).count();
    assert_eq!(rcpt, 2, "{commands:?}");
}

/// A host without 8BITMIME that minds what comes says it itself, and that is the answer.
#[test]
fn a_host_that_minds_eight_bits_says_so() {
    let world = World::of(&[BARE.with(&[(MESSAGE, "550 5.6.3 Seven bits\r\n")])]);
    let content = b"a: b\r\n\r\n\xc3\xbc\r\n";
    let outcome = world
        .client()
        .deliver(world.plan("R"), &message(|_| (), content));
    assert_eq!(summary(&outcome), "bounce 550 5.6.3 - nobody");
    let sent = [content.as_slice(), b".\r\n"].concat();
    assert_eq!(world.peers[0].messages(), [sent]);
}

/// RFC 3030: the length is that of what is sent, and a large message is one chunk.
#[test]
fn a_chunk_is_as_long_as_it_says() {
    let long = b"0123456789abcdef\n.\r\n\r".repeat(20_000);
    let mut sent = b"0123456789abcdef\r\n.\r\n ".repeat(20_000);
    sent.extend_from_slice(b"\r\n");
    let world = World::of(&[GOOD.offers("CHUNKING,PIPELINING")]);
    let outcome = world
        .client()
        .deliver(world.plan("R"), &message(|_| (), &long));
    assert_eq!(summary(&outcome), "go 250 2.0.0 - sender");
    assert!(world.peers[0].messages() == [sent], "what arrived");
}
