//! Where does a domain want reports about TLS failures to go?
//!
//! The record of RFC 8460 section 3, strictly: what the grammar does not allow is no record.

use crate::domain::Domain;
use crate::txt_record::{extension, fields, starts_delimiter, trim_end, trim_start};
use std::fmt;

const VERSION: &[u8] = b"v=TLSRPTv1";

/// A valid `_smtp._tls` record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    rua: Vec<String>,
}

/// Where the TXT record of a domain is (T1): `_smtp._tls.example.com`.
///
/// `None` when that name would be too long to exist.
#[must_use]
pub fn record_name(domain: &Domain) -> Option<Domain> {
    domain.child("_tls")?.child("_smtp")
}

impl Record {
    /// Reads one TXT record, its strings joined without a blank between them.
    ///
    /// # Errors
    /// [`RecordError::NotTlsrpt`] when it is a record of something else, the others when it is a
    /// TLSRPT record with a fault.
    pub fn parse(txt: &[u8]) -> Result<Self, RecordError> {
        let rest = txt.strip_prefix(VERSION).ok_or(RecordError::NotTlsrpt)?;
        if rest.is_empty() {
            return Err(RecordError::RuaMissing);
        }
        let mut rua = None;
        for field in fields(rest).ok_or(RecordError::NotTlsrpt)? {
            match field.strip_prefix(b"rua=") {
                // Of two the first one counts.
                Some(list) => {
                    let list = uris(list).ok_or(RecordError::BadUri)?;
                    rua.get_or_insert(list);
                }
                None => {
                    extension(field).ok_or(RecordError::Malformed)?;
                }
            }
        }
        let rua = rua.ok_or(RecordError::RuaMissing)?;
        Ok(Self { rua })
    }

    /// The one record of the domain, out of all TXT records at the name (T1): with none, more than
    /// one or a broken one, the domain wants no reports.
    #[must_use]
    pub fn of<T: AsRef<[u8]>>(records: &[T]) -> Option<Self> {
        let mut candidates = records
            .iter()
            .map(AsRef::as_ref)
            .filter(|txt| txt.strip_prefix(VERSION).is_some_and(starts_delimiter));
        match (candidates.next(), candidates.next()) {
            (Some(txt), None) => Self::parse(txt).ok(),
            _ => None,
        }
    }

    /// The `mailto:` and `https:` URIs; others are left out.
    #[must_use]
    pub fn rua(&self) -> &[String] {
        &self.rua
    }
}

/// Why a TXT record is no valid TLSRPT record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordError {
    /// A URI that is none, or that is not encoded.
    BadUri,
    /// A field, a blank or a delimiter that the grammar does not allow.
    Malformed,
    /// It does not begin with `v=TLSRPTv1;`.
    NotTlsrpt,
    /// It does not say where reports go.
    RuaMissing,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadUri => "rua is not a list of URIs",
            Self::Malformed => "a field that the grammar does not allow",
            Self::NotTlsrpt => "no TLSRPT record",
            Self::RuaMissing => "there is no rua",
        })
    }
}

impl std::error::Error for RecordError {}

