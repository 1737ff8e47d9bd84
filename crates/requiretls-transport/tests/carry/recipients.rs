//! Exactly one reply for each recipient, in the order of the envelope.

use crate::site::{Site, carry, path, replies};
use requiretls_core::next_hop::NextHop;
use requiretls_testbed::{Peer, Step};
use requiretls_transport::{Content, Envelope, EnvelopeRecipient, Request, Value};
use std::sync::{Arc, Mutex};

#[test]
fn each_recipient_has_its_own_reply() {
    let site = Site::new()
        .host("mx.d.test", Peer::good())
        .host(
            "mx.e.test",
            Peer::good().answers(Step::Rcpt, None, "550-5.1.1 Who\n550 5.1.1 is it?"),
        )
        .host("mx.f.test", Peer::good().no_requiretls())
        .host(
            "mx.g.test",
            Peer::good().answers(Step::Mail, None, "450 Come again"),
        )
        .host("mx.h.test", Peer::good().dies_after_the_dot())
        .way("d.test", &["mx.d.test"])
        .way("e.test", &["mx.e.test"])
        .way("f.test", &["mx.f.test"])
        .way("g.test", &["mx.g.test"])
        .way("h.test", &["mx.h.test", "mx.d.test"]);
    let carrier = site.carrier();
    for (label, word, to, expected) in [
        ("one", "R", vec!["a@d.test"], vec!["250 2.0.0"]),
        ("none", "R", vec![], vec![]),
        (
            "P6.2: no such domain",
            "none",
            vec!["a@nowhere.test"],
            vec!["550 5.1.2"],
        ),
        (
            "the peer's own words",
            "R",
            vec!["a@e.test"],
            vec!["550 5.1.1"],
        ),
        (
            "an enhanced code of its class where it has none",
            "R",
            vec!["a@g.test"],
            vec!["450 4.0.0"],
        ),
        ("P6.13", "R", vec!["a@f.test"], vec!["550 5.7.30"]),
        (
            "nobody knows: no other host",
            "R",
            vec!["a@h.test"],
            vec!["451 4.4.2"],
        ),
        (
            "P6.15: the tag cannot be read",
            "2.new",
            vec!["a@d.test", "b@e.test"],
            vec!["451 4.3.0", "451 4.3.0"],
        ),
        (
            "no domain",
            "R",
            vec!["postmaster", "a@d.test"],
            vec!["550 5.1.3", "250 2.0.0"],
        ),
        (
            "in their order, whatever that is",
            "R",
            vec![
                "a@f.test",
                "b@d.test",
                "c@e.test",
                "d@d.test",
                "e@h.test",
                "f@[127.0.0.1]",
                "g@f.test",
            ],
            vec![
                "550 5.7.30",
                "250 2.0.0",
                "550 5.1.1",
                "250 2.0.0",
                "451 4.4.2",
                "550 5.1.2",
                "550 5.7.30",
            ],
        ),
    ] {
        assert_eq!(carry(&carrier, word, &to), expected, "{label}");
    }
    let said = replies(&carrier, "R", &["a@e.test"], None);
    assert_eq!(said[0].text, "Who is it?");
    let twice = replies(&carrier, "R", &["a@h.test"], None);
    assert!(twice[0].text.contains("possible duplicate"), "{}", twice[0]);
    assert_eq!(site.log.leaks(), []);
    assert!(site.sessions("mx.d.test").iter().all(|s| !s.ahead));
}

/// The listener's route is for all, whatever their domains; it may name this machine.
#[test]
fn p12_the_listeners_route() {
    let site = Site::new()
        .host("relay.test", Peer::good())
        .way("relay.test", &["relay.test"]);
    let carrier = site.carrier();
    let route = NextHop::parse("relay.test").unwrap();
    let said = replies(
        &carrier,
        "R",
        &["a@d.test", "postmaster", "b@[127.0.0.1]"],
        Some(&route),
    );
    let codes: Vec<u16> = said.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [250, 250, 250]);
    assert_eq!(*site.asked.lock().unwrap(), ["relay.test"], "and once");
    let sessions = site.sessions("relay.test");
    assert_eq!(sessions.len(), 1);
    assert_eq!(
        sessions[0].messages[0].recipients,
        ["a@d.test", "postmaster", "b@[127.0.0.1]"]
    );
}

/// S20: whoever looks up is shown each delivery, once.
#[test]
fn s20_each_delivery_is_shown() {
    let site = Site::new()
        .host("mx.d.test", Peer::good())
        .way("d.test", &["mx.d.test"])
        .way("e.test", &["mx.d.test"]);
    let shown = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&shown);
    let client = site.client().noting(move |delivery| {
        let next_hop = delivery.plan().next_hop().to_string();
        all.lock().unwrap().push(next_hop);
    });
    let carrier = site.carrier_of(client);
    let to = ["a@d.test", "b@e.test", "c@nowhere.test", "d@d.test"];
    carry(&carrier, "R", &to);
    let expected = ["d.test", "e.test", "nowhere.test"];
    let mut shown = shown.lock().unwrap().clone();
    shown.sort_unstable();
    assert_eq!(shown, expected);
}

