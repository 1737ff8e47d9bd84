//! A mail world on loopback: what does a mail server meet when it asks for protection?
//!
//! One process, no root: DNS zones signed with keys of their own under a trust anchor of their own
//! ([`DnsWorld`]), with faults for each name ([`Faults`]), in a block of loopback addresses of its
//! own ([`Block`]) and at a time of its own ([`Clock`]).
#![forbid(unsafe_code)]

mod answer;
mod block;
mod clock;
mod denial;
mod dns_message;
mod dns_server;
mod fault;
mod sign;
mod stop;
mod truth;
mod zone;

pub use block::Block;
pub use clock::{Clock, days};
pub use dns_server::{Asked, DnsError, DnsWorld, DnsWorldSpec};
pub use fault::{AuthorityFault, Faults, WireFault};
pub use hickory_resolver::proto;
pub use zone::{KeyType, Zone, ZoneError, rdata};
