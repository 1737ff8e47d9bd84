//! What does the TXT record of a policy domain announce?
//!
//! RFC 8461 section 3.1 with erratum 6285 (blanks before a semicolon). Reads what DNS gave; knows
//! no DNS.

use crate::txt_record::{extension, fields, starts_delimiter};
use std::fmt;

const VERSION: &[u8] = b"v=STSv1";

/// A valid `_mta-sts` record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    id: String,
}

/// What all TXT records at `_mta-sts.<domain>` come to (S4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Announcement {
    /// No record begins as an MTA-STS record does: the domain announces no policy.
    Absent,
    /// Exactly one, and it is valid.
    One(Record),
    /// Exactly one, and it is not valid: as if there were none.
    Invalid(RecordError),
    /// More than one, so that none counts.
    Several(usize),
}

impl Record {
    /// Reads one TXT record, its strings joined without a blank between them.
    ///
    /// # Errors
    /// [`RecordError::NotSts`] when it is a record of something else, the others when it is an
    /// MTA-STS record with a fault.
    pub fn parse(txt: &[u8]) -> Result<Self, RecordError> {
        let rest = txt.strip_prefix(VERSION).ok_or(RecordError::NotSts)?;
        if rest.is_empty() {
            return Err(RecordError::IdMissing);
        }
        let mut id = None;
        for field in fields(rest).ok_or(RecordError::NotSts)? {
            let (name, value) = extension(field).ok_or_else(|| {
                // A bad first id deserves its own name; any other field is malformed.
                if id.is_none() && field.starts_with(b"id=") {
                    RecordError::BadId
                } else {
                    RecordError::Malformed
                }
            })?;
            // Of two ids the first one counts (S5), but both must be well-formed fields.
            if name == b"id" && id.is_none() {
                id = Some(read_id(value).ok_or(RecordError::BadId)?);
            }
        }
        let id = id.ok_or(RecordError::IdMissing)?;
        Ok(Self { id })
    }

    /// Changes whenever the policy does: 1 to 32 letters or digits, compared case by case.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Announcement {
    /// From all TXT records at the name, each with its strings joined (S4).
    #[must_use]
    pub fn of<T: AsRef<[u8]>>(records: &[T]) -> Self {
        let mut candidates = records
            .iter()
            .map(AsRef::as_ref)
            .filter(|txt| is_candidate(txt));
        match (candidates.next(), candidates.count()) {
            (None, _) => Self::Absent,
            (Some(txt), 0) => Record::parse(txt).map_or_else(Self::Invalid, Self::One),
            (Some(_), more) => Self::Several(more.saturating_add(1)),
        }
    }

    /// The one valid record.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::One(record) => Some(record),
            Self::Absent | Self::Invalid(_) | Self::Several(_) => None,
        }
    }
}

/// Why a TXT record is no valid MTA-STS record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordError {
    /// The id is not 1 to 32 letters or digits.
    BadId,
    /// There is no id.
    IdMissing,
    /// A field, a blank or a delimiter that the grammar does not allow.
    Malformed,
    /// It does not begin with `v=STSv1;`.
    NotSts,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadId => "the id is not 1 to 32 letters or digits",
            Self::IdMissing => "there is no id",
            Self::Malformed => "a field that the grammar does not allow",
            Self::NotSts => "no MTA-STS record",
        })
    }
}

impl std::error::Error for RecordError {}

/// Erratum 6285 and S4: blanks may stand before the first semicolon.
fn is_candidate(txt: &[u8]) -> bool {
    txt.strip_prefix(VERSION).is_some_and(starts_delimiter)
}

