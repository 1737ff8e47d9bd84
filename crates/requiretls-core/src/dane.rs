//! What do a host's TLSA records ask for, and does this chain give it?
//!
//! RFC 7672, 7671 and 6698. DNS is the caller's: it asks [`base`] which names to try and hands in
//! the records ([`TlsaRecord`]); what a chain proves is judged in [`crate::authenticate`].

pub mod base;
pub(crate) mod certificate;
pub(crate) mod name_check;
mod tlsa;
pub(crate) mod verify;

pub(crate) use tlsa::DANE_TA;
pub use tlsa::{TlsaRecord, Unusable, any_usable};
