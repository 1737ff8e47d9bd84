//! What does a server get that calls wrongly, and what when the library itself is at fault?
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fs;
use std::ptr::null_mut;

use ffi_tests::{Example, Installed, Result, hooked};
use libloading::{Library, Symbol};
use tempfile::TempDir;

const NO_DNS: &str = "[dns]\nservers = [\"127.0.0.1:9\"]\n\n[cache]\ndirectory = \"\"\n";
#[test]
fn what_a_server_does_wrong_holds_the_mail_and_touches_nothing_else() -> Result<()> {
    let misuse = Example::named("misuse").build(&Installed::find()?)?;
    misuse.runs_silently(NO_DNS)
}

const HOOK: &str = "rtls_test_panic_in_next_call";

/// How the names of all hidden calls begin.
const HIDDEN: &str = "rtls_test_";

/// A release has no trace of the hidden calls, by symbol or by name.
#[test]
fn the_hidden_calls_are_in_no_release() -> Result<()> {
    let installed = Installed::find()?;
    let shared = fs::read(installed.shared_object())?;
    let archive = fs::read(installed.libdir().join("librequiretls.a"))?;
    let hooked = fs::read(hooked()?)?;
    let has = |library: &[u8]| {
        library
            .windows(HIDDEN.len())
            .any(|part| part == HIDDEN.as_bytes())
    };
    assert_eq!((has(&shared), has(&archive)), (false, false));
    assert!(
        has(&hooked),
        "what is looked for is there where it is to be"
    );
    Ok(())
}

#[repr(C)]
struct Reply {
    code: c_int,
    enhanced: [c_char; 12],
    text: [c_char; 256],
}

#[repr(C)]
struct Mail {
    reply: Reply,
    opaque: [usize; 16],
}

type Hook = unsafe extern "C" fn();
type Open = unsafe extern "C" fn(*mut *mut c_void, *const c_char, *mut c_char, usize) -> c_int;
type Begin = unsafe extern "C" fn(*mut Mail, usize, *const c_void, c_uint);
type Line = unsafe extern "C" fn(*mut Mail, *const c_char, usize) -> c_int;
type End = unsafe extern "C" fn(*mut Mail, *mut c_char, usize) -> c_int;
type New = unsafe extern "C" fn(
    *const c_void,
    *const c_char,
    c_uint,
    *const c_char,
    c_uint,
) -> *mut c_void;
type WithText = unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int;
type Lookup = unsafe extern "C" fn(*mut c_void, c_uint) -> c_int;
type Verdict = unsafe extern "C" fn(*const c_void, *mut Reply) -> c_int;
type Free = unsafe extern "C" fn(*mut c_void);

const NUL: usize = usize::MAX;
const DEFER: c_int = 0;
const GO: c_int = 1;
const REFUSED: c_int = -1;

fn blank() -> Mail {
    let reply = Reply {
        code: 0,
        enhanced: [0; 12],
        text: [0; 256],
    };
    Mail {
        reply,
        opaque: [0; 16],
    }
}

/// A fault of the library, through the shared object as C has it: the process goes on, nothing is printed, and the mail
/// waits. That each of the calls is guarded is tested beside them; here it is seen that a panic can be caught at all in
/// what the linker made, which takes unwinding in it.
#[test]
fn a_panic_inside_the_shared_object_holds_the_mail() -> Result<()> {
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    fs::write(&config, NO_DNS)?;
    let config = CString::new(config.display().to_string())?;
    let line = CString::new("MAIL FROM:<ann@example.org> REQUIRETLS")?;
    let (next_hop, tag) = (CString::new("192.0.2.1")?, CString::new("")?);
    // SAFETY: the types are those of requiretls.h, every pointer is to memory that outlives the call, and plan and
    // context are freed once and not used afterwards. The library's initialisers are those of the Rust runtime.
    unsafe {
        let library = Library::new(hooked()?)?;
        let hook: Symbol<Hook> = library.get(HOOK.as_bytes())?;
        let open: Symbol<Open> = library.get(b"rtls_open\0")?;
        let begin: Symbol<Begin> = library.get(b"rtls_mail_begin\0")?;
        let mail_line: Symbol<Line> = library.get(b"rtls_mail_line\0")?;
        let end: Symbol<End> = library.get(b"rtls_mail_end\0")?;
        let new: Symbol<New> = library.get(b"rtls_plan_new\0")?;
        let lookup: Symbol<Lookup> = library.get(b"rtls_plan_lookup\0")?;
        let host: Symbol<WithText> = library.get(b"rtls_plan_host\0")?;
        let verdict: Symbol<Verdict> = library.get(b"rtls_plan_verdict\0")?;

        let (mut ctx, mut err): (_, [c_char; 256]) = (null_mut(), [1; 256]);
        hook();
        let opened = open(&raw mut ctx, config.as_ptr(), err.as_mut_ptr(), err.len());
        let err_text = CStr::from_ptr(err.as_ptr()).to_string_lossy().into_owned();
        assert_eq!((opened, ctx.is_null()), (DEFER, true));
        assert!(err_text.starts_with("internal error at "), "{err_text}");
        assert_eq!(
            open(&raw mut ctx, config.as_ptr(), err.as_mut_ptr(), err.len()),
            GO
        );

        let (mut mail, mut kept): (_, [c_char; 65]) = (blank(), [1; 65]);
        begin(&raw mut mail, size_of::<Mail>(), ctx, 1);
        hook();
        assert_eq!(mail_line(&raw mut mail, line.as_ptr(), NUL), REFUSED);
        assert_eq!(mail.reply.code, 451);
        assert_eq!(end(&raw mut mail, kept.as_mut_ptr(), kept.len()), REFUSED);
        assert_eq!(CStr::from_ptr(kept.as_ptr()).to_bytes(), b"!");
        begin(&raw mut mail, size_of::<Mail>(), ctx, 1);
        assert_eq!(mail_line(&raw mut mail, line.as_ptr(), NUL), 1, "the next");

        hook();
        assert!(new(ctx, next_hop.as_ptr(), 25, tag.as_ptr(), 0).is_null());
        let plan = new(ctx, next_hop.as_ptr(), 25, tag.as_ptr(), 0);
        assert_eq!(lookup(plan, 0), GO);
        hook();
        assert_eq!(host(plan, next_hop.as_ptr()), DEFER);
        assert_eq!(host(plan, next_hop.as_ptr()), DEFER, "for good");
        let mut reply = blank().reply;
        assert_eq!(verdict(plan, &raw mut reply), DEFER);
        assert_eq!(reply.code, 451);
        library.get::<Free>(b"rtls_plan_free\0")?(plan);
        let other = new(ctx, next_hop.as_ptr(), 25, tag.as_ptr(), 0);
        assert_eq!(lookup(other, 0), GO, "another plan is none the worse");
        library.get::<Free>(b"rtls_plan_free\0")?(other);
        library.get::<Free>(b"rtls_close\0")?(ctx);
    }
    Ok(())
}
