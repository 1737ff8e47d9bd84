//! Which hosts are tried, one after the other?
//!
//! Core's order: all addresses of a host before the next host, until one has settled the message
//! or none is left. An open connection that is offered comes first, where the message's own plan
//! lets it ride there (P9).

use crate::approach::{Approach, Left};
use crate::judge::Judge;
use crate::kept::{Kept, Open};
use crate::message::Message;
use crate::outcome::{Outcome, Report, Try};
use crate::timeouts::Timeouts;
use crate::tls;
use crate::transaction::Transaction;
use requiretls_core::authenticate::Site;
use requiretls_core::delivery::{Action, Delivery, End};
use requiretls_core::next_hop::Host;
use requiretls_core::pkix::Roots;
use requiretls_core::plan::{Candidate, Plan};
use rustls::ClientConfig;
use socket2::SockAddr;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Delivers messages as their plans allow. Cheap to clone; may be shared between threads.
#[derive(Clone)]
pub struct Client {
    pub(crate) name: Arc<str>,
    pub(crate) roots: Roots,
    pub(crate) timeouts: Timeouts,
    pub(crate) tls: Arc<ClientConfig>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    port: u16,
    endpoint: Arc<dyn Fn(IpAddr, u16) -> SocketAddr + Send + Sync>,
    noted: Arc<dyn Fn(&Delivery) + Send + Sync>,
    keeps: bool,
}

