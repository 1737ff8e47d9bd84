//! What does a C program get?
//!
//! `librequiretls.so` with its links, `librequiretls.a`, `requiretls.h`, `requiretls.pc` and the manual pages. The shared
//! object is linked from the static library by the C compiler: rustc's own version script cannot be replaced, and would give
//! the symbols no version. `-z nodelete`, because the Rust runtime leaves thread-local destructors behind that must not be
//! unmapped.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use crate::command::{self, cargo};
use crate::sanitize::{self, Sanitizer};
use crate::{Result, header, man, tree};

/// Where to install.
#[derive(Args)]
pub(crate) struct Options {
    /// Put this in front of every path when installing, and into none of the files
    #[arg(long, default_value = "/")]
    pub(crate) destdir: PathBuf,
    /// Where the library will live
    #[arg(long, default_value = "/usr/local")]
    pub(crate) prefix: PathBuf,
    /// The configuration is SYSCONFDIR/requiretls/requiretls.conf, when a program names no other
    #[arg(long, default_value = "/etc")]
    pub(crate) sysconfdir: PathBuf,
    /// Where the libraries go, below the prefix if relative
    #[arg(long, default_value = "lib")]
    pub(crate) libdir: PathBuf,
    /// For tests, instead: target/hooked/librequiretls.so, with hidden calls that no release has
    #[arg(long, hide = true)]
    pub(crate) hooked: bool,
}

/// What the shared object may have at most, stripped, in bytes.
pub(crate) const MOST_STRIPPED: u64 = 3_000_000;

/// How large the libraries are.
pub(crate) struct Sizes {
    shared: u64,
    stripped: u64,
    archive: u64,
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shared,
            stripped,
            archive,
        } = self;
        write!(
            f,
            "librequiretls.so {shared} bytes, {stripped} stripped; librequiretls.a {archive} bytes"
        )
    }
}

impl Sizes {
    /// Fails where the shared object has grown too large.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stripped > MOST_STRIPPED {
            let Self { stripped, .. } = self;
            return Err(format!("librequiretls.so has {stripped} bytes when it is stripped, and may have {MOST_STRIPPED}").into());
        }
        Ok(())
    }

    /// The shared object without its symbols.
    pub(crate) fn stripped(&self) -> u64 {
        self.stripped
    }
}

/// Builds and installs.
pub(crate) fn run(options: &Options) -> Result<Sizes> {
    for path in [&options.prefix, &options.sysconfdir] {
        if !path.is_absolute() {
            return Err(format!("{} must be an absolute path", path.display()).into());
        }
    }
    let built = build(&RELEASE, &Purpose::Use(&options.sysconfdir))?;
    let name = format!("librequiretls.so.{}", tree::VERSION);
    let shared = built.archive.with_file_name(name);
    let script = tree::capi().join("requiretls.map");
    link(&built, &script, &header::symbols()?, &shared)?;
    let stripped = built.archive.with_file_name("librequiretls.so.stripped");
    strip(&shared, &stripped)?;
    install(options, &built, &shared)?;
    Ok(Sizes {
        shared: fs::metadata(&shared)?.len(),
        stripped: fs::metadata(&stripped)?.len(),
        archive: fs::metadata(&built.archive)?.len(),
    })
}

/// Builds the library with the hidden calls. It is never installed.
pub(crate) fn run_hooked() -> Result<()> {
    let built = build(&HOOKED, &Purpose::Use(Path::new("/nonexistent")))?;
    let dir = tree::target().join("hooked");
    fs::create_dir_all(&dir)?;
    let script = dir.join("requiretls.map");
    let released = fs::read_to_string(tree::capi().join("requiretls.map"))?;
    let mut symbols = header::symbols()?;
    symbols.extend(HOOKS.map(str::to_owned));
    let hooks: Vec<String> = HOOKS.iter().map(|hook| format!("    {hook};\n")).collect();
    let global = format!("global:\n{}", hooks.concat());
    fs::write(&script, released.replacen("global:\n", &global, 1))?;
    let shared = dir.join("librequiretls.so");
    link(&built, &script, &symbols, &shared)?;
    println!("{} is for tests alone", shared.display());
    Ok(())
}

/// Builds the archive with the hidden calls for a sanitizer, and writes beside it what it has to be linked with.
pub(crate) fn build_sanitized(sanitizer: Sanitizer) -> Result<()> {
    let built = build(&HOOKED, &Purpose::Sanitizer(sanitizer))?;
    let dir = sanitizer.directory();
    place(&built.archive, &dir.join("librequiretls.a"))?;
    fs::write(dir.join("libraries"), built.native.join("\n"))?;
    fs::write(dir.join("hooks"), HOOKS.join("\n"))?;
    Ok(())
}

/// What a library is built of.
struct Kind {
    profile: &'static str,
    directory: &'static str,
    features: &'static [&'static str],
}

/// What it is compiled for.
enum Purpose<'a> {
    /// With the configuration below this directory.
    Use(&'a Path),
    /// For a sanitizer to look at, in a target directory of its own.
    Sanitizer(Sanitizer),
}

const RELEASE: Kind = Kind {
    profile: "dist",
    directory: "dist",
    features: &[],
};
const HOOKED: Kind = Kind {
    profile: "dev",
    directory: "debug",
    features: &["--features", "panic-on-purpose,memory-faults-on-purpose"],
};
/// The calls that the features add.
const HOOKS: [&str; 3] = [
    "rtls_test_panic_in_next_call",
    "rtls_test_read_too_far",
    "rtls_test_count",
];

