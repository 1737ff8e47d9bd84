//! What did the peer say?
//!
//! One reply of one or more lines (RFC 5321 section 4.2.1), bounded by [`MAX_REPLY`]. The code is
//! the last line's; a reply whose lines are of different classes, or that has a line without a
//! code, is no reply, and the connection counts as lost.

use requiretls_core::ehlo::MAX_REPLY;
use requiretls_core::reply::{Enhanced, Reply};
use std::fmt;

/// A reply of the peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerReply {
    /// Its three digits.
    pub code: u16,
    /// The enhanced status code, where one of its class was given (RFC 2034).
    pub enhanced: Option<Enhanced>,
    /// The text of all lines, without codes, joined by blanks.
    pub text: String,
    /// As received.
    raw: Vec<u8>,
}

/// What a reply amounts to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    Positive,
    Intermediate,
    Transient,
    Permanent,
}

/// Collects the lines of a reply.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    raw: Vec<u8>,
    first: Option<Class>,
    enhanced: Option<Enhanced>,
    text: Vec<String>,
}

impl PeerReply {
    pub(crate) fn class(&self) -> Class {
        class(self.code).unwrap_or(Class::Transient)
    }

    pub(crate) fn is_positive(&self) -> bool {
        self.class() == Class::Positive
    }

    /// 421 says that the connection is about to be closed, 221 that it is.
    pub(crate) fn closes(&self) -> bool {
        matches!(self.code, 221 | 421)
    }

    /// All lines with their codes.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// What follows the code, for core: the enhanced status code comes first.
    pub(crate) fn after_code(&self) -> String {
        match self.enhanced {
            Some(enhanced) => format!("{enhanced} {}", self.text),
            None => self.text.clone(),
        }
    }

    /// In core's words; where the peer gave no enhanced status code, that of its class.
    #[must_use]
    pub fn to_reply(&self) -> Reply {
        let digit = u8::try_from(self.code / 100).unwrap_or(4);
        Reply::new(
            self.code,
            self.enhanced.unwrap_or(Enhanced(digit, 0, 0)),
            &self.text,
        )
    }
}

impl fmt::Display for PeerReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_reply().fmt(f)
    }
}

impl Reader {
    /// Takes one line, with its line end; gives the reply when it was the last.
    ///
    /// # Errors
    /// Why this is no reply.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<Option<PeerReply>, &'static str> {
        self.raw.extend_from_slice(line);
        if self.raw.len() > MAX_REPLY {
            return Err("a reply that does not end");
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let [c @ b'0'..=b'9', x @ b'0'..=b'9', y @ b'0'..=b'9', rest @ ..] = line else {
            return Err("a line without a reply code");
        };
        let code = [c, x, y]
            .into_iter()
            .fold(0, |code, digit| 10 * code + u16::from(digit - b'0'));
        let class = class(code).ok_or("an unknown reply code")?;
        if *self.first.get_or_insert(class) != class {
            return Err("a reply whose lines contradict each other");
        }
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ' | b'\t', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err("a line without a reply code"),
        };
        self.text(code, &String::from_utf8_lossy(text));
        if !last {
            return Ok(None);
        }
        let done = std::mem::take(self);
        Ok(Some(PeerReply {
            code,
            enhanced: done.enhanced,
            text: done.text.join(" "),
            raw: done.raw,
        }))
    }

    fn text(&mut self, code: u16, text: &str) {
        let text = text.trim();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let enhanced = Enhanced::parse(word).filter(|e| u16::from(e.0) == code / 100);
        let text = if enhanced.is_some() {
            rest.trim()
        } else {
            text
        };
        self.enhanced = self.enhanced.or(enhanced);
        if !text.is_empty() {
            self.text.push(text.to_owned());
        }
    }
}

fn class(code: u16) -> Option<Class> {
    match code {
        200..=299 => Some(Class::Positive),
        300..=399 => Some(Class::Intermediate),
        400..=499 => Some(Class::Transient),
        500..=599 => Some(Class::Permanent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use requiretls_core::reply::Enhanced;

    fn read(lines: &str) -> Result<Option<String>, &'static str> {
        let mut reader = Reader::default();
        for line in lines.split_inclusive('\n') {
            if let Some(reply) = reader.line(line.as_bytes())? {
                return Ok(Some(reply.to_string()));
            }
        }
        Ok(None)
    }

    #[test]
    fn replies() {
        for (label, lines, expected) in [
            ("one line", "250 2.1.0 ok\r\n", Ok(Some("250 2.1.0 ok"))),
            ("LF alone", "250 ok\n", Ok(Some("250 2.0.0 ok"))),
            ("no text", "354\r\n", Ok(Some("354 3.0.0 "))),
            (
                "enhanced code alone",
                "250 2.0.0\r\n",
                Ok(Some("250 2.0.0 ")),
            ),
            (
                "two lines",
                "550-5.7.1 not\r\n550 5.7.1 you\r\n",
                Ok(Some("550 5.7.1 not you")),
            ),
            (
                "enhanced code late",
                "550-no\r\n550 5.7.1 you\r\n",
                Ok(Some("550 5.7.1 no you")),
            ),
            (
                "of another class",
                "450 5.7.1 x\r\n",
                Ok(Some("450 4.0.0 5.7.1 x")),
            ),
            ("not the last", "250-a\r\n", Ok(None)),
            (
                "codes differ",
                "250-a\r\n251 b\r\n",
                Ok(Some("251 2.0.0 a b")),
            ),
            (
                "classes differ",
                "250-a\r\n550 b\r\n",
                Err("a reply whose lines contradict each other"),
            ),
            ("no code", "hello\r\n", Err("a line without a reply code")),
            ("glued", "250ok\r\n", Err("a line without a reply code")),
            ("empty line", "\r\n", Err("a line without a reply code")),
            ("code 1yz", "150 a\r\n", Err("an unknown reply code")),
            ("code 999", "999 a\r\n", Err("an unknown reply code")),
            (
                "what no reply line holds",
                "250 a%b\u{7}\r\n",
                Ok(Some("250 2.0.0 a?b?")),
            ),
        ] {
            assert_eq!(
                read(lines),
                expected.map(|r| r.map(str::to_owned)),
                "{label}"
            );
        }
    }

    #[test]
    fn a_reply_is_bounded() {
        let mut reader = Reader::default();
        let line = format!("250-{}\r\n", "a".repeat(500));
        let lines = (0..1_000).find_map(|n| reader.line(line.as_bytes()).err().map(|e| (n, e)));
        assert_eq!(lines, Some((129, "a reply that does not end")));
    }

    /// Core reads the enhanced status code as the first word (row 14).
    #[test]
    fn core_is_told_what_follows_the_code() {
        let mut reader = Reader::default();
        let reply = reader
            .line(b"550 5.5.4 no such parameter\r\n")
            .unwrap()
            .unwrap();
        assert_eq!(reply.after_code(), "5.5.4 no such parameter");
        assert_eq!(reply.enhanced, Some(Enhanced(5, 5, 4)));
    }
}
