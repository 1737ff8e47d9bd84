//! A policy host: HTTPS on the loopback with a certificate and a response that a test chooses.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What is sent for a request.
#[derive(Clone, Debug)]
pub(crate) enum Response {
    /// These octets, then the end.
    Octets(Vec<u8>),
    /// These octets one by one, with this pause.
    Drip(Vec<u8>, Duration),
    /// The octets of the handshake already, one by one, with this pause.
    DripHandshake(Duration),
    /// These octets, and then the connection breaks without the end of TLS.
    Break(Vec<u8>),
    /// The connection is taken, and nothing is ever said.
    Mute,
    /// Nothing, ever, to the request.
    Silence,
    /// No TLS at all.
    NoTls,
}

pub(crate) struct PolicyHost {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names, valid for these years.
    pub(crate) fn issue(&self, names: &[&str], years: (i32, i32)) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)
            .unwrap()
    }
}

impl PolicyHost {
    /// On 127.0.0.1.
    #[allow(dead_code)] // not every program of tests has policy hosts elsewhere
    pub(crate) fn start(tls: ServerConfig, response: Response) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), tls, response)
    }

    /// At another address of the loopback.
    pub(crate) fn start_at(address: IpAddr, tls: ServerConfig, response: Response) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let thread = {
            let (requests, over) = (Arc::clone(&requests), Arc::clone(&over));
            std::thread::spawn(move || {
                serve(&listener, &Arc::new(tls), &response, &requests, &over);
            })
        };
        Self {
            address,
            requests,
            over,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Each request's server name and text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for PolicyHost {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `HTTP/1.1` with a body and its length.
pub(crate) fn http(status: &str, header: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), body.to_vec()].concat()
}

fn serve(
    listener: &TcpListener,
    tls: &Arc<ServerConfig>,
    response: &Response,
    requests: &Mutex<Vec<String>>,
    over: &AtomicBool,
) {
    listener.set_nonblocking(true).unwrap();
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                let timeout = Some(Duration::from_secs(2));
                stream.set_read_timeout(timeout).unwrap();
                let _ = talk(stream, tls, response, requests, over);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(_) => {}
        }
    }
}

fn talk(
    mut stream: TcpStream,
    tls: &Arc<ServerConfig>,
    response: &Response,
    requests: &Mutex<Vec<String>>,
    over: &AtomicBool,
) -> std::io::Result<()> {
    if matches!(response, Response::NoTls) {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    }
    if matches!(response, Response::Mute) {
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        return Ok(());
    }
    let mut connection = ServerConnection::new(Arc::clone(tls)).unwrap();
    if let Response::DripHandshake(pause) = response {
        connection.read_tls(&mut stream)?;
        let _ = connection.process_new_packets();
        let mut hello = Vec::new();
        connection.write_tls(&mut hello)?;
        return drip(&hello, *pause, over, |octet| stream.write_all(octet));
    }
    let mut tls = Stream::new(&mut connection, &mut stream);
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        tls.read_exact(&mut octet)?;
        request.push(octet[0]);
    }
    let server_name = tls.conn.server_name().unwrap_or("no SNI").to_owned();
    let text = String::from_utf8_lossy(&request).into_owned();
    requests
        .lock()
        .unwrap()
        .push(format!("{server_name}\n{text}"));
    match response {
        Response::Octets(octets) => {
            tls.write_all(octets)?;
            tls.conn.send_close_notify();
            tls.flush()
        }
        Response::Break(octets) => {
            tls.write_all(octets)?;
            tls.flush()
        }
        Response::Drip(octets, pause) => drip(octets, *pause, over, |octet| {
            tls.write_all(octet)?;
            tls.flush()
        }),
        Response::Silence | Response::Mute | Response::DripHandshake(_) | Response::NoTls => {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
    }
}

fn drip(
    octets: &[u8],
    pause: Duration,
    over: &AtomicBool,
    mut send: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    for octet in octets {
        send(&[*octet])?;
        let next = Instant::now() + pause;
        while Instant::now() < next {
            if over.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}
