//! Does core judge DANE as OpenSSL does?
//!
//! OpenSSL's verifier is the one that most mail servers use. Every chain is put to both beside
//! every set of records, to OpenSSL at two security levels. Where they part, [`differences`] says
//! why, or one of them is wrong.

mod case;
mod chains;
mod differences;
mod leaves;
mod oracle;
mod pki;
mod records;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use case::{Case, Verdict};
use differences::{DIFFERENCES, Difference, Level};
use ffi_tests::{Failure, Result};
use oracle::Answer;
use requiretls_core::authenticate::{CertFailure, CertUndecided, Outcome};

#[test]
fn core_judges_as_openssl_does() -> Result<()> {
    let mut cases = leaves::cases()?;
    cases.extend(records::cases()?);
    cases.extend(chains::cases()?);
    assert!(cases.len() >= 500, "{} cases", cases.len());
    let labels: BTreeSet<&str> = cases.iter().map(|case| &case.label[..]).collect();
    assert_eq!(labels.len(), cases.len(), "a label is there twice");

    let mut report = String::new();
    let mut differ = 0;
    for (case, answer) in cases.iter().zip(oracle::answers(&cases)?) {
        let outcome = case.outcome()?;
        let ours = Verdict::from(outcome);
        for (level, (number, words)) in Level::ALL.into_iter().zip(&answer.verdicts) {
            let theirs = verdict(&answer, *number);
            let line = format!("{} at level {level:?}", case.label);
            match listed(case, level) {
                None if ours == theirs && is_like(outcome, *number) => {}
                Some(listed) if (ours, theirs) == (listed.ours, listed.theirs) => differ += 1,
                Some(listed) if ours == theirs => {
                    writeln!(report, "{line}: no difference any more: {}", listed.reason)?;
                }
                _ => writeln!(
                    report,
                    "{line}: core {outcome:?}, OpenSSL {theirs:?} ({number} {words})"
                )?,
            }
        }
    }
    let listed = DIFFERENCES.iter().flat_map(|difference| difference.labels);
    for label in listed.filter(|label| !labels.contains(*label)) {
        writeln!(report, "{label}: listed, and no case")?;
    }
    if report.is_empty() {
        println!(
            "{} cases at two levels, {differ} verdicts differ as listed",
            cases.len()
        );
        return Ok(());
    }
    Err(Failure::new(format!("{} cases\n{report}", cases.len())))
}

fn verdict(answer: &Answer, number: i32) -> Verdict {
    match number {
        _ if !answer.any_usable => Verdict::Unusable,
        0 => Verdict::Holds,
        _ => Verdict::Refused,
    }
}

/// Whether the causes are alike where both refuse: what may heal (row 12a) and what the sender is
/// told hang on it. OpenSSL's other numbers depend on how it builds paths.
fn is_like(outcome: Outcome, number: i32) -> bool {
    match number {
        // Dates in the wrong order never come to be valid.
        9 => matches!(
            outcome,
            Outcome::Undecided(CertUndecided::NotYetValid) | Outcome::Fails(CertFailure::Malformed)
        ),
        10 => outcome == Outcome::Fails(CertFailure::Expired),
        62 => outcome == Outcome::Fails(CertFailure::HostMismatch),
        _ => !matches!(outcome, Outcome::Undecided(_)),
    }
}

fn listed(case: &Case, level: Level) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|difference| {
        difference.labels.contains(&&case.label[..]) && difference.levels.contains(&level)
    })
}
