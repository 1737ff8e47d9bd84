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

#[cfg(test)]
mod tests {
    use super::{Enhanced, Reply};

    #[test]
    fn a_text_holds_only_what_a_reply_line_can() {
        for (label, text, written) in [
            ("plain", "no TLS at mx.example", "no TLS at mx.example"),
            ("a format for printf", "100%s", "100?s"),
            ("a second line", "a\r\n250 ok", "a??250 ok"),
            ("NUL and TAB", "a\0\tb", "a??b"),
            ("8-bit", "b\u{fc}cher", "b?cher"),
            ("DEL", "a\u{7f}", "a?"),
            ("empty", "", ""),
        ] {
            let reply = Reply::new(550, Enhanced(5, 7, 10), text);
            assert_eq!(reply.text, written, "{label}");
        }
        assert_eq!(
            Reply::new(451, Enhanced(4, 7, 5), "later").to_string(),
            "451 4.7.5 later"
        );
    }

    #[test]
    fn enhanced_codes_are_read_strictly() {
        for (word, code) in [
            ("5.7.10", Some(Enhanced(5, 7, 10))),
            ("4.0.0", Some(Enhanced(4, 0, 0))),
            ("2.1.5", Some(Enhanced(2, 1, 5))),
            ("5.999.999", Some(Enhanced(5, 999, 999))),
            ("3.1.1", None),
            ("5.7", None),
            ("5.7.1.1", None),
            ("5.7.1000", None),
            ("55.7.1", None),
            ("5..1", None),
            ("5.7.", None),
            ("5.7.+1", None),
            ("", None),
        ] {
            assert_eq!(Enhanced::parse(word), code, "{word}");
            if let Some(code) = code {
                assert_eq!(code.to_string(), word);
            }
        }
    }
}
