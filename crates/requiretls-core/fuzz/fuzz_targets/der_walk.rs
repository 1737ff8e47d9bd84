//! Fuzzes `requiretls_core_fuzz::der_walk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::der_walk::check(data));
