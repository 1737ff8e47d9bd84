//! How does one message go over an open connection?
//!
//! MAIL behind the last gate, RCPT for each recipient that is still to be served, DATA. What the
//! peer says to these is its own word, and goes to the recipients as it is.

use crate::approach::Left;
use crate::connection::{Connection, OUT_OF_TURN};
use crate::judge::{Gate, Judge};
use crate::message::Message;
use crate::outcome::{Report, Sent, Try};
use crate::reply::{Class, PeerReply};
use requiretls_core::delivery::{Action, End};

/// One message on one connection.
pub(crate) struct Transaction<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) message: &'a Message,
    pub(crate) report: &'a mut Report,
    pub(crate) this: &'a mut Try,
}

/// What one round of MAIL and RCPT came to.
enum Round {
    /// These recipients were accepted.
    Accepted(Vec<usize>),
    /// RSET, and MAIL again.
    Again,
    /// No more is to be said about this message.
    Over(End),
}

impl Transaction<'_> {
    /// The whole of it. The end is the last reply about this message.
    pub(crate) fn run<J: Judge>(
        &mut self,
        judge: &mut J,
        now: impl Fn() -> u64,
    ) -> Result<End, Left> {
        let accepted = loop {
            let gate = judge.mail_params(now()).ok_or(Left::Told)?;
            match self.envelope(judge, gate)? {
                Round::Accepted(accepted) => break accepted,
                Round::Over(end) => return Ok(end),
                Round::Again => {
                    let reset = self.connection.command("RSET")?;
                    if reset.class() != Class::Positive {
                        return Err(OUT_OF_TURN.into());
                    }
                }
            }
        };
        let reply = self.connection.data()?;
        if reply.code != 354 {
            return match reply.class() {
                Class::Transient | Class::Permanent => Ok(self.answer(&accepted, reply)),
                Class::Positive | Class::Intermediate => Err(OUT_OF_TURN.into()),
            };
        }
        if let Some(sent) = &mut self.this.sent {
            sent.content = true;
        }
        let reply = self.connection.content(&self.message.content)?;
        match reply.class() {
            Class::Intermediate => Err(OUT_OF_TURN.into()),
            _ => Ok(self.answer(&accepted, reply)),
        }
    }

    fn envelope<J: Judge>(&mut self, judge: &mut J, gate: Gate) -> Result<Round, Left> {
        let parameters = self.parameters(gate);
        let mail = format!(
            "MAIL FROM:{}{parameters}",
            self.message.envelope.return_path
        );
        self.this.sent = Some(Sent {
            parameters: parameters.trim_start().to_owned(),
            content: false,
        });
        let reply = self.connection.command(&mail)?;
        match judge.mail_reply(reply.code, &reply.after_code()) {
            Action::Go => {}
            Action::Again => return Ok(Round::Again),
            _ => return Err(self.told(reply)),
        }
        let pending = self.report.pending();
        match reply.class() {
            Class::Positive => {}
            Class::Intermediate => return Err(OUT_OF_TURN.into()),
            Class::Transient | Class::Permanent => {
                return Ok(Round::Over(self.answer(&pending, reply)));
            }
        }
        let mut accepted = Vec::new();
        let mut end = End::Lost;
        for index in pending {
            let Some(recipient) = self.message.envelope.recipients.get(index) else {
                continue;
            };
            let path = &recipient.path;
            let reply = self.connection.command(&format!("RCPT TO:{path}"))?;
            // Row 16: the peer may demand TLS as late as here.
            if reply.code == 530 && accepted.is_empty() {
                match judge.mail_reply(reply.code, &reply.after_code()) {
                    Action::Go => {}
                    Action::Again => return Ok(Round::Again),
                    _ => return Err(self.told(reply)),
                }
            }
            match reply.class() {
                Class::Positive => accepted.push(index),
                Class::Intermediate => return Err(OUT_OF_TURN.into()),
                _ if reply.closes() => return Ok(Round::Over(self.answer(&[], reply))),
                class => {
                    let own = self.answer(&[index], reply);
                    // What may heal keeps the message going to another host.
                    if class == Class::Transient || !matches!(end, End::Reply(400..=499)) {
                        end = own;
                    }
                }
            }
        }
        if accepted.is_empty() {
            return Ok(Round::Over(end));
        }
        Ok(Round::Accepted(accepted))
    }

    /// P4's parameter, RET of RFC 8689 section 5, BODY of RFC 6152.
    fn parameters(&self, gate: Gate) -> String {
        let ret = if gate.ret_hdrs { " RET=HDRS" } else { "" };
        let body = if self.message.content.is_8bit() && self.connection.offers_8bit() {
            " BODY=8BITMIME"
        } else {
            ""
        };
        format!("{}{ret}{body}", gate.parameter)
    }

    /// The peer's answer for these recipients. With 421 it has not answered, it leaves.
    fn answer(&mut self, recipients: &[usize], reply: PeerReply) -> End {
        let end = End::Reply(reply.code);
        if !reply.closes() {
            self.report.answer(recipients, &reply);
        }
        self.report.peer = Some(reply);
        end
    }

    fn told(&mut self, reply: PeerReply) -> Left {
        self.report.peer = Some(reply);
        Left::Told
    }
}
