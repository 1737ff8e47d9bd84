//! What do the manual pages say?
//!
//! Nothing that is not said elsewhere: the pages of section 3 are made of `include/requiretls.h`, which is made of the
//! source of the C ABI, and of the programs in `crates/requiretls-capi/man`; requiretls.conf(5) of the list of keys that the
//! tests of the configuration hold to be complete; those of section 1 of what the command says by `--help`. What a page adds
//! are its heading and its order.

mod configuration;
mod declarations;
mod library;
pub(crate) mod page;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::command::{self, cargo};
use crate::{Result, header, tree};
use declarations::Declarations;

/// Where the pages go.
#[derive(Args)]
pub(crate) struct Options {
    /// The directory of man1, man3 and man5; `target/man` if not given
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Also those of section 1, of the command `requiretls`: it is built for that
    #[arg(long)]
    pub(crate) command: bool,
}

/// Writes the pages.
pub(crate) fn run(options: &Options) -> Result<()> {
    let out = match &options.out {
        Some(out) => out.clone(),
        None => tree::target().join("man"),
    };
    let count = write(&out)?;
    println!("{count} manual pages are written to {}", out.display());
    if options.command {
        let dir = out.join("man1");
        command::run(
            cargo()
                .args(["run", "--quiet", "--locked", "--package", "requiretls-cli"])
                .args(["--no-default-features", "--features", "man"])
                // It is another program than the one that developers and tests run.
                .arg("--target-dir")
                .arg(tree::target().join("command"))
                .arg("--")
                .args(["man", "--date", page::DATE])
                .arg(&dir),
        )?;
        println!("and those of the command to {}", dir.display());
    }
    Ok(())
}

/// Writes the pages below a directory, and says how many.
pub(crate) fn write(out: &Path) -> Result<usize> {
    let text = fs::read_to_string(header::path())?;
    check_words(&text)?;
    let declarations = Declarations::read(&text);
    let mut files = library::pages(&declarations)?;
    files.push(configuration::page()?);
    for (name, text) in &files {
        let section = name.rsplit('.').next().unwrap_or_default();
        let dir = out.join(format!("man{section}"));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(name), text)?;
    }
    Ok(files.len())
}

/// Fails where a header leaves something about a call unsaid.
pub(crate) fn check_words(header: &str) -> Result<()> {
    let gaps = Declarations::read(header).gaps();
    if gaps.is_empty() {
        return Ok(());
    }
    Err(format!("the header leaves unsaid: {}", gaps.join("; ")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also that every name of the header is on one page, and that nothing about a call is left unsaid.
    #[test]
    fn the_pages_can_be_made_of_what_is_there() {
        let dir = tree::target().join(format!("man-test-{}", std::process::id()));
        let written = write(&dir);
        let there = |name: &str| dir.join(name).is_file();
        let (page, link) = (there("man3/rtls_mail.3"), there("man3/rtls_mail_begin.3"));
        let configuration = there("man5/requiretls.conf.5");
        drop(fs::remove_dir_all(&dir));
        assert!(written.is_ok(), "{written:?}");
        assert!(page && link && configuration);
    }
}
