//! Which connections are kept, for whom, and for how long?

use crate::site::{LONG, Site, carry};
use requiretls_testbed::{Peer, Session, Step};
use std::thread;
use std::time::{Duration, Instant};

fn verbs(session: &Session) -> Vec<&str> {
    let lines = session.lines.iter();
    lines
        .map(|(_, line)| line.split([' ', ':']).next().unwrap())
        .collect()
}

fn one(peer: Peer) -> Site {
    Site::new()
        .host("mx.d.test", peer)
        .way("d.test", &["mx.d.test"])
}

/// Messages before, messages after, sessions, and what was said in the first.
#[test]
fn p9_who_rides() {
    let ehlo = "EHLO STARTTLS EHLO";
    let mail = "MAIL RCPT DATA";
    let rcpt = Peer::good().answers(Step::Rcpt, None, "550 5.1.1 Who?");
    for (label, peer, words, expected, sessions, first) in [
        (
            "the same",
            Peer::good(),
            ["R", "R"],
            ["250 2.0.0", "250 2.0.0"],
            1,
            format!("{ehlo} {mail} {mail} QUIT"),
        ),
        (
            "R after none: the chain was judged then",
            Peer::good(),
            ["none", "R"],
            ["250 2.0.0", "250 2.0.0"],
            1,
            format!("{ehlo} {mail} {mail} QUIT"),
        ),
        (
            "command by command",
            Peer::good().no_pipelining(),
            ["R", "R"],
            ["250 2.0.0", "250 2.0.0"],
            1,
            format!("{ehlo} {mail} {mail} QUIT"),
        ),
        (
            "in chunks",
            Peer::good().chunking(),
            ["R", "R"],
            ["250 2.0.0", "250 2.0.0"],
            1,
            format!("{ehlo} MAIL RCPT BDAT MAIL RCPT BDAT QUIT"),
        ),
        (
            "none after none, in clear",
            Peer::good().no_starttls(),
            ["none", "none"],
            ["250 2.0.0", "250 2.0.0"],
            1,
            format!("EHLO {mail} {mail} QUIT"),
        ),
        (
            "R after none, in clear",
            Peer::good().no_starttls(),
            ["none", "R"],
            ["250 2.0.0", "550 5.7.10"],
            2,
            format!("EHLO {mail} QUIT"),
        ),
        (
            "R where REQUIRETLS is not offered",
            Peer::good().no_requiretls(),
            ["none", "R"],
            ["250 2.0.0", "550 5.7.30"],
            2,
            format!("{ehlo} {mail} QUIT"),
        ),
        (
            "R24: what was refused leaves the connection to others, behind RSET",
            rcpt,
            ["R", "none"],
            ["550 5.1.1", "550 5.1.1"],
            1,
            format!("{ehlo} {mail} RSET {mail} QUIT"),
        ),
        (
            "a reply that nobody asked for",
            Peer::good().answers(Step::Dot, None, "250 2.0.0 Taken\n250 2.0.0 Again"),
            ["R", "R"],
            ["250 2.0.0", "250 2.0.0"],
            2,
            format!("{ehlo} {mail}"),
        ),
        (
            "closed meanwhile",
            Peer::good().one_message(),
            ["R", "R"],
            ["250 2.0.0", "250 2.0.0"],
            2,
            format!("{ehlo} {mail}"),
        ),
    ] {
        let site = one(peer);
        let carrier = site.carrier();
        for (word, expected) in words.into_iter().zip(expected) {
            assert_eq!(carry(&carrier, word, &["a@d.test"]), [expected], "{label}");
        }
        drop(carrier);
        let all = site.log.ended(sessions, LONG);
        assert_eq!(all.len(), sessions, "{label}");
        assert_eq!(verbs(&all[0]).join(" "), first, "{label}");
        assert_eq!(site.log.leaks(), [], "{label}");
        assert!(all.iter().all(|session| !session.ahead), "{label}");
    }
}

/// MX order: an open connection to a worse host is not better than a new one to the best.
#[test]
fn p9_the_best_host_first() {
    let site = Site::new()
        .host("mx1.test", Peer::good())
        .host("mx2.test", Peer::good())
        .way("d.test", &["mx1.test", "mx2.test"])
        .way("e.test", &["mx2.test"]);
    let carrier = site.carrier();
    assert_eq!(carry(&carrier, "R", &["a@e.test"]), ["250 2.0.0"]);
    assert_eq!(carry(&carrier, "R", &["a@d.test"]), ["250 2.0.0"]);
    // A peer's log has what became of a message a moment after the client has the reply.
    drop(carrier);
    assert_eq!(site.log.ended(2, LONG).len(), 2);
    assert_eq!((site.taken("mx1.test"), site.taken("mx2.test")), (1, 1));
}

