//! Inbound: what did the sender require?
//!
//! The state is a plain value in the caller's memory, so that the server may leave by longjmp or
//! goto. Nothing here allocates.

use crate::abi::{
    RTLS_F_RAISE_ONLY, RTLS_F_TLS, RTLS_GET_LEVEL, RTLS_GET_PARAMS, RTLS_GET_RET, RTLS_NOT_OURS,
    RTLS_REFUSED, RTLS_TAKEN, rtls_mail, rtls_reply,
};
use crate::ctx::rtls_ctx;
use crate::text::{self, fill};
use crate::{guard, handle};
use core::ffi::{CStr, c_char, c_int, c_uint};
use requiretls_core::ehlo::{self, Encoding};
use requiretls_core::log_line::Severity;
use requiretls_core::mail_param::{Answer, Dialects, MAX_LINE, MailParams, Refusal, TagTrust};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::PeerDialect;
use requiretls_core::tls_level::TlsLevel;
use requiretls_core::tls_required::{self, Field};
use requiretls_core::{dsn, tag};
use std::fmt::Write as _;

/// Starts anew, whatever was in *m before, also after a command that failed. Allocates nothing, as all
/// rtls_mail_ calls.
/// m: room for one rtls_mail, yours before and after.
/// sizeof_m: pass sizeof *m, in bytes. A smaller size than that of this version is misuse; a larger one, of
///   a program that was compiled against a later header, is fine.
/// ctx: from rtls_open; it must outlive the use of m, and of every copy of it; NULL makes every later call
///   say RTLS_REFUSED.
/// flags: 0 or RTLS_F_TLS.
/// When: at each MAIL command, before the other rtls_mail_ calls.
/// Source: RFC 8689 section 2: the parameter counts inside TLS alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_begin(
    m: *mut rtls_mail,
    sizeof_m: usize,
    ctx: *const rtls_ctx,
    flags: c_uint,
) {
    let ours = size_of::<rtls_mail>();
    if m.is_null() || !m.is_aligned() || guard::is_inside() {
        return;
    }
    if sizeof_m < ours {
        // SAFETY: the caller vouches for sizeof_m bytes.
        unsafe { m.cast::<u8>().write_bytes(0, sizeof_m) };
        return;
    }
    // SAFETY: sizeof_m is at least that of the struct. Nothing of the message before is left, whatever goes wrong from
    // here on.
    unsafe { State::begun(m).write(0) };
    guard::run(|| {
        // SAFETY: by the header NULL or a live context.
        let receiving = unsafe { handle::shared(ctx) }.map(rtls_ctx::receiving);
        let (dialects, advertise) =
            receiving.map_or((Dialects::NONE, false), |r| (r.dialects, r.advertise));
        let mut params = MailParams::new(dialects, advertise, flags & RTLS_F_TLS != 0);
        let misused = receiving.is_none() || flags & !RTLS_F_TLS != 0;
        if misused {
            let _ = params.misuse();
        }
        let state = State {
            begun: BEGUN,
            ctx,
            params,
        };
        // SAFETY: sizeof_m is at least that of the struct.
        unsafe {
            if misused {
                write_reply(m, Refusal::Misuse);
            } else {
                say_ok(m);
            }
            m.byte_add(OPAQUE).cast::<State>().write(state);
        }
    });
}

/// One MAIL FROM parameter; give them one by one, in any order.
/// name, name_len: the text before "=".
/// value, value_len: the text behind it; value NULL: there was no "=" ("X" and "X=" differ). Lengths may be
///   RTLS_NUL.
/// Returns RTLS_NOT_OURS, RTLS_TAKEN, or RTLS_REFUSED with m->reply: a value that is not allowed or a
///   second parameter of ours 501 5.5.4, without TLS 530 5.7.10, not offered here 555 5.5.4.
/// When: after rtls_mail_begin, any number of times.
/// Source: RFC 8689 sections 2 and 4.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_param(
    m: *mut rtls_mail,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> c_int {
    // SAFETY: by the header m is NULL or ours alone, and the texts are as text::bytes wants them.
    unsafe {
        change(m, |state| {
            let name = text::bytes(name, name_len, MAX_LINE)?;
            let value = if value.is_null() {
                None
            } else {
                Some(text::bytes(value, value_len, MAX_LINE)?)
            };
            Some(state.params.param(name, value))
        })
    }
}

