//! How does a connection come to the point where MAIL may follow?
//!
//! Connect, greeting, EHLO, STARTTLS, EHLO again: each fact goes to the judge, and its answer is
//! the next step. Where TLS fails and the judge says go, the same address is tried in clear, on a
//! new connection unless the peer has merely declined (P10).

use crate::client::Client;
use crate::connection::{Broken, Connection, OUT_OF_TURN};
use crate::judge::Judge;
use crate::outcome::Try;
use crate::pool::Permit;
use crate::reply::{Class, PeerReply};
use requiretls_core::authenticate::{Evidence, Site, authenticate};
use requiretls_core::delivery::{Action, End, TlsFailure};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::plan::Candidate;
use rustls::pki_types::CertificateDer;
use socket2::SockAddr;
use std::sync::Arc;
use std::time::Instant;

/// Why a host was left.
#[derive(Debug)]
pub(crate) enum Left {
    /// The judge said so.
    Told,
    /// The connection came to an end that the judge is to be told.
    Ended(End, String),
}

/// One address of one host.
pub(crate) struct Approach<'a> {
    pub(crate) client: &'a Client,
    pub(crate) candidate: &'a Candidate,
    pub(crate) site: &'a Site,
    pub(crate) to: &'a SockAddr,
    /// When all of it has to be over.
    pub(crate) until: Option<Instant>,
    /// The place that its connections take.
    pub(crate) permit: Option<Arc<Permit>>,
}

/// The reply to EHLO, or to HELO after it.
enum Hello {
    /// For core to judge.
    Read(EhloReply, PeerReply),
    /// Neither EHLO nor HELO was taken; the reply to EHLO as core reads it, and that to HELO.
    Refused(EhloReply, PeerReply),
}

/// How STARTTLS came out.
enum Secured {
    /// The judge lets MAIL follow inside TLS.
    Ready(Connection),
    /// It failed; the connection is left where it can still be used in clear.
    Failed(TlsFailure, String, Option<Connection>),
}

