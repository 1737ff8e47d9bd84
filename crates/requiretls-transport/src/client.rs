//! Which hosts are tried, one after the other?
//!
//! Core's order: all addresses of a host before the next host, until one has settled the message
//! or none is left. An open connection that is offered comes first, where the message's own plan
//! lets it ride there (P9).

use crate::approach::{Approach, Left};
use crate::judge::Judge;
use crate::kept::{Kept, Open};
use crate::message::Message;
use crate::outcome::{Outcome, Try};
use crate::pool::{Full, Permit, Pool};
use crate::report::Report;
use crate::timeouts::Timeouts;
use crate::tls;
use crate::transaction::{Share, Transaction};
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
    sources: Vec<IpAddr>,
    pub(crate) pool: Option<Arc<Pool>>,
}

/// What a delivery is of.
struct Of<'a> {
    message: &'a Message,
    report: &'a mut Report,
    others: &'a mut [Share],
}

impl<'a> Of<'a> {
    fn new(message: &'a Message, report: &'a mut Report, others: &'a mut [Share]) -> Self {
        Self {
            message,
            report,
            others,
        }
    }
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

    /// Follows the plan for one message.
    #[must_use]
    pub fn deliver(&self, plan: Plan, message: &Message) -> Outcome {
        self.run(Delivery::new(plan), message, Report::new(message), &mut [])
    }

    /// The same, over an open connection where the plan lets the message ride on it. One that is
    /// not for this message comes back as [`Outcome::declined`]; one that has died is forgotten.
    #[must_use]
    pub fn deliver_over(&self, mut kept: Kept, plan: Plan, message: &Message) -> Outcome {
        let mut delivery = Delivery::new(plan);
        let mut report = Report::new(message);
        if kept.connection.is_quiet() {
            match self.may_ride(&delivery, &kept) {
                Some(riding) => {
                    let of = Of::new(message, &mut report, &mut []);
                    self.ride(&mut delivery, riding, kept, of);
                }
                None => report.declined = Some(kept),
            }
        }
        self.run(delivery, message, report, &mut [])
    }

