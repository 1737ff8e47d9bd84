//! Over all hosts tried, what becomes of the message?
//!
//! A state machine that the C API, the transport and `explain` drive alike. It is told what each
//! connection shows, answers each step, keeps every try's outcome, and gives the verdict (P5).
//! Any step that refuses, and any step out of order, leaves the host; the gate opens only for what
//! the steps since the last host have shown.

mod attempt;
mod finished;
mod gate;
mod record;
mod steps;
mod verdict;

pub(crate) use finished::Finished;
use verdict::Tally;
pub use verdict::Verdict;

use crate::connection::Clearance;
use crate::decision::{Class, INTERNAL, Refusal, Row};
use crate::next_hop::Host;
use crate::plan::{Candidate, Plan};
use crate::reply::{Enhanced, Reply};
use crate::session::Session;
use attempt::{Current, Step};
use record::Record;
pub(crate) use record::{Ended, Tried, Try};

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// Keep the message and try later.
    Defer,
    /// Go on.
    Go,
    /// Not with this host or connection.
    NextHost,
    /// Return the message to its sender.
    Bounce,
    /// Send STARTTLS now.
    StartTls,
    /// RSET, ask for the MAIL FROM parameters again, send MAIL again.
    Again,
}

/// How STARTTLS or the handshake did not succeed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TlsFailure {
    /// I/O error, timeout, or not tried.
    Lost,
    /// Alert, no common version or cipher: the handshake cannot succeed.
    Rejected,
    /// The reply to STARTTLS, or to EHLO inside TLS.
    Reply(u16),
}

/// How a try ended, for [`Delivery::done`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The connection failed or was lost.
    Lost,
    /// The last reply about this message.
    Reply(u16),
    /// Closed in good order, or the outcome is not known here.
    Closed,
}

/// One message on its way over the hosts of one plan.
#[derive(Clone, Debug)]
pub struct Delivery {
    plan: Plan,
    current: Option<Current>,
    /// Addresses tried, per candidate.
    tried: Vec<usize>,
    tally: Tally,
    /// The tries that are over: no more than the plan has addresses.
    finished: Vec<Finished>,
    settled: bool,
    /// The refusal behind the latest answer.
    latest: Option<Refusal>,
    why: Option<Reply>,
    record: Option<Record>,
}

impl Action {
    /// The word used in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Defer => "defer",
            Self::Go => "go",
            Self::NextHost => "next_host",
            Self::Bounce => "bounce",
            Self::StartTls => "starttls",
            Self::Again => "again",
        }
    }
}

