//! Which statements are there, and which of them may stand without a test?
//!
//! `crates/requiretls-core/statements.toml`: every id with a few words that recall it, and the exceptions.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::id::Id;
use crate::Result;

/// All statements, and those excepted.
pub(crate) struct List {
    pub(crate) titles: BTreeMap<Id, String>,
    pub(crate) exceptions: BTreeMap<Id, Exception>,
}

/// Why a statement has no test of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Exception {
    /// Nothing of the library's to test, or held by what cites no id.
    Held { why: String, held: String },
    /// A test is missing.
    Open { why: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    statements: BTreeMap<String, String>,
    #[serde(default)]
    exceptions: BTreeMap<String, WrittenException>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenException {
    why: String,
    held: Option<String>,
    #[serde(default)]
    open: bool,
}

impl List {
    /// Reads the text of the file.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let written: Written = toml::from_str(text)?;
        let mut titles = BTreeMap::new();
        for (name, title) in written.statements {
            if title.split_whitespace().count() > 5 {
                return Err(format!("{name}: a title has at most five words").into());
            }
            titles.insert(id(&name)?, title);
        }
        let mut exceptions = BTreeMap::new();
        for (name, exception) in written.exceptions {
            let id = id(&name)?;
            if !titles.contains_key(&id) {
                return Err(format!("{name} is excepted, and no statement").into());
            }
            let WrittenException { why, held, open } = exception;
            let exception = match held {
                _ if why.is_empty() => None,
                Some(held) if !open && !held.is_empty() => Some(Exception::Held { why, held }),
                None if open => Some(Exception::Open { why }),
                Some(_) | None => None,
            };
            let wrong = || format!("{name}: say why, and either where it is held or open = true");
            exceptions.insert(id, exception.ok_or_else(wrong)?);
        }
        Ok(Self { titles, exceptions })
    }
}

fn id(name: &str) -> Result<Id> {
    Id::parse(name).ok_or_else(|| format!("{name} is no id of a statement").into())
}

#[cfg(test)]
mod tests {
    use super::{Exception, List};

    #[test]
    fn a_list() {
        let list = List::parse(concat!(
            "[statements]\nR1 = \"keyword\"\n\"P6.12a\" = \"\"\nR2 = \"\"\n",
            "[exceptions]\nR2 = { why = \"a\", held = \"b\" }\n",
            "\"P6.12a\" = { why = \"c\", open = true }\n",
        ))
        .unwrap();
        let names: Vec<String> = list.titles.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["R1", "R2", "P6.12a"]);
        let exceptions: Vec<&Exception> = list.exceptions.values().collect();
        let (why, held) = ("a".to_owned(), "b".to_owned());
        let open = "c".to_owned();
        assert_eq!(
            exceptions,
            [
                &Exception::Held { why, held },
                &Exception::Open { why: open }
            ]
        );
    }

    #[test]
    fn refused_lists() {
        for (label, exceptions) in [
            ("no statement", "R2 = { why = \"a\", open = true }"),
            ("no id", "X2 = { why = \"a\", open = true }"),
            ("neither", "R1 = { why = \"a\" }"),
            ("both", "R1 = { why = \"a\", held = \"b\", open = true }"),
            ("no reason", "R1 = { why = \"\", open = true }"),
            ("nowhere", "R1 = { why = \"a\", held = \"\" }"),
            ("unknown field", "R1 = { why = \"a\", where = \"b\" }"),
            (
                "twice",
                "R1 = { why = \"a\", open = true }\nR1 = { why = \"a\", open = true }",
            ),
        ] {
            let text = format!("[statements]\nR1 = \"keyword\"\n[exceptions]\n{exceptions}\n");
            assert!(List::parse(&text).is_err(), "{label}");
        }
        assert!(List::parse("[statements]\nR1 = \"one two three four five six\"\n").is_err());
        assert!(List::parse("[statements]\nR01 = \"\"\n").is_err());
    }
}
