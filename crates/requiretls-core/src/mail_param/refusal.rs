//! Why is a command refused, and with which reply?
//!
//! The codes are those of R2 to R10, F3, F4, L2, L7 and E2; the sentences stand here and nowhere else.

use crate::reply::{Enhanced, Reply};
use crate::tag::TagError;
use std::fmt;

/// Our parameter names.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Keyword {
    /// REQUIRETLS.
    Requiretls,
    /// TLS, an alias that is taken and never sent (L7).
    Tls,
    /// TLSPOLICY.
    TlsPolicy,
}

impl Keyword {
    pub(super) const ALL: [Self; 3] = [Self::Requiretls, Self::Tls, Self::TlsPolicy];

    /// The keyword in upper case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requiretls => "REQUIRETLS",
            Self::Tls => "TLS",
            Self::TlsPolicy => "TLSPOLICY",
        }
    }
}

/// Why a command is refused. A small value: the reply is made only when it is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The value is not one of ours, or missing, or there although there must be none (R2, F3, L2).
    BadValue(Keyword),
    /// The command line is longer than anything that is judged.
    LineTooLong,
    /// The command line is not `MAIL FROM:<path>`, or has CR, LF or NUL in it.
    LineMalformed,
    /// The server handed in what it may not.
    Misuse,
    /// The server does not advertise it (R10).
    NotAdvertised(Keyword),
    /// On RCPT TO (R2).
    OnRcpt(Keyword),
    /// More than one of our parameters (R6, L11).
    Repeated,
    /// An earlier tag that cannot be read (P6.15).
    Tag(TagError),
    /// Without TLS (R4, F7, L7).
    WithoutTls(Keyword),
}

impl Refusal {
    /// The reply code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::BadValue(_) | Self::Repeated | Self::LineMalformed => 501,
            Self::LineTooLong => 500,
            Self::Misuse | Self::Tag(_) => 451,
            Self::NotAdvertised(_) | Self::OnRcpt(_) => 555,
            Self::WithoutTls(_) => 530,
        }
    }

    /// The enhanced status code.
    #[must_use]
    pub const fn enhanced(self) -> Enhanced {
        match self {
            Self::BadValue(_) | Self::Repeated | Self::NotAdvertised(_) | Self::OnRcpt(_) => {
                Enhanced(5, 5, 4)
            }
            Self::LineMalformed | Self::LineTooLong => Enhanced(5, 5, 2),
            Self::Misuse | Self::Tag(_) => Enhanced(4, 3, 0),
            Self::WithoutTls(_) => Enhanced(5, 7, 10),
        }
    }

    /// The sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BadValue(Keyword::Requiretls) => "REQUIRETLS with a value that is not allowed",
            Self::BadValue(Keyword::TlsPolicy | Keyword::Tls) => {
                "TLSPOLICY needs one of the values MAY, ENCRYPT, SECURE"
            }
            Self::LineTooLong => "MAIL command too long",
            Self::LineMalformed => "MAIL command cannot be read",
            Self::Misuse => "internal error while reading the MAIL command",
            Self::NotAdvertised(Keyword::Requiretls) => "REQUIRETLS is not offered here",
            Self::NotAdvertised(Keyword::TlsPolicy | Keyword::Tls) => {
                "TLSPOLICY is not offered here"
            }
            Self::OnRcpt(_) => "this parameter belongs to MAIL FROM",
            Self::Repeated => "more than one parameter about TLS",
            Self::Tag(error) => error.sentence(),
            Self::WithoutTls(Keyword::Requiretls) => "REQUIRETLS needs TLS: send STARTTLS first",
            Self::WithoutTls(Keyword::TlsPolicy | Keyword::Tls) => {
                "TLSPOLICY needs TLS: send STARTTLS first"
            }
        }
    }

    /// The whole reply.
    #[must_use]
    pub fn reply(self) -> Reply {
        Reply::new(self.code(), self.enhanced(), self.sentence())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code(), self.enhanced(), self.sentence())
    }
}

impl std::error::Error for Refusal {}
