//! Where is the installed library, and how does a program build against it?

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::{Failure, Result, bounded};

/// Where `cargo xtask test` installs the library of the Debian packages below `target/installed`.
const PREFIX: &str = "opt/requiretls";
/// The short way, without packages.
const INSTALL: &str = "cargo xtask dist --destdir target/installed --prefix /opt/requiretls";

/// The root of the source tree.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target directory.
#[must_use]
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace().join(dir),
        None => workspace().join("target"),
    }
}

/// A program of the workspace, built beside the tests: "requiretls" or "testbed".
///
/// # Errors
/// It is not there.
pub fn built(program: &str) -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let found = tests
        .ancestors()
        .skip(1)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file() && path.starts_with(target()));
    found.ok_or_else(|| {
        Failure::new(format!(
            "{program} is not built: cargo build -p requiretls-cli -p requiretls-testbed"
        ))
    })
}

/// Which of the two libraries a program is linked with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Linking {
    /// `librequiretls.so`.
    Shared,
    /// `librequiretls.a`; other libraries stay shared.
    Static,
}

/// The installed tree.
pub struct Installed {
    destdir: PathBuf,
}

impl Installed {
    /// The tree that `cargo xtask test` installed.
    ///
    /// # Errors
    /// There is none, or the sources are newer.
    pub fn find() -> Result<Self> {
        let installed = Self {
            destdir: target().join("installed"),
        };
        let library = installed.shared_object();
        must_be_fresh(&library, INSTALL)?;
        Ok(installed)
    }

    /// `librequiretls.so`, behind its links.
    #[must_use]
    pub fn shared_object(&self) -> PathBuf {
        self.libdir().join("librequiretls.so")
    }

    /// The directory of the libraries.
    #[must_use]
    pub fn libdir(&self) -> PathBuf {
        self.destdir.join(PREFIX).join("lib")
    }

    /// The directory of the header.
    #[must_use]
    pub fn includedir(&self) -> PathBuf {
        self.destdir.join(PREFIX).join("include")
    }

    /// The directory of the manual pages.
    #[must_use]
    pub fn mandir(&self) -> PathBuf {
        self.destdir.join(PREFIX).join("share/man")
    }

    /// What `pkg-config` says for `arguments`, in words.
    ///
    /// # Errors
    /// pkg-config is missing, or does not know the package.
    pub fn pkg_config(&self, arguments: &[&str]) -> Result<Vec<String>> {
        need("pkg-config", "pkg-config")?;
        let mut command = Command::new("pkg-config");
        command
            .args(arguments)
            .env("PKG_CONFIG_PATH", self.libdir().join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", &self.destdir);
        let said = bounded::output(&mut command, Duration::from_secs(20))?;
        Ok(said.split_whitespace().map(str::to_owned).collect())
    }

    /// Compiles and links one C program of one file with the shared library.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn compile(
        &self,
        source: &Path,
        program: &Path,
        flags: &[&str],
        packages: &[&str],
    ) -> Result<()> {
        let sources = [source.to_path_buf()];
        self.link(&sources, program, flags, packages, Linking::Shared)
    }

    /// Compiles and links one C program with what pkg-config says for `packages`, and nothing else.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn link(
        &self,
        sources: &[PathBuf],
        program: &Path,
        flags: &[&str],
        packages: &[&str],
        linking: Linking,
    ) -> Result<()> {
        let mut command = compiler()?;
        command.args(flags).args(sources).arg("-o").arg(program);
        // What follows are libraries, in whichever language the files before were.
        command.args(["-x", "none"]);
        let (ours, others): (Vec<&str>, Vec<&str>) = packages
            .iter()
            .partition(|package| **package == "requiretls");
        let words: &[&str] = match linking {
            Linking::Shared => &["--cflags", "--libs"],
            Linking::Static => &["--static", "--cflags", "--libs"],
        };
        for word in self.pkg_config(&[words, &ours].concat())? {
            // With both libraries in one directory the linker would take the shared one.
            let archive = linking == Linking::Static && word == "-lrequiretls";
            command.arg(if archive { "-l:librequiretls.a" } else { &word });
        }
        if !others.is_empty() {
            command.args(self.pkg_config(&[&["--cflags", "--libs"], others.as_slice()].concat())?);
        }
        if linking == Linking::Shared {
            // A system's own library directory needs no such thing.
            command.arg(format!("-Wl,-rpath,{}", self.libdir().display()));
        }
        bounded::output(&mut command, Duration::from_secs(120)).map(drop)
    }
}

