//! Which hosts are tried for a message, one after the other, and on which connections?
//!
//! Core's order: all addresses of a host before the next host, until one has settled the message
//! or none is left. A connection that is open already comes first, where it is to the host that
//! comes next and the message's own plan lets it ride there (P9).

use crate::approach::{Approach, Left};
use crate::client::Client;
use crate::judge::Judge;
use crate::kept::{Kept, Open};
use crate::message::Message;
use crate::outcome::Try;
use crate::pool::{Permit, Turn};
use crate::report::Report;
use crate::transaction::{Share, Transaction};
use requiretls_core::authenticate::Site;
use requiretls_core::delivery::{Action, Delivery, End};
use requiretls_core::next_hop::Host;
use requiretls_core::plan::Candidate;
use socket2::SockAddr;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Whether a connection may be made to the host that comes next.
enum Place {
    /// No need: the message has ridden on one, or tried to.
    Rode,
    /// Nobody counts.
    Free,
    /// In this place.
    Permitted(Arc<Permit>),
    /// No.
    None,
}

impl Place {
    fn permit(self) -> Option<Arc<Permit>> {
        match self {
            Self::Permitted(permit) => Some(permit),
            Self::Rode | Self::Free | Self::None => None,
        }
    }
}

/// What a delivery is of.
pub(crate) struct Of<'a> {
    message: &'a Message,
    report: &'a mut Report,
    others: &'a mut [Share],
    until: Option<Instant>,
}

impl<'a> Of<'a> {
    pub(crate) fn new(
        message: &'a Message,
        report: &'a mut Report,
        others: &'a mut [Share],
        until: Option<Instant>,
    ) -> Self {
        Self {
            message,
            report,
            others,
            until,
        }
    }

    /// Whether there is something to do, and time for it.
    fn goes_on(&self) -> bool {
        !self.report.settled && self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl Client {
    pub(crate) fn follow<J: Judge>(&self, judge: &mut J, mut of: Of<'_>) {
        let rule = judge.delivery().plan().rule();
        let (site, port) = (Site::of(&rule.methods), rule.port.unwrap_or(self.port));
        // A host that has answered on an open connection is then asked on a new one.
        let mut ridden = Vec::new();
        while of.goes_on() {
            let place = match self.ride_on_a_pooled_one(judge, port, &mut ridden, &mut of) {
                Place::Rode => continue,
                place => place,
            };
            let Some((candidate, index)) = judge.next() else {
                break;
            };
            let address = candidate.addresses.get(index).copied();
            let mut this = begun(&candidate.host, address, false);
            let opened = match (self.endpoint(&candidate, address, port), place) {
                (Err(error), _) => Err(Left::Ended(End::Lost, error.to_string())),
                (Ok(_), Place::None) => {
                    let cause = "there are as many connections to it as there may be";
                    Err(Left::Ended(End::Lost, cause.to_owned()))
                }
                (Ok(to), place) => {
                    let approach = Approach {
                        client: self,
                        candidate: &candidate,
                        site: &site,
                        to: &to,
                        until: of.until,
                        permit: place.permit(),
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

    /// The message on an open connection to the host that it would come to next (MX order, RFC 5321
    /// section 5.1), or a place for a new one.
    fn ride_on_a_pooled_one<J: Judge>(
        &self,
        judge: &mut J,
        port: u16,
        ridden: &mut Vec<Host>,
        of: &mut Of<'_>,
    ) -> Place {
        let (Some(pool), Some(delivery)) = (&self.pool, judge.riding()) else {
            return Place::Free;
        };
        let Some((candidate, _)) = delivery.clone().next() else {
            return Place::Free;
        };
        let fits = |kept: &Kept| {
            (!ridden.contains(&candidate.host)).then(|| self.may_ride(delivery, kept))?
        };
        let (riding, mut kept) = match pool.turn(&candidate.host, port, fits) {
            Turn::Ride(riding, kept) => (riding, *kept),
            Turn::Connect(permit) => return Place::Permitted(permit),
            Turn::Full => return Place::None,
        };
        if kept.connection.is_quiet() {
            let of = Of::new(of.message, of.report, of.others, of.until);
            if self.ride(delivery, riding, kept, of) {
                ridden.push(candidate.host);
            }
        }
        Place::Rode
    }

    /// The delivery as it would ride on an open connection (P9).
    pub(crate) fn may_ride(&self, delivery: &Delivery, kept: &Kept) -> Option<Delivery> {
        let mut riding = delivery.clone();
        let action = riding.resume(&kept.host, &kept.session, self.now());
        (action == Action::Go).then_some(riding)
    }

    /// The message on an open connection. One that has died meanwhile, or leaves, costs a new
    /// connection and nothing else: false, and the delivery stands as before.
    pub(crate) fn ride(
        &self,
        delivery: &mut Delivery,
        mut riding: Delivery,
        mut kept: Kept,
        mut of: Of<'_>,
    ) -> bool {
        let mut this = begun(&kept.host, kept.address, true);
        kept.connection.ends_by(of.until);
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
        let Some(mut open) = open.filter(|open| !open.connection.is_lost()) else {
            return;
        };
        open.connection.ends_by(None);
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
