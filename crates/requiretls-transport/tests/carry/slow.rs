//! A slow peer is nobody else's concern.

use crate::site::{Site, carry};
use requiretls_testbed::{Peer, Step};
use requiretls_transport::Timeouts;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

/// While one peer is silent, in whatever phase, others are served as ever.
#[test]
fn a_silent_peer_holds_up_nobody() {
    thread::scope(|scope| {
        for step in [
            Step::Connection,
            Step::Ehlo,
            Step::Handshake,
            Step::Mail,
            Step::Data,
            Step::Dot,
        ] {
            scope.spawn(move || beside_one_that_is_silent_at(step));
        }
    });
}

fn beside_one_that_is_silent_at(step: Step) {
    let limit = Duration::from_secs(6);
    let mut site = Site::new()
        .host("mx.d.test", Peer::good())
        .host("mx.e.test", Peer::good().hangs(step))
        .way("d.test", &["mx.d.test"])
        .way("e.test", &["mx.e.test"]);
    site.timeouts = Timeouts::all(limit);
    let carrier = site.carrier();
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let begun = Instant::now();
            (carry(&carrier, "R", &["a@e.test"]), begun.elapsed())
        });
        thread::sleep(Duration::from_millis(500));
        for _ in 0..10 {
            assert_eq!(carry(&carrier, "R", &["a@d.test"]), ["250 2.0.0"]);
        }
        assert!(!slow.is_finished(), "{step:?}");
        let (said, took) = slow.join().unwrap();
        assert!(said[0].starts_with("451 4."), "{step:?}: {said:?}");
        assert!(took >= limit, "{step:?}: {took:?}");
    });
}

/// Next hops of one message do not wait for one another, on the way or before.
#[test]
fn next_hops_do_not_wait_for_one_another() {
    let slow = || Peer::good().slow(Duration::from_millis(60));
    let mut site = Site::new();
    let mut to = Vec::new();
    for n in 0..6 {
        let (host, next_hop) = (format!("mx{n}.test"), format!("d{n}.test"));
        site = site.host(&host, slow()).way(&next_hop, &[&host]);
        to.push(format!("a@{next_hop}"));
    }
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let timed = |site: &Site, expected: &str| {
        let carrier = site.carrier();
        let begun = Instant::now();
        assert_eq!(carry(&carrier, "R", &to), vec![expected; 6]);
        begun.elapsed()
    };
    let together = timed(&site, "250 2.0.0");
    site.limits.next_hops = NonZero::new(1).unwrap();
    let one_by_one = timed(&site, "250 2.0.0");
    assert!(together * 2 < one_by_one, "{together:?}, {one_by_one:?}");
}

/// A message has its answers in time, whatever its hosts do, and the last host is not asked in vain.
#[test]
fn a_message_has_its_time() {
    let limit = Duration::from_secs(1);
    let rows: [(&str, Peer, &str, usize); 6] = [
        (
            "no banner",
            Peer::good().hangs(Step::Connection),
            "451 4.",
            0,
        ),
        (
            "no reply to MAIL",
            Peer::good().hangs(Step::Mail),
            "451 4.",
            0,
        ),
        (
            "all too slow",
            Peer::good().slow(Duration::from_millis(200)),
            "451 4.",
            0,
        ),
        (
            "in time",
            Peer::good().slow(Duration::from_millis(10)),
            "250 2.",
            0,
        ),
        ("away", Peer::good().drops(Step::Banner), "250 2.", 1),
        // Its answer is waited for all the same, as long as the phase lasts.
        (
            "the end is not cut short",
            Peer::good().hangs(Step::Dot),
            "451 4.4.2",
            0,
        ),
    ];
    for (label, peer, expected, second) in rows {
        let mut site = Site::new()
            .host("mx1.test", peer)
            .host("mx2.test", Peer::good())
            .way("d.test", &["mx1.test", "mx2.test"]);
        site.timeouts.end_of_data = Duration::from_secs(2);
        let carrier = site.carrier_of(site.client().within(limit));
        let begun = Instant::now();
        let said = carry(&carrier, "R", &["a@d.test"]);
        let said = said[0].as_str();
        let took = begun.elapsed();
        assert!(said.starts_with(expected), "{label}: {said}");
        assert_eq!(site.sessions("mx2.test").len(), second, "{label}");
        let waits = label.starts_with("the end");
        assert_eq!(
            took > Duration::from_millis(1_900),
            waits,
            "{label}: {took:?}"
        );
    }
}
