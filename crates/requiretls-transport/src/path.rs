//! Which addresses can stand in a command?
//!
//! What is between the angle brackets of MAIL FROM and RCPT TO (RFC 5321 section 4.1.2), with the
//! characters that SMTPUTF8 adds (RFC 6531 section 3.3). An address is read once, so that nothing
//! in it can end the command or begin another.

use std::fmt;

/// An address as it stands between the angle brackets of MAIL FROM and RCPT TO.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path(String);

impl Path {
    /// The empty return path of a bounce.
    #[must_use]
    pub const fn null() -> Self {
        Self(String::new())
    }

    /// Reads an address, without the angle brackets; empty is the null path. Characters beyond
    /// ASCII are taken: such a path needs SMTPUTF8 on its way ([`Self::is_ascii`]).
    ///
    /// # Errors
    /// [`PathError`]: it could end the command or begin another.
    pub fn parse(address: &str) -> Result<Self, PathError> {
        if address.len() > MAX_PATH {
            return Err(PathError::TooLong);
        }
        let (mut quoted, mut escaped) = (false, false);
        for character in address.chars() {
            match character {
                _ if character.is_control() => return Err(PathError::BadCharacter),
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                ' ' | '<' | '>' if !quoted => return Err(PathError::BadCharacter),
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

    /// Whether this is the empty return path.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it can go without SMTPUTF8.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// What follows the last `@`; `None` where there is none, as in `<postmaster>`.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.0.rsplit_once('@').map(|(_, domain)| domain)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// Why an address cannot stand in a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathError {
    /// A control character, or a blank or angle bracket outside quotes.
    BadCharacter,
    /// Longer than RFC 5321 section 4.5.3.1.3 allows.
    TooLong,
    /// A quoted string or escape without an end.
    Unbalanced,
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

impl std::error::Error for PathError {}

/// 256 with the angle brackets.
const MAX_PATH: usize = 254;

#[cfg(test)]
mod tests {
    use super::{Path, PathError};

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
                "SMTPUTF8",
                "\u{fc}@b\u{fc}cher.test",
                Ok("<\u{fc}@b\u{fc}cher.test>"),
            ),
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
            ("NEL", "a\u{85}@d.test", Err(PathError::BadCharacter)),
            (
                "a parameter behind",
                "a@d.test> RET=FULL",
                Err(PathError::BadCharacter),
            ),
            ("blank", "a b@d.test", Err(PathError::BadCharacter)),
            ("open quote", "\"a@d.test", Err(PathError::Unbalanced)),
            ("open escape", "a@d.test\\", Err(PathError::Unbalanced)),
            ("too long", long.as_str(), Err(PathError::TooLong)),
        ] {
            let path = Path::parse(address).map(|p| p.to_string());
            assert_eq!(path.as_deref(), read.as_ref().copied(), "{label}");
        }
    }

    #[test]
    fn the_domain_is_behind_the_last_at_sign() {
        for (label, address, domain) in [
            ("plain", "a@d.test", Some("d.test")),
            ("quoted at sign", "\"a@b\"@d.test", Some("d.test")),
            ("source route", "@r.test:a@d.test", Some("d.test")),
            ("literal", "a@[192.0.2.1]", Some("[192.0.2.1]")),
            ("none", "postmaster", None),
            ("null path", "", None),
        ] {
            assert_eq!(Path::parse(address).unwrap().domain(), domain, "{label}");
        }
    }
}
