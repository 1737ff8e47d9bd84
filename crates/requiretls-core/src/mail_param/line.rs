//! Where do the parameters of a MAIL command begin?
//!
//! RFC 5321 section 4.1.2, and RFC 6531 for bytes above 126 in the path. The end of the path is
//! not simply the next `>`: a quoted local part may hold one. Whatever leaves that end in doubt is
//! refused, since a parameter that is overlooked is a requirement that is lost.

use super::Refusal;
use std::marker::PhantomData;

/// No longer command is judged, in octets with its CRLF (R3 leaves limits to the server).
pub const MAX_LINE: usize = 8_192;

/// A command with a path, in its two parts, for a server that reads the rest of it by itself: both
/// readings then agree on where the path ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathCommand<'a> {
    /// What stands between the angle brackets, not looked at; a path may lack them.
    pub path: &'a [u8],
    rest: &'a [u8],
}

impl<'a> PathCommand<'a> {
    /// Reads `MAIL FROM:<path> parameters`, with or without its CRLF.
    ///
    /// # Errors
    /// [`Refusal::LineTooLong`] and [`Refusal::LineMalformed`].
    pub fn mail(line: &'a [u8]) -> Result<Self, Refusal> {
        Self::parse(in_two(line, from_path)?)
    }

    /// Reads `RCPT TO:<path> parameters`, with or without its CRLF.
    ///
    /// # Errors
    /// As [`PathCommand::mail`]; the sentences of these refusals speak of MAIL.
    pub fn rcpt(line: &'a [u8]) -> Result<Self, Refusal> {
        Self::parse(in_two(line, |line| behind_colon(line, b"RCPT", b"TO"))?)
    }

    /// Names and values; without `=` there is no value.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        // Nothing in it breaks the line: that was looked for when it was read.
        Words::of(self.rest)
            .map_while(Result::ok)
            .map(name_and_value)
    }

    fn parse((path, rest): (&'a [u8], &'a [u8])) -> Result<Self, Refusal> {
        if !Words::of(rest).end_well() {
            return Err(Refusal::LineMalformed);
        }
        let bare = path.strip_prefix(b"<").and_then(|p| p.strip_suffix(b">"));
        let path = path
            .strip_suffix(b" ")
            .or(path.strip_suffix(b"\t"))
            .unwrap_or(path);
        Ok(Self {
            path: bare.unwrap_or(path),
            rest,
        })
    }
}

/// What stands behind the path of `MAIL FROM:<path> parameters`. CR, LF and NUL are looked for up
/// to there; [`Words`] look for them in the rest.
pub(super) fn behind_the_path(line: &[u8]) -> Result<Words<'_>, Refusal> {
    in_two(line, from_path).map(|(_, rest)| Words::of(rest))
}

/// The path, and what stands behind it, of a command whose path begins where `from_path` says.
#[inline]
fn in_two(
    line: &[u8],
    from_path: impl Fn(&[u8]) -> Option<&[u8]>,
) -> Result<(&[u8], &[u8]), Refusal> {
    if line.len() > MAX_LINE {
        return Err(Refusal::LineTooLong);
    }
    from_path(line.strip_suffix(b"\r\n").unwrap_or(line))
        .and_then(|text| text.split_at_checked(after_path(text)?))
        .ok_or(Refusal::LineMalformed)
}

/// The parameters, one by one.
pub(super) struct Words<'a> {
    marks: Marks<'a, InParameters>,
    /// Of the next word.
    start: usize,
}

impl<'a> Words<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self {
            marks: Marks::of(text, 0),
            start: 0,
        }
    }

    /// Whether nothing in what is left breaks the line.
    pub(super) fn end_well(&self) -> bool {
        !self.marks.clone().any(|(_, byte)| breaks_a_line(byte))
    }
}

impl<'a> Iterator for Words<'a> {
    /// An error ends the line: it has a CR, an LF or a NUL in it.
    type Item = Result<&'a [u8], Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.marks.text;
        loop {
            let (at, byte) = self.marks.next().unwrap_or((text.len(), b' '));
            if is_blank(byte) {
                let start = std::mem::replace(&mut self.start, at + 1);
                if start < at {
                    return text.get(start..at).map(Ok);
                }
                if at == text.len() {
                    return None;
                }
            } else if breaks_a_line(byte) {
                return Some(Err(Refusal::LineMalformed));
            }
        }
    }
}

