//! What would have leaked, had nobody asked?
//!
//! For the leak judge of the demo and of tests, never for mail: a client that asks core at every
//! step and goes on whatever the answer. A judge that finds no leak here finds none anywhere.
//! It exists only where the feature `ignore-answers` is on, which no package of this project is
//! built with, and it is a type of its own: nothing turns a [`Client`] into it by accident.

use crate::client::Client;
use crate::judge::{Gate, Judge};
use crate::message::Message;
use crate::outcome::Outcome;
use crate::report::Report;
use requiretls_core::authenticate::Evidence;
use requiretls_core::delivery::{Action, Delivery, End, TlsFailure};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::plan::{Candidate, Plan};

/// A client that sends whatever core says.
#[derive(Clone, Debug)]
pub struct ClientIgnoringAnswers(Client);

impl ClientIgnoringAnswers {
    /// With the settings of a client.
    #[must_use]
    pub fn leaking(client: Client) -> Self {
        Self(client)
    }

    /// Sends the message to the first host that takes it, in the plan's order, hosts that the plan
    /// refuses included. The outcome's `delivery` still tells what core said.
    #[must_use]
    pub fn send_regardless(&self, plan: Plan, message: &Message) -> Outcome {
        let deaf = Deaf {
            to_try: every_address(&plan),
            delivery: Delivery::new(plan),
            without_parameter: false,
        };
        self.0
            .run(deaf, message, Report::new(message), &mut [], None)
    }
}

/// Asks, and does not listen.
struct Deaf {
    delivery: Delivery,
    /// The last one first.
    to_try: Vec<(Candidate, usize)>,
    without_parameter: bool,
}

impl Judge for Deaf {
    fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    fn riding(&mut self) -> Option<&mut Delivery> {
        None
    }

    fn allows_helo(&self, _: EhloReply) -> bool {
        true
    }

    fn next(&mut self) -> Option<(Candidate, usize)> {
        let next = self.to_try.pop()?;
        self.without_parameter = false;
        self.delivery.host(&next.0.host);
        Some(next)
    }

    fn ehlo(&mut self, reply: EhloReply) -> Action {
        match self.delivery.ehlo(&reply) {
            Action::StartTls => Action::StartTls,
            _ => Action::Go,
        }
    }

    fn tls_failed(&mut self, how: TlsFailure) -> Action {
        self.delivery.tls_failed(how);
        Action::Go
    }

    fn tls(&mut self, protocol: &str, cipher: &str) -> Action {
        self.delivery.tls(Some(protocol), Some(cipher));
        Action::Go
    }

    fn peer(&mut self, evidence: Evidence) -> Action {
        self.delivery.peer(evidence);
        Action::Go
    }

    fn mail_params(&mut self, now: u64) -> Option<Gate> {
        let nothing = Gate {
            parameter: "",
            ret_hdrs: false,
        };
        let gate = Judge::mail_params(&mut self.delivery, now);
        Some(gate.filter(|_| !self.without_parameter).unwrap_or(nothing))
    }

    fn mail_reply(&mut self, code: u16, text: &str) -> Action {
        let action = self.delivery.mail_reply(code, text);
        let refused = action == Action::NextHost && code >= 500;
        if action == Action::Again || refused && !self.without_parameter {
            self.without_parameter = true;
            return Action::Again;
        }
        Action::Go
    }

    fn done(&mut self, end: End) -> Action {
        self.delivery.done(end);
        match end {
            End::Reply(200..=299) => Action::Go,
            _ => Action::NextHost,
        }
    }
}

fn every_address(plan: &Plan) -> Vec<(Candidate, usize)> {
    let mut all: Vec<_> = plan
        .candidates()
        .iter()
        .flat_map(|c| (0..c.addresses.len().max(1)).map(move |index| (c.clone(), index)))
        .collect();
    all.reverse();
    all
}
