//! rtls_mail_*.

use super::process::{Lines, collect};
use super::{Context, c, codes, empty_mail, text_of};
use crate::abi::{
    RTLS_F_LMTP, RTLS_F_RAISE_ONLY, RTLS_F_TLS, RTLS_GET_LEVEL, RTLS_GET_PARAMS, RTLS_GET_RET,
    RTLS_NOT_OURS, RTLS_NUL, RTLS_REFUSED, RTLS_TAG_SIZE, RTLS_TAKEN, rtls_mail,
};
use crate::log::rtls_set_log;
use crate::mail::{
    rtls_mail_begin, rtls_mail_end, rtls_mail_get, rtls_mail_header, rtls_mail_line,
    rtls_mail_param, rtls_mail_tag,
};
use std::ffi::{c_char, c_int, c_uint};
use std::ptr;

fn begin(ctx: &Context, flags: c_uint) -> rtls_mail {
    let mut m = empty_mail();
    // SAFETY: a live mail and context.
    unsafe { rtls_mail_begin(&raw mut m, size_of::<rtls_mail>(), ctx.0, flags) };
    m
}

fn param(m: &mut rtls_mail, name: &str, value: Option<&str>) -> c_int {
    let (name, value) = (c(name), value.map(c));
    let value = value.as_ref().map_or(ptr::null(), |v| v.as_ptr());
    // SAFETY: a live mail, texts with a NUL.
    unsafe { rtls_mail_param(m, name.as_ptr(), RTLS_NUL, value, RTLS_NUL) }
}

fn tag(m: &mut rtls_mail, text: &str, flags: c_uint) -> c_int {
    let text = c(text);
    // SAFETY: a live mail, a text with a NUL.
    unsafe { rtls_mail_tag(m, text.as_ptr(), RTLS_NUL, flags) }
}

fn header(m: &mut rtls_mail, name: &str, value: &str) -> c_int {
    let (name, value) = (c(name), c(value));
    // SAFETY: a live mail, texts with a NUL.
    unsafe { rtls_mail_header(m, name.as_ptr(), RTLS_NUL, value.as_ptr(), RTLS_NUL) }
}

fn end(m: &mut rtls_mail) -> (c_int, String) {
    let mut tag = [1; RTLS_TAG_SIZE];
    // SAFETY: a live mail, a buffer of that size.
    let answer = unsafe { rtls_mail_end(m, tag.as_mut_ptr(), tag.len()) };
    (answer, text_of(tag.as_ptr()))
}

fn get(m: &rtls_mail, what: c_int) -> Option<String> {
    // SAFETY: a live mail.
    let text = unsafe { rtls_mail_get(m, what) };
    (!text.is_null()).then(|| text_of(text))
}

#[test]
fn parameters_make_a_tag() {
    let ctx = Context::all_dialects();
    for (label, flags, name, value, answer, tag, reply) in [
        (
            "VF1",
            RTLS_F_TLS,
            "requiretls",
            None,
            RTLS_TAKEN,
            "1.secure.onward",
            "250 2.0.0",
        ),
        (
            "VF3",
            RTLS_F_TLS,
            "REQUIRETLS",
            Some(""),
            RTLS_REFUSED,
            "!",
            "501 5.5.4",
        ),
        (
            "VF5",
            0,
            "REQUIRETLS",
            None,
            RTLS_REFUSED,
            "!",
            "530 5.7.10",
        ),
        (
            "VF14",
            RTLS_F_TLS,
            "TLS",
            Some("MAY"),
            RTLS_TAKEN,
            "1.may",
            "250 2.0.0",
        ),
        (
            "not ours",
            RTLS_F_TLS,
            "SIZE",
            Some("10"),
            RTLS_NOT_OURS,
            "",
            "250 2.0.0",
        ),
    ] {
        let mut m = begin(&ctx, flags);
        assert_eq!(param(&mut m, name, value), answer, "{label}");
        assert_eq!(end(&mut m), (answer, tag.to_owned()), "{label}");
        assert_eq!(codes(&m.reply), reply, "{label}");
    }
}

#[test]
fn lines_with_and_without_a_length() {
    let ctx = Context::new("");
    let line = b"MAIL FROM:<a@b.example> REQUIRETLS\r\nNOOP";
    for (label, len, answer) in [
        ("up to the CRLF", line.len() - 4, RTLS_TAKEN),
        ("with the next command", line.len(), RTLS_REFUSED),
        ("cut before the parameter", 23, RTLS_NOT_OURS),
        ("nothing", 0, RTLS_REFUSED),
    ] {
        let mut m = begin(&ctx, RTLS_F_TLS);
        // SAFETY: a live mail, len is at most the line's.
        let told = unsafe { rtls_mail_line(&raw mut m, line.as_ptr().cast(), len) };
        assert_eq!(told, answer, "{label}");
    }
}