/// Without `=` there is no value.
pub(super) fn name_and_value(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = word.splitn(2, |&byte| byte == b'=');
    (parts.next().unwrap_or_default(), parts.next())
}

/// `MAIL FROM:` in any case; blanks around the colon are common and harmless.
fn from_path(line: &[u8]) -> Option<&[u8]> {
    // As nearly all of them are written.
    if let Some(rest) = line.strip_prefix(b"MAIL FROM:") {
        return Some(trim_blanks(rest));
    }
    behind_colon(line, b"MAIL", b"FROM")
}

fn behind_colon<'a>(line: &'a [u8], verb: &[u8], word: &[u8]) -> Option<&'a [u8]> {
    let rest = strip_word(line, verb)?;
    let verb_ends = rest.first().is_some_and(|&b| is_blank(b));
    let rest = strip_word(trim_blanks(rest), word).filter(|_| verb_ends)?;
    trim_blanks(rest).strip_prefix(b":").map(trim_blanks)
}

/// Steps over the path, quoted strings and quoted pairs with it, and says where it ends; a path may lack its brackets.
///
/// A quoted `>` is believed only where `@` follows the quotes at once (RFC 5321 Mailbox): to a server that takes the next
/// `>` for the end, whatever stands behind it is parameters.
fn after_path(text: &[u8]) -> Option<usize> {
    let bracketed = text.first() == Some(&b'<');
    let (mut quoted, mut in_doubt) = (false, false);
    let mut from = usize::from(bracketed);
    for (at, byte) in Marks::<InPath>::of(text, from) {
        match byte {
            _ if breaks_a_line(byte) => return None,
            _ if at < from => {}
            b'\\' => {
                in_doubt |= *text.get(at + 1)? == b'>';
                from = at + 2;
            }
            b'"' if quoted && text.get(at + 1) == Some(&b'@') => {
                (quoted, in_doubt) = (false, false);
            }
            b'"' => quoted = !quoted,
            b'>' if quoted => in_doubt = true,
            _ if quoted => {}
            _ if in_doubt && (byte == b'>' || is_blank(byte)) => return None,
            b'>' if bracketed => {
                let ends = text.get(at + 1).is_none_or(|&next| is_blank(next));
                return ends.then_some(at + 1);
            }
            b'<' | b'>' => return None,
            _ if is_blank(byte) && bracketed => return None,
            _ if is_blank(byte) => return Some(at + 1),
            _ => {}
        }
    }
    (!bracketed && !quoted && !in_doubt && !text.is_empty()).then_some(text.len())
}

/// Which bytes mean something in a part of the command: the highest bit of each of them, and of a few that do not.
trait Meaning {
    fn marked(bytes: u64) -> u64;
}

/// Blanks, quotes, brackets, a backslash, and what breaks a line.
struct InPath;

impl Meaning for InPath {
    #[inline]
    fn marked(bytes: u64) -> u64 {
        let brackets = below(bytes ^ (ONES * u64::from(b'<')), 4);
        let backslash = below(bytes ^ (ONES * u64::from(b'\\')), 1);
        below(bytes, b'"' + 1) | brackets | backslash
    }
}

/// Blanks, and what breaks a line.
struct InParameters;

impl Meaning for InParameters {
    #[inline]
    fn marked(bytes: u64) -> u64 {
        below(bytes, b' ' + 1)
    }
}

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The highest bit of each byte that is less than `n`.
///
/// It borrows when `n` is taken from it, and has its highest bit then. What it borrows from is the next byte, so that
/// one more may come along, and never one is left out.
#[inline]
fn below(bytes: u64, n: u8) -> u64 {
    bytes.wrapping_sub(ONES * u64::from(n)) & !bytes & (ONES << 7)
}

/// The bytes of a text that mean something, in order. Eight bytes are looked at in one step, as a server does this for
/// each message; a few bytes that mean nothing come along.
struct Marks<'a, M> {
    text: &'a [u8],
    /// What was not looked at yet.
    left: &'a [u8],
    /// The last eight bytes, where they begin, and the highest bit of each of them that is still to come.
    bytes: u64,
    begin: usize,
    found: u64,
    meaning: PhantomData<M>,
}

