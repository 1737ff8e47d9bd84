//! Process: what is read once, before chroot, setuid and fork.

use crate::abi::{RTLS_DEFER, RTLS_F_TLS, RTLS_GO};
use crate::log::{Kept, Log};
use crate::{guard, handle, text};
use core::ffi::{CStr, c_char, c_int, c_uint};
use requiretls_core::ehlo;
use requiretls_core::site_policy::PeerDialect;
use requiretls_engine::config::Receiving;
use requiretls_engine::{Config, ConfigError, Discovery};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// Configuration, trust roots and caches.
pub struct rtls_ctx {
    shared: Arc<Shared>,
    log: Option<Log>,
    /// What rtls_open had to say, until there is somebody to say it to.
    opening: Vec<Kept>,
}

/// What a context and its plans have in common.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) discovery: Discovery,
    has_draft_peers: bool,
}

/// Reads the configuration, the trust roots and everything else that is needed, at once; nothing is left to
/// open later.
/// out: where the context goes; it is yours until rtls_close, and lives until then.
/// config_path: the configuration file; NULL: the built-in path, and the defaults where there is no such
///   file.
/// err, err_size: room for one line of text (file, line number, cause), in bytes; a longer one is cut. err
///   may be NULL.
/// Returns RTLS_GO: ready, err is "". Anything else: *out is NULL, err tells why, and the server must not
///   start. It does not wait for the network.
/// When: first of all: before chroot(), setuid() and fork(). Again at any time, for a second configuration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_open(
    out: *mut *mut rtls_ctx,
    config_path: *const c_char,
    err: *mut c_char,
    err_size: usize,
) -> c_int {
    let out = Some(out).filter(|out| !out.is_null() && out.is_aligned());
    // SAFETY: by the header NULL, or a text that ends at its NUL.
    let path = unsafe { text::bytes(config_path, text::NUL, MAX_PATH) };
    let from_log_function = guard::is_inside();
    let opened = guard::run(|| match path {
        Some(path) if path.len() > MAX_PATH => Err("the name of the file is too long".to_owned()),
        path => {
            let path = path.map(|bytes| Path::new(OsStr::from_bytes(bytes)));
            rtls_ctx::open(path).map_err(|error| error.to_string())
        }
    });
    let why = match (opened, out) {
        (Some(Ok(ctx)), Some(out)) => {
            // SAFETY: by the header room for one pointer; err is NULL or has err_size bytes.
            unsafe {
                out.write(handle::give(ctx));
                text::write_cut(err, err_size, "");
            }
            return RTLS_GO;
        }
        (opened, out) => {
            if let Some(out) = out {
                // SAFETY: by the header room for one pointer.
                unsafe { out.write(std::ptr::null_mut()) };
            }
            match opened {
                Some(Ok(_)) => "there is no room for the context".to_owned(),
                Some(Err(why)) => why,
                None if from_log_function => "called by a log function".to_owned(),
                None => format!("internal error at {}", guard::place()),
            }
        }
    };
    // SAFETY: by the header NULL, or err_size bytes.
    unsafe { text::write_cut(err, err_size, &why) };
    RTLS_DEFER
}

/// Frees the context. Plans keep what they need and outlive it; no rtls_mail does.
/// ctx: from rtls_open; NULL is fine.
/// When: last, when no thread is inside a call that uses it and no rtls_mail of it is in use any more.
///   Plans that were made with it may still be there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_close(ctx: *mut rtls_ctx) {
    guard::run(|| {
        // SAFETY: by the header NULL or what rtls_open gave, and nobody uses it any more.
        drop(unsafe { handle::take_back(ctx) });
    });
}

/// The i-th line to add to the reply to EHLO or LHLO, without "250-": "REQUIRETLS".
/// ctx: from rtls_open; NULL: none.
/// flags: RTLS_F_TLS or 0; it decides whether there are any (RFC 8689 section 2).
/// i: counts from 0.
/// Returns a text that lives as long as ctx. NULL: no more of them, or an unknown flag.
/// When: at each EHLO and LHLO, so also at the one inside TLS.
/// Source: RFC 8689 section 2.
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

/// No system has longer ones.
const MAX_PATH: usize = 4_096;

impl rtls_ctx {
    fn open(path: Option<&Path>) -> Result<Self, ConfigError> {
        let (shared, opening) = Kept::during(|| {
            let config = Config::load(path)?;
            let discovery = Discovery::open(&config)?;
            Ok(Shared {
                has_draft_peers: config
                    .rules
                    .any(|rule| rule.peer_dialect == PeerDialect::Draft),
                config,
                discovery,
            })
        });
        Ok(Self {
            shared: Arc::new(shared?),
            log: None,
            opening,
        })
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(crate) fn receiving(&self) -> Receiving {
        self.shared.config.receiving
    }

    pub(crate) fn has_draft_peers(&self) -> bool {
        self.shared.has_draft_peers
    }

    pub(crate) fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    pub(crate) fn set_log(&mut self, log: Option<Log>) {
        if let Some(log) = &log {
            for kept in self.opening.drain(..) {
                log.again(&kept);
            }
        }
        self.log = log;
    }

    pub(crate) fn set_log_level(&mut self, level: c_int) {
        self.log = self.log.as_ref().map(|log| log.up_to(level));
    }
}
