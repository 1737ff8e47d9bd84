use super::*;

fn address() -> SocketAddr {
    "127.0.0.1:25".parse().unwrap()
}

#[test]
fn a_session_ends_with_its_record() {
    let log = SessionLog::default();
    let record = log.begin("mx.test", address());
    assert!(log.ended(1, Duration::from_millis(5)).is_empty());
    let writer = std::thread::spawn(move || {
        record.write(|s| s.lines.push((false, "EHLO a.test".to_owned())));
        panic!("on purpose: the end is seen all the same");
    });
    assert_eq!(log.ended(1, Duration::from_secs(10)).len(), 1);
    assert!(writer.join().is_err());
    assert_eq!(log.of("mx.test")[0].lines[0].1, "EHLO a.test");
    assert!(log.of("other.test").is_empty());
    assert!(log.since(1).is_empty());
}

/// The rule above all, for what a peer can see.
#[test]
fn leaks_are_found() {
    #[rustfmt::skip]
    let table: [(&str, bool, &str, &str, &[&str]); 14] = [
        ("R in clear (R4)", false, "MAIL FROM:<a@s.test> REQUIRETLS", "", &["REQUIRETLS"]),
        ("any case, other parameters", false, "mail from:<a@s.test> SIZE=1 requiretls", "", &["requiretls"]),
        ("draft form", false, "MAIL FROM:<a@s.test> REQUIRETLS=DANE", "", &["REQUIRETLS=DANE"]),
        ("level", false, "MAIL FROM:<a@s.test> TLSPOLICY=ENCRYPT", "", &["TLSPOLICY=ENCRYPT"]),
        ("a level that allows it (L10)", false, "MAIL FROM:<a@s.test> TLSPOLICY=MAY", "", &[]),
        ("inside TLS", true, "MAIL FROM:<a+1.secure@s.test> REQUIRETLS", "RequireTLS-Tag: 1.secure\r\n\r\n", &[]),
        ("tag in the path", false, "MAIL FROM:<a+1.secure.onward@s.test>", "", &["1.secure.onward"]),
        ("a downgrade (R14)", false, "MAIL FROM:<a+1.no@s.test>", "RequireTLS-Tag: 1.no\r\n\r\n", &[]),
        ("tag in the body", false, "MAIL FROM:<a@s.test>", "requiretls-tag:1.encrypt\r\n", &["1.encrypt"]),
        ("a tag that nobody can read (P6.15)", false, "MAIL FROM:<a@s.test>", "RequireTLS-Tag: !\r\n", &["!"]),
        ("not in the header (R13)", false, "MAIL FROM:<a@s.test>", "Subject: x\r\n\r\nRequireTLS-Tag: 1.secure\r\n", &[]),
        ("the word in a quoted path", false, "MAIL FROM:<\"> REQUIRETLS\"@s.test>", "", &[]),
        ("an escaped quote", false, "MAIL FROM:<\"\\\"> x\"@s.test> REQUIRETLS", "", &["REQUIRETLS"]),
        ("no tag at all", false, "MAIL FROM:<> BODY=8BITMIME", "Subject: x\r\n\r\nx\r\n", &[]),
    ];
    for (label, in_tls, line, body, expected) in table {
        let log = SessionLog::default();
        let record = log.begin("mx.test", address());
        let (return_path, mail_parameters) = split_path(strip_verb(line, "MAIL FROM:").unwrap());
        record.write(|session| {
            session.lines.push((in_tls, line.to_owned()));
            session.messages.push(Message {
                in_tls,
                return_path,
                mail_parameters,
                ..Message::default()
            });
        });
        record.message(|m| m.body.extend_from_slice(body.as_bytes()));
        let tags: Vec<String> = log.leaks().into_iter().map(|leak| leak.tag).collect();
        assert_eq!(tags, expected, "{label}");
    }
}
