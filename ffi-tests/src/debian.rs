//! What happens in a Debian that has its package manager, and nothing of ours?
//!
//! Each suite is made by debootstrap once (`servers/servers.sh`). A test lays a layer over it, which keeps what is written for
//! the test's next script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::geteuid;

use crate::servers::script;
use crate::{Failure, Result, bounded, workspace};

/// debootstrap, for the first time.
const MAKE_LIMIT: Duration = Duration::from_secs(600);
/// What a developer of a mail server has, and what `requiretls` depends on.
const WITH: [&str; 4] = ["adduser", "gcc", "libc6-dev", "pkg-config"];

/// One suite.
pub struct Debian(PathBuf);

impl Debian {
    /// The suite's system, made where it is not there yet. Not in a network of servers: it comes from Debian's mirror.
    ///
    /// # Errors
    /// Nobody but root can have it, or it cannot be made.
    pub fn make(suite: &str) -> Result<Self> {
        if !geteuid().is_root() {
            return Err(Failure::new(
                "packages are installed in a system of their own, and that needs root",
            ));
        }
        let mut make = script("system");
        let path = bounded::output(make.arg(suite).args(WITH), MAKE_LIMIT)?;
        Ok(Self(PathBuf::from(path.trim())))
    }

    /// Runs a script above the system, where no network is. The layer is `room`/up.
    #[must_use]
    pub fn alone(&self, room: &Path, commands: &str) -> Command {
        let mut command = script("inside");
        command.args([self.0.as_path(), room]).arg(commands);
        command
    }

    /// The same in the network where `bash` runs, which is a command without arguments.
    #[must_use]
    pub fn joined(&self, mut bash: Command, room: &Path, commands: &str) -> Command {
        let alone = self.alone(room, commands);
        bash.args(alone.get_args());
        bash.envs(
            alone
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        bash.env("RQ_JOIN", "1");
        bash
    }
}

/// The lines of a page's block behind this mark.
///
/// # Errors
/// The page has no such block.
pub fn commands(page: &str, mark: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(workspace().join(page))?;
    let block = text
        .split_once(&format!("<!-- {mark} -->\n```sh\n"))
        .and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.ok_or_else(|| Failure::new(format!("{page} has no block {mark}")))?;
    Ok(block.lines().map(str::to_owned).collect())
}
