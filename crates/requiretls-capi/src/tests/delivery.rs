//! Whole deliveries.

use super::outbound::{OFFERS, PLAIN, STARTTLS, State, plan_in};
use super::process::{Lines, collect};
use super::{Context, Plan, text_of};
use crate::abi::{
    RTLS_AGAIN, RTLS_BOUNCE, RTLS_DEFER, RTLS_F_AUTH, RTLS_F_NULL_PATH, RTLS_GET_ADDRESS,
    RTLS_GET_LEVEL, RTLS_GET_METHOD, RTLS_GET_MX_PATTERN, RTLS_GET_PARAMS, RTLS_GET_POLICY_FAILURE,
    RTLS_GET_POLICY_STRING, RTLS_GET_POLICY_TYPE, RTLS_GET_RET, RTLS_GET_SESSION, RTLS_GET_SNI,
    RTLS_GET_WHY, RTLS_GO, RTLS_NEXT_HOST, RTLS_SESSION_SIZE, RTLS_STARTTLS, RTLS_TLS_REJECTED,
};
use crate::log::rtls_set_log;
use crate::plan::{rtls_plan, rtls_plan_get, rtls_plan_lookup, rtls_plan_verdict};
use requiretls_core::authenticate::{Reference, Site, Via, authenticate};
use requiretls_core::pkix::Roots;
use std::ffi::c_int;
use std::ptr;

/// A self-signed certificate, and the pin of its key in hex.
pub(super) fn certificate() -> (Vec<u8>, String) {
    let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]).expect("made");
    let der = made.cert.der().to_vec();
    let reference = Reference {
        host: None,
        next_hop: None,
        expanded: None,
        via: Via::NoMx,
        tlsa: None,
        site: Site::default(),
    };
    let evidence = authenticate(&reference, &[&der], &Roots::not_loaded(), 0);
    let key = evidence.leaf_key().expect("a key");
    let pin = key.map(|b| format!("{b:02x}")).concat();
    (der, pin)
}

/// A context in which relay.example must show the certificate, and the certificate.
pub(super) fn pinned() -> (Context, Vec<u8>) {
    let (der, pin) = certificate();
    let rule = format!(
        "[next_hop.\"relay.example\"]\nfloor = \"secure\"\nmethods = [\"pin\"]\npins = [\"{pin}\"]"
    );
    (Context::new(&rule), der)
}

