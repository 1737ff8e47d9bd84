//! What is the answer to this command, at this point?
//!
//! The state of one client, without its connection: RFC 5321 section 4.1.4 and RFC 2033. Where a run
//! has one transaction, whatever begins or ends another is answered 421: what the command line said
//! was said of the first message, and Sendmail reuses the running program for others.

use super::answers::Answers;
use super::command::{Command, Line, refused};
use super::terms::Terms;
use super::transaction::Transaction;
use requiretls_core::ehlo;
use requiretls_core::mail_param::PathCommand;
use requiretls_core::reply::{Enhanced, Reply};

/// One client.
#[derive(Debug)]
pub(super) struct Session<'a> {
    terms: &'a Terms,
    inside_tls: bool,
    greeted: bool,
    transaction: Option<Transaction>,
    /// MAIL was said in this run.
    begun: bool,
    faults: u32,
}

/// What comes next on the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// A command.
    Command,
    /// The message.
    Content,
    /// The handshake.
    StartTls,
    /// Nothing.
    Close,
}

impl<'a> Session<'a> {
    pub(super) fn new(terms: &'a Terms) -> Self {
        Self {
            terms,
            inside_tls: false,
            greeted: false,
            transaction: None,
            begun: false,
            faults: 0,
        }
    }

    pub(super) fn greeting(&self, answers: &mut Answers) {
        answers.plain(220, [format!("{} LMTP", self.terms.name).as_str()]);
    }

    /// Answers one line.
    pub(super) fn line(&mut self, line: &Line, answers: &mut Answers) -> Next {
        match Command::parse(line).and_then(|command| self.command(command, answers)) {
            Ok(next) => next,
            Err(reply) => {
                self.faults += 1;
                if self.faults >= MOST_FAULTS {
                    answers.own(
                        421,
                        Enhanced(4, 7, 0),
                        "too many commands that were refused",
                    );
                    return Next::Close;
                }
                answers.reply(&reply);
                if reply.code == 421 {
                    Next::Close
                } else {
                    Next::Command
                }
            }
        }
    }

    /// Whether a message has begun to come, so that the client is not to be cut off.
    pub(super) fn is_under_way(&self) -> bool {
        self.transaction.is_some()
    }

    /// The message has come: its transaction is over.
    pub(super) fn take(&mut self) -> Option<Transaction> {
        self.transaction.take()
    }

    /// TLS is up: what was said before is forgotten (RFC 3207 section 4.2).
    pub(super) fn secured(&mut self) {
        self.inside_tls = true;
        self.greeted = false;
        self.transaction = None;
    }

    fn command(&mut self, command: Command<'_>, answers: &mut Answers) -> Result<Next, Reply> {
        match command {
            Command::Lhlo => {
                self.reset()?;
                self.greeted = true;
                answers.plain(250, self.offers().iter().map(String::as_str));
            }
            Command::Hello => return Err(refused(500, 1, "this is LMTP: say LHLO")),
            Command::Mail(mail) => {
                self.mail(&mail)?;
                answers.own(250, Enhanced(2, 1, 0), "sender noted");
            }
            Command::Rcpt(rcpt) => {
                let terms = self.terms;
                let transaction = self
                    .transaction
                    .as_mut()
                    .ok_or_else(|| out_of_turn("MAIL"))?;
                transaction.recipient(&rcpt, terms)?;
                answers.own(250, Enhanced(2, 1, 5), "recipient noted");
            }
            Command::Data => {
                let transaction = self
                    .transaction
                    .as_ref()
                    .ok_or_else(|| out_of_turn("MAIL"))?;
                // RFC 2033 section 4.2: no reply for each of no recipients.
                if transaction.envelope.recipients.is_empty() {
                    return Err(out_of_turn("RCPT"));
                }
                answers.plain(354, ["the message, and a line with a dot"]);
                return Ok(Next::Content);
            }
            Command::Rset => {
                self.reset()?;
                answers.own(250, Enhanced(2, 0, 0), "forgotten");
            }
            Command::StartTls => return self.start_tls(answers),
            Command::Noop => answers.own(250, Enhanced(2, 0, 0), "nothing done"),
            Command::Help => answers.own(214, Enhanced(2, 0, 0), "LMTP, RFC 2033"),
            Command::Vrfy => answers.own(252, Enhanced(2, 5, 2), "try RCPT"),
            Command::Quit => {
                answers.own(221, Enhanced(2, 0, 0), "goodbye");
                return Ok(Next::Close);
            }
        }
        Ok(Next::Command)
    }

    fn mail(&mut self, mail: &PathCommand<'_>) -> Result<(), Reply> {
        if !self.greeted {
            return Err(out_of_turn("LHLO"));
        }
        if self.begun && self.terms.one_transaction {
            return Err(one_transaction());
        }
        if self.transaction.is_some() {
            return Err(refused(503, 1, "a message is under way: RSET first"));
        }
        self.begun = true;
        let tls = self.inside_tls || self.terms.carry;
        self.transaction = Some(Transaction::begin(mail, self.terms, tls)?);
        Ok(())
    }

    fn start_tls(&self, answers: &mut Answers) -> Result<Next, Reply> {
        if self.terms.tls.is_none() {
            return Err(refused(502, 1, "STARTTLS is not offered"));
        }
        if self.inside_tls {
            return Err(refused(503, 1, "TLS is up already"));
        }
        if self.transaction.is_some() {
            return Err(refused(503, 1, "a message is under way"));
        }
        answers.own(220, Enhanced(2, 0, 0), "go on with TLS");
        Ok(Next::StartTls)
    }

    fn reset(&mut self) -> Result<(), Reply> {
        if self.begun && self.terms.one_transaction {
            return Err(one_transaction());
        }
        self.transaction = None;
        Ok(())
    }

    fn offers(&self) -> Vec<String> {
        let terms = self.terms;
        let size = terms.limits.message_size.unwrap_or(0);
        let tls = self.inside_tls || terms.carry;
        let ours = ehlo::keywords(terms.dialects, terms.advertise, tls);
        let starttls = (terms.tls.is_some() && !self.inside_tls).then_some("STARTTLS");
        [terms.name.clone(), format!("SIZE {size}")]
            .into_iter()
            .chain(
                OFFERS
                    .into_iter()
                    .chain(starttls)
                    .chain(ours)
                    .map(str::to_owned),
            )
            .collect()
    }
}

/// What is offered to everybody, besides SIZE.
const OFFERS: [&str; 5] = [
    "PIPELINING",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
];

/// A client that has been refused so often does not speak LMTP.
const MOST_FAULTS: u32 = 2_000;

fn one_transaction() -> Reply {
    let text = "one message for each run: start another";
    Reply::new(421, Enhanced(4, 3, 2), text)
}

fn out_of_turn(first: &str) -> Reply {
    refused(503, 1, &format!("{first} first"))
}
