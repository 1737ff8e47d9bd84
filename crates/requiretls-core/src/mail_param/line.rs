//! Where do the parameters of a MAIL or RCPT command begin?
//!
//! RFC 5321 section 4.1.2, and RFC 6531 for bytes above 126 in the path. The end of the path is
//! not simply the next `>`: a quoted local part may hold one. Whatever leaves that end in doubt is
//! refused, since a parameter that is overlooked is a requirement that is lost.

use super::Refusal;

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
        Self::parse(line, b"MAIL", b"FROM")
    }

    /// Reads `RCPT TO:<path> parameters`, with or without its CRLF.
    ///
    /// # Errors
    /// As [`PathCommand::mail`]; the sentences of these refusals speak of MAIL.
    pub fn rcpt(line: &'a [u8]) -> Result<Self, Refusal> {
        Self::parse(line, b"RCPT", b"TO")
    }

    /// Names and values; without `=` there is no value.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        parameters(self.rest)
    }

    fn parse(line: &'a [u8], verb: &[u8], word: &[u8]) -> Result<Self, Refusal> {
        let text = command(line, verb, word)?;
        let rest = text.and_then(after_path).ok_or(Refusal::LineMalformed)?;
        let path = text
            .and_then(|text| text.get(..text.len().checked_sub(rest.len())?))
            .unwrap_or_default();
        let bare = path.strip_prefix(b"<").and_then(|p| p.strip_suffix(b">"));
        Ok(Self {
            path: bare.unwrap_or(path),
            rest,
        })
    }
}

/// What stands behind the path of `MAIL FROM:<path> parameters`.
pub(super) fn behind_the_path(line: &[u8]) -> Result<&[u8], Refusal> {
    command(line, b"MAIL", b"FROM")?
        .and_then(after_path)
        .ok_or(Refusal::LineMalformed)
}

/// What stands behind the colon, if it is that command.
fn command<'a>(line: &'a [u8], verb: &[u8], word: &[u8]) -> Result<Option<&'a [u8]>, Refusal> {
    if line.len() > MAX_LINE {
        return Err(Refusal::LineTooLong);
    }
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    // To the end, whatever is found: that is faster than to stop.
    let is_broken = |broken, byte: &u8| broken | matches!(byte, b'\r' | b'\n' | 0);
    if line.iter().fold(false, is_broken) {
        return Err(Refusal::LineMalformed);
    }
    Ok(behind_colon(line, verb, word))
}

/// Names and values; without `=` there is no value.
pub(super) fn parameters(rest: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    rest.split(|&b| is_blank(b))
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut parts = word.splitn(2, |&b| b == b'=');
            (parts.next().unwrap_or_default(), parts.next())
        })
}

/// `MAIL FROM:` in any case; blanks around the colon are common and harmless.
fn behind_colon<'a>(line: &'a [u8], verb: &[u8], word: &[u8]) -> Option<&'a [u8]> {
    let rest = strip_word(line, verb)?;
    let verb_ends = rest.first().is_some_and(|&b| is_blank(b));
    let rest = strip_word(trim_blanks(rest), word).filter(|_| verb_ends)?;
    trim_blanks(rest).strip_prefix(b":").map(trim_blanks)
}

/// Steps over the path, quoted strings and quoted pairs with it; a path may lack its brackets.
///
/// A quoted `>` is believed only where `@` follows the quotes at once (RFC 5321 Mailbox): to a server that takes the next
/// `>` for the end, whatever stands behind it is parameters.
fn after_path(text: &[u8]) -> Option<&[u8]> {
    behind_path(text).filter(|rest| rest.first().is_none_or(|&b| is_blank(b)))
}

fn behind_path(text: &[u8]) -> Option<&[u8]> {
    let bracketed = text.first() == Some(&b'<');
    let (mut quoted, mut in_doubt) = (false, false);
    let mut bytes = text.iter().enumerate().skip(usize::from(bracketed));
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'\\' => in_doubt |= matches!(bytes.next()?, (_, b'>')),
            b'"' if quoted && text.get(at + 1) == Some(&b'@') => {
                (quoted, in_doubt) = (false, false);
            }
            b'"' => quoted = !quoted,
            b'>' if quoted => in_doubt = true,
            _ if quoted => {}
            _ if in_doubt && (byte == b'>' || is_blank(byte)) => return None,
            b'>' if bracketed => return text.get(at + 1..),
            b'<' | b'>' => return None,
            _ if is_blank(byte) && bracketed => return None,
            _ if is_blank(byte) => return text.get(at..),
            _ => {}
        }
    }
    (!bracketed && !quoted && !in_doubt && !text.is_empty()).then_some(&[])
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
