//! Which Exim is it, and where is its program?

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Installed, Result, bounded, built, target, workspace};
use tempfile::TempDir;

/// Building takes half a minute on an idle machine; other builds may go first.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// One build: the version, the TLS library, and the unpacked stock package that it runs in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) version: &'static str,
    pub(crate) tls: &'static str,
    pub(crate) root: &'static str,
}

/// Debian 12's version.
pub(crate) const OLD: Build = Build {
    version: "4.96",
    tls: "gnutls",
    root: "exim96",
};
/// Debian stable's version.
pub(crate) const STABLE: Build = Build {
    version: "4.98.2",
    tls: "gnutls",
    root: "exim98",
};
pub(crate) const NEWEST: Build = Build {
    version: "4.100",
    tls: "gnutls",
    root: "exim100",
};
pub(crate) const NEWEST_OPENSSL: Build = Build {
    version: "4.100",
    tls: "openssl",
    root: "exim100",
};

impl Build {
    /// The program, built if it is not there.
    pub(crate) fn program(self) -> Result<PathBuf> {
        let prefix = Installed::find()?.libdir();
        let dir = TempDir::new()?;
        let diff = dir.path().join("diff");
        let mut patch = Command::new(built("xtask")?);
        patch
            .args(["exim-patch", self.version, "--output"])
            .arg(&diff);
        bounded::output(&mut patch, BUILD_LIMIT)?;
        let mut build = script();
        build
            .args(["build", self.version, self.tls])
            .arg(&diff)
            .arg(prefix.parent().unwrap_or(&prefix));
        let printed = bounded::output(&mut build, BUILD_LIMIT)?;
        Ok(PathBuf::from(printed.trim()))
    }
}

/// `exim-build.sh`, whose verb is still to be added.
fn script() -> Command {
    let mut command = Command::new("bash");
    command
        .arg(workspace().join("ffi-tests/servers/exim-build.sh"))
        .env("RQ_CACHE", target().join("real-servers"));
    command
}

/// Every anchor is where it was, and no hunk is moved.
#[test]
fn each_version_of_a_stable_debian_takes_the_patch() -> Result<()> {
    takes_the_patch(&["4.96", "4.98.2"])
}

#[test]
#[ignore = "cargo xtask hosts"]
fn the_newest_version_takes_the_patch() -> Result<()> {
    takes_the_patch(&["4.100"])
}

fn takes_the_patch(versions: &[&str]) -> Result<()> {
    for &version in versions {
        let mut patch = Command::new(built("xtask")?);
        let diff = bounded::output(patch.args(["exim-patch", version]), BUILD_LIMIT)?;
        let mut source = script();
        let source = bounded::output(source.args(["source", version]), BUILD_LIMIT)?;
        let mut apply = Command::new("patch");
        apply.args(["-p1", "--dry-run", "--fuzz=0", "-d", source.trim()]);
        let output = bounded::run(&mut apply, diff.as_bytes(), BUILD_LIMIT)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{version}: {said}");
        assert!(!said.contains("offset"), "{version}: {said}");
    }
    Ok(())
}
