//! What does whoever runs a mail server get?
//!
//! The command `requiretls` without its demo, its manual pages, and what shells complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Options, build_as_released, place};
use crate::man::page;
use crate::{Result, command, tree};

/// Where shells look below `share`, and what the command calls the file.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash-completion/completions/requiretls", "requiretls.bash"),
    (
        "fish/vendor_completions.d/requiretls.fish",
        "requiretls.fish",
    ),
    ("zsh/site-functions/_requiretls", "_requiretls"),
];

/// Builds and installs it.
pub(super) fn install(options: &Options) -> Result<()> {
    let program = build(&options.sysconfdir)?;
    let bin = options.staged(Path::new("bin"));
    let share = options.staged(Path::new("share"));
    fs::create_dir_all(&bin)?;
    place(&program, &bin.join("requiretls"))?;
    let completions = program.with_file_name("completions");
    let mut write = Command::new(&program);
    write.args(["man", "--date", page::DATE, "--completions"]);
    command::run(write.arg(&completions).arg(share.join("man/man1")))?;
    for (path, made) in COMPLETIONS {
        let path = share.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&share))?;
        place(&completions.join(made), &path)?;
    }
    println!("the command is installed in {}", bin.display());
    Ok(())
}

/// For speed, as a transport encrypts every message; the library, which looks at a few bytes of it, is built to be small.
const PROFILE: &str = "release";

fn build(sysconfdir: &Path) -> Result<PathBuf> {
    let mut cargo = build_as_released("build", PROFILE, sysconfdir)?;
    cargo.args(["--package", "requiretls-cli"]).args([
        "--no-default-features",
        "--features",
        "man",
    ]);
    command::run(&mut cargo)?;
    Ok(tree::target().join(PROFILE).join("requiretls"))
}
