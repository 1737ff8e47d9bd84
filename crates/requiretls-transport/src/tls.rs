//! How is TLS made, so that core can judge it?
//!
//! The client takes any certificate and hands over the chain as the peer sent it; what it must
//! prove is core's business. That the peer holds the certificate's key is proved here, in the
//! handshake. No session is ever resumed, for a resumed one shows no chain (row 12a).
//!
//! TLS 1.2 with forward secrecy and TLS 1.3 are all that the TLS library has: with a server that has
//! RSA key exchange, TLS 1.1 or older alone there is no TLS, and the message goes in clear where its
//! level is may, and waits elsewhere (row 11b).

use crate::channel::{Channel, Timed};
use requiretls_core::delivery::TlsFailure;
use requiretls_core::domain::Domain;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    ProtocolVersion, SignatureScheme, StreamOwned,
};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What was negotiated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// "TLSv1.2" or "TLSv1.3".
    pub protocol: &'static str,
    /// The cipher suite, in the TLS library's words.
    pub cipher: &'static str,
    /// The server name that was sent.
    pub sni: Option<String>,
}

/// A finished handshake.
pub(crate) struct Established {
    pub(crate) channel: Channel,
    pub(crate) tls: Tls,
    /// As the peer sent it, leaf first, in DER.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// TLS 1.2 and 1.3, any certificate, no resumption.
pub(crate) fn config() -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(CoreJudges(Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The handshake. An alert and whatever is no TLS means that it cannot succeed; the rest is lost.
pub(crate) fn handshake(
    config: &Arc<ClientConfig>,
    name: Option<&Domain>,
    mut socket: Timed,
) -> Result<Established, (TlsFailure, String)> {
    let rejected = |error: Error| (TlsFailure::Rejected, words(&error));
    let sni = name.and_then(|name| {
        let wanted = ServerName::try_from(name.as_str().to_owned()).ok()?;
        matches!(wanted, ServerName::DnsName(_)).then_some(wanted)
    });
    let sent = sni.as_ref().and(name).map(|name| name.as_str().to_owned());
    // For an address no server name is sent.
    let server = sni.unwrap_or_else(|| Ipv4Addr::UNSPECIFIED.into());
    let mut connection = ClientConnection::new(Arc::clone(config), server).map_err(rejected)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(|error| {
            match error.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
                Some(error) => (TlsFailure::Rejected, words(error)),
                None => (TlsFailure::Lost, error.to_string()),
            }
        })?;
    }
    let (Some(protocol), Some(suite)) = (
        connection.protocol_version(),
        connection.negotiated_cipher_suite(),
    ) else {
        return Err((TlsFailure::Lost, "nothing was negotiated".to_owned()));
    };
    let tls = Tls {
        protocol: match protocol {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => "unknown",
        },
        cipher: suite.suite().as_str().unwrap_or("unknown"),
        sni: sent,
    };
    let chain = connection
        .peer_certificates()
        .map(|chain| chain.iter().map(|c| c.clone().into_owned()).collect())
        .unwrap_or_default();
    let stream = StreamOwned::new(connection, socket);
    Ok(Established {
        channel: Channel::Tls(Box::new(stream)),
        tls,
        chain,
    })
}

/// What has neither TLS 1.2 nor a suite with forward secrecy is old, not broken: an administrator
/// is told so.
fn words(error: &Error) -> String {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    let is_old = matches!(
        error,
        Error::PeerIncompatible(_)
            | Error::AlertReceived(HandshakeFailure | InsufficientSecurity | ProtocolVersion)
    );
    if is_old {
        format!("no common TLS parameters: {error}")
    } else {
        error.to_string()
    }
}

/// Takes any certificate, and checks that the peer holds its key.
#[derive(Debug)]
struct CoreJudges(Arc<CryptoProvider>);

impl ServerCertVerifier for CoreJudges {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
