//! Where does mail go whose next hop is of no interest?

use rcgen::{CertifiedKey, KeyPair};
use rustls::crypto::ring;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivateKeyDer;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Takes every message, and counts their octets.
pub(crate) fn sink(listener: UnixListener, sunk: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let sunk = Arc::clone(&sunk);
            thread(move || swallow(client, &sunk, Stage::Clear).map(drop));
        }
    });
}

/// The same inside TLS; says at which port.
pub(crate) fn tls_sink(made: &CertifiedKey<KeyPair>, sunk: Arc<AtomicU64>) -> u16 {
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (sunk, config) = (Arc::clone(&sunk), Arc::clone(&config));
            thread(move || {
                let client = swallow(client, &sunk, Stage::BeforeTls)?;
                let tls = ServerConnection::new(config).map_err(io::Error::other)?;
                swallow(StreamOwned::new(tls, client), &sunk, Stage::InsideTls).map(drop)
            });
        }
    });
    port
}

/// What a client is offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Clear,
    BeforeTls,
    InsideTls,
}

/// A client that is gone is no failure of this side.
fn thread(serve: impl FnOnce() -> io::Result<()> + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(move || drop(serve())).unwrap();
}

/// Until the client leaves, or TLS begins.
fn swallow<S: Read + Write>(client: S, sunk: &AtomicU64, at: Stage) -> io::Result<S> {
    let mut lines = BufReader::with_capacity(65_536, client);
    if at != Stage::InsideTls {
        lines.get_mut().write_all(b"220 sink ESMTP\r\n")?;
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(lines.into_inner());
        }
        let reply = match line.get(..4).unwrap_or_default() {
            b"EHLO" | b"LHLO" if at == Stage::BeforeTls => {
                "250-sink\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
            }
            b"EHLO" | b"LHLO" => "250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n",
            b"STAR" => {
                lines.get_mut().write_all(b"220 go on\r\n")?;
                return Ok(lines.into_inner());
            }
            b"DATA" => {
                let client = lines.get_mut();
                client.write_all(b"354 go on\r\n")?;
                client.flush()?;
                while line != b".\r\n" {
                    line.clear();
                    let read = lines.read_until(b'\n', &mut line)?;
                    sunk.fetch_add(u64::try_from(read).unwrap(), Ordering::Relaxed);
                }
                "250 2.0.0 gone\r\n"
            }
            b"QUIT" => "221 2.0.0 bye\r\n",
            _ => "250 2.0.0 ok\r\n",
        };
        lines.get_mut().write_all(reply.as_bytes())?;
        lines.get_mut().flush()?;
    }
}
