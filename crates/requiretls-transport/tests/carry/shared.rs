//! P9: recipients of several next hops share a transaction only where each plan said go on that very
//! connection and has the same parameters sent.

use crate::site::{Site, carry, path};
use requiretls_core::site_policy::{HopMode, Rule};
use requiretls_core::tls_level::TlsLevel;
use requiretls_testbed::{Certificate, Peer, Step};
use requiretls_transport::{Content, Envelope, Request};

/// The recipients of each message that the host took, over all sessions.
fn messages(site: &Site, host: &str) -> Vec<Vec<String>> {
    let sessions = site.sessions(host);
    let all = sessions.iter().flat_map(|session| &session.messages);
    let taken = all.filter(|message| message.taken);
    taken.map(|message| message.recipients.clone()).collect()
}

const BOTH: [&str; 2] = ["a@d.test", "b@e.test"];

fn both(peer: Peer) -> Site {
    Site::new()
        .host("mx.test", peer)
        .way("d.test", &["mx.test"])
        .way("e.test", &["mx.test"])
}

#[test]
fn p9_who_shares() {
    let hop = |hop| Rule {
        hop,
        ..Rule::default()
    };
    let floor = Rule {
        floor: TlsLevel::Secure,
        ..Rule::default()
    };
    let wrong = || Peer::good().certificate(Certificate::WrongName);
    let off = hop(HopMode::Off);
    let encrypt = hop(HopMode::Encrypt);
    for (label, peer, word, rule, expected, shared, sessions) in [
        (
            "the same",
            Peer::good(),
            "R",
            None,
            ["250 2.0.0"; 2],
            true,
            1,
        ),
        (
            "no tag",
            Peer::good(),
            "none",
            None,
            ["250 2.0.0"; 2],
            true,
            1,
        ),
        (
            "no evidence names the host",
            wrong(),
            "none",
            None,
            ["250 2.0.0"; 2],
            false,
            2,
        ),
        (
            "in clear",
            Peer::good().no_starttls(),
            "none",
            None,
            ["250 2.0.0"; 2],
            false,
            2,
        ),
        (
            "P12: other parameters",
            Peer::good(),
            "R",
            Some(off),
            ["250 2.0.0"; 2],
            false,
            1,
        ),
        (
            "P12: another rule, the same parameters",
            Peer::good(),
            "R",
            Some(encrypt.clone()),
            ["250 2.0.0"; 2],
            true,
            1,
        ),
        (
            "one plan refuses the host",
            wrong(),
            "none",
            Some(floor),
            ["250 2.0.0", "451 4.7.5"],
            false,
            2,
        ),
        (
            "P12: the other one refuses it",
            wrong(),
            "R",
            Some(encrypt),
            ["550 5.7.10", "250 2.0.0"],
            false,
            2,
        ),
    ] {
        let mut site = both(peer);
        site.rules
            .extend(rule.map(|rule| ("e.test".to_owned(), rule)));
        assert_eq!(carry(&site.carrier(), word, &BOTH), expected, "{label}");
        let taken = messages(&site, "mx.test");
        let together = taken.iter().any(|recipients| recipients.len() == 2);
        assert_eq!(together, shared, "{label}: {taken:?}");
        assert_eq!(site.sessions("mx.test").len(), sessions, "{label}");
    }
}

/// RFC 5321 section 5.1: a share waits for the host that it would try first.
#[test]
fn p9_not_before_a_better_host() {
    let site = Site::new()
        .host("mx1.test", Peer::good())
        .host("mx2.test", Peer::good())
        .way("d.test", &["mx2.test"])
        .way("e.test", &["mx1.test", "mx2.test"]);
    assert_eq!(carry(&site.carrier(), "R", &BOTH), ["250 2.0.0"; 2]);
    assert_eq!(messages(&site, "mx2.test"), [["a@d.test"]]);
    assert_eq!(messages(&site, "mx1.test"), [["b@e.test"]]);

    // Nor where another share has found that one away.
    let site = Site::new()
        .host("mx1.test", Peer::good().drops(Step::Connection))
        .host("mx2.test", Peer::good())
        .way("d.test", &["mx1.test", "mx2.test"])
        .way("e.test", &["mx1.test", "mx2.test"]);
    assert_eq!(carry(&site.carrier(), "R", &BOTH), ["250 2.0.0"; 2]);
    assert_eq!(site.sessions("mx1.test").len(), 2);
    assert_eq!(messages(&site, "mx2.test"), [["a@d.test"], ["b@e.test"]]);
}

/// What the peer says about one share's recipients is nothing to the other.
#[test]
fn one_share_is_refused() {
    for (label, peer, expected, mails) in [
        (
            "the second recipient of the transaction",
            Peer::good().recipient_limit(1),
            ["250 2.0.0", "250 2.0.0"],
            2,
        ),
        (
            "every recipient",
            Peer::good().answers(Step::Rcpt, None, "550 5.1.1 Who?"),
            ["550 5.1.1", "550 5.1.1"],
            1,
        ),
        (
            "MAIL, which is then each one's own",
            Peer::good().answers(Step::Mail, None, "550 5.7.1 No"),
            ["550 5.7.1", "550 5.7.1"],
            2,
        ),
        (
            "the message",
            Peer::good().answers(Step::Dot, None, "554 5.6.0 No"),
            ["554 5.6.0", "554 5.6.0"],
            1,
        ),
        (
            "nobody knows",
            Peer::good().dies_after_the_dot(),
            ["451 4.4.2", "451 4.4.2"],
            1,
        ),
        (
            "before the message",
            Peer::good().drops(Step::Rcpt),
            ["451 4.4.2", "451 4.4.2"],
            2,
        ),
    ] {
        let site = both(peer);
        assert_eq!(carry(&site.carrier(), "R", &BOTH), expected, "{label}");
        let sessions = site.sessions("mx.test");
        let lines = sessions.iter().flat_map(|session| &session.lines);
        let mail = lines.filter(|(_, line)| line.starts_with("MAIL")).count();
        assert_eq!(mail, mails, "{label}");
    }
}

/// A connection that breaks before the message has ended is nothing to those who rode along: each
/// goes to the next host by itself.
#[test]
fn p9_a_broken_connection_counts_for_none_but_the_first() {
    let site = Site::new()
        .host(
            "mx1.test",
            Peer::good().size_limit(usize::MAX).drops(Step::Data),
        )
        .host("mx2.test", Peer::good().size_limit(usize::MAX).chunking())
        .way("d.test", &["mx1.test", "mx2.test"])
        .way("e.test", &["mx1.test", "mx2.test"]);
    // More than the buffers on the way hold: its end is not sent.
    let content = Content::from_bytes(b"0123456789abcdef\r\n".repeat(1 << 20));
    let said = site.carrier().carry(&Request {
        number: (1, 1),
        envelope: &Envelope::new(path("a@s.test"), BOTH.map(path)),
        tag: "1.secure.onward",
        content: &content,
        route: None,
    });
    assert!(said.iter().all(|reply| reply.code == 250), "{said:?}");
    assert_eq!(messages(&site, "mx2.test").concat().len(), 2);
}
