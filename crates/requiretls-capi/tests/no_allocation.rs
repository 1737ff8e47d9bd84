//! The inbound calls allocate nothing: the server may leave by longjmp after any of them.

#![allow(unsafe_code, clippy::expect_used)]

use requiretls::abi::{
    RTLS_F_TLS, RTLS_GET_LEVEL, RTLS_GET_PARAMS, RTLS_GO, RTLS_NUL, RTLS_REFUSED, RTLS_TAKEN,
    rtls_mail, rtls_reply,
};
use requiretls::ctx::{rtls_close, rtls_ehlo_keyword, rtls_open};
use requiretls::mail::{
    rtls_mail_begin, rtls_mail_end, rtls_mail_get, rtls_mail_header, rtls_mail_line,
    rtls_mail_param, rtls_mail_tag,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn inbound_calls_do_not_allocate() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("requiretls.conf");
    let text = "[receiving]\ndialects = [\"rfc8689\", \"draft-fenton\", \"tls-level\"]\n\
                [cache]\ndirectory = \"\"\n";
    std::fs::write(&path, text).expect("a file");
    let path = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
    let mut ctx = ptr::null_mut();
    // SAFETY: as the header wants it.
    let opened = unsafe { rtls_open(&raw mut ctx, path.as_ptr(), ptr::null_mut(), 0) };
    assert_eq!(opened, RTLS_GO);
    let mut m = rtls_mail {
        reply: rtls_reply {
            code: 0,
            enhanced: [0; 12],
            text: [0; 256],
        },
        opaque: [0; 16],
    };
    let m = &raw mut m;
    let mut tag = [0; 65];
    let name = c"TLS-Required".as_ptr();
    let no = c" No\r\n".as_ptr();
    let line = c"MAIL FROM:<a@b.example> REQUIRETLS=chain,DNSSEC SIZE=1\r\n".as_ptr();
    let before = COUNT.get();
    // SAFETY: a live mail and context, texts with a NUL.
    let answers = unsafe {
        rtls_mail_begin(m, size_of::<rtls_mail>(), ctx, RTLS_F_TLS);
        let _ = rtls_ehlo_keyword(ctx, RTLS_F_TLS, 0);
        [
            rtls_mail_line(m, line, RTLS_NUL),
            rtls_mail_header(m, name, RTLS_NUL, no, RTLS_NUL),
            rtls_mail_tag(m, c"1.secure".as_ptr(), RTLS_NUL, 0),
            rtls_mail_end(m, tag.as_mut_ptr(), tag.len()),
            i32::from(rtls_mail_get(m, RTLS_GET_LEVEL).is_null()),
            i32::from(rtls_mail_get(m, RTLS_GET_PARAMS).is_null()),
            rtls_mail_param(m, c"REQUIRETLS".as_ptr(), RTLS_NUL, ptr::null(), 0),
            rtls_mail_end(m, tag.as_mut_ptr(), tag.len()),
        ]
    };
    let after = COUNT.get();
    assert_eq!(
        answers,
        [
            RTLS_TAKEN,
            RTLS_TAKEN,
            RTLS_TAKEN,
            RTLS_TAKEN,
            0,
            1,
            RTLS_REFUSED,
            RTLS_REFUSED
        ]
    );
    assert_eq!(after - before, 0);
    // SAFETY: from rtls_open.
    unsafe { rtls_close(ctx) };
    assert_ne!(COUNT.get(), after, "the count counts");
}
