//! What does a peer say, and when does it break off?
//!
//! One thread per connection: the banner, a talk in clear, the handshake, a talk inside TLS, and the
//! defects of [`Peer`] at the places where they belong.

mod content;
mod lines;
mod talk;

use crate::listener::Listener;
use crate::peer::{Peer, Step, Tls};
use crate::pki::{Certificate, Credential, Pki};
use crate::session_log::{Record, SessionLog};
use crate::stop::Stop;
use crate::tls::{self, Shown};
use rustls::server::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use talk::{End, Talk};

/// A peer that listens; dropping it ends it.
#[derive(Debug)]
pub struct SmtpPeer {
    listener: Listener,
    credential: Credential,
}

impl SmtpPeer {
    /// Listens on an address as a host that receives for a next-hop domain; port 0 takes any that
    /// is free.
    ///
    /// # Errors
    /// The address is taken, or a certificate cannot be made.
    pub fn start(
        address: SocketAddr,
        host: &str,
        next_hop: &str,
        peer: Peer,
        pki: &Pki,
        log: &SessionLog,
    ) -> io::Result<Self> {
        let credential = pki.issue(peer.certificate, host, next_hop)?;
        Self::start_with(address, host, credential, peer, pki, log)
    }

    /// The same with a certificate that is there already.
    pub(crate) fn start_with(
        address: SocketAddr,
        host: &str,
        credential: Credential,
        peer: Peer,
        pki: &Pki,
        log: &SessionLog,
    ) -> io::Result<Self> {
        let shown = if peer.needs_sni {
            let other = pki.issue(Certificate::WrongName, host, host)?;
            let shown = Shown::always(&other)?;
            shown.for_name(host, &credential)?;
            shown
        } else {
            Shown::always(&credential)?
        };
        for name in &peer.other_names {
            shown.for_name(name, &pki.issue(Certificate::Good, name, name)?)?;
        }
        let shown = Arc::new(shown);
        let versions: &[_] = match peer.tls {
            Tls::Version12 => &tls::ONLY_12,
            _ => &tls::MODERN,
        };
        let server = Server {
            host: host.to_owned(),
            config: tls::config(Arc::clone(&shown), versions, peer.resumes)?,
            shown,
            peer,
            log: log.clone(),
        };
        let listener = Listener::start(address, host, move |stream, stop| {
            // How it ended is in the log.
            let _ = server.serve(stream, stop);
        })?;
        Ok(Self {
            listener,
            credential,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What it shows.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

#[derive(Debug)]
struct Server {
    host: String,
    peer: Peer,
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    log: SessionLog,
}

impl Server {
    fn serve(&self, mut stream: TcpStream, stop: &Stop) -> io::Result<()> {
        let record = self.log.begin(&self.host, stream.local_addr()?);
        let mut talk = Talk::new(&self.host, &self.peer, &record, stop);
        talk.breaks(&mut stream, Step::Connection)?;
        let banner = format!("220 {} ESMTP test world", self.host);
        let banner = self.peer.reply(Step::Banner, false).unwrap_or(&banner);
        talk.reply(&mut stream, banner)?;
        talk.breaks(&mut stream, Step::Banner)?;
        match banner.get(..1) {
            Some("2") => {}
            _ if banner.starts_with("421") => return Ok(()),
            _ => return talk.refuse_all(&mut stream),
        }
        let end = talk.talk(&mut stream)?;
        if end == End::Over {
            return Ok(());
        }
        talk.breaks(&mut stream, Step::StartTls)?;
        let mut connection = match self.handshake(&mut stream, &record, &mut talk) {
            Ok(connection) => connection,
            Err(e) => {
                record.write(|s| s.handshake_failure = Some(e.to_string()));
                return Err(e);
            }
        };
        talk.enter_tls();
        let mut wire = rustls::Stream::new(&mut connection, &mut stream);
        talk.talk(&mut wire)?;
        wire.conn.send_close_notify();
        wire.flush()
    }

    fn handshake(
        &self,
        stream: &mut TcpStream,
        record: &Record,
        talk: &mut Talk<'_>,
    ) -> io::Result<ServerConnection> {
        if let Some((Step::Handshake, _)) = self.peer.breaks {
            let name = tls::half_handshake(&self.config, stream)?;
            record.write(|s| s.sni = name);
            talk.breaks(stream, Step::Handshake)?;
        }
        let instead: &[u8] = match self.peer.tls {
            Tls::Alert => &tls::ALERT,
            Tls::Close => &[],
            Tls::Garbage => b"220 this is not what TLS looks like\r\n",
            Tls::Version11 => &tls::HELLO_11,
            Tls::Good | Tls::NotOffered | Tls::Stripped | Tls::Version12 => {
                return self.full_handshake(stream, record);
            }
        };
        tls::read_record(stream)?;
        stream.write_all(instead)?;
        // Whoever would wait for more learns that there is none.
        stream.shutdown(Shutdown::Write)?;
        let what = match tls::read_alert(stream) {
            Ok(alert) => format!("{:?}: the client sent alert {alert}", self.peer.tls),
            Err(_) => format!("{:?}: the client said no more", self.peer.tls),
        };
        Err(io::Error::new(ErrorKind::ConnectionAborted, what))
    }

    fn full_handshake(
        &self,
        stream: &mut TcpStream,
        record: &Record,
    ) -> io::Result<ServerConnection> {
        let (connection, end) = tls::handshake(&self.config, stream);
        let connection = connection.ok_or(ErrorKind::Other)?;
        let resumed = tls::resumed(&connection);
        record.write(|session| {
            session.sni = connection.server_name().map(str::to_owned);
            session.resumed = resumed;
            if end.is_ok() {
                session.tls_version = tls::version(&connection);
            }
            if !resumed {
                session.chain = self.shown.chain(connection.server_name());
            }
        });
        end.map(|()| connection)
    }
}
