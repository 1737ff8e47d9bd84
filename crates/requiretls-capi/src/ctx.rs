//! Process: what is read once, before chroot, setuid and fork.

use crate::abi::{RTLS_DEFER, RTLS_F_TLS, RTLS_GO};
use crate::log::Log;
use crate::{guard, handle, text};
use core::ffi::{CStr, c_char, c_int, c_uint};
use requiretls_core::ehlo;
use requiretls_core::mail_param::Dialects;
use std::sync::Arc;

/// Configuration, trust roots and caches.
pub struct rtls_ctx {
    shared: Arc<Shared>,
    log: Option<Log>,
}

/// What a context and its plans have in common.
pub(crate) struct Shared {
    receiving: Receiving,
}

/// What is offered to clients.
#[derive(Clone, Copy)]
pub(crate) struct Receiving {
    pub(crate) dialects: Dialects,
    pub(crate) advertise: bool,
}

/// Reads the configuration, the trust roots and everything else that is needed, at once: call it before chroot(),
/// setuid() and fork(). out: where the context goes; it is yours until rtls_close. config_path: the configuration file; NULL: the
/// built-in path, and the defaults where there is no such file. err, err_size: room for one line of text (file, line
/// number, cause); err may be NULL. Returns RTLS_GO: ready, err is "". Anything else: *out is NULL, err tells why, and the
/// server must not start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_open(
    out: *mut *mut rtls_ctx,
    config_path: *const c_char,
    err: *mut c_char,
    err_size: usize,
) -> c_int {
    let _ = (config_path, err, err_size);
    let opened = guard::run(|| {
        Ok::<_, String>(rtls_ctx {
            shared: Arc::new(Shared {
                receiving: Receiving {
                    dialects: Dialects::default(),
                    advertise: true,
                },
            }),
            log: None,
        })
    });
    // SAFETY: by the header NULL, or room for one pointer.
    let Some(out) = (unsafe { handle::exclusive(out) }) else {
        return RTLS_DEFER;
    };
    *out = std::ptr::null_mut();
    match opened {
        Some(Ok(ctx)) => {
            *out = handle::give(ctx);
            RTLS_GO
        }
        _ => RTLS_DEFER,
    }
}

/// Frees the context. NULL is fine. No thread may be inside a call that uses it. Plans keep what they need and outlive
/// it; no rtls_mail does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_close(ctx: *mut rtls_ctx) {
    guard::run(|| {
        // SAFETY: by the header NULL or what rtls_open gave, and nobody uses it any more.
        drop(unsafe { handle::take_back(ctx) });
    });
}

/// The i-th line to add to the reply to EHLO or LHLO, without "250-": "REQUIRETLS". flags: RTLS_F_TLS or 0; it decides
/// whether there are any (RFC 8689 section 2). Returns NULL: no more of them, ctx is NULL, or an unknown flag. The text
/// lives as long as ctx. Any thread, at any time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_ehlo_keyword(
    ctx: *const rtls_ctx,
    flags: c_uint,
    i: usize,
) -> *const c_char {
    let line = guard::run(|| {
        // SAFETY: by the header NULL or a live context.
        let ctx = unsafe { handle::shared(ctx) }?;
        if flags & !RTLS_F_TLS != 0 {
            return None;
        }
        let Receiving {
            dialects,
            advertise,
        } = ctx.receiving();
        let line = ehlo::keywords(dialects, advertise, flags & RTLS_F_TLS != 0).nth(i)?;
        KEYWORD_LINES
            .into_iter()
            .find(|known| known.to_bytes() == line.as_bytes())
    });
    line.flatten().map_or(std::ptr::null(), CStr::as_ptr)
}

/// The lines of [`ehlo::keywords`], for C.
const KEYWORD_LINES: [&CStr; 2] = [c"REQUIRETLS", c"TLSPOLICY MAY ENCRYPT SECURE"];

impl rtls_ctx {
    pub(crate) fn receiving(&self) -> Receiving {
        self.shared.receiving
    }

    pub(crate) fn has_draft_peers(&self) -> bool {
        false
    }

    pub(crate) fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    pub(crate) fn set_log(&mut self, log: Option<Log>) {
        self.log = log;
    }
}