/// The first session's end, and how many there are after three messages.
#[test]
fn limits_are_kept() {
    type Change = fn(&mut Site);
    let rows: [(&str, Change, Duration, usize); 6] = [
        ("none", |_| (), Duration::ZERO, 1),
        ("messages", |s| s.limits.messages = 2, Duration::ZERO, 2),
        (
            "no idle ones",
            |s| s.limits.idle_per_host = 0,
            Duration::ZERO,
            3,
        ),
        ("none in all", |s| s.limits.idle = 0, Duration::ZERO, 3),
        (
            "idle time",
            |s| s.limits.idle_time = Duration::from_millis(50),
            Duration::from_millis(300),
            3,
        ),
        (
            "lifetime",
            |s| s.limits.lifetime = Duration::from_millis(50),
            Duration::from_millis(300),
            3,
        ),
    ];
    for (label, change, pause, sessions) in rows {
        let mut site = one(Peer::good());
        change(&mut site);
        let carrier = site.carrier();
        for _ in 0..3 {
            assert_eq!(
                carry(&carrier, "R", &["a@d.test"]),
                ["250 2.0.0"],
                "{label}"
            );
            thread::sleep(pause);
        }
        // The thread closes what is over, before the carrier does.
        if !pause.is_zero() {
            assert_eq!(site.log.ended(sessions, LONG).len(), sessions, "{label}");
        }
        drop(carrier);
        let all = site.log.ended(sessions, LONG);
        assert_eq!(all.len(), sessions, "{label}");
        for session in &all {
            assert_eq!(*verbs(session).last().unwrap(), "QUIT", "{label}");
        }
    }
}

/// No more connections to a host than there may be: the others wait for one, or for nothing.
#[test]
fn connections_to_one_host() {
    for (label, patience, expected) in [
        ("they wait", LONG, vec!["250 2.0.0"; 4]),
        (
            "not for long",
            Duration::from_millis(20),
            vec!["250 2.0.0", "451 4.4.1", "451 4.4.1", "451 4.4.1"],
        ),
    ] {
        let mut site = one(Peer::good().slow(Duration::from_millis(100)));
        site.limits.per_host = 1;
        site.limits.patience = patience;
        let carrier = site.carrier();
        let mut said: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| carry(&carrier, "R", &["a@d.test"])))
                .collect();
            let all = threads.into_iter().map(|thread| thread.join().unwrap());
            all.flatten().collect()
        });
        said.sort();
        assert_eq!(said, expected, "{label}");
        assert_eq!(site.sessions("mx.d.test").len(), 1, "{label}");
    }
}

/// An idle connection that is not fit gives its place to one that is.
#[test]
fn an_unfit_connection_makes_room() {
    let mut site = Site::new()
        .host("mx.test", Peer::good().no_starttls())
        .way("d.test", &["mx.test"])
        .way("e.test", &["mx.test"]);
    site.limits.per_host = 1;
    site.limits.patience = Duration::ZERO;
    let carrier = site.carrier();
    // In clear nothing names the host, so that nobody of e.test may ride.
    assert_eq!(carry(&carrier, "none", &["a@d.test"]), ["250 2.0.0"]);
    assert_eq!(carry(&carrier, "none", &["a@e.test"]), ["250 2.0.0"]);
    assert_eq!(site.sessions("mx.test").len(), 2);
    assert_eq!(verbs(&site.sessions("mx.test")[0]).last(), Some(&"QUIT"));
}

/// A peer that does not answer QUIT keeps nobody for long.
#[test]
fn the_end_is_bounded() {
    let mut site = Site::new();
    let to: Vec<String> = (0..8).map(|n| format!("a@d{n}.test")).collect();
    for (n, _) in to.iter().enumerate() {
        let host = format!("mx{n}.test");
        site = site
            .host(&host, Peer::good().hangs(Step::Taken))
            .way(&format!("d{n}.test"), &[&host]);
    }
    site.timeouts.courtesy = Duration::from_millis(500);
    let carrier = site.carrier();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    assert_eq!(carry(&carrier, "R", &to), ["250 2.0.0"; 8]);
    let begun = Instant::now();
    drop(carrier);
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(500),
        "they are waited for: {took:?}"
    );
    assert!(
        took < Duration::from_secs(2),
        "and not one by one: {took:?}"
    );
}
