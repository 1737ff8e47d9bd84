//! Which mutants may survive, and why?
//!
//! `crates/requiretls-core/mutants.toml`: no input can tell them from the code as it stands.

use serde::Deserialize;

use super::outcome::Mutant;
use crate::Result;

/// The mutants that may survive.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    #[serde(default, rename = "survivor")]
    pub(crate) survivors: Vec<Survivor>,
}

/// One of them, or several of one name in one function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Survivor {
    /// Below core's `src`.
    pub(crate) file: String,
    /// As cargo-mutants says it, the function with it, and without the place before it.
    pub(crate) mutation: String,
    /// The line of code, where the function has that mutation elsewhere too.
    code: Option<String>,
    reason: String,
}

impl List {
    /// Reads the text of the file.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        for survivor in &list.survivors {
            if survivor.reason.split_whitespace().count() < 3 {
                return Err(format!("{}: {}: say why", survivor.file, survivor.mutation).into());
            }
        }
        Ok(list)
    }
}

impl Survivor {
    /// Whether this is the mutant, or one of them.
    pub(crate) fn names(&self, mutant: &Mutant) -> bool {
        self.file == mutant.file
            && self.mutation == mutant.mutation
            && self.code.as_ref().is_none_or(|code| *code == mutant.code)
    }
}

#[cfg(test)]
mod tests {
    use super::{List, Mutant};

    fn survivor(more: &str) -> String {
        format!(
            "[[survivor]]\nfile = \"a.rs\"\nmutation = \"replace > with >= in f\"\n{more}\nreason = \"a is never b\"\n"
        )
    }

    #[test]
    fn survivors_name_mutants() {
        let mutant = Mutant {
            file: "a.rs".to_owned(),
            mutation: "replace > with >= in f".to_owned(),
            code: "if a > b {".to_owned(),
            place: "1:1".to_owned(),
        };
        for (label, more, expected) in [
            ("any line", "", true),
            ("its line", "code = \"if a > b {\"", true),
            ("another line", "code = \"if a > c {\"", false),
        ] {
            let list = List::parse(&survivor(more)).unwrap();
            let names = list.survivors.iter().any(|s| s.names(&mutant));
            assert_eq!(names, expected, "{label}");
        }
    }

    #[test]
    fn refused_lists() {
        for (label, text) in [
            ("unknown field", survivor("line = 3")),
            ("no reason", survivor("").replace("a is never b", "")),
            ("no file", survivor("").replace("file = \"a.rs\"\n", "")),
        ] {
            assert!(List::parse(&text).is_err(), "{label}");
        }
    }
}
