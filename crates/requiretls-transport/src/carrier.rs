//! How does a message reach all of its recipients?
//!
//! Each recipient goes by the listener's route or by its own domain, each next hop has a plan of its
//! own, and each recipient gets one answer: the peer's where a peer spoke, core's where it did not.

use crate::at_once::at_once;
use crate::client::Client;
use crate::content::Content;
use crate::envelope::Envelope;
use crate::limits::Limits;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::pool::{Janitor, Pool};
use crate::report::Report;
use crate::transaction::Share;
use crate::way::{Way, ways};
use requiretls_core::delivery::Delivery;
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::Plan;
use requiretls_core::reply::{Enhanced, Reply};
use std::collections::VecDeque;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Instant;

/// Carries messages to their next hops. May be shared between threads, and is dropped when all
/// messages have their answers: then its idle connections are closed.
pub struct Carrier {
    client: Client,
    look_up: Box<dyn Fn(&PlanFor<'_>) -> Plan + Send + Sync>,
    told: Box<Told>,
    janitor: Janitor,
    next_hops: NonZero<usize>,
}

/// Hears what became of a message at one next hop.
type Told = dyn Fn(&Request<'_>, &Outcome) + Send + Sync;

/// A message to be carried.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Which one it is, for whoever is told of it: the connection that brought it, and the message
    /// on that.
    pub number: (u64, u64),
    /// From whom to whom.
    pub envelope: &'a Envelope,
    /// What the sender required, as kept with the message; empty: nothing.
    pub tag: &'a str,
    /// The message itself.
    pub content: &'a Content,
    /// Where all of it goes by the site's routing; `None`: where each recipient's domain says.
    pub route: Option<&'a NextHop>,
}

/// What a plan is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct PlanFor<'a> {
    /// The next hop.
    pub next_hop: &'a NextHop,
    /// The tag of the message, unread: one that cannot be read is [`Plan::unreadable`].
    pub tag: &'a str,
    /// Whether the return path is empty (R29, R30).
    pub null_path: bool,
}

impl Carrier {
    /// Sends with this client by the plans that `look_up` makes. It is asked once for each message
    /// and next hop, may wait, and is asked by several threads at once. The client should be one
    /// that shows its deliveries to whoever looks up: [`Client::noting`].
    pub fn new(
        client: Client,
        look_up: impl Fn(&PlanFor<'_>) -> Plan + Send + Sync + 'static,
    ) -> Self {
        Self::with_limits(client, Limits::default(), look_up)
    }

    /// The same with other limits for its connections.
    pub fn with_limits(
        client: Client,
        limits: Limits,
        look_up: impl Fn(&PlanFor<'_>) -> Plan + Send + Sync + 'static,
    ) -> Self {
        let pool = Pool::new(limits);
        Self {
            client: client.pooling(Arc::clone(&pool)),
            look_up: Box::new(look_up),
            told: Box::new(|_, _| {}),
            janitor: Janitor::of(pool),
            next_hops: limits.next_hops,
        }
    }

    /// Tells what became of each message at each of its next hops, as soon as that is known.
    #[must_use]
    pub fn telling(self, told: impl Fn(&Request<'_>, &Outcome) + Send + Sync + 'static) -> Self {
        Self {
            told: Box::new(told),
            ..self
        }
    }

    /// Carries one message, and returns when every recipient has its answer: one reply for each,
    /// in the order of the envelope. 2yz: a next hop has taken the message for it; 4yz: to be tried
    /// again, even where a host may have taken it; 5yz: to be returned.
    #[must_use]
    pub fn carry(&self, request: &Request<'_>) -> Vec<Reply> {
        let carried = self.carry_all(request);
        let unanswered = || Reply::new(451, Enhanced(4, 3, 0), "nothing was decided about it");
        carried
            .into_iter()
            .map(|reply| reply.unwrap_or_else(unanswered))
            .collect()
    }

    fn carry_all(&self, request: &Request<'_>) -> Vec<Option<Reply>> {
        let mut replies: Vec<Option<Reply>> = vec![None; request.envelope.recipients.len()];
        let ways = ways(request, &mut replies);
        let message = Message::new(request.envelope.clone(), request.content.clone());
        let Ok(message) = message else {
            return replies;
        };
        let (limit, until) = (self.next_hops, self.client.until());
        let shares = at_once(ways, limit, |way| self.share(request, way));
        let answered = at_once(convoys(shares), limit, |convoy| {
            self.serve(request, &message, convoy, until)
        });
        for (index, reply) in answered.into_iter().flatten() {
            if let Some(place) = replies.get_mut(index) {
                *place = Some(reply);
            }
        }
        self.janitor.begin();
        replies
    }

    /// What is known of one next hop, as far as it can be known without a connection.
    fn share(&self, request: &Request<'_>, way: Way) -> Share {
        let plan = (self.look_up)(&PlanFor {
            next_hop: &way.next_hop,
            tag: request.tag,
            null_path: request.envelope.return_path.is_null(),
        });
        Share {
            delivery: Delivery::new(plan),
            report: Report::of(way.recipients),
        }
    }

    /// One share after the other, each of which may take further ones along.
    fn serve(
        &self,
        request: &Request<'_>,
        message: &Message,
        mut convoy: VecDeque<Share>,
        until: Option<Instant>,
    ) -> Vec<(usize, Reply)> {
        let mut answered = Vec::new();
        while let Some(Share { delivery, report }) = convoy.pop_front() {
            let recipients = report.answers.recipients();
            let others = convoy.make_contiguous();
            let outcome = self.client.run(delivery, message, report, others, until);
            (self.told)(request, &outcome);
            let replies = outcome.recipients.into_iter().map(|own| own.reply);
            let replies: Vec<(usize, Reply)> = recipients.into_iter().zip(replies).collect();
            let too_many = too_many(&replies);
            answered.extend(replies);
            if !too_many.is_empty() {
                let plan = outcome.delivery.plan().clone();
                convoy.push_front(Share {
                    delivery: Delivery::new(plan),
                    report: Report::of(too_many),
                });
            }
        }
        answered
    }
}

/// Those that were too many for one transaction, and are to have another (RFC 5321 sections 4.5.3.1.8
/// and 4.5.3.1.10). Where nobody was taken it is no matter of their number.
fn too_many(replies: &[(usize, Reply)]) -> Vec<usize> {
    let taken = replies.iter().any(|(_, reply)| reply.code / 100 == 2);
    let too_many = replies
        .iter()
        .filter(|(_, reply)| taken && reply.code == 452);
    too_many.map(|(index, _)| *index).collect()
}

/// The shares that would come to the same host first: these may share a transaction, and the others
/// need not wait for one another.
fn convoys(mut shares: Vec<Share>) -> Vec<VecDeque<Share>> {
    shares.sort_by_key(|share| share.report.answers.recipients());
    let mut convoys: Vec<(Option<Host>, VecDeque<Share>)> = Vec::new();
    for share in shares {
        let mut ahead = share.delivery.clone();
        let first = ahead.next_host_to_try().ok().map(|c| c.host.clone());
        let mut all = convoys.iter_mut();
        match all.find(|(host, _)| first.is_some() && *host == first) {
            Some((_, convoy)) => convoy.push_back(share),
            None => convoys.push((first, VecDeque::from([share]))),
        }
    }
    convoys.into_iter().map(|(_, convoy)| convoy).collect()
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
