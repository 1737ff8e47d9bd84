//! The C ABI of librequiretls.
//!
//! Everything that is exported here is documented for C programs, in the words of the generated
//! header: the comment on a call is its whole contract, and the safety contract of the Rust item.
//! All unsafe code of the library is in this crate.
//!
//! - [`abi`]: the numbers and layouts, frozen.
//! - `guard`: the panic boundary; every export runs inside it.
//! - `handle`, `text`: pointers in, texts out; the only casts.
//! - `ctx`, `version`, `log`, `mail`, `plan`: the calls, in the order of the header.
//! - [`manual`]: how a call is added.
#![allow(unsafe_code)]
// The header is the contract: what a caller owes stands in each comment, in the words of C.
// Brackets in them are brackets.
#![allow(clippy::missing_safety_doc, clippy::doc_markdown)]
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]
// C names.
#![allow(non_camel_case_types)]

pub mod abi;
pub mod ctx;
mod guard;
mod handle;
pub mod log;
pub mod mail;
pub mod manual;
pub mod plan;
mod text;
pub mod version;

#[cfg(test)]
mod tests;
