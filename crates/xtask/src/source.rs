//! What is a release, for those who build it themselves?
//!
//! `requiretls-VERSION.tar.xz`: the tree as committed, with every crate it needs on Linux in `vendor/` and cargo told to
//! look nowhere else, so that it builds without network. What other systems need is there by name only, since cargo
//! wants to see it. The same commit makes the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::command::{self, cargo};
use crate::{Result, prerequisites, tree};

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
    prerequisites::install_cargo_tool("vendor-filterer", "cargo-vendor-filterer")?;
    let staged = tree::target().join("source").join(name());
    forget(&staged)?;
    fs::create_dir_all(&staged)?;
    copy_committed(&staged)?;
    vendor(&staged)?;
    let mut tar = Command::new("tar");
    tar.arg("--create")
        .arg(format!("--file={}", tarball.display()))
        .arg(format!("--mtime=@{}", date()?))
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=u=rwX,go=rX", "--format=ustar"])
        .arg("--use-compress-program=xz -T2 -6")
        .arg("--directory")
        .arg(staged.parent().unwrap_or(&staged))
        .arg(name());
    command::run(&mut tar)
}

/// When the commit was made, in seconds.
fn date() -> Result<u64> {
    let date = command::output(git().args(["log", "-1", "--format=%ct"]))?;
    Ok(date.trim().parse()?)
}

/// The files that git knows, as they are now.
fn copy_committed(staged: &Path) -> Result<()> {
    let list = command::output(git().args(["ls-files", "-z"]))?;
    for name in list.split('\0').filter(|name| !name.is_empty()) {
        let to = staged.join(name);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::copy(tree::root().join(name), &to).map_err(|error| format!("{name}: {error}"))?;
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

fn git() -> Command {
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
