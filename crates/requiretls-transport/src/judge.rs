//! Who says how a connection goes on?
//!
//! Core's state machine, and it alone. The trait has a second implementation only where the
//! feature `ignore-answers` is on.

use requiretls_core::authenticate::Evidence;
use requiretls_core::delivery::{Action, Delivery, End, TlsFailure};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::plan::Candidate;

/// Answers every step of a delivery.
pub(crate) trait Judge {
    /// The state machine.
    fn delivery(&self) -> &Delivery;
    /// The state machine, to be replaced by a copy of it that has ridden on an open connection;
    /// `None`: nothing rides.
    fn riding(&mut self) -> Option<&mut Delivery>;
    /// The next host, and the index of its next address.
    fn next(&mut self) -> Option<(Candidate, usize)>;
    /// The reply to EHLO.
    fn ehlo(&mut self, reply: EhloReply) -> Action;
    /// Whether HELO may follow where EHLO inside TLS was refused for good: where nothing that only
    /// EHLO could offer is asked of the host (row 13).
    fn allows_helo(&self, refusal: EhloReply) -> bool;
    /// STARTTLS, the handshake or EHLO inside TLS did not succeed.
    fn tls_failed(&mut self, how: TlsFailure) -> Action;
    /// TLS is up.
    fn tls(&mut self, protocol: &str, cipher: &str) -> Action;
    /// What the chain came to.
    fn peer(&mut self, evidence: Evidence) -> Action;
    /// The last gate: what MAIL FROM goes with. `None`: it does not go.
    fn mail_params(&mut self, now: u64) -> Option<Gate>;
    /// The reply to MAIL FROM, or 530 to the first RCPT.
    fn mail_reply(&mut self, code: u16, text: &str) -> Action;
    /// This try is over.
    fn done(&mut self, end: End) -> Action;
}

/// What MAIL FROM goes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Gate {
    pub(crate) parameter: &'static str,
    pub(crate) ret_hdrs: bool,
}

impl Judge for Delivery {
    fn delivery(&self) -> &Delivery {
        self
    }

    fn riding(&mut self) -> Option<&mut Delivery> {
        Some(self)
    }

    fn next(&mut self) -> Option<(Candidate, usize)> {
        let candidate = self.next_host_to_try().ok()?.clone();
        Some((candidate, self.address()?))
    }

    fn ehlo(&mut self, reply: EhloReply) -> Action {
        Self::ehlo(self, &reply)
    }

    fn allows_helo(&self, refusal: EhloReply) -> bool {
        Self::ehlo(&mut self.clone(), &refusal) == Action::Go
    }

    fn tls_failed(&mut self, how: TlsFailure) -> Action {
        Self::tls_failed(self, how)
    }

    fn tls(&mut self, protocol: &str, cipher: &str) -> Action {
        Self::tls(self, Some(protocol), Some(cipher))
    }

    fn peer(&mut self, evidence: Evidence) -> Action {
        Self::peer(self, evidence)
    }

    fn mail_params(&mut self, now: u64) -> Option<Gate> {
        let clearance = Self::mail_params(self, now).ok()?;
        Some(Gate {
            parameter: clearance.mail_params(),
            ret_hdrs: clearance.ret_hdrs(),
        })
    }

    fn mail_reply(&mut self, code: u16, text: &str) -> Action {
        Self::mail_reply(self, code, text)
    }

    fn done(&mut self, end: End) -> Action {
        Self::done(self, end)
    }
}