#[test]
fn a_delivery_to_a_pinned_host() {
    let (ctx, der) = pinned();
    let plan = Plan::new(&ctx, "relay.example", "1.secure.onward", 0);
    assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.get(RTLS_GET_LEVEL, 0), None, "not looked up");
    assert_eq!(plan.lookup(), RTLS_GO, "{}", plan.why());
    assert_eq!(plan.next(), (RTLS_GO, "[192.0.2.1]".to_owned()));
    let text = |text: &str| Some(text.to_owned());
    for (label, what, i, told) in [
        ("level", RTLS_GET_LEVEL, 0, text("secure")),
        ("method", RTLS_GET_METHOD, 0, text("pin")),
        ("no server name for a literal", RTLS_GET_SNI, 0, None),
        ("address", RTLS_GET_ADDRESS, 0, text("192.0.2.1")),
        ("no further address", RTLS_GET_ADDRESS, 1, None),
        ("level has one value", RTLS_GET_LEVEL, 1, None),
        ("policy", RTLS_GET_POLICY_TYPE, 0, text("no-policy-found")),
        ("no policy string", RTLS_GET_POLICY_STRING, 0, None),
        ("no pattern", RTLS_GET_MX_PATTERN, 0, None),
        ("nothing failed", RTLS_GET_POLICY_FAILURE, 0, None),
        ("no session yet", RTLS_GET_SESSION, 0, None),
        ("no answer was against it", RTLS_GET_WHY, 0, None),
        ("a mail's number", RTLS_GET_PARAMS, 0, None),
        ("a number of the future", 99, 0, None),
    ] {
        assert_eq!(plan.get(what, i), told, "{label}");
    }
    assert_eq!(plan.ehlo(STARTTLS), RTLS_STARTTLS);
    assert_eq!(plan.tls("TLSv1.3"), RTLS_GO, "no chain is needed yet");
    assert_eq!(plan.peer(&[&der]), RTLS_GO, "{}", plan.why());
    assert_eq!(plan.ehlo(OFFERS), RTLS_GO, "{}", plan.why());
    assert_eq!(plan.mail_params(), (RTLS_GO, " REQUIRETLS".to_owned()));
    assert_eq!(plan.mail_params().0, RTLS_GO, "a further transaction");
    assert_eq!(plan.mail_reply(250, "2.1.0 ok"), RTLS_GO);
    let session = plan.get(RTLS_GET_SESSION, 0).expect("a session");
    assert!(session.len() < RTLS_SESSION_SIZE, "{session}");
    assert!(session.bytes().all(|b| b.is_ascii_graphic()), "{session}");
    assert_eq!(plan.done(250), RTLS_GO);
    assert_eq!(plan.done(0), RTLS_GO, "the same again");
    assert_eq!(plan.verdict(), (RTLS_GO, "250 2.0.0".to_owned()));
    // Another message, on the open connection.
    let other = Plan::new(&ctx, "relay.example", "1.secure.onward", 0);
    assert_eq!(other.add_host("192.0.2.1"), RTLS_GO);
    assert_eq!(other.lookup(), RTLS_GO);
    assert_eq!(
        other.resume("[192.0.2.1]", &session),
        RTLS_GO,
        "{}",
        other.why()
    );
    assert_eq!(other.mail_params(), (RTLS_GO, " REQUIRETLS".to_owned()));
    assert_eq!(other.done(550), RTLS_GO);
    assert_eq!(other.resume("[192.0.2.1]", "rubbish"), RTLS_NEXT_HOST);
    assert_eq!(other.resume("192.0.2.7", &session), RTLS_NEXT_HOST);
    // A lookup made anew does not forget that a host settled the message.
    assert_eq!(plan.lookup(), RTLS_GO);
    assert_eq!(plan.mail_params().0, RTLS_DEFER, "it leaves the host");
    assert_eq!(plan.verdict().0, RTLS_GO);
}

#[test]
fn what_a_pinned_host_may_lack() {
    let (ctx, der) = pinned();
    let (foreign, _) = certificate();
    type Steps = fn(&Plan, &[u8], &[u8]) -> c_int;
    let rows: [(&str, Steps, &str); 9] = [
        ("no STARTTLS", |p, _, _| p.ehlo(PLAIN), "451 4.7.10"),
        (
            "no chain: at the second EHLO",
            |p, _, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                assert_eq!(p.tls("TLSv1.2"), RTLS_GO);
                p.ehlo(OFFERS)
            },
            "451 4.7.10",
        ),
        (
            "an empty chain",
            |p, _, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                p.peer(&[])
            },
            "451 4.7.10",
        ),
        (
            "another certificate",
            |p, _, foreign| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                p.peer(&[foreign])
            },
            "451 4.7.10",
        ),
        (
            "a certificate without bytes",
            |p, _, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                p.peer(&[&[]])
            },
            "451 4.7.10",
        ),
        (
            "TLS 1.1",
            |p, der, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                assert_eq!(p.peer(&[der]), RTLS_GO);
                p.tls("TLSv1.1")
            },
            "451 4.7.10",
        ),
        (
            "a handshake that was rejected",
            |p, _, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                p.tls_failed(RTLS_TLS_REJECTED)
            },
            "451 4.7.10",
        ),
        (
            "EHLO inside TLS answered 4yz",
            |p, der, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                assert_eq!(p.tls("TLSv1.3"), RTLS_GO);
                assert_eq!(p.peer(&[der]), RTLS_GO);
                p.tls_failed(421)
            },
            "451 4.7.10",
        ),
        (
            "no REQUIRETLS",
            |p, der, _| {
                assert_eq!(p.ehlo(STARTTLS), RTLS_STARTTLS);
                assert_eq!(p.peer(&[der]), RTLS_GO);
                assert_eq!(p.tls("TLSv1.3"), RTLS_GO);
                p.ehlo("mx.example\nDSN")
            },
            "550 5.7.30",
        ),
    ];
    for (label, steps, reply) in rows {
        let plan = Plan::new(&ctx, "relay.example", "1.secure.onward", 0);
        assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
        assert_eq!(plan.lookup(), RTLS_GO);
        assert_eq!(plan.host("192.0.2.1"), RTLS_GO);
        assert_eq!(steps(&plan, &der, &foreign), RTLS_NEXT_HOST, "{label}");
        assert!(!plan.why().is_empty(), "{label}");
        assert_eq!(plan.mail_params(), (RTLS_DEFER, String::new()), "{label}");
        let expected = if reply.starts_with('5') {
            RTLS_BOUNCE
        } else {
            RTLS_DEFER
        };
        assert_eq!(plan.verdict(), (expected, reply.to_owned()), "{label}");
        assert_eq!(plan.next(), (expected, String::new()), "{label}");
    }
}

