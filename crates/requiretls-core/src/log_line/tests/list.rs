//! Every line is made of the tokens of the list.

use crate::case::Case;
use crate::delivery::Delivery;
use crate::log_line::token::{TOKENS, Values};
use crate::log_line::{Answered, Ended, LogLine, Severity};
use crate::reply::{Enhanced, Reply};
use crate::requirement::Requirement;

const CASES: &str = include_str!("../../../tests/decision-cases.jsonl");

/// The lines of every decision case: known tokens, each once, in the list's order, with values that
/// the list has.
#[test]
fn p_all_decision_cases_have_lines_of_the_list() {
    let mut seen = [0_u32; TOKENS.len()];
    for (number, line) in CASES.lines().enumerate() {
        let case = Case::parse(line).expect("a case");
        let (delivery, _) = case.deliver();
        for line in lines(&delivery) {
            for place in read(&line.text) {
                seen[place] += 1;
            }
            assert!(line.severity != Severity::Debug, "case {}", number + 1);
        }
    }
    let unseen: Vec<&str> = seen
        .iter()
        .zip(&TOKENS)
        .filter(|(count, _)| **count == 0)
        .map(|(_, described)| described.name)
        .collect();
    // A case has no key for its rule, and the case itself is alone in its line. What the others are
    // in is no decision.
    let (of_decisions, others) = unseen.split_at(unseen.len() - 2);
    assert_eq!(others, ["rule", "case"]);
    let handed_over = "connection message listener from to octets messages ended";
    assert_eq!(of_decisions.join(" "), handed_over);
}

#[test]
fn mail_that_is_handed_over_has_lines_of_the_list() {
    let reply = Reply::new(451, Enhanced(4, 7, 10), "no TLS at \"mx\"");
    let answered = LogLine::answered(&Answered {
        message: (7, 2),
        from: "",
        to: "\"b c\"@d.test",
        octets: 1_000,
        requirement: Some(Requirement::R),
        reply: &reply,
    });
    assert_eq!(
        answered.text,
        "message=7.2 from=<> to=<\"b?c\"@d.test> octets=1000 tag=R code=451 enhanced=4.7.10 \
         reason=\"no TLS at 'mx'\""
    );
    assert_eq!(answered.severity, Severity::Notice);
    read(&answered.text);
    let unreadable = LogLine::answered(&Answered {
        message: (1, 1),
        from: "a@b.test",
        to: "c@d.test",
        octets: 0,
        requirement: None,
        reply: &Reply::new(250, Enhanced(2, 0, 0), "ok"),
    });
    assert!(unreadable.text.contains(" tag=! "), "{}", unreadable.text);
    assert_eq!(unreadable.severity, Severity::Info);
    for how in ["closed", "drained", "lost", "timed_out"] {
        let ended = LogLine::ended(&Ended {
            connection: 7,
            listener: "unix:/run/a",
            tls: "none",
            messages: 2,
            how,
        });
        let text = format!("connection=7 listener=unix:/run/a messages=2 ended={how} tls=none");
        assert_eq!(ended.text, text);
        read(&ended.text);
    }
}

/// The case of a decision is one token, and a case again.
#[test]
fn the_case_of_a_decision_is_a_line() {
    let case = Case::parse(r#"{"tag":"R","hop":"local carry","hosts":[]}"#).expect("a case");
    let line = LogLine::case(&case);
    assert_eq!(line.severity, Severity::Debug);
    let text = line.text.strip_prefix("case=").expect("its only token");
    assert_eq!(text, r#"{"hop":"local carry","hosts":[],"tag":"R"}"#);
    assert_eq!(Case::parse(text).as_ref(), Ok(&case));
}

/// A decision's lines at its end: what it was sent with, the latest refusal, the verdict.
fn lines(delivery: &Delivery) -> Vec<LogLine> {
    let cleared = delivery.clearance().map(|c| LogLine::cleared(delivery, c));
    let refused = LogLine::refused(delivery, crate::delivery::Action::NextHost);
    let verdict = LogLine::verdict(delivery.plan(), &delivery.verdict());
    cleared.into_iter().chain([refused, verdict]).collect()
}

/// The places in the list of a line's tokens.
pub(super) fn read(line: &str) -> Vec<usize> {
    let (tokens, reason) = match line.split_once(" reason=\"") {
        Some((tokens, reason)) => (tokens, Some(reason)),
        None => (line, None),
    };
    let mut places: Vec<usize> = tokens.split(' ').map(|token| place(token, line)).collect();
    if let Some(reason) = reason {
        let sentence = reason.strip_suffix('"').expect("ends with its quote");
        assert!(!sentence.contains('"') && !sentence.is_empty(), "{line}");
        places.push(place("reason=\"\"", line));
    }
    assert!(
        places.is_sorted_by(|a, b| a < b),
        "order of the list: {line}"
    );
    places
}

fn place(token: &str, line: &str) -> usize {
    let (name, value) = token.split_once('=').expect("name=value");
    let place = TOKENS.iter().position(|t| t.name == name);
    let place = place.unwrap_or_else(|| panic!("`{name}` is not in the list: {line}"));
    let is_listed = match TOKENS[place].values {
        Values::Word(words) => words.contains(&value),
        Values::Words(words) => {
            value.is_empty() || value.split(',').all(|word| words.contains(&word))
        }
        Values::Text(_) => true,
    };
    assert!(is_listed, "`{value}` is no value of `{name}`: {line}");
    place
}
