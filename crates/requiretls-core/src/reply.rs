//! Which SMTP reply says it?
//!
//! Code, enhanced status code (RFC 3463) and one sentence of printable ASCII. Statements E1, E2, E6.

use std::fmt;

/// An SMTP reply in parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// 451, 501, 550 and so on.
    pub code: u16,
    /// RFC 3463.
    pub enhanced: Enhanced,
    /// One sentence: printable ASCII without `%`, CR and LF.
    pub text: String,
}

/// An enhanced status code (RFC 3463).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Enhanced(pub u8, pub u16, pub u16);

impl Reply {
    /// A reply; whatever a C caller or an SMTP reply line could not hold is replaced by `?`.
    #[must_use]
    pub fn new(code: u16, enhanced: Enhanced, text: impl AsRef<str>) -> Self {
        let text = text
            .as_ref()
            .chars()
            .map(|c| {
                if matches!(c, ' '..='~') && c != '%' {
                    c
                } else {
                    '?'
                }
            })
            .collect();
        Self {
            code,
            enhanced,
            text,
        }
    }
}

impl Enhanced {
    /// Reads the first word of a reply text; `None` when it is no such code.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split('.');
        let mut part = |digits: usize| {
            let p = parts.next()?;
            (p.len() <= digits && p.bytes().all(|b| b.is_ascii_digit())).then(|| p.parse().ok())?
        };
        let (class, subject, detail) = (part(1)?, part(3)?, part(3)?);
        let class = u8::try_from(class)
            .ok()
            .filter(|c| matches!(c, 2 | 4 | 5))?;
        parts
            .next()
            .is_none()
            .then_some(Self(class, subject, detail))
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.enhanced, self.text)
    }
}
