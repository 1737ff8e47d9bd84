//! Is everything that survived on the list, and has everything on the list survived?

use std::collections::BTreeMap;
use std::fmt;

use super::list::List;
use super::outcome::{Mutant, Outcome};
use crate::Result;

/// The outcomes beside the list.
pub(crate) struct Report {
    /// By module, in the order of the alphabet.
    counts: BTreeMap<String, Counts>,
    unlisted: Vec<Mutant>,
    /// On the list, and no mutant or no survivor: what is wrong with it.
    outdated: Vec<String>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    caught: usize,
    caught_later: usize,
    timeout: usize,
    unviable: usize,
    listed: usize,
    unlisted: usize,
}

impl Report {
    /// `is_chosen`: which files were mutated; what the list says of others is not looked at.
    pub(crate) fn new(
        list: &List,
        outcomes: &BTreeMap<Mutant, Outcome>,
        is_chosen: impl Fn(&str) -> bool,
    ) -> Self {
        let mut report = Self {
            counts: BTreeMap::new(),
            unlisted: Vec::new(),
            outdated: Vec::new(),
        };
        for (mutant, outcome) in outcomes {
            let counts = report.counts.entry(module(&mutant.file)).or_default();
            let listed = list.survivors.iter().any(|s| s.names(mutant));
            let count = match outcome {
                Outcome::Caught => &mut counts.caught,
                Outcome::CaughtLater => &mut counts.caught_later,
                Outcome::Timeout => &mut counts.timeout,
                Outcome::Unviable => &mut counts.unviable,
                Outcome::Missed if listed => &mut counts.listed,
                Outcome::Missed => {
                    report.unlisted.push(mutant.clone());
                    &mut counts.unlisted
                }
            };
            *count += 1;
        }
        for survivor in list.survivors.iter().filter(|s| is_chosen(&s.file)) {
            let named = || outcomes.iter().filter(|(mutant, _)| survivor.names(mutant));
            let name = format!("{}: {}", survivor.file, survivor.mutation);
            if named().next().is_none() {
                report.outdated.push(format!("{name}: no such mutant"));
            }
            report.outdated.extend(
                named()
                    .filter(|(_, outcome)| **outcome != Outcome::Missed)
                    .map(|(mutant, _)| format!("{name}: does not survive at {}", mutant.place)),
            );
        }
        report
    }

    /// Fails on survivors without a reason, and on reasons without a survivor.
    pub(crate) fn verdict(&self) -> Result<()> {
        match (self.unlisted.len(), self.outdated.len()) {
            (0, 0) => Ok(()),
            (survivors, outdated) => Err(format!(
                "{survivors} survivors are not in mutants.toml, {outdated} of its entries are outdated"
            )
            .into()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14}{:>8}{:>8}{:>8}{:>8}{:>9}{:>8}{:>9}",
            "module", "mutants", "unit", "tests", "hung", "unviable", "listed", "survived"
        )?;
        let mut all = Counts::default();
        for (module, counts) in &self.counts {
            counts.write(module, f)?;
            all.add(*counts);
        }
        all.write("all", f)?;
        for mutant in &self.unlisted {
            let Mutant {
                file,
                mutation,
                code,
                place,
            } = mutant;
            writeln!(f, "survived: {file}:{place}: {mutation}\n    {code}")?;
        }
        for outdated in &self.outdated {
            writeln!(f, "outdated: {outdated}")?;
        }
        Ok(())
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.caught += other.caught;
        self.caught_later += other.caught_later;
        self.timeout += other.timeout;
        self.unviable += other.unviable;
        self.listed += other.listed;
        self.unlisted += other.unlisted;
    }

    fn write(self, module: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            caught,
            caught_later,
            timeout,
            unviable,
            listed,
            unlisted,
        } = self;
        let all = caught + caught_later + timeout + unviable + listed + unlisted;
        writeln!(
            f,
            "{module:<14}{all:>8}{caught:>8}{caught_later:>8}{timeout:>8}{unviable:>9}{listed:>8}{unlisted:>9}"
        )
    }
}

fn module(file: &str) -> String {
    let first = file.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, List, Mutant, Outcome, Report};

    fn mutant(file: &str, mutation: &str) -> Mutant {
        Mutant {
            file: file.to_owned(),
            mutation: mutation.to_owned(),
            code: String::new(),
            place: "1:2".to_owned(),
        }
    }

    /// Only `a` was mutated; the list has `a.rs: x` and `b.rs: x`.
    fn report(outcomes: &[(Mutant, Outcome)]) -> Report {
        let entry = |file| {
            format!("[[survivor]]\nfile = \"{file}\"\nmutation = \"x\"\nreason = \"r r r\"\n")
        };
        let list = List::parse(&[entry("a.rs"), entry("b.rs")].concat()).unwrap();
        let outcomes: BTreeMap<_, _> = outcomes.iter().cloned().collect();
        Report::new(&list, &outcomes, |file| file == "a.rs")
    }

    #[test]
    fn verdicts() {
        let listed = (mutant("a.rs", "x"), Outcome::Missed);
        let caught = (mutant("a.rs", "x"), Outcome::Caught);
        let hung = (mutant("a.rs", "x"), Outcome::Timeout);
        let other = (mutant("a.rs", "y"), Outcome::CaughtLater);
        let survivor = (mutant("a/c.rs", "x"), Outcome::Missed);
        for (label, outcomes, unlisted, outdated) in [
            ("listed", vec![listed.clone()], 0, 0),
            ("caught too", vec![listed.clone(), other.clone()], 0, 0),
            ("not listed", vec![listed, survivor], 1, 0),
            ("does not survive", vec![caught], 0, 1),
            ("hangs", vec![hung], 0, 1),
            ("no such mutant", vec![other], 0, 1),
        ] {
            let report = report(&outcomes);
            assert_eq!(report.unlisted.len(), unlisted, "{label}");
            assert_eq!(report.outdated.len(), outdated, "{label}");
            assert_eq!(
                report.verdict().is_ok(),
                unlisted + outdated == 0,
                "{label}"
            );
        }
    }

    #[test]
    fn the_table() {
        let told = report(&[
            (mutant("a.rs", "x"), Outcome::Missed),
            (mutant("a/c.rs", "y"), Outcome::Unviable),
            (mutant("a/c.rs", "z"), Outcome::Missed),
        ])
        .to_string();
        let words = |line: usize| -> Vec<&str> {
            let line = told.lines().nth(line).unwrap();
            line.split_whitespace().collect()
        };
        assert_eq!(words(1), ["a", "3", "0", "0", "0", "1", "1", "1"]);
        assert_eq!(words(2), ["all", "3", "0", "0", "0", "1", "1", "1"]);
        assert!(told.contains("survived: a/c.rs:1:2: z"), "{told}");
    }
}