/// The C compiler.
///
/// # Errors
/// There is none.
pub fn compiler() -> Result<Command> {
    let name = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    need(&name, "gcc")?;
    Ok(Command::new(name))
}

/// Fails where a program is not on the machine.
pub(crate) fn need(program: &str, package: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if program.contains('/') || std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{program} is missing on this machine: apt-get install {package}"
    )))
}

/// Fails where a file of a package is not on the machine.
pub(crate) fn need_file(path: &str, package: &str) -> Result<()> {
    if Path::new(path).exists() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{path} is missing on this machine: apt-get install {package}"
    )))
}

/// The library that has hidden calls besides, which no release has.
///
/// # Errors
/// As [`Installed::find`].
pub fn hooked() -> Result<PathBuf> {
    let library = target().join("hooked/librequiretls.so");
    must_be_fresh(&library, "cargo xtask dist --hooked")?;
    Ok(library)
}

/// Fails where what was built of the library is not there, or older than its sources.
///
/// # Errors
/// It is so: with the command that builds it.
pub fn must_be_fresh(library: &Path, how: &str) -> Result<()> {
    let built = modified(library)
        .map_err(|_| Failure::new(format!("{} is not built: {how}", library.display())))?;
    for crate_name in ["core", "engine", "capi"] {
        let dir = workspace().join(format!("crates/requiretls-{crate_name}"));
        if let Some(newer) = newer_file(&dir, built)? {
            let (newer, library) = (newer.display(), library.display());
            return Err(Failure::new(format!(
                "{newer} is newer than {library}: {how}"
            )));
        }
    }
    Ok(())
}

const PACKAGES: [&str; 4] = [
    "librequiretls0",
    "librequiretls-dev",
    "requiretls",
    "requiretls-exim",
];

/// The packages that `cargo xtask deb --for-tests` built, if they are of these sources.
///
/// # Errors
/// They are not there, or the sources are newer.
pub fn packages() -> Result<Vec<PathBuf>> {
    let version = env!("CARGO_PKG_VERSION");
    let build = "cargo xtask deb --for-tests";
    let dir = target().join("packages/first");
    let mut found = Vec::new();
    for name in PACKAGES {
        let start = format!("{name}_{version}-");
        let entries = dir
            .read_dir()
            .map_err(|_| Failure::new(format!("there are no packages: {build}")))?;
        for entry in entries {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with(&start) && file.ends_with(".deb") {
                must_be_fresh(&path, build)?;
                found.push(path);
            }
        }
    }
    if found.len() != PACKAGES.len() {
        return Err(Failure::new(format!(
            "packages are missing in {}: {build}",
            dir.display()
        )));
    }
    Ok(found)
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    path.metadata()?.modified()
}

fn newer_file(dir: &Path, than: SystemTime) -> Result<Option<PathBuf>> {
    for entry in dir.read_dir()? {
        let path = entry?.path();
        // No part of the library: its tests, and what mail servers are given to call it.
        let apart = ["tests", "tests.rs", "hosts"]
            .iter()
            .any(|name| path.ends_with(name));
        let found = if apart {
            None
        } else if path.is_dir() {
            newer_file(&path, than)?
        } else {
            (modified(&path)? > than).then_some(path)
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
