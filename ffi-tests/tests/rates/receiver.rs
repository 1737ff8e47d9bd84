//! Who takes all of it? A server that does nothing else, and is the same for both.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result, Servers};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{NAME, RECEIVER};

/// For all messages of one measurement.
const LIMIT: Duration = Duration::from_secs(900);

pub(crate) struct Receiver {
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    /// Who issued its certificate, in PEM.
    pub(crate) authority: String,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    messages: AtomicUsize,
    /// The first connection and the last message.
    span: Mutex<Option<(Instant, Instant)>>,
}

impl Receiver {
    pub(crate) fn start(servers: &Servers, tls: bool) -> Result<Self> {
        let (authority, config) = certificate()?;
        let config = tls.then(|| Arc::new(config));
        let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
        let (to, end) = (Arc::clone(&seen), Arc::clone(&stop));
        servers.within(move || -> Result<()> {
            let listener = TcpListener::bind((RECEIVER, 25))?;
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(std::io::Result::ok) {
                    if end.load(Ordering::SeqCst) {
                        break;
                    }
                    let (config, seen) = (config.clone(), Arc::clone(&to));
                    std::thread::spawn(move || {
                        // A client that is gone is no failure of this side.
                        drop(serve(stream, config, &seen));
                    });
                }
            });
            Ok(())
        })??;
        Ok(Self {
            seen,
            stop,
            authority,
        })
    }

    /// Waits until so many have come since the last time, and says how long that took and over how many connections.
    pub(crate) fn wait(&self, messages: usize) -> Result<(Duration, usize)> {
        let end = Instant::now() + LIMIT;
        while self.seen.messages.load(Ordering::SeqCst) < messages {
            if Instant::now() > end {
                let came = self.seen.messages.load(Ordering::SeqCst);
                return Err(Failure::new(format!("{came} of {messages} messages came")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut span = self
            .seen
            .span
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let took = span
            .take()
            .map_or(Duration::ZERO, |(first, last)| last - first);
        self.seen.messages.store(0, Ordering::SeqCst);
        Ok((took, self.seen.connections.swap(0, Ordering::SeqCst)))
    }

    pub(crate) fn stop(&self, servers: &Servers) -> Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        servers.within(|| drop(TcpStream::connect((RECEIVER, 25))))
    }
}

fn certificate() -> Result<(String, ServerConfig)> {
    let (root_key, key) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut root = CertificateParams::new(Vec::new())?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = root.self_signed(&root_key)?.pem();
    let issuer = Issuer::new(root, root_key);
    let shown = CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![shown.der().clone()], key)?;
    Ok((authority, config))
}

fn serve(stream: TcpStream, config: Option<Arc<ServerConfig>>, seen: &Seen) -> Result<()> {
    stream.set_nodelay(true)?;
    seen.connections.fetch_add(1, Ordering::SeqCst);
    let now = Instant::now();
    seen.span
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert((now, now));
    let mut clear = BufReader::with_capacity(65_536, stream);
    clear.get_mut().write_all(b"220 mx.bench.test ESMTP\r\n")?;
    if talk(&mut clear, config.is_some(), seen)?
        && let Some(config) = config
    {
        let tls = StreamOwned::new(ServerConnection::new(config)?, clear.into_inner());
        talk(&mut BufReader::with_capacity(65_536, tls), false, seen)?;
    }
    Ok(())
}

/// Whether TLS begins.
fn talk<S: Read + Write>(wire: &mut BufReader<S>, tls: bool, seen: &Seen) -> Result<bool> {
    let (mut line, mut replies) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if wire.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_slice() {
            b"EHLO" => {
                replies.extend_from_slice(b"250-mx.bench.test\r\n250-PIPELINING\r\n");
                if tls {
                    replies.extend_from_slice(b"250-STARTTLS\r\n");
                }
                replies.extend_from_slice(
                    b"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SIZE 0\r\n",
                );
            }
            b"STAR" => {
                wire.get_mut().write_all(b"220 2.0.0 Go on\r\n")?;
                return Ok(true);
            }
            b"DATA" => {
                replies.extend_from_slice(b"354 Go on\r\n");
                wire.get_mut().write_all(&replies)?;
                wire.get_mut().flush()?;
                replies.clear();
                loop {
                    line.clear();
                    if wire.read_until(b'\n', &mut line)? == 0 {
                        return Ok(false);
                    }
                    if line == b".\r\n" {
                        break;
                    }
                }
                replies.extend_from_slice(b"250 2.0.0 Ok\r\n");
                let mut span = seen.span.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, last)) = span.as_mut() {
                    *last = Instant::now();
                }
                drop(span);
                seen.messages.fetch_add(1, Ordering::SeqCst);
            }
            b"QUIT" => {
                wire.get_mut().write_all(b"221 2.0.0 Bye\r\n")?;
                wire.get_mut().flush()?;
                return Ok(false);
            }
            _ => replies.extend_from_slice(b"250 2.0.0 Ok\r\n"),
        }
        if wire.buffer().is_empty() {
            wire.get_mut().write_all(&replies)?;
            wire.get_mut().flush()?;
            replies.clear();
        }
    }
}
