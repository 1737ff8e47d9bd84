//! Fuzzes `requiretls_core_fuzz::ehlo`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::ehlo::check(data));
