//! Keywords, parameters and refusals.

use crate::client::{HOST, LONG, Stage};
use requiretls_testbed::{Message, Peer, Step};

/// One whole session, and every word of it on record.
#[test]
fn a_good_peer_takes_a_message() {
    let stage = Stage::new(Peer::good());
    let mut client = stage.inside();
    assert_eq!(
        client
            .ask("MAIL FROM:<s@s.test> REQUIRETLS SIZE=10 RET=HDRS")
            .0,
        250
    );
    assert_eq!(client.ask("RCPT TO:<one@a.test> NOTIFY=NEVER").0, 250);
    assert_eq!(client.ask("RCPT TO:<two@a.test>").0, 250);
    assert_eq!(client.ask("DATA").0, 354);
    assert_eq!(
        client
            .ask("RequireTLS-Tag: 1.secure.onward\r\n\r\n..dot\r\n.")
            .0,
        250
    );
    // A second message on the same connection.
    client.send("MAIL FROM:<>\r\nRCPT TO:<one@a.test>\r\nDATA\r\n");
    let codes: Vec<u16> = (0..3).map(|_| client.reply().0).collect();
    assert_eq!(codes, [250, 250, 354], "pipelined (RFC 2920)");
    assert_eq!(client.ask(".").0, 250);
    assert_eq!(client.ask("QUIT").0, 221);
    let session = stage.session();
    let lines: Vec<(bool, &str)> = session
        .lines
        .iter()
        .map(|(t, l)| (*t, l.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (false, "EHLO client.test"),
            (false, "STARTTLS"),
            (true, "EHLO client.test"),
            (true, "MAIL FROM:<s@s.test> REQUIRETLS SIZE=10 RET=HDRS"),
            (true, "RCPT TO:<one@a.test> NOTIFY=NEVER"),
            (true, "RCPT TO:<two@a.test>"),
            (true, "DATA"),
            (true, "MAIL FROM:<>"),
            (true, "RCPT TO:<one@a.test>"),
            (true, "DATA"),
            (true, "QUIT"),
        ]
    );
    let first = Message {
        in_tls: true,
        return_path: "s@s.test".to_owned(),
        mail_parameters: ["REQUIRETLS", "SIZE=10", "RET=HDRS"]
            .map(str::to_owned)
            .into(),
        recipients: ["one@a.test", "two@a.test"].map(str::to_owned).into(),
        body: b"RequireTLS-Tag: 1.secure.onward\r\n\r\n.dot\r\n".to_vec(),
        complete: true,
        taken: true,
    };
    assert_eq!(session.messages[0], first);
    assert_eq!(first.tag().as_deref(), Some("1.secure.onward"));
    assert_eq!(session.messages[1].return_path, "");
    assert_eq!(session.messages.len(), 2);
    assert_eq!(
        (session.peer.as_str(), session.address),
        (HOST, stage.address())
    );
    assert_eq!(session.tls_version.as_deref(), Some("TLS 1.3"));
    assert_eq!(session.sni.as_deref(), Some(HOST));
    assert_eq!(session.chain, stage.peer.credential().chain());
    assert_eq!(session.handshake_failure, None);
    let word = "REQUIRETLS".to_owned();
    assert!(session.offered_in_tls.contains(&word) && !session.offered_in_clear.contains(&word));
    assert!(session.offered_in_clear.contains(&"STARTTLS".to_owned()));
    assert!(!session.offered_in_tls.contains(&"STARTTLS".to_owned()));
    assert!(session.ended);
    assert!(stage.log.leaks().is_empty());
}

