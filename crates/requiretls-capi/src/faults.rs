//! Would a tool that watches memory or threads see a fault in here?
//!
//! Two hidden calls with one fault each, for the tests that have such a tool find it. No release has them.

use core::ffi::c_int;
use std::hint::black_box;

/// Reads the byte behind a block of memory.
/// cbindgen:ignore
#[unsafe(no_mangle)]
extern "C" fn rtls_test_read_too_far(len: usize) -> c_int {
    let block = vec![1_u8; len];
    // SAFETY: there is no such byte; that is the fault.
    let byte = unsafe { black_box(block.as_ptr()).add(len).read_volatile() };
    c_int::from(byte)
}

static mut CALLS: c_int = 0;

/// Counts its calls, without a lock.
/// cbindgen:ignore
#[unsafe(no_mangle)]
extern "C" fn rtls_test_count() -> c_int {
    let calls = &raw mut CALLS;
    // SAFETY: another thread may be here at the same time; that is the fault.
    unsafe {
        calls.write_volatile(calls.read_volatile().wrapping_add(1));
        calls.read_volatile()
    }
}
