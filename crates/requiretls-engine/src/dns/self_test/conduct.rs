//! How is a test conducted?
//!
//! Beside the first questions of a lookup, in the same flight, so that it costs no round trip; it is
//! waited for when everything else is answered, and only where its result decides about an answer.

use super::{BogusName, Examination, Finding, ProbeNames, SelfTest, Standing};
use crate::deadline::Deadline;
use crate::dns::flight::Flight;
use crate::dns::{Bounded, Resolver};
use std::time::Duration;

impl Resolver {
    /// Tests every server thoroughly, whatever was found before, and keeps nothing.
    #[must_use]
    pub fn examine(&self, names: &ProbeNames, deadline: Deadline) -> Vec<Examination> {
        let places = 0..self.servers.len();
        let mut flight = Flight::new(self, deadline);
        for place in places.clone() {
            flight.probe(names.probes(place, true));
        }
        flight.land_probes(deadline, |_| true);
        let told = flight.probed();
        let servers = self.servers.iter().zip(places);
        servers
            .map(|(&server, place)| {
                let own: Vec<_> = told
                    .iter()
                    .filter(|(p, _)| p.place == place)
                    .cloned()
                    .collect();
                Examination {
                    server,
                    finding: Finding::of(&own),
                    bogus: BogusName::of(&own),
                }
            })
            .collect()
    }
}

impl Bounded<'_> {
    /// Puts the test's questions on their way, with the first flight of a lookup.
    pub(in crate::dns) fn begin_tests(&self, flight: &mut Flight<'_>) {
        let Some(test) = self.resolver.test.as_ref() else {
            return;
        };
        if self.tested.replace(true) {
            return;
        }
        self.findings.replace(test.known(self.resolver));
        let unknown = |finding: &Option<Finding>| finding.is_none();
        for place in places(&self.findings.borrow(), unknown) {
            let probes = test.names.probes(place, false);
            flight.probe(probes);
        }
    }

    /// Waits for the tests of the servers that have answered, and briefly.
    pub(in crate::dns) fn end_tests(&self, flight: &mut Flight<'_>) {
        let Some(test) = self.resolver.test.as_ref() else {
            return;
        };
        let patience = flight.deadline().at_most(PATIENCE);
        let mut wanted = flight.answering();
        wanted.retain(|&place| self.finding(place).is_none());
        for &place in &wanted {
            if !flight.has_probes(place) {
                let probes = test.names.probes(place, false);
                flight.probe(probes);
            }
        }
        flight.land_probes(patience, |place| wanted.contains(&place));
        self.judge(flight, &wanted, test);
        // Whether the others are any better decides what the answers of a bad one count for.
        let is_bad = |&place: &usize| self.standing(place) > Standing::Unproven;
        if wanted.iter().any(is_bad) {
            let unknown = |finding: &Option<Finding>| finding.is_none();
            let others = places(&self.findings.borrow(), unknown);
            flight.land_probes(patience, |place| others.contains(&place));
            self.judge(flight, &others, test);
        }
    }

    fn judge(&self, flight: &Flight<'_>, whom: &[usize], test: &SelfTest) {
        let told = flight.probed();
        for &place in whom {
            let own: Vec<_> = told
                .iter()
                .filter(|(p, _)| p.place == place)
                .cloned()
                .collect();
            if own.is_empty() {
                continue;
            }
            let finding = Finding::of(&own);
            if let Some(known) = self.findings.borrow_mut().get_mut(place) {
                *known = Some(finding);
            }
            // A lookup that had no time shows nothing of the server.
            if finding.is_clear() || !flight.deadline().is_over() {
                test.learn(self.resolver, place, finding);
            }
        }
    }

    fn finding(&self, place: usize) -> Option<Finding> {
        self.findings.borrow().get(place).copied().flatten()
    }

    /// What the answers of a server count for.
    pub(in crate::dns) fn standing(&self, place: usize) -> Standing {
        let Some(test) = self.resolver.test.as_ref() else {
            return Standing::Proven;
        };
        self.finding(place).map_or(Standing::Unproven, |finding| {
            let passed = || test.has_passed_lately(self.resolver, place);
            finding.standing(self.resolver.validates(), passed())
        })
    }

    /// The best standing that is: one that needs no test is as good as one that has passed it.
    fn best(&self) -> Standing {
        let standings = (0..self.resolver.servers.len()).map(|place| self.standing(place));
        let best = standings.min().unwrap_or(Standing::Worthless);
        best.max(Standing::Unproven)
    }

    /// The servers to ask: not those found wanting, while there is a better one.
    pub(in crate::dns) fn servers(&self) -> Vec<usize> {
        let best = self.best();
        let mut places: Vec<usize> = (0..self.resolver.servers.len()).collect();
        places.retain(|&place| self.standing(place) <= best);
        places
    }

    /// Whether a server was found wanting, and there is a better one.
    pub(in crate::dns) fn is_passed_over(&self, place: usize) -> bool {
        self.standing(place) > self.best()
    }

    /// Whether all servers were found wanting: then there is nobody else to wait for.
    pub(in crate::dns) fn nobody_counts(&self) -> bool {
        self.best() == Standing::Worthless
    }
}

fn places(findings: &[Option<Finding>], which: impl Fn(&Option<Finding>) -> bool) -> Vec<usize> {
    let found = findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| which(finding));
    found.map(|(place, _)| place).collect()
}

/// What the test may take when everything else has been answered: time to ask once more.
const PATIENCE: Duration = Duration::from_millis(1_500);
