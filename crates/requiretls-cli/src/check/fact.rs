//! What is one thing that was found out?

use serde::Serialize;

/// One thing, how sure it is, and where it is from.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    /// What was asked for.
    pub(super) what: String,
    /// DNSSEC's word on it, or how it was had.
    pub(super) status: &'static str,
    pub(super) found: String,
    /// The name server, the file, the policy host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// How long ago it was had, in seconds; none: just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) age: Option<u64>,
    /// For how many seconds it still holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holds: Option<u64>,
}

impl Fact {
    pub(super) fn new(
        what: impl Into<String>,
        status: &'static str,
        found: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            status,
            found: found.into(),
            from: None,
            age: None,
            holds: None,
        }
    }

    pub(super) fn from(self, whom: impl Into<String>) -> Self {
        let from = Some(whom.into());
        Self { from, ..self }
    }

    pub(super) fn aged(self, seconds: u64) -> Self {
        let age = Some(seconds);
        Self { age, ..self }
    }

    pub(super) fn holding(self, seconds: u64) -> Self {
        let holds = Some(seconds);
        Self { holds, ..self }
    }

    /// What is told behind the thing itself: "from 127.0.0.1:53, 40 s ago, holds 5 min". Where
    /// there is one name server alone it need not be named each time.
    pub(super) fn origin(&self, lone: Option<&str>) -> String {
        let from = self.from.as_deref().filter(|from| lone != Some(from));
        let from = from.map(|from| format!("from {from}"));
        let age = self.age.map(|age| match age {
            0 | 1 => "just now".to_owned(),
            age => format!("{} ago", span(age)),
        });
        let holds = self.holds.map(|holds| format!("holds {}", span(holds)));
        let all = [from, age, holds].into_iter().flatten();
        all.collect::<Vec<_>>().join(", ")
    }
}

/// A time as people say it: nobody counts the seconds of a day.
pub(super) fn span(seconds: u64) -> String {
    let (unit, word) = match seconds {
        0..90 => (1, "s"),
        90..5_400 => (60, "min"),
        5_400..129_600 => (3_600, "h"),
        _ => (86_400, "days"),
    };
    let rounded = seconds.saturating_add(unit / 2) / unit;
    format!("{rounded} {word}")
}

#[cfg(test)]
mod tests {
    use super::{Fact, span};

    #[test]
    fn times_are_told_in_one_unit() {
        let rows = [
            (0, "0 s"),
            (89, "89 s"),
            (90, "2 min"),
            (299, "5 min"),
            (3_600, "60 min"),
            (5_399, "90 min"),
            (5_400, "2 h"),
            (86_400, "24 h"),
            (129_599, "36 h"),
            (129_600, "2 days"),
            (604_799, "7 days"),
            (u64::MAX, "213503982334601 days"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn an_origin_has_what_is_known_of_it() {
        let fact = || Fact::new("MX", "signed", "1 host");
        let all = || fact().from("x").aged(1).holding(60);
        let rows = [
            (fact(), None, ""),
            (fact().from("x"), None, "from x"),
            (all(), None, "from x, just now, holds 60 s"),
            (all(), Some("x"), "just now, holds 60 s"),
            (all(), Some("y"), "from x, just now, holds 60 s"),
            (fact().aged(120), None, "2 min ago"),
        ];
        for (fact, lone, expected) in rows {
            assert_eq!(fact.origin(lone), expected, "{lone:?}");
        }
    }
}
