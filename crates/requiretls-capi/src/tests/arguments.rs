//! NULL, numbers that are none, buffers that are too small.

use super::outbound::{OFFERS, State, plan_in};
use super::{Context, Plan, c, codes, empty_reply, text_of};
use crate::abi::{RTLS_DEFER, RTLS_F_LMTP, RTLS_F_TLS, RTLS_GET_WHY, RTLS_GO};
use crate::plan::{
    rtls_plan, rtls_plan_add_host, rtls_plan_done, rtls_plan_ehlo, rtls_plan_free, rtls_plan_get,
    rtls_plan_host, rtls_plan_lookup, rtls_plan_mail_params, rtls_plan_mail_reply, rtls_plan_new,
    rtls_plan_next, rtls_plan_peer, rtls_plan_resume, rtls_plan_tls, rtls_plan_tls_failed,
    rtls_plan_verdict,
};
use std::ffi::{c_char, c_int, c_uint};
use std::ptr;

#[test]
fn numbers_that_are_none_are_misuse() {
    let ctx = Context::new("");
    type Call = fn(&Plan) -> c_int;
    let rows: [(&str, State, Call); 9] = [
        ("tls_failed -1", State::Clear, |p| p.tls_failed(-1)),
        ("tls_failed 7", State::Clear, |p| p.tls_failed(7)),
        ("tls_failed 70000", State::Clear, |p| p.tls_failed(70_000)),
        ("mail_reply 0", State::Sent, |p| p.mail_reply(0, "")),
        ("mail_reply -1", State::Sent, |p| p.mail_reply(-1, "")),
        ("mail_reply 65786", State::Sent, |p| {
            p.mail_reply(65_786, "")
        }),
        ("done -2", State::Sent, |p| p.done(-2)),
        ("done 65786", State::Sent, |p| p.done(65_786)),
        ("done 99", State::Sent, |p| p.done(99)),
    ];
    for (label, state, call) in rows {
        let plan = plan_in(&ctx, state);
        assert_eq!(call(&plan), RTLS_DEFER, "{label}");
        let verdict = plan.verdict();
        assert_eq!(verdict, (RTLS_DEFER, "451 4.3.0".to_owned()), "{label}");
        assert_eq!(plan.mail_params().0, RTLS_DEFER, "{label}");
    }
}

#[test]
fn arguments_that_cannot_be_read_hold_the_mail() {
    let ctx = Context::new("");
    let relay = c("relay.example");
    let new = |domain: *const c_char, port: c_uint, tag: *const c_char, flags: c_uint| {
        // SAFETY: as the header wants it.
        Plan(unsafe { rtls_plan_new(ctx.0, domain, port, tag, flags) })
    };
    let (untagged, relay) = (c"".as_ptr(), relay.as_ptr());
    let long = c(&"1".repeat(70));
    let rows: [(&str, Plan, &str); 12] = [
        (
            "VX24",
            new(relay, 0, c"1.secure.onwar".as_ptr(), 0),
            "cannot be read",
        ),
        (
            "P6.15 newer",
            new(relay, 0, c"2.secure".as_ptr(), 0),
            "newer version",
        ),
        ("refused", new(relay, 0, c"!".as_ptr(), 0), "was refused"),
        (
            "too long",
            new(relay, 0, long.as_ptr(), 0),
            "cannot be read",
        ),
        ("no tag", new(relay, 0, ptr::null(), 0), "there is no tag"),
        (
            "no next hop",
            new(ptr::null(), 0, untagged, 0),
            "the next hop",
        ),
        (
            "empty next hop",
            new(c"".as_ptr(), 0, untagged, 0),
            "the next hop",
        ),
        (
            "no name",
            new(c"a b".as_ptr(), 0, untagged, 0),
            "the next hop",
        ),
        (
            "8-bit",
            new(c"a\xff.example".as_ptr(), 0, untagged, 0),
            "the next hop",
        ),
        ("port", new(relay, 65_536, untagged, 0), "no such port"),
        ("flag", new(relay, 0, untagged, RTLS_F_TLS), "unknown flag"),
        (
            "no context",
            // SAFETY: NULL is allowed.
            Plan(unsafe { rtls_plan_new(ptr::null(), relay, 0, untagged, 0) }),
            "no context",
        ),
    ];
    for (label, plan, why) in rows {
        assert!(!plan.0.is_null(), "{label}");
        assert_eq!(plan.add_host("192.0.2.1"), RTLS_DEFER, "{label}");
        assert_eq!(plan.lookup(), RTLS_DEFER, "{label}");
        assert_eq!(plan.host("192.0.2.1"), RTLS_DEFER, "{label}");
        assert_eq!(plan.next(), (RTLS_DEFER, String::new()), "{label}");
        assert_eq!(plan.done(250), RTLS_DEFER, "{label}");
        assert!(plan.why().contains(why), "{label}: {}", plan.why());
        assert_eq!(
            plan.verdict(),
            (RTLS_DEFER, "451 4.3.0".to_owned()),
            "{label}"
        );
    }
    let plan = new(relay, 0, untagged, 0);
    assert_eq!(plan.add_host("no name"), RTLS_DEFER);
    assert_eq!(plan.lookup(), RTLS_DEFER, "a route that is not the site's");
}

