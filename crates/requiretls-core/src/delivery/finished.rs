//! What has each try come to, for the domain that is told of it afterwards?

use super::Delivery;
use super::attempt::{Current, Step};
use crate::connection::Connection;
use crate::decision::Row;
use crate::tlsrpt::Session;

/// A try that is over.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// The plan's candidate.
    pub(crate) index: usize,
    /// Its address.
    pub(crate) address: usize,
    /// What the connection has shown.
    pub(crate) seen: Connection,
    /// The row that ended it; `None`: the host settled the message.
    pub(crate) row: Option<Row>,
    /// The gate was opened on it.
    pub(crate) cleared: bool,
}

impl Delivery {
    /// The tries as sessions of a TLS report, in the order made: those that are something to one
    /// (T2 to T5, T8). A message on an open connection makes no session of its own.
    pub fn tls_sessions(&self) -> impl Iterator<Item = Session> {
        self.finished
            .iter()
            .filter_map(|finished| Session::of(&self.plan, finished))
    }
}

impl Current {
    /// `row`: what ended it. `None` for a host that the plan has not, and for an open connection.
    pub(super) fn finished(&self, row: Option<Row>) -> Option<Finished> {
        Some(Finished {
            index: self.index?,
            address: self.address,
            seen: self.seen.clone(),
            row,
            cleared: matches!(self.step, Step::Sent | Step::Done),
        })
    }
}
