//! A panic in every export: none gets out, and each becomes its family's failure.

use super::process::{Lines, collect};
use super::{Context, c, codes, empty_mail, empty_reply, text_of};
use crate::abi::{RTLS_DEFER, RTLS_F_TLS, RTLS_GET_LEVEL, RTLS_GO, RTLS_REFUSED, rtls_mail};
use crate::ctx::{rtls_close, rtls_ctx, rtls_ehlo_keyword, rtls_open};
use crate::guard::on_purpose;
use crate::log::{rtls_set_log, rtls_set_log_level};
use crate::mail::{
    rtls_mail_begin, rtls_mail_end, rtls_mail_get, rtls_mail_header, rtls_mail_line,
    rtls_mail_param, rtls_mail_tag,
};
use crate::plan::{
    rtls_plan, rtls_plan_add_host, rtls_plan_done, rtls_plan_ehlo, rtls_plan_free, rtls_plan_get,
    rtls_plan_host, rtls_plan_lookup, rtls_plan_mail_params, rtls_plan_mail_reply, rtls_plan_new,
    rtls_plan_next, rtls_plan_peer, rtls_plan_resume, rtls_plan_tls, rtls_plan_tls_failed,
    rtls_plan_verdict,
};
use crate::version::rtls_version;
use std::ffi::{c_char, c_int};
use std::ptr;

/// Calls an export that panics inside, and sees that it was this one.
fn panicking<T>(name: &'static str, seen: &mut Vec<&'static str>, call: impl FnOnce() -> T) -> T {
    on_purpose::in_next_call();
    let answer = call();
    assert!(!on_purpose::still_asked(), "{name} runs inside the guard");
    seen.push(name);
    answer
}

#[test]
fn no_export_lets_a_panic_out() {
    let mut seen = Vec::new();
    process(&mut seen);
    inbound(&mut seen);
    outbound(&mut seen);
    seen.sort_unstable();
    let mut exported: Vec<&str> = include_str!("../../symbols-in-versions")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    exported.sort_unstable();
    assert_eq!(seen, exported, "every export was tried");
}

/// The standard error of a mail server may be the connection to its client.
#[test]
fn a_panic_prints_nothing() {
    let program = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(program)
        .args([
            "--exact",
            "tests::panics::no_export_lets_a_panic_out",
            "--nocapture",
        ])
        .output()
        .expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}{stderr}"
    );
    assert_eq!(stderr, "");
    assert!(!stdout.contains("panicked"), "{stdout}");
}

fn process(seen: &mut Vec<&'static str>) {
    let version = panicking("rtls_version", seen, || rtls_version());
    assert_eq!(text_of(version), env!("CARGO_PKG_VERSION"));
    let path = c("/nonexistent");
    let mut ctx: *mut rtls_ctx = ptr::dangling_mut();
    let mut err = [1; 100];
    // SAFETY: as the header wants it.
    let opened = panicking("rtls_open", seen, || unsafe {
        rtls_open(&raw mut ctx, path.as_ptr(), err.as_mut_ptr(), err.len())
    });
    assert_eq!(opened, RTLS_DEFER);
    assert!(ctx.is_null());
    let err = text_of(err.as_ptr());
    assert!(
        err.starts_with("internal error at ") && err.contains("guard.rs:"),
        "{err}"
    );
    let context = Context::new("");
    let lines = Lines::default();
    let arg = (&raw const lines).cast_mut().cast();
    // SAFETY: a live context; the lines live longer than it is used.
    panicking("rtls_set_log", seen, || unsafe {
        rtls_set_log(context.0, Some(collect), arg);
    });
    assert!(lines.lock().expect("lock").is_empty());
    // SAFETY: a live context.
    panicking("rtls_set_log_level", seen, || unsafe {
        rtls_set_log_level(context.0, 7);
    });
    // SAFETY: a live context.
    let keyword = panicking("rtls_ehlo_keyword", seen, || unsafe {
        rtls_ehlo_keyword(context.0, RTLS_F_TLS, 0)
    });
    assert!(keyword.is_null());
    // SAFETY: a live context; the panic comes before it is freed.
    panicking("rtls_close", seen, || unsafe { rtls_close(context.0) });
}

