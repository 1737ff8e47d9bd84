//! How does a server of the world speak TLS?
//!
//! With rustls, but for what rustls refuses to be: a server of TLS 1.1, or one that says half of
//! what it has to say. Those write their octets themselves.

use crate::pki::Credential;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::server::{ServerConfig, ServerConnection, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, RwLock};

/// Which certificates are shown, by the server name that the client asks for. Rustls' own way of
/// setting one would refuse some that are shown here.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    by_name: RwLock<BTreeMap<String, Arc<CertifiedKey>>>,
    otherwise: Option<Arc<CertifiedKey>>,
}

impl Shown {
    /// This one for any name, and for none.
    pub(crate) fn always(credential: &Credential) -> io::Result<Self> {
        Ok(Self {
            by_name: RwLock::default(),
            otherwise: Some(certified(credential)?),
        })
    }

    /// From now on this one where the client asks for the name.
    pub(crate) fn for_name(&self, name: &str, credential: &Credential) -> io::Result<()> {
        let key = certified(credential)?;
        let mut by_name = self.by_name.write().map_err(|_| poisoned())?;
        by_name.insert(name.to_ascii_lowercase(), key);
        Ok(())
    }

    pub(crate) fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let by_name = self.by_name.read().ok()?;
        name.and_then(|name| by_name.get(&name.to_ascii_lowercase()))
            .or(self.otherwise.as_ref())
            .cloned()
    }

    /// The chain that is shown to whoever asks for this name, as DER.
    pub(crate) fn chain(&self, name: Option<&str>) -> Vec<Vec<u8>> {
        let shown = self.certificate(name);
        shown.map_or_else(Vec::new, |key| {
            key.cert.iter().map(|der| der.to_vec()).collect()
        })
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificate(hello.server_name())
    }
}

/// A server's side of TLS. No session is kept unless it `resumes`: a resumed one shows no chain.
pub(crate) fn config(
    shown: Arc<Shown>,
    versions: &[&'static SupportedProtocolVersion],
    resumes: bool,
) -> io::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    if resumes {
        config.session_storage = ServerSessionMemoryCache::new(64);
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// TLS 1.2 and 1.3.
pub(crate) static MODERN: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
/// TLS 1.2 alone.
pub(crate) static ONLY_12: [&SupportedProtocolVersion; 1] = [&TLS12];

/// Carries a handshake to its end. The connection is given back with the error too: it knows the
/// server name that was asked for.
pub(crate) fn handshake(
    config: &Arc<ServerConfig>,
    stream: &mut TcpStream,
) -> (Option<ServerConnection>, io::Result<()>) {
    let mut connection = match ServerConnection::new(Arc::clone(config)) {
        Ok(connection) => connection,
        Err(e) => return (None, Err(io::Error::other(e))),
    };
    while connection.is_handshaking() {
        if let Err(e) = connection.complete_io(stream) {
            return (Some(connection), Err(e));
        }
    }
    (Some(connection), Ok(()))
}

/// Reads a client's hello and sends half of the answer.
pub(crate) fn half_handshake(
    config: &Arc<ServerConfig>,
    stream: &mut TcpStream,
) -> io::Result<Option<String>> {
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    while !connection.wants_write() {
        if connection.read_tls(stream)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        connection.process_new_packets().map_err(io::Error::other)?;
    }
    let mut flight = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut flight)?;
    }
    let (half, _) = flight.split_at(flight.len() / 2);
    stream.write_all(half)?;
    Ok(connection.server_name().map(str::to_owned))
}

/// A fatal `handshake_failure` (RFC 5246 section 7.2).
pub(crate) const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// A server's hello of TLS 1.1 (RFC 4346 section 7.4.1.3): a record of 49 octets, in it a hello of
/// 45, the version, 32 octets of randomness, no session id, `TLS_RSA_WITH_AES_128_CBC_SHA`, no
/// compression, and the extension of RFC 5746, without which OpenSSL would not see the version as
/// the fault.
pub(crate) const HELLO_11: [u8; 54] = {
    let mut hello = [0x5a; 54];
    let start = [22, 3, 2, 0, 49, 2, 0, 0, 45, 3, 2];
    let end = [0, 0, 0x2f, 0, 0, 5, 0xff, 1, 0, 1, 0];
    hello.split_at_mut(start.len()).0.copy_from_slice(&start);
    hello.split_at_mut(43).1.copy_from_slice(&end);
    hello
};

/// What a client says with a plain alert: its number.
pub(crate) fn read_alert(stream: &mut TcpStream) -> io::Result<u8> {
    let mut alert = [0; 7];
    stream.read_exact(&mut alert)?;
    match alert {
        [21, 3, _, 0, 2, _, description] => Ok(description),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Reads one record, as far as it matters: the client's hello.
pub(crate) fn read_record(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [_, _, _, high, low] = head;
    let mut record = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut record)?;
    Ok(record)
}

/// As in `TLS 1.3`.
pub(crate) fn version(connection: &ServerConnection) -> Option<String> {
    use rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
    connection.protocol_version().map(|version| match version {
        TLSv1_2 => "TLS 1.2".to_owned(),
        TLSv1_3 => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    })
}

pub(crate) fn resumed(connection: &ServerConnection) -> bool {
    connection.handshake_kind() == Some(HandshakeKind::Resumed)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certified(credential: &Credential) -> io::Result<Arc<CertifiedKey>> {
    let chain = credential.chain().iter().cloned();
    let key = PrivateKeyDer::try_from(credential.key().to_vec()).map_err(io::Error::other)?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(io::Error::other)?;
    let chain = chain.map(CertificateDer::from).collect();
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

fn poisoned() -> io::Error {
    io::Error::other("a thread has panicked")
}
