//! What is to be sent, and from whom to whom?

use std::fmt;

/// One message with its envelope.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub(crate) return_path: &'a Path,
    pub(crate) recipients: &'a [Path],
    pub(crate) content: &'a [u8],
}

/// An address as it stands between the angle brackets of MAIL FROM and RCPT TO.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path(String);

impl<'a> Message<'a> {
    /// A message: header, empty line, body; its lines end with CRLF or LF. It is sent as it is,
    /// octets above 127 included, but that every line ends with CRLF, and that a CR that ends no
    /// line is sent as a blank (RFC 5321 section 2.3.8 has no place for it).
    ///
    /// # Errors
    /// [`MessageError`]: nobody is to get it.
    pub fn new(
        return_path: &'a Path,
        recipients: &'a [Path],
        content: &'a [u8],
    ) -> Result<Self, MessageError> {
        if recipients.is_empty() {
            return Err(MessageError);
        }
        Ok(Self {
            return_path,
            recipients,
            content,
        })
    }

    pub(crate) fn is_8bit(&self) -> bool {
        !self.content.is_ascii()
    }
}

impl Path {
    /// The empty return path of a bounce.
    #[must_use]
    pub const fn null() -> Self {
        Self(String::new())
    }

    /// Reads an address, without the angle brackets; empty is the null path. Addresses that only
    /// SMTPUTF8 could carry are refused.
    ///
    /// # Errors
    /// [`PathError`]: it could end the command or begin another.
    pub fn parse(address: &str) -> Result<Self, PathError> {
        if address.len() > MAX_PATH {
            return Err(PathError::TooLong);
        }
        let (mut quoted, mut escaped) = (false, false);
        for byte in address.bytes() {
            match byte {
                _ if !matches!(byte, b' '..=b'~') => return Err(PathError::BadCharacter),
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                b' ' | b'<' | b'>' if !quoted => return Err(PathError::BadCharacter),
                _ => {}
            }
        }
        if quoted || escaped {
            return Err(PathError::Unbalanced);
        }
        Ok(Self(address.to_owned()))
    }

    /// The address without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// A message without a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MessageError;

/// Why an address cannot stand in a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathError {
    /// A control or 8-bit character, or a blank or angle bracket outside quotes.
    BadCharacter,
    /// Longer than RFC 5321 section 4.5.3.1.3 allows.
    TooLong,
    /// A quoted string or escape without an end.
    Unbalanced,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message has no recipient")
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadCharacter => "an address with a character that no SMTP command can carry",
            Self::TooLong => "an address of more than 254 octets",
            Self::Unbalanced => "an address with a quoted string that does not end",
        })
    }
}

impl std::error::Error for MessageError {}
impl std::error::Error for PathError {}

/// 256 with the angle brackets.
const MAX_PATH: usize = 254;

#[cfg(test)]
mod tests {
    use super::{Message, MessageError, Path, PathError};

    #[test]
    fn an_address_cannot_leave_its_brackets() {
        let long = format!("{}@d.test", "a".repeat(248));
        for (label, address, read) in [
            ("plain", "a@d.test", Ok("<a@d.test>")),
            ("null path", "", Ok("<>")),
            (
                "quoted blank and bracket",
                "\"a b>\"@d.test",
                Ok("<\"a b>\"@d.test>"),
            ),
            (
                "escaped quote",
                "\"a\\\"b\"@d.test",
                Ok("<\"a\\\"b\"@d.test>"),
            ),
            ("literal", "a@[IPv6:::1]", Ok("<a@[IPv6:::1]>")),
            (
                "CR LF",
                "a@d.test>\r\nRCPT TO:<b",
                Err(PathError::BadCharacter),
            ),
            (
                "CR LF in quotes",
                "\"a\r\nDATA\"@d.test",
                Err(PathError::BadCharacter),
            ),
            ("bare LF", "a\n@d.test", Err(PathError::BadCharacter)),
            ("NUL", "a\0@d.test", Err(PathError::BadCharacter)),
            (
                "a parameter behind",
                "a@d.test> RET=FULL",
                Err(PathError::BadCharacter),
            ),
            ("blank", "a b@d.test", Err(PathError::BadCharacter)),
            ("8-bit", "\u{fc}@d.test", Err(PathError::BadCharacter)),
            ("open quote", "\"a@d.test", Err(PathError::Unbalanced)),
            ("open escape", "a@d.test\\", Err(PathError::Unbalanced)),
            ("too long", long.as_str(), Err(PathError::TooLong)),
        ] {
            let path = Path::parse(address).map(|p| p.to_string());
            assert_eq!(path.as_deref(), read.as_ref().copied(), "{label}");
        }
    }

    #[test]
    fn a_message_has_a_recipient() {
        let from = Path::null();
        assert_eq!(Message::new(&from, &[], b"").err(), Some(MessageError));
    }
}
