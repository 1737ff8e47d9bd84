//! What does Debian's package manager get?
//!
//! `librequiretls0`, `librequiretls-dev` and `requiretls`, built by `dpkg-buildpackage` from the source tarball of a
//! release with `debian/` beside it, and looked at by lintian.

mod copyright;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::command;
use crate::{Result, prerequisites, source, tree};

/// How often, and where.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Build a second time in another directory, and compare every byte of what is in the packages
    #[arg(long)]
    twice: bool,
    /// Build in Debian sid instead, with its own cargo and without network
    #[arg(long, conflicts_with = "twice")]
    sid: bool,
}

/// Builds the packages and checks them.
pub(crate) fn run(options: &Options) -> Result<()> {
    prerequisites::install_packaging()?;
    let room = room();
    fs::create_dir_all(&room)?;
    let tarball = room.join(format!("requiretls_{}.orig.tar.xz", tree::VERSION));
    source::pack(&tarball)?;
    if options.sid {
        return build_in_sid(&tarball, &room.join("sid"));
    }
    let built = build(&tarball, &room.join("first"))?;
    if options.twice {
        let again = build(&tarball, &room.join("a-second-time"))?;
        compare(&built, &again)?;
        println!("both times the same bytes");
    }
    let mut lintian = Command::new("lintian");
    lintian.args([
        "--fail-on",
        "error",
        "--allow-root",
        "--tag-display-limit=0",
    ]);
    command::run(lintian.arg(changes(&room.join("first"))?))?;
    for package in &built {
        println!(
            "{}: {} bytes",
            package.display(),
            fs::metadata(package)?.len()
        );
    }
    Ok(())
}

/// Where packages are built.
fn room() -> PathBuf {
    tree::target().join("packages")
}

/// As a Debian developer would: what the package says it is built with, and no more, is there.
fn build_in_sid(tarball: &Path, room: &Path) -> Result<()> {
    let servers = tree::root().join("ffi-tests/servers/servers.sh");
    let kept = tree::target().join("real-servers");
    let script = |verb: &str| {
        let mut script = Command::new("bash");
        script.arg(&servers).arg(verb).env("RQ_CACHE", &kept);
        script
    };
    let system = command::output(script("system").arg("sid").args(FOR_BUILDING))?;
    source::forget(room)?;
    unpack(tarball, &room.join("up/build"))?;
    let mut build = script("inside");
    build.arg(system.trim()).arg(room);
    command::run(build.arg(format!(
        "cd /build/{}; cargo --version; dpkg-buildpackage --build=binary --no-sign",
        source::name()
    )))?;
    for package in packages(&room.join("up/build"))? {
        println!("{}", package.display());
    }
    Ok(())
}

/// Debian's own word for it: what every package may be built with, and what this one asks for.
const FOR_BUILDING: [&str; 4] = ["build-essential", "cargo", "debhelper", "rustc"];

/// The tarball with `debian/` in it; returns where.
fn unpack(tarball: &Path, dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(tarball);
    command::run(tar.arg("--directory").arg(dir))?;
    let tree = dir.join(source::name());
    add_debian(&tree)?;
    Ok(tree)
}

/// Builds with the machine's own tools; returns the packages.
fn build(tarball: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    source::forget(dir)?;
    let tree = unpack(tarball, dir)?;
    let mut build = Command::new("dpkg-buildpackage");
    build
        .current_dir(&tree)
        // cargo may be another one than Debian's
        .args(["--build=binary", "--no-sign", "--no-check-builddeps"])
        // Two builds do not share what they compile; two runs of one do.
        .env("CARGO_TARGET_DIR", dir.with_extension("target"))
        .env_remove("RUSTFLAGS");
    command::run(&mut build)?;
    packages(dir)
}

/// What systemd is to know of the command; debhelper wants the package's name before each.
const UNITS: [&str; 4] = [
    "requiretls-cache-refresh.service",
    "requiretls-cache-refresh.timer",
    "requiretls-lmtp.service",
    "requiretls-lmtp.socket",
];

/// `debian/` as it is kept here, and what is made from the crates.
fn add_debian(to: &Path) -> Result<()> {
    let debian = to.join("debian");
    let kept = tree::root().join("crates/xtask/debian");
    command::run(Command::new("cp").arg("-a").arg(&kept).arg(&debian))?;
    let changelog = fs::read_to_string(debian.join("changelog"))?;
    if !changelog.starts_with(&format!("requiretls ({}-", tree::VERSION)) {
        let version = tree::VERSION;
        return Err(format!("debian/changelog does not begin with version {version}").into());
    }
    for unit in UNITS {
        let from = tree::root()
            .join("crates/requiretls-cli/systemd")
            .join(unit);
        fs::copy(from, debian.join(format!("requiretls.{unit}")))?;
    }
    fs::write(debian.join("copyright"), copyright::text(to)?)?;
    Ok(())
}

fn packages(dir: &Path) -> Result<Vec<PathBuf>> {
    ending(dir, ".deb")
}

fn changes(dir: &Path) -> Result<PathBuf> {
    let found = ending(dir, ".changes")?.pop();
    found.ok_or_else(|| format!("{} holds no .changes file", dir.display()).into())
}

fn ending(dir: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether two builds made the same packages.
fn compare(one: &[PathBuf], other: &[PathBuf]) -> Result<()> {
    let names = |paths: &[PathBuf]| -> Vec<_> {
        paths
            .iter()
            .map(|path| path.file_name().map(ToOwned::to_owned))
            .collect()
    };
    if names(one) != names(other) {
        return Err("the two builds made different packages".into());
    }
    for (one, other) in one.iter().zip(other) {
        if fs::read(one)? != fs::read(other)? {
            let (one, other) = (one.display(), other.display());
            return Err(format!("{one} and {other} differ").into());
        }
    }
    Ok(())
}