    /// With a pool instead of what a caller keeps.
    pub(crate) fn pooling(self, pool: Arc<Pool>) -> Self {
        Self {
            pool: Some(pool),
            keeps: false,
            ..self
        }
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Where a connection to this address is made from.
    pub(crate) fn source(&self, to: IpAddr) -> Option<IpAddr> {
        let mut sources = self.sources.iter();
        sources.find(|from| from.is_ipv4() == to.is_ipv4()).copied()
    }

    /// A place among the connections to a host.
    pub(crate) fn permit(&self, host: &Host, port: u16) -> Result<Option<Permit>, Full> {
        let pool = self.pool.as_ref();
        pool.map(|pool| pool.permit(host, port)).transpose()
    }

    /// One whole message for one next hop; the shares of other next hops may ride along.
    pub(crate) fn run<J: Judge>(
        &self,
        mut judge: J,
        message: &Message,
        mut report: Report,
        others: &mut [Share],
    ) -> Outcome {
        self.follow(&mut judge, Of::new(message, &mut report, others));
        (self.noted)(judge.delivery());
        report.finish(message, judge.delivery())
    }

    fn follow<J: Judge>(&self, judge: &mut J, mut of: Of<'_>) {
        let rule = judge.delivery().plan().rule();
        let (site, port) = (Site::of(&rule.methods), rule.port.unwrap_or(self.port));
        // A host that has answered on an open connection is then asked on a new one.
        let mut ridden = Vec::new();
        while !of.report.settled {
            if self.ride_on_a_pooled_one(judge, port, &mut ridden, &mut of) {
                continue;
            }
            let Some((candidate, index)) = judge.next() else {
                break;
            };
            let address = candidate.addresses.get(index).copied();
            let mut this = begun(&candidate.host, address, false);
            let opened = match self.endpoint(&candidate, address, port) {
                Err(error) => Err(Left::Ended(End::Lost, error.to_string())),
                Ok(to) => {
                    let approach = Approach {
                        client: self,
                        candidate: &candidate,
                        site: &site,
                        to: &to,
                        port,
                    };
                    approach.open(judge, &mut this).map(|connection| Open {
                        session: judge.delivery().session(),
                        host: candidate.host.clone(),
                        address,
                        port,
                        connection,
                    })
                }
            };
            let end = self.settle(judge, opened, this, &mut of);
            self.put_away(end, &mut of);
        }
    }

    /// Whether the state of things has changed: the message has ridden, or tried to, on an open
    /// connection to the host that it would come to next (MX order, RFC 5321 section 5.1).
    fn ride_on_a_pooled_one<J: Judge>(
        &self,
        judge: &mut J,
        port: u16,
        ridden: &mut Vec<Host>,
        of: &mut Of<'_>,
    ) -> bool {
        let (Some(pool), Some(delivery)) = (&self.pool, judge.riding()) else {
            return false;
        };
        let Some((candidate, _)) = delivery.clone().next() else {
            return false;
        };
        if ridden.contains(&candidate.host) {
            return false;
        }
        let fits = |kept: &Kept| self.may_ride(delivery, kept);
        let Some((riding, mut kept)) = pool.take(&candidate.host, port, fits) else {
            return false;
        };
        if kept.connection.is_quiet() {
            let of = Of::new(of.message, of.report, of.others);
            if self.ride(delivery, riding, kept, of) {
                ridden.push(candidate.host);
            }
        }
        true
    }

    /// The delivery as it would ride on an open connection (P9).
    fn may_ride(&self, delivery: &Delivery, kept: &Kept) -> Option<Delivery> {
        let mut riding = delivery.clone();
        let action = riding.resume(&kept.host, &kept.session, self.now());
        (action == Action::Go).then_some(riding)
    }

    /// The message on an open connection. One that has died meanwhile, or leaves, costs a new
    /// connection and nothing else: false, and the delivery stands as before.
    fn ride(
        &self,
        delivery: &mut Delivery,
        mut riding: Delivery,
        kept: Kept,
        mut of: Of<'_>,
    ) -> bool {
        let mut this = begun(&kept.host, kept.address, true);
        this.tls = kept.tls().cloned();
        let end = self.settle(&mut riding, Ok(kept.into()), this, &mut of);
        let lost = end.as_ref().is_none_or(|open| open.connection.is_lost());
        let counts = of.report.settled || !lost;
        if counts {
            *delivery = riding;
        }
        self.put_away(end, &mut of);
        counts
    }

    /// The message on a connection that was opened for it or before, and the end of this try.
    fn settle<J: Judge>(
        &self,
        judge: &mut J,
        opened: Result<Open, Left>,
        mut this: Try,
        of: &mut Of<'_>,
    ) -> Option<Open> {
        let (ended, open) = match opened {
            Err(left) => (Err(left), None),
            Ok(mut open) => {
                let ended = Transaction {
                    connection: &mut open.connection,
                    host: &open.host,
                    message: of.message,
                    report: of.report,
                    this: &mut this,
                }
                .run(judge, of.others, &|| self.now());
                (ended, Some(open))
            }
        };
        let action = match ended {
            Ok(end) => judge.done(end),
            Err(Left::Told) => Action::NextHost,
            Err(Left::Ended(end, cause)) => {
                this.cause = Some(cause);
                judge.done(end)
            }
        };
        let report = &mut *of.report;
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
        open
    }

    /// What becomes of a connection after a message.
    fn put_away(&self, open: Option<Open>, of: &mut Of<'_>) {
        let Some(open) = open.filter(|open| !open.connection.is_lost()) else {
            return;
        };
        if of.report.settled {
            of.report.session.clone_from(&open.session);
        }
        match &self.pool {
            Some(pool) => pool.put(open),
            None if of.report.settled && self.keeps => of.report.kept = open.keep(),
            None => open.connection.quit(),
        }
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