impl Client {
    /// A client that greets with this name (RFC 5321 section 4.1.1.1), trusts these roots where
    /// core asks for PKIX, and takes the time, in seconds since 1970, from `clock`. It connects to
    /// port 25 and keeps no connection.
    ///
    /// # Errors
    /// [`ClientError`]: the name cannot stand behind EHLO, or there is no TLS to be had.
    pub fn new(
        name: &str,
        roots: Roots,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, ClientError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ClientError::Name);
        }
        Ok(Self {
            name: name.into(),
            roots,
            timeouts: Timeouts::default(),
            tls: tls::config().map_err(|error| ClientError::Tls(error.to_string()))?,
            clock: Arc::new(clock),
            port: 25,
            endpoint: Arc::new(SocketAddr::new),
            noted: Arc::new(|_| {}),
            keeps: false,
        })
    }

    /// The port where the site's rule for the next hop names none.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The longest time for each phase.
    #[must_use]
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Where a plan's address and the next hop's port are really to be found, for a world whose
    /// ports are not the true ones.
    #[must_use]
    pub fn with_endpoints(
        self,
        endpoint: impl Fn(IpAddr, u16) -> SocketAddr + Send + Sync + 'static,
    ) -> Self {
        Self {
            endpoint: Arc::new(endpoint),
            ..self
        }
    }

    /// Shows each delivery to `noted` when it has stopped, whatever came of it. Whoever looks up
    /// the facts needs that: an MTA-STS policy that stands in the way must be fetched again before
    /// the message can end (S20), and only discovery can do so. With the engine it is
    /// `client.noting(move |delivery| discovery.note(delivery))`.
    #[must_use]
    pub fn noting(self, noted: impl Fn(&Delivery) + Send + Sync + 'static) -> Self {
        Self {
            noted: Arc::new(noted),
            ..self
        }
    }

    /// Keeps the connection that has settled a message: [`Outcome::kept`].
    #[must_use]
    pub fn keeping_connections(self) -> Self {
        Self {
            keeps: true,
            ..self
        }
    }

    /// Follows the plan for one message.
    #[must_use]
    pub fn deliver(&self, plan: Plan, message: &Message) -> Outcome {
        self.run(Delivery::new(plan), message, Report::new(message))
    }

    /// The same, over an open connection where the plan lets the message ride on it. One that is
    /// not for this message comes back as [`Outcome::declined`]; one that has died is forgotten.
    #[must_use]
    pub fn deliver_over(&self, mut kept: Kept, plan: Plan, message: &Message) -> Outcome {
        let mut delivery = Delivery::new(plan);
        let mut report = Report::new(message);
        // RSET first: a connection that its peer has closed meanwhile says nothing about the host.
        if kept.connection.is_alive() {
            let action = delivery.resume(&kept.host, &kept.session, self.now());
            if action == Action::Go {
                self.ride(&mut delivery, kept, message, &mut report);
            } else {
                report.declined = Some(kept);
            }
        }
        self.run(delivery, message, report)
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    pub(crate) fn run<J: Judge>(
        &self,
        mut judge: J,
        message: &Message,
        mut report: Report,
    ) -> Outcome {
        let rule = judge.delivery().plan().rule();
        let (site, port) = (Site::of(&rule.methods), rule.port.unwrap_or(self.port));
        while !report.settled {
            let Some((candidate, index)) = judge.next() else {
                break;
            };
            let address = candidate.addresses.get(index).copied();
            let mut this = begun(&candidate.host, address, false);
            let ended = match self.endpoint(&candidate, address, port) {
                Err(error) => Err(Left::Ended(End::Lost, error.to_string())),
                Ok(to) => {
                    let approach = Approach {
                        client: self,
                        candidate: &candidate,
                        site: &site,
                        to: &to,
                    };
                    approach.open(&mut judge, &mut this).map(|connection| Open {
                        session: judge.delivery().session(),
                        host: candidate.host.clone(),
                        address,
                        connection,
                    })
                }
            };
            self.settle(&mut judge, ended, message, &mut report, this);
        }
        (self.noted)(judge.delivery());
        report.finish(judge.delivery())
    }

    fn ride(&self, delivery: &mut Delivery, kept: Kept, message: &Message, report: &mut Report) {
        let mut this = begun(&kept.host, kept.address, true);
        this.tls = kept.tls().cloned();
        self.settle(delivery, Ok(kept.into()), message, report, this);
    }

    /// The message on a connection that was opened for it or before, and the end of this try.
    fn settle<J: Judge>(
        &self,
        judge: &mut J,
        opened: Result<Open, Left>,
        message: &Message,
        report: &mut Report,
        mut this: Try,
    ) {
        let (ended, open) = match opened {
            Err(left) => (Err(left), None),
            Ok(mut open) => {
                let ended = Transaction {
                    connection: &mut open.connection,
                    message,
                    report,
                    this: &mut this,
                }
                .run(judge, || self.now());
                (ended, Some(open))
            }
        };
        let broken = matches!(ended, Err(Left::Ended(..)));
        let action = match ended {
            Ok(end) => judge.done(end),
            Err(Left::Told) => Action::NextHost,
            Err(Left::Ended(end, cause)) => {
                this.cause = Some(cause);
                judge.done(end)
            }
        };
        report.settled = action == Action::Go;
        if !report.settled {
            this.refusal = judge.delivery().last_refusal().cloned();
        }
        tracing::debug!(
            host = %this.host,
            address = ?this.address,
            cause = this.cause,
            action = action.as_str(),
            "try ended"
        );
        report.tries.push(this);
        let Some(open) = open.filter(|_| !broken) else {
            return;
        };
        if report.settled {
            report.session.clone_from(&open.session);
            if self.keeps {
                report.kept = open.keep();
                return;
            }
        }
        open.connection.quit();
    }

    fn endpoint(
        &self,
        candidate: &Candidate,
        address: Option<IpAddr>,
        port: u16,
    ) -> io::Result<SockAddr> {
        match (&candidate.host, address) {
            (_, Some(address)) => Ok((self.endpoint)(address, port).into()),
            (Host::Socket(path), None) => SockAddr::unix(path),
            (Host::Name(_) | Host::Literal(_), None) => Err(io::Error::other("no address")),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.name)
            .field("port", &self.port)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// Why there is no client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientError {
    /// The name for EHLO is empty, or has a character that no command can carry.
    Name,
    /// The TLS library has no TLS 1.2 or 1.3.
    Tls(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("a name that cannot stand behind EHLO"),
            Self::Tls(error) => write!(f, "no TLS to be had: {error}"),
        }
    }
}

impl std::error::Error for ClientError {}

fn begun(host: &Host, address: Option<IpAddr>, resumed: bool) -> Try {
    Try {
        host: host.clone(),
        address,
        resumed,
        tls: None,
        sent: None,
        refusal: None,
        cause: None,
    }
}