impl Delivery {
    /// Follows a plan. Where the plan refuses the next hop as a whole, no host will be tried.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let tried = vec![0; plan.candidates().len()];
        let why = plan.refused().map(|refusal| refusal.reply.clone());
        Self {
            plan,
            current: None,
            tried,
            tally: Tally::default(),
            finished: Vec::new(),
            settled: false,
            latest: None,
            why,
            record: None,
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The sentence for the latest answer that was neither go nor STARTTLS.
    #[must_use]
    pub fn why(&self) -> Option<&Reply> {
        self.why.as_ref()
    }

    /// The refusal of a host behind [`Self::why`], if it was one.
    #[must_use]
    pub fn last_refusal(&self) -> Option<&Refusal> {
        self.latest.as_ref()
    }

    /// The host of the current try.
    #[must_use]
    pub fn current(&self) -> Option<&Candidate> {
        self.current.as_ref().map(|current| &current.candidate)
    }

    /// The index of the address of the current try.
    #[must_use]
    pub fn address(&self) -> Option<usize> {
        self.current.as_ref().map(|current| current.address)
    }

    /// May this host be tried, for its next address?
    pub fn host(&mut self, host: &Host) -> Action {
        self.leave();
        if self.plan.refused().is_some() {
            return self.misuse("the next hop as a whole is refused");
        }
        // A host may stand in the list twice: the one whose addresses are not all tried.
        let named = |index: &usize| {
            let candidate = self.plan.candidates().get(*index);
            candidate.is_some_and(|candidate| candidate.host == *host)
        };
        let mut places = (0..self.plan.candidates().len()).filter(named);
        if let Some(first) = places.next() {
            let untried = std::iter::once(first)
                .chain(places)
                .find(|i| !self.is_exhausted(*i));
            return self.enter(untried.unwrap_or(first));
        }
        if let Some(candidate) = self.plan.stranger(host.clone()) {
            self.current = Some(Current::new(None, candidate, 0));
            return Action::Go;
        }
        let text = format!("{host}: it is not among the hosts that were found for the next hop");
        self.next_host(Reply::new(451, Enhanced(4, 7, 5), text))
    }

    /// Which host next, for its next address?
    ///
    /// # Errors
    /// No host is left: the action of [`Self::outcome`], or defer where nothing was against it.
    pub fn next_host_to_try(&mut self) -> Result<&Candidate, Action> {
        self.leave();
        if self.plan.refused().is_some() {
            return Err(self.misuse("the next hop as a whole is refused"));
        }
        for index in 0..self.plan.candidates().len() {
            if self.is_exhausted(index) {
                continue;
            }
            if self.enter(index) == Action::Go {
                break;
            }
        }
        if self.current.is_none() {
            let outcome = self.outcome();
            self.why = Some(outcome.reply.clone());
            return Err(match outcome.action {
                Action::Bounce => Action::Bounce,
                _ => Action::Defer,
            });
        }
        self.current
            .as_ref()
            .map(|current| &current.candidate)
            .ok_or(Action::Defer)
    }

    /// May this message use an open connection to the host? `session` tells what was proved when
    /// the connection was made (P9).
    pub fn resume(&mut self, host: &Host, session: &Session, now: u64) -> Action {
        self.leave();
        if self.plan.refused().is_some() {
            return self.misuse("the next hop as a whole is refused");
        }
        let known = self.plan.candidates().iter().position(|c| c.host == *host);
        let candidate = match known.and_then(|index| self.plan.candidates().get(index)) {
            Some(candidate) => Some(candidate.clone()),
            None => self.plan.stranger(host.clone()),
        };
        let refuse = |cause: &str| {
            Reply::new(
                451,
                Enhanced(4, 7, 5),
                format!("{host}: open connection not used: {cause}"),
            )
        };
        let Some(candidate) = candidate.filter(|c| c.refused.is_none()) else {
            return self.next_host(refuse("the host is not one for this message"));
        };
        let Some(seen) = session.connection(&self.plan, &candidate, now) else {
            return self.next_host(refuse("what it proved is for another host, or has expired"));
        };
        match Clearance::grant(&candidate.terms, &seen) {
            Ok(_) => {
                let mut current = Current::new(None, candidate, 0);
                current.step = Step::Ready;
                current.seen = seen;
                self.current = Some(current);
                Action::Go
            }
            Err(refusal) => self.next_host(refuse(&refusal.reply.text)),
        }
    }

    /// This host is over. Go: settled.
    pub fn done(&mut self, end: End) -> Action {
        // A greeting of 421 is one of 4yz like any other (row 8).
        let greeted = self.current.as_ref().is_some_and(|c| c.step == Step::Host);
        let end = match end {
            End::Reply(421) if greeted => end,
            End::Reply(0 | 221 | 421) => End::Lost,
            other => other,
        };
        let success = matches!(end, End::Reply(200..=299));
        let Some(current) = &mut self.current else {
            return if success {
                self.breach()
            } else {
                Action::NextHost
            };
        };
        match (current.step, end) {
            (Step::Done, _) => Action::Go,
            (Step::Sent, End::Reply(200..=299 | 500..=599) | End::Closed)
            | (Step::Ready, End::Closed) => {
                current.step = Step::Done;
                self.settled = true;
                self.finished.extend(current.finished(None));
                if let Some(tried) = current.index.and_then(|i| self.tried.get_mut(i)) {
                    *tried += 1;
                }
                self.keep_settled();
                Action::Go
            }
            _ if success => self.breach(),
            (_, end) => {
                let refusal = current.ended_early(end);
                self.refuse(refusal)
            }
        }
    }

    fn is_exhausted(&self, index: usize) -> bool {
        let tried = self.tried.get(index).copied().unwrap_or(usize::MAX);
        self.plan
            .candidates()
            .get(index)
            .is_none_or(|candidate| tried >= candidate.tries())
    }

    fn enter(&mut self, index: usize) -> Action {
        let Some(candidate) = self.plan.candidates().get(index).cloned() else {
            return self.misuse("no such host");
        };
        let tried = self.tried.get(index).copied().unwrap_or(0);
        if tried >= candidate.tries() {
            let text = format!("{}: all its addresses were tried", candidate.host);
            return self.next_host(Reply::new(451, Enhanced(4, 4, 1), text));
        }
        if let Some(refusal) = candidate.refused.clone() {
            self.end(&Current::new(Some(index), candidate, tried), refusal);
            return Action::NextHost;
        }
        self.current = Some(Current::new(Some(index), candidate, tried));
        Action::Go
    }

    /// A host left without a word counts as lost.
    fn leave(&mut self) {
        if let Some(current) = self.take_unfinished() {
            let refusal = current.ended_early(End::Lost);
            self.end(&current, refusal);
        }
    }

    fn take_unfinished(&mut self) -> Option<Current> {
        self.current
            .take()
            .filter(|current| current.step != Step::Done)
    }

    fn refuse(&mut self, refusal: Refusal) -> Action {
        if let Some(current) = self.current.take() {
            self.end(&current, refusal);
        }
        Action::NextHost
    }

    /// A try has come to a refusal.
    fn end(&mut self, current: &Current, refusal: Refusal) {
        self.finished.extend(current.finished(Some(refusal.row)));
        self.keep(current, Ended::of(current, &refusal));
        self.record(current.index, refusal);
    }

    /// `index`: the candidate one of whose addresses was tried.
    fn record(&mut self, index: Option<usize>, refusal: Refusal) {
        if let Some(tried) = index.and_then(|i| self.tried.get_mut(i)) {
            *tried += 1;
        }
        self.why = Some(refusal.reply.clone());
        self.tally.add(&refusal);
        self.latest = Some(refusal);
    }

    fn next_host(&mut self, reply: Reply) -> Action {
        self.latest = None;
        self.why = Some(reply);
        Action::NextHost
    }

    /// A call that the host program may not make here: it holds the mail and leaves the host, whose
    /// message then waits. Without a host it takes nothing back.
    pub fn misuse(&mut self, what: &str) -> Action {
        let (code, enhanced) = INTERNAL;
        let reply = Reply::new(code, enhanced, format!("called out of order: {what}"));
        if let Some(current) = self.take_unfinished() {
            self.keep(&current, Ended::Internal);
            return self.hold(current.index, reply);
        }
        self.latest = None;
        self.why = Some(reply);
        Action::Defer
    }

    /// A message went where it was not to go: whatever else is done here, it has to be looked at.
    fn breach(&mut self) -> Action {
        let (code, enhanced) = INTERNAL;
        let text = "called out of order: a message was accepted that was not to be sent";
        let current = self.take_unfinished();
        match &current {
            Some(current) => self.keep(current, Ended::Internal),
            None => self.keep_nothing(),
        }
        let index = current.and_then(|current| current.index);
        self.hold(index, Reply::new(code, enhanced, text))
    }

    /// Row 15: what went wrong on our side is in the verdict too, so that neither a bounce nor the
    /// server's own result comes of it.
    fn hold(&mut self, index: Option<usize>, reply: Reply) -> Action {
        let refusal = Refusal::of_nobody(Row::Unreadable, Class::Transient, reply);
        self.record(index, refusal);
        Action::Defer
    }
}

#[cfg(test)]
mod tests;
