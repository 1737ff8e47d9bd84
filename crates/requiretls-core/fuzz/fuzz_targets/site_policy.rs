//! Fuzzes `requiretls_core_fuzz::site_policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::site_policy::check(data));
