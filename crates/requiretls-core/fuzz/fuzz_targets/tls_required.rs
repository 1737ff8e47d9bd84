//! Fuzzes `requiretls_core_fuzz::tls_required`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::tls_required::check(data));