fn read_id(value: &[u8]) -> Option<String> {
    ((1..=32).contains(&value.len()) && value.iter().all(u8::is_ascii_alphanumeric))
        .then(|| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records() {
        let (id32, id33) = ("a".repeat(32), "a".repeat(33));
        let (name32, name33) = ("n".repeat(32), "n".repeat(33));
        let with_id = |id: &str| format!("v=STSv1; id={id}");
        let with_name = |name: &str| format!("v=STSv1; id=a; {name}=x");
        #[rustfmt::skip]
        let rows: &[(&str, &str, Result<&str, RecordError>)] = &[
            ("VT1", "v=STSv1; id=20240101;", Ok("20240101")),
            ("VT2", "v=STSv1;id=a", Ok("a")),
            ("VT3", "v=STSv1", Err(RecordError::IdMissing)),
            ("VT4", "v=STSv1; id=;", Err(RecordError::BadId)),
            ("VT5", "V=STSv1; id=a", Err(RecordError::NotSts)),
            ("VT6", " v=STSv1; id=a", Err(RecordError::NotSts)),
            ("VT8", "v=STSv1; id=a;;", Err(RecordError::Malformed)),
            ("VT9 dash", "v=STSv1; id=a-b", Err(RecordError::BadId)),
            ("VT9 33", &with_id(&id33), Err(RecordError::BadId)),
            ("VT9 32", &with_id(&id32), Ok(&id32)),
            ("VT11", "v=STSv1; id=a; id=b", Ok("a")),
            ("VT14", "v=STSv1; ID=a", Err(RecordError::IdMissing)),
            ("S2 only a delimiter", "v=STSv1;", Err(RecordError::IdMissing)),
            ("S2 delimiter with blanks ends it", "v=STSv1; id=a ; \t", Ok("a")),
            ("S2 trailing blank", "v=STSv1; id=a ", Err(RecordError::BadId)),
            ("S2 trailing blank, extension", "v=STSv1; id=a; x=y ", Err(RecordError::Malformed)),
            ("S2 blank field", "v=STSv1; ; id=a", Err(RecordError::Malformed)),
            ("S2 no delimiter", "v=STSv1 id=a", Err(RecordError::NotSts)),
            ("S2 longer version", "v=STSv10; id=a", Err(RecordError::NotSts)),
            ("S3 blanks around =", "v=STSv1; id = a", Err(RecordError::Malformed)),
            ("S3 extension first", "v=STSv1; x.1-_=y<>!; id=a", Ok("a")),
            ("S3 extension without value", "v=STSv1; id=a; x=", Err(RecordError::Malformed)),
            ("S3 extension with =", "v=STSv1; id=a; x=y=z", Err(RecordError::Malformed)),
            ("S3 extension begins with _", "v=STSv1; id=a; _x=y", Err(RecordError::Malformed)),
            ("S3 name of 32", &with_name(&name32), Ok("a")),
            ("S3 name of 33", &with_name(&name33), Err(RecordError::Malformed)),
            ("S3 no =", "v=STSv1; id=a; x", Err(RecordError::Malformed)),
            ("S3 id keeps its case", "v=STSv1; id=aB", Ok("aB")),
            ("S4 erratum 6285", "v=STSv1 ; id=a", Ok("a")),
            ("S5 second id malformed", "v=STSv1; id=a; id=", Err(RecordError::Malformed)),
            ("S1 not ASCII", "v=STSv1; id=a; n=\u{e9}", Err(RecordError::Malformed)),
            ("empty", "", Err(RecordError::NotSts)),
        ];
        for (label, txt, expected) in rows {
            let found = Record::parse(txt.as_bytes());
            let found = found.as_ref().map(Record::id).map_err(|e| *e);
            assert_eq!(found, *expected, "{label}");
        }
    }

    #[test]
    fn several_records() {
        let one = |id: &str| Announcement::One(Record { id: id.into() });
        #[rustfmt::skip]
        let rows: &[(&str, &[&str], Announcement)] = &[
            ("VT12 beside SPF", &["v=spf1 -all", "v=STSv1; id=a"], one("a")),
            ("VT12 two", &["v=STSv1; id=a", "v=STSv1; id=b"], Announcement::Several(2)),
            ("VT5 alone", &["V=STSv1; id=a"], Announcement::Absent),
            ("VT6 alone", &[" v=STSv1; id=a"], Announcement::Absent),
            ("S4 none", &[], Announcement::Absent),
            ("S4 identical", &["v=STSv1; id=a", "v=STSv1; id=a"], Announcement::Several(2)),
            ("S4 one of two broken", &["v=STSv1; id=a", "v=STSv1; b"], Announcement::Several(2)),
            ("S4 blank before ;", &["v=STSv1 ;id=a", "v=STSv1;id=a"], Announcement::Several(2)),
            ("S4 version alone dropped", &["v=STSv1", "v=STSv1; id=a"], one("a")),
            ("S4 broken", &["v=STSv1; b"], Announcement::Invalid(RecordError::Malformed)),
        ];
        for (label, records, expected) in rows {
            assert_eq!(Announcement::of(records), *expected, "{label}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(txt in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::parse(&txt);
            let _ = Announcement::of(&[&txt, &txt]);
        }

        #[test]
        fn any_tail(tail in "[ \t;=a-c.id-]{0,40}") {
            let txt = format!("v=STSv1{tail}");
            if let Ok(record) = Record::parse(txt.as_bytes()) {
                prop_assert!((1..=32).contains(&record.id().len()));
                prop_assert!(is_candidate(txt.as_bytes()));
            }
        }
    }
}
