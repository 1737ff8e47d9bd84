//! How is a TXT record cut into fields?
//!
//! The grammar that RFC 8461 section 3.1 and RFC 8460 section 3 share: a version, then fields
//! behind semicolons.

/// Whether a delimiter comes next: a semicolon, perhaps after blanks.
pub(crate) fn starts_delimiter(rest: &[u8]) -> bool {
    trim_start(rest).first() == Some(&b';')
}

/// The fields after the version, each without the blanks that belong to the delimiters around it;
/// `None` when the version is not followed by a delimiter.
///
/// An empty field stands for a delimiter too many, except that one may end the record (S2).
pub(crate) fn fields(rest: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let rest = trim_start(rest).strip_prefix(b";")?;
    let count = rest.split(|&b| b == b';').count();
    Some(
        rest.split(|&b| b == b';')
            .map(trim_start)
            .enumerate()
            .filter(move |(index, field)| index.saturating_add(1) < count || !field.is_empty())
            .map(move |(index, field)| {
                // Blanks before a delimiter are part of it; those at the record's end are not.
                if index.saturating_add(1) < count {
                    trim_end(field)
                } else {
                    field
                }
            }),
    )
}

/// `name=value` as the grammar has it for extensions, which covers the id too (S3).
pub(crate) fn extension(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = field.iter().position(|&b| b == b'=')?;
    let (name, value) = (field.get(..at)?, field.get(at.checked_add(1)?..)?);
    let name_holds = (1..=32).contains(&name.len())
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let value_holds = !value.is_empty() && value.iter().all(|b| b.is_ascii_graphic() && *b != b'=');
    (name_holds && value_holds).then_some((name, value))
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    text
}

pub(crate) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}
