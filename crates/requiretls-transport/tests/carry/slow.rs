//! A slow peer is nobody else's concern.

use crate::site::{Site, carry};
use requiretls_testbed::{Peer, Step};
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

/// While one peer is silent, in whatever phase, others are served as ever.
#[test]
fn a_silent_peer_holds_up_nobody() {
    for step in [
        Step::Connection,
        Step::Ehlo,
        Step::Handshake,
        Step::Mail,
        Step::Data,
        Step::Dot,
    ] {
        let mut site = Site::new()
            .host("mx.d.test", Peer::good())
            .host("mx.e.test", Peer::good().hangs(step))
            .way("d.test", &["mx.d.test"])
            .way("e.test", &["mx.e.test"]);
        let limit = Duration::from_secs(2);
        site.timeouts = requiretls_transport::Timeouts::all(limit);
        let carrier = site.carrier();
        thread::scope(|scope| {
            let slow = scope.spawn(|| {
                let begun = Instant::now();
                (carry(&carrier, "R", &["a@e.test"]), begun.elapsed())
            });
            thread::sleep(Duration::from_millis(100));
            let begun = Instant::now();
            for _ in 0..20 {
                assert_eq!(carry(&carrier, "R", &["a@d.test"]), ["250 2.0.0"]);
            }
            assert!(begun.elapsed() < Duration::from_millis(1_500), "{step:?}");
            assert!(!slow.is_finished(), "{step:?}");
            let (said, took) = slow.join().unwrap();
            assert!(said[0].starts_with("451 4."), "{step:?}: {said:?}");
            assert!(took >= limit, "{step:?}: {took:?}");
        });
    }
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