/// Instead of rtls_mail_param: the whole command, "MAIL FROM:<path> parameters", with or without its CRLF.
/// Finds our parameters behind the path, a quoted one too, and leaves the rest alone.
/// line, len: the command; the length may be RTLS_NUL. Up to 8192 octets are judged.
/// Returns RTLS_NOT_OURS (none of ours is there), RTLS_TAKEN, or RTLS_REFUSED with m->reply: as
///   rtls_mail_param, and 501 5.5.2 for a line that is no MAIL command or has CR, LF or NUL in it, 500
///   5.5.2 for one that is too long.
/// When: after rtls_mail_begin, instead of rtls_mail_param.
/// Source: RFC 5321 sections 4.1.1.2 and 4.1.2; RFC 8689 sections 2 and 4.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_line(
    m: *mut rtls_mail,
    line: *const c_char,
    len: usize,
) -> c_int {
    // SAFETY: by the header m is NULL or ours alone, and the text is as text::bytes wants it.
    unsafe {
        change(m, |state| {
            let line = text::bytes(line, len, MAX_LINE)?;
            Some(state.params.line(line))
        })
    }
}

/// One field of the message's own header section, unfolded or not, with or without its line end; not of an
/// embedded message. Give all fields, or those named TLS-Required, each of them once: a bad or
/// contradicting repetition makes all of them void, and a parameter overrules them.
/// name, name_len: the text before the colon.
/// value, value_len: the text behind it. Lengths may be RTLS_NUL.
/// Returns RTLS_TAKEN (TLS-Required: No), RTLS_NOT_OURS (another field, or one that is ignored, which is
///   logged), or RTLS_REFUSED, which only repeats an earlier refusal.
/// When: after rtls_mail_begin, when DATA has brought the header section; then rtls_mail_end again.
/// Source: RFC 8689 sections 3 and 4.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_header(
    m: *mut rtls_mail,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> c_int {
    // SAFETY: by the header m is NULL or ours alone, and the texts are as text::bytes wants them.
    unsafe {
        change(m, |state| {
            let name = text::bytes(name, name_len, MAX_LINE)?;
            let value = text::bytes(value, value_len, MAX_LINE)?;
            // What is longer than we look at is no "No", whatever its beginning says.
            let value = if value.len() > MAX_LINE { b"" } else { value };
            if tls_required::judge(name, value) == Field::Invalid {
                state.log_ignored();
            }
            Some(state.params.header(name, value))
        })
    }
}

/// A tag from before: of a message that comes in again, of the message that an alias, a list or a bounce
/// stems from, or one that the site's own rules write. The stricter wins, part by part; "" adds nothing.
/// tag, len: the text; its length may be RTLS_NUL.
/// flags: 0, or RTLS_F_RAISE_ONLY where anybody may have written it.
/// Returns RTLS_TAKEN, RTLS_NOT_OURS ("", or a lowering tag under RTLS_F_RAISE_ONLY), or RTLS_REFUSED (451
///   4.3.0) for a tag that cannot be read or was written by a later version.
/// When: after rtls_mail_begin.
/// Source: RFC 8689 sections 4.1 and 5: what one instance of a message requires, all of them require.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_tag(
    m: *mut rtls_mail,
    tag: *const c_char,
    len: usize,
    flags: c_uint,
) -> c_int {
    // SAFETY: by the header m is NULL or ours alone, and the text is as text::bytes wants it.
    unsafe {
        change(m, |state| {
            let trust = match flags {
                0 => TagTrust::Full,
                RTLS_F_RAISE_ONLY => TagTrust::RaiseOnly,
                _ => return None,
            };
            let tag = text::bytes(tag, len, tag::MAX_LEN)?;
            Some(state.params.earlier_tag(tag, trust))
        })
    }
}