#[test]
fn a_bounce_by_lookup_is_the_end() {
    let ctx = Context::new("");
    let plan = Plan::new(&ctx, "[192.0.2.1]", "1.secure.onward", 0);
    assert_eq!(plan.lookup(), RTLS_BOUNCE, "VX18");
    assert_eq!(plan.verdict(), (RTLS_BOUNCE, "550 5.7.10".to_owned()));
    assert!(plan.why().contains("192.0.2.1"), "{}", plan.why());
    assert_eq!(plan.host("192.0.2.1"), RTLS_DEFER);
    assert_eq!(plan.next().0, RTLS_DEFER);
    assert_eq!(plan.lookup(), RTLS_DEFER);
    assert_eq!(plan.verdict().0, RTLS_BOUNCE, "it stands");
}

#[test]
fn a_lookup_waits_no_longer_than_it_was_told() {
    // 192.0.2.0/24 answers nobody (RFC 5737).
    let ctx = Context::with_servers("192.0.2.53:53", "");
    for budget in [0, 50, 300] {
        let plan = Plan::new(&ctx, "d.example", "1.secure.onward", 0);
        let start = std::time::Instant::now();
        // SAFETY: a live plan.
        assert_eq!(
            unsafe { rtls_plan_lookup(plan.0, budget) },
            RTLS_DEFER,
            "{budget}"
        );
        let waited = start.elapsed().as_millis();
        assert!(waited < u128::from(budget) + 500, "{budget}: {waited}");
        assert_eq!(plan.verdict(), (RTLS_DEFER, "451 4.4.3".to_owned()));
        assert_eq!(plan.next().0, RTLS_DEFER);
    }
}

#[test]
fn why_is_of_the_latest_answer() {
    let ctx = Context::new("");
    let plan = plan_in(&ctx, State::Looked);
    assert_eq!(plan.get(RTLS_GET_WHY, 0), None);
    assert_eq!(plan.tls_failed(-1), RTLS_DEFER);
    assert!(plan.why().contains("unknown way"), "{}", plan.why());
    assert_eq!(plan.host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.ehlo("450 later"), RTLS_NEXT_HOST);
    assert!(plan.why().contains("temporary"), "{}", plan.why());
    assert_eq!(plan.get(RTLS_GET_WHY, 1), None);
}

#[test]
fn without_time_the_facts_of_before_count() {
    let ctx = Context::new("");
    let plan = plan_in(&ctx, State::Looked);
    // SAFETY: a live plan.
    assert_eq!(unsafe { rtls_plan_lookup(plan.0, 0) }, RTLS_GO);
    assert_eq!(plan.host("192.0.2.2"), RTLS_GO);
}

