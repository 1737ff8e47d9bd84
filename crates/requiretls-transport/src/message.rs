//! What is to be sent?

use crate::content::Content;
use crate::envelope::Envelope;
use std::fmt;

/// One message with its envelope.
#[derive(Clone, Debug)]
pub struct Message {
    pub(crate) envelope: Envelope,
    pub(crate) content: Content,
}

impl Message {
    /// A message: header, empty line, body; its lines end with CRLF or LF. It is sent as it is,
    /// octets above 127 included, but that every line ends with CRLF, and that a CR that ends no
    /// line is sent as a blank (RFC 5321 section 2.3.8 has no place for it).
    ///
    /// # Errors
    /// [`MessageError`]: nobody is to get it.
    pub fn new(envelope: Envelope, content: impl Into<Content>) -> Result<Self, MessageError> {
        if envelope.recipients.is_empty() {
            return Err(MessageError);
        }
        Ok(Self {
            envelope,
            content: content.into(),
        })
    }
}

/// A message without a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MessageError;

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message has no recipient")
    }
}

impl std::error::Error for MessageError {}

#[cfg(test)]
mod tests {
    use super::{Message, MessageError};
    use crate::envelope::Envelope;

    #[test]
    fn a_message_has_a_recipient() {
        let made = Message::new(Envelope::default(), b"".as_slice());
        assert_eq!(made.err(), Some(MessageError));
    }
}
