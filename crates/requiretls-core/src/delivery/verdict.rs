//! The end, over all hosts tried (P5).

use super::{Action, Delivery};
use crate::decision::{Class, Refusal, Row, Who};
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

/// What the tries so far have come to: as much of them as P5 asks for, however many they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// The last refusal that is neither the sender's nor for want of an address.
    soft: Option<Refusal>,
    /// The last refusal of the sender's by definite facts.
    definite: Option<Refusal>,
    /// Somebody but the network and the peer has refused.
    beyond_network: bool,
}

impl Tally {
    pub(super) fn add(&mut self, refusal: &Refusal) {
        self.beyond_network |= !matches!(refusal.row, Row::Connect | Row::Greeting);
        if is_soft(refusal) {
            self.soft = Some(refusal.clone());
        } else if refusal.is_definite() {
            self.definite = Some(refusal.clone());
        }
    }
}

impl Delivery {
    /// P5's result: go when a host settled the message, bounce when that is certain, else defer.
    #[must_use]
    pub fn outcome(&self) -> Verdict {
        let verdict = self.unhurried();
        if self.waits_for_recheck(&verdict) {
            return self.held(&verdict);
        }
        verdict
    }

    /// S20: whether the domain's MTA-STS policy is to be fetched again at its next discovery,
    /// whatever the TXT record says: it stands between the message and a host, or before a bounce,
    /// and was not fetched just now.
    #[must_use]
    pub fn wants_recheck(&self) -> bool {
        // Mostly nothing rests on it, and then no verdict need be formed.
        self.plan.rests_on_unchecked_sts()
            && (self.plan.wants_recheck() || self.waits_for_recheck(&self.unhurried()))
    }

    /// As [`Self::outcome`], but for S20.
    fn unhurried(&self) -> Verdict {
        if self.settled {
            return Verdict {
                action: Action::Go,
                reply: Reply::new(250, Enhanced(2, 0, 0), "settled by the next hop"),
                who: Who::Nobody,
                row: None,
            };
        }
        if let Some(refusal) = self.plan.refused() {
            let certain = refusal.is_definite() || refusal.class == Class::Unusable;
            return if certain {
                bounce(refusal)
            } else {
                defer(refusal)
            };
        }
        let untried = || {
            let candidates = self.plan.candidates().iter().enumerate();
            candidates.filter(|(index, _)| !self.is_exhausted(*index))
        };
        // What the plan refuses needs no try; a code that was met on the wire is preferred to it.
        let last_unasked = |wanted: fn(&Refusal) -> bool| {
            untried()
                .filter_map(|(_, candidate)| candidate.refused.as_ref())
                .rfind(|refusal| wanted(refusal))
        };
        let soft = self.tally.soft.as_ref();
        if let Some(refusal) = soft.or_else(|| last_unasked(is_soft)) {
            return defer(refusal);
        }
        if untried().any(|(_, candidate)| candidate.refused.is_none()) {
            return self.nothing_tried();
        }
        let definite = self.tally.definite.as_ref();
        if let Some(refusal) = definite.or_else(|| last_unasked(Refusal::is_definite)) {
            return bounce(refusal);
        }
        let refusal = self.plan.no_host_left();
        if refusal.class == Class::Unusable {
            bounce(&refusal)
        } else {
            defer(&refusal)
        }
    }

    /// As [`Self::outcome`], but go also where nothing of ours was against it: no host could be
    /// reached, or the peer itself spoke, so that the server has a result of its own.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let outcome = self.outcome();
        let every_host_tried = (0..self.tried.len()).all(|index| self.is_exhausted(index));
        let network_only = self.tally.soft.is_some() && !self.tally.beyond_network;
        if outcome.action == Action::Defer && network_only && every_host_tried {
            return Verdict {
                action: Action::Go,
                ..outcome
            };
        }
        outcome
    }

    /// A bounce in which an MTA-STS policy took part waits until the policy was checked (S20).
    fn waits_for_recheck(&self, verdict: &Verdict) -> bool {
        verdict.action == Action::Bounce && self.plan.rests_on_unchecked_sts()
    }

    fn held(&self, bounce: &Verdict) -> Verdict {
        let (code, enhanced) = self.plan.deferral();
        let text = format!(
            "{}; the MTA-STS policy is to be checked first",
            bounce.reply.text
        );
        Verdict {
            action: Action::Defer,
            reply: Reply::new(code, enhanced, text),
            who: bounce.who,
            row: bounce.row,
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

fn is_soft(refusal: &Refusal) -> bool {
    !matches!(refusal.class, Class::Sender | Class::Unusable)
}

fn bounce(refusal: &Refusal) -> Verdict {
    Verdict {
        action: Action::Bounce,
        reply: refusal.reply.clone(),
        who: refusal.who,
        row: Some(refusal.row),
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
