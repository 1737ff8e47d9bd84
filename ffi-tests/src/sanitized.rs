//! How is a program linked with a library that a sanitizer looks at?
//!
//! `cargo xtask sanitize` made the library. The run-time library is the one that belongs to rustc; the C compiler instruments
//! the program for it, and leaves its own out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::example::Built;
use crate::installed::{must_be_fresh, target};
use crate::{Example, Failure, Result, bounded, compiler, workspace};

const LIMIT: Duration = Duration::from_secs(120);

/// What is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sanitizer {
    /// `AddressSanitizer`, with the search for leaks.
    Address,
    /// `ThreadSanitizer`.
    Thread,
}

impl Sanitizer {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Thread => "thread",
        }
    }

    fn runtime(self) -> &'static str {
        match self {
            Self::Address => "librustc-stable_rt.asan.a",
            Self::Thread => "librustc-stable_rt.tsan.a",
        }
    }
}

/// The library, instrumented.
pub struct Sanitized {
    sanitizer: Sanitizer,
    dir: PathBuf,
    runtime: PathBuf,
}

impl Sanitized {
    /// The one for this sanitizer.
    ///
    /// # Errors
    /// It was not built, or the sources are newer.
    pub fn find(sanitizer: Sanitizer) -> Result<Self> {
        let dir = target().join("sanitize").join(sanitizer.name());
        must_be_fresh(&dir.join("librequiretls.a"), "cargo xtask sanitize")?;
        let mut rustc = Command::new("rustc");
        let lib = bounded::output(rustc.args(["--print", "target-libdir"]), LIMIT)?;
        let runtime = Path::new(lib.trim()).join(sanitizer.runtime());
        if !runtime.exists() {
            return Err(Failure::new(format!("{} is missing", runtime.display())));
        }
        Ok(Self {
            sanitizer,
            dir,
            runtime,
        })
    }

    /// Builds one of the programs.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn build(&self, example: &Example) -> Result<Built> {
        let dir = TempDir::new()?;
        let program = dir.path().join(example.name);
        let mut link = compiler()?;
        link.arg("-o").arg(&program).arg("-rdynamic");
        for source in example.sources {
            let object = dir.path().join(format!("{source}.o"));
            let mut compile = compiler()?;
            compile
                .args(["-std=c89", "-g", "-c", "-o"])
                .arg(&object)
                .arg(format!("-fsanitize={}", self.sanitizer.name()))
                .arg(format!("-I{}", workspace().join("include").display()))
                .arg(workspace().join(format!("ffi-tests/c/{source}.c")));
            bounded::output(&mut compile, LIMIT)?;
            link.arg(object);
        }
        // A program finds the hidden calls by name, so nothing refers to them.
        for hook in self.lines("hooks")? {
            link.arg(format!("-Wl,-u,{hook}"));
        }
        link.arg(self.dir.join("librequiretls.a"))
            .arg("-Wl,--whole-archive")
            .arg(&self.runtime)
            .arg("-Wl,--no-whole-archive")
            .args(self.lines("libraries")?)
            .args(["-lpthread", "-ldl", "-lrt", "-lm", "-lresolv"]);
        if !example.packages.is_empty() {
            let mut libraries = Command::new("pkg-config");
            libraries.arg("--libs").args(example.packages);
            link.args(bounded::output(&mut libraries, LIMIT)?.split_whitespace());
        }
        bounded::output(&mut link, LIMIT)?;
        Ok(Built::new(program, dir))
    }

    fn lines(&self, name: &str) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.dir.join(name))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}