/// Each next hop is told of once, with the message's number: go only where a host has taken it.
#[test]
fn each_next_hop_is_told_of() {
    let site = Site::new()
        .host("mx.d.test", Peer::good())
        .host("mx.e.test", Peer::good().dies_after_the_dot())
        .host("mx.f.test", Peer::good().no_requiretls())
        .host(
            "mx.g.test",
            Peer::good().answers(Step::Dot, None, "552 5.3.4 Too large"),
        )
        .way("d.test", &["mx.d.test"])
        .way("rides.test", &["mx.d.test"])
        .way("e.test", &["mx.e.test", "mx.d.test"])
        .way("f.test", &["mx.f.test"])
        .way("g.test", &["mx.g.test"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&told);
    let carrier = site.carrier().telling(move |request, outcome| {
        assert_eq!(request.number, (1, 1));
        let next_hop = outcome.delivery.plan().next_hop().to_string();
        let (action, code) = (outcome.action.as_str(), outcome.reply.enhanced);
        all.lock()
            .unwrap()
            .push(format!("{next_hop} {action} {code}"));
    });
    let to = [
        "a@d.test",
        "b@e.test",
        "c@f.test",
        "d@g.test",
        "e@nowhere.test",
        "f@rides.test",
        "g@e.test",
    ];
    carry(&carrier, "R", &to);
    let expected = [
        "d.test go 2.0.0",
        "e.test defer 4.4.2",
        "f.test bounce 5.7.30",
        "g.test bounce 5.3.4",
        "nowhere.test bounce 5.1.2",
        "rides.test go 2.0.0",
    ];
    let mut told = told.lock().unwrap().clone();
    told.sort_unstable();
    assert_eq!(told, expected);
}

/// Each recipient's own wishes go with it, and to nobody else.
#[test]
fn wishes_stay_with_their_recipient() {
    let site = Site::new()
        .host("mx.d.test", Peer::good())
        .way("d.test", &["mx.d.test"])
        .way("e.test", &["mx.d.test"]);
    let notify = |address, notify| EnvelopeRecipient {
        notify: Some(Value::parse(notify).unwrap()),
        ..path(address).into()
    };
    let mut envelope = Envelope::new(path("a@s.test"), []);
    envelope.recipients = vec![
        notify("a@e.test", "NEVER"),
        notify("b@d.test", "DELAY"),
        path("c@e.test").into(),
    ];
    let said = site.carrier().carry(&Request {
        number: (1, 1),
        envelope: &envelope,
        tag: "1.secure.onward",
        content: &Content::from_bytes(b"x\r\n".to_vec()),
        route: None,
    });
    assert!(said.iter().all(|reply| reply.code == 250), "{said:?}");
    let lines = &site.sessions("mx.d.test")[0].lines;
    let rcpt = lines.iter().map(|(_, line)| line.as_str());
    let mut rcpt: Vec<&str> = rcpt.filter(|line| line.starts_with("RCPT")).collect();
    rcpt.sort_unstable();
    let expected = [
        "RCPT TO:<a@e.test> NOTIFY=NEVER",
        "RCPT TO:<b@d.test> NOTIFY=DELAY",
        "RCPT TO:<c@e.test>",
    ];
    assert_eq!(rcpt, expected);
}

/// RFC 5321 section 4.5.3.1.10: who is too many for one transaction goes in the next.
#[test]
fn too_many_for_one_transaction() {
    for (label, limit, expected, messages) in [
        ("half", 3, 250, 2),
        ("one by one", 1, 250, 6),
        ("nobody: it is no matter of number", 0, 452, 0),
    ] {
        let site = Site::new()
            .host("mx.d.test", Peer::good().recipient_limit(limit))
            .way("d.test", &["mx.d.test"]);
        let to = ["a", "b", "c", "d", "e", "f"].map(|local| format!("{local}@d.test"));
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let said = replies(&site.carrier(), "R", &to, None);
        let codes: Vec<u16> = said.iter().map(|reply| reply.code).collect();
        assert_eq!(codes, [expected; 6], "{label}");
        let sessions = site.sessions("mx.d.test");
        assert_eq!(
            sessions[0].messages.iter().filter(|m| m.taken).count(),
            messages,
            "{label}"
        );
        assert_eq!(sessions.len(), 1, "{label}");
    }
}

/// P5: all addresses of a host, of both families, in their order, before the next host.
#[test]
fn p5_both_families() {
    type Build = fn(Site, Peer, Peer) -> Site;
    let away = || Peer::good().drops(Step::Connection);
    let rows: [(&str, Build, &[&str]); 4] = [
        (
            "IPv4 first",
            |s, away, good| s.host("mx.test", away).host6("mx.test", good),
            &["v4", "v6"],
        ),
        (
            "IPv6 first",
            |s, away, good| s.host6("mx.test", away).host("mx.test", good),
            &["v6", "v4"],
        ),
        ("IPv6 alone", |s, _, good| s.host6("mx.test", good), &["v6"]),
        (
            "the first will do",
            |s, away, good| s.host6("mx.test", good).host("mx.test", away),
            &["v6"],
        ),
    ];
    for (label, build, expected) in rows {
        let site = build(Site::new(), away(), Peer::good())
            .host("mx2.test", Peer::good())
            .way("d.test", &["mx.test", "mx2.test"]);
        let carrier = site.carrier();
        assert_eq!(
            carry(&carrier, "R", &["a@d.test"]),
            ["250 2.0.0"],
            "{label}"
        );
        let sessions = site.log.sessions();
        let families = sessions.iter().map(|session| {
            if session.address.is_ipv4() {
                "v4"
            } else {
                "v6"
            }
        });
        assert_eq!(families.collect::<Vec<_>>(), expected, "{label}");
        assert_eq!(site.sessions("mx2.test").len(), 0, "{label}");
    }
}
