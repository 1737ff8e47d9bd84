//! Step by step: what does this connection show, and may it go on?

use super::attempt::Step;
use super::{Action, Delivery, TlsFailure};
use crate::authenticate::Evidence;
use crate::connection::Connection;
use crate::decision::{Refusal, Row};
use crate::ehlo::{EhloReply, ReplyClass};
use crate::negotiated::Negotiated;

impl Delivery {
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
        let negotiated = Negotiated::read(protocol, cipher);
        current.seen.tls = Some(negotiated);
        let passed = current.candidate.terms.negotiated(negotiated);
        self.pass(passed, Step::Tls)
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
}
