//! RFC 2920: commands in one write, and what a refusal in the middle of them means.

use crate::peer::{DROP, MESSAGE, Traits};
use crate::world::{World, path, short, summary};
use requiretls_transport::{Client, Envelope, Message, Timeouts};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

/// Label, other answers, tag, outcome, lone dots.
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    usize,
);

const PIPELINING: Traits = Traits::GOOD.offers("PIPELINING");

/// What comes in one read, where the peer says nothing before it has read.
#[test]
fn the_envelope_is_one_write() {
    for (label, keywords, expected) in [
        (
            "offered",
            "250-x\r\n250 PIPELINING\r\n",
            "MAIL FROM:<a@s.test>\r\nRCPT TO:<b@d.test>\r\nDATA\r\n",
        ),
        ("not offered", "250 x\r\n", "MAIL FROM:<a@s.test>\r\n"),
        (
            "chunks are to follow",
            "250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n",
            "MAIL FROM:<a@s.test>\r\nRCPT TO:<b@d.test>\r\n",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut read = |reply: &str| {
                stream.write_all(reply.as_bytes()).unwrap();
                let mut block = [0; 1_000];
                let length = stream.read(&mut block).unwrap();
                String::from_utf8(block[..length].to_vec()).unwrap()
            };
            read("220 x\r\n");
            read(keywords)
        });
        let world = World::of(&[Traits::CLEAR]);
        let client: Client = world.client().with_endpoints(move |_, _| address);
        let outcome = client.deliver(world.plan("none"), &short());
        assert_eq!(summary(&outcome), "defer 451 4.4.2 8 nobody", "{label}");
        assert_eq!(peer.join().unwrap(), expected, "{label}");
    }
}

/// A peer that goes on answering yes after it has refused MAIL, or every recipient, gets a lone dot
/// and nothing of the message.
#[test]
fn p6_14_what_was_refused_is_not_sent() {
    #[rustfmt::skip]
    let rows: [Row; 8] = [
        ("5yz to MAIL", &[("*MAIL", "550 5.7.1 no\r\n")], "R", "bounce 550 5.7.1 - nobody", 1),
        ("4yz to MAIL", &[("*MAIL", "450 4.7.1 no\r\n")], "R", "defer 450 4.7.1 - nobody", 1),
        ("P6.14 R, the parameter", &[("*MAIL", "555 5.5.4 no\r\n")], "R", "bounce 550 5.7.30 14 sender", 1),
        ("5yz to RCPT", &[("*RCPT", "550 5.1.1 who?\r\n")], "R", "bounce 550 5.1.1 - nobody", 1),
        ("4yz to RCPT", &[("*RCPT", "450 4.2.0 later\r\n")], "R", "defer 450 4.2.0 - nobody", 1),
        ("and DATA is refused", &[("*MAIL", "550 5.7.1 no\r\n"), ("*DATA", "503 5.5.1 no\r\n")], "R", "bounce 550 5.7.1 - nobody", 0),
        ("and leaves", &[("*MAIL", "550 5.7.1 no\r\n"), ("*RCPT", DROP)], "R", "bounce 550 5.7.1 - nobody", 0),
        ("and takes the dot for a message", &[("*RCPT", "550 5.1.1 who?\r\n"), (MESSAGE, "250 taken\r\n")], "R", "bounce 550 5.1.1 - nobody", 1),
    ];
    for (label, instead, tag, expected, dots) in rows {
        let world = World::of(&[PIPELINING.with(instead)]);
        let outcome = world.deliver(tag);
        assert_eq!(summary(&outcome), expected, "{label}: {outcome:#?}");
        let received: Vec<Vec<u8>> = world.peers[0].seen()[0].messages.clone();
        assert_eq!(received, vec![b".\r\n".to_vec(); dots], "{label}");
    }
}

/// P6.14: a refused parameter that may go: RSET, and MAIL without it in the second batch.
#[test]
fn p6_14_again_in_a_second_batch() {
    let traits = Traits {
        tls: "TLSPOLICY MAY ENCRYPT SECURE,DSN",
        ..PIPELINING
    };
    let world =
        World::of(&[traits.with(&[("*MAIL FROM:<a@s.test> TLSPOLICY", "501 5.5.4 no\r\n")])]);
    let outcome = world.deliver("LE");
    assert_eq!(summary(&outcome), "go 250 2.0.0 - sender", "{outcome:#?}");
    let commands = world.peers[0].commands();
    let from = commands.iter().position(|c| c.contains("MAIL")).unwrap();
    let expected = [
        "*MAIL FROM:<a@s.test> TLSPOLICY=ENCRYPT",
        "*RCPT TO:<b@d.test>",
        "*DATA",
        "*RSET",
        "*MAIL FROM:<a@s.test> RET=HDRS",
        "*RCPT TO:<b@d.test>",
        "*DATA",
        "*QUIT",
    ];
    assert_eq!(commands[from..], expected);
    assert_eq!(world.messages(), 1);
}

/// Each recipient has its own reply, over the border of a batch too.
#[test]
fn many_recipients() {
    let world = World::of(&[PIPELINING.with(&[("*RCPT TO:<150@", "550 5.1.1 who?\r\n")])]);
    let to = (0..250).map(|n| path(&format!("{n}@d.test")));
    let message = Message::new(Envelope::new(path("a@s.test"), to), b"x\r\n".as_slice()).unwrap();
    let outcome = world.client().deliver(world.plan("R"), &message);
    for (n, recipient) in outcome.recipients.iter().enumerate() {
        let expected = if n == 150 { 550 } else { 250 };
        assert_eq!(recipient.reply.code, expected, "{n}");
    }
    assert_eq!(world.messages(), 1);
}

/// P6.8: each reply of a batch has a time of its own, and a peer that drips gains nothing.
#[test]
fn p6_8_a_batch_has_its_deadlines() {
    for at in ["*MAIL", "*RCPT", "*DATA"] {
        for how in [crate::peer::SILENCE, crate::peer::DRIP] {
            let instead: &'static [(&str, &str)] = Box::leak(Box::new([(at, how)]));
            let world = World::of(&[PIPELINING.with(instead)]);
            let client = world
                .client()
                .with_timeouts(Timeouts::all(Duration::from_millis(150)));
            let outcome = client.deliver(world.plan("R"), &short());
            assert_eq!(summary(&outcome), "defer 451 4.4.2 8 nobody", "{at} {how}");
            assert_eq!(world.messages(), 0);
        }
    }
}
