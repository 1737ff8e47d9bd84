//! Has each recipient exactly one reply?

use crate::desk::{Desk, Notes, code, terms};
use requiretls_core::reply::{Enhanced, Reply};

#[test]
fn one_for_each_in_their_order() {
    let mut desk = Desk::greeted(terms());
    let client = &mut desk.client;
    client.envelope("<a@b.test>", &["ok@d.test", "451-4.7.5@d.test"]);
    assert_eq!(client.code("RCPT TO:<postmaster>"), "550 5.1.3");
    // RFC 2033 section 4.2: also for one that was named twice.
    for recipient in ["550-5.7.30@e.test", "ok@d.test"] {
        client.say(&format!("RCPT TO:<{recipient}>"));
    }
    client.say("DATA");
    client.send(b"x\r\n.\r\nNOOP\r\n");
    let replies: Vec<String> = (0..5).map(|_| client.reply()).collect();
    let expected = [
        "250 2.1.5 ok@d.test",
        "451 4.7.5 451-4.7.5@d.test",
        "550 5.7.30 550-5.7.30@e.test",
        "250 2.1.5 ok@d.test",
        "250 2.0.0 nothing done",
    ];
    assert_eq!(replies, expected);
}

/// Whatever goes wrong behind the desk, the message stays in the client's queue.
#[test]
fn a_fault_behind_the_desk_delays() {
    fn fewer(_: usize) -> Vec<Reply> {
        vec![Reply::new(250, Enhanced(2, 0, 0), "ok")]
    }
    fn panics(_: usize) -> Vec<Reply> {
        panic!("a fault that this test plants");
    }
    fn more(count: usize) -> Vec<Reply> {
        vec![Reply::new(250, Enhanced(2, 0, 0), "ok"); count + 1]
    }
    fn odd(count: usize) -> Vec<Reply> {
        vec![Reply::new(354, Enhanced(3, 0, 0), "go on"); count]
    }
    type Carry = fn(usize) -> Vec<Reply>;
    for (label, carry) in [
        ("too few replies", fewer as Carry),
        ("too many", more),
        ("a panic", panics),
        ("no final reply", odd),
    ] {
        let mut desk = Desk::with(terms(), Notes::default(), move |request| {
            carry(request.envelope.recipients.len())
        });
        desk.client.reply();
        desk.client.say("LHLO x");
        desk.client
            .envelope("<a@b.test>", &["1@d.test", "2@d.test"]);
        desk.client.say("DATA");
        desk.client.send(b"x\r\n.\r\n");
        for _ in 0..2 {
            assert_eq!(code(&desk.client.reply()), "451 4.3.0", "{label}");
        }
        assert_eq!(desk.client.code("NOOP"), "250 2.0.0", "{label}: it goes on");
    }
}
