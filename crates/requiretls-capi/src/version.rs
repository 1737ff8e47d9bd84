//! Which library was loaded?

use crate::guard;
use core::ffi::{CStr, c_char};

/// The version of the library that was loaded, as "0.1.0"; RTLS_VERSION is the header's.
/// Returns a static text.
/// When: at any time, also before rtls_open.
#[unsafe(no_mangle)]
pub extern "C" fn rtls_version() -> *const c_char {
    guard::run(|| VERSION.as_ptr()).unwrap_or(VERSION.as_ptr())
}

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

const _: () = assert!(!VERSION.is_empty());
