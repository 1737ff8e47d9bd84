//! Fuzzes `requiretls_core_fuzz::mail_param`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| requiretls_core_fuzz::mail_param::check(data));
