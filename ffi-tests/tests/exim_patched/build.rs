//! Which Exim is it, and where is its program?

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Installed, Result, bounded, built, target, workspace};

/// Building takes half a minute on an idle machine; other builds may go first.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// One build: the version, the TLS library, and the unpacked stock package that it runs in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) version: &'static str,
    pub(crate) tls: &'static str,
    pub(crate) root: &'static str,
}

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
pub(crate) const OLDEST: Build = Build {
    version: "4.96",
    tls: "gnutls",
    root: "exim96",
};

impl Build {
    /// The program, built if it is not there.
    pub(crate) fn program(self) -> Result<PathBuf> {
        let dir = target().join("real-servers/exim");
        std::fs::create_dir_all(&dir)?;
        let diff = dir.join(format!("{}-{}.diff", self.version, std::process::id()));
        let mut patch = Command::new(built("xtask")?);
        patch
            .args(["exim-patch", self.version, "--output"])
            .arg(&diff);
        bounded::output(&mut patch, BUILD_LIMIT)?;
        let installed = Installed::find()?;
        let prefix = installed.libdir();
        let mut build = script();
        build
            .args(["build", self.version, self.tls])
            .arg(&diff)
            .arg(prefix.parent().unwrap_or(&prefix));
        let printed = bounded::output(&mut build, BUILD_LIMIT);
        std::fs::remove_file(&diff)?;
        Ok(PathBuf::from(printed?.trim()))
    }
}

/// `exim-build.sh`, whose verb is still to be added.
pub(crate) fn script() -> Command {
    let mut command = Command::new("bash");
    command
        .arg(workspace().join("ffi-tests/servers/exim-build.sh"))
        .env("RQ_CACHE", target().join("real-servers"));
    command
}
