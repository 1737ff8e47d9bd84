//! What does the README tell an administrator to write?
//!
//! The servers of these tests run with its own lines, so that none of them can be wrong.

use ffi_tests::{Failure, Result, workspace};

/// The fenced text behind `<!-- NAME -->`.
pub(crate) fn lines(name: &str) -> Result<String> {
    let readme = std::fs::read_to_string(workspace().join("README.md"))?;
    let mark = format!("<!-- {name} -->\n```");
    let found = readme.split_once(&mark).and_then(|(_, rest)| {
        let (_, rest) = rest.split_once('\n')?;
        let (text, _) = rest.split_once("```")?;
        Some(text.to_owned())
    });
    found.ok_or_else(|| Failure::new(format!("README.md has no lines behind <!-- {name} -->")))
}

/// A command that the README has in a line of its own or in its text.
pub(crate) fn command(command: &str) -> Result<String> {
    let readme = std::fs::read_to_string(workspace().join("README.md"))?;
    let is_there =
        readme.contains(&format!("`{command}`")) || readme.contains(&format!("\n{command}\n"));
    is_there
        .then(|| command.to_owned())
        .ok_or_else(|| Failure::new(format!("README.md does not say {command:?}")))
}
