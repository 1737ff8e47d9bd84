//! How is the commonest change made?
//!
//! Walk-throughs for whoever changes the library: the places, in the order to visit them, and what
//! tells that one was forgotten. They hold nothing but documentation, so that its links are checked
//! with all the others.
//!
//! - [`add_a_parameter`]: a further way to ask in MAIL FROM.
//! - A further call of the C ABI: the module `manual` of `requiretls-capi`.
//! - A further key of the configuration: `keys.toml` beside the configuration in
//!   `requiretls-engine`, whose tests name what is missing.

pub mod add_a_parameter;
