//! How is a reply written to the client?
//!
//! Lines of at most 512 octets (RFC 5321 section 4.5.3.1.5), each with the code and, but for
//! greeting, LHLO and 354, the enhanced status code (RFC 2034 section 4). What comes from a peer is
//! made to fit first: the client must find one reply for each recipient, whatever peers say.

use requiretls_core::reply::{Enhanced, Reply};

/// Replies that were not sent yet.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<u8>);

impl Answers {
    /// One reply with its enhanced status code.
    pub(super) fn reply(&mut self, reply: &Reply) {
        let (code, enhanced) = valid(reply);
        let text = Reply::new(code, enhanced, &reply.text).text;
        let head = format!("{code} {enhanced} ");
        let mut lines = lines(text.trim(), MAX_LINE - head.len()).peekable();
        if lines.peek().is_none() {
            self.line(code, ' ', &format!("{enhanced} "), "-");
        }
        while let Some(line) = lines.next() {
            let more = if lines.peek().is_some() { '-' } else { ' ' };
            self.line(code, more, &format!("{enhanced} "), line);
        }
    }

    /// A reply of our own.
    pub(super) fn own(&mut self, code: u16, enhanced: Enhanced, text: &str) {
        self.reply(&Reply::new(code, enhanced, text));
    }

    /// A reply that has no enhanced status code.
    pub(super) fn plain<'a>(&mut self, code: u16, lines: impl IntoIterator<Item = &'a str>) {
        let mut lines = lines.into_iter().peekable();
        while let Some(line) = lines.next() {
            let more = if lines.peek().is_some() { '-' } else { ' ' };
            self.line(code, more, "", line);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be sent; nothing is left.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    fn line(&mut self, code: u16, more: char, head: &str, text: &str) {
        let line = format!("{code}{more}{head}{text}\r\n");
        self.0.extend_from_slice(line.as_bytes());
    }
}

/// Without its CRLF.
const MAX_LINE: usize = 510;

/// A final reply says 2, 4 or 5, and its enhanced status code the same. What does neither is no word
/// that a queue can act on, so that the message waits.
fn valid(reply: &Reply) -> (u16, Enhanced) {
    let class = match reply.code {
        200..=299 => 2,
        400..=499 => 4,
        500..=599 => 5,
        _ => return (451, Enhanced(4, 3, 0)),
    };
    let Enhanced(given, subject, detail) = reply.enhanced;
    if given == class && subject <= 999 && detail <= 999 {
        (reply.code, reply.enhanced)
    } else {
        (reply.code, Enhanced(class, 0, 0))
    }
}

/// Pieces of at most `width` octets, cut at blanks where there are any. The text is ASCII.
fn lines(text: &str, width: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(head) = rest.get(..width).filter(|_| rest.len() > width) else {
            return Some(std::mem::take(&mut rest));
        };
        let end = head.rfind(' ').filter(|&at| at > 0).unwrap_or(width);
        let (line, behind) = rest.split_at_checked(end)?;
        rest = behind.trim_start();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::Answers;
    use requiretls_core::reply::{Enhanced, Reply};

    fn written(reply: &Reply) -> String {
        let mut answers = Answers::default();
        answers.reply(reply);
        String::from_utf8(answers.take()).unwrap()
    }

    #[test]
    fn what_peers_say_is_made_to_fit() {
        let reply = |code, enhanced, text: &str| Reply {
            code,
            enhanced,
            text: text.to_owned(),
        };
        #[rustfmt::skip]
        let rows = [
            ("as it is", reply(550, Enhanced(5, 7, 30), "no REQUIRETLS"), "550 5.7.30 no REQUIRETLS\r\n"),
            ("RFC 2034: another class", reply(550, Enhanced(4, 7, 1), "x"), "550 5.0.0 x\r\n"),
            ("class 3", reply(451, Enhanced(3, 0, 0), "x"), "451 4.0.0 x\r\n"),
            ("a number that is none", reply(451, Enhanced(4, 1_000, 0), "x"), "451 4.0.0 x\r\n"),
            ("an intermediate reply", reply(354, Enhanced(3, 0, 0), "go on"), "451 4.3.0 go on\r\n"),
            ("a code out of range", reply(999, Enhanced(9, 0, 0), "x"), "451 4.3.0 x\r\n"),
            ("a second line", reply(250, Enhanced(2, 0, 0), "a\r\n550 b"), "250 2.0.0 a??550 b\r\n"),
            ("8-bit", reply(250, Enhanced(2, 0, 0), "\u{fc}"), "250 2.0.0 ?\r\n"),
            ("no text", reply(250, Enhanced(2, 0, 0), " "), "250 2.0.0 -\r\n"),
        ];
        for (label, reply, expected) in rows {
            assert_eq!(written(&reply), expected, "{label}");
        }
    }

    #[test]
    fn a_long_text_takes_several_lines_and_is_one_reply() {
        for (label, text) in [
            ("words", "word ".repeat(300)),
            ("one word", "w".repeat(2_000)),
            ("a blank far out", format!("{} end", "w".repeat(499))),
        ] {
            let written = written(&Reply::new(550, Enhanced(5, 1, 1), &text));
            let lines: Vec<_> = written.split_terminator("\r\n").collect();
            assert!(lines.len() > 1, "{label}");
            let (last, before) = lines.split_last().unwrap();
            assert!(last.starts_with("550 5.1.1 "), "{label}: {last}");
            let mut all = before
                .iter()
                .map(|l| l.strip_prefix("550-5.1.1 ").unwrap().to_owned());
            let whole = all.by_ref().fold(String::new(), |a, l| a + &l) + &last[10..];
            assert_eq!(whole.replace(' ', ""), text.replace(' ', ""), "{label}");
            assert!(lines.iter().all(|l| l.len() <= 510), "{label}");
        }
    }
}