impl Approach<'_> {
    /// A connection on which the gate may be asked.
    pub(crate) fn open<J: Judge>(&self, judge: &mut J, this: &mut Try) -> Result<Connection, Left> {
        let (connection, offer) = self.greet()?;
        match judge.ehlo(offer) {
            Action::Go => return Ok(connection),
            Action::StartTls => {}
            _ => return left(connection),
        }
        let (how, cause, clear) = match self.secure(judge, connection, this)? {
            Secured::Ready(connection) => return Ok(connection),
            Secured::Failed(how, cause, clear) => (how, cause, clear),
        };
        this.cause = Some(cause);
        this.tls = None;
        let go = judge.tls_failed(how) == Action::Go;
        let (connection, offer) = match clear {
            Some(connection) if go => (connection, offer),
            Some(connection) => return left(connection),
            None if go => self.greet()?,
            None => return Err(Left::Told),
        };
        match judge.ehlo(offer) {
            Action::Go => Ok(connection),
            _ => left(connection),
        }
    }

    /// A new connection, as far as its reply to EHLO.
    fn greet(&self) -> Result<(Connection, EhloReply), Left> {
        let client = self.client;
        let from = self.to.as_socket().and_then(|to| client.source(to.ip()));
        let mut connection = Connection::connect(
            self.to,
            from,
            client.timeouts,
            self.until,
            self.permit.clone(),
        )
        .map_err(|error| Left::from(Broken::Io(error)))?;
        let greeting = connection.greeting()?;
        match greeting.class() {
            Class::Positive if !greeting.closes() => {}
            Class::Intermediate => return Err(OUT_OF_TURN.into()),
            _ => return refused(connection, &greeting),
        }
        // In clear HELO tells a host without STARTTLS (row 9) from one that takes nothing (row 8a).
        match self.hello(&mut connection, |_| true)? {
            Hello::Read(offer, _) => Ok((connection, offer)),
            Hello::Refused(_, helo) => refused(connection, &helo),
        }
    }

    /// EHLO, and HELO where EHLO is answered 5yz and HELO is allowed; then nothing was offered.
    fn hello(
        &self,
        connection: &mut Connection,
        allows_helo: impl FnOnce(EhloReply) -> bool,
    ) -> Result<Hello, Broken> {
        let name = &self.client.name;
        let reply = connection.ehlo(name)?;
        let read = EhloReply::parse(reply.raw());
        match reply.class() {
            Class::Positive | Class::Transient => Ok(Hello::Read(read, reply)),
            Class::Intermediate => Err(OUT_OF_TURN),
            Class::Permanent if !allows_helo(read) => Ok(Hello::Read(read, reply)),
            Class::Permanent => {
                let helo = connection.command(&format!("HELO {name}"))?;
                match helo.class() {
                    Class::Positive => Ok(Hello::Read(EhloReply::parse(b""), helo)),
                    Class::Transient | Class::Permanent => Ok(Hello::Refused(read, helo)),
                    Class::Intermediate => Err(OUT_OF_TURN),
                }
            }
        }
    }

    /// STARTTLS, the handshake, the certificate, EHLO inside TLS.
    fn secure<J: Judge>(
        &self,
        judge: &mut J,
        mut connection: Connection,
        this: &mut Try,
    ) -> Result<Secured, Left> {
        match connection.command("STARTTLS") {
            Err(broken) => return Ok(lost(&broken)),
            Ok(reply) if reply.code == 220 => {}
            Ok(reply) => {
                let declined = matches!(reply.class(), Class::Transient | Class::Permanent);
                let clear = (declined && !reply.closes()).then_some(connection);
                let how = if declined {
                    TlsFailure::Reply(reply.code)
                } else {
                    TlsFailure::Lost
                };
                return Ok(Secured::Failed(how, reply.to_string(), clear));
            }
        }
        let plan = judge.delivery().plan();
        let name = plan.sni(self.candidate).cloned();
        let (mut connection, chain) = match connection.start_tls(&self.client.tls, name.as_ref()) {
            Ok(made) => made,
            Err((how, cause)) => return Ok(Secured::Failed(how, cause, None)),
        };
        this.tls = connection.tls().cloned();
        if let Some(tls) = connection.tls()
            && judge.tls(tls.protocol, tls.cipher) != Action::Go
        {
            return left(connection);
        }
        let evidence = self.evidence(judge, &chain);
        if judge.peer(evidence) != Action::Go {
            return left(connection);
        }
        let answered = self.hello(&mut connection, |refusal| judge.allows_helo(refusal));
        let (offer, helo) = match answered {
            Err(broken) => return Ok(lost(&broken)),
            Ok(Hello::Read(_, reply)) if reply.class() == Class::Transient => {
                let how = TlsFailure::Reply(reply.code);
                return Ok(Secured::Failed(how, reply.to_string(), None));
            }
            Ok(Hello::Read(offer, _)) => (offer, None),
            Ok(Hello::Refused(offer, helo)) => (offer, Some(helo)),
        };
        match (judge.ehlo(offer), helo) {
            (Action::Go, None) => Ok(Secured::Ready(connection)),
            (Action::Go, Some(helo)) => refused(connection, &helo),
            _ => left(connection),
        }
    }

    /// What the chain proves about the host, in core's judgement.
    fn evidence<J: Judge>(&self, judge: &J, chain: &[CertificateDer<'_>]) -> Evidence {
        let plan = judge.delivery().plan();
        let Some(reference) = plan.reference(self.candidate, self.site.clone()) else {
            return Evidence::not_supplied();
        };
        let chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
        authenticate(&reference, &chain, &self.client.roots, self.client.now())
    }
}

impl From<Broken> for Left {
    fn from(broken: Broken) -> Self {
        Self::Ended(End::Lost, broken.to_string())
    }
}

/// The judge has left the host.
pub(crate) fn left<T>(connection: Connection) -> Result<T, Left> {
    connection.quit();
    Err(Left::Told)
}

/// The peer has refused before there was a message.
fn refused<T>(connection: Connection, reply: &PeerReply) -> Result<T, Left> {
    if !reply.closes() {
        connection.quit();
    }
    Err(Left::Ended(End::Reply(reply.code), reply.to_string()))
}

fn lost(broken: &Broken) -> Secured {
    Secured::Failed(TlsFailure::Lost, broken.to_string(), None)
}