#[test]
fn a_refused_parameter_under_an_empty_path() {
    let ctx = Context::new("");
    let plan = Plan::new(&ctx, "relay.example", "1.secure.onward", RTLS_F_NULL_PATH);
    assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.lookup(), RTLS_GO);
    assert_eq!(plan.host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.ehlo(STARTTLS), RTLS_STARTTLS);
    assert_eq!(plan.tls("TLSv1.3"), RTLS_GO);
    assert_eq!(plan.ehlo(OFFERS), RTLS_GO, "R29: {}", plan.why());
    assert_eq!(plan.get(RTLS_GET_RET, 0), None);
    assert_eq!(plan.mail_params(), (RTLS_GO, " REQUIRETLS".to_owned()));
    assert_eq!(plan.mail_reply(555, "5.5.4 what?"), RTLS_AGAIN, "P6.14");
    assert_eq!(plan.mail_params(), (RTLS_GO, String::new()));
    assert_eq!(plan.get(RTLS_GET_RET, 0).as_deref(), Some("HDRS"));
    assert_eq!(plan.mail_reply(555, "5.5.4 what?"), RTLS_GO, "once");
    assert_eq!(plan.done(555), RTLS_GO);
}

#[test]
fn a_reply_to_mail_with_and_without_its_code() {
    let (ctx, der) = pinned();
    for (label, code, text, action, why) in [
        (
            "text alone",
            550,
            "5.7.30 no",
            RTLS_NEXT_HOST,
            "550 5.7.30 no",
        ),
        (
            "a whole line",
            550,
            "550 5.7.30 no\r\n",
            RTLS_NEXT_HOST,
            "550 5.7.30 no",
        ),
        (
            "several lines",
            550,
            "550-5.7.30 no\r\n550 5.7.30 really\r\n",
            RTLS_NEXT_HOST,
            "550 5.7.30 no 5.7.30 really",
        ),
        ("of another matter", 550, "550 5.7.1 spam\r\n", RTLS_GO, ""),
        ("no text", 550, "", RTLS_GO, ""),
        (
            "another code in the text",
            550,
            "555 5.7.30 no",
            RTLS_GO,
            "",
        ),
    ] {
        let plan = Plan::new(&ctx, "relay.example", "1.secure.onward", 0);
        assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
        assert_eq!(plan.lookup(), RTLS_GO);
        assert_eq!(plan.host("192.0.2.1"), RTLS_GO);
        assert_eq!(plan.ehlo(STARTTLS), RTLS_STARTTLS);
        assert_eq!(plan.tls("TLSv1.3"), RTLS_GO);
        assert_eq!(plan.peer(&[&der]), RTLS_GO);
        assert_eq!(plan.ehlo(OFFERS), RTLS_GO);
        assert_eq!(plan.mail_params().0, RTLS_GO);
        assert_eq!(plan.mail_reply(code, text), action, "{label}");
        assert!(plan.why().contains(why), "{label}: {}", plan.why());
    }
}

#[test]
fn in_clear_text_after_a_failure() {
    let ctx = Context::new("");
    let plan = plan_in(&ctx, State::Clear);
    assert_eq!(plan.tls_failed(454), RTLS_GO);
    assert_eq!(
        plan.ehlo(STARTTLS),
        RTLS_GO,
        "it does not say STARTTLS again"
    );
    assert_eq!(plan.mail_params(), (RTLS_GO, String::new()));
    let auth = Plan::new(&ctx, "relay.example", "", RTLS_F_AUTH);
    assert_eq!(auth.add_host("192.0.2.1"), RTLS_GO);
    assert_eq!(auth.lookup(), RTLS_GO);
    assert_eq!(auth.host("192.0.2.1"), RTLS_GO);
    assert_eq!(auth.ehlo(PLAIN), RTLS_NEXT_HOST, "P10: credentials");
}

