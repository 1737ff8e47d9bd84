//! Fuzzes `requiretls_core_fuzz::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::session::check(data));
