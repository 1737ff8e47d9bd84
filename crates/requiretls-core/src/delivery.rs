//! Over all hosts tried, what becomes of the message?
//!
//! A state machine that the C API, the transport and `explain` drive alike. It is told what each
//! connection shows, answers each step, keeps every try's outcome, and gives the verdict (P5).
//! Any step that refuses, and any step out of order, leaves the host; the gate opens only for what
//! the steps since the last host have shown.

mod attempt;
mod verdict;

use verdict::Tally;
pub use verdict::Verdict;

use crate::authenticate::Evidence;
use crate::connection::{Clearance, Connection};
use crate::decision::{Class, INTERNAL, Refusal, Row};
use crate::ehlo::{EhloReply, ReplyClass};
use crate::negotiated;
use crate::next_hop::Host;
use crate::plan::{Candidate, Plan};
use crate::reply::{Enhanced, Reply};
use crate::session::Session;
use attempt::{Current, Step, refuses_parameter};

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
    settled: bool,
    /// The refusal behind the latest answer.
    latest: Option<Refusal>,
    why: Option<Reply>,
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
            settled: false,
            latest: None,
            why,
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
                let mut current = Current::new(known, candidate, 0);
                current.resumed = true;
                current.step = Step::Ready;
                current.seen = seen;
                self.current = Some(current);
                Action::Go
            }
            Err(refusal) => self.next_host(refuse(&refusal.reply.text)),
        }
    }

    /// The reply to EHLO.
    pub fn ehlo(&mut self, reply: &EhloReply) -> Action {
        let Some(current) = &mut self.current else {
            return self.misuse("EHLO without a host");
        };
        let terms = &current.candidate.terms;
        match (current.step, reply.class) {
            // A chain belongs to the TLS that follows it, not to a clear text that comes between.
            (Step::Host, _) if current.seen.evidence.is_some() => {
                self.misuse("EHLO in clear after a certificate chain")
            }
            (Step::Host, ReplyClass::Transient) => {
                let refusal = terms.lost(Row::Connect, "EHLO was answered with a temporary error");
                self.refuse(refusal)
            }
            (Step::Host, _) if reply.starttls && current.seen.clear.is_none() => {
                current.step = Step::Clear;
                Action::StartTls
            }
            (Step::Host, _) => {
                let row = *current.seen.clear.get_or_insert(Row::NoStarttls);
                let passed = terms
                    .clear_text(row)
                    .and_then(|()| terms.requiretls(reply.offer, false));
                current.seen.offer = Some(reply.offer);
                self.pass(passed, Step::Ready)
            }
            (Step::Tls, ReplyClass::Transient) => {
                let refusal = terms.lost(
                    Row::TlsLost,
                    "EHLO inside TLS was answered with a temporary error",
                );
                self.refuse(refusal)
            }
            (Step::Tls, _) => {
                let passed = terms
                    .chain(current.seen.evidence.as_ref())
                    .and_then(|()| terms.requiretls(reply.offer, true));
                current.seen.offer = Some(reply.offer);
                self.pass(passed, Step::Ready)
            }
            _ => self.misuse("EHLO out of order"),
        }
    }

    /// STARTTLS, the handshake or EHLO inside TLS did not succeed. Go: stay in clear with this
    /// host, on a new connection if the handshake had begun.
    pub fn tls_failed(&mut self, how: TlsFailure) -> Action {
        let Some(current) = &mut self.current else {
            return self.misuse("TLS failure without a host");
        };
        if !matches!(current.step, Step::Host | Step::Clear | Step::Tls) {
            return self.misuse("TLS failure out of order");
        }
        let inside = current.step == Step::Tls;
        let row = match how {
            TlsFailure::Rejected => Row::Handshake,
            TlsFailure::Reply(500..) if !inside => Row::StarttlsRefused,
            TlsFailure::Lost | TlsFailure::Reply(_) => Row::TlsLost,
        };
        let passed = current.candidate.terms.clear_text(row);
        current.seen = Connection {
            clear: Some(row),
            ..Connection::default()
        };
        self.pass(passed, Step::Host)
    }

    /// What the certificate chain came to. May be told before or after [`Self::tls`]; after is
    /// better, since too old a TLS version may heal and a wrong certificate may bounce.
    pub fn peer(&mut self, evidence: Evidence) -> Action {
        let Some(current) = &mut self.current else {
            return self.misuse("a certificate chain without a host");
        };
        let in_order = matches!(current.step, Step::Host | Step::Clear | Step::Tls)
            && current.seen.clear.is_none();
        if !in_order {
            return self.misuse("a certificate chain out of order");
        }
        let passed = current.candidate.terms.chain(Some(&evidence));
        current.seen.evidence = Some(evidence);
        let step = current.step;
        self.pass(passed, step)
    }

    /// TLS is up, with this protocol and cipher in the words of the TLS library.
    pub fn tls(&mut self, protocol: Option<&str>, cipher: Option<&str>) -> Action {
        let Some(current) = &mut self.current else {
            return self.misuse("TLS without a host");
        };
        let in_order =
            matches!(current.step, Step::Host | Step::Clear) && current.seen.clear.is_none();
        if !in_order {
            return self.misuse("TLS out of order");
        }
        let modern = negotiated::is_modern(protocol, cipher);
        current.seen.tls = Some(modern);
        let passed = current.candidate.terms.negotiated(modern);
        self.pass(passed, Step::Tls)
    }

    /// The last gate, right before MAIL FROM.
    ///
    /// # Errors
    /// Defer or next host: MAIL must not be sent.
    pub fn mail_params(&mut self, now: u64) -> Result<Clearance, Action> {
        let Some(current) = &mut self.current else {
            return Err(self.misuse("MAIL FROM without a host"));
        };
        if !matches!(current.step, Step::Ready | Step::Sent) {
            return Err(self.misuse("MAIL FROM before its time"));
        }
        let ends = [self.plan.facts().expires, current.seen.until];
        if ends.into_iter().flatten().any(|end| end <= now) {
            let next_hop = self.plan.next_hop();
            let text = format!("{next_hop}: what was found out about it has expired");
            return Err(self.hold(Reply::new(451, Enhanced(4, 4, 3), text)));
        }
        match Clearance::grant(&current.candidate.terms, &current.seen) {
            Ok(clearance) => {
                current.step = Step::Sent;
                current.clearance = Some(clearance.clone());
                Ok(clearance)
            }
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// What [`Self::mail_params`] gave for the current try.
    #[must_use]
    pub fn clearance(&self) -> Option<&Clearance> {
        self.current
            .as_ref()
            .and_then(|current| current.clearance.as_ref())
    }

    /// What the current connection has proved, once the gate may open.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        let current = self.current.as_ref()?;
        matches!(current.step, Step::Ready | Step::Sent | Step::Done)
            .then(|| Session::of(&self.plan, &current.candidate, &current.seen))
    }

    /// Whether the peer has refused our parameter on this connection, so that MAIL goes without it.
    #[must_use]
    pub fn dropped_parameter(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.seen.without_parameter)
    }

    /// Whether the server's own RET must be HDRS, after the last EHLO.
    #[must_use]
    pub fn ret_hdrs(&self) -> bool {
        self.current.as_ref().is_some_and(|current| {
            Clearance::grant(&current.candidate.terms, &current.seen).is_ok_and(|c| c.ret_hdrs())
        })
    }

    /// The reply to MAIL FROM, or to the first RCPT where that is 530.
    pub fn mail_reply(&mut self, code: u16, text: &str) -> Action {
        let Some(current) = &mut self.current else {
            return self.misuse("a reply to MAIL without a host");
        };
        let Some(clearance) = &current.clearance else {
            return self.misuse("a reply to MAIL before MAIL");
        };
        if current.step != Step::Sent {
            return self.misuse("a reply to MAIL out of order");
        }
        let terms = &current.candidate.terms;
        let enhanced = text
            .split_ascii_whitespace()
            .next()
            .and_then(Enhanced::parse);
        if refuses_parameter(code, enhanced) && !clearance.mail_params().is_empty() {
            if terms.demand.needs_requiretls() {
                let refusal = terms.parameter_refused(&format!("{code} {text}"));
                return self.refuse(refusal);
            }
            current.seen.without_parameter = true;
            current.clearance = None;
            current.step = Step::Ready;
            return Action::Again;
        }
        if code == 530 && !clearance.tls() && terms.demand.is_downgrade() {
            let enhanced = enhanced.unwrap_or(Enhanced(5, 7, 0));
            let refusal = terms.tls_demanded(code, enhanced, text);
            return self.refuse(refusal);
        }
        Action::Go
    }

    /// This host is over. Go: settled.
    pub fn done(&mut self, end: End) -> Action {
        let end = match end {
            End::Reply(0 | 221 | 421) => End::Lost,
            other => other,
        };
        let success = matches!(end, End::Reply(200..=299));
        let Some(current) = &mut self.current else {
            return if success {
                self.misuse("a message was accepted that was not to be sent")
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
                if let Some(tried) = current.index.and_then(|i| self.tried.get_mut(i)) {
                    *tried += usize::from(!current.resumed);
                }
                Action::Go
            }
            _ if success => self.misuse("a message was accepted that was not to be sent"),
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
        if let Some(refusal) = candidate.refused {
            self.record(Some(index), false, refusal);
            return Action::NextHost;
        }
        self.current = Some(Current::new(Some(index), candidate, tried));
        Action::Go
    }

    /// A host left without a word counts as lost.
    fn leave(&mut self) {
        if let Some(current) = self.take_unfinished() {
            let refusal = current.ended_early(End::Lost);
            self.record(current.index, current.resumed, refusal);
        }
    }

    fn take_unfinished(&mut self) -> Option<Current> {
        self.current
            .take()
            .filter(|current| current.step != Step::Done)
    }

    fn pass(&mut self, passed: Result<(), Refusal>, step: Step) -> Action {
        match (passed, &mut self.current) {
            (Ok(()), Some(current)) => {
                current.step = step;
                Action::Go
            }
            (Err(refusal), _) => self.refuse(refusal),
            (Ok(()), None) => self.misuse("no host"),
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Action {
        if let Some(current) = self.current.take() {
            self.record(current.index, current.resumed, refusal);
        }
        Action::NextHost
    }

    fn record(&mut self, index: Option<usize>, resumed: bool, refusal: Refusal) {
        if let Some(tried) = index
            .filter(|_| !resumed)
            .and_then(|i| self.tried.get_mut(i))
        {
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

    /// A call out of order holds the mail, and leaves the host.
    fn misuse(&mut self, what: &str) -> Action {
        let (code, enhanced) = INTERNAL;
        let text = format!("called out of order: {what}");
        self.hold(Reply::new(code, enhanced, text))
    }

    /// Row 15: what is wrong on our side is in the verdict too, so that neither a bounce nor the
    /// server's own result comes of it.
    fn hold(&mut self, reply: Reply) -> Action {
        let refusal = Refusal::of_nobody(Row::Unreadable, Class::Transient, reply);
        let (index, resumed) = self
            .take_unfinished()
            .map_or((None, false), |current| (current.index, current.resumed));
        self.record(index, resumed, refusal);
        Action::Defer
    }
}

#[cfg(test)]
mod tests;
