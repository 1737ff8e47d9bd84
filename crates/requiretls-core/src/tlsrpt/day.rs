//! Which day is a report about, and what is its file called?
//!
//! A report covers one whole UTC day (RFC 8460 section 4.1), and its file name says which
//! (section 5.1; T7).

use crate::domain::Domain;
use time::OffsetDateTime;

const SECONDS: u64 = 86_400;

/// A UTC day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Day {
    number: u64,
}

impl Day {
    /// The day of a time in seconds since 1970.
    #[must_use]
    pub const fn of(seconds: u64) -> Self {
        Self {
            number: seconds / SECONDS,
        }
    }

    /// Its first second.
    #[must_use]
    pub const fn begin(self) -> u64 {
        self.number.saturating_mul(SECONDS)
    }

    /// Its last second.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.begin().saturating_add(SECONDS - 1)
    }

    /// Its first and its last second as a report writes them (RFC 3339).
    #[must_use]
    pub fn datetimes(self) -> (String, String) {
        let date = i64::try_from(self.begin())
            .ok()
            .and_then(|begin| OffsetDateTime::from_unix_timestamp(begin).ok())
            .map_or_else(
                || "9999-12-31".to_owned(), // the last day that RFC 3339 can write
                |time| {
                    let (year, month, day) = time.to_calendar_date();
                    format!("{year:04}-{:02}-{day:02}", u8::from(month))
                },
            );
        (format!("{date}T00:00:00Z"), format!("{date}T23:59:59Z"))
    }
}

/// The file name of a report, without a path: `sender!domain!begin!end!id.json.gz`. `sender` is the
/// domain that reports, `domain` the one that is told.
///
/// `None` when the id has anything but letters and digits (RFC 8460 section 5.1).
#[must_use]
pub fn file_name(
    sender: &Domain,
    domain: &Domain,
    day: Day,
    id: Option<&str>,
    packed: bool,
) -> Option<String> {
    let id = match id {
        None => String::new(),
        Some(id) if !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!("!{id}")
        }
        Some(_) => return None,
    };
    let (begin, end) = (day.begin(), day.end());
    let packed = if packed { ".gz" } else { "" };
    Some(format!("{sender}!{domain}!{begin}!{end}{id}.json{packed}"))
}

#[cfg(test)]
mod tests {
    use super::{Day, file_name};
    use crate::domain::Domain;

    #[test]
    fn t7_a_report_covers_one_utc_day() {
        for (label, seconds, begin, date) in [
            (
                "T7 the first second",
                1_795_564_800,
                1_795_564_800,
                "2026-11-25",
            ),
            ("T7 within", 1_795_600_000, 1_795_564_800, "2026-11-25"),
            (
                "T7 the last second",
                1_795_651_199,
                1_795_564_800,
                "2026-11-25",
            ),
            (
                "T7 the next day",
                1_795_651_200,
                1_795_651_200,
                "2026-11-26",
            ),
            ("T7 a leap day", 1_835_395_200, 1_835_395_200, "2028-02-29"),
            ("T7 1970", 0, 0, "1970-01-01"),
        ] {
            let day = Day::of(seconds);
            assert_eq!(day.begin(), begin, "{label}");
            assert_eq!(day.end(), begin + 86_399, "{label}");
            let expected = (format!("{date}T00:00:00Z"), format!("{date}T23:59:59Z"));
            assert_eq!(day.datetimes(), expected, "{label}");
        }
        assert!(Day::of(u64::MAX).begin() <= Day::of(u64::MAX).end());
        let (begin, _) = Day::of(u64::MAX).datetimes();
        assert_eq!(begin, "9999-12-31T00:00:00Z", "T7 no such year");
    }

    #[test]
    fn t7_file_names() {
        let (sender, domain) = (Domain::known("mail.test"), Domain::known("d.test"));
        let day = Day::of(1_795_600_000);
        for (label, id, packed, expected) in [
            (
                "T7 plain",
                None,
                false,
                Some("mail.test!d.test!1795564800!1795651199.json"),
            ),
            (
                "T7 packed",
                None,
                true,
                Some("mail.test!d.test!1795564800!1795651199.json.gz"),
            ),
            (
                "T7 id",
                Some("a1"),
                true,
                Some("mail.test!d.test!1795564800!1795651199!a1.json.gz"),
            ),
            ("T7 empty id", Some(""), false, None),
            ("T7 id with a mark", Some("a!b"), false, None),
            ("T7 id with a path", Some("../a"), false, None),
        ] {
            let name = file_name(&sender, &domain, day, id, packed);
            assert_eq!(name.as_deref(), expected, "{label}");
        }
    }
}
