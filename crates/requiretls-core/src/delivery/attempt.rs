//! One try: a host, one of its addresses, and how far it has come.

use super::End;
use crate::connection::{Clearance, Connection};
use crate::decision::{Refusal, Row};
use crate::plan::Candidate;
use crate::reply::Enhanced;

/// The current try.
#[derive(Clone, Debug)]
pub(super) struct Current {
    /// The plan's candidate whose address is tried; a stranger and an open connection have none.
    pub(super) index: Option<usize>,
    pub(super) candidate: Candidate,
    /// The address of this try.
    pub(super) address: usize,
    pub(super) step: Step,
    pub(super) seen: Connection,
    pub(super) clearance: Option<Clearance>,
}

/// How far a try has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The host may be connected to.
    Host,
    /// STARTTLS is due.
    Clear,
    /// TLS is up.
    Tls,
    /// The gate may open.
    Ready,
    /// MAIL was sent.
    Sent,
    /// The host has settled the message.
    Done,
}

impl Current {
    pub(super) fn new(index: Option<usize>, candidate: Candidate, address: usize) -> Self {
        Self {
            index,
            candidate,
            address,
            step: Step::Host,
            seen: Connection::default(),
            clearance: None,
        }
    }

    /// What a try that ends here counts as (rows 8, 8a, 10).
    pub(super) fn ended_early(&self, end: End) -> Refusal {
        let terms = &self.candidate.terms;
        match (self.step, end) {
            (Step::Host, End::Reply(500..)) => {
                terms.lost(Row::Greeting, "it refused the connection with its greeting")
            }
            (Step::Host, End::Reply(_)) => {
                let mut refusal = terms.lost(Row::Connect, "it is not ready (4yz greeting)");
                refusal.reply.enhanced = Enhanced(4, 3, 2);
                refusal
            }
            (Step::Host, _) => terms.lost(Row::Connect, "no connection"),
            (Step::Tls, _) => terms.lost(Row::TlsLost, "the connection broke inside TLS"),
            (Step::Sent, End::Reply(code)) => {
                let mut refusal = terms.lost(Row::Connect, &format!("it answered {code}"));
                refusal.reply.enhanced = Enhanced(4, 0, 0);
                refusal
            }
            (Step::Clear | Step::Ready | Step::Sent | Step::Done, _) => {
                let mut refusal = terms.lost(Row::Connect, "the connection broke");
                refusal.reply.enhanced = Enhanced(4, 4, 2);
                refusal
            }
        }
    }
}

impl Candidate {
    /// How many tries this host is worth: one for each address, and one where none will be made.
    pub(super) fn tries(&self) -> usize {
        if self.refused.is_some() {
            1
        } else {
            self.addresses.len().max(1)
        }
    }
}

/// Row 14: whether a reply to MAIL is about the parameter.
pub(super) fn refuses_parameter(code: u16, enhanced: Option<Enhanced>) -> bool {
    let by_enhanced_code = matches!(
        enhanced,
        Some(Enhanced(5, 5, 1 | 2 | 4) | Enhanced(5, 7, 10 | 30))
    );
    matches!(code, 500 | 501 | 503 | 504 | 555) || ((500..=599).contains(&code) && by_enhanced_code)
}
