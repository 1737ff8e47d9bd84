//! Who hands the messages over? Threads that have them ready.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ffi_tests::{Failure, Result, Servers};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::receiver::Receiver;
use crate::{Figures, Load, NAME, RECEIVER, Way, content};

/// Hands all of them to an LMTP socket.
pub(crate) fn by_lmtp(load: &Load, socket: &Path) -> Result<()> {
    shared(load, || {
        let mut wire = BufReader::new(UnixStream::connect(socket)?);
        expect(&mut wire, "2")?;
        say(&mut wire, "LHLO queue.test\r\n")?;
        expect(&mut wire, "2")?;
        Ok(wire)
    })
}

/// What the receiver can take, from a client that does nothing else, over connections that are kept.
pub(crate) fn ceiling(servers: &Servers, receiver: &Receiver, load: &Load) -> Result<Figures> {
    let config = client(&receiver.authority)?;
    servers.within(|| match load.way {
        Way::Clear => shared(load, greet),
        Way::TlsNew | Way::TlsReused => shared(load, || {
            let mut clear = greet()?;
            say(&mut clear, "STARTTLS\r\n")?;
            expect(&mut clear, "2")?;
            let name = ServerName::try_from(NAME)?;
            let tls = ClientConnection::new(Arc::clone(&config), name)?;
            let mut wire = BufReader::new(StreamOwned::new(tls, clear.into_inner()));
            say(&mut wire, "EHLO feeder.test\r\n")?;
            expect(&mut wire, "2")?;
            Ok(wire)
        }),
    })??;
    let (span, connections) = receiver.wait(load.messages)?;
    Ok(Figures {
        span,
        cpu: Duration::ZERO,
        connections,
    })
}

fn greet() -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect((RECEIVER, 25))?;
    stream.set_nodelay(true)?;
    let mut wire = BufReader::new(stream);
    expect(&mut wire, "2")?;
    say(&mut wire, "EHLO feeder.test\r\n")?;
    expect(&mut wire, "2")?;
    Ok(wire)
}

fn client(authority: &str) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let der = CertificateDer::from_pem_slice(authority.as_bytes());
    roots.add(der.map_err(|error| Failure::new(format!("{error:?}")))?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Each session takes the next message until there is none.
fn shared<S: Read + Write>(
    load: &Load,
    open: impl Fn() -> Result<BufReader<S>> + Sync,
) -> Result<()> {
    let (begun, content) = (AtomicUsize::new(0), content(load.size));
    std::thread::scope(|scope| {
        let session = || -> Result<()> {
            let mut wire = open()?;
            while begun.fetch_add(1, Ordering::SeqCst) < load.messages {
                say(
                    &mut wire,
                    "MAIL FROM:<ann@client.test>\r\nRCPT TO:<bert@bench.test>\r\nDATA\r\n",
                )?;
                expect(&mut wire, "2")?;
                expect(&mut wire, "2")?;
                expect(&mut wire, "3")?;
                wire.get_mut().write_all(content.as_bytes())?;
                say(&mut wire, ".\r\n")?;
                expect(&mut wire, "2")?;
            }
            say(&mut wire, "QUIT\r\n")?;
            expect(&mut wire, "2")
        };
        let sessions: Vec<_> = (0..load.sessions).map(|_| scope.spawn(session)).collect();
        for ended in sessions {
            ended
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(())
    })
}

fn say<S: Read + Write>(wire: &mut BufReader<S>, text: &str) -> Result<()> {
    wire.get_mut().write_all(text.as_bytes())?;
    Ok(wire.get_mut().flush()?)
}

fn expect<S: Read>(wire: &mut BufReader<S>, code: &str) -> Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        wire.read_line(&mut line)?;
        if line.as_bytes().get(3) != Some(&b'-') {
            break;
        }
    }
    if line.starts_with(code) {
        return Ok(());
    }
    Err(Failure::new(format!("{code} was expected: {line:?}")))
}
