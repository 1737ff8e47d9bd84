//! Which mail servers hand over, and what has to be known of each?

use std::collections::BTreeSet;
use std::fs;

use ffi_tests::{Result, Servers, workspace};

use crate::outcome::Outcome;

/// Where the server under test listens.
pub(crate) const ADDRESS: &str = "127.25.0.21";

/// How it hands mail to `requiretls lmtp`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Handing {
    /// It starts a process.
    Process,
    /// It connects to a service.
    Socket,
}

/// One release of one server; its files are below `host`.
pub(crate) trait MailServer: Sync {
    /// The name by which `servers.sh` knows it.
    fn root(&self) -> &'static str;

    /// Writes its configuration.
    fn write(&self, servers: &Servers, handing: Handing) -> Result<()>;

    /// Its log file.
    fn log(&self) -> &'static str;

    /// What became of a recipient last; `None`: nothing is logged yet.
    fn outcome(&self, log: &str, recipient: &str) -> Option<Outcome>;

    /// Whether the reply is in the log where the message was delivered.
    fn logs_what_it_hears(&self) -> bool {
        true
    }

    /// Whether its bounces require what the message required.
    fn bounces_require(&self) -> bool {
        true
    }

    /// The recipients that are in its queue.
    fn waiting(&self, servers: &Servers) -> Result<BTreeSet<String>>;

    /// Has it try now what is in the queue.
    fn flush(&self, servers: &Servers) -> Result<()>;
}

/// Puts what is shipped for a server where a package puts it.
pub(crate) fn share(servers: &Servers, name: &str) -> Result<()> {
    let to = format!("host/up/usr/share/requiretls/{name}");
    for entry in workspace()
        .join("crates/requiretls-capi/hosts")
        .join(name)
        .read_dir()?
    {
        let file = entry?;
        if file.file_type()?.is_dir() {
            // For other ways of using the library with this server.
            continue;
        }
        let name = file.file_name();
        let text = fs::read_to_string(file.path())?;
        servers.write(&format!("{to}/{}", name.to_string_lossy()), &text)?;
    }
    Ok(())
}
