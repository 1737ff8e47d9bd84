//! What stands in the way of TLS.

use crate::client::{HOST, Stage, openssl, trusting};
use requiretls_testbed::{Peer, Tls};
use rustls::Error;

type Fits = fn(&Error) -> bool;

/// Rows 9, 11a, 10: the keyword, and the reply to STARTTLS.
#[test]
fn starttls_that_is_not_there() {
    #[rustfmt::skip]
    let table = [
        ("not offered (row 9)", Peer::good().no_starttls(), false, 502),
        ("stripped (row 9)", Peer::good().starttls_stripped(), false, 500),
        ("4yz (row 10)", Peer::good().starttls_refused("454 4.7.0 TLS not available"), true, 454),
        ("5yz (row 11a)", Peer::good().starttls_refused("554 5.7.3 No TLS"), true, 554),
    ];
    for (label, peer, offered, code) in table {
        let stage = Stage::new(peer);
        let mut client = stage.connect();
        client.reply();
        let keywords = client.ask("EHLO client.test").1;
        assert_eq!(
            keywords.contains(&"STARTTLS".to_owned()),
            offered,
            "{label}"
        );
        assert_eq!(client.ask("STARTTLS").0, code, "{label}");
        // The session goes on in clear.
        assert_eq!(client.ask("MAIL FROM:<s@s.test>").0, 250, "{label}");
        client.ask("QUIT");
        let session = stage.session();
        assert_eq!(session.lines[1], (false, "STARTTLS".to_owned()), "{label}");
        assert_eq!(session.offered_in_clear, keywords[1..], "{label}");
        assert_eq!(session.tls_version, None, "{label}");
        assert!(session.chain.is_empty(), "{label}");
    }
}

/// Row 11b, as rustls sees it.
#[test]
fn handshakes_that_fail() {
    let table: [(Tls, Fits, &str); 4] = [
        (
            Tls::Alert,
            |e| {
                matches!(
                    e,
                    Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)
                )
            },
            "Alert",
        ),
        (Tls::Close, |e| matches!(e, Error::General(_)), "Close"),
        (
            Tls::Garbage,
            |e| matches!(e, Error::InvalidMessage(_)),
            "Garbage",
        ),
        (
            Tls::Version11,
            |e| matches!(e, Error::PeerIncompatible(_)),
            "alert 70",
        ),
    ];
    for (tls, fits, failure) in table {
        let stage = Stage::new(Peer::good().tls(tls));
        let mut client = stage.connect();
        client.reply();
        client.ask("EHLO client.test");
        let error = client.starttls(&trusting(), HOST).err().unwrap();
        assert!(fits(&error), "{tls:?}: {error:?}");
        let session = stage.session();
        let seen = session.handshake_failure.unwrap();
        assert!(seen.contains(failure), "{tls:?}: {seen}");
        assert_eq!(session.tls_version, None, "{tls:?}");
        assert_eq!(session.lines.len(), 2, "{tls:?}");
    }
}

/// P10, row 11b, as OpenSSL sees it: 1.1 is below the floor, 1.2 is not.
#[test]
fn versions_by_openssl() {
    let old = Stage::new(Peer::good().tls(Tls::Version11));
    let seen = openssl(old.address(), &["-min_protocol", "TLSv1.2"]);
    assert!(seen.contains("unsupported protocol"), "{seen}");
    let failure = old.session().handshake_failure.unwrap();
    assert!(failure.contains("alert 70"), "protocol_version: {failure}");
    // A client that would take 1.1 gets 1.1, and then waits in vain for the rest.
    let willing = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let seen = openssl(old.address(), &willing);
    assert!(seen.contains("Protocol  : TLSv1.1"), "{seen}");
    assert!(seen.contains("unexpected eof"), "{seen}");

    let twelve = Stage::new(Peer::good().tls(Tls::Version12));
    let seen = openssl(twelve.address(), &[]);
    assert!(seen.contains("Protocol  : TLSv1.2"), "{seen}");
    let seen = openssl(twelve.address(), &["-tls1_3"]);
    assert!(seen.contains("protocol version"), "{seen}");
    let sessions = twelve.log.ended(2, crate::client::LONG);
    assert_eq!(sessions[0].tls_version.as_deref(), Some("TLS 1.2"));
    assert_eq!(sessions[1].tls_version, None);
}

/// RFC 3207 section 4.2: what came before TLS is no answer to what was asked inside.
#[test]
fn an_injected_reply_comes_with_the_220() {
    let injected = "250-mx.a.test\r\n250 REQUIRETLS\r\n";
    let stage = Stage::new(Peer::good().no_requiretls().injects(injected));
    let mut client = stage.connect();
    client.reply();
    client.ask("EHLO client.test");
    let mut client = client.starttls(&trusting(), HOST).unwrap();
    assert_eq!(client.buffer, injected.as_bytes(), "in the same segment");
    // A careless client believes that REQUIRETLS is offered inside TLS.
    assert_eq!(
        client.ask("EHLO client.test").1,
        ["mx.a.test", "REQUIRETLS"]
    );
    let true_reply = client.reply().1;
    assert!(
        !true_reply.contains(&"REQUIRETLS".to_owned()),
        "{true_reply:?}"
    );
    drop(client);
    assert!(
        !stage
            .session()
            .offered_in_tls
            .contains(&"REQUIRETLS".to_owned())
    );
}

/// What is sent behind STARTTLS in clear is forgotten by the peer too: nobody can speak for a client.
#[test]
fn nothing_in_clear_is_taken_into_tls() {
    let stage = Stage::new(Peer::good());
    let mut client = stage.connect();
    client.reply();
    client.ask("EHLO client.test");
    client.send("STARTTLS\r\nEHLO somebody.test\r\nMAIL FROM:<x@s.test>\r\n");
    assert_eq!(client.reply().0, 220);
    let mut client = client.handshake(&trusting(), HOST).unwrap();
    // EHLO must be said anew (RFC 3207 section 4.2).
    assert_eq!(client.ask("MAIL FROM:<s@s.test>").0, 503);
    assert_eq!(client.ask("STARTTLS").0, 503);
    client.ask("QUIT");
    let words: Vec<String> = stage.session().lines.into_iter().map(|(_, l)| l).collect();
    let expected = [
        "EHLO client.test",
        "STARTTLS",
        "MAIL FROM:<s@s.test>",
        "STARTTLS",
        "QUIT",
    ];
    assert_eq!(words, expected);
}
