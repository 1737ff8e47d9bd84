//! Is a client by TCP inside TLS, and only then?

use crate::desk::{Client, Desk, code, terms};
use requiretls_transport::lmtp::{Limits, Terms};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, StreamOwned};
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

fn tcp() -> Terms {
    let made = rcgen::generate_simple_self_signed(["lmtp.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    Terms {
        carry: false,
        tls: Some(Arc::new(config)),
        ..terms()
    }
}

fn inside(client: Client) -> Client<StreamOwned<ClientConnection, UnixStream>> {
    let config = requiretls_testbed::trusting().unwrap();
    let name = ServerName::try_from("lmtp.test").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    Client(StreamOwned::new(tls, client.0))
}

#[test]
fn tls_makes_the_difference() {
    let mut desk = Desk::open(tcp());
    desk.client.reply();
    let offered = desk.client.say("LHLO x");
    assert!(
        offered.contains("STARTTLS") && !offered.contains("REQUIRETLS"),
        "R5"
    );
    let mail = "MAIL FROM:<a@b.test> REQUIRETLS";
    assert_eq!(desk.client.code(mail), "530 5.7.10", "R4");
    assert_eq!(desk.client.code("STARTTLS"), "220 2.0.0");
    let mut client = inside(desk.client);
    let early = client.code("MAIL FROM:<a@b.test>");
    assert_eq!(early, "503 5.5.1", "RFC 3207 4.2: LHLO again");
    let offered = client.say("LHLO x");
    assert!(
        !offered.contains("STARTTLS") && offered.contains("REQUIRETLS"),
        "R5"
    );
    assert_eq!(client.code("STARTTLS"), "503 5.5.1");
    let content = "and so on, and so on\r\n".repeat(20_000);
    let reply = client.message("<a@b.test> REQUIRETLS", "c@d.test", &content);
    assert_eq!(code(&reply), "250 2.1.5");
    let carried = desk.notes.lock().unwrap().clone();
    assert_eq!(carried[0].tag, "1.secure.onward", "R7");
    assert!(carried[0].content == content.as_bytes());
}

/// What came in clear behind STARTTLS must not count inside TLS.
#[test]
fn nothing_is_smuggled_into_tls() {
    let mut desk = Desk::open(tcp());
    desk.client.reply();
    desk.client.say("LHLO x");
    desk.client
        .send("STARTTLS\r\nLHLO y\r\nMAIL FROM:<evil@b.test> REQUIRETLS\r\n");
    assert_eq!(code(&desk.client.reply()), "501 5.5.2");
    assert_eq!(desk.client.reply(), "");
}

#[test]
fn a_handshake_that_fails_ends_the_connection() {
    let limits = Limits {
        handshake: Duration::from_millis(100),
        ..terms().limits
    };
    let junk = "no TLS at all\r\n".repeat(100);
    for (label, sent) in [("junk", junk.as_str()), ("nothing", "")] {
        let mut desk = Desk::open(Terms {
            limits: limits.clone(),
            ..tcp()
        });
        desk.client.reply();
        desk.client.say("LHLO x");
        desk.client.say("STARTTLS");
        desk.client.send(sent);
        // An alert may come, and nothing that is a reply.
        let mut last = Vec::new();
        let _ = desk.client.0.read_to_end(&mut last);
        assert!(!last.starts_with(b"2"), "{label}: {last:?}");
        desk.server.join().unwrap();
    }
}

#[test]
fn starttls_not_within_a_message() {
    let mut desk = Desk::greeted(tcp());
    desk.client.envelope("<a@b.test>", &["c@d.test"]);
    assert_eq!(desk.client.code("STARTTLS"), "503 5.5.1");
}
