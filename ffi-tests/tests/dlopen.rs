//! How does the library behave in a process that loads it at run time?
//!
//! A mail server may load it as a plug-in, long after its start, and may forget to check what it was given.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fs;
use std::ptr::{null, null_mut};

use ffi_tests::{Installed, Result};
use libloading::Library;
use tempfile::TempDir;

const DEFER: c_int = 0;
const GO: c_int = 1;
const TAKEN: c_int = 1;
const REFUSED: c_int = -1;
const INSIDE_TLS: c_uint = 1;
const WHOLE_TEXT: usize = usize::MAX;

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

type Open = unsafe extern "C" fn(*mut *mut c_void, *const c_char, *mut c_char, usize) -> c_int;
type Close = unsafe extern "C" fn(*mut c_void);
type Version = unsafe extern "C" fn() -> *const c_char;
type Begin = unsafe extern "C" fn(*mut Mail, usize, *const c_void, c_uint);
type Line = unsafe extern "C" fn(*mut Mail, *const c_char, usize) -> c_int;
type End = unsafe extern "C" fn(*mut Mail, *mut c_char, usize) -> c_int;

fn load() -> Result<Library> {
    let path = Installed::find()?.shared_object();
    // SAFETY: the library's initialisers are those of the Rust runtime, which allow being run at any time.
    Ok(unsafe { Library::new(path) }?)
}

fn blank() -> Mail {
    Mail {
        reply: Reply {
            code: 0,
            enhanced: [0; 12],
            text: [0; 256],
        },
        opaque: [0; 16],
    }
}

/// Threads and descriptors of this process.
fn belongings() -> Result<(usize, Vec<String>)> {
    let threads = fs::read_dir("/proc/self/task")?.count();
    let mut descriptors = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        // The one that reads the directory is gone by the time that it is looked at.
        if let Ok(target) = entry?.path().read_link() {
            descriptors.push(target.display().to_string());
        }
    }
    descriptors.retain(|target| !target.ends_with("/fd"));
    descriptors.sort();
    Ok((threads, descriptors))
}

#[test]
fn a_loaded_library_answers_the_first_question_and_leaves_nothing_open() -> Result<()> {
    let library = load()?;
    let dir = TempDir::new()?;
    let file = dir.path().join("requiretls.conf");
    fs::write(&file, "")?;
    let file = CString::new(file.display().to_string())?;
    let line = CString::new("MAIL FROM:<ann@example.org> SIZE=100 REQUIRETLS")?;
    let before = belongings()?;
    // SAFETY: the types are those of requiretls.h, every pointer is to memory that outlives the call, and the context
    // is closed once and not used afterwards.
    unsafe {
        let open = library.get::<Open>(b"rtls_open\0")?;
        let close = library.get::<Close>(b"rtls_close\0")?;
        let begin = library.get::<Begin>(b"rtls_mail_begin\0")?;
        let mail_line = library.get::<Line>(b"rtls_mail_line\0")?;
        let end = library.get::<End>(b"rtls_mail_end\0")?;

        let mut error: [c_char; 256] = [0; 256];
        let mut ctx: *mut c_void = null_mut();
        let opened = open(&raw mut ctx, file.as_ptr(), error.as_mut_ptr(), error.len());
        assert_eq!(
            opened,
            GO,
            "{}",
            CStr::from_ptr(error.as_ptr()).to_string_lossy()
        );
        assert_eq!(belongings()?, before);

        let (mut mail, mut tag): (_, [c_char; 65]) = (blank(), [1; 65]);
        begin(&raw mut mail, size_of::<Mail>(), ctx, INSIDE_TLS);
        assert_eq!(mail_line(&raw mut mail, line.as_ptr(), WHOLE_TEXT), TAKEN);
        assert_eq!(end(&raw mut mail, tag.as_mut_ptr(), tag.len()), TAKEN);
        assert_eq!(CStr::from_ptr(tag.as_ptr()).to_bytes(), b"1.secure.onward");

        // In clear text the same line is refused (RFC 8689 section 4.1).
        begin(&raw mut mail, size_of::<Mail>(), ctx, 0);
        assert_eq!(mail_line(&raw mut mail, line.as_ptr(), WHOLE_TEXT), REFUSED);
        assert_eq!(mail.reply.code, 530);
        assert_eq!(
            CStr::from_ptr(mail.reply.enhanced.as_ptr()).to_bytes(),
            b"5.7.10"
        );
        close(ctx);
    }
    assert_eq!(belongings()?, before);
    Ok(())
}

