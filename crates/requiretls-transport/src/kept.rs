//! May another message ride on this connection?
//!
//! A connection that was kept carries what it proved when it was made. The next message's own plan
//! judges that anew (P9), and what was proved is never renewed by riding on it.

use crate::connection::Connection;
use crate::tls::Tls;
use requiretls_core::next_hop::Host;
use requiretls_core::session::Session;
use std::fmt;
use std::net::IpAddr;

/// An open connection with nothing under way on it.
pub struct Kept {
    pub(crate) connection: Connection,
    pub(crate) host: Host,
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) session: Session,
}

/// A connection that a message is about to ride on.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) connection: Connection,
    pub(crate) host: Host,
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    /// What it has proved; `None` where the gate was shut, which a client that listens never sees.
    pub(crate) session: Option<Session>,
}

impl Open {
    /// As what outlives its message.
    pub(crate) fn keep(self) -> Option<Kept> {
        Some(Kept {
            session: self.session?,
            connection: self.connection,
            host: self.host,
            address: self.address,
            port: self.port,
        })
    }
}

impl From<Kept> for Open {
    fn from(kept: Kept) -> Self {
        Self {
            connection: kept.connection,
            host: kept.host,
            address: kept.address,
            port: kept.port,
            session: Some(kept.session),
        }
    }
}

impl Kept {
    /// The host, by the name it was tried under.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The address that the plan had for it; `None` for a unix socket.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What it proved when it was made.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What was negotiated; `None` in clear.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.connection.tls()
    }

    /// Says QUIT and closes. A connection that is dropped instead is closed without a word.
    pub fn quit(self) {
        self.connection.quit();
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("host", &self.host)
            .field("address", &self.address)
            .field("session", &self.session.to_string())
            .field("tls", &self.connection.tls())
            .finish_non_exhaustive()
    }
}
