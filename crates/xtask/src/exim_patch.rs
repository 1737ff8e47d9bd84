//! How does Exim get librequiretls compiled in?
//!
//! `cargo xtask exim-patch VERSION` makes a unified diff for one version out of the one source of all of them,
//! `crates/requiretls-capi/hosts/exim/patch`. Each place in Exim's files is named by lines that must stand there
//! exactly once, so a version in which something moved is noticed here and not in a mail queue.

mod apply;
mod edits;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::{Result, command, tree};
use edits::{Edits, Version};

/// Which Exim, and where the diff goes.
#[derive(Args)]
pub(crate) struct Options {
    /// The version of Exim: 4.96, 4.98.2 or 4.100; another one with --tree
    version: Version,
    /// Exim's unpacked source; without it that of the version is fetched from the Debian mirror
    #[arg(long)]
    tree: Option<PathBuf>,
    /// Write the diff to this file instead of standard output
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Makes the diff.
pub(crate) fn run(options: &Options) -> Result<()> {
    let source = match &options.tree {
        Some(tree) => tree.clone(),
        None => fetch(&options.version)?,
    };
    let diff = make(&options.version, &source)?;
    if let Some(file) = &options.output {
        fs::write(file, diff).map_err(|error| format!("{}: {error}", file.display()))?;
    } else {
        print!("{diff}");
    }
    Ok(())
}

fn patch_dir() -> PathBuf {
    tree::capi().join("hosts/exim/patch")
}

fn fetch(version: &Version) -> Result<PathBuf> {
    let mut fetch = Command::new("bash");
    fetch
        .arg(tree::root().join("ffi-tests/servers/exim-build.sh"))
        .args(["source", &version.to_string()])
        .env("RQ_CACHE", tree::target().join("real-servers"));
    Ok(PathBuf::from(command::output(&mut fetch)?.trim()))
}

/// The unified diff against an unpacked tree.
fn make(version: &Version, source: &Path) -> Result<String> {
    must_be(version, source)?;
    let file = patch_dir().join("edits");
    let edits =
        Edits::parse(&read(&file)?).map_err(|error| format!("{}:{error}", file.display()))?;
    let mut diff = String::new();
    for (name, edits) in edits.of_files(version) {
        let old = read(&source.join(name))?;
        let new = apply::all(&old, &edits).map_err(|error| format!("{name}: {error}"))?;
        diff.push_str(&unified(name, Some(&old), &new)?);
    }
    for name in edits.new_files() {
        let new = read(&patch_dir().join("src").join(name))?;
        let new = new.replace("@EXIM_VERSION@", &version.number().to_string());
        diff.push_str(&unified(&format!("src/{name}"), None, &new)?);
    }
    Ok(diff)
}

/// A patch for one version that happens to apply to another may still be wrong there.
fn must_be(version: &Version, source: &Path) -> Result<()> {
    let file = source.join("src/version.sh");
    let text = read(&file)?;
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix("EXIM_RELEASE_VERSION="))
        .map(|value| value.trim_matches('"'));
    match found {
        Some(found) if version.is(found) => Ok(()),
        Some(found) => Err(format!("{} is Exim {found}, not {version}", source.display()).into()),
        None => Err(format!("{} does not tell a version", file.display()).into()),
    }
}

/// `diff` compares two files, so the texts become files for a moment.
fn unified(name: &str, old: Option<&str>, new: &str) -> Result<String> {
    let dir = tree::target().join("exim-patch");
    fs::create_dir_all(&dir)?;
    let pid = std::process::id();
    let (before, after) = (dir.join(format!("{pid}.a")), dir.join(format!("{pid}.b")));
    fs::write(&before, old.unwrap_or_default())?;
    fs::write(&after, new)?;
    let from = match old {
        Some(_) => format!("a/{name}"),
        None => "/dev/null".to_owned(),
    };
    let output = Command::new("diff")
        .args(["-u", "--label", &from, "--label", &format!("b/{name}")])
        .args([&before, &after])
        .output()
        .map_err(|error| format!("diff: {error}"))?;
    fs::remove_file(&before)?;
    fs::remove_file(&after)?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8(output.stdout)?),
        _ => Err(format!("diff: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn read(file: &Path) -> Result<String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", file.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_the_patches_can_be_read() -> Result<()> {
        let edits = Edits::parse(&read(&patch_dir().join("edits"))?)?;
        for name in edits.new_files() {
            assert!(patch_dir().join("src").join(name).is_file(), "{name}");
        }
        for version in ["4.96", "4.98.2", "4.100.1"] {
            let files = edits.of_files(&version.parse()?);
            assert!(files.contains_key("src/transports/smtp.c"), "{version}");
        }
        Ok(())
    }

    #[test]
    fn a_tree_of_another_version_is_refused() -> Result<()> {
        let dir = tree::target().join(format!("exim-patch/{}.tree", std::process::id()));
        fs::create_dir_all(dir.join("src"))?;
        fs::write(
            dir.join("src/version.sh"),
            "EXIM_RELEASE_VERSION=\"4.98.2\"\n",
        )?;
        let refused = must_be(&"4.96".parse()?, &dir).map_err(|error| error.to_string());
        let allowed = must_be(&"4.98".parse()?, &dir);
        fs::remove_dir_all(&dir)?;
        assert!(refused.is_err_and(|error| error.ends_with("is Exim 4.98.2, not 4.96")));
        allowed
    }
}
