//! How is mail logged that a mail server hands over?
//!
//! By LMTP, where the server's queue stays the only one: one line for what was answered for each
//! recipient, and one for each connection when it ends. The decisions stand in lines of their own.

use super::token::{Token, Tokens};
use super::{LogLine, Severity};
use crate::reply::Reply;
use crate::requirement::Requirement;
use crate::tag;

/// What was answered for one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The connection, counted from the start of the program, and the message on it.
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
    /// A recipient has its answer.
    #[must_use]
    pub fn answered(answered: &Answered<'_>) -> Self {
        let mut tokens = Tokens::default();
        let (connection, message) = answered.message;
        tokens.put(Token::Message, format_args!("{connection}.{message}"));
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
