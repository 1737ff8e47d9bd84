//! Standard input and output, as Exim and Sendmail start the program.

use crate::office::{Office, Running, link, one_message};
use std::io::{BufRead, BufReader, Write};
use std::process::Command;
use std::time::Duration;

#[test]
fn each_recipient_has_what_its_next_hop_allows() {
    let office = Office::open("");
    let recipients = [
        "b@good.test",
        "b@no-starttls.test",
        "b@no-requiretls.test",
        "b@rcpt-550.test",
        "b@data-451.test",
        "b@nowhere.test",
        "b@[127.0.0.1]",
        "b@drops-dot.test",
    ];
    let content = "Subject: x\r\n\r\n..and so on\r\n";
    let said = one_message(&recipients, content);
    let (replies, told) = office.pipe(&["--tag=1.secure.onward"], &said);
    let expected = [
        ("R27", "250 2."),
        ("VX30, P6.9", "550 5.7.10 "),
        ("R25, P6.13", "550 5.7.30 "),
        ("the peer's own word", "550 5.1.1 "),
        ("the peer's own word", "451 4.3.0 "),
        ("P6.2", "550 5.1.2 "),
        ("P12", "550 5.1.2 "),
        ("RFC 1047: nobody knows", "451 4.4.2 "),
    ];
    // Greeting, LHLO, MAIL, eight RCPT, DATA; QUIT is behind them.
    let behind = &replies[12..];
    assert_eq!(behind.len(), 9, "{replies:#?}");
    for ((label, code), reply) in expected.iter().zip(behind) {
        assert!(reply.starts_with(code), "{label}: {reply}\n{told}");
    }
    let sessions = office.world.sessions().of("mx.good.test");
    let message = &sessions[0].messages[0];
    assert!(message.in_tls && message.taken);
    assert!(
        message.mail_parameters.contains(&"REQUIRETLS".to_owned()),
        "{message:?}"
    );
    assert_eq!(message.recipients, ["b@good.test"]);
    assert_eq!(message.body, b"Subject: x\r\n\r\n.and so on\r\n");
    for line in [
        "message=1.1 action=go next_hop=good.test host=mx.good.test",
        "message=1.1 action=bounce next_hop=no-starttls.test",
        "message=1.1 action=bounce next_hop=rcpt-550.test host=mx.rcpt-550.test",
        "message=1.1 action=defer next_hop=drops-dot.test host=mx.drops-dot.test",
        "after the message was sent: it may have been taken (possible duplicate)\"",
        "message=1.1 from=<anna@sender.test> to=<b@no-requiretls.test> octets=26 tag=R code=550 enhanced=5.7.30 reason=",
        "connection=1 listener=pipe messages=1 ended=closed tls=none",
    ] {
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
    let gone = |line: &&str| line.contains(" action=go ");
    assert_eq!(told.lines().filter(gone).count(), 1, "{told}");
}

#[test]
fn what_the_command_line_says() {
    let office = Office::open("[lmtp_listener.\"pipe\"]\ntag_field = \"X-Tag\"\n");
    let content = "X-Tag: 1.secure.onward\r\nSubject: x\r\n\r\nx\r\n";
    let plain = "Subject: x\r\n\r\nx\r\n";
    let no = "TLS-Required: No\r\n\r\nx\r\n";
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &str, &str, &str); 10] = [
        ("nothing is asked", &[], "b@no-starttls.test", plain, "250 2."),
        ("H", &[], "b@stripped.test", no, "250 2."),
        ("a tag", &["--tag", "1.secure.onward"], "b@no-starttls.test", plain, "550 5.7.10 "),
        ("an empty tag", &["--tag="], "b@no-starttls.test", plain, "250 2."),
        ("P6.15", &["--tag=1.high"], "b@good.test", plain, "451 4.3.0 "),
        ("a field", &[], "b@no-starttls.test", content, "550 5.7.10 "),
        ("a field and a tag that asks less", &["--tag=1.may"], "b@no-starttls.test", content, "550 5.7.10 "),
        ("a route", &["--route", "good.test"], "postmaster", plain, "250 2."),
        ("another route", &["--route=no-starttls.test"], "b@good.test", content, "550 5.7.10 "),
        ("P6.2", &["--route=nowhere.test"], "b@good.test", plain, "550 5.1.2 "),
    ];
    for (label, words, recipient, content, expected) in rows {
        let (replies, told) = office.pipe(words, &one_message(&[recipient], content));
        let refused_at_mail = replies.len() != 7;
        let reply = if refused_at_mail {
            &replies[2]
        } else {
            &replies[5]
        };
        assert!(reply.starts_with(expected), "{label}: {replies:#?}\n{told}");
    }
}

