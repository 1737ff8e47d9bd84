//! Clients: one that says exactly what a test wants, and the `openssl` command.

use requiretls_testbed::{Peer, Pki, Session, SessionLog, SmtpPeer};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The host of all peers here, and the domain that it receives for.
pub(crate) const HOST: &str = "mx.a.test";
pub(crate) const DOMAIN: &str = "a.test";
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// One peer on a port of its own.
pub(crate) struct Stage {
    pub(crate) pki: Pki,
    pub(crate) log: SessionLog,
    pub(crate) peer: SmtpPeer,
}

impl Stage {
    pub(crate) fn new(peer: Peer) -> Self {
        Self::of(HOST, peer)
    }

    pub(crate) fn of(host: &str, peer: Peer) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let pki = Pki::new(since.as_secs()).unwrap();
        let log = SessionLog::default();
        let address = "127.0.0.1:0".parse().unwrap();
        let peer = SmtpPeer::start(address, host, DOMAIN, peer, &pki, &log).unwrap();
        Self { pki, log, peer }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.peer.address()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A client that has had the banner, the keywords, TLS whatever the certificate, and the
    /// keywords again.
    pub(crate) fn inside(&self) -> Client {
        let mut client = self.connect();
        assert_eq!(client.reply().0, 220);
        assert_eq!(client.ask("EHLO client.test").0, 250);
        let mut client = client.starttls(&trusting(), HOST).unwrap();
        assert_eq!(client.ask("EHLO client.test").0, 250);
        client
    }

    /// The one session, when it has ended.
    pub(crate) fn session(&self) -> Session {
        let mut sessions = self.log.ended(1, LONG);
        assert_eq!(sessions.len(), 1, "one session");
        sessions.remove(0)
    }

    /// Believes the world's root.
    pub(crate) fn strict(&self) -> Arc<ClientConfig> {
        strict(self.pki.ca_der())
    }
}

/// An SMTP client.
pub(crate) struct Client {
    wire: Box<dyn Wire>,
    stream: TcpStream,
    /// What came and was not read as a reply yet.
    pub(crate) buffer: Vec<u8>,
}

pub(crate) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            wire: Box::new(stream.try_clone().unwrap()),
            stream,
            buffer: Vec::new(),
        }
    }

    /// Nobody waits longer than that from now on.
    pub(crate) fn patience(&self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).unwrap();
    }

    pub(crate) fn send(&mut self, text: &str) {
        // A peer that has closed shows itself when it is read from.
        let _ = self.wire.write_all(text.as_bytes());
        let _ = self.wire.flush();
    }

    pub(crate) fn ask(&mut self, line: &str) -> (u16, Vec<String>) {
        self.send(&format!("{line}\r\n"));
        self.reply()
    }

    pub(crate) fn reply(&mut self) -> (u16, Vec<String>) {
        self.try_reply().unwrap()
    }

    pub(crate) fn try_ask(&mut self, line: &str) -> io::Result<(u16, Vec<String>)> {
        self.send(&format!("{line}\r\n"));
        self.try_reply()
    }

    /// The code and the texts of its lines.
    pub(crate) fn try_reply(&mut self) -> io::Result<(u16, Vec<String>)> {
        let mut texts = Vec::new();
        loop {
            let line = self.line()?;
            let (code, text) = line.split_at(3);
            texts.push(text[1..].to_owned());
            if text.starts_with(' ') {
                return Ok((code.parse().unwrap(), texts));
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            let mut more = [0; 4096];
            let length = self.wire.read(&mut more)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend(&more[..length]);
        }
    }

    /// Asks for TLS and carries the handshake through.
    pub(crate) fn starttls(
        mut self,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> Result<Self, rustls::Error> {
        let reply = self.ask("STARTTLS");
        assert_eq!(reply.0, 220, "{reply:?}");
        self.handshake(config, name)
    }

    /// What came behind the reply is kept, as a careless client would.
    pub(crate) fn handshake(
        mut self,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> Result<Self, rustls::Error> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        while connection.is_handshaking() {
            if let Err(e) = connection.complete_io(&mut self.stream) {
                return Err(match e.downcast::<rustls::Error>() {
                    Ok(error) => error,
                    Err(other) => rustls::Error::General(other.to_string()),
                });
            }
        }
        let stream = self.stream.try_clone().unwrap();
        self.wire = Box::new(StreamOwned::new(connection, stream));
        Ok(self)
    }
}

/// Believes one root.
pub(crate) fn strict(root: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root.to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Believes everything, as a client does that has asked for encryption alone.
pub(crate) fn trusting() -> Arc<ClientConfig> {
    let mut config = requiretls_testbed::trusting().unwrap();
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What `openssl s_client` says of a peer, on both of its outputs.
pub(crate) fn openssl(address: SocketAddr, further: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-starttls", "smtp", "-servername", HOST])
        .args(["-connect", &address.to_string()])
        .args(further)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|e| panic!("this test needs the command openssl (package openssl): {e}"));
    let mut input = child.stdin.take().unwrap();
    let _ = input.write_all(b"QUIT\r\n");
    drop(input);
    let output = child.wait_with_output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    String::from_utf8_lossy(&[out, err].concat()).into_owned()
}