/// What is offered where, and what is taken.
#[test]
fn keywords_and_parameters() {
    #[rustfmt::skip]
    let table: [(&str, Peer, &str, u16, &str, u16); 14] = [
        // label, peer, MAIL in clear, its reply, MAIL inside TLS, its reply
        ("good (R4, R7)", Peer::good(), "REQUIRETLS", 530, "REQUIRETLS", 250),
        ("no value (R2)", Peer::good(), "", 250, "REQUIRETLS=CHAIN", 501),
        ("none (VX14)", Peer::good().no_requiretls(), "REQUIRETLS", 555, "REQUIRETLS", 555),
        ("before TLS only (VX15)", Peer::good().requiretls_before_tls_only(), "REQUIRETLS", 250, "REQUIRETLS", 555),
        ("draft (F12)", Peer::good().draft(), "", 250, "REQUIRETLS=CHAIN,DANE", 250),
        ("level (L13)", Peer::good().tlspolicy(), "TLSPOLICY=SECURE", 530, "TLSPOLICY=ENCRYPT", 250),
        ("no level", Peer::good(), "TLSPOLICY=MAY", 555, "TLSPOLICY=MAY", 555),
        ("refused (row 14)", Peer::good().refuses_parameter("555 5.5.4 Unknown"), "", 250, "REQUIRETLS", 555),
        ("refused (row 14, 5.7.30)", Peer::good().refuses_parameter("550 5.7.30 Not for you"), "", 250, "REQUIRETLS", 550),
        ("refused, MAIL without it (row 14)", Peer::good().refuses_parameter("555 5.5.4 Unknown"), "", 250, "SIZE=1", 250),
        ("insists on TLS (row 16)", Peer::good().insists_on_tls(), "", 530, "", 250),
        ("no DSN (R28)", Peer::good().no_dsn(), "RET=HDRS", 555, "RET=HDRS", 555),
        ("no message at all", Peer::good().answers(Step::Mail, None, "451 4.3.0 No"), "", 451, "REQUIRETLS", 451),
        ("any case", Peer::good(), "size=1 body=8BITMIME", 250, "requiretls ret=HDRS", 250),
    ];
    for (label, peer, in_clear, first, in_tls, second) in table {
        let stage = Stage::new(peer);
        let mut client = stage.connect();
        client.reply();
        client.ask("EHLO client.test");
        let reply = client.ask(&format!("MAIL FROM:<s@s.test> {in_clear}"));
        assert_eq!(reply.0, first, "{label}, in clear: {reply:?}");
        client.ask("QUIT");
        let mut client = stage.inside();
        let reply = client.ask(&format!("MAIL FROM:<s@s.test> {in_tls}"));
        assert_eq!(reply.0, second, "{label}, inside TLS: {reply:?}");
        client.ask("QUIT");
        let sessions = stage.log.ended(2, LONG);
        assert_eq!(
            sessions[0].messages.len(),
            usize::from(first == 250),
            "{label}"
        );
        assert_eq!(
            sessions[1].messages.len(),
            usize::from(second == 250),
            "{label}"
        );
        let leaks = in_clear.contains("REQUIRETLS") || in_clear.contains("TLSPOLICY=S");
        assert_eq!(stage.log.leaks().len(), usize::from(leaks), "{label}");
    }
}

/// Rows 8, 8a, 9, 10, 13: refusals of greeting and EHLO.
#[test]
fn greetings_and_ehlo() {
    let stage = Stage::new(Peer::good().greets("421 4.3.2 Not now"));
    let mut client = stage.connect();
    assert_eq!(client.reply().0, 421);
    assert!(client.try_reply().is_err(), "closed");

    let stage = Stage::new(Peer::good().greets("554 5.3.2 Never"));
    let mut client = stage.connect();
    assert_eq!(client.reply().0, 554);
    assert_eq!(client.ask("EHLO client.test").0, 503);
    assert_eq!(client.ask("QUIT").0, 221);
    assert_eq!(stage.session().lines.len(), 2);

    let stage = Stage::new(Peer::good().ehlo_refused("502 5.5.1 No"));
    let mut client = stage.connect();
    client.reply();
    assert_eq!(client.ask("EHLO client.test").0, 502);
    assert_eq!(client.ask("HELO client.test").0, 250);
    assert_eq!(client.ask("MAIL FROM:<s@s.test>").0, 250);

    for (code, reply) in [(451, "451 4.3.0 Later"), (502, "502 5.5.1 No")] {
        let stage = Stage::new(Peer::good().ehlo_in_tls_refused(reply));
        let mut client = stage.connect();
        client.reply();
        client.ask("EHLO client.test");
        let mut client = client.starttls(&crate::client::trusting(), HOST).unwrap();
        assert_eq!(client.ask("EHLO client.test").0, code);
        assert_eq!(client.ask("HELO client.test").0, 250);
        // Nothing counts as offered.
        assert_eq!(client.ask("MAIL FROM:<s@s.test> REQUIRETLS").0, 555);
        assert_eq!(client.ask("MAIL FROM:<s@s.test>").0, 250);
        client.ask("QUIT");
        assert!(stage.session().offered_in_tls.is_empty());
    }

    let stage = Stage::new(Peer::good().long_ehlo(5_000));
    let mut client = stage.connect();
    client.reply();
    assert_eq!(client.ask("EHLO client.test").1.len(), 5_007);
}

#[test]
fn commands_out_of_order_or_shape() {
    let stage = Stage::new(Peer::good());
    let mut client = stage.connect();
    client.reply();
    #[rustfmt::skip]
    let table = [
        ("MAIL FROM:<s@s.test>", 503), ("RCPT TO:<r@a.test>", 503), ("DATA", 503),
        ("EHLO client.test", 250), ("MAIL", 501), ("MAIL TO:<s@s.test>", 501), ("MAIL FROM:s@s.test", 501),
        ("MAIL FROM:<s@s.test>", 250), ("MAIL FROM:<s@s.test>", 503), ("RCPT <r@a.test>", 501),
        ("RCPT TO:<r@a.test> REQUIRETLS", 555), ("DATA", 554), ("NOOP", 250), ("BDAT 3 LAST", 500),
        ("RCPT TO:<r@a.test>", 250), ("RSET", 250), ("DATA", 503), ("QUIT", 221),
    ];
    for (line, code) in table {
        let reply = client.ask(line);
        assert_eq!(reply.0, code, "{line}: {reply:?}");
    }
}

