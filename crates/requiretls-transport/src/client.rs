//! Who sends, and with which settings?

use crate::follow::Of;
use crate::judge::Judge;
use crate::kept::Kept;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::pool::Pool;
use crate::report::Report;
use crate::timeouts::{Timeouts, deadline};
use crate::tls;
use crate::transaction::Share;
use requiretls_core::delivery::Delivery;
use requiretls_core::pkix::Roots;
use requiretls_core::plan::Plan;
use rustls::ClientConfig;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Delivers messages as their plans allow. Cheap to clone; may be shared between threads.
#[derive(Clone)]
pub struct Client {
    pub(crate) name: Arc<str>,
    pub(crate) roots: Roots,
    pub(crate) timeouts: Timeouts,
    pub(crate) tls: Arc<ClientConfig>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) port: u16,
    pub(crate) endpoint: Arc<dyn Fn(IpAddr, u16) -> SocketAddr + Send + Sync>,
    noted: Arc<dyn Fn(&Delivery) + Send + Sync>,
    pub(crate) keeps: bool,
    sources: Vec<IpAddr>,
    in_all: Option<Duration>,
    pub(crate) pool: Option<Arc<Pool>>,
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
            sources: Vec::new(),
            in_all: None,
            pool: None,
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

    /// Where connections are made from: the first address of each family counts. A family that is
    /// not among them is left to the system.
    #[must_use]
    pub fn with_sources(self, sources: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            sources: sources.into_iter().collect(),
            ..self
        }
    }

    /// How long a message may take in all; without it, as long as its phases add up to. Whoever waits
    /// for the answer should be the more patient one: a message that is taken when nobody waits any
    /// more is sent twice. Only the end of a message and the reply to it are not cut short, for that
    /// would leave in doubt what became of it.
    #[must_use]
    pub fn within(self, in_all: Duration) -> Self {
        Self {
            in_all: Some(in_all),
            ..self
        }
    }

    /// Follows the plan for one message.
    #[must_use]
    pub fn deliver(&self, plan: Plan, message: &Message) -> Outcome {
        let (report, until) = (Report::new(message), self.until());
        self.run(Delivery::new(plan), message, report, &mut [], until)
    }

    /// The same, over an open connection where the plan lets the message ride on it. One that is
    /// not for this message comes back as [`Outcome::declined`]; one that has died is forgotten.
    #[must_use]
    pub fn deliver_over(&self, mut kept: Kept, plan: Plan, message: &Message) -> Outcome {
        let mut delivery = Delivery::new(plan);
        let (mut report, until) = (Report::new(message), self.until());
        if kept.connection.is_quiet() {
            match self.may_ride(&delivery, &kept) {
                Some(riding) => {
                    let of = Of::new(message, &mut report, &mut [], until);
                    self.ride(&mut delivery, riding, kept, of);
                }
                None => report.declined = Some(kept),
            }
        }
        self.run(delivery, message, report, &mut [], until)
    }

    /// With a pool instead of what a caller keeps.
    pub(crate) fn pooling(self, pool: Arc<Pool>) -> Self {
        Self {
            pool: Some(pool),
            keeps: false,
            ..self
        }
    }

    /// When a message that begins now has to be over.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.in_all.map(deadline)
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Where a connection to this address is made from.
    pub(crate) fn source(&self, to: IpAddr) -> Option<IpAddr> {
        let mut sources = self.sources.iter();
        sources.find(|from| from.is_ipv4() == to.is_ipv4()).copied()
    }

    /// One whole message for one next hop; the shares of other next hops may ride along.
    pub(crate) fn run<J: Judge>(
        &self,
        mut judge: J,
        message: &Message,
        mut report: Report,
        others: &mut [Share],
        until: Option<Instant>,
    ) -> Outcome {
        self.follow(&mut judge, Of::new(message, &mut report, others, until));
        (self.noted)(judge.delivery());
        report.finish(message, judge.delivery())
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
