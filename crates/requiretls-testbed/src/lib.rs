//! A mail world on loopback: what does a mail server meet when it asks for protection?
#![forbid(unsafe_code)]

mod listener;
pub mod peer;
pub mod pki;
pub mod session_log;
pub mod smtp_peer;
pub mod sts_server;
mod tls;
