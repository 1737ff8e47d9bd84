//! A delivery written as a case decides the same when `explain` replays it.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic)]

use requiretls_core::case::{Answer, Case};

const CASES: &str = include_str!("decision-cases.jsonl");

/// Every decision case, driven through a delivery that records, comes back as a case that decides
/// the same, by the same host and address.
#[test]
fn p_all_decision_cases_come_back() {
    let mut lines = 0;
    for (number, line) in CASES.lines().enumerate() {
        let case = Case::parse(line).expect("a case");
        let (delivery, answer) = case.deliver();
        let written = Case::of_verdict(&delivery).expect("was recorded").line();
        assert_eq!(
            replayed(&written),
            told(answer),
            "line {}: {written}",
            number + 1
        );
        lines += 1;
    }
    assert_eq!(lines, 3_000);
}

/// The parts of an answer that a replay repeats: all but the names in its sentence.
fn told(answer: Answer) -> Answer {
    Answer {
        sentence: String::new(),
        ..answer
    }
}

fn replayed(line: &str) -> Answer {
    let case = Case::parse(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    told(case.decide())
}
