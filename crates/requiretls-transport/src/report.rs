//! What is known of each recipient so far?
//!
//! Over all hosts that were tried. The last word about a recipient counts, and one that was taken or
//! refused for good is not offered again.

use crate::kept::Kept;
use crate::message::Message;
use crate::outcome::{Outcome, Recipient, Try};
use crate::reply::PeerReply;
use requiretls_core::connection::Clearance;
use requiretls_core::decision::Who;
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::session::Session;

/// What is known of one next hop's share of a message.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) answers: Answers,
    pub(crate) tries: Vec<Try>,
    pub(crate) peer: Option<PeerReply>,
    pub(crate) session: Option<Session>,
    pub(crate) kept: Option<Kept>,
    pub(crate) declined: Option<Kept>,
    /// No other host is to be tried.
    pub(crate) settled: bool,
}

/// The recipients, by their places in the envelope, each with the last word about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Vec<(usize, Option<Reply>)>);

impl Answers {
    pub(crate) fn of(recipients: impl IntoIterator<Item = usize>) -> Self {
        Self(recipients.into_iter().map(|index| (index, None)).collect())
    }

    /// All of them.
    pub(crate) fn recipients(&self) -> Vec<usize> {
        self.0.iter().map(|(index, _)| *index).collect()
    }

    /// The recipients that nobody has taken or refused for good.
    pub(crate) fn pending(&self) -> Vec<usize> {
        let may_heal = |reply: &Option<Reply>| reply.as_ref().is_none_or(|r| is(r, 4));
        self.0
            .iter()
            .filter(|(_, reply)| may_heal(reply))
            .map(|(index, _)| *index)
            .collect()
    }

    pub(crate) fn answer(&mut self, recipients: &[usize], reply: &Reply) {
        for (index, own) in &mut self.0 {
            if recipients.contains(index) {
                *own = Some(reply.clone());
            }
        }
    }

    /// The last one of a class.
    fn last(&self, class: u16) -> Option<&Reply> {
        let mut replies = self.0.iter().rev().filter_map(|(_, reply)| reply.as_ref());
        replies.find(|reply| is(reply, class))
    }
}

impl Report {
    /// Nothing, about these recipients.
    pub(crate) fn of(recipients: impl IntoIterator<Item = usize>) -> Self {
        Self {
            answers: Answers::of(recipients),
            ..Self::default()
        }
    }

    /// Nothing, about all recipients.
    pub(crate) fn new(message: &Message) -> Self {
        Self::of(0..message.envelope.recipients.len())
    }

    /// The end, over all hosts tried.
    pub(crate) fn finish(self, message: &Message, delivery: &Delivery) -> Outcome {
        let verdict = delivery.verdict();
        let by_peer = verdict.action == Action::Go;
        let own =
            |reply: Option<&Reply>, action| reply.map(|r| (action, r.clone(), Who::Nobody, None));
        let (action, reply, who, row) = if let Some(taken) = self.answers.last(2) {
            let who = delivery.clearance().map_or(Who::Nobody, Clearance::who);
            (Action::Go, taken.clone(), who, None)
        } else if by_peer {
            let last = if self.answers.pending().is_empty() {
                own(self.answers.last(5), Action::Bounce)
            } else {
                own(self.answers.last(4), Action::Defer)
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
        let path = |index: usize| {
            message
                .envelope
                .recipients
                .get(index)
                .map(|r| r.path.clone())
        };
        let recipients = self.answers.0.into_iter().filter_map(|(index, own)| {
            Some(Recipient {
                path: path(index)?,
                reply: own.unwrap_or_else(|| unserved.clone()),
            })
        });
        Outcome {
            action,
            reply,
            who,
            row,
            recipients: recipients.collect(),
            tries: self.tries,
            peer: self.peer,
            session: self.session,
            kept: self.kept,
            declined: self.declined,
            delivery: delivery.clone(),
        }
    }
}

fn is(reply: &Reply, class: u16) -> bool {
    reply.code / 100 == class
}
