//! What do the answers to these questions come to, by whom they are from?
//!
//! Who answered decides about the status of an answer: by [`self_test`](super::self_test), each
//! server's word counts for what the server was found to be good for.

use super::flight::{Flight, Outcome};
use super::self_test::Standing;
use super::{Answer, Bounded, TrustAnchor, answer, validate};
use crate::deadline::Deadline;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::RData;
use requiretls_core::facts::LookupCause;
use std::collections::HashMap;

/// An answer that is not yet read for one type.
type Verdict = Result<Answer<RData>, LookupCause>;

impl Bounded<'_> {
    pub(super) fn ask_all(&self, questions: &[Query], deadline: Deadline) -> Vec<Verdict> {
        if questions.is_empty() {
            return Vec::new();
        }
        let mut flight = Flight::new(self.resolver, deadline).with_room(self.room.get());
        self.begin_tests(&mut flight);
        flight.ask_in_order(self.servers(), self.first.get());
        let verdicts = match &self.resolver.anchor {
            Some(anchor) => self.by_validation(questions, anchor, &mut flight),
            None => self.by_word(questions, &mut flight),
        };
        let told_by = |question| Some((Query::clone(question), flight.answered_by(question)?));
        let told_by = questions.iter().filter_map(told_by);
        self.told_by.borrow_mut().extend(told_by);
        self.first.set(flight.first().unwrap_or_default());
        self.room.set(flight.room());
        verdicts
    }

    /// In mode `ad`, or where nothing counts.
    fn by_word(&self, questions: &[Query], flight: &mut Flight<'_>) -> Vec<Verdict> {
        let mut outcomes = believed(questions, flight);
        self.end_tests(flight);
        let is_from_worse = |question: &Query, flight: &Flight<'_>| {
            let place = flight.answered_by(question);
            place.is_some_and(|place| self.is_passed_over(place))
        };
        // The others know better, or fail.
        let again: Vec<usize> = (0..questions.len())
            .filter(|&n| questions.get(n).is_some_and(|q| is_from_worse(q, flight)))
            .collect();
        if !again.is_empty() {
            flight.ask_in_order(self.servers(), self.first.get());
            let wanted: Vec<Query> = again
                .iter()
                .filter_map(|&n| questions.get(n))
                .cloned()
                .collect();
            for (n, outcome) in again.into_iter().zip(believed(&wanted, flight)) {
                if let Some(former) = outcomes.get_mut(n) {
                    *former = outcome;
                }
            }
            self.end_tests(flight);
        }
        let told = questions.iter().zip(outcomes);
        told.map(|(question, outcome)| {
            let message = outcome?;
            let place = flight.answered_by(question);
            let standing = place.map_or(Standing::Unproven, |place| self.standing(place));
            if standing == Standing::Worthless && !self.nobody_counts() {
                return Err(LookupCause::Timeout);
            }
            answer::interpret(&message, self.resolver.trusted.then_some(standing))
        })
        .collect()
    }

    /// In mode `validate`.
    fn by_validation(
        &self,
        questions: &[Query],
        anchor: &TrustAnchor,
        flight: &mut Flight<'_>,
    ) -> Vec<Verdict> {
        if self.nobody_counts() {
            let outcomes = believed(questions, flight).into_iter();
            return outcomes
                .map(|outcome| answer::interpret(&outcome?, None))
                .collect();
        }
        let verdicts = self.validated(questions, anchor, flight);
        self.end_tests(flight);
        if self.nobody_counts() {
            return self.unvalidated(questions, flight);
        }
        let answering = flight.answering();
        if !answering.iter().any(|&place| self.is_passed_over(place)) {
            return verdicts;
        }
        // What the others say is judged anew, without what came through a server that strips it.
        self.post.forget();
        flight.ask_in_order(self.servers(), self.first.get());
        let verdicts = self.validated(questions, anchor, flight);
        self.end_tests(flight);
        verdicts
    }

    /// What the servers said, without a status.
    fn unvalidated(&self, questions: &[Query], flight: &mut Flight<'_>) -> Vec<Verdict> {
        // A question may have been given up for bogus before its own answer came.
        let mut missing = questions.to_vec();
        missing.retain(|question| self.post.answer(question).is_none());
        let outcomes = believed(&missing, flight);
        self.post
            .deliver(missing.into_iter().zip(outcomes).collect());
        let said = |question| {
            self.post
                .answer(question)
                .unwrap_or(Err(LookupCause::Timeout))
        };
        let answers = questions
            .iter()
            .map(|question| answer::interpret(&said(question)?, None));
        answers.collect()
    }

    fn validated(
        &self,
        questions: &[Query],
        anchor: &TrustAnchor,
        flight: &mut Flight<'_>,
    ) -> Vec<Verdict> {
        let Ok(now) = self.resolver.clock.now() else {
            tracing::warn!("the clock is not set: no signature can be judged");
            return vec![Err(LookupCause::Bogus); questions.len()];
        };
        let deadline = *flight.deadline();
        validate::all(questions, anchor, now, &self.post, deadline, |wanted| {
            for query in wanted {
                flight.depart(query);
            }
            flight.landed()
        })
    }
}

fn believed(questions: &[Query], flight: &mut Flight<'_>) -> Vec<Outcome> {
    for query in questions {
        flight.depart(query.clone());
    }
    let mut outcomes = HashMap::new();
    while outcomes.len() < questions.len() {
        let landed = flight.landed();
        if landed.is_empty() {
            break;
        }
        outcomes.extend(landed);
    }
    let outcome = |query| outcomes.remove(query).unwrap_or(Err(LookupCause::Timeout));
    questions.iter().map(outcome).collect()
}
