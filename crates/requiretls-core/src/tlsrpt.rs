//! Where does a domain want reports about TLS failures to go, and what do they say?
//!
//! RFC 8460. The record that asks for reports ([`Record`]), what one connection is to a report
//! ([`Session`]), the result types ([`ResultType`]), and the report of one day ([`report`],
//! [`day`]). Keeping the sessions of a day and sending its report is the caller's.

pub mod day;
mod record;
pub mod report;
mod result_type;
mod session;

pub use crate::plan::PolicyType;
pub use record::{Record, RecordError, record_name};
pub use result_type::{Failure, ResultType};
pub use session::{Judged, Policy, Session};
