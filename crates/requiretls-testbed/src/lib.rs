//! A mail world on loopback.
#![forbid(unsafe_code)]
