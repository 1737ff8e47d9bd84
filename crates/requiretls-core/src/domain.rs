//! Is this a domain name, and which one?
//!
//! Names are kept and compared as lower-case A-labels without a final dot, so that a U-label, an
//! upper-case letter or a dot at the end never makes two names of one (RFC 5890, P2).

use std::borrow::Borrow;
use std::fmt;

/// A domain or host name: lower-case A-labels, no final dot, at most 253 octets.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Domain(String);

impl Domain {
    /// Reads a name as A-labels or UTF-8, in any case, with or without one final dot.
    ///
    /// Letters, digits, hyphens and underscores only: a name that a mail server can hold in a
    /// configuration file, an EHLO argument or an MX record.
    ///
    /// # Errors
    /// [`DomainError`] says what the name lacks.
    pub fn parse(name: &[u8]) -> Result<Self, DomainError> {
        // No name that fits has more octets in UTF-8; IDNA takes its time with long ones.
        if name.len() > 1024 {
            return Err(DomainError::TooLong);
        }
        let mut text = if name.is_ascii() && !has_a_label(name) {
            String::from_utf8_lossy(name).to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_cow(name, idna::AsciiDenyList::EMPTY)
                .map_err(|_| DomainError::NotIdna)?
                .into_owned()
        };
        // After IDNA, which knows dots of other scripts too.
        if text.ends_with('.') {
            text.pop();
        }
        check(&text)?;
        Ok(Self(text))
    }

    /// A name written in this crate's own source, canonical as it stands.
    pub(crate) fn known(name: impl Into<String>) -> Self {
        let name = name.into();
        debug_assert!(check(&name).is_ok(), "{name}");
        Self(name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its left-most label; `None` for a name of one label.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, rest)| rest)
    }

    /// The name one label further down; `None` when that is too long to be a name.
    pub(crate) fn child(&self, label: &str) -> Option<Self> {
        let name = format!("{label}.{self}");
        check(&name).ok().map(|()| Self(name))
    }
}

/// A name and its text are equal, ordered and hashed alike: a map by name can be asked with a part
/// of a name.
impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a name is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DomainError {
    /// A character that no host name has.
    BadCharacter,
    /// Nothing, or a label without a character.
    Empty,
    /// A label begins or ends with a hyphen.
    Hyphen,
    /// Not a name under UTS 46 (IDNA).
    NotIdna,
    /// A label of more than 63 octets, or a name of more than 253.
    TooLong,
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadCharacter => "a character that no domain name has",
            Self::Empty => "an empty name or label",
            Self::Hyphen => "a label that begins or ends with a hyphen",
            Self::NotIdna => "not a valid internationalized name",
            Self::TooLong => "longer than 63 octets in a label or 253 in all",
        })
    }
}

impl std::error::Error for DomainError {}

fn has_a_label(name: &[u8]) -> bool {
    name.split(|&b| b == b'.').any(|label| {
        label
            .get(..4)
            .is_some_and(|p| p.eq_ignore_ascii_case(b"xn--"))
    })
}

fn check(name: &str) -> Result<(), DomainError> {
    if name.len() > 253 {
        return Err(DomainError::TooLong);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(DomainError::Empty);
        }
        if label.len() > 63 {
            return Err(DomainError::TooLong);
        }
        if !label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return Err(DomainError::BadCharacter);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(DomainError::Hyphen);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