#[test]
fn a_text_without_a_nul_is_read_to_the_bound_alone() {
    let ctx = Context::new("");
    let mut m = begin(&ctx, RTLS_F_TLS);
    let endless = vec![b'x'; 8_193].into_boxed_slice();
    // SAFETY: the bound of the library is the length of the text.
    let told = unsafe { rtls_mail_line(&raw mut m, endless.as_ptr().cast(), RTLS_NUL) };
    assert_eq!(told, RTLS_REFUSED);
    assert_eq!(codes(&m.reply), "500 5.5.2");
    let mut m = begin(&ctx, RTLS_F_TLS);
    let endless = vec![b'1'; 65].into_boxed_slice();
    // SAFETY: as above.
    let told = unsafe { rtls_mail_tag(&raw mut m, endless.as_ptr().cast(), RTLS_NUL, 0) };
    assert_eq!(told, RTLS_REFUSED);
    assert_eq!(codes(&m.reply), "451 4.3.0");
    let mut m = begin(&ctx, RTLS_F_TLS);
    let value = [b"No".as_slice(), &[b' '; 8_191]].concat();
    let name = c("TLS-Required");
    // SAFETY: as above.
    let told = unsafe {
        rtls_mail_header(
            &raw mut m,
            name.as_ptr(),
            RTLS_NUL,
            value.as_ptr().cast(),
            RTLS_NUL,
        )
    };
    assert_eq!(told, RTLS_NOT_OURS, "what is too long is no No");
    let mut m = begin(&ctx, RTLS_F_TLS);
    // SAFETY: no text has that length, so nothing is read.
    let told = unsafe { rtls_mail_line(&raw mut m, endless.as_ptr().cast(), usize::MAX - 1) };
    assert_eq!(told, RTLS_REFUSED);
    assert_eq!(codes(&m.reply), "451 4.3.0");
}

#[test]
fn all_sources_and_end_again() {
    let ctx = Context::all_dialects();
    let mut m = begin(&ctx, RTLS_F_TLS);
    assert_eq!(end(&mut m), (RTLS_NOT_OURS, String::new()));
    assert_eq!(header(&mut m, "Subject", "No"), RTLS_NOT_OURS);
    assert_eq!(header(&mut m, "TLS-Required", " No\r\n"), RTLS_TAKEN);
    assert_eq!(end(&mut m), (RTLS_TAKEN, "1.no".to_owned()));
    assert_eq!(tag(&mut m, "1.may", RTLS_F_RAISE_ONLY), RTLS_NOT_OURS);
    assert_eq!(tag(&mut m, "", 0), RTLS_NOT_OURS);
    assert_eq!(tag(&mut m, "1.encrypt", RTLS_F_RAISE_ONLY), RTLS_TAKEN);
    assert_eq!(end(&mut m), (RTLS_TAKEN, "1.encrypt".to_owned()));
    assert_eq!(param(&mut m, "REQUIRETLS", None), RTLS_TAKEN);
    assert_eq!(end(&mut m), (RTLS_TAKEN, "1.secure.onward".to_owned()));
    // A plain value: a copy goes its own way.
    let mut copy = m;
    assert_eq!(tag(&mut copy, "2.later", 0), RTLS_REFUSED);
    assert_eq!(end(&mut copy), (RTLS_REFUSED, "!".to_owned()));
    assert_eq!(end(&mut m), (RTLS_TAKEN, "1.secure.onward".to_owned()));
}

#[test]
fn a_refusal_sticks_until_begin() {
    let ctx = Context::new("");
    let mut m = begin(&ctx, 0);
    assert_eq!(param(&mut m, "REQUIRETLS", None), RTLS_REFUSED);
    let text = text_of(m.reply.text.as_ptr());
    assert_eq!(text, "REQUIRETLS needs TLS: send STARTTLS first");
    assert_eq!(param(&mut m, "SIZE", None), RTLS_REFUSED);
    assert_eq!(header(&mut m, "TLS-Required", "No"), RTLS_REFUSED);
    assert_eq!(tag(&mut m, "", 0), RTLS_REFUSED);
    assert_eq!(codes(&m.reply), "530 5.7.10");
    assert_eq!(get(&m, RTLS_GET_LEVEL), None);
    // SAFETY: a live mail and context.
    unsafe { rtls_mail_begin(&raw mut m, size_of::<rtls_mail>(), ctx.0, RTLS_F_TLS) };
    assert_eq!(codes(&m.reply), "250 2.0.0");
    assert_eq!(param(&mut m, "REQUIRETLS", None), RTLS_TAKEN);
}

