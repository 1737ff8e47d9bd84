//! How does one message go over an open connection?
//!
//! MAIL behind the last gate, RCPT for each recipient that is still to be served, the message. What
//! the peer says to these is its own word, and goes to the recipients as it is. Recipients of other
//! next hops ride along where their own plans have said go on this very connection and ask for the
//! same parameters (P9).

mod riders;

use crate::approach::Left;
use crate::connection::{Connection, OUT_OF_TURN, Unanswered};
use crate::judge::{Gate, Judge};
use crate::message::Message;
use crate::outcome::{Sent, Try};
use crate::parameters::{of_mail, of_policy, of_rcpt, unfit, unfit_recipient};
use crate::pipeline::{Command, Pipeline};
use crate::reply::{Class, PeerReply};
use crate::report::{Answers, Report};
use requiretls_core::delivery::{Action, End};
use requiretls_core::next_hop::Host;
use requiretls_core::reply::{Enhanced, Reply};
use riders::Rider;
pub(crate) use riders::Share;

/// One message on one connection.
pub(crate) struct Transaction<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) host: &'a Host,
    pub(crate) message: &'a Message,
    pub(crate) report: &'a mut Report,
    pub(crate) this: &'a mut Try,
}

/// The recipients of one next hop in this transaction.
#[derive(Debug)]
struct Party {
    answers: Answers,
    peer: Option<PeerReply>,
    accepted: Vec<usize>,
    /// The last reply about this message, for core.
    end: End,
}

/// What one round of MAIL and RCPT came to.
enum Round {
    /// Recipients were accepted, and this is the reply to DATA, or chunks are to follow.
    Accepted(Option<PeerReply>),
    /// RSET, and MAIL again.
    Again,
    /// No more is to be said about this message.
    Over,
}

