//! Fuzzes `requiretls_core_fuzz::sts_record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::sts_record::check(data));
