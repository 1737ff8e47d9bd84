//! How does a mail server hand its mail over?
//!
//! By LMTP (RFC 2033), over the standard input and output of a program that it has started or over a
//! socket: MAIL with what the sender required, RCPT for each recipient, the message. One reply for
//! each recipient comes back when the next hop has answered. Nothing is queued here, and nothing is
//! acknowledged that nobody else has.
//!
//! What is offered is PIPELINING, 8BITMIME, SMTPUTF8, DSN, ENHANCEDSTATUSCODES, SIZE, STARTTLS where
//! there is a certificate, and what [`requiretls_core::ehlo::keywords`] says.

mod answers;
mod command;
mod connection;
mod content_end;
mod counters;
mod drain;
mod header_section;
mod input;
mod receipt;
mod server;
mod session;
mod terms;
mod transaction;
mod wire;

pub use connection::Carry;
pub use counters::{Counted, Counters};
pub use drain::Drain;
pub use server::{Listener, Server};
pub use terms::{Limits, PostfixField, TagField, Terms};