/// A program that was compiled against a later header has a larger struct.
#[test]
fn a_larger_mail_is_taken() {
    let ctx = Context::new("");
    let mut later = empty_mail();
    // SAFETY: no call touches more than today's mail.
    unsafe {
        rtls_mail_begin(
            &raw mut later,
            size_of::<rtls_mail>() + 64,
            ctx.0,
            RTLS_F_TLS,
        );
    }
    assert_eq!(param(&mut later, "REQUIRETLS", None), RTLS_TAKEN);
    assert_eq!(end(&mut later), (RTLS_TAKEN, "1.secure.onward".to_owned()));
}

#[test]
fn misuse_is_refused_with_451() {
    let ctx = Context::new("");
    let size = size_of::<rtls_mail>();
    let unbegun = empty_mail();
    let mut without_ctx = empty_mail();
    let mut flags = empty_mail();
    // SAFETY: live mails; no call touches more than a mail.
    unsafe {
        rtls_mail_begin(&raw mut without_ctx, size, ptr::null(), RTLS_F_TLS);
        rtls_mail_begin(&raw mut flags, size, ctx.0, RTLS_F_TLS | RTLS_F_LMTP);
    }
    for (label, mail) in [
        ("zeroed memory, not begun", unbegun),
        ("no context", without_ctx),
        ("an unknown flag", flags),
    ] {
        type Call = fn(&mut rtls_mail) -> c_int;
        let calls: [(&str, Call); 4] = [
            ("param", |m| param(m, "SIZE", None)),
            ("header", |m| header(m, "Subject", "x")),
            ("tag", |m| tag(m, "", 0)),
            ("end", |m| end(m).0),
        ];
        for (name, call) in calls {
            let mut m = mail;
            assert_eq!(call(&mut m), RTLS_REFUSED, "{label}: {name}");
            assert_eq!(codes(&m.reply), "451 4.3.0", "{label}: {name}");
        }
        let mut m = mail;
        assert_eq!(end(&mut m), (RTLS_REFUSED, "!".to_owned()), "{label}");
        assert_eq!(get(&m, RTLS_GET_LEVEL), None, "{label}");
    }
    let mut m = begin(&ctx, RTLS_F_TLS);
    assert_eq!(
        tag(&mut m, "1.secure", RTLS_F_TLS),
        RTLS_REFUSED,
        "a flag of another call"
    );
    assert_eq!(codes(&m.reply), "451 4.3.0");
}

#[test]
fn a_smaller_size_is_not_written_beyond() {
    let ctx = Context::new("");
    let mut m = begin(&ctx, RTLS_F_TLS);
    assert_eq!(param(&mut m, "REQUIRETLS", None), RTLS_TAKEN);
    for size in [0, 8, 272, size_of::<rtls_mail>() - 1] {
        let mut memory = m;
        // SAFETY: size bytes of it are there.
        unsafe { rtls_mail_begin(&raw mut memory, size, ctx.0, RTLS_F_TLS) };
        // SAFETY: both are live, and every byte of theirs is set.
        let (bytes, before) = unsafe {
            let len = size_of::<rtls_mail>();
            (
                std::slice::from_raw_parts((&raw const memory).cast::<u8>(), 272),
                std::slice::from_raw_parts((&raw const m).cast::<u8>(), len.min(272)),
            )
        };
        let first = size.min(272);
        assert!(bytes[..first].iter().all(|b| *b == 0), "{size}");
        assert_eq!(bytes[first..], before[first..], "{size}");
        if size > 272 {
            assert_eq!(
                end(&mut memory).0,
                RTLS_REFUSED,
                "nothing of the message before is left"
            );
        }
    }
}

#[test]
fn null_is_harmless() {
    let ctx = Context::new("");
    let mut m = begin(&ctx, RTLS_F_TLS);
    let none: *const c_char = ptr::null();
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        rtls_mail_begin(ptr::null_mut(), size_of::<rtls_mail>(), ctx.0, 0);
        let m = ptr::null_mut();
        assert_eq!(rtls_mail_param(m, none, 0, none, 0), RTLS_REFUSED);
        assert_eq!(rtls_mail_line(m, none, 0), RTLS_REFUSED);
        assert_eq!(rtls_mail_header(m, none, 0, none, 0), RTLS_REFUSED);
        assert_eq!(rtls_mail_tag(m, none, 0, 0), RTLS_REFUSED);
        assert_eq!(rtls_mail_end(m, ptr::null_mut(), 0), RTLS_REFUSED);
        let mut tag = [1; 4];
        assert_eq!(rtls_mail_end(m, tag.as_mut_ptr(), 4), RTLS_REFUSED);
        assert_eq!(text_of(tag.as_ptr()), "!");
        assert!(rtls_mail_get(m, RTLS_GET_LEVEL).is_null());
    }
    // SAFETY: as above.
    let told = unsafe { rtls_mail_param(&raw mut m, none, RTLS_NUL, none, 0) };
    assert_eq!(told, RTLS_REFUSED, "a parameter without a name");
    assert_eq!(codes(&m.reply), "451 4.3.0");
    let mut m = begin(&ctx, RTLS_F_TLS);
    let name = c("TLS-Required");
    // SAFETY: as above.
    let told = unsafe { rtls_mail_header(&raw mut m, name.as_ptr(), RTLS_NUL, none, 0) };
    assert_eq!(told, RTLS_REFUSED, "a field without a value");
}

