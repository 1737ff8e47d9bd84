//! How does a peer take messages?
//!
//! What it offers besides protection, and its limits.

use super::{Peer, Step};

impl Peer {
    /// Takes messages in chunks (RFC 3030).
    #[must_use]
    pub fn chunking(mut self) -> Self {
        self.in_clear.push("CHUNKING".to_owned());
        self.in_tls.push("CHUNKING".to_owned());
        self
    }

    /// Does not offer PIPELINING, and takes nothing that is sent before it has replied.
    #[must_use]
    pub fn no_pipelining(self) -> Self {
        self.without("PIPELINING")
    }

    /// Does not offer 8BITMIME.
    #[must_use]
    pub fn no_8bit(self) -> Self {
        self.without("8BITMIME")
    }

    /// Does not offer SMTPUTF8.
    #[must_use]
    pub fn no_utf8(self) -> Self {
        self.without("SMTPUTF8")
    }

    /// Answers RCPT with this reply where the address begins so, and takes the others.
    #[must_use]
    pub fn refuses_recipient(mut self, begins: &str, reply: &str) -> Self {
        self.refused_recipients
            .push((begins.to_owned(), reply.to_owned()));
        self
    }

    /// Takes so many recipients of a message; more are answered 452 (RFC 5321 section 4.5.3.1.8).
    #[must_use]
    pub fn recipient_limit(mut self, limit: usize) -> Self {
        self.recipient_limit = limit;
        self
    }

    /// Does not offer DSN.
    #[must_use]
    pub fn no_dsn(self) -> Self {
        self.without("DSN")
    }

    /// Answers EHLO with so many further lines.
    #[must_use]
    pub fn long_ehlo(mut self, lines: usize) -> Self {
        let further = (0..lines).map(|n| format!("X-LINE-{n}"));
        self.in_clear.extend(further.clone());
        self.in_tls.extend(further);
        self
    }

    /// Takes no larger message, in octets, and says so (RFC 1870).
    #[must_use]
    pub fn size_limit(self, limit: usize) -> Self {
        let mut peer = self.without("SIZE");
        peer.size_limit = limit;
        for offered in [&mut peer.in_clear, &mut peer.in_tls] {
            offered.push(format!("SIZE {limit}"));
        }
        peer
    }

    /// Takes a message, and is gone before it has said so.
    #[must_use]
    pub fn dies_after_the_dot(self) -> Self {
        self.drops(Step::Dot)
    }

    /// Closes the connection when it has taken a message.
    #[must_use]
    pub fn one_message(self) -> Self {
        self.drops(Step::Taken)
    }
}