#[test]
fn recipients_and_the_final_reply() {
    let stage = Stage::new(Peer::good());
    let mut client = stage.inside();
    client.ask("MAIL FROM:<s@s.test> REQUIRETLS");
    for n in 0..500 {
        assert_eq!(client.ask(&format!("RCPT TO:<r{n}@a.test>")).0, 250);
    }
    drop(client);
    assert_eq!(stage.session().messages[0].recipients.len(), 500);

    let stage = Stage::new(Peer::good().recipient_limit(2));
    let mut client = stage.inside();
    client.ask("MAIL FROM:<s@s.test>");
    let codes = ["a", "b", "c"].map(|r| client.ask(&format!("RCPT TO:<{r}@a.test>")).0);
    assert_eq!(codes, [250, 250, 452]);
    assert_eq!(client.ask("RSET").0, 250);
    assert_eq!(client.ask("DATA").0, 503);

    let refusing = Peer::good().answers(Step::Rcpt, None, "550 5.1.1 Unknown");
    let stage = Stage::new(refusing);
    let mut client = stage.inside();
    client.ask("MAIL FROM:<s@s.test>");
    assert_eq!(client.ask("RCPT TO:<x@a.test>").0, 550);
    assert_eq!(client.ask("DATA").0, 554, "no valid recipients");

    let full = Peer::good().answers(Step::Dot, None, "452 4.3.1 Full");
    let stage = Stage::new(full);
    let mut client = stage.inside();
    for line in ["MAIL FROM:<s@s.test>", "RCPT TO:<x@a.test>", "DATA"] {
        client.ask(line);
    }
    assert_eq!(client.ask("text\r\n.").0, 452);
    client.ask("QUIT");
    let session = stage.session();
    let message = &session.messages[0];
    assert!(message.complete && !message.taken);
}

/// What a client may not do, and does.
#[test]
fn what_comes_ahead_is_refused() {
    for (label, peer, said, ahead) in [
        (
            "RFC 2920",
            Peer::good(),
            "RSET\r\nMAIL FROM:<a@s.test>\r\nRCPT TO:<b@a.test>\r\nDATA\r\n",
            false,
        ),
        (
            "not offered",
            Peer::good().no_pipelining(),
            "MAIL FROM:<a@s.test>\r\nRCPT TO:<b@a.test>\r\n",
            true,
        ),
        (
            "EHLO ends a group",
            Peer::good(),
            "EHLO c.test\r\nMAIL FROM:<a@s.test>\r\n",
            true,
        ),
    ] {
        let stage = Stage::new(peer);
        let mut client = stage.inside();
        client.send(said);
        let replies: Vec<u16> = said.lines().map(|_| client.reply().0).collect();
        assert_eq!(replies.contains(&503), ahead, "{label}: {replies:?}");
        drop(client);
        assert_eq!(stage.session().ahead, ahead, "{label}");
    }
}

/// RFC 3030, RFC 1870.
#[test]
fn chunks_and_sizes() {
    let stage = Stage::new(Peer::good().chunking().size_limit(6).one_message());
    let mut client = stage.inside();
    assert_eq!(client.ask("MAIL FROM:<a@s.test> SIZE=7").0, 552);
    assert_eq!(client.ask("MAIL FROM:<a@s.test> SIZE=6").0, 250);
    assert_eq!(client.ask("RCPT TO:<b@a.test>").0, 250);
    client.send("BDAT 4\r\n.\r\na");
    assert_eq!(client.reply().0, 250);
    client.send("BDAT 2 LAST\r\n\r\n");
    assert_eq!(client.reply().0, 250);
    let session = stage.session();
    assert_eq!(session.messages[0].body, b".\r\na\r\n");
    assert!(session.messages[0].taken);

    let stage = Stage::new(Peer::good().size_limit(6));
    let mut client = stage.inside();
    assert_eq!(client.ask("MAIL FROM:<a@s.test>").0, 250);
    assert_eq!(client.ask("RCPT TO:<b@a.test>").0, 250);
    assert_eq!(client.ask("BDAT 1 LAST").0, 500, "not offered");
    let stage = Stage::new(Peer::good().size_limit(6));
    let mut client = stage.inside();
    assert_eq!(client.ask("MAIL FROM:<a@s.test>").0, 250);
    assert_eq!(client.ask("RCPT TO:<b@a.test>").0, 250);
    assert_eq!(client.ask("DATA").0, 354);
    assert_eq!(client.ask("0123456\r\n.").0, 552);
    drop(client);
    assert!(!stage.session().messages[0].taken);
}
