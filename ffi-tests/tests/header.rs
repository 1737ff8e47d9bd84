//! Is the header one that every C and C++ program can include, and is it of this source?

use std::fs;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Failure, Installed, Result, bounded, compiler, workspace};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);
const STRICT: [&str; 5] = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"];

/// The languages: a label, what says so to the compiler.
const LANGUAGES: [(&str, [&str; 3]); 3] = [
    ("C89", ["-x", "c", "-std=c89"]),
    ("C17", ["-x", "c", "-std=c17"]),
    ("C++98", ["-x", "c++", "-std=c++98"]),
];

#[test]
fn the_header_is_c89_c17_and_cxx98_and_may_be_included_twice() -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let source = dir.path().join("twice");
    // Nothing stands before it: what it needs, it includes. A struct is used to see that it is complete.
    fs::write(
        &source,
        "#include <requiretls.h>\n#include <requiretls.h>\nsize_t size(void);\nsize_t size(void) { return sizeof(rtls_mail); }\n",
    )?;
    for (language, flags) in LANGUAGES {
        let mut command = compiler()?;
        command
            .args(STRICT)
            .arg("-I")
            .arg(installed.includedir())
            .args(flags)
            .arg(&source);
        bounded::output(&mut command, LIMIT).map_err(|failure| failure.during(language))?;
    }
    Ok(())
}

/// For a `size_t` of 8 bytes, and of 4: the compiler needs no library for that, since nothing is linked.
#[test]
fn numbers_and_layouts_are_those_that_were_frozen() -> Result<()> {
    let installed = Installed::find()?;
    let mut machines: Vec<&[&str]> = vec![&[]];
    if cfg!(target_arch = "x86_64") {
        machines.push(&["-m32", "-DSIZE_T=4"]);
        machines.push(&["-m64", "-DSIZE_T=8"]);
    }
    for machine in machines {
        let mut command = compiler()?;
        command
            .args(STRICT)
            .args(machine)
            .args(["-std=c89", "-I"])
            .arg(installed.includedir());
        command.arg(workspace().join("ffi-tests/c/frozen.c"));
        bounded::output(&mut command, LIMIT)
            .map_err(|failure| failure.during(machine.join(" ")))?;
    }
    Ok(())
}

#[test]
fn the_committed_header_is_fresh() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["xtask", "header", "--check"])
        .current_dir(workspace());
    bounded::output(&mut command, Duration::from_secs(300)).map(drop)
}

#[test]
fn the_installed_header_is_the_committed_one() -> Result<()> {
    let installed = fs::read_to_string(Installed::find()?.includedir().join("requiretls.h"))?;
    let committed = fs::read_to_string(workspace().join("include/requiretls.h"))?;
    if installed == committed {
        return Ok(());
    }
    Err(Failure::new(
        "the installed header is another one: cargo xtask test installs it anew",
    ))
}
