//! An SMTP client that enforces the policy.
//!
//! It drives [`Delivery`](requiretls_core::delivery::Delivery) over all hosts and addresses of a
//! plan: it reports what each peer shows and does what it is told. It decides nothing by itself,
//! so that whatever it sends has passed the same gate as a message of the C library's callers.
//!
//! ```no_run
//! use requiretls_core::{pkix::Roots, plan::Plan};
//! use requiretls_transport::{Client, Message, Path};
//!
//! # fn clock() -> u64 { 0 }
//! # fn send(plan: Plan) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("mail.example.org", Roots::not_loaded(), clock)?;
//! let from = Path::parse("alice@example.org")?;
//! let to = [Path::parse("bob@example.com")?];
//! let outcome = client.deliver(plan, &Message::new(&from, &to, b"Subject: hello\n\nBob!\n")?);
//! println!("{}: {}", outcome.action.as_str(), outcome.reply);
//! # Ok(())
//! # }
//! ```
//!
//! Blocking sockets, no threads, no clock of its own but the monotonic one: every phase of a
//! connection has one deadline, however slowly the peer drips.
#![forbid(unsafe_code)]

mod approach;
mod channel;
mod client;
mod connection;
mod content;
#[cfg(feature = "ignore-answers")]
mod ignore_answers;
mod judge;
mod kept;
mod message;
mod outcome;
mod reply;
mod server_check;
mod timeouts;
mod tls;
mod transaction;

pub use client::{Client, ClientError};
#[cfg(feature = "ignore-answers")]
pub use ignore_answers::ClientIgnoringAnswers;
pub use kept::Kept;
pub use message::{Message, MessageError, Path, PathError};
pub use outcome::{Outcome, Recipient, Sent, Try};
pub use reply::PeerReply;
pub use server_check::{Check, Finding, Server, ServerCheck, Verdict};
pub use timeouts::Timeouts;
pub use tls::Tls;
