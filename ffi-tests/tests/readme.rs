//! Does the example in the README do what the README says?

use std::fs;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Failure, Installed, Result, bounded, workspace};
use tempfile::TempDir;

#[test]
fn the_example_compiles_and_says_what_the_readme_says() -> Result<()> {
    let readme = fs::read_to_string(workspace().join("README.md"))?;
    let example = readme
        .split_once("<!-- example: begin -->\n```c\n")
        .and_then(|(_, rest)| rest.split_once("```\n<!-- example: end -->"))
        .map(|(example, _)| example)
        .ok_or_else(|| Failure::new("README.md has no C example between its markers"))?;
    let dir = TempDir::new()?;
    let (source, program) = (dir.path().join("example.c"), dir.path().join("example"));
    fs::write(&source, example)?;
    let flags = ["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Werror"];
    Installed::find()?.compile(&source, &program, &flags, &["requiretls"])?;
    let output = bounded::run(&mut Command::new(&program), b"", Duration::from_secs(20))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.trim().is_empty());
    assert!(
        readme.contains(&format!("`{}`", said.trim_end())),
        "the README does not say: {said}"
    );
    Ok(())
}
