//! What was tried, and what did each connection show?
//!
//! Kept only where it was asked for, to be written as a case. A try costs a fixed number of bytes
//! when it ends; nothing is kept of its steps, since what a connection has shown is what counts.

use super::Delivery;
use super::attempt::{Current, Step};
use crate::connection::Connection;
use crate::decision::{Refusal, Row};
use crate::next_hop::Host;
use crate::plan::Candidate;
use crate::reply::Enhanced;

/// The tries of a delivery, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    tries: Vec<Try>,
    /// Something happened that is not among them.
    incomplete: bool,
}

/// One try at its end.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) host: Tried,
    pub(crate) seen: Connection,
    pub(crate) ended: Ended,
}

/// The host of a try.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tried {
    /// A candidate, by its place in the plan.
    Candidate(usize),
    /// A host that the plan has not.
    Stranger(Host),
}

/// How a try ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// The host settled the message, or the gate is open for it.
    Settled,
    /// What was seen was refused, or the plan refused the host before anything was.
    Judged,
    /// No connection, or EHLO in clear answered with 4yz.
    NoConnection,
    /// A greeting of 4yz.
    NotReady,
    /// A greeting of 5yz.
    Unwelcome,
    /// Lost after EHLO in clear.
    AfterEhlo,
    /// Lost inside TLS, or EHLO there answered with 4yz.
    InsideTls,
    /// Lost when MAIL might be sent, or after it.
    AtMail,
    /// Answered with 4yz after MAIL.
    Deferred,
    /// MAIL with our parameter refused (row 14).
    ParameterRefused,
    /// MAIL in clear answered with 530 (row 16).
    TlsDemanded,
    /// The facts had expired at the gate.
    Expired,
    /// A call out of order.
    Internal,
}

impl Record {
    /// More tries than that are a loop, not a delivery.
    const MOST: usize = 256;

    /// The tries that were kept.
    pub(crate) fn tries(&self) -> &[Try] {
        &self.tries
    }

    /// Whether that is all that has happened.
    pub(crate) fn is_complete(&self) -> bool {
        !self.incomplete
    }

    fn add(&mut self, tried: Try) {
        if self.tries.len() < Self::MOST {
            self.tries.push(tried);
        } else {
            self.incomplete = true;
        }
    }
}

impl Ended {
    /// From the step at which a try was refused, and by what.
    pub(super) fn of(current: &Current, refusal: &Refusal) -> Self {
        match (current.step, refusal.row) {
            (Step::Host, Row::Connect) if refusal.reply.enhanced == Enhanced(4, 3, 2) => {
                Self::NotReady
            }
            (Step::Host, Row::Connect) => Self::NoConnection,
            (Step::Host, Row::Greeting) => Self::Unwelcome,
            (Step::Clear, Row::Connect) => Self::AfterEhlo,
            // In clear the same row is what was seen.
            (Step::Tls, Row::TlsLost) if current.seen.clear.is_none() => Self::InsideTls,
            (Step::Sent, Row::Connect) if refusal.reply.enhanced == Enhanced(4, 0, 0) => {
                Self::Deferred
            }
            (Step::Ready | Step::Sent, Row::Connect) => Self::AtMail,
            (_, Row::ParameterRefused) => Self::ParameterRefused,
            (_, Row::TlsDemanded) => Self::TlsDemanded,
            _ => Self::Judged,
        }
    }
}

impl Delivery {
    /// The same delivery, which keeps what it is told, so that it can be written as a
    /// [`crate::case::Case`]. Before the first host.
    #[must_use]
    pub fn recording(self) -> Self {
        Self {
            record: Some(Record::default()),
            ..self
        }
    }

    /// Whether it keeps what it is told.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.record.is_some()
    }

    pub(crate) fn recorded(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// How many addresses of a candidate are untried, or 1 for a host that is refused unasked.
    pub(crate) fn untried(&self, index: usize) -> usize {
        let tries = self
            .plan
            .candidates()
            .get(index)
            .map_or(0, Candidate::tries);
        tries.saturating_sub(self.tried.get(index).copied().unwrap_or(0))
    }

    /// The current try, as if it ended now.
    pub(crate) fn current_try(&self) -> Option<Try> {
        let current = self.current.as_ref()?;
        Some(self.ended_try(current, Ended::Settled))
    }

    pub(super) fn keep_settled(&mut self) {
        if self.record.is_some()
            && let Some(tried) = self.current_try()
            && let Some(record) = &mut self.record
        {
            record.add(tried);
        }
    }

    pub(super) fn keep(&mut self, current: &Current, ended: Ended) {
        if self.record.is_some() {
            let tried = self.ended_try(current, ended);
            if let Some(record) = &mut self.record {
                record.add(tried);
            }
        }
    }

    /// Something happened that no try can say.
    pub(super) fn keep_nothing(&mut self) {
        if let Some(record) = &mut self.record {
            record.incomplete = true;
        }
    }

    /// An open connection is to a host of the plan as well, though it is none of its addresses.
    fn ended_try(&self, current: &Current, ended: Ended) -> Try {
        let host = &current.candidate.host;
        let candidates = self.plan.candidates();
        let place = current
            .index
            .or_else(|| candidates.iter().position(|c| c.host == *host));
        Try {
            host: place.map_or_else(|| Tried::Stranger(host.clone()), Tried::Candidate),
            seen: current.seen.clone(),
            ended,
        }
    }
}