/// Without time to ask anybody: a domain's message waits; to an address from the site's own routing
/// an untagged one goes, and one that requires protection is returned.
#[test]
fn a_loaded_library_answers_the_second_question() -> Result<()> {
    type New = unsafe extern "C" fn(
        *const c_void,
        *const c_char,
        c_uint,
        *const c_char,
        c_uint,
    ) -> *mut c_void;
    type Lookup = unsafe extern "C" fn(*mut c_void, c_uint) -> c_int;
    type Host = unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int;
    type Ehlo = unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> c_int;
    type Params = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> c_int;
    type MailReply = unsafe extern "C" fn(*mut c_void, c_int, *const c_char) -> c_int;
    type Done = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char) -> c_int;
    type Verdict = unsafe extern "C" fn(*const c_void, *mut Reply) -> c_int;
    const BOUNCE: c_int = 3;
    let rows = [
        // Next hop, tag, after the lookup, verdict: P6 rows 1 and 3, P6 row 9 at level may.
        ("example.org", "1.secure.onward", DEFER, "0 451 4.4.3"),
        ("example.org", "", DEFER, "0 451 4.4.3"),
        ("192.0.2.1", "1.secure.onward", BOUNCE, "3 550 5.7.10"),
        ("192.0.2.1", "", GO, "1 250 2.0.0"),
        ("192.0.2.1", "2.later", DEFER, "0 451 4.3.0"),
    ];
    let library = load()?;
    let dir = TempDir::new()?;
    let file = dir.path().join("requiretls.conf");
    fs::write(&file, "")?;
    let file = CString::new(file.display().to_string())?;
    let reply_to_ehlo = CString::new("250-mx.example.org\r\n250 SIZE\r\n")?;
    // SAFETY: the types are those of requiretls.h, every pointer is to memory that outlives the call, and plan and
    // context are freed once and not used afterwards.
    unsafe {
        let mut error: [c_char; 256] = [0; 256];
        let mut ctx: *mut c_void = null_mut();
        let open = library.get::<Open>(b"rtls_open\0")?;
        assert_eq!(
            open(&raw mut ctx, file.as_ptr(), error.as_mut_ptr(), error.len()),
            GO
        );
        for (next_hop, tag, looked_up, expected) in rows {
            let label = format!("{next_hop} {tag:?}");
            let (next_hop, tag) = (CString::new(next_hop)?, CString::new(tag)?);
            let new = library.get::<New>(b"rtls_plan_new\0")?;
            let plan = new(ctx, next_hop.as_ptr(), 25, tag.as_ptr(), 0);
            let lookup = library.get::<Lookup>(b"rtls_plan_lookup\0")?;
            assert_eq!(lookup(plan, 0), looked_up, "{label}");
            let host = library.get::<Host>(b"rtls_plan_host\0")?;
            let ehlo = library.get::<Ehlo>(b"rtls_plan_ehlo\0")?;
            let params = library.get::<Params>(b"rtls_plan_mail_params\0")?;
            let mail_reply = library.get::<MailReply>(b"rtls_plan_mail_reply\0")?;
            let done = library.get::<Done>(b"rtls_plan_done\0")?;
            let mut buffer: [c_char; 64] = [1; 64];
            let steps = [
                host(plan, next_hop.as_ptr()),
                ehlo(plan, reply_to_ehlo.as_ptr(), WHOLE_TEXT),
                params(plan, buffer.as_mut_ptr(), buffer.len()),
                mail_reply(plan, 250, null()),
                done(plan, 250, null(), null()),
            ];
            let step = if looked_up == GO { GO } else { DEFER };
            assert_eq!(steps, [step; 5], "{label}");
            assert_eq!(buffer.first(), Some(&0), "{label}: nothing to append");
            let mut reply = blank().reply;
            let verdict = library.get::<Verdict>(b"rtls_plan_verdict\0")?(plan, &raw mut reply);
            let enhanced = CStr::from_ptr(reply.enhanced.as_ptr()).to_str()?;
            assert_eq!(
                format!("{verdict} {} {enhanced}", reply.code),
                expected,
                "{label}"
            );
            library.get::<Close>(b"rtls_plan_free\0")?(plan);
        }
        library.get::<Close>(b"rtls_close\0")?(ctx);
    }
    Ok(())
}

