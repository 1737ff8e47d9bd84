//! What does a mail server say became of a recipient?

use std::fmt;

/// What the server made of the transport's reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    /// The log line's words, the reply among them.
    pub(crate) words: String,
}

/// Where the message is now, as far as one recipient is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// At the next hop.
    Delivered,
    /// In the server's queue.
    Deferred,
    /// On its way back.
    Bounced,
}

impl Outcome {
    pub(crate) fn new(fate: Fate, words: &str) -> Self {
        Self {
            fate,
            words: words.to_owned(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fate, self.words)
    }
}