#[test]
fn null_is_harmless() {
    let ctx = Context::new("");
    let p: *mut rtls_plan = ptr::null_mut();
    let none: *const c_char = ptr::null();
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        for answer in [
            rtls_plan_add_host(p, none),
            rtls_plan_lookup(p, 0),
            rtls_plan_host(p, none),
            rtls_plan_next(p, ptr::null_mut(), 0),
            rtls_plan_resume(p, none, none),
            rtls_plan_ehlo(p, none, 0),
            rtls_plan_tls_failed(p, 0, none),
            rtls_plan_peer(p, ptr::null(), 1),
            rtls_plan_tls(p, none, none),
            rtls_plan_mail_params(p, ptr::null_mut(), 0),
            rtls_plan_mail_reply(p, 250, none),
            rtls_plan_done(p, 250, none, none),
            rtls_plan_verdict(p, ptr::null_mut()),
        ] {
            assert_eq!(answer, RTLS_DEFER);
        }
        assert!(rtls_plan_get(p, RTLS_GET_WHY, 0).is_null());
        rtls_plan_free(p);
        let mut reply = empty_reply();
        assert_eq!(rtls_plan_verdict(p, &raw mut reply), RTLS_DEFER);
        assert_eq!(codes(&reply), "451 4.3.0");
        let mut buf = [1; 4];
        assert_eq!(rtls_plan_mail_params(p, buf.as_mut_ptr(), 4), RTLS_DEFER);
        assert_eq!(buf[0], 0, "send nothing");
    }
    type Call = fn(*mut rtls_plan) -> c_int;
    // SAFETY: a live plan; NULL is allowed.
    let rows: [(&str, State, c_int, Call); 9] = unsafe {
        [
            ("host", State::Looked, RTLS_DEFER, |p| {
                rtls_plan_host(p, ptr::null())
            }),
            ("next", State::Looked, RTLS_DEFER, |p| {
                rtls_plan_next(p, ptr::null_mut(), 9)
            }),
            ("resume", State::Looked, RTLS_DEFER, |p| {
                rtls_plan_resume(p, ptr::null(), ptr::null())
            }),
            ("ehlo", State::Host, RTLS_DEFER, |p| {
                rtls_plan_ehlo(p, ptr::null(), 0)
            }),
            ("tls_failed", State::Clear, RTLS_GO, |p| {
                rtls_plan_tls_failed(p, 0, ptr::null())
            }),
            ("peer", State::Clear, RTLS_GO, |p| {
                rtls_plan_peer(p, ptr::null(), 3)
            }),
            ("tls", State::Clear, RTLS_GO, |p| {
                rtls_plan_tls(p, ptr::null(), ptr::null())
            }),
            ("mail_params", State::Ready, RTLS_DEFER, |p| {
                rtls_plan_mail_params(p, ptr::null_mut(), 9)
            }),
            ("mail_reply", State::Sent, RTLS_GO, |p| {
                rtls_plan_mail_reply(p, 250, ptr::null())
            }),
        ]
    };
    for (name, state, expected, call) in rows {
        let plan = plan_in(&ctx, state);
        assert_eq!(call(plan.0), expected, "{name}");
    }
}

#[test]
fn what_is_never_cut_needs_its_room() {
    let ctx = Context::new("");
    for (size, action, left) in [
        (0, RTLS_DEFER, "x"),
        (11, RTLS_DEFER, ""),
        (12, RTLS_GO, "[192.0.2.1]"),
    ] {
        let plan = plan_in(&ctx, State::Looked);
        let mut host = *b"x\0xxxxxxxxxxx";
        // SAFETY: size is at most the buffer's.
        let told = unsafe { rtls_plan_next(plan.0, host.as_mut_ptr().cast(), size) };
        assert_eq!(told, action, "{size}");
        assert_eq!(text_of(host.as_ptr().cast()), left, "{size}");
    }
    let local = Context::new("[next_hop.\"unix:/run/lmtp\"]\nhop = \"local carry\"");
    for (size, action, left) in [
        (0, RTLS_DEFER, "x"),
        (11, RTLS_DEFER, ""),
        (12, RTLS_GO, " REQUIRETLS"),
    ] {
        let plan = Plan::new(&local, "unix:/run/lmtp", "1.secure.onward", RTLS_F_LMTP);
        assert_eq!(plan.lookup(), RTLS_GO, "{}", plan.why());
        assert_eq!(plan.next().0, RTLS_GO);
        assert_eq!(plan.ehlo(OFFERS), RTLS_GO, "{}", plan.why());
        let mut buf = *b"x\0xxxxxxxxxxx";
        // SAFETY: size is at most the buffer's.
        let told = unsafe { rtls_plan_mail_params(plan.0, buf.as_mut_ptr().cast(), size) };
        assert_eq!(told, action, "{size}");
        assert_eq!(text_of(buf.as_ptr().cast()), left, "{size}");
        if action == RTLS_DEFER {
            assert_eq!(plan.done(250), RTLS_DEFER, "nothing was to be sent");
        }
    }
}
