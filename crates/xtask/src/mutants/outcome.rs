//! What became of each mutant?
//!
//! Reads `outcomes.json` of cargo-mutants.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Result;

/// One mutant, named without the numbers of lines, which the next edit would change.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Mutant {
    /// Below core's `src`.
    pub(crate) file: String,
    /// As cargo-mutants says it: `replace > with >= in leaf_key`.
    pub(crate) mutation: String,
    /// The line where it begins, without the blanks around it.
    pub(crate) code: String,
    /// Line and column, for those who go and look.
    pub(crate) place: String,
}

/// How the tests took it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// A unit test failed.
    Caught,
    /// A test of `tests/` failed.
    CaughtLater,
    /// No test failed.
    Missed,
    /// The tests did not come to an end, which would be noticed.
    Timeout,
    /// It does not compile.
    Unviable,
}

impl Outcome {
    /// The same, where the unit tests had let it pass.
    pub(crate) fn in_the_second_stage(self) -> Self {
        match self {
            Self::Caught => Self::CaughtLater,
            other => other,
        }
    }
}

#[derive(Deserialize)]
struct Written {
    outcomes: Vec<WrittenOutcome>,
}

#[derive(Deserialize)]
struct WrittenOutcome {
    scenario: Scenario,
    summary: String,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(WrittenMutant),
}

#[derive(Deserialize)]
struct WrittenMutant {
    name: String,
    file: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Start,
}

#[derive(Deserialize)]
struct Start {
    line: usize,
    column: usize,
}

/// Reads the text of the file; the lines of code are looked up below `root`.
pub(crate) fn read(text: &str, root: &Path) -> Result<BTreeMap<Mutant, Outcome>> {
    let written: Written = serde_json::from_str(text)?;
    let mut sources = HashMap::new();
    let mut outcomes = BTreeMap::new();
    for WrittenOutcome { scenario, summary } in written.outcomes {
        let Scenario::Mutant(mutant) = scenario else {
            continue;
        };
        let outcome = match summary.as_str() {
            "CaughtMutant" => Outcome::Caught,
            "MissedMutant" => Outcome::Missed,
            "Timeout" => Outcome::Timeout,
            "Unviable" => Outcome::Unviable,
            other => return Err(format!("{}: {other}", mutant.name).into()),
        };
        let source = match sources.get(&mutant.file) {
            Some(source) => source,
            None => sources
                .entry(mutant.file.clone())
                .or_insert(fs::read_to_string(root.join(&mutant.file))?),
        };
        outcomes.insert(named(&mutant, source), outcome);
    }
    Ok(outcomes)
}

fn named(mutant: &WrittenMutant, source: &str) -> Mutant {
    let Start { line, column } = mutant.span.start;
    let place = format!("{line}:{column}");
    let before = format!("{}:{place}: ", mutant.file);
    let code = source.lines().nth(line.saturating_sub(1));
    let (_, file) = mutant.file.split_once("/src/").unwrap_or_default();
    Mutant {
        file: file.to_owned(),
        mutation: mutant.name.replacen(&before, "", 1),
        code: code.unwrap_or_default().trim().to_owned(),
        place,
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Start, named, read};

    #[test]
    fn a_mutant_is_named_without_its_line() {
        let mutant = super::WrittenMutant {
            name: "crates/x/src/a/b.rs:2:5: replace > with >= in f".to_owned(),
            file: "crates/x/src/a/b.rs".to_owned(),
            span: super::Span {
                start: Start { line: 2, column: 5 },
            },
        };
        let mutant = named(&mutant, "fn f() {\n    a > b\n}\n");
        assert_eq!(mutant.file, "a/b.rs");
        assert_eq!(mutant.mutation, "replace > with >= in f");
        assert_eq!((&*mutant.code, &*mutant.place), ("a > b", "2:5"));
    }

    #[test]
    fn outcomes_are_read() {
        let file = "crates/requiretls-core/src/lib.rs";
        let outcome = |line: usize, summary: &str| {
            format!(
                r#"{{"scenario":{{"Mutant":{{"name":"{file}:{line}:1: replace a","file":"{file}",
                "span":{{"start":{{"line":{line},"column":1}}}}}}}},"summary":"{summary}"}}"#
            )
        };
        let file_of = |outcomes: &[String]| {
            let baseline = r#"{"scenario":"Baseline","summary":"Success"}"#.to_owned();
            let all = [&[baseline], outcomes].concat().join(",");
            read(&format!(r#"{{"outcomes":[{all}]}}"#), &crate::tree::root())
        };
        let read: Vec<Outcome> = file_of(&[outcome(1, "MissedMutant"), outcome(2, "Timeout")])
            .unwrap()
            .into_values()
            .collect();
        assert_eq!(read.len(), 2);
        assert!(read.contains(&Outcome::Missed) && read.contains(&Outcome::Timeout));
        assert!(file_of(&[outcome(1, "Failure")]).is_err());
    }
}
