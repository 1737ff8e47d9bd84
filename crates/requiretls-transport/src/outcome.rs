//! What became of the message?

use crate::kept::Kept;
use crate::path::Path;
use crate::reply::PeerReply;
use crate::tls::Tls;
use requiretls_core::decision::{Refusal, Row, Who};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::next_hop::Host;
use requiretls_core::reply::Reply;
use requiretls_core::session::Session;
use std::net::IpAddr;

/// What became of one message at one next hop.
#[derive(Debug)]
pub struct Outcome {
    /// Go when a peer took it for at least one recipient, else defer or bounce.
    pub action: Action,
    /// The reply for the message as a whole: the peer's own where the peer spoke about the message,
    /// ours where the message could not be said to it or nobody knows whether it took it, else
    /// core's.
    pub reply: Reply,
    /// Who imposed it.
    pub who: Who,
    /// The row that decided; `None` on go and where the peer's own reply decided.
    pub row: Option<Row>,
    /// Each recipient, in the order of the message, with its own reply.
    pub recipients: Vec<Recipient>,
    /// Every connection that was tried, the last one last.
    pub tries: Vec<Try>,
    /// The last reply to MAIL, RCPT, DATA or the message.
    pub peer: Option<PeerReply>,
    /// What the connection that settled the message proved when it was made.
    pub session: Option<Session>,
    /// The connection that settled the message, still open, if the client keeps connections.
    pub kept: Option<Kept>,
    /// The open connection that was offered, where this message may not ride on it.
    pub declined: Option<Kept>,
    /// The state machine as it ended, for the log.
    pub delivery: Delivery,
}

/// What became of the message for one recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipient {
    /// The address.
    pub path: Path,
    /// 2yz: taken; 4yz: try later; 5yz: return.
    pub reply: Reply,
}

/// One connection that was tried.
#[derive(Clone, Debug)]
pub struct Try {
    /// The host, by the name it was tried under.
    pub host: Host,
    /// The address that the plan has for it; `None` for a unix socket.
    pub address: Option<IpAddr>,
    /// Whether the connection was open before.
    pub resumed: bool,
    /// What was negotiated; `None` in clear.
    pub tls: Option<Tls>,
    /// What MAIL FROM went with; `None`: the gate did not open.
    pub sent: Option<Sent>,
    /// Why the host was left; `None` where it settled the message.
    pub refusal: Option<Refusal>,
    /// What went wrong on the wire, in the peer's or the system's words.
    pub cause: Option<String>,
}

/// What was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sent {
    /// What the policy had the last MAIL FROM go with (P4, and RET where core asks for it), without
    /// the blank before it.
    pub parameters: String,
    /// Whether the message itself was begun.
    pub content: bool,
}

impl Outcome {
    /// The host that was tried last.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.tries.last().map(|t| &t.host)
    }

    /// The address that was tried last.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.tries.last().and_then(|t| t.address)
    }

    /// What was negotiated on the last connection.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tries.last().and_then(|t| t.tls.as_ref())
    }

    /// What was sent on the last connection.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        self.tries.last().and_then(|t| t.sent.as_ref())
    }
}
