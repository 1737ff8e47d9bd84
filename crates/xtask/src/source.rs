//! What is a release, for those who build it themselves?
//!
//! `requiretls-VERSION.tar.xz`: the tree as committed, with every crate it needs on Linux in `vendor/` and cargo told to
//! look nowhere else, so that it builds without network. What other systems need is there by name only, since cargo
//! wants to see it. The same commit makes the same bytes.

mod over;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::command::{self, cargo};
use crate::made::Made;
use crate::{Result, prerequisites, tree};

pub(crate) use over::bring_over;

/// Where the tarball goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Write the tarball into this directory
    #[arg(long, value_name = "DIR", default_value_os_t = tree::target().join("source"))]
    output: PathBuf,
}

/// Makes the tarball, and says where.
pub(crate) fn run(options: &Options) -> Result<()> {
    fs::create_dir_all(&options.output)?;
    let tarball = options.output.join(format!("{}.tar.xz", name()));
    pack(&tarball)?;
    let size = fs::metadata(&tarball)?.len();
    println!("{}: {size} bytes", tarball.display());
    Ok(())
}

/// What the tarball unpacks to.
pub(crate) fn name() -> String {
    format!("requiretls-{}", tree::VERSION)
}

/// Makes the tarball.
pub(crate) fn pack(tarball: &Path) -> Result<()> {
    let staged = stage(&room())?;
    archive(&staged, tarball, Compress::Yes)
}

/// Is a release the same bytes when it is made again? Without xz, which has nothing but these bytes to go by.
pub(crate) fn check() -> Result<()> {
    fs::create_dir_all(room())?;
    let made = Made::of_sources(room().join("checked"))?;
    let products = [checked().join("Cargo.lock")];
    if made.are_current(&products)? {
        println!("the source tarball is as it was made last");
        return Ok(());
    }
    made.begin()?;
    let tars = ["once", "again"].map(|dir| room().join(dir).with_extension("tar"));
    for tar in &tars {
        archive(&stage(&tar.with_extension(""))?, tar, Compress::No)?;
    }
    let same = Command::new("cmp").args(&tars).status()?;
    if !same.success() {
        return Err("a source tarball that is made twice is not the same".into());
    }
    println!("{} bytes, twice the same", fs::metadata(&tars[0])?.len());
    for tar in &tars {
        fs::remove_file(tar)?;
    }
    forget(&tars[1].with_extension(""))?;
    made.end(&products)
}

/// What [`check`] leaves: a release, as it is unpacked.
pub(crate) fn checked() -> PathBuf {
    room().join("once").join(name())
}

fn room() -> PathBuf {
    tree::target().join("source")
}

/// Lays out what is in the tarball, below a directory; returns where.
pub(crate) fn stage(dir: &Path) -> Result<PathBuf> {
    prerequisites::install_cargo_tool("vendor-filterer", "cargo-vendor-filterer")?;
    let staged = dir.join(name());
    forget(&staged)?;
    fs::create_dir_all(&staged)?;
    copy_committed(&staged)?;
    vendor(&staged)?;
    Ok(staged)
}

#[derive(Clone, Copy)]
enum Compress {
    No,
    Yes,
}

fn archive(staged: &Path, file: &Path, compress: Compress) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("--create")
        .arg(format!("--file={}", file.display()))
        .arg(format!("--mtime=@{}", date()?))
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=u=rwX,go=rX", "--format=ustar"]);
    if let Compress::Yes = compress {
        tar.arg("--use-compress-program=xz -T2 -6");
    }
    tar.arg("--directory")
        .arg(staged.parent().unwrap_or(staged))
        .arg(name());
    command::run(&mut tar)
}

/// When the commit was made, in seconds.
fn date() -> Result<u64> {
    let date = command::output(git().args(["log", "-1", "--format=%ct"]))?;
    Ok(date.trim().parse()?)
}

/// The names of the files that git knows.
pub(crate) fn committed() -> Result<Vec<String>> {
    let list = command::output(git().args(["ls-files", "-z"]))?;
    let names = list.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}

/// These files, as they are now.
fn copy_committed(staged: &Path) -> Result<()> {
    for name in committed()? {
        let to = staged.join(&name);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::copy(tree::root().join(&name), &to).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// The crates, and the words that make cargo use them.
fn vendor(staged: &Path) -> Result<()> {
    let mut filter = cargo();
    filter
        .current_dir(staged)
        .args(["vendor-filterer", "--platform=*-unknown-linux-gnu"])
        .args(["--versioned-dirs", "--all-features", "vendor"]);
    command::output(&mut filter)?; // a line for each crate
    let config = staged.join(".cargo/config.toml");
    let mut text = fs::read_to_string(&config)?;
    text.push_str(
        "\n# Nothing is fetched.\n[source.crates-io]\nreplace-with = \"vendored-sources\"\n\n\
         [source.vendored-sources]\ndirectory = \"vendor\"\n",
    );
    fs::write(&config, text)?;
    Ok(())
}

pub(crate) fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(tree::root());
    git
}

pub(crate) fn forget(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
