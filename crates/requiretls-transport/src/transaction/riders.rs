//! Who rides along in another next hop's transaction?
//!
//! A share of the message whose own plan would come to this host now, may use this very connection
//! (P9), and has the same parameters sent. It rides on a copy of its delivery: where the connection
//! breaks or the peer refuses MAIL, the share stands as it did, and goes by itself.

use super::Party;
use crate::judge::{Gate, Judge};
use crate::outcome::Try;
use crate::report::Report;
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::next_hop::Host;
use requiretls_core::session::Session;

/// One next hop's share of a message.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) delivery: Delivery,
    pub(crate) report: Report,
}

/// A share that rides along.
#[derive(Debug)]
pub(super) struct Rider<'a> {
    share: &'a mut Share,
    delivery: Delivery,
    pub(super) party: Party,
}

/// Those of the other shares that may ride.
pub(super) fn join<'a>(
    others: &'a mut [Share],
    host: &Host,
    session: &Session,
    gate: Gate,
    now: u64,
) -> Vec<Rider<'a>> {
    others
        .iter_mut()
        .filter(|share| !share.report.settled)
        .filter_map(|share| {
            let delivery = riding(&share.delivery, host, session, gate, now)?;
            let party = Party::of(share.report.answers.clone());
            Some(Rider {
                share,
                delivery,
                party,
            })
        })
        .collect()
}

fn riding(
    delivery: &Delivery,
    host: &Host,
    session: &Session,
    gate: Gate,
    now: u64,
) -> Option<Delivery> {
    // MX order (RFC 5321 section 5.1): not before a host that it would try first.
    let (candidate, _) = delivery.clone().next()?;
    let mut riding = delivery.clone();
    let may = candidate.host == *host && riding.resume(host, session, now) == Action::Go;
    (may && Judge::mail_params(&mut riding, now)? == gate).then_some(riding)
}

impl Rider<'_> {
    /// What the transaction came to counts for the share.
    pub(super) fn keep(mut self, leader: &Try) {
        let action = self.delivery.done(self.party.end);
        let report = &mut self.share.report;
        report.answers = self.party.answers;
        report.peer = self.party.peer.or(report.peer.take());
        report.settled = action == Action::Go;
        let refusal = self.delivery.last_refusal().cloned();
        report.tries.push(Try {
            resumed: true,
            refusal: refusal.filter(|_| !report.settled),
            ..leader.clone()
        });
        self.share.delivery = self.delivery;
    }
}