fn inbound(seen: &mut Vec<&'static str>) {
    let context = Context::new("");
    let size = size_of::<rtls_mail>();
    let text: *const c_char = c"REQUIRETLS".as_ptr();
    let none: *const c_char = ptr::null();
    let mut begun = empty_mail();
    // SAFETY: a live mail and context.
    unsafe { rtls_mail_begin(&raw mut begun, size, context.0, RTLS_F_TLS) };
    let mut tag = [1; 65];
    let out = tag.as_mut_ptr();

    let mut broken = begun;
    // SAFETY: as above.
    panicking("rtls_mail_begin", seen, || unsafe {
        rtls_mail_begin(&raw mut broken, size, context.0, RTLS_F_TLS);
    });
    // SAFETY: a live mail.
    let answer = unsafe { rtls_mail_param(&raw mut broken, text, 4, none, 0) };
    assert_eq!(
        answer, RTLS_REFUSED,
        "nothing of the message before is left"
    );

    type Call = fn(*mut rtls_mail, *const c_char, *mut c_char) -> c_int;
    // SAFETY: the mail is live, the texts are, and out has 65 bytes.
    let calls: [(&str, Call); 5] = unsafe {
        [
            ("rtls_mail_param", |m, t, _| {
                rtls_mail_param(m, t, 4, ptr::null(), 0)
            }),
            ("rtls_mail_line", |m, t, _| rtls_mail_line(m, t, 4)),
            ("rtls_mail_header", |m, t, _| {
                rtls_mail_header(m, t, 4, t, 4)
            }),
            ("rtls_mail_tag", |m, t, _| rtls_mail_tag(m, t, 4, 0)),
            ("rtls_mail_end", |m, _, out| rtls_mail_end(m, out, 65)),
        ]
    };
    for (name, call) in calls {
        let mut m = begun;
        let answer = panicking(name, seen, || call(&raw mut m, text, out));
        assert_eq!(answer, RTLS_REFUSED, "{name}");
        assert_eq!(codes(&m.reply), "451 4.3.0", "{name}");
        // SAFETY: as above.
        let answer = unsafe { rtls_mail_end(&raw mut m, out, 65) };
        assert_eq!(answer, RTLS_REFUSED, "{name}: for good");
        assert_eq!(text_of(out), "!", "{name}");
    }
    // SAFETY: a live mail.
    let told = panicking("rtls_mail_get", seen, || unsafe {
        rtls_mail_get(&raw const begun, RTLS_GET_LEVEL)
    });
    assert!(told.is_null());
}

fn outbound(seen: &mut Vec<&'static str>) {
    let context = Context::new("");
    let domain = c("[192.0.2.1]");
    let new = || {
        // SAFETY: a live context and texts.
        unsafe { rtls_plan_new(context.0, domain.as_ptr(), 0, c"".as_ptr(), 0) }
    };
    assert!(panicking("rtls_plan_new", seen, new).is_null());

    type Call = fn(*mut rtls_plan) -> c_int;
    const TEXT: *const c_char = c"192.0.2.1".as_ptr();
    // SAFETY: the plan is live, and NULL is allowed elsewhere.
    let calls: [(&str, Call); 13] = unsafe {
        [
            ("rtls_plan_add_host", |p| rtls_plan_add_host(p, TEXT)),
            ("rtls_plan_lookup", |p| rtls_plan_lookup(p, 0)),
            ("rtls_plan_host", |p| rtls_plan_host(p, TEXT)),
            ("rtls_plan_next", |p| rtls_plan_next(p, ptr::null_mut(), 0)),
            ("rtls_plan_resume", |p| rtls_plan_resume(p, TEXT, TEXT)),
            ("rtls_plan_ehlo", |p| rtls_plan_ehlo(p, TEXT, 3)),
            ("rtls_plan_tls_failed", |p| rtls_plan_tls_failed(p, 0, TEXT)),
            ("rtls_plan_peer", |p| rtls_plan_peer(p, ptr::null(), 0)),
            ("rtls_plan_tls", |p| rtls_plan_tls(p, TEXT, TEXT)),
            ("rtls_plan_mail_params", |p| {
                rtls_plan_mail_params(p, ptr::null_mut(), 0)
            }),
            ("rtls_plan_mail_reply", |p| {
                rtls_plan_mail_reply(p, 250, TEXT)
            }),
            ("rtls_plan_done", |p| rtls_plan_done(p, 250, TEXT, TEXT)),
            ("rtls_plan_verdict", |p| {
                rtls_plan_verdict(p, ptr::null_mut())
            }),
        ]
    };
    for (name, call) in calls {
        let p = new();
        // SAFETY: a live plan.
        assert_eq!(unsafe { rtls_plan_lookup(p, 0) }, RTLS_GO);
        // SAFETY: as above.
        assert_eq!(unsafe { rtls_plan_host(p, TEXT) }, RTLS_GO);
        assert_eq!(panicking(name, seen, || call(p)), RTLS_DEFER, "{name}");
        let mut reply = empty_reply();
        // SAFETY: a live plan and a reply.
        let verdict = unsafe { rtls_plan_verdict(p, &raw mut reply) };
        assert_eq!(verdict, RTLS_DEFER, "{name}");
        if name != "rtls_plan_verdict" {
            assert_eq!(codes(&reply), "451 4.3.0", "{name}");
            // SAFETY: a live plan.
            let why = text_of(unsafe { rtls_plan_get(p, crate::abi::RTLS_GET_WHY, 0) });
            assert!(why.starts_with("internal error at "), "{name}: {why}");
            // SAFETY: a live plan.
            assert_eq!(
                unsafe { rtls_plan_lookup(p, 0) },
                RTLS_DEFER,
                "{name}: for good"
            );
        }
        // SAFETY: nothing uses it any more.
        unsafe { rtls_plan_free(p) };
    }
    let p = new();
    // SAFETY: a live plan.
    let told = panicking("rtls_plan_get", seen, || unsafe { rtls_plan_get(p, 1, 0) });
    assert!(told.is_null());
    // SAFETY: a live plan; the panic comes before it is freed.
    panicking("rtls_plan_free", seen, || unsafe { rtls_plan_free(p) });
    // SAFETY: nothing uses it any more.
    unsafe { rtls_plan_free(p) };
}
