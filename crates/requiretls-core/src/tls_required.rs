//! Does the header section say TLS-Required No?
//!
//! RFC 8689 section 3: the sender's word that delivery matters more than TLS. One value is
//! defined, `No`, without comments; a field with any other value is ignored (R11), and an invalid
//! or contradicting repetition makes all of them void, which is the safe side (R12).

/// What the fields seen so far say.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum TlsRequired {
    /// None was there.
    #[default]
    Absent,
    /// At least one, all of them a valid `No`.
    No,
    /// At least one that is not valid.
    Void,
}

/// What one field is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// `TLS-Required` with another value, or written as the grammar does not allow.
    Invalid,
    /// A valid `TLS-Required: No`.
    No,
    /// Another field.
    Other,
}

impl TlsRequired {
    /// Reads the header section of a message and stops at the first empty line, so that neither
    /// the body nor an embedded message is looked at (R13). Lines end with CRLF or LF.
    #[must_use]
    pub fn of_section(section: &[u8]) -> Self {
        let mut seen = Self::Absent;
        let mut rest = section;
        while !rest.is_empty() {
            let (field, behind) = split_field(rest);
            if matches!(field, b"\n" | b"\r\n") {
                break;
            }
            if let Some(colon) = field.iter().position(|&b| b == b':') {
                let (name, value) = field.split_at(colon);
                seen = seen.with(judge(name, value.get(1..).unwrap_or_default()));
            }
            rest = behind;
        }
        seen
    }

    /// Adds one field.
    #[must_use]
    pub fn with(self, field: Field) -> Self {
        match (self, field) {
            (_, Field::Other) => self,
            (Self::Void, _) | (_, Field::Invalid) => Self::Void,
            (Self::Absent | Self::No, Field::No) => Self::No,
        }
    }
}

/// Judges one field: its name without the colon, its value folded or not, with or without the
/// line end.
#[must_use]
pub fn judge(name: &[u8], value: &[u8]) -> Field {
    let bare = name.trim_ascii_end();
    if !bare.eq_ignore_ascii_case(b"TLS-Required") {
        return Field::Other;
    }
    if bare.len() == name.len() && says_no(value) {
        Field::No
    } else {
        Field::Invalid
    }
}

/// One field with its folded lines and line ends, and what stands behind it.
fn split_field(section: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    loop {
        let rest = section.get(end..).unwrap_or_default();
        let Some(newline) = rest.iter().position(|&b| b == b'\n') else {
            return (section, &[]);
        };
        let empty = matches!(rest.get(..=newline), Some(b"\n" | b"\r\n"));
        end += newline + 1;
        let folded = matches!(section.get(end), Some(b' ' | b'\t'));
        if empty || !folded {
            return section.split_at_checked(end).unwrap_or((section, &[]));
        }
    }
}

/// `[FWS] "No"`, in any case, blanks behind it tolerated (R11). A line end counts as white space
/// only where a blank follows it, or at the end.
fn says_no(value: &[u8]) -> bool {
    let value = value
        .strip_suffix(b"\r\n")
        .or_else(|| value.strip_suffix(b"\n"))
        .unwrap_or(value);
    let mut word = [0_u8; 2];
    let mut taken = 0;
    let mut blank_behind = false;
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b' ' | b'\t' => blank_behind = taken > 0,
            b'\r' if matches!(rest, [b'\n', b' ' | b'\t', ..]) => {}
            b'\n' if matches!(rest, [b' ' | b'\t', ..]) => {}
            _ if blank_behind => return false,
            _ => {
                let Some(place) = word.get_mut(taken) else {
                    return false;
                };
                *place = first;
                taken += 1;
            }
        }
    }
    word.eq_ignore_ascii_case(b"no")
}

#[cfg(test)]
mod tests {
    use super::{Field, TlsRequired, judge};

