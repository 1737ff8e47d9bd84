//! How does a command end?

use std::process::{Command, Stdio};

use crate::Result;

/// Runs a command whose output goes where ours goes; it must succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", describe(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{}: {status}", describe(command)).into())
}

/// Runs a command that must succeed, and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", describe(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}\n{said}", describe(command), output.status).into())
}

/// Whether a command can be started and succeeds; what it says is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Cargo, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::tree::root());
    command
}

fn describe(command: &Command) -> String {
    let mut words = command.get_program().to_string_lossy().into_owned();
    // The end of a long linker call tells nothing that its beginning does not.
    for argument in command.get_args().take(8) {
        words.push(' ');
        words.push_str(&argument.to_string_lossy());
    }
    words
}