struct Built {
    archive: PathBuf,
    /// `-lgcc_s`, `-lm` and so on: what the archive needs.
    native: Vec<String>,
}

fn build(kind: &Kind, purpose: &Purpose) -> Result<Built> {
    let mut cargo = cargo();
    cargo
        .args([
            "rustc",
            "--package",
            "requiretls-capi",
            "--lib",
            "--profile",
            kind.profile,
        ])
        .args(kind.features)
        .args(["--crate-type", "staticlib"]);
    let profile = match purpose {
        Purpose::Use(sysconfdir) => {
            let file = sysconfdir.join("requiretls/requiretls.conf");
            cargo.env("REQUIRETLS_CONF", file);
            tree::target().join(kind.directory)
        }
        Purpose::Sanitizer(sanitizer) => {
            sanitizer.instrument(&mut cargo);
            let target = sanitizer.directory().join(sanitize::TARGET);
            target.join(kind.directory)
        }
    };
    let mut child = cargo
        .args(["--", "--print", "native-static-libs"])
        .stderr(Stdio::piped())
        .spawn()?;
    let mut native = None;
    if let Some(pipe) = child.stderr.take() {
        for line in BufReader::new(pipe).lines() {
            let line = line?;
            // rustc says so in a note, and cargo repeats the note when there was nothing to build.
            if let Some((_, libraries)) = line.split_once("native-static-libs: ") {
                native = Some(libraries.split_whitespace().map(str::to_owned).collect());
            } else if !line.starts_with("note: link against the following native artifacts")
                && !line.is_empty()
            {
                eprintln!("{line}");
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("cargo rustc for the static library: {status}").into());
    }
    Ok(Built {
        archive: profile.join("librequiretls.a"),
        native: native
            .ok_or("rustc did not say which system libraries the static library needs")?,
    })
}

fn link(built: &Built, script: &Path, symbols: &BTreeSet<String>, shared: &Path) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.arg("-shared").arg("-o").arg(shared);
    for option in [
        format!("--version-script={}", script.display()),
        format!("-soname,{}", soname()),
        "-z,nodelete,-z,relro,-z,now,-z,pack-relative-relocs".to_owned(),
        "--gc-sections,--no-undefined".to_owned(),
    ] {
        command.arg(format!("-Wl,{option}"));
    }
    // Nothing in the archive is referred to from outside, so each symbol is asked for by name.
    command.args(symbols.iter().map(|symbol| format!("-Wl,-u,{symbol}")));
    command.arg(&built.archive).args(&built.native);
    command::run(&mut command)
}

fn soname() -> String {
    let major = tree::VERSION.split('.').next().unwrap_or_default();
    format!("librequiretls.so.{major}")
}

fn strip(from: &Path, to: &Path) -> Result<()> {
    command::run(Command::new("strip").arg("-o").arg(to).arg(from))
}

fn install(options: &Options, built: &Built, shared: &Path) -> Result<()> {
    let libdir = options.prefix.join(&options.libdir);
    let includedir = options.prefix.join("include");
    let staged = |path: &Path| options.destdir.join(path.strip_prefix("/").unwrap_or(path));
    let (lib, include) = (staged(&libdir), staged(&includedir));
    fs::create_dir_all(lib.join("pkgconfig"))?;
    fs::create_dir_all(&include)?;

    let real = format!("librequiretls.so.{}", tree::VERSION);
    place(shared, &lib.join(&real))?;
    link_to(&real, &lib.join(soname()))?;
    link_to(&soname(), &lib.join("librequiretls.so"))?;
    place(&built.archive, &lib.join("librequiretls.a"))?;
    place(&header::path(), &include.join("requiretls.h"))?;
    man::write(&staged(&options.prefix.join("share/man")))?;

    let mut text = fs::read_to_string(tree::capi().join("requiretls.pc.in"))?;
    for (name, value) in [
        ("@PREFIX@", options.prefix.display().to_string()),
        ("@LIBDIR@", libdir.display().to_string()),
        ("@INCLUDEDIR@", includedir.display().to_string()),
        ("@VERSION@", tree::VERSION.to_owned()),
        ("@LIBS_PRIVATE@", built.native.join(" ")),
    ] {
        text = text.replace(name, &value);
    }
    fs::write(lib.join("pkgconfig/requiretls.pc"), text)?;
    println!("installed in {} and {}", lib.display(), include.display());
    Ok(())
}

/// A running program may have the old file mapped: it keeps it, and the name gets a new one.
fn place(from: &Path, to: &Path) -> Result<()> {
    forget(to)?;
    fs::copy(from, to)
        .map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))?;
    Ok(())
}

fn link_to(name: &str, link: &Path) -> Result<()> {
    forget(link)?;
    symlink(name, link)?;
    Ok(())
}

fn forget(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_STRIPPED, Sizes};

    #[test]
    fn the_shared_object_has_a_limit() {
        for (stripped, fits) in [(MOST_STRIPPED, true), (MOST_STRIPPED + 1, false)] {
            let sizes = Sizes {
                shared: 9_000_000,
                stripped,
                archive: 90_000_000,
            };
            assert_eq!(sizes.check().is_ok(), fits, "{stripped}");
        }
    }
}
