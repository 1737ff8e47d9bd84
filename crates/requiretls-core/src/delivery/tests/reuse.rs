//! An open connection, used by a further message (P9).

use super::super::attempt::Step;
use super::{CIPHER, NOW, bad, delivery, delivery_to, ehlo, facts, full, host_name, plain};
use crate::authenticate::{CertFailure, Evidence, Method, Outcome};
use crate::dane::TlsaRecord;
use crate::delivery::{Action, Delivery};
use crate::domain::Domain;
use crate::ehlo::EhloReply;
use crate::facts::{Facts, Route, Security, Tlsa};
use crate::requirement::Requirement;
use crate::session::Session;

fn only(method: Method) -> Evidence {
    Evidence::new(|m| {
        if m == method {
            Outcome::Holds
        } else {
            Outcome::Fails(CertFailure::NotApplicable)
        }
    })
}

/// Up to the gate, and what was proved on the way.
fn connect(mut d: Delivery, evidence: Evidence, offer: EhloReply) -> Session {
    d.host(&host_name("mx1.d.test"));
    d.ehlo(&plain());
    d.tls(Some("TLSv1.3"), CIPHER);
    d.peer(evidence);
    d.ehlo(&offer);
    d.session().expect("the gate may open")
}

/// P9: an open connection is judged anew by each message's own plan.
#[test]
fn p9_resume() {
    let session = |requirement, evidence, offer: EhloReply| {
        connect(delivery(requirement, &["mx1.d.test"]), evidence, offer)
    };
    let pkix = only(Method::PkixHost);
    let strong = session(Requirement::R, pkix.clone(), full());
    let unproved = session(Requirement::None, bad(), full());
    let no_keyword = session(Requirement::None, pkix, ehlo(""));
    let rows = [
        (
            "R on what R made",
            &strong,
            Requirement::R,
            "mx1.d.test",
            NOW,
            Action::Go,
        ),
        (
            "untagged on what R made",
            &strong,
            Requirement::None,
            "mx1.d.test",
            NOW,
            Action::Go,
        ),
        (
            "R on an unproved connection",
            &unproved,
            Requirement::R,
            "mx1.d.test",
            NOW,
            Action::NextHost,
        ),
        (
            "R without the keyword",
            &no_keyword,
            Requirement::R,
            "mx1.d.test",
            NOW,
            Action::NextHost,
        ),
        (
            "another host",
            &strong,
            Requirement::R,
            "mx2.d.test",
            NOW,
            Action::NextHost,
        ),
        (
            "expired",
            &strong,
            Requirement::R,
            "mx1.d.test",
            NOW + 60,
            Action::NextHost,
        ),
    ];
    for (label, session, requirement, host, now, expected) in rows {
        let text = session.to_string();
        assert!(text.len() < 255 && !text.contains(' '), "{label}: {text}");
        let read = Session::parse(&text).expect("reads what it wrote");
        assert_eq!(&read, session, "{label}");
        let mut d = delivery(requirement, &["mx1.d.test", "mx2.d.test"]);
        assert_eq!(d.resume(&host_name(host), &read, now), expected, "{label}");
        if expected == Action::Go {
            assert_eq!(
                d.current.as_ref().map(|c| c.step),
                Some(Step::Ready),
                "{label}"
            );
            assert!(d.mail_params(now).is_ok(), "{label}");
        } else {
            assert_eq!(d.mail_params(now), Err(Action::Defer), "{label}");
            assert_eq!(
                d.host(&host_name(host)),
                Action::Go,
                "{label}: a new connection may do"
            );
        }
    }
}

/// P9: a proof lives no longer than the facts that it rests on, though the plan's own live longer.
#[test]
fn p9_a_session_ends_with_the_facts_it_rests_on() {
    let short = delivery(Requirement::R, &["mx1.d.test"]);
    let session = connect(short, only(Method::PkixHost), full());
    let longer = || {
        let facts = Facts {
            expires: Some(NOW + 3_600),
            ..facts(&["mx1.d.test"])
        };
        delivery_to("d.test", Requirement::R, facts)
    };
    let host = host_name("mx1.d.test");
    for (label, now, in_time) in [("last second", NOW + 59, true), ("over", NOW + 60, false)] {
        let mut d = longer();
        assert_eq!(d.resume(&host, &session, NOW), Action::Go, "{label}");
        let handed_on = d.session().expect("the gate may open");
        assert_eq!(d.mail_params(now).is_ok(), in_time, "{label}");
        let resumed = longer().resume(&host, &handed_on, now);
        assert_eq!(resumed == Action::Go, in_time, "{label}: handed on");
    }
}

/// P9, D13: what DANE-TA proved about one of the names of one way to a host says nothing about
/// another way; DANE-EE proves the key of the host itself.
#[test]
fn p9_dane_counts_for_the_same_names_alone() {
    let with_records = |next_hop, usage, route| {
        let mut facts = facts(&["mx1.d.test"]);
        facts.route = route;
        for host in &mut facts.hosts {
            host.tlsa = Tlsa::Found {
                base: Domain::known("mx1.d.test"),
                records: vec![TlsaRecord {
                    usage,
                    selector: 1,
                    matching: 1,
                    data: vec![7; 32],
                }],
            };
        }
        delivery_to(next_hop, Requirement::None, facts)
    };
    let (secure, insecure) = (Route::Mx(Security::Secure), Route::Mx(Security::Insecure));
    #[rustfmt::skip]
    let rows = [
        ("DANE-TA, the same", 2, "d.test", secure.clone(), Action::Go),
        ("DANE-TA, another next hop", 2, "e.test", secure.clone(), Action::NextHost),
        ("DANE-TA, insecure MX", 2, "d.test", insecure, Action::NextHost),
        ("DANE-EE, another next hop", 3, "e.test", secure.clone(), Action::Go),
    ];
    for (label, usage, next_hop, route, expected) in rows {
        let first = with_records("d.test", usage, secure.clone());
        let session = connect(first, only(Method::Dane), full());
        let mut d = with_records(next_hop, usage, route);
        let resumed = d.resume(&host_name("mx1.d.test"), &session, NOW);
        assert_eq!(resumed, expected, "{label}");
    }
}
