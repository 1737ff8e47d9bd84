//! Fuzzes what a client of the LMTP server says, which is the transport's to read.
#![no_main]

#[path = "../src/lmtp.rs"]
mod lmtp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| lmtp::check(data));
