//! Where do clients come in?
//!
//! At the sockets that the configuration names. systemd may have opened some of them, and those are
//! taken from it; one that the configuration does not name is a fault, since nobody has said what
//! holds there.

use super::log::Log;
use super::metrics;
use listenfd::ListenFd;
use requiretls_core::log_line::Severity;
use requiretls_core::mail_param::TagTrust;
use requiretls_engine::Config;
use requiretls_engine::config::{Endpoint, LmtpListener, TlsFiles};
use requiretls_transport::lmtp::{Limits, Listener, PostfixField, Server, TagField, Terms};
use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, setrlimit, umask};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sd_notify::NotifyState;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Serves all of them until the program is told to end.
pub(super) fn serve(
    server: &Server,
    config: &Config,
    name: &str,
    log: &Log,
) -> Result<(), Box<dyn Error>> {
    raise_descriptor_limit();
    let mut handed = handed_over()?;
    let (mut listeners, mut made) = (Vec::new(), Vec::new());
    for listener in &config.lmtp_listeners {
        let known = handed
            .iter()
            .position(|(endpoint, _)| *endpoint == listener.endpoint);
        let socket = match (&listener.endpoint, known) {
            (Endpoint::Pipe, _) => continue,
            (_, Some(index)) => handed.swap_remove(index).1,
            (Endpoint::Tcp(address), None) => {
                Socket::Tcp(TcpListener::bind(address).map_err(|e| at(listener, &e))?)
            }
            (Endpoint::Unix(path), None) => {
                let socket = bind(path, listener.mode).map_err(|e| at(listener, &e))?;
                made.push(path.clone());
                Socket::Unix(socket)
            }
        };
        listeners.push((socket.with(listener), terms(listener, config, name)?));
    }
    if let Some((endpoint, _)) = handed.first() {
        return Err(
            format!("{endpoint} was handed over, and no lmtp_listener has that name").into(),
        );
    }
    if listeners.is_empty() {
        return Err("the configuration has no lmtp_listener but the pipe".into());
    }
    if let Some(address) = config.lmtp.metrics {
        metrics::serve(address, server.counters(), log)
            .map_err(|error| format!("metrics at {address}: {error}"))?;
    }
    for (_, terms) in &listeners {
        log.line(
            Severity::Info,
            &format!("listener={} ready", terms.listener),
        );
    }
    tell_systemd(&NotifyState::Ready);
    let drain = server.drain();
    std::thread::spawn(move || {
        drain.wait();
        tell_systemd(&NotifyState::Stopping);
    });
    let left = server.run(listeners, config.lmtp.drain)?;
    for path in made {
        let _ = std::fs::remove_file(path);
    }
    let severity = if left > 0 {
        Severity::Warning
    } else {
        Severity::Info
    };
    log.line(severity, &format!("ends with {left} connections open"));
    Ok(())
}

/// What the configuration says for one endpoint.
pub(super) fn terms(
    listener: &LmtpListener,
    config: &Config,
    name: &str,
) -> Result<Terms, Box<dyn Error>> {
    let tls = listener.tls.as_ref().map(server_config).transpose()?;
    let lmtp = &config.lmtp;
    let trust = if listener.tag_field_trusted {
        TagTrust::Full
    } else {
        TagTrust::RaiseOnly
    };
    Ok(Terms {
        listener: listener.endpoint.to_string(),
        name: name.to_owned(),
        dialects: config.receiving.dialects,
        advertise: config.receiving.advertise,
        carry: !matches!(listener.endpoint, Endpoint::Tcp(_)),
        tls,
        tag: None,
        tag_field: listener
            .tag_field
            .clone()
            .map(|name| TagField { name, trust }),
        postfix_field: if listener.require_tls_esmtp {
            PostfixField::Trusted
        } else {
            PostfixField::Ignored
        },
        route: listener.route.clone(),
        one_transaction: false,
        limits: Limits {
            message_size: lmtp.message_size,
            recipients: lmtp.recipients,
            command: lmtp.idle,
            in_memory: lmtp.memory,
            spill_directory: lmtp.directory.clone(),
            ..Limits::default()
        },
    })
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    fn with(self, listener: &LmtpListener) -> Listener {
        match self {
            Self::Unix(socket) => Listener::Unix(socket),
            Self::Tcp(socket) => {
                let clients = listener.clients.clone();
                let may_connect =
                    move |client: IpAddr| clients.iter().any(|network| network.contains(&client));
                Listener::Tcp(socket, Arc::new(may_connect))
            }
        }
    }
}

/// What systemd has opened (`sd_listen_fds(3)`).
fn handed_over() -> Result<Vec<(Endpoint, Socket)>, Box<dyn Error>> {
    let mut descriptors = ListenFd::from_env();
    let mut handed = Vec::new();
    for index in 0..descriptors.len() {
        if let Ok(Some(socket)) = descriptors.take_unix_listener(index) {
            let address = socket.local_addr()?;
            let path = address.as_pathname().map(PathBuf::from);
            let path = path.ok_or("a unix socket without a path was handed over")?;
            handed.push((Endpoint::Unix(path), Socket::Unix(socket)));
        } else if let Some(socket) = descriptors.take_tcp_listener(index)? {
            handed.push((Endpoint::Tcp(socket.local_addr()?), Socket::Tcp(socket)));
        }
    }
    Ok(handed)
}

/// With its permissions from the first moment on. What a program before us has left is taken away;
/// what another one listens to is not.
fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let before = umask(Mode::from_raw_mode(0o777 & !mode));
    let bound = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_over(path) => {
            std::fs::remove_file(path).and_then(|()| UnixListener::bind(path))
        }
        bound => bound,
    };
    umask(before);
    bound
}

fn is_left_over(path: &Path) -> bool {
    let refused = |e: &io::Error| e.kind() == ErrorKind::ConnectionRefused;
    UnixStream::connect(path).is_err_and(|error| refused(&error))
}

fn at(listener: &LmtpListener, error: &io::Error) -> String {
    format!("{}: {error}", listener.endpoint)
}

fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let named = |path: &Path, what: &str| format!("{}: {what}", path.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|e| named(&files.certificate, &e.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|e| named(&files.key, &e.to_string()))?;
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| named(&files.certificate, &e.to_string()))?;
    Ok(Arc::new(config))
}

/// Each client is a descriptor, and so is each connection that its mail goes out by.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What cannot be raised shows when it is reached: connections wait then.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn tell_systemd(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!("systemd cannot be told: {error}");
    }
}
