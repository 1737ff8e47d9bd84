//! A mail world on loopback: what does a mail server meet when it asks for protection?
//!
//! One process, no root: DNS zones signed with keys of their own under a trust anchor of their own
//! ([`DnsWorld`]), with faults for each name ([`Faults`]), policy hosts ([`StsServer`]), mail
//! servers with one defect each ([`Peer`]) that write down what they receive ([`SessionLog`]), in a
//! block of loopback addresses of its own ([`Block`]) and at a time of its own ([`Clock`]). A
//! [`World`] puts them together, and a [`Judge`] says whether a message came where it must not.
#![forbid(unsafe_code)]

mod answer;
mod block;
mod catalogue;
mod clock;
mod denial;
mod dns_message;
mod dns_server;
mod domain;
mod fault;
mod judge;
mod listener;
mod peer;
mod pki;
mod session_log;
mod sign;
mod smtp_peer;
mod stop;
mod sts_server;
mod tls;
mod trusting;
mod truth;
mod world;
mod zone;

pub use block::Block;
pub use catalogue::catalogue;
pub use clock::{Clock, days};
pub use dns_server::{Asked, DnsError, DnsWorld, DnsWorldSpec};
pub use domain::Domain;
pub use fault::{AuthorityFault, Faults, WireFault};
pub use hickory_resolver::proto;
pub use judge::{Judge, MayArrive, Only, SCENARIO_FIELD, Shown};
pub use peer::{Lax, Peer, Step, Tls};
pub use pki::{Certificate, Credential, Pki, Tlsa, WRONG_NAME};
pub use session_log::{Leak, Message, Session, SessionLog, TAG_FIELD};
pub use smtp_peer::SmtpPeer;
pub use sts_server::{PATH, REDIRECTED_PATH, Request, Sts, StsServer, TOO_LONG};
pub use trusting::trusting;
pub use world::{
    ANCHOR_FILE, CA_FILE, CONFIG_FILE, DNS_PORT, DOMAINS_FILE, DnsMode, HTTPS_PORT, SMTP_PORT,
    World, WorldBuilder, WorldError,
};
pub use zone::{KeyType, Zone, ZoneError, rdata};
