//! Where do the parameters of a MAIL command begin?
//!
//! RFC 5321 section 4.1.2, and RFC 6531 for bytes above 126 in the path. The end of the path is
//! not simply the next `>`: a quoted local part may hold one. Whatever leaves that end in doubt is
//! refused, since a parameter that is overlooked is a requirement that is lost.

use super::Refusal;

/// No longer command is judged, in octets with its CRLF (R3 leaves limits to the server).
pub const MAX_LINE: usize = 8_192;

/// What stands behind the path of `MAIL FROM:<path> parameters`.
pub(super) fn behind_the_path(line: &[u8]) -> Result<&[u8], Refusal> {
    if line.len() > MAX_LINE {
        return Err(Refusal::LineTooLong);
    }
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    // To the end, whatever is found: that is faster than to stop.
    let is_broken = |broken, byte: &u8| broken | matches!(byte, b'\r' | b'\n' | 0);
    if line.iter().fold(false, is_broken) {
        return Err(Refusal::LineMalformed);
    }
    from_path(line)
        .and_then(after_path)
        .filter(|rest| rest.first().is_none_or(|&b| is_blank(b)))
        .ok_or(Refusal::LineMalformed)
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
fn from_path(line: &[u8]) -> Option<&[u8]> {
    let rest = strip_word(line, b"MAIL")?;
    let verb_ends = rest.first().is_some_and(|&b| is_blank(b));
    let rest = strip_word(trim_blanks(rest), b"FROM").filter(|_| verb_ends)?;
    trim_blanks(rest).strip_prefix(b":").map(trim_blanks)
}

/// Steps over the path, quoted strings and quoted pairs with it; a path may lack its brackets.
///
/// A quoted `>` is believed only where `@` follows the quotes at once (RFC 5321 Mailbox): to a server that takes the next
/// `>` for the end, whatever stands behind it is parameters.
fn after_path(text: &[u8]) -> Option<&[u8]> {
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
