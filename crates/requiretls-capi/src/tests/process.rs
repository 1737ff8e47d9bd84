//! rtls_open, rtls_close, rtls_ehlo_keyword, rtls_set_log, rtls_set_log_level, rtls_version.

use super::{Context, c, text_of};
use crate::abi::{RTLS_DEFER, RTLS_F_TLS, RTLS_GO};
use crate::ctx::{rtls_close, rtls_ehlo_keyword, rtls_open};
use crate::log::{rtls_set_log, rtls_set_log_level};
use crate::version::rtls_version;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::Mutex;

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("requiretls.conf");
    let file = path.to_str().expect("UTF-8");
    for (label, text, says) in [
        ("no such file", None, "cannot be read"),
        (
            "unknown key",
            Some("[receiving]\nadvertize = true\n"),
            "line 2",
        ),
        ("no TOML", Some("\n\n]"), "line 3"),
        (
            "8-bit and a format",
            Some("[receiving]\n\"%s\u{fc}\" = 1\n"),
            "line 2",
        ),
    ] {
        let _ = std::fs::remove_file(&path);
        if let Some(text) = text {
            std::fs::write(&path, text).expect("a file");
        }
        let mut ctx = ptr::dangling_mut();
        let mut err = [1; 400];
        let name = c(file);
        // SAFETY: as the header wants it.
        let opened = unsafe { rtls_open(&raw mut ctx, name.as_ptr(), err.as_mut_ptr(), err.len()) };
        assert_eq!(opened, RTLS_DEFER, "{label}");
        assert!(ctx.is_null(), "{label}");
        let err = text_of(err.as_ptr());
        assert!(err.contains(says) && err.contains(file), "{label}: {err}");
        assert!(
            err.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'%'),
            "{label}: {err}"
        );
    }
}

#[test]
fn open_takes_null_and_little_room() {
    let name = c("/nonexistent/requiretls.conf");
    let mut ctx = ptr::null_mut();
    let mut err = [b'x'; 8];
    // SAFETY: as the header wants it; NULL is allowed for err.
    unsafe {
        let opened = rtls_open(&raw mut ctx, name.as_ptr(), err.as_mut_ptr().cast(), 4);
        assert_eq!(opened, RTLS_DEFER);
        assert_eq!(text_of(err.as_ptr().cast()).len(), 3, "cut, with its NUL");
        assert_eq!(err[4], b'x', "nothing behind is touched");
        assert_eq!(
            rtls_open(&raw mut ctx, name.as_ptr(), ptr::null_mut(), 10),
            RTLS_DEFER
        );
        assert_eq!(
            rtls_open(&raw mut ctx, name.as_ptr(), err.as_mut_ptr().cast(), 0),
            RTLS_DEFER
        );
        assert_eq!(
            rtls_open(ptr::null_mut(), name.as_ptr(), ptr::null_mut(), 0),
            RTLS_DEFER,
            "no room for the context"
        );
        rtls_close(ptr::null_mut());
        rtls_set_log(ptr::null_mut(), None, ptr::null_mut());
        rtls_set_log_level(ptr::null_mut(), 7);
    }
}

#[test]
fn keywords() {
    let usual = Context::new("");
    let all = Context::all_dialects();
    let silent = Context::new("[receiving]\nadvertise = false");
    let line = |ctx: &Context, flags: c_uint, i: usize| {
        // SAFETY: a live context.
        let line = unsafe { rtls_ehlo_keyword(ctx.0, flags, i) };
        (!line.is_null()).then(|| text_of(line))
    };
    for (label, ctx, flags, lines) in [
        ("R1", &usual, RTLS_F_TLS, &["REQUIRETLS"][..]),
        ("R5 in clear", &usual, 0, &[]),
        (
            "L7",
            &all,
            RTLS_F_TLS,
            &["REQUIRETLS", "TLSPOLICY MAY ENCRYPT SECURE"],
        ),
        ("R10", &silent, RTLS_F_TLS, &[]),
        ("unknown flag", &all, RTLS_F_TLS | 128, &[]),
    ] {
        for i in 0..4 {
            let expected = lines.get(i).map(|line| (*line).to_owned());
            assert_eq!(line(ctx, flags, i), expected, "{label} {i}");
        }
        assert_eq!(line(ctx, flags, usize::MAX), None, "{label}");
    }
    // SAFETY: NULL is allowed.
    assert!(unsafe { rtls_ehlo_keyword(ptr::null(), RTLS_F_TLS, 0) }.is_null());
}

#[test]
fn the_version_is_that_of_the_workspace() {
    assert_eq!(text_of(rtls_version()), env!("CARGO_PKG_VERSION"));
}

/// What a log function was given.
pub(super) type Lines = Mutex<Vec<(c_int, String)>>;

/// A log function; arg is a [`Lines`].
pub(super) unsafe extern "C" fn collect(arg: *mut c_void, level: c_int, line: *const c_char) {
    // SAFETY: the tests pass a live Lines.
    let lines = unsafe { &*arg.cast::<Lines>() };
    lines.lock().expect("lock").push((level, text_of(line)));
}

#[test]
fn what_opening_had_to_say_is_told_to_the_first_log_function() {
    // Name servers that are not trusted are worth a warning, before there is a log function.
    let ctx = Context::with_servers("192.0.2.1:53", "");
    let lines = Lines::default();
    let arg = (&raw const lines).cast_mut().cast();
    // SAFETY: a live context; the lines live longer than it is used.
    unsafe { rtls_set_log(ctx.0, Some(collect), arg) };
    let opening = std::mem::take(&mut *lines.lock().expect("lock"));
    assert!(
        opening
            .iter()
            .any(|(level, line)| *level == 4 && line.contains("name servers")),
        "{opening:?}"
    );
    // SAFETY: as above.
    unsafe {
        rtls_set_log(ctx.0, Some(collect), arg);
        rtls_set_log(ctx.0, None, ptr::null_mut());
    }
    assert!(lines.lock().expect("lock").is_empty(), "once");
    let name = c("/nonexistent");
    let mut other = ptr::null_mut();
    // SAFETY: as the header wants it.
    let opened = unsafe { rtls_open(&raw mut other, name.as_ptr(), ptr::null_mut(), 0) };
    assert_ne!(opened, RTLS_GO);
    assert!(
        lines.lock().expect("lock").is_empty(),
        "no log function of another context"
    );
}
