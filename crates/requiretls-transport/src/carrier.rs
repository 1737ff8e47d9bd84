//! How does a message reach all of its recipients?
//!
//! Each recipient goes by the listener's route or by its own domain, each next hop has a plan of its
//! own, and each recipient gets one answer: the peer's where a peer spoke, core's where it did not.

use crate::client::Client;
use crate::content::Content;
use crate::envelope::Envelope;
use crate::limits::Limits;
use crate::message::Message;
use crate::path::Path;
use crate::pool::{Janitor, Pool};
use crate::report::Report;
use crate::transaction::Share;
use requiretls_core::delivery::Delivery;
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::Plan;
use requiretls_core::reply::{Enhanced, Reply};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Carries messages to their next hops. May be shared between threads, and is dropped when all
/// messages have their answers: then its idle connections are closed.
pub struct Carrier {
    client: Client,
    look_up: Box<dyn Fn(&PlanFor<'_>) -> Plan + Send + Sync>,
    janitor: Janitor,
}

/// A message to be carried.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
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
            janitor: Janitor::of(pool),
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
        let recipients = &request.envelope.recipients;
        let mut replies: Vec<Option<Reply>> = vec![None; recipients.len()];
        let ways = by_next_hop(request, &mut replies);
        let message = Message::new(request.envelope.clone(), request.content.clone());
        let Ok(message) = message else {
            return replies;
        };
        let mut shares: VecDeque<(Share, Vec<usize>)> = ways
            .into_iter()
            .map(|(next_hop, indices)| {
                let plan = (self.look_up)(&PlanFor {
                    next_hop: &next_hop,
                    tag: request.tag,
                    null_path: request.envelope.return_path.is_null(),
                });
                let report = Report::of(indices.iter().copied());
                let delivery = Delivery::new(plan);
                (Share { delivery, report }, indices)
            })
            .collect();
        while let Some((share, indices)) = shares.pop_front() {
            let (mut others, rest): (Vec<Share>, Vec<Vec<usize>>) = shares.drain(..).unzip();
            let Share { delivery, report } = share;
            let outcome = self.client.run(delivery, &message, report, &mut others);
            shares.extend(others.into_iter().zip(rest));
            for (index, recipient) in indices.into_iter().zip(outcome.recipients) {
                if let Some(place) = replies.get_mut(index) {
                    *place = Some(recipient.reply);
                }
            }
        }
        self.janitor.begin();
        replies
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Which recipients go where; those that go nowhere are answered.
fn by_next_hop(request: &Request<'_>, replies: &mut [Option<Reply>]) -> Vec<(NextHop, Vec<usize>)> {
    let mut all: Vec<(NextHop, Vec<usize>)> = Vec::new();
    let recipients = &request.envelope.recipients;
    for ((index, recipient), reply) in recipients.iter().enumerate().zip(replies) {
        let next_hop = match request.route {
            Some(route) => route.clone(),
            None => match next_hop_of(&recipient.path) {
                Ok(next_hop) => next_hop,
                Err(refusal) => {
                    *reply = Some(refusal);
                    continue;
                }
            },
        };
        match all.iter_mut().find(|(known, _)| *known == next_hop) {
            Some((_, indices)) => indices.push(index),
            None => all.push((next_hop, vec![index])),
        }
    }
    all
}

/// A domain or a literal out of an address is no routing of the site: it names no unix socket, and
/// nothing on this machine, for which P12 has a weaker preset.
fn next_hop_of(path: &Path) -> Result<NextHop, Reply> {
    let refused = |detail, text: &str| {
        let text = format!("{}: {text}", path.as_str());
        Err(Reply::new(550, Enhanced(5, 1, detail), text))
    };
    let Some(domain) = path.domain() else {
        return refused(3, "an address without a domain");
    };
    match NextHop::parse(domain) {
        Ok(NextHop::Domain(domain)) => Ok(NextHop::Domain(domain)),
        Ok(next_hop @ NextHop::Literal(address)) if domain.starts_with('[') => {
            if next_hop.is_local_endpoint() || address.to_canonical().is_unspecified() {
                return refused(2, "the address is this machine's own");
            }
            Ok(next_hop)
        }
        Ok(NextHop::Literal(_) | NextHop::Socket(_)) | Err(_) => {
            refused(3, "its domain is no domain")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::next_hop_of;
    use crate::path::Path;

    #[test]
    fn where_an_address_leads() {
        for (label, address, expected) in [
            ("domain", "a@D.test", "d.test"),
            ("U-labels", "a@b\u{fc}cher.test", "xn--bcher-kva.test"),
            ("literal", "a@[192.0.2.1]", "[192.0.2.1]"),
            ("IPv6", "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("none", "postmaster", "550 5.1.3"),
            ("not a domain", "a@b..test", "550 5.1.3"),
            ("no brackets", "a@192.0.2.1", "550 5.1.3"),
            ("P12: no socket", "a@unix:/run/x", "550 5.1.3"),
            ("P12: not this machine", "a@[127.1.2.3]", "550 5.1.2"),
            ("the same", "a@[IPv6:::1]", "550 5.1.2"),
            ("the same, mapped", "a@[IPv6:::ffff:127.0.0.1]", "550 5.1.2"),
            ("this host", "a@[0.0.0.0]", "550 5.1.2"),
        ] {
            let path = Path::parse(address).unwrap();
            let found = next_hop_of(&path).map(|n| n.to_string());
            let found = found.unwrap_or_else(|r| format!("{} {}", r.code, r.enhanced));
            assert_eq!(found, expected, "{label}");
        }
    }
}
