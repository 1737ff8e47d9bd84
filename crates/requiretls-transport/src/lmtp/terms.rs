//! What holds for the clients of one listener?

use requiretls_core::mail_param::{Dialects, TagTrust};
use requiretls_core::next_hop::NextHop;
use rustls::ServerConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What clients of one listener, or of standard input, are offered and where their mail goes.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What the log calls the listener: `pipe`, `unix:/path`, `127.0.0.1:2424`.
    pub listener: String,
    /// The name in the greeting.
    pub name: String,
    /// The ways of asking that are understood.
    pub dialects: Dialects,
    /// Whether they are offered (R10).
    pub advertise: bool,
    /// Whether a client counts as inside TLS without it: on a pipe, and on a unix socket that the
    /// configuration names (P12's `local carry`, R4).
    pub carry: bool,
    /// For STARTTLS; `None`: it is not offered.
    pub tls: Option<Arc<ServerConfig>>,
    /// The tag that the command line gave, which counts as it stands.
    pub tag: Option<String>,
    /// The field of the header section that holds a tag.
    pub tag_field: Option<TagField>,
    /// Postfix's field.
    pub postfix_field: PostfixField,
    /// Where all mail goes; `None`: each recipient's domain says it.
    pub route: Option<NextHop>,
    /// Whether a second transaction is answered 421: what was said on the command line was said of
    /// one message.
    pub one_transaction: bool,
    /// What bounds one connection.
    pub limits: Limits,
}

/// A header field with a tag in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TagField {
    /// Its name.
    pub name: String,
    /// Who may have written it.
    pub trust: TagTrust,
}

/// Whether `Require-TLS-ESMTP: yes` counts as REQUIRETLS. Postfix writes it where mail leaves it for
/// a content filter or an LMTP server, and so can anybody else.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PostfixField {
    /// It is a field like any other.
    #[default]
    Ignored,
    /// It counts, and is taken out.
    Trusted,
}

/// What bounds one connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The largest message, in octets; `None`: no limit.
    pub message_size: Option<u64>,
    /// The most recipients of one message.
    pub recipients: usize,
    /// The longest wait for a command (RFC 5321 section 4.5.3.2.7).
    pub command: Duration,
    /// The longest wait for more of a message.
    pub block: Duration,
    /// The longest wait for the client's next part of the TLS handshake.
    pub handshake: Duration,
    /// The longest wait for the client to take a reply.
    pub reply: Duration,
    /// What a message may have in memory, in octets: a longer one goes to a file.
    pub in_memory: usize,
    /// The directory of that file, which has no name there.
    pub spill_directory: PathBuf,
}

impl Default for Limits {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            message_size: None,
            recipients: 1_000,
            command: minutes(5),
            block: minutes(3),
            handshake: minutes(1),
            reply: minutes(5),
            in_memory: 65_536,
            spill_directory: PathBuf::from("/var/tmp"),
        }
    }
}
