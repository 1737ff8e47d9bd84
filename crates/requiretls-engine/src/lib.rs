//! The edge: descriptors, the clock, DNS, HTTPS and files.
//!
//! The engine finds the facts that [`requiretls_core`] decides by. It knows no policy: a question
//! of the form "is that good enough?" belongs in core. One call waits, [`Discovery::lookup`], and
//! it waits no longer than its [`Deadline`]. Between calls everything here is plain memory: no
//! descriptor, lock or thread, so that a context works in parent and child after `fork()`.
//!
//! # A mail server in Rust
//!
//! It has the same engine as one in C: `requiretls-capi` reads arguments, calls what is called here,
//! and writes the answers. This is both questions, with a peer whose replies stand in the program; a
//! whole client is `requiretls-transport`.
//!
//! ```
//! use requiretls_core::authenticate::{Evidence, Site, authenticate};
//! use requiretls_core::delivery::{Action, Delivery, End};
//! use requiretls_core::ehlo::{self, EhloReply};
//! use requiretls_core::mail_param::MailParams;
//! use requiretls_core::next_hop::{Host, NextHop};
//! use requiretls_core::plan::{Message, Plan};
//! use requiretls_core::tag;
//! use requiretls_engine::{Config, Deadline, Discovery, Question};
//! use std::path::Path;
//! use std::time::Duration;
//!
//! // Once, before chroot and setuid. Config::load(None) reads the built-in path.
//! let text = b"[cache]\ndirectory = \"\"\n[next_hop.\"192.0.2.1\"]\nhop = \"encrypt\"\n";
//! let config = Config::parse(text, Path::new("requiretls.conf"))?;
//! let discovery = Discovery::open(&config)?;
//!
//! // Inbound: what did the sender require? The client is inside TLS.
//! let receiving = config.receiving;
//! let offered = ehlo::keywords(receiving.dialects, receiving.advertise, true);
//! assert_eq!(offered.collect::<Vec<_>>(), ["REQUIRETLS"]);
//! let mut mail = MailParams::new(receiving.dialects, receiving.advertise, true);
//! let _ = mail.line(b"MAIL FROM:<ann@example.org> SIZE=100 REQUIRETLS");
//! let _ = mail.header(b"TLS-Required", b" No"); // when DATA has brought it: overruled
//! let requirement = mail.end()?; // or the refusal, with its reply
//! let kept = tag::write(requirement);
//! assert_eq!(kept, "1.secure.onward");
//!
//! // Outbound: may the message go to this next hop?
//! let next_hop = NextHop::parse("192.0.2.1")?;
//! let rule = config.rules.look_up(&next_hop).map_err(Clone::clone)?;
//! let message = Message {
//!     requirement: tag::parse(&kept)?, // unreadable: defer, 451 4.3.0
//!     ..Message::default()
//! };
//! let facts = discovery.lookup(
//!     &Question {
//!         next_hop: &next_hop,
//!         hosts: &[],
//!         port: rule.port.unwrap_or(25),
//!         rule,
//!         requiring: message.requirement.requiring().is_some(),
//!     },
//!     &Deadline::after(Duration::from_secs(20)),
//! );
//! let site = Site::of(&rule.methods);
//! let settings = config.sending.settings;
//! let mut delivery = Delivery::new(Plan::new(next_hop, message, rule.clone(), settings, facts));
//! assert!(delivery.plan().refused().is_none(), "else delivery.verdict() says why");
//!
//! // And to this host, over this connection? After each step the answer says what comes next.
//! assert_eq!(delivery.host(&Host::parse("192.0.2.1")?), Action::Go);
//! let reply = EhloReply::parse(b"250-mx.example.net\r\n250 STARTTLS\r\n");
//! assert_eq!(delivery.ehlo(&reply), Action::StartTls);
//! assert_eq!(delivery.tls(Some("TLSv1.3"), Some("TLS_AES_256_GCM_SHA384")), Action::Go);
//! let chain: &[&[u8]] = &[]; // as the peer sent it, DER; none here
//! let now = discovery.clock().now()?;
//! let current = delivery.current().and_then(|host| delivery.plan().reference(host, site));
//! let evidence = match current {
//!     Some(reference) => authenticate(&reference, chain, &discovery.roots().roots(), now),
//!     None => Evidence::not_supplied(),
//! };
//! assert_eq!(delivery.peer(evidence), Action::Go, "the site asks for encryption alone");
//! let reply = EhloReply::parse(b"250-mx.example.net\r\n250 REQUIRETLS\r\n");
//! assert_eq!(delivery.ehlo(&reply), Action::Go);
//!
//! // The last gate, right before MAIL FROM.
//! let sends = match delivery.mail_params(now) {
//!     Ok(clearance) => clearance.mail_params().to_owned(),
//!     Err(_) => unreachable!("send nothing"),
//! };
//! assert_eq!(sends, " REQUIRETLS");
//! assert_eq!(delivery.mail_reply(250, "OK"), Action::Go);
//! assert_eq!(delivery.done(End::Reply(250)), Action::Go);
//! discovery.note(&delivery);
//! assert_eq!(delivery.verdict().action, Action::Go);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
