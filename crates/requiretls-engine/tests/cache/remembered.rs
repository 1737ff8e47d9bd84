//! A failure is met again at little cost, and it is the same failure.

use crate::name_server::Fault;
use crate::policy_host::Response;
use crate::scene::{Scene, told, why};
use crate::shelf::NOW;
use requiretls_core::facts::{Addresses, Facts, LookupCause, Route, Tlsa};
use std::time::{Duration, Instant};

/// What is found, and how long that takes.
fn timed(scene: &Scene) -> (Facts, Duration) {
    let start = Instant::now();
    let facts = scene.facts();
    (facts, start.elapsed())
}

const SECOND: Duration = Duration::from_millis(1_400);

/// What failed, in words.
fn failures(facts: &Facts) -> Vec<String> {
    let mut failures = Vec::new();
    if let Route::Failed(failure) = &facts.route {
        failures.push(failure);
    }
    for host in &facts.hosts {
        if let Addresses::Failed(failure) = &host.addresses {
            failures.push(failure);
        }
        if let Tlsa::Failed(failure) = &host.tlsa {
            failures.push(failure);
        }
    }
    failures.iter().map(ToString::to_string).collect()
}

#[test]
fn row_8_a_silent_name_server_costs_a_second_the_next_time() {
    for (fault, cause) in [(Fault::Drop, "timed out"), (Fault::ServFail, "SERVFAIL")] {
        let mut scene = Scene::new(None, Response::Silence);
        scene.budget = 5_000;
        scene.faults = vec![("MX d.test", fault)];
        let (facts, first) = timed(&scene);
        assert_eq!(failures(&facts), [format!("lookup of MX d.test: {cause}")]);
        assert!(cause == "SERVFAIL" || first > SECOND, "{first:?}");

        scene.now = NOW + 59;
        let (facts, second) = timed(&scene);
        let again = "lookup of MX d.test (failed 59 s ago too, so waited for briefly)";
        assert_eq!(failures(&facts), [format!("{again}: {cause}")]);
        assert!(second < SECOND, "{second:?}");

        // A minute after the first it has all the time again.
        scene.now = NOW + 60;
        let (facts, third) = timed(&scene);
        assert_eq!(failures(&facts), [format!("lookup of MX d.test: {cause}")]);
        assert!(cause == "SERVFAIL" || third > SECOND, "{third:?}");

        // Whoever answers is heard at once, and nothing is held against him.
        scene.faults.clear();
        let facts = scene.facts();
        assert!(matches!(facts.route, Route::Mx(_)), "{:?}", facts.route);
        assert!(scene.memory().is_empty());
    }
}

/// One second is for all of them together, and what did answer has its time.
#[test]
fn several_failures_cost_one_second_together() {
    let mut scene = Scene::new(None, Response::Silence);
    scene.budget = 5_000;
    scene.lines.push("d.test MX 20 mx2.d.test".to_owned());
    scene.lines.push("mx2.d.test A 192.0.2.2".to_owned());
    let silent = ["TXT _mta-sts.d.test", "A mx.d.test", "AAAA mx.d.test"];
    scene.faults = silent.map(|question| (question, Fault::Drop)).into();
    let (_, first) = timed(&scene);
    assert!(first > SECOND, "{first:?}");
    let questions: Vec<String> = scene
        .memory()
        .questions
        .into_iter()
        .map(|q| q.question)
        .collect();
    assert_eq!(
        questions,
        ["A mx.d.test", "AAAA mx.d.test", "TXT _mta-sts.d.test"]
    );

    let (facts, second) = timed(&scene);
    assert!(second < SECOND, "{second:?}");
    assert_eq!(failures(&facts).len(), 1, "{:?}", failures(&facts));
    assert!(matches!(facts.hosts[1].addresses, Addresses::Found(_)));
    assert_eq!(told(&facts.sts), "unknown");
    assert!(why(&facts.sts).starts_with("TXT _mta-sts.d.test (failed 0 s ago too"));
}

#[test]
fn a_silent_policy_host_costs_nothing_the_next_time() {
    let mut scene = Scene::new(Some("a"), Response::Silence);
    scene.budget = 6_000;
    let (facts, first) = timed(&scene);
    assert_eq!(why(&facts.sts), "MTA-STS policy of d.test (timed out)");
    assert!(first > SECOND, "{first:?}");
    scene.now = NOW + 299;
    let (facts, second) = timed(&scene);
    assert!(second < SECOND, "{second:?}");
    assert_eq!(
        why(&facts.sts),
        "MTA-STS policy of d.test (timed out, 299 s ago; asked again after 5 minutes)"
    );
}

/// Whoever asks in a hurry says nothing about the others.
#[test]
fn lack_of_time_is_not_remembered() {
    let mut scene = Scene::new(Some("a"), Response::Silence);
    scene.budget = 1_500;
    assert_eq!(why(&scene.sts()), "MTA-STS policy of d.test (timed out)");
    scene.faults = vec![("MX d.test", Fault::Drop)];
    let facts = scene.facts();
    match facts.route {
        Route::Failed(failure) => assert_eq!(failure.cause, LookupCause::Timeout),
        other => panic!("{other:?}"),
    }
    assert!(scene.memory().is_empty(), "{:?}", scene.memory());
}
