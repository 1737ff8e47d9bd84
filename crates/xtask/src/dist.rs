//! What does a C program get?
//!
//! `librequiretls.so` with its links, `librequiretls.a`, `requiretls.h`, `requiretls.pc` and the manual pages. The shared
//! object is linked from the static library by the C compiler: rustc's own version script cannot be replaced, and would give
//! the symbols no version. `-z nodelete`, because the Rust runtime leaves thread-local destructors behind that must not be
//! unmapped. With `--command` also `requiretls`, the command.

mod program;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use crate::command::{self, cargo, output};
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
    /// Also the command, with its manual pages and what shells complete
    #[arg(long)]
    pub(crate) command: bool,
    /// For tests, instead: target/hooked/librequiretls.so, with hidden calls that no release has
    #[arg(long, hide = true)]
    pub(crate) hooked: bool,
}

/// What the shared object may have at most, stripped, in bytes.
pub(crate) const MOST_STRIPPED: u64 = 3_000_000;
impl Options {
    /// Where something goes that will live there below the prefix.
    fn staged(&self, below_prefix: &Path) -> PathBuf {
        let path = self.prefix.join(below_prefix);
        self.destdir.join(path.strip_prefix("/").unwrap_or(&path))
    }
}

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
    let built = build(&RELEASE, &Purpose::Release(&options.sysconfdir))?;
    let name = format!("librequiretls.so.{}", tree::VERSION);
    let shared = built.archive.with_file_name(name);
    let script = tree::capi().join("requiretls.map");
    link(&built, &script, &header::symbols()?, &shared)?;
    let stripped = built.archive.with_file_name("librequiretls.so.stripped");
    strip(&shared, &stripped)?;
    install(options, &built, &shared)?;
    if options.command {
        program::install(options)?;
    }
    Ok(Sizes {
        shared: fs::metadata(&shared)?.len(),
        stripped: fs::metadata(&stripped)?.len(),
        archive: fs::metadata(&built.archive)?.len(),
    })
}

/// Builds the library with the hidden calls. It is never installed.
pub(crate) fn run_hooked() -> Result<()> {
    let built = build(&HOOKED, &Purpose::Test(Path::new(HOOKED_SYSCONFDIR)))?;
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
    Release(&'a Path),
    /// The same, with the compiler's options of everybody.
    Test(&'a Path),
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
/// Nothing is there; but a test looks for its name.
const HOOKED_SYSCONFDIR: &str = "/nonexistent";
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

/// Cargo with what the library and the command of a release have in common. The paths of whoever builds are in neither.
fn build_as_released(verb: &str, profile: &str, sysconfdir: &Path) -> Result<Command> {
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    );
    // With rust-src there the compiler knows where the source of the standard library is.
    let rustc = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let std = Path::new(rustc.trim()).join("lib/rustlib/src/rust");
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
    // Of several that fit the last one counts.
    for (from, to) in [
        (cargo_home.join("registry"), "/usr/src/requiretls/vendor"),
        (tree::root(), "/usr/src/requiretls"),
        (tree::target(), "/usr/src/requiretls/target"),
        (std, "/usr/src/rust"),
    ] {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    let mut cargo = cargo();
    cargo
        .args([verb, "--locked", "--profile", profile])
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env(CONFIGURATION, configuration(sysconfdir));
    Ok(cargo)
}

/// What engine is told when it is compiled: the file that is read when none is named.
const CONFIGURATION: &str = "REQUIRETLS_CONF";

fn configuration(sysconfdir: &Path) -> PathBuf {
    sysconfdir.join("requiretls/requiretls.conf")
}

fn build(kind: &Kind, purpose: &Purpose) -> Result<Built> {
    let (mut cargo, profile) = match purpose {
        Purpose::Release(sysconfdir) => (
            build_as_released("rustc", kind.profile, sysconfdir)?,
            tree::target().join(kind.directory),
        ),
        Purpose::Test(sysconfdir) => {
            let mut cargo = cargo();
            cargo
                .args(["rustc", "--locked", "--profile", kind.profile])
                .env(CONFIGURATION, configuration(sysconfdir));
            (cargo, tree::target().join(kind.directory))
        }
        Purpose::Sanitizer(sanitizer) => {
            let mut cargo = cargo();
            cargo.args(["rustc", "--profile", kind.profile]);
            sanitizer.instrument(&mut cargo);
            let target = sanitizer.directory().join(sanitize::TARGET);
            (cargo, target.join(kind.directory))
        }
    };
    cargo
        .args(["--package", "requiretls-capi", "--lib"])
        .args(kind.features)
        .args(["--crate-type", "staticlib"]);
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

/// Fails where this shared object has grown too large.
pub(crate) fn check_size(shared: &Path) -> Result<()> {
    let stripped = shared.with_extension("stripped");
    strip(shared, &stripped)?;
    let size = fs::metadata(&stripped)?.len();
    fs::remove_file(&stripped)?;
    fits(size)
}

fn fits(stripped: u64) -> Result<()> {
    if stripped > MOST_STRIPPED {
        return Err(format!("librequiretls.so has {stripped} bytes when it is stripped, and may have {MOST_STRIPPED}").into());
    }
    Ok(())
}

fn strip(from: &Path, to: &Path) -> Result<()> {
    command::run(Command::new("strip").arg("-o").arg(to).arg(from))
}

fn install(options: &Options, built: &Built, shared: &Path) -> Result<()> {
    let libdir = options.prefix.join(&options.libdir);
    let includedir = options.prefix.join("include");
    let (lib, include) = (options.staged(&libdir), options.staged(&includedir));
    fs::create_dir_all(lib.join("pkgconfig"))?;
    fs::create_dir_all(&include)?;

    let real = format!("librequiretls.so.{}", tree::VERSION);
    place(shared, &lib.join(&real))?;
    link_to(&real, &lib.join(soname()))?;
    link_to(&soname(), &lib.join("librequiretls.so"))?;
    place(&built.archive, &lib.join("librequiretls.a"))?;
    place(&header::path(), &include.join("requiretls.h"))?;
    man::write(&options.staged(Path::new("share/man")))?;

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
    use super::{MOST_STRIPPED, fits};

    #[test]
    fn the_shared_object_has_a_limit() {
        for (stripped, expected) in [(MOST_STRIPPED, true), (MOST_STRIPPED + 1, false)] {
            assert_eq!(fits(stripped).is_ok(), expected, "{stripped}");
        }
    }
}