#[test]
fn a_null_handle_holds_the_mail() -> Result<()> {
    type Handle = unsafe extern "C" fn(*mut c_void) -> c_int;
    type Number = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char) -> c_int;
    type Text = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int;
    type Buffer = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> c_int;
    type Bytes = unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> c_int;
    type Get = unsafe extern "C" fn(*const c_void, c_int, usize) -> *const c_char;
    let library = load()?;
    // SAFETY: the header allows NULL for every handle and every text here; an argument more than the function takes is
    // not looked at, and none is left out.
    unsafe {
        for name in [
            "rtls_plan_lookup",
            "rtls_plan_add_host",
            "rtls_plan_host",
            "rtls_plan_verdict",
        ] {
            let call = library.get::<Text>(format!("{name}\0").as_bytes())?;
            assert_eq!(call(null_mut(), null(), null()), DEFER, "{name}");
        }
        for name in ["rtls_plan_resume", "rtls_plan_tls"] {
            let call = library.get::<Text>(format!("{name}\0").as_bytes())?;
            assert_eq!(call(null_mut(), null(), null()), DEFER, "{name}");
        }
        for name in [
            "rtls_plan_tls_failed",
            "rtls_plan_mail_reply",
            "rtls_plan_done",
        ] {
            let call = library.get::<Number>(format!("{name}\0").as_bytes())?;
            assert_eq!(call(null_mut(), 250, null(), null()), DEFER, "{name}");
        }
        for name in ["rtls_plan_ehlo", "rtls_plan_peer"] {
            let call = library.get::<Bytes>(format!("{name}\0").as_bytes())?;
            assert_eq!(call(null_mut(), null(), 0), DEFER, "{name}");
        }
        for name in ["rtls_plan_next", "rtls_plan_mail_params"] {
            let call = library.get::<Buffer>(format!("{name}\0").as_bytes())?;
            let mut buffer: [c_char; 256] = [1; 256];
            assert_eq!(
                call(null_mut(), buffer.as_mut_ptr(), buffer.len()),
                DEFER,
                "{name}"
            );
            assert_eq!(buffer.first(), Some(&0), "{name} leaves an empty text");
        }
        let get = library.get::<Get>(b"rtls_plan_get\0")?;
        assert!(get(null(), 1, 0).is_null());
        for name in ["rtls_plan_free", "rtls_close"] {
            library.get::<Handle>(format!("{name}\0").as_bytes())?(null_mut());
        }

        let begin = library.get::<Begin>(b"rtls_mail_begin\0")?;
        let end = library.get::<End>(b"rtls_mail_end\0")?;
        let (mut mail, mut tag): (_, [c_char; 65]) = (blank(), [1; 65]);
        begin(&raw mut mail, size_of::<Mail>(), null(), INSIDE_TLS);
        assert_eq!(end(&raw mut mail, tag.as_mut_ptr(), tag.len()), REFUSED);
        assert_eq!(mail.reply.code, 451);
        assert_eq!(end(null_mut(), tag.as_mut_ptr(), tag.len()), REFUSED);
    }
    Ok(())
}

#[test]
fn a_closed_library_stays_loaded() -> Result<()> {
    let library = load()?;
    // SAFETY: the function takes nothing; after the close it is called only because the library is never unloaded,
    // which is what is tested, and its text is static.
    unsafe {
        let version = *library.get::<Version>(b"rtls_version\0")?;
        library.close()?;
        let maps = fs::read_to_string("/proc/self/maps")?;
        assert!(maps.contains("librequiretls.so"), "{maps}");
        assert_eq!(
            CStr::from_ptr(version()).to_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes()
        );
    }
    Ok(())
}