#[test]
fn texts_live_until_the_plan_changes() {
    let ctx = Context::new("");
    let plan = plan_in(&ctx, State::Sent);
    // SAFETY: a live plan.
    let get = |what, i| unsafe { rtls_plan_get(plan.0, what, i) };
    let session = get(RTLS_GET_SESSION, 0);
    let before = text_of(session);
    for i in 0..100 {
        let _ = get(RTLS_GET_ADDRESS, i);
        let _ = get(RTLS_GET_METHOD, i);
    }
    assert_eq!(text_of(session), before);
    assert_eq!(
        get(RTLS_GET_SESSION, 0),
        session,
        "the same text, the same place"
    );
    let address = plan.0.expose_provenance();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let plan: *const rtls_plan = ptr::with_exposed_provenance(address);
                for _ in 0..200 {
                    // SAFETY: a live plan that nobody changes.
                    let level = unsafe { rtls_plan_get(plan, RTLS_GET_LEVEL, 0) };
                    assert_eq!(text_of(level), "may");
                    // SAFETY: as above.
                    let verdict = unsafe { rtls_plan_verdict(plan, ptr::null_mut()) };
                    assert_eq!(verdict, RTLS_DEFER);
                }
            });
        }
    });
}

#[test]
fn decisions_are_logged_and_a_breach_is_an_error() {
    let ctx = Context::new("");
    let lines = Lines::default();
    // SAFETY: a live context; the lines live longer than it is used.
    unsafe { rtls_set_log(ctx.0, Some(collect), (&raw const lines).cast_mut().cast()) };
    let _ = plan_in(&ctx, State::Sent);
    let told = std::mem::take(&mut *lines.lock().expect("lock"));
    assert!(
        told.iter()
            .any(|(level, line)| *level == 6 && line.contains("action=go")),
        "{told:?}"
    );
    let plan = plan_in(&ctx, State::Host);
    lines.lock().expect("lock").clear();
    assert_eq!(plan.done(250), RTLS_DEFER);
    let told = std::mem::take(&mut *lines.lock().expect("lock"));
    assert!(
        told.iter()
            .any(|(level, line)| *level == 3 && line.starts_with("breach")),
        "{told:?}"
    );
    assert_eq!(plan.verdict().0, RTLS_DEFER);
    let told = std::mem::take(&mut *lines.lock().expect("lock"));
    assert!(
        told.iter().any(|(_, line)| line.contains("action=defer")),
        "{told:?}"
    );
    for (_, line) in told {
        assert!(
            line.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'%'),
            "{line}"
        );
    }
}

#[test]
fn a_plan_outlives_its_context() {
    let plan = {
        let ctx = Context::new("");
        plan_in(&ctx, State::Host)
    };
    assert_eq!(plan.ehlo(PLAIN), RTLS_GO);
    assert_eq!(plan.mail_params().0, RTLS_GO);
    assert_eq!(plan.lookup(), RTLS_GO);
}

/// P12: a local next hop has the weak preset; hosts that are added to it have not.
#[test]
fn hosts_added_to_a_local_next_hop_are_not_local() {
    let ctx = Context::new("");
    for (host, expected) in [("[::1]", RTLS_GO), ("203.0.113.5", RTLS_NEXT_HOST)] {
        let plan = Plan::new(&ctx, "127.0.0.1", "1.secure.onward", 0);
        assert_eq!(plan.add_host(host), RTLS_GO, "{host}");
        assert_eq!(plan.lookup(), RTLS_GO, "{host}: {}", plan.why());
        assert_eq!(plan.next().0, RTLS_GO, "{host}");
        assert_eq!(
            plan.ehlo("250-mx\n250 SIZE"),
            expected,
            "{host}: in clear text"
        );
    }
}
