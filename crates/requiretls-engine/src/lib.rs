//! The edge: descriptors, the clock, DNS, HTTPS and files.
//!
//! The engine finds the facts that [`requiretls_core`] decides by. It knows no policy: a question
//! of the form "is that good enough?" belongs in core. One call waits, [`Discovery::lookup`], and
//! it waits no longer than its [`Deadline`]. Between calls everything here is plain memory: no
//! descriptor, lock or thread, so that a context works in parent and child after `fork()`.
#![forbid(unsafe_code)]

pub mod cache;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod discovery;
pub mod dns;
pub mod roots;
pub mod sts_fetch;

pub use cache::Cache;
pub use config::{Config, ConfigError};
pub use deadline::Deadline;
pub use discovery::{Discovery, Question};