#[test]
fn a_tag_is_never_cut() {
    let ctx = Context::new("");
    for (size, answer, left) in [
        (0, RTLS_REFUSED, "xx"),
        (1, RTLS_REFUSED, ""),
        (2, RTLS_REFUSED, "!"),
        (15, RTLS_REFUSED, "!"),
        (16, RTLS_TAKEN, "1.secure.onward"),
    ] {
        let mut m = begin(&ctx, RTLS_F_TLS);
        assert_eq!(param(&mut m, "REQUIRETLS", None), RTLS_TAKEN);
        let mut tag = *b"xx\0xxxxxxxxxxxxxxxx\0";
        // SAFETY: size is at most the buffer's.
        let told = unsafe { rtls_mail_end(&raw mut m, tag.as_mut_ptr().cast(), size) };
        assert_eq!(told, answer, "{size}");
        assert_eq!(text_of(tag.as_ptr().cast()), left, "{size}");
    }
    let mut m = begin(&ctx, RTLS_F_TLS);
    let mut tag = [1; 1];
    // SAFETY: one byte.
    let told = unsafe { rtls_mail_end(&raw mut m, tag.as_mut_ptr(), 1) };
    assert_eq!((told, tag), (RTLS_NOT_OURS, [0]), "the empty tag fits");
}

#[test]
fn what_is_told() {
    let usual = Context::all_dialects();
    let draft = Context::new(
        "[receiving]\ndialects = [\"rfc8689\", \"draft-fenton\", \"tls-level\"]\n\
         [next_hop.\"old.example\"]\npeer_dialect = \"draft\"",
    );
    let text = |text: &'static str| Some(text.to_owned());
    for (label, ctx, earlier, level, params, ret) in [
        ("untagged", &usual, "", None, None, None),
        ("H", &usual, "1.no", text("may"), None, None),
        ("LM", &usual, "1.may", text("may"), None, None),
        (
            "LE, L14",
            &usual,
            "1.encrypt",
            text("encrypt"),
            None,
            text("HDRS"),
        ),
        (
            "R",
            &usual,
            "1.secure.onward",
            text("secure"),
            text(" REQUIRETLS"),
            text("HDRS"),
        ),
        (
            "FC, F12",
            &usual,
            "1.encrypt.onward.chain",
            text("encrypt"),
            text(" REQUIRETLS"),
            text("HDRS"),
        ),
        (
            "FD is not expressible to all",
            &usual,
            "1.secure.onward.dane",
            text("secure"),
            None,
            text("HDRS"),
        ),
        (
            "R, with a peer of the draft",
            &draft,
            "1.secure.onward",
            text("secure"),
            None,
            text("HDRS"),
        ),
        (
            "F0 is the same for all",
            &draft,
            "1.encrypt.onward",
            text("encrypt"),
            text(" REQUIRETLS"),
            text("HDRS"),
        ),
    ] {
        let mut m = begin(ctx, RTLS_F_TLS);
        let _ = tag(&mut m, earlier, 0);
        assert_eq!(get(&m, RTLS_GET_LEVEL), level, "{label}");
        assert_eq!(get(&m, RTLS_GET_PARAMS), params, "{label}");
        assert_eq!(get(&m, RTLS_GET_RET), ret, "{label}");
        for other in [-1, 0, 4, 5, 16, c_int::MAX] {
            assert_eq!(get(&m, other), None, "{label} {other}");
        }
    }
}

#[test]
fn an_ignored_header_field_is_logged() {
    let ctx = Context::new("");
    let lines = Lines::default();
    // SAFETY: a live context; the lines live longer than it is used.
    unsafe { rtls_set_log(ctx.0, Some(collect), (&raw const lines).cast_mut().cast()) };
    lines.lock().expect("lock").clear();
    let mut m = begin(&ctx, RTLS_F_TLS);
    assert_eq!(header(&mut m, "TLS-Required", "No"), RTLS_TAKEN);
    assert_eq!(header(&mut m, "Subject", "Yes"), RTLS_NOT_OURS);
    assert!(lines.lock().expect("lock").is_empty());
    assert_eq!(header(&mut m, "TLS-Required", "Yes"), RTLS_NOT_OURS);
    let told = lines.lock().expect("lock");
    assert_eq!(
        *told,
        [(5, "TLS-Required ignored: its only value is No".to_owned())]
    );
    drop(told);
    assert_eq!(end(&mut m), (RTLS_NOT_OURS, String::new()), "R12");
}