impl Transaction<'_> {
    /// The whole of it. The end is the last reply about this message to the next hop that the
    /// connection was opened for; what it meant for the others is in their shares.
    pub(crate) fn run(
        &mut self,
        judge: &mut dyn Judge,
        others: &mut [Share],
        now: &dyn Fn() -> u64,
    ) -> Result<End, Left> {
        let mut own = Party::of(self.report.answers.clone());
        let (mut riders, ended) = loop {
            let gate = judge.mail_params(now()).ok_or(Left::Told)?;
            if let Some(reply) = unfit(self.message, self.host, self.connection.extensions()) {
                own.answers.answer(&own.answers.pending(), &reply);
                break (Vec::new(), Ok(End::Closed));
            }
            let mut riders = match judge.delivery().session() {
                Some(session) => riders::join(others, self.host, &session, gate, now()),
                None => Vec::new(),
            };
            match self.round(judge, gate, &mut own, &mut riders) {
                Ok(Round::Again) => {}
                Ok(Round::Over) => break (riders, Ok(own.end)),
                Ok(Round::Accepted(go_ahead)) => {
                    let ended = self.content(go_ahead, &mut own, &mut riders);
                    break (riders, ended.map(|()| own.end));
                }
                Err(left) => break (Vec::new(), Err(left)),
            }
        };
        self.report.answers = own.answers;
        self.report.peer = own.peer.or(self.report.peer.take());
        if ended.is_ok() {
            for rider in riders.drain(..) {
                rider.keep(self.this);
            }
        }
        ended
    }

    fn round(
        &mut self,
        judge: &mut dyn Judge,
        gate: Gate,
        own: &mut Party,
        riders: &mut Vec<Rider<'_>>,
    ) -> Result<Round, Left> {
        let offered = self.connection.extensions();
        let requirement = judge.delivery().plan().requirement();
        let parameters = of_mail(self.message, requirement, gate, offered);
        let mut parties: Vec<&mut Party> = vec![&mut *own];
        parties.extend(riders.iter_mut().map(|rider| &mut rider.party));
        let named: Vec<(usize, usize, String)> = parties
            .iter_mut()
            .enumerate()
            .flat_map(|(n, party)| {
                let named = self.named(party);
                named.into_iter().map(move |(index, line)| (n, index, line))
            })
            .collect();
        if named.is_empty() {
            return Ok(Round::Over);
        }
        let reset = self.connection.is_mail_open();
        let commands = self.commands(reset, &parameters, &named);
        self.this.sent = Some(Sent {
            parameters: of_policy(gate),
            content: false,
        });
        self.connection.begin_message();
        let mut pipeline = Pipeline::new(self.connection, commands);
        if reset && !pipeline.reply()?.is_positive() {
            return Err(OUT_OF_TURN.into());
        }
        let reply = pipeline.reply()?;
        let action = judge.mail_reply(reply.code, &reply.after_code());
        if action != Action::Go || !reply.is_positive() {
            // Nobody rides on a MAIL that was refused.
            pipeline.abandon();
            riders.clear();
            return match (action, reply.class()) {
                (Action::Again, _) => self.again(),
                (Action::Go, Class::Transient | Class::Permanent) => {
                    own.answer(&own.answers.pending(), reply);
                    Ok(Round::Over)
                }
                (Action::Go, _) => Err(OUT_OF_TURN.into()),
                _ => Err(told(own, reply)),
            };
        }
        for (n, index, _) in &named {
            let reply = pipeline.reply()?;
            let nobody_yet = parties.iter().all(|party| party.accepted.is_empty());
            // Row 16: the peer may demand TLS as late as here.
            let action = if reply.code == 530 && nobody_yet {
                judge.mail_reply(reply.code, &reply.after_code())
            } else {
                Action::Go
            };
            if action != Action::Go {
                pipeline.abandon();
                riders.clear();
                return match action {
                    Action::Again => self.again(),
                    _ => Err(told(own, reply)),
                };
            }
            if reply.class() == Class::Intermediate {
                return Err(OUT_OF_TURN.into());
            }
            if reply.closes() {
                riders.clear();
                own.answer(&[], reply);
                return Ok(Round::Over);
            }
            if let Some(party) = parties.get_mut(*n) {
                party.rcpt(*index, reply);
            }
        }
        if parties.iter().all(|party| party.accepted.is_empty()) {
            pipeline.abandon();
            return Ok(Round::Over);
        }
        if offered.chunking {
            return Ok(Round::Accepted(None));
        }
        Ok(Round::Accepted(Some(pipeline.reply()?)))
    }

    /// The RCPT lines of a party; who cannot be named here is answered.
    fn named(&self, party: &mut Party) -> Vec<(usize, String)> {
        let offered = self.connection.extensions();
        let mut lines = Vec::new();
        for index in party.answers.pending() {
            let Some(recipient) = self.message.envelope.recipients.get(index) else {
                continue;
            };
            if let Some(reply) = unfit_recipient(recipient, self.host, offered) {
                party.answers.answer(&[index], &reply);
                continue;
            }
            let parameters = of_rcpt(recipient, offered);
            lines.push((index, format!("RCPT TO:{}{parameters}", recipient.path)));
        }
        lines
    }

    fn commands(
        &self,
        reset: bool,
        parameters: &str,
        named: &[(usize, usize, String)],
    ) -> Vec<Command> {
        let limits = self.connection.timeouts();
        let mail = format!(
            "MAIL FROM:{}{parameters}",
            self.message.envelope.return_path
        );
        let reset = reset.then(|| ("RSET".to_owned(), limits.command));
        let rcpt = named
            .iter()
            .map(|(_, _, line)| (line.clone(), limits.command));
        // A chunk needs no leave.
        let data =
            (!self.connection.extensions().chunking).then(|| ("DATA".to_owned(), limits.data));
        let mut all: Vec<Command> = reset.into_iter().collect();
        all.push((mail, limits.command));
        all.extend(rcpt);
        all.extend(data);
        all
    }

    fn again(&self) -> Result<Round, Left> {
        if self.connection.is_lost() {
            return Err(OUT_OF_TURN.into());
        }
        Ok(Round::Again)
    }

    /// The message itself, and what the peer says to it.
    fn content(
        &mut self,
        go_ahead: Option<PeerReply>,
        own: &mut Party,
        riders: &mut [Rider<'_>],
    ) -> Result<(), Left> {
        let mut parties: Vec<&mut Party> = vec![own];
        parties.extend(riders.iter_mut().map(|rider| &mut rider.party));
        let mut answer = |reply: &PeerReply| {
            for party in &mut parties {
                party.accepted(reply);
            }
        };
        let chunk = match go_ahead {
            None => true,
            Some(reply) if reply.code == 354 => false,
            Some(reply) => {
                return match reply.class() {
                    Class::Transient | Class::Permanent => {
                        answer(&reply);
                        Ok(())
                    }
                    Class::Positive | Class::Intermediate => Err(OUT_OF_TURN.into()),
                };
            }
        };
        if let Some(sent) = &mut self.this.sent {
            sent.content = true;
        }
        let content = &self.message.content;
        let reply = if chunk {
            self.connection.bdat(content)
        } else {
            self.connection.data(content)
        };
        let unknown = match reply {
            Ok(reply) if reply.class() != Class::Intermediate => {
                answer(&reply);
                return Ok(());
            }
            Ok(_) => OUT_OF_TURN,
            Err(Unanswered::Unknown(broken)) => broken,
            Err(Unanswered::Unfinished(broken)) => return Err(broken.into()),
        };
        self.connection.give_up();
        self.this.cause = Some(unknown.to_string());
        let text = format!(
            "{}: {unknown} after the message was sent: it may have been taken (possible duplicate)",
            self.host
        );
        let reply = Reply::new(451, Enhanced(4, 4, 2), text);
        for party in parties {
            party.unknown(&reply);
        }
        Ok(())
    }
}

impl Party {
    fn of(answers: Answers) -> Self {
        Self {
            answers,
            peer: None,
            accepted: Vec::new(),
            // Who cannot be named here is not to be named anywhere.
            end: End::Closed,
        }
    }

    /// The peer's answer for these recipients. With 421 it has not answered, it leaves.
    fn answer(&mut self, recipients: &[usize], reply: PeerReply) {
        self.end = End::Reply(reply.code);
        if !reply.closes() {
            self.answers.answer(recipients, &reply.to_reply());
        }
        self.peer = Some(reply);
    }

    fn rcpt(&mut self, index: usize, reply: PeerReply) {
        if reply.is_positive() {
            self.accepted.push(index);
            return;
        }
        let before = self.end;
        self.answer(&[index], reply);
        // What may heal keeps the message going to another host.
        if matches!(before, End::Reply(400..=499)) {
            self.end = before;
        }
    }

    /// The answer for those that were accepted, if any.
    fn accepted(&mut self, reply: &PeerReply) {
        let accepted = std::mem::take(&mut self.accepted);
        if !accepted.is_empty() {
            self.answer(&accepted, reply.clone());
        }
    }

    /// Nobody knows whether the peer has it: no other host gets it now (RFC 1047), so that it is at
    /// worst sent twice, and never lost.
    fn unknown(&mut self, reply: &Reply) {
        let accepted = std::mem::take(&mut self.accepted);
        if !accepted.is_empty() {
            self.answers.answer(&accepted, reply);
            self.end = End::Closed;
        }
    }
}

fn told(own: &mut Party, reply: PeerReply) -> Left {
    own.peer = Some(reply);
    Left::Told
}
