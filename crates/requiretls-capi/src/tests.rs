//! The calls as a C program makes them.

// A table is as long as it has rows, and its rows' type stands with it.
#![allow(
    clippy::items_after_statements,
    clippy::too_many_lines,
    clippy::type_complexity
)]

mod arguments;
mod black_hole;
mod cases;
mod delivery;
mod fork;
mod gate;
mod inbound;
mod log;
mod noted;
mod order;
mod outbound;
mod panics;
mod process;
mod testbed;
mod unlogged;

use crate::abi::{rtls_mail, rtls_reply};
use crate::ctx::{rtls_close, rtls_ctx, rtls_open};
use crate::plan::{rtls_plan, rtls_plan_free, rtls_plan_get, rtls_plan_new, rtls_plan_verdict};
use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::path::Path;
use std::ptr;

/// How many times as long `cargo xtask soak` wants its tests.
fn soak_times() -> u32 {
    let times = std::env::var("REQUIRETLS_SOAK_TIMES");
    times.map_or(1, |times| times.parse().expect("a number"))
}

/// A context made from a configuration; closed at the end.
pub(crate) struct Context(pub(crate) *mut rtls_ctx);

// SAFETY: as the header says, threads may share a context.
unsafe impl Sync for Context {}

impl Context {
    /// Asks no name server: nothing is found out but what the calls say.
    pub(crate) fn new(extra: &str) -> Self {
        Self::with_servers("127.0.0.1:9", extra)
    }

    fn with_servers(servers: &str, extra: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("requiretls.conf");
        let cache = if extra.contains("cache.") {
            ""
        } else {
            "[cache]\ndirectory = \"\"\n"
        };
        let text = format!("{extra}\n[dns]\nservers = [\"{servers}\"]\n{cache}");
        std::fs::write(&path, text).expect("a file");
        Self::read(&path)
    }

    /// From a file.
    fn read(path: &Path) -> Self {
        let mut ctx = ptr::null_mut();
        let mut err = [0; 200];
        let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        // SAFETY: as the header wants it.
        let opened = unsafe { rtls_open(&raw mut ctx, path.as_ptr(), err.as_mut_ptr(), err.len()) };
        assert_eq!(opened, crate::abi::RTLS_GO, "{}", text_of(err.as_ptr()));
        assert_eq!(text_of(err.as_ptr()), "");
        Self(ctx)
    }

    fn all_dialects() -> Self {
        Self::new("[receiving]\ndialects = [\"rfc8689\", \"draft-fenton\", \"tls-level\"]")
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: from rtls_open, and nothing uses it any more.
        unsafe { rtls_close(self.0) };
    }
}

/// A plan; freed at the end.
struct Plan(*mut rtls_plan);

impl Plan {
    fn new(ctx: &Context, domain: &str, tag: &str, flags: c_uint) -> Self {
        let (domain, tag) = (c(domain), c(tag));
        // SAFETY: as the header wants it.
        Self(unsafe { rtls_plan_new(ctx.0, domain.as_ptr(), 0, tag.as_ptr(), flags) })
    }

    fn get(&self, what: c_int, i: usize) -> Option<String> {
        // SAFETY: a live plan.
        let text = unsafe { rtls_plan_get(self.0, what, i) };
        (!text.is_null()).then(|| text_of(text))
    }

    fn why(&self) -> String {
        self.get(crate::abi::RTLS_GET_WHY, 0).unwrap_or_default()
    }

    /// The verdict and its reply as "451 4.3.0".
    fn verdict(&self) -> (c_int, String) {
        let mut reply = empty_reply();
        // SAFETY: a live plan and a reply.
        let verdict = unsafe { rtls_plan_verdict(self.0, &raw mut reply) };
        (verdict, codes(&reply))
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: from rtls_plan_new, and nothing uses it any more.
        unsafe { rtls_plan_free(self.0) };
    }
}

fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

fn text_of(text: *const c_char) -> String {
    // SAFETY: the library's texts, and the buffers of the tests, end with a NUL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().expect("ASCII").to_owned()
}

fn empty_reply() -> rtls_reply {
    rtls_reply {
        code: 0,
        enhanced: [0; 12],
        text: [0; 256],
    }
}

fn empty_mail() -> rtls_mail {
    rtls_mail {
        reply: empty_reply(),
        opaque: [0; 16],
    }
}

fn codes(reply: &rtls_reply) -> String {
    format!("{} {}", reply.code, text_of(reply.enhanced.as_ptr()))
}
