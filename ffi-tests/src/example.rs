//! Which C programs show how the library is used, and what does it take to build them?
//!
//! All of them are in `ffi-tests/c`. pkg-config says everything that the compiler and the linker have to know.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::installed::{Linking, need_file};
use crate::{Failure, Installed, Result, bounded, compiler, workspace};

const LIMIT: Duration = Duration::from_secs(120);

/// One program.
#[derive(Debug)]
pub struct Example {
    /// What it is called.
    pub name: &'static str,
    /// Its files, without their ending.
    pub(crate) sources: &'static [&'static str],
    /// What pkg-config is asked for besides `requiretls`.
    pub(crate) packages: &'static [&'static str],
    /// What else it needs.
    flags: &'static [&'static str],
    /// Whether it includes our header and the C library's alone.
    plain: bool,
}

/// What every one of them is compiled with.
const STRICT: [&str; 5] = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-g"];

/// All programs.
pub static EXAMPLES: [Example; 9] = [
    Example {
        name: "inbound",
        sources: &["inbound"],
        packages: &[],
        flags: &[],
        plain: true,
    },
    Example {
        name: "policy",
        sources: &["policy"],
        packages: &[],
        flags: &[],
        plain: true,
    },
    Example {
        name: "reload",
        sources: &["reload"],
        packages: &[],
        flags: &[],
        plain: true,
    },
    Example {
        name: "sender",
        sources: &["sender", "deliver", "smtp", "tls_openssl"],
        packages: &["openssl"],
        flags: &[],
        plain: false,
    },
    Example {
        name: "sender-gnutls",
        sources: &["sender", "deliver", "smtp", "tls_gnutls"],
        packages: &["gnutls"],
        flags: &[],
        plain: false,
    },
    Example {
        name: "event_loop",
        sources: &["event_loop", "lookups", "tls_openssl"],
        packages: &["openssl"],
        flags: &["-pthread"],
        plain: false,
    },
    Example {
        name: "event_loop-gnutls",
        sources: &["event_loop", "lookups", "tls_gnutls"],
        packages: &["gnutls"],
        flags: &["-pthread"],
        plain: false,
    },
    // What not to do.
    Example {
        name: "misuse",
        sources: &["misuse"],
        packages: &[],
        flags: &[],
        plain: false,
    },
    Example {
        name: "milter",
        sources: &["milter"],
        packages: &["milter"],
        flags: &["-pthread"],
        plain: false,
    },
];

/// What the tests of one room need besides: they show nobody how the library is used.
static PROBES: [Example; 11] = [
    probe("callbacks", &["callbacks"], &[], &["-pthread"]),
    probe("process", &["process", "story"], &[], &["-pthread"]),
    probe("children", &["children", "story"], &[], &[]),
    probe("threads", &["threads", "story"], &[], &["-pthread"]),
    probe("forks", &["forks"], &[], &["-pthread"]),
    probe("reloads", &["reloads"], &[], &["-pthread"]),
    probe("jail", &["jail", "story"], &[], &[]),
    probe("loads", &["loads"], &[], &["-pthread"]),
    probe("planted", &["planted"], &[], &["-pthread"]),
    probe("jumps", &["jumps"], &[], &[]),
    probe(
        "two_libraries",
        &["two_libraries", "story"],
        &["openssl", "gnutls"],
        &[],
    ),
];

const fn probe(
    name: &'static str,
    sources: &'static [&'static str],
    packages: &'static [&'static str],
    flags: &'static [&'static str],
) -> Example {
    Example {
        name,
        sources,
        packages,
        flags,
        plain: false,
    }
}

/// A program that was built; it goes with its directory.
pub struct Built {
    program: PathBuf,
    _dir: TempDir,
}

impl Built {
    pub(crate) fn new(program: PathBuf, dir: TempDir) -> Self {
        Self { program, _dir: dir }
    }

    /// Where it is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs it with a configuration, plainly and under valgrind: both must end well, and say nothing.
    ///
    /// # Errors
    /// What was said, and how it ended.
    pub fn runs_silently(&self, config: &str) -> Result<()> {
        let dir = TempDir::new()?;
        let file = dir.path().join("requiretls.conf");
        std::fs::write(&file, config)?;
        let plainly = Command::new(&self.program);
        let mut watched = Command::new("valgrind");
        watched.args(VALGRIND).arg(&self.program);
        for mut command in [plainly, watched] {
            let output = bounded::run(command.arg(&file), b"", RUN_LIMIT)?;
            let said = [output.stdout, output.stderr].concat();
            if !output.status.success() || !said.is_empty() {
                let said = String::from_utf8_lossy(&said);
                return Err(Failure::new(format!("{}: {said}", output.status)));
            }
        }
        Ok(())
    }
}

const RUN_LIMIT: Duration = Duration::from_secs(120);
/// What is kept in process is held by a pointer into its middle, which is "possibly lost" where a child ends with it, in the
/// middle of a call too.
const VALGRIND: [&str; 5] = [
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--show-leak-kinds=definite",
];

impl Example {
    /// The one of this name.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test has its name wrong")]
    pub fn named(name: &str) -> &'static Self {
        let found = EXAMPLES
            .iter()
            .chain(&PROBES)
            .find(|example| example.name == name);
        found.expect("an example of this name")
    }

    /// The languages that it is written in, as the compiler's options.
    #[must_use]
    pub fn languages(&self) -> &'static [&'static [&'static str]] {
        const ALL: [&[&str]; 3] = [&["-std=c89"], &["-std=c17"], &["-x", "c++", "-std=c++98"]];
        if self.plain { &ALL } else { &ALL[..2] }
    }

    /// Builds it as C89, with the shared library.
    ///
    /// # Errors
    /// As [`Example::build_as`].
    pub fn build(&self, installed: &Installed) -> Result<Built> {
        self.build_as(installed, &["-std=c89"], Linking::Shared)
    }

    /// Builds it without the library, which it loads by itself.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn build_unlinked(&self, installed: &Installed) -> Result<Built> {
        let dir = TempDir::new()?;
        let program = dir.path().join(self.name);
        let mut cc = compiler()?;
        cc.arg("-std=c89").args(STRICT).args(self.flags);
        cc.arg("-I").arg(installed.includedir());
        for source in self.sources {
            cc.arg(workspace().join(format!("ffi-tests/c/{source}.c")));
        }
        bounded::output(cc.arg("-o").arg(&program).arg("-ldl"), LIMIT)?;
        Ok(Built::new(program, dir))
    }

    /// Builds it.
    ///
    /// # Errors
    /// What the compiler said, or what is missing.
    pub fn build_as(
        &self,
        installed: &Installed,
        language: &[&str],
        linking: Linking,
    ) -> Result<Built> {
        for package in self.packages {
            match *package {
                "openssl" => need_file("/usr/include/openssl/ssl.h", "libssl-dev")?,
                "gnutls" => need_file("/usr/include/gnutls/gnutls.h", "libgnutls28-dev")?,
                _ => need_file("/usr/include/libmilter/mfapi.h", "libmilter-dev")?,
            }
        }
        let dir = TempDir::new()?;
        let program = dir.path().join(self.name);
        let sources: Vec<PathBuf> = self
            .sources
            .iter()
            .map(|name| workspace().join(format!("ffi-tests/c/{name}.c")))
            .collect();
        let flags = [language, &STRICT, self.flags].concat();
        let packages = [&["requiretls"], self.packages].concat();
        installed.link(&sources, &program, &flags, &packages, linking)?;
        Ok(Built::new(program, dir))
    }
}
