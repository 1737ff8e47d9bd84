//! What became of the message?

use crate::kept::Kept;
use crate::message::Message;
use crate::path::Path;
use crate::reply::{Class, PeerReply};
use crate::tls::Tls;
use requiretls_core::connection::Clearance;
use requiretls_core::decision::{Refusal, Row, Who};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::next_hop::Host;
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::session::Session;
use std::net::IpAddr;

/// What became of one message at one next hop.
#[derive(Debug)]
pub struct Outcome {
    /// Go when a peer took it for at least one recipient, else defer or bounce.
    pub action: Action,
    /// The reply for the message as a whole: the peer's own where the peer spoke about the message,
    /// else core's.
    pub reply: Reply,
    /// Who imposed it.
    pub who: Who,
    /// The row that decided; `None` on go and where the peer's own reply decided.
    pub row: Option<Row>,
    /// Each recipient, in the order of the message, with its own reply.
    pub recipients: Vec<Recipient>,
    /// Every connection that was tried, the last one last.
    pub tries: Vec<Try>,
    /// The last reply to MAIL, RCPT, DATA or the message.
    pub peer: Option<PeerReply>,
    /// What the connection that settled the message proved when it was made.
    pub session: Option<Session>,
    /// The connection that settled the message, still open, if the client keeps connections.
    pub kept: Option<Kept>,
    /// The open connection that was offered, where this message may not ride on it.
    pub declined: Option<Kept>,
    /// The state machine as it ended, for the log.
    pub delivery: Delivery,
}

/// What became of the message for one recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipient {
    /// The address.
    pub path: Path,
    /// 2yz: taken; 4yz: try later; 5yz: return.
    pub reply: Reply,
}

/// One connection that was tried.
#[derive(Clone, Debug)]
pub struct Try {
    /// The host, by the name it was tried under.
    pub host: Host,
    /// The address that the plan has for it; `None` for a unix socket.
    pub address: Option<IpAddr>,
    /// Whether the connection was open before.
    pub resumed: bool,
    /// What was negotiated; `None` in clear.
    pub tls: Option<Tls>,
    /// What MAIL FROM went with; `None`: the gate did not open.
    pub sent: Option<Sent>,
    /// Why the host was left; `None` where it settled the message.
    pub refusal: Option<Refusal>,
    /// What went wrong on the wire, in the peer's or the system's words.
    pub cause: Option<String>,
}

/// What was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sent {
    /// The parameters of the last MAIL FROM, without the blank before them.
    pub parameters: String,
    /// Whether the message itself was begun.
    pub content: bool,
}

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    recipients: Vec<(Path, Option<PeerReply>)>,
    pub(crate) tries: Vec<Try>,
    pub(crate) peer: Option<PeerReply>,
    pub(crate) session: Option<Session>,
    pub(crate) kept: Option<Kept>,
    pub(crate) declined: Option<Kept>,
    /// A host has settled the message.
    pub(crate) settled: bool,
}

impl Outcome {
    /// The host that was tried last.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.tries.last().map(|t| &t.host)
    }

    /// The address that was tried last.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.tries.last().and_then(|t| t.address)
    }

    /// What was negotiated on the last connection.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tries.last().and_then(|t| t.tls.as_ref())
    }

    /// What was sent on the last connection.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        self.tries.last().and_then(|t| t.sent.as_ref())
    }
}

impl Report {
    pub(crate) fn new(message: &Message) -> Self {
        Self {
            recipients: message
                .envelope
                .recipients
                .iter()
                .map(|recipient| (recipient.path.clone(), None))
                .collect(),
            ..Self::default()
        }
    }

    /// The recipients that no peer has taken or refused for good.
    pub(crate) fn pending(&self) -> Vec<usize> {
        self.recipients
            .iter()
            .enumerate()
            .filter(|(_, (_, reply))| reply.as_ref().is_none_or(|r| r.class() == Class::Transient))
            .map(|(index, _)| index)
            .collect()
    }

    pub(crate) fn answer(&mut self, recipients: &[usize], reply: &PeerReply) {
        for index in recipients {
            if let Some((_, own)) = self.recipients.get_mut(*index) {
                *own = Some(reply.clone());
            }
        }
    }

    /// The end, over all hosts tried.
    pub(crate) fn finish(self, delivery: &Delivery) -> Outcome {
        let verdict = delivery.verdict();
        let replies = || {
            self.recipients
                .iter()
                .filter_map(|(_, reply)| reply.as_ref())
        };
        let of = |class| replies().rev().find(move |r| r.class() == class);
        let by_peer = verdict.action == Action::Go;
        let refused_for_good = self.pending().is_empty();
        let own = |reply: Option<&PeerReply>, action| {
            reply.map(|r| (action, r.to_reply(), Who::Nobody, None))
        };
        let (action, reply, who, row) = if let Some(taken) = of(Class::Positive) {
            let who = delivery.clearance().map_or(Who::Nobody, Clearance::who);
            (Action::Go, taken.to_reply(), who, None)
        } else if by_peer {
            let last = if refused_for_good {
                own(of(Class::Permanent), Action::Bounce)
            } else {
                own(of(Class::Transient), Action::Defer)
            };
            last.unwrap_or((Action::Defer, verdict.reply, verdict.who, verdict.row))
        } else {
            (verdict.action, verdict.reply, verdict.who, verdict.row)
        };
        // Not every recipient of a message that was taken need have an answer.
        let unserved = match action {
            Action::Go => Reply::new(451, Enhanced(4, 4, 1), "no host has taken it yet"),
            _ => reply.clone(),
        };
        let recipients = self
            .recipients
            .into_iter()
            .map(|(path, own)| Recipient {
                path,
                reply: own.map_or_else(|| unserved.clone(), |r| r.to_reply()),
            })
            .collect();
        Outcome {
            action,
            reply,
            who,
            row,
            recipients,
            tries: self.tries,
            peer: self.peer,
            session: self.session,
            kept: self.kept,
            declined: self.declined,
            delivery: delivery.clone(),
        }
    }
}
