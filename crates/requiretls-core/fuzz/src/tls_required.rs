//! Does a header section say TLS-Required No, read line by line?
//!
//! The input is a message from its first field on. `No` must come of it exactly where a naive
//! reader finds it in the message's own header section, and nowhere else (R11 to R13).

use requiretls_core::mail_param::{Dialects, MailParams};
use requiretls_core::tag;
use requiretls_core::tls_required::TlsRequired;

/// A header section, perhaps with a body.
pub fn check(data: &[u8]) {
    let says = TlsRequired::of_section(data);
    let fields = fields(data);
    let values: Vec<Option<Said>> = fields.iter().map(|field| judge(field)).collect();
    let expected = if values.contains(&Some(Said::Nonsense)) {
        TlsRequired::Void
    } else if values.contains(&Some(Said::No)) {
        TlsRequired::No
    } else {
        TlsRequired::Absent
    };
    assert_eq!(says, expected);
    field_by_field(&fields, expected);
    embedded(data, &fields, expected);
    voided(data);
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Said {
    No,
    Nonsense,
}

/// The fields before the first empty line, line ends included; a line that begins with a blank
/// goes on with the field before it.
fn fields(data: &[u8]) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in data.split_inclusive(|&b| b == b'\n') {
        if line == b"\n" || line == b"\r\n" {
            break;
        }
        match fields.last_mut() {
            Some(field) if matches!(line[0], b' ' | b'\t') => field.extend_from_slice(line),
            _ => fields.push(line.to_vec()),
        }
    }
    fields
}

/// What one field says of TLS; `None`: it is another field, or none.
fn judge(field: &[u8]) -> Option<Said> {
    let colon = field.iter().position(|&b| b == b':')?;
    let name: String = field[..colon].iter().map(|&b| char::from(b)).collect();
    let value: String = field[colon + 1..].iter().map(|&b| char::from(b)).collect();
    let bare = name.trim_end_matches([' ', '\t', '\n', '\r', '\u{c}']);
    if !bare.eq_ignore_ascii_case("tls-required") {
        return None;
    }
    // Unfolded, as RFC 5322 section 2.2.3 has it, and without the end of the last line.
    let mut value = value;
    if let Some(line) = value.strip_suffix('\n') {
        value = line.strip_suffix('\r').unwrap_or(line).to_owned();
    }
    for (folded, blank) in [
        ("\r\n ", " "),
        ("\r\n\t", "\t"),
        ("\n ", " "),
        ("\n\t", "\t"),
    ] {
        value = value.replace(folded, blank);
    }
    let said = value.trim_matches([' ', '\t']);
    Some(if name == bare && said.eq_ignore_ascii_case("no") {
        Said::No
    } else {
        Said::Nonsense
    })
}

/// A server that hands in one field after the other comes to the same.
fn field_by_field(fields: &[Vec<u8>], expected: TlsRequired) {
    let mut params = MailParams::new(Dialects::default(), true, true);
    for field in fields {
        if let Some(colon) = field.iter().position(|&b| b == b':') {
            params.header(&field[..colon], &field[colon + 1..]);
        }
    }
    let tag = params.end().map(tag::write).unwrap();
    let downgraded = expected == TlsRequired::No;
    assert_eq!(tag, if downgraded { "1.no" } else { "" });
}

/// R13: what stands behind the empty line is no header of this message.
fn embedded(data: &[u8], fields: &[Vec<u8>], expected: TlsRequired) {
    let mut message = fields.concat();
    if data.len() == message.len() && !data.ends_with(b"\n") {
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\nTLS-Required: No\r\nTLS-Required: Yes\r\n\r\n");
    let with_another = TlsRequired::of_section(&message);
    // A last line of a lone CR was nothing; with a line end behind it, it may be the empty line.
    if !data.ends_with(b"\r") {
        assert_eq!(with_another, expected);
    }
    if expected != TlsRequired::No {
        assert_ne!(with_another, TlsRequired::No);
    }
}

/// R12: one field that is not valid voids all.
fn voided(data: &[u8]) {
    let section = [b"TLS-Required: Yes\r\n", data].concat();
    assert_eq!(TlsRequired::of_section(&section), TlsRequired::Void);
    let section = [b"tls-required : no\n", data].concat();
    assert_eq!(TlsRequired::of_section(&section), TlsRequired::Void);
}
