//! From whom, to whom, and with which wishes?
//!
//! What MAIL and RCPT said when the message came: the addresses, and the parameters of 8BITMIME
//! (RFC 6152), SMTPUTF8 (RFC 6531) and DSN (RFC 3461) that are passed on where the next hop offers
//! them.

use crate::path::Path;
use std::fmt;

/// The envelope of one message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Envelope {
    /// Where bounces go; the null path for a bounce.
    pub return_path: Path,
    /// What the BODY parameter said.
    pub body: Body,
    /// Whether SMTPUTF8 was asked for.
    pub smtp_utf8: bool,
    /// What a bounce should return; `None`: nothing was said.
    pub ret: Option<Ret>,
    /// ENVID, as it stood on the line.
    pub envid: Option<Value>,
    /// Who is to get it, in the order of RCPT.
    pub recipients: Vec<EnvelopeRecipient>,
}

/// One RCPT.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnvelopeRecipient {
    /// The address.
    pub path: Path,
    /// NOTIFY, as it stood on the line.
    pub notify: Option<Value>,
    /// ORCPT, as it stood on the line.
    pub orcpt: Option<Value>,
}

/// BODY of RFC 6152.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Body {
    /// `7BIT`, or no BODY at all.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

/// RET of RFC 3461.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header section alone.
    Hdrs,
}

/// The value of a parameter, as it stands behind the `=`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Value(String);

impl Envelope {
    /// An envelope without any parameter.
    #[must_use]
    pub fn new(return_path: Path, recipients: impl IntoIterator<Item = Path>) -> Self {
        let recipients = recipients.into_iter().map(EnvelopeRecipient::from);
        Self {
            return_path,
            recipients: recipients.collect(),
            ..Self::default()
        }
    }
}

impl From<Path> for EnvelopeRecipient {
    fn from(path: Path) -> Self {
        Self {
            path,
            notify: None,
            orcpt: None,
        }
    }
}

impl Ret {
    /// The value of the parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Hdrs => "HDRS",
        }
    }
}

impl Value {
    /// Reads a value: visible characters but `=` (RFC 5321 section 4.1.2), with those beyond ASCII
    /// that RFC 6533 allows in ORCPT.
    ///
    /// # Errors
    /// [`ValueError`]: it could end the parameter or begin another.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let bad = |c: char| c == '=' || c.is_control() || c.is_whitespace();
        if text.is_empty() || text.len() > MAX_VALUE || text.contains(bad) {
            return Err(ValueError);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it stands on the line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be the value of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ValueError;

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter's value that no SMTP command can carry")
    }
}

impl std::error::Error for ValueError {}

/// ORCPT, the longest, may have 500 octets (RFC 3461 section 4.2).
const MAX_VALUE: usize = 500;

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_value_cannot_leave_its_parameter() {
        let long = "x".repeat(501);
        for (label, text, taken) in [
            ("NOTIFY", "SUCCESS,FAILURE", true),
            ("xtext", "rfc822;a+3D@d.test", true),
            ("RFC 6533", "utf-8;\u{fc}@d.test", true),
            ("empty", "", false),
            ("a second parameter", "x RET=FULL", false),
            ("a second value", "a=b", false),
            ("CR LF", "x\r\nDATA", false),
            ("NUL", "x\0", false),
            ("a blank of another script", "x\u{2003}y", false),
            ("too long", long.as_str(), false),
        ] {
            assert_eq!(Value::parse(text).is_ok(), taken, "{label}");
        }
    }
}
