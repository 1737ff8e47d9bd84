//! The requiretls command.
#![forbid(unsafe_code)]
fn main() {}
