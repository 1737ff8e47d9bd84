//! How are the arguments of a step read?

use super::MAX_NAME;
use crate::abi::{RTLS_NUL, rtls_bytes};
use crate::text;
use core::ffi::{c_char, c_int};
use requiretls_core::next_hop::Host;
use requiretls_core::pkix;

/// # Safety
/// NULL, or a text that ends at its NUL.
pub(super) unsafe fn host_named(host: *const c_char) -> Option<Host> {
    // SAFETY: see above.
    let bytes = unsafe { text::bytes(host, RTLS_NUL, MAX_NAME) }?;
    Host::parse(str::from_utf8(bytes).ok()?).ok()
}

pub(super) fn word(bytes: Option<&[u8]>) -> Option<&str> {
    str::from_utf8(bytes?).ok()
}

pub(super) fn reply_code(code: c_int) -> Option<u16> {
    u16::try_from(code)
        .ok()
        .filter(|code| (100..=999).contains(code))
}

/// The text of a reply on one line, whether or not the server has left the code at its lines.
pub(super) fn reply_text(code: u16, text: &str) -> String {
    let code = code.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| {
            let bare = line.strip_prefix(&code);
            bare.and_then(|rest| rest.strip_prefix([' ', '-']))
                .unwrap_or(line)
                .trim()
        })
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

/// The chain as slices; no more and no longer ones than core looks at. A certificate without
/// bytes stays one that cannot be read.
///
/// # Safety
/// `chain` is NULL or an array of `n`, each with as many readable bytes as it says.
pub(super) unsafe fn certificates<'a>(chain: *const rtls_bytes, n: usize) -> Vec<&'a [u8]> {
    if chain.is_null() || !chain.is_aligned() {
        return Vec::new();
    }
    (0..n.min(pkix::MAX_CHAIN + 1))
        .map(|i| {
            // SAFETY: i < n.
            let one = unsafe { *chain.add(i) };
            let data = one.data.cast::<c_char>();
            // SAFETY: see above; a length of RTLS_NUL is no length of a certificate.
            (one.len != RTLS_NUL)
                .then(|| unsafe { text::bytes(data, one.len, pkix::MAX_CERTIFICATE) })
                .flatten()
                .unwrap_or_default()
        })
        .collect()
}
