//! The end, over all hosts tried (P5).

use super::{Action, Delivery};
use crate::decision::{Class, Refusal, Row, Who};
use crate::facts::Sts;
use crate::reply::{Enhanced, Reply};

/// What becomes of the message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Go, defer or bounce.
    pub action: Action,
    /// The reply; on go `250 2.0.0`.
    pub reply: Reply,
    /// Who imposed it.
    pub who: Who,
    /// The row that decided; `None` on go.
    pub row: Option<Row>,
}

impl Delivery {
    /// P5's result: go when a host settled the message, bounce when that is certain, else defer.
    #[must_use]
    pub fn outcome(&self) -> Verdict {
        if self.settled {
            return Verdict {
                action: Action::Go,
                reply: Reply::new(250, Enhanced(2, 0, 0), "settled by the next hop"),
                who: Who::Nobody,
                row: None,
            };
        }
        if let Some(refusal) = self.plan.refused() {
            let bounce = refusal.is_definite() || refusal.class == Class::Unusable;
            return if bounce {
                self.bounce(refusal)
            } else {
                defer(refusal)
            };
        }
        let (refusals, complete) = self.all_refusals();
        let soft = refusals
            .iter()
            .rev()
            .find(|r| !matches!(r.class, Class::Sender | Class::Unusable));
        if let Some(refusal) = soft {
            return defer(refusal);
        }
        if !complete {
            return self.nothing_tried();
        }
        if let Some(refusal) = refusals.iter().rev().find(|r| r.is_definite()) {
            return self.bounce(refusal);
        }
        let refusal = self.plan.no_host_left();
        if refusal.class == Class::Unusable {
            self.bounce(&refusal)
        } else {
            defer(&refusal)
        }
    }

    /// As [`Self::outcome`], but go also where nothing of ours was against it: no host could be
    /// reached, or the peer itself spoke, so that the server has a result of its own.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let outcome = self.outcome();
        let network_only = !self.refusals.is_empty()
            && self
                .refusals
                .iter()
                .all(|(_, r)| matches!(r.row, Row::Connect | Row::Greeting));
        let every_host_tried = (0..self.tried.len()).all(|index| self.is_exhausted(index));
        if outcome.action == Action::Defer && network_only && every_host_tried {
            return Verdict {
                action: Action::Go,
                ..outcome
            };
        }
        outcome
    }

    /// Every refusal, and whether every candidate has been tried with every address. What the plan
    /// refuses needs no try; where the server never asked about such a host, its refusal comes
    /// first, so that a code that was met on the wire is preferred.
    fn all_refusals(&self) -> (Vec<&Refusal>, bool) {
        let mut refusals = Vec::new();
        let mut complete = true;
        for (index, candidate) in self.plan.candidates().iter().enumerate() {
            if self.is_exhausted(index) {
                continue;
            }
            match &candidate.refused {
                Some(refusal) => refusals.push(refusal),
                None => complete = false,
            }
        }
        refusals.extend(self.refusals.iter().map(|(_, refusal)| refusal));
        (refusals, complete)
    }

    /// A bounce in which an MTA-STS policy took part waits until the policy was checked (S20).
    fn bounce(&self, refusal: &Refusal) -> Verdict {
        let unchecked = self.plan.rests_on_sts()
            && matches!(self.plan.facts().sts, Sts::Live { checked: false, .. });
        if unchecked {
            let (code, enhanced) = self.plan.deferral();
            let text = format!(
                "{}; the MTA-STS policy is to be checked first",
                refusal.reply.text
            );
            return Verdict {
                action: Action::Defer,
                reply: Reply::new(code, enhanced, text),
                who: refusal.who,
                row: Some(refusal.row),
            };
        }
        Verdict {
            action: Action::Bounce,
            reply: refusal.reply.clone(),
            who: refusal.who,
            row: Some(refusal.row),
        }
    }

    fn nothing_tried(&self) -> Verdict {
        Verdict {
            action: Action::Defer,
            reply: Reply::new(
                451,
                Enhanced(4, 4, 1),
                format!("{}: not every host was tried", self.plan.next_hop()),
            ),
            who: Who::Nobody,
            row: Some(Row::Connect),
        }
    }
}

fn defer(refusal: &Refusal) -> Verdict {
    Verdict {
        action: Action::Defer,
        reply: refusal.reply.clone(),
        who: refusal.who,
        row: Some(refusal.row),
    }
}
