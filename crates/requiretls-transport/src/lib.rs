//! An SMTP client that enforces the policy, and a carrier that serves all recipients of a message.
//!
//! The client drives [`Delivery`](requiretls_core::delivery::Delivery) over all hosts and addresses of a
//! plan: it reports what each peer shows and does what it is told. It decides nothing by itself,
//! so that whatever it sends has passed the same gate as a message of the C library's callers.
//!
//! ```no_run
//! use requiretls_core::{pkix::Roots, plan::Plan};
//! use requiretls_transport::{Client, Envelope, Message, Path};
//!
//! # fn clock() -> u64 { 0 }
//! # fn send(plan: Plan) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("mail.example.org", Roots::not_loaded(), clock)?;
//! let from = Path::parse("alice@example.org")?;
//! let envelope = Envelope::new(from, [Path::parse("bob@example.com")?]);
//! let message = Message::new(envelope, b"Subject: hello\n\nBob!\n".as_slice())?;
//! let outcome = client.deliver(plan, &message);
//! println!("{}: {}", outcome.action.as_str(), outcome.reply);
//! # Ok(())
//! # }
//! ```
//!
//! Sockets that are waited for, no clock of its own but the monotonic one: every phase of a
//! connection has one deadline, however slowly the peer drips. The client has no threads.
//!
//! [`Carrier`] is for whoever has a message with recipients anywhere and has to answer for each of
//! them: it asks for a plan for each next hop, keeps connections for later messages, and gives one
//! reply for each recipient. It has a thread that closes idle connections, and serves a few next hops
//! of a message at the same time.
//!
//! [`lmtp`] takes the messages from a mail server, which keeps the only queue. [`Server`](lmtp::Server)
//! has a thread for each of its clients.
//!
//! A message is wholly sent, or not at all: nothing in it is rewritten, and what a peer lacks that it
//! needs (8BITMIME, if that was declared, SMTPUTF8, room) refuses it before MAIL. Once its end may have
//! been sent, only the peer's reply says what became of it; without one the recipients are told to wait
//! with 4.4.2, and no other host gets it in this run: it may arrive twice, and is never lost (RFC 1047).
#![forbid(unsafe_code)]

mod approach;
mod at_once;
mod carrier;
mod channel;
mod client;
mod connection;
mod content;
mod envelope;
mod extensions;
mod follow;
#[cfg(feature = "ignore-answers")]
mod ignore_answers;
mod judge;
mod kept;
mod limits;
pub mod lmtp;
mod message;
mod outcome;
mod parameters;
mod path;
mod pipeline;
mod pool;
mod reply;
mod report;
mod server_check;
mod stuffing;
mod timeouts;
mod tls;
mod transaction;
mod way;

pub use carrier::{Carrier, PlanFor, Request};
pub use client::{Client, ClientError};
pub use content::{Content, ContentReader, ContentWriter};
pub use envelope::{Body, Envelope, EnvelopeRecipient, Ret, Value, ValueError};
#[cfg(feature = "ignore-answers")]
pub use ignore_answers::ClientIgnoringAnswers;
pub use kept::Kept;
pub use limits::Limits;
pub use message::{Message, MessageError};
pub use outcome::{Outcome, Recipient, Sent, Try};
pub use path::{Path, PathError};
pub use reply::PeerReply;
pub use server_check::{Check, Finding, Server, ServerCheck, Verdict};
pub use timeouts::Timeouts;
pub use tls::Tls;