impl<'a, M> Marks<'a, M> {
    fn of(text: &'a [u8], from: usize) -> Self {
        Self {
            text,
            left: text.get(from..).unwrap_or_default(),
            bytes: 0,
            begin: 0,
            found: 0,
            meaning: PhantomData,
        }
    }
}

impl<M> Clone for Marks<'_, M> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<M: Meaning> Iterator for Marks<'_, M> {
    type Item = (usize, u8);

    #[inline]
    fn next(&mut self) -> Option<(usize, u8)> {
        while self.found == 0 {
            self.begin = self.text.len() - self.left.len();
            if let Some((eight, left)) = self.left.split_first_chunk() {
                (self.bytes, self.left) = (u64::from_le_bytes(*eight), left);
            } else if self.left.is_empty() {
                return None;
            } else {
                // The rest stands lowest, and something that means nothing above it.
                let nothing = u64::from_le_bytes([b'x'; 8]);
                let join = |bytes, byte: &u8| bytes << u8::BITS | u64::from(*byte);
                self.bytes = self.left.iter().rev().fold(nothing, join);
                self.left = &[];
            }
            self.found = M::marked(self.bytes);
        }
        let place = self.found.trailing_zeros() / u8::BITS;
        self.found &= self.found - 1;
        let [byte, ..] = (self.bytes >> (place * u8::BITS)).to_le_bytes();
        Some((self.begin + place as usize, byte))
    }
}

fn strip_word<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    text
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// No command has these in it (RFC 5321 section 2.3.8).
fn breaks_a_line(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// All marks of a text, as if it were a path, and as if it were parameters.
#[cfg(test)]
pub(super) fn marks(text: &[u8]) -> [Vec<(usize, u8)>; 2] {
    [
        Marks::<InPath>::of(text, 0).collect(),
        Marks::<InParameters>::of(text, 0).collect(),
    ]
}

#[cfg(test)]
mod tests {
    use super::PathCommand;
    use crate::mail_param::{Answer, Dialects, MailParams};

    /// A command, and its path and how many parameters it has.
    type Row = (&'static str, &'static [u8], Option<(&'static [u8], usize)>);

    /// A server that reads the rest of a command by itself finds our parameters where core does.
    #[test]
    fn both_readings_agree_on_where_the_path_ends() {
        #[rustfmt::skip]
        let rows: [Row; 11] = [
            ("R2", b"MAIL FROM:<a@b.test> REQUIRETLS", Some((b"a@b.test", 1))),
            ("null path", b"MAIL FROM:<>", Some((b"", 0))),
            ("blanks, any case", b"mail from : <a@b.test>\tSIZE=1  X\r\n", Some((b"a@b.test", 2))),
            ("no brackets", b"MAIL FROM:a@b.test X", Some((b"a@b.test", 1))),
            ("quoted bracket", b"MAIL FROM:<\"a> X\"@b.test> Y", Some((b"\"a> X\"@b.test", 1))),
            ("in doubt", b"MAIL FROM:<\"a>\" X>", None),
            ("glued parameter", b"MAIL FROM:<a@b.test>X", None),
            ("open bracket", b"MAIL FROM:<a@b.test X", None),
            ("8-bit", b"MAIL FROM:<\xc3\xbc@b.test> SMTPUTF8", Some((b"\xc3\xbc@b.test", 1))),
            ("two lines", b"MAIL FROM:<a@b.test>\r\nDATA", None),
            ("another command", b"RCPT TO:<a@b.test>", None),
        ];
        for (label, line, expected) in rows {
            let read = PathCommand::mail(line).ok();
            let found = read.map(|c| (c.path, c.parameters().count()));
            assert_eq!(found, expected, "{label}");
            let mut mail = MailParams::new(Dialects::default(), true, true);
            let is_refused = matches!(mail.line(line), Answer::Refused(_));
            assert_eq!(is_refused, expected.is_none(), "{label}");
            let rcpt = String::from_utf8_lossy(line).replacen("MAIL FROM", "RCPT TO", 1);
            let as_rcpt = PathCommand::rcpt(rcpt.as_bytes())
                .ok()
                .map(|c| c.path.len());
            if line.is_ascii() && line.starts_with(b"MAIL FROM") {
                assert_eq!(as_rcpt, expected.map(|(path, _)| path.len()), "{label}");
            }
        }
    }
}
