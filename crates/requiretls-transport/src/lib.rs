//! An SMTP client that enforces the policy.
//!
//! It drives [`Delivery`](requiretls_core::delivery::Delivery) over all hosts and addresses of a
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
//! Blocking sockets, no threads, no clock of its own but the monotonic one: every phase of a
//! connection has one deadline, however slowly the peer drips.
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
mod message;
mod outcome;
mod parameters;
mod path;
mod pipeline;
mod pool;
mod reply;
mod report;
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
pub use timeouts::Timeouts;
pub use tls::Tls;
