//! What does Debian's package manager get?
//!
//! `librequiretls0`, `librequiretls-dev`, `requiretls` and `requiretls-exim`, built by `dpkg-buildpackage` from the source
//! tarball of a release with `debian/` beside it, and looked at by lintian.

mod copyright;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::command;
use crate::made::Made;
use crate::{Result, dist, prerequisites, source, tree};

/// How often, and where.
#[derive(Args)]
pub(crate) struct Options {
    /// Build a second time in another directory, and compare every byte of what is in the packages
    #[arg(long)]
    twice: bool,
    /// Build in Debian sid instead, with its own cargo and without network
    #[arg(long, conflicts_with = "twice")]
    sid: bool,
    /// Build as `cargo xtask test` does: of the tree without a tarball and with this xtask, and not at all where nothing has
    /// changed; install the library of the packages where the tests look for it
    #[arg(long, conflicts_with_all = ["twice", "sid"])]
    for_tests: bool,
}

/// Builds the packages of a tarball and checks them.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.for_tests {
        return run_for_tests();
    }
    prerequisites::install_packaging()?;
    let room = room();
    fs::create_dir_all(&room)?;
    let tarball = room.join(format!("requiretls_{}.orig.tar.xz", tree::VERSION));
    source::pack(&tarball)?;
    if options.sid {
        return build_in_sid(&tarball, &room.join("sid"));
    }
    Made::of_sources(room.join("made"))?.begin()?;
    let first = room.join("first");
    let built = build_anew(&tarball, &first)?;
    if options.twice {
        let another = room.join("a-second-time");
        compare(&built, &build_anew(&tarball, &another)?)?;
        println!("both times the same bytes");
    }
    look_at(&first)?;
    for package in &built {
        println!(
            "{}: {} bytes",
            package.display(),
            fs::metadata(package)?.len()
        );
    }
    Ok(())
}

/// Makes the source tarball, builds the packages of it for the tests, and installs the library that is in them where the tests
/// look for it: without network and of the crates in the tarball, but with this very program.
pub(crate) fn run_for_tests() -> Result<()> {
    prerequisites::install_packaging()?;
    let dir = room().join("first");
    let installed = tree::target().join("installed");
    let library = installed.join("opt/requiretls/lib/librequiretls.so");
    let products = || -> Result<Vec<PathBuf>> {
        let mut products = packages(&dir)?;
        products.push(library.clone());
        Ok(products)
    };
    // Before anything is read of them: what changes meanwhile is for the next run.
    let made = Made::of_sources(room().join("made"))?;
    source::check()?;
    if made.are_current(&products()?)? {
        println!("the packages are as they were made last");
        return Ok(());
    }
    fs::create_dir_all(room())?;
    made.begin()?;
    let tree = dir.join(source::name());
    forget_packages(&dir)?;
    source::bring_over(&source::checked(), &tree)?;
    add_debian(&tree)?;
    let mut build = build_in(&tree, &compiled(&dir));
    build
        .env("xtask", std::env::current_exe()?)
        .env(tree::HERE, tree.join("crates/xtask"))
        .env(
            "also",
            format!(
                "--prefix /opt/requiretls --destdir '{}'",
                installed.display()
            ),
        );
    command::run(&mut build)?;
    look_at(&dir)?;
    dist::check_size(&library)?;
    made.end(&products()?)
}

fn look_at(dir: &Path) -> Result<()> {
    let mut lintian = Command::new("lintian");
    lintian.args([
        "--fail-on",
        "error",
        "--allow-root",
        "--tag-display-limit=0",
    ]);
    command::run(lintian.arg(changes(dir)?))
}

/// Without anything that an earlier build has compiled: crates that came one by one, as their sources changed, make another
/// library than those that are compiled together, if only by a function that stands in it twice.
fn build_anew(tarball: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    source::forget(dir)?;
    source::forget(&compiled(dir))?;
    build(tarball, dir)
}

/// Where packages are built.
fn room() -> PathBuf {
    tree::target().join("packages")
}

/// As a Debian developer would: what the package says it is built with, and no more, is there.
fn build_in_sid(tarball: &Path, room: &Path) -> Result<()> {
    prerequisites::install_bootstrap()?;
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
const FOR_BUILDING: [&str; 5] = ["build-essential", "cargo", "debhelper", "pkgconf", "rustc"];

/// The tarball with `debian/` in it; returns where.
fn unpack(tarball: &Path, dir: &Path) -> Result<PathBuf> {
    let new = dir.join("new");
    source::forget(&new)?;
    fs::create_dir_all(&new)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(tarball);
    command::run(tar.arg("--directory").arg(&new))?;
    let tree = dir.join(source::name());
    source::bring_over(&new.join(source::name()), &tree)?;
    source::forget(&new)?;
    add_debian(&tree)?;
    Ok(tree)
}

/// Builds with the machine's own tools; returns the packages.
fn build(tarball: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir)?;
    forget_packages(dir)?;
    let tree = unpack(tarball, dir)?;
    command::run(&mut build_in(&tree, &compiled(dir)))?;
    packages(dir)
}

/// What makes the packages of a tree.
fn build_in(tree: &Path, compiled: &Path) -> Command {
    let mut build = Command::new("dpkg-buildpackage");
    build
        .current_dir(tree)
        // cargo may be another one than Debian's
        .args(["--build=binary", "--no-sign", "--no-check-builddeps"])
        .env("CARGO_TARGET_DIR", compiled)
        .env_remove("RUSTFLAGS");
    build
}

/// Where the packages of a directory are compiled: two builds do not share it, two runs of one do.
fn compiled(dir: &Path) -> PathBuf {
    dir.with_extension("target")
}

fn forget_packages(dir: &Path) -> Result<()> {
    for file in packages(dir)? {
        fs::remove_file(file)?;
    }
    Ok(())
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
    if !dir.exists() {
        return Ok(found);
    }
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