/// The list's URIs that reports can be sent to; `None` when it is no list of URIs.
fn uris(list: &[u8]) -> Option<Vec<String>> {
    let end = list.split(|&b| b == b',').count().saturating_sub(1);
    let all: Option<Vec<&str>> = list
        .split(|&b| b == b',')
        .enumerate()
        .map(|(index, uri)| {
            // Blanks may stand around commas alone: fields() has taken those around semicolons.
            let uri = if index == 0 { uri } else { trim_start(uri) };
            uri_text(if index == end { uri } else { trim_end(uri) })
        })
        .collect();
    let reachable = |uri: &str| {
        ["mailto:", "https:"].iter().any(|scheme| {
            uri.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
    };
    Some(
        all?.into_iter()
            .filter(|uri| reachable(uri))
            .map(str::to_owned)
            .collect(),
    )
}

/// `scheme:rest` in visible ASCII, with `!` encoded, as comma and semicolon are.
fn uri_text(uri: &[u8]) -> Option<&str> {
    let uri = std::str::from_utf8(uri).ok()?;
    let (scheme, rest) = uri.split_once(':')?;
    let holds = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && rest.bytes().all(|b| b.is_ascii_graphic() && b != b'!');
    holds.then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A label, the record, its URIs.
    type Row<'a> = (&'a str, &'a str, Result<Vec<&'a str>, RecordError>);

    #[test]
    fn records() {
        let mail = || Ok(vec!["mailto:r@example.com"]);
        let both = || Ok(vec!["mailto:r@example.com", "https://x.example/r"]);
        #[rustfmt::skip]
        let rows: Vec<Row> = vec![
            ("VR3", "v=TLSRPTv1; rua=mailto:r@example.com,https://x.example/r", both()),
            ("VR3 no rua", "v=TLSRPTv1; foo=1", Err(RecordError::RuaMissing)),
            ("T1 blanks", "v=TLSRPTv1 ;rua=mailto:r@example.com , https://x.example/r ;", both()),
            ("T1 extension", "v=TLSRPTv1; foo=1; rua=mailto:r@example.com", mail()),
            ("T1 second rua", "v=TLSRPTv1; rua=mailto:r@example.com; rua=mailto:x@y", mail()),
            ("T1 other scheme", "v=TLSRPTv1; rua=ftp://x/,mailto:r@example.com", mail()),
            ("T1 =", "v=TLSRPTv1; rua=mailto:a@b?subject=c", Ok(vec!["mailto:a@b?subject=c"])),
            ("T1 upper case", "v=TLSRPTv1; rua=MAILTO:a@b", Ok(vec!["MAILTO:a@b"])),
            ("T1 empty rua", "v=TLSRPTv1; rua=", Err(RecordError::BadUri)),
            ("T1 empty item", "v=TLSRPTv1; rua=mailto:a@b,", Err(RecordError::BadUri)),
            ("T1 no URI", "v=TLSRPTv1; rua=r@example.com", Err(RecordError::BadUri)),
            ("T1 plain !", "v=TLSRPTv1; rua=mailto:a!10m", Err(RecordError::BadUri)),
            ("T1 plain ;", "v=TLSRPTv1; rua=mailto:a;b", Err(RecordError::Malformed)),
            ("T1 blank inside", "v=TLSRPTv1; rua=mailto:a b", Err(RecordError::BadUri)),
            ("T1 blank first", "v=TLSRPTv1; rua= mailto:a", Err(RecordError::BadUri)),
            ("T1 blank last", "v=TLSRPTv1; rua=mailto:a@b ", Err(RecordError::BadUri)),
            ("T1 version", "v=tlsrptv1; rua=mailto:a@b", Err(RecordError::NotTlsrpt)),
            ("T1 version 2", "v=TLSRPTv2; rua=mailto:a@b", Err(RecordError::NotTlsrpt)),
            ("T1 version alone", "v=TLSRPTv1", Err(RecordError::RuaMissing)),
            ("T1 RUA", "v=TLSRPTv1; RUA=mailto:a@b", Err(RecordError::RuaMissing)),
        ];
        for (label, txt, expected) in rows {
            let found = Record::parse(txt.as_bytes()).map(|record| record.rua);
            let expected = expected.map(|uris| uris.iter().map(ToString::to_string).collect());
            assert_eq!(found, expected, "{label}");
        }
    }

    #[test]
    fn several_records() {
        let one = "v=TLSRPTv1; rua=mailto:a@b";
        let rows: &[(&str, &[&str], bool)] = &[
            ("T1 one", &[one], true),
            ("VR3 two", &[one, one], false),
            ("T1 beside another", &["v=spf1 -all", one], true),
            ("T1 one of two broken", &[one, "v=TLSRPTv1; x"], false),
            ("T1 broken", &["v=TLSRPTv1; x"], false),
            ("T1 none", &[], false),
        ];
        for (label, records, expected) in rows {
            assert_eq!(Record::of(records).is_some(), *expected, "{label}");
        }
        let domain = Domain::parse(b"example.com").unwrap();
        assert_eq!(
            record_name(&domain).unwrap().as_str(),
            "_smtp._tls.example.com"
        );
    }

    proptest! {
        #[test]
        fn any_bytes(txt in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Record::parse(&txt);
        }

        #[test]
        fn any_tail(tail in "[ ;,=!:a-cru]{0,30}") {
            let _ = Record::parse(format!("v=TLSRPTv1{tail}").as_bytes());
        }
    }
}