/// Judges everything given so far and writes the tag. More may be given afterwards, as header fields come
/// after MAIL; then call it again. The same requirement always gives the same text, so recipients may share
/// a transaction if strcmp() says 0.
/// tag, tag_size: room for it, in bytes; RTLS_TAG_SIZE suffices, and less than is needed is misuse.
///   Characters: letters, digits and "-._", so it fits a macro, an Exim list, an argument, xtext, a header
///   field.
/// Returns RTLS_TAKEN: keep the tag with the message, for every recipient. RTLS_NOT_OURS: nothing was
///   asked, the tag is "". RTLS_REFUSED: answer with m->reply; the tag is "!", which is none: a server that
///   stores it all the same gets RTLS_DEFER from every plan.
/// When: after rtls_mail_begin and what was to be given; again after more was given.
/// Source: RFC 8689 section 4.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_end(
    m: *mut rtls_mail,
    tag: *mut c_char,
    tag_size: usize,
) -> c_int {
    // SAFETY: by the header m is NULL or ours alone, and tag has tag_size bytes.
    let answer = unsafe {
        change(m, |state| {
            let requirement = match state.params.end() {
                Ok(requirement) => requirement,
                Err(refusal) => return Some(Answer::Refused(refusal)),
            };
            let parts = tag::Text(requirement).parts();
            let written = text::write_parts(tag, tag_size, &parts);
            written.then_some(if requirement == Requirement::None {
                Answer::NotOurs
            } else {
                Answer::Taken
            })
        })
    };
    if answer == RTLS_REFUSED {
        // SAFETY: tag has tag_size bytes. Where "!" does not fit the buffer is left empty.
        unsafe { text::write(tag, tag_size, tag::REFUSED) };
    }
    answer
}

/// Tells one thing about what was given so far.
/// what: RTLS_GET_LEVEL, RTLS_GET_PARAMS or RTLS_GET_RET.
/// Returns a static text. NULL: nothing was asked, it was refused, or it is another number.
/// When: after rtls_mail_begin.
/// Source: RFC 8689 sections 4.2.1 and 5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_mail_get(m: *const rtls_mail, what: c_int) -> *const c_char {
    let told = guard::run(|| {
        // SAFETY: by the header NULL or a value that nobody changes during the call.
        let state = unsafe { State::find(m).and_then(|at| handle::shared(at)) }?;
        let requirement = state.params.end().ok()?;
        match what {
            RTLS_GET_LEVEL if requirement != Requirement::None => {
                Some(level_text(requirement.level()))
            }
            RTLS_GET_PARAMS => state.for_every_host(requirement),
            RTLS_GET_RET => dsn::rules(requirement).ret.map(|dsn::Ret::Hdrs| c"HDRS"),
            _ => None,
        }
    });
    told.flatten().map_or(std::ptr::null(), CStr::as_ptr)
}

pub(crate) const fn level_text(level: TlsLevel) -> &'static CStr {
    match level {
        TlsLevel::May => c"may",
        TlsLevel::Encrypt => c"encrypt",
        TlsLevel::Secure => c"secure",
    }
}

/// What lies in rtls_mail.opaque once rtls_mail_begin was called.
#[repr(C)]
#[derive(Clone, Copy)]
struct State {
    begun: usize,
    ctx: *const rtls_ctx,
    params: MailParams,
}

/// No pointer, no small number, not a repeated byte: memory that was not begun does not look so.
const BEGUN: usize = 0x7e71_5a6b_u32 as usize;

const OPAQUE: usize = core::mem::offset_of!(rtls_mail, opaque);

// It fits for this size_t, and for one of 4 bytes too: two words and the parameters. These have no
// word nor pointer in them, as their alignment shows on a machine with 8, so their size is the same.
const _: () = assert!(size_of::<State>() <= 16 * size_of::<usize>());
const _: () = assert!(size_of::<MailParams>() <= (16 - 2) * 4);
const _: () = assert!(align_of::<MailParams>() <= 4);
const _: () = assert!(align_of::<State>() <= align_of::<rtls_mail>());
const _: () = assert!(OPAQUE.is_multiple_of(align_of::<State>()));

impl State {
    /// The state in *m; `None` for NULL and for memory that was not begun.
    ///
    /// # Safety
    /// NULL, or a live rtls_mail: begun, zeroed, or a copy of one that was begun. It may be read, and written through
    /// what comes back if it is ours alone.
    unsafe fn find(m: *const rtls_mail) -> Option<*const Self> {
        if m.is_null() || !m.is_aligned() {
            return None;
        }
        // SAFETY: the first word of *m.opaque, which is initialized in any live rtls_mail.
        let begun = unsafe { Self::begun(m.cast_mut()).read() };
        // SAFETY: only rtls_mail_begin, and copies of what it wrote, have this word; the rest is inside *m.
        (begun == BEGUN).then(|| unsafe { m.byte_add(OPAQUE) }.cast())
    }

