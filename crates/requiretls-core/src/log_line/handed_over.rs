//! How is mail logged that a mail server hands over?
//!
//! By LMTP, where the server's queue stays the only one: one line for what became of a message at
//! each next hop, one for what was answered for each recipient, and one for each connection when it
//! ends.

use super::token::{Token, Tokens};
use super::{LogLine, Severity};
use crate::delivery::{Action, Delivery, Verdict};
use crate::reply::Reply;
use crate::requirement::Requirement;
use crate::tag;

/// What became of a message at one next hop.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// The connection, counted from the start of the program, and the message on it.
    pub message: (u64, u64),
    /// The state machine as it ended. Its verdict is go wherever nothing of ours was against the
    /// message, also where the peer has refused it, or nobody knows whether the peer took it.
    pub delivery: &'a Delivery,
    /// What its recipients are told: go where a host took it for one of them at least.
    pub action: Action,
    /// In which words.
    pub reply: &'a Reply,
    /// Whether MAIL FROM was said on the last connection.
    pub said: bool,
}

/// What was answered for one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// As in [`Carried`].
    pub message: (u64, u64),
    /// The return path, without angle brackets.
    pub from: &'a str,
    /// The recipient, without angle brackets.
    pub to: &'a str,
    /// The size of the message.
    pub octets: u64,
    /// What its sender asked; `None`: that could not be read.
    pub requirement: Option<Requirement>,
    /// The answer.
    pub reply: &'a Reply,
}

/// A connection that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Counted from the start of the program.
    pub connection: u64,
    /// Where the client came in.
    pub listener: &'a str,
    /// As in the token `tls`.
    pub tls: &'static str,
    /// How many messages came whole.
    pub messages: u64,
    /// As in the token `ended`.
    pub how: &'static str,
}

impl LogLine {
    /// A message has come to its end at one next hop. Where the gate was open the line says what it
    /// went with, and go only where it has arrived.
    #[must_use]
    pub fn carried(carried: &Carried<'_>) -> Self {
        let (delivery, reply) = (carried.delivery, carried.reply);
        let mut tokens = numbered(carried.message);
        let verdict = delivery.verdict();
        let open = verdict.action == Action::Go;
        if let Some(clearance) = delivery.clearance().filter(|_| open) {
            super::put_next_hop(&mut tokens, delivery.plan(), carried.action);
            let severity = super::put_cleared(&mut tokens, delivery, clearance, carried.said);
            if carried.action == Action::Go {
                return Self::of(severity, tokens);
            }
            super::put_reply(&mut tokens, reply);
            return Self::of(severity.at_least(Severity::Notice), tokens);
        }
        let ended = Verdict {
            action: carried.action,
            reply: reply.clone(),
            ..verdict.clone()
        };
        let verdict = if open { ended } else { verdict };
        super::put_verdict(tokens, delivery.plan(), &verdict)
    }

    /// A recipient has its answer.
    #[must_use]
    pub fn answered(answered: &Answered<'_>) -> Self {
        let mut tokens = numbered(answered.message);
        tokens.put(Token::From, format_args!("<{}>", answered.from));
        tokens.put(Token::To, format_args!("<{}>", answered.to));
        tokens.put(Token::Octets, answered.octets);
        let word = answered.requirement.map(tag::word);
        tokens.put(Token::Tag, word.as_deref().unwrap_or(tag::REFUSED));
        super::put_reply(&mut tokens, answered.reply);
        let severity = match answered.reply.code {
            200..=299 => Severity::Info,
            _ => Severity::Notice,
        };
        Self::of(severity, tokens)
    }

    /// A connection has ended.
    #[must_use]
    pub fn ended(ended: &Ended<'_>) -> Self {
        let mut tokens = Tokens::default();
        tokens.put(Token::Connection, ended.connection);
        tokens.put(Token::Listener, ended.listener);
        tokens.put(Token::Messages, ended.messages);
        tokens.put(Token::Ended, ended.how);
        tokens.put(Token::Tls, ended.tls);
        Self::of(Severity::Info, tokens)
    }
}

fn numbered((connection, message): (u64, u64)) -> Tokens {
    let mut tokens = Tokens::default();
    tokens.put(Token::Message, format_args!("{connection}.{message}"));
    tokens
}
