//! The last gate, and what the peer says to MAIL FROM.

use super::attempt::{Step, refuses_parameter};
use super::{Action, Delivery, Ended};
use crate::connection::Clearance;
use crate::reply::{Enhanced, Reply};
use crate::session::Session;

impl Delivery {
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
            let reply = Reply::new(451, Enhanced(4, 4, 3), text);
            let current = self.take_unfinished();
            if let Some(current) = &current {
                self.keep(current, Ended::Expired);
            }
            let index = current.and_then(|current| current.index);
            return Err(self.hold(index, reply));
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
}
