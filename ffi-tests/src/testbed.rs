//! Who are the peers when every defect is wanted, one at a time?
//!
//! The world of `requiretls-testbed`, in a process of its own: the domains of its catalogue.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{Failure, Result, built};

/// The running world; it ends when this is dropped.
pub struct Testbed {
    child: Child,
    dir: TempDir,
}

impl Testbed {
    /// Starts one. Its resolver passes DNSSEC records on, and its configuration says to validate them.
    ///
    /// # Errors
    /// It is not built, or does not come up.
    pub fn start() -> Result<Self> {
        let dir = TempDir::new()?;
        let mut child = Command::new(built("testbed")?)
            .args([
                "serve".as_ref(),
                dir.path().as_os_str(),
                "validate".as_ref(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let testbed = Self { child, dir };
        if line.trim_end() == "ready" {
            Ok(testbed)
        } else {
            Err(Failure::new(format!("the testbed said {line:?}")))
        }
    }

    /// The library's configuration file for this world.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.dir.path().join("requiretls.conf")
    }

    /// Where the hosts of a domain listen.
    ///
    /// # Errors
    /// There is no such domain.
    pub fn port(&self, domain: &str) -> Result<String> {
        let domains = fs::read_to_string(self.dir.path().join("domains.txt"))?;
        let found = domains.lines().find_map(|line| {
            let rest = line.strip_prefix(domain)?.strip_prefix(' ')?;
            rest.split(' ').next().map(str::to_owned)
        });
        found.ok_or_else(|| Failure::new(format!("the world has no {domain}")))
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        // It ends when its standard input does; the kill is for one that does not.
        drop(self.child.stdin.take());
        let end = Instant::now() + Duration::from_secs(2);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
