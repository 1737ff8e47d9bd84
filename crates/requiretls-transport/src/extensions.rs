//! What does this peer offer that is none of the policy's business?
//!
//! Read from the EHLO reply that precedes MAIL. REQUIRETLS, TLSPOLICY and STARTTLS are core's to
//! read, and are not here.

use smtp_proto::{
    EXT_8BIT_MIME, EXT_CHUNKING, EXT_DSN, EXT_PIPELINING, EXT_SIZE, EXT_SMTP_UTF8, EhloResponse,
};

/// The extensions that this client makes use of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // One for each keyword, independent of the others.
pub(crate) struct Extensions {
    /// Several commands in one write (RFC 2920).
    pub(crate) pipelining: bool,
    /// BDAT (RFC 3030).
    pub(crate) chunking: bool,
    /// Octets above 127 (RFC 6152).
    pub(crate) eight_bit: bool,
    /// Addresses and header fields in UTF-8 (RFC 6531).
    pub(crate) smtp_utf8: bool,
    /// RET, ENVID, NOTIFY, ORCPT (RFC 3461).
    pub(crate) dsn: bool,
    /// SIZE (RFC 1870).
    pub(crate) size: Option<Size>,
}

/// What SIZE says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    /// No limit is named.
    Open,
    /// Nothing larger is taken, in octets.
    Limit(u64),
}

impl Extensions {
    /// Reads all lines of the reply; what cannot be read offers nothing.
    pub(crate) fn read(reply: &[u8]) -> Self {
        let Ok(offer) = EhloResponse::parse(&mut reply.iter()) else {
            return Self::default();
        };
        let has = |extension| offer.capabilities & extension != 0;
        Self {
            pipelining: has(EXT_PIPELINING),
            chunking: has(EXT_CHUNKING),
            eight_bit: has(EXT_8BIT_MIME),
            smtp_utf8: has(EXT_SMTP_UTF8),
            dsn: has(EXT_DSN),
            size: has(EXT_SIZE).then(|| match u64::try_from(offer.size) {
                Ok(0) | Err(_) => Size::Open,
                Ok(limit) => Size::Limit(limit),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Extensions, Size};

    #[test]
    fn what_is_offered() {
        let none = Extensions::default();
        for (label, line, expected) in [
            ("nothing", "HELP", none),
            (
                "pipelining",
                "PIPELINING",
                Extensions {
                    pipelining: true,
                    ..none
                },
            ),
            (
                "in lower case",
                "chunking",
                Extensions {
                    chunking: true,
                    ..none
                },
            ),
            (
                "8-bit",
                "8BITMIME",
                Extensions {
                    eight_bit: true,
                    ..none
                },
            ),
            (
                "UTF-8",
                "SMTPUTF8",
                Extensions {
                    smtp_utf8: true,
                    ..none
                },
            ),
            ("DSN", "DSN", Extensions { dsn: true, ..none }),
            (
                "size",
                "SIZE 1000",
                Extensions {
                    size: Some(Size::Limit(1_000)),
                    ..none
                },
            ),
            (
                "no limit",
                "SIZE 0",
                Extensions {
                    size: Some(Size::Open),
                    ..none
                },
            ),
            (
                "none named",
                "SIZE",
                Extensions {
                    size: Some(Size::Open),
                    ..none
                },
            ),
        ] {
            let reply = format!("250-peer.test\r\n250 {line}\r\n");
            assert_eq!(Extensions::read(reply.as_bytes()), expected, "{label}");
        }
    }
}
