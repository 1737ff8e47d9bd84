//! Per-message TLS policy for SMTP: facts in, actions out.
//!
//! A mail server asks two questions. At MAIL FROM parse time: *what did the sender require?*
//! ([`mail_param`], [`tls_required`], [`tag`]). At outbound connection time: *may this message go
//! to that host, and how?* ([`facts`] and a [`requirement`] make a [`plan`]; a [`delivery`] follows
//! the plan over all hosts tried and gives the verdict).
//!
//! Nothing here opens a descriptor, starts a thread or reads a clock: times, DNS answers, trust
//! roots and certificate chains are handed in. Statement ids such as R18 or P6.12 refer to the
//! statements that the tests cite.
#![forbid(unsafe_code)]

pub mod authenticate;
pub mod case;
pub mod connection;
pub mod dane;
pub mod decision;
pub mod delivery;
pub mod domain;
pub mod dsn;
pub mod ehlo;
pub mod facts;
pub mod log_line;
pub mod mail_param;
pub mod manual;
pub mod mta_sts;
pub mod need;
pub mod negotiated;
pub mod next_hop;
pub mod pkix;
pub mod plan;
pub mod reply;
pub mod requirement;
pub mod session;
pub mod site_policy;
pub mod tag;
pub mod tls_level;
pub mod tls_required;
pub mod tlsrpt;
mod txt_record;