    #[test]
    fn one_field() {
        let rows: &[(&str, &[u8], &[u8], Field)] = &[
            ("VH1", b"TLS-Required", b" No", Field::No),
            ("VH1 any case", b"tls-required", b"no", Field::No),
            ("VH1 folded", b"TLS-Required", b"\r\n No", Field::No),
            (
                "VH1 folded with LF",
                b"TLS-Required",
                b"\n\tNO\n",
                Field::No,
            ),
            ("R11 with CRLF", b"TLS-Required", b" No\r\n", Field::No),
            (
                "R11 blanks behind",
                b"TLS-Required",
                b"No \t \r\n",
                Field::No,
            ),
            (
                "R11 folded behind",
                b"TLS-Required",
                b"No\r\n \r\n",
                Field::No,
            ),
            ("VH2 Yes", b"TLS-Required", b" Yes", Field::Invalid),
            ("VH2 empty", b"TLS-Required", b"", Field::Invalid),
            ("VH2 blank", b"TLS-Required", b" \r\n", Field::Invalid),
            ("VH2 comment", b"TLS-Required", b" No (x)", Field::Invalid),
            (
                "comment before",
                b"TLS-Required",
                b" (x) No",
                Field::Invalid,
            ),
            ("quoted", b"TLS-Required", b" \"No\"", Field::Invalid),
            ("N", b"TLS-Required", b" N", Field::Invalid),
            ("longer word", b"TLS-Required", b" None", Field::Invalid),
            ("two words", b"TLS-Required", b" No No", Field::Invalid),
            ("split word", b"TLS-Required", b" N o", Field::Invalid),
            (
                "split by folding",
                b"TLS-Required",
                b" N\r\n o",
                Field::Invalid,
            ),
            (
                "joined by newline",
                b"TLS-Required",
                b" No\nNo",
                Field::Invalid,
            ),
            ("bare CR", b"TLS-Required", b"\rNo", Field::Invalid),
            ("bare LF", b"TLS-Required", b"\nNo", Field::Invalid),
            ("NUL", b"TLS-Required", b"No\0", Field::Invalid),
            ("8-bit", b"TLS-Required", b"No\xa0", Field::Invalid),
            (
                "blank before the colon",
                b"TLS-Required ",
                b"No",
                Field::Invalid,
            ),
            ("other field", b"Subject", b"No", Field::Other),
            ("prefix", b"TLS-Required2", b"No", Field::Other),
            ("no name", b"", b"No", Field::Other),
        ];
        for (label, name, value, field) in rows {
            assert_eq!(judge(name, value), *field, "{label}");
        }
    }

    #[test]
    fn header_sections() {
        use TlsRequired::{Absent, No, Void};
        let rows: &[(&str, &[u8], TlsRequired)] = &[
            ("empty", b"", Absent),
            ("VH1", b"Subject: x\r\nTLS-Required: No\r\n\r\nbody", No),
            ("VH1 folded", b"tls-required:\r\n No\r\nSubject: x\r\n", No),
            ("LF", b"TLS-Required: No\n\n", No),
            ("no line end", b"TLS-Required: No", No),
            ("R12 twice", b"TLS-Required: No\nTLS-Required: no\n", No),
            ("R12 void", b"TLS-Required: No\nTLS-Required: Yes\n", Void),
            (
                "R12 void first",
                b"TLS-Required: Yes\nTLS-Required: No\n",
                Void,
            ),
            ("VH2", b"TLS-Required: Yes\n", Void),
            (
                "R13 body",
                b"Subject: x\r\n\r\nTLS-Required: No\r\n",
                Absent,
            ),
            ("R13 body, LF", b"Subject: x\n\nTLS-Required: No\n", Absent),
            ("R13 no header", b"\r\nTLS-Required: No\r\n", Absent),
            (
                "R13 embedded message",
                b"Content-Type: message/rfc822\r\n\r\nTLS-Required: No\r\n\r\nx",
                Absent,
            ),
            (
                "inside another field",
                b"Subject: x\r\n TLS-Required: No\r\n",
                Absent,
            ),
            (
                "blank line is folding",
                b"TLS-Required: No\r\n \r\nTo: x\r\n",
                No,
            ),
            ("a line that is none", b"From x\nTLS-Required: No\n", No),
            ("folding first", b" x\nTLS-Required: No\n", No),
        ];
        for (label, section, says) in rows {
            assert_eq!(TlsRequired::of_section(section), *says, "{label}");
        }
    }

    #[test]
    fn a_long_section_is_read_once() {
        let mut section = b"X: y\r\n\tz\r\n".repeat(100_000);
        section.extend_from_slice(b"TLS-Required: No\r\n");
        assert_eq!(TlsRequired::of_section(&section), TlsRequired::No);
    }
}
