//! Policy hosts.

use crate::client::strict;
use requiretls_testbed::{Certificate, PATH, Pki, REDIRECTED_PATH, Sts, StsServer, TOO_LONG};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConnection, Error, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

struct Stage {
    pki: Arc<Pki>,
    server: StsServer,
}

impl Stage {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let pki = Arc::new(Pki::new(since.as_secs()).unwrap());
        let address = "127.0.0.1:0".parse().unwrap();
        let server = StsServer::start(address, Arc::clone(&pki)).unwrap();
        Self { pki, server }
    }

    /// Head and body.
    fn get(&self, host: &str, path: &str) -> io::Result<(String, Vec<u8>)> {
        let stream = TcpStream::connect(self.server.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connection = ClientConnection::new(strict(self.pki.ca_der()), name).unwrap();
        let mut wire = StreamOwned::new(connection, stream);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        wire.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        wire.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        Ok((head, answer[end + 4..].to_vec()))
    }
}

const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 604800\r\n";

type Fits = fn(&Error) -> bool;

/// S6 to S9 and VP14: what each policy host answers.
#[test]
fn each_page_is_served() {
    let page = || Sts::enforce().mx("mx.a.test");
    #[rustfmt::skip]
    let table = [
        ("a policy (VP1)", page(), "200", "text/plain", POLICY.to_owned()),
        ("testing", Sts::testing().mx("*.a.test").max_age(9), "200", "text/plain",
            "version: STSv1\r\nmode: testing\r\nmx: *.a.test\r\nmax_age: 9\r\n".to_owned()),
        ("none (VP5)", Sts::none(), "200", "text/plain", "version: STSv1\r\nmode: none\r\nmax_age: 604800\r\n".to_owned()),
        ("moved", page().status(301), "301", "text/plain", POLICY.to_owned()),
        ("not there", page().status(404), "404", "text/plain", POLICY.to_owned()),
        ("another type", page().content_type("text/html"), "200", "text/html", POLICY.to_owned()),
        ("no policy", page().body(b"hello"), "200", "text/plain", "hello".to_owned()),
        ("dripping", page().drips(Duration::from_millis(1)), "200", "text/plain", POLICY.to_owned()),
    ];
    let stage = Stage::new();
    for (label, page, status, media_type, body) in table {
        stage.server.publish("a.test", page).unwrap();
        let (head, got) = stage.get("mta-sts.a.test", PATH).unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{label}: {head}"
        );
        assert!(
            head.contains(&format!("Content-Type: {media_type}\r\n")),
            "{label}: {head}"
        );
        assert_eq!(String::from_utf8(got).unwrap(), body, "{label}");
        if status == "301" {
            let moved = format!("Location: https://mta-sts.a.test{REDIRECTED_PATH}\r\n");
            assert!(head.contains(&moved), "{label}: {head}");
            let (head, got) = stage.get("mta-sts.a.test", REDIRECTED_PATH).unwrap();
            assert!(
                head.starts_with("HTTP/1.1 200 "),
                "a client that follows gets it: {head}"
            );
            assert_eq!(got, POLICY.as_bytes());
        }
    }
    stage.server.publish("a.test", page().too_long()).unwrap();
    let (_, got) = stage.get("mta-sts.a.test", PATH).unwrap();
    assert_eq!(got.len(), TOO_LONG);
    assert!(got.starts_with(POLICY.as_bytes()));
    let (head, _) = stage.get("mta-sts.a.test", "/").unwrap();
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");

    let start = Instant::now();
    let slow = page().slow(Duration::from_millis(200));
    stage.server.publish("a.test", slow).unwrap();
    stage.get("mta-sts.a.test", PATH).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));

    stage.server.publish("a.test", page().cut()).unwrap();
    let error = stage.get("mta-sts.a.test", PATH).unwrap_err();
    assert_eq!(
        error.kind(),
        io::ErrorKind::UnexpectedEof,
        "no end of TLS: {error}"
    );
}

/// One listener: certificate by server name, page by Host.
#[test]
fn many_domains_share_the_listener() {
    let stage = Stage::new();
    for (domain, certificate) in [
        ("a.test", Certificate::Good),
        ("b.test", Certificate::WrongName),
        ("c.test", Certificate::UnknownAuthority),
        ("d.test", Certificate::Expired),
    ] {
        let page = Sts::enforce().mx(domain).certificate(certificate);
        stage.server.publish(domain, page).unwrap();
    }
    let (_, body) = stage.get("mta-sts.a.test", PATH).unwrap();
    assert!(String::from_utf8(body).unwrap().contains("mx: a.test\r\n"));
    let table: [(&str, Fits); 4] = [
        ("b", |e| {
            is(e, |e| {
                matches!(e, CertificateError::NotValidForNameContext { .. })
            })
        }),
        ("c", |e| is(e, |e| *e == CertificateError::UnknownIssuer)),
        ("d", |e| {
            is(e, |e| matches!(e, CertificateError::ExpiredContext { .. }))
        }),
        ("nobody", |e| matches!(e, Error::AlertReceived(_))),
    ];
    for (domain, fits) in table {
        let error = stage
            .get(&format!("mta-sts.{domain}.test"), PATH)
            .unwrap_err();
        let error = error.downcast::<Error>().unwrap();
        assert!(fits(&error), "{domain}: {error:?}");
    }
    let requests = stage.server.requests();
    assert_eq!(requests.len(), 1, "the others had no chance to ask");
    assert_eq!(requests[0].sni.as_deref(), Some("mta-sts.a.test"));
    assert_eq!(
        (requests[0].host.as_str(), requests[0].path.as_str()),
        ("mta-sts.a.test", PATH)
    );
}

fn is(error: &Error, fits: fn(&CertificateError) -> bool) -> bool {
    matches!(error, Error::InvalidCertificate(e) if fits(e))
}