#[test]
fn one_message_for_each_run_but_with_reuse() {
    let office = Office::open("");
    let message = one_message(&["b@good.test"], "x: y\r\n\r\n").replace("QUIT\r\n", "RSET\r\n");
    let said = message.clone() + &message.replace("LHLO client.test\r\n", "") + "QUIT\r\n";
    let (replies, _) = office.pipe(&[], &said);
    assert_eq!(replies.len(), 7, "{replies:#?}");
    assert!(replies[6].starts_with("421 4.3.2 "), "{replies:#?}");
    let (replies, told) = office.pipe(&["--reuse"], &said);
    assert_eq!(replies.len(), 13, "{replies:#?}");
    assert!(replies[10].starts_with("250 2."), "{replies:#?}");
    assert!(told.contains("messages=2"), "{told}");
    // The second one rode on the first one's connection.
    let sessions = office.world.sessions().of("mx.good.test");
    let messages: Vec<usize> = sessions.iter().map(|s| s.messages.len()).collect();
    assert_eq!(messages, [1, 2]);
}

/// A mail server's command line may name the program by the link that is installed for it.
#[test]
fn by_its_other_name() {
    let office = Office::open("");
    let name = office.path("requiretls-lmtp");
    link(&name);
    let command = office.command(&[]);
    let words: Vec<_> = command.get_args().skip(1).collect();
    let output = Command::new(&name).args(words).output().unwrap();
    let greeting = String::from_utf8(output.stdout).unwrap();
    assert!(
        greeting.starts_with("220 ") && greeting.ends_with(" LMTP\r\n"),
        "{greeting}"
    );
}

#[test]
fn a_signal_ends_a_run_that_waits() {
    let office = Office::open("");
    for signal in ["-TERM", "-INT"] {
        let mut child = Running(office.command(&[]).spawn().unwrap());
        let mut replies = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let mut stdin = child.0.stdin.take().unwrap();
        stdin.write_all(b"LHLO x\r\n").unwrap();
        let is_last = |line: &String| line.starts_with("250 ");
        assert!(replies.by_ref().map_while(Result::ok).any(|l| is_last(&l)));
        let (status, told) = child.end(signal);
        assert!(status.success(), "{told}");
        let last = replies.next().unwrap().unwrap();
        assert!(last.starts_with("421 4.3.2 "), "{signal}: {last}");
    }
}

/// Killed between the final dot and the reply: nothing was acknowledged.
#[test]
fn what_was_not_acknowledged_is_not_lost() {
    let office = Office::open("");
    let mut child = Running(office.command(&[]).spawn().unwrap());
    let mut stdin = child.0.stdin.take().unwrap();
    let said = one_message(&["b@hangs-dot.test"], "x: y\r\n\r\n");
    stdin.write_all(said.as_bytes()).unwrap();
    let log = office.world.sessions();
    let is_there = || {
        let sessions = log.of("mx.hangs-dot.test");
        sessions
            .iter()
            .any(|s| s.messages.iter().any(|m| m.complete))
    };
    crate::office::until("the message is at the peer", is_there);
    std::thread::sleep(Duration::from_millis(50));
    child.0.kill().unwrap();
    let output = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let replies: Vec<String> = output.map_while(Result::ok).collect();
    assert!(replies.last().unwrap().starts_with("354 "), "{replies:#?}");
}

/// A mail server does not wait for ever, and what it no longer waits for would arrive twice.
#[test]
fn a_message_has_its_answers_in_time() {
    let office = Office::open("[lmtp]\nanswer_seconds = 1\n");
    let said = one_message(&["b@hangs-mail.test", "b@good.test"], "x: y\r\n\r\n");
    let (replies, told) = office.pipe(&[], &said);
    assert!(replies[6].starts_with("451 4.4."), "{replies:#?}\n{told}");
    assert!(replies[7].starts_with("250 2."), "{replies:#?}\n{told}");
}