    /// Where *m says that it was begun.
    ///
    /// # Safety
    /// m points to an rtls_mail, whatever is in it.
    unsafe fn begun(m: *mut rtls_mail) -> *mut usize {
        // SAFETY: inside *m and aligned, see above.
        unsafe { &raw mut (*m.byte_add(OPAQUE).cast::<Self>()).begun }
    }

    fn log_ignored(&self) {
        // SAFETY: by the header the context outlives every use of the mail.
        let log = unsafe { handle::shared(self.ctx) }.and_then(rtls_ctx::log);
        if let Some(log) = log {
            let text = format_args!("TLS-Required ignored: its only value is No");
            log.line(Severity::Notice, text);
        }
    }

    /// The parameter that every host gets: `None` where it depends on the peer.
    fn for_every_host(&self, requirement: Requirement) -> Option<&'static CStr> {
        // SAFETY: by the header the context outlives every use of the mail.
        let ctx = unsafe { handle::shared(self.ctx) }?;
        let usual = ehlo::encode(requirement, PeerDialect::Rfc8689);
        let draft = ehlo::encode(requirement, PeerDialect::Draft);
        match (usual, draft) {
            (Encoding::Requiretls { text: a, .. }, Encoding::Requiretls { text: b, .. })
                if a == b || !ctx.has_draft_peers() =>
            {
                // The only text towards RFC 8689.
                (a == " REQUIRETLS").then_some(c" REQUIRETLS")
            }
            _ => None,
        }
    }
}

/// Runs a call that changes the state. `None` of the call is misuse by the server, and a panic is
/// a fault of ours: both refuse with 451 4.3.0, for good.
///
/// # Safety
/// `m` is NULL, or a live rtls_mail that is ours alone.
unsafe fn change(m: *mut rtls_mail, call: impl FnOnce(&mut State) -> Option<Answer>) -> c_int {
    // It may be the mail whose call is on its way.
    if guard::is_inside() {
        return RTLS_REFUSED;
    }
    // SAFETY: see above.
    let found = unsafe { State::find(m).and_then(|at| handle::exclusive(at.cast_mut())) };
    let Some(state) = found else {
        if !m.is_null() && m.is_aligned() {
            // SAFETY: a live rtls_mail that is ours alone.
            unsafe { write_reply(m, Refusal::Misuse) };
        }
        return RTLS_REFUSED;
    };
    let answer = guard::run(|| call(state)).flatten();
    let answer = answer.unwrap_or_else(|| state.params.misuse());
    match answer {
        Answer::NotOurs => RTLS_NOT_OURS,
        Answer::Taken => RTLS_TAKEN,
        Answer::Refused(refusal) => {
            // SAFETY: as above.
            unsafe { write_reply(m, refusal) };
            RTLS_REFUSED
        }
    }
}

/// # Safety
/// m points to an rtls_mail that is ours alone, whatever is in it.
unsafe fn say_ok(m: *mut rtls_mail) {
    // SAFETY: the fields lie in *m. What is behind the NUL of the text is nobody's.
    unsafe {
        (&raw mut (*m).reply.code).write(250);
        (&raw mut (*m).reply.enhanced).write(const { text::array("2.0.0") });
        let text = (&raw mut (*m).reply.text).cast::<[c_char; 3]>();
        text.write(const { text::array("OK") });
    }
}

/// # Safety
/// A live rtls_mail that is ours alone.
unsafe fn write_reply(m: *mut rtls_mail, refusal: Refusal) {
    let mut reply = rtls_reply {
        code: c_int::from(refusal.code()),
        enhanced: [0; 12],
        text: [0; 256],
    };
    let mut enhanced = text::Line::new();
    let _ = write!(enhanced, "{}", refusal.enhanced());
    fill(&mut reply.enhanced, enhanced.as_str());
    fill(&mut reply.text, refusal.sentence());
    // SAFETY: the field lies in *m.
    unsafe { (&raw mut (*m).reply).write(reply) };
}
