//! What did the C sender make of a message?

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::example::Built;
use crate::{Example, Failure, Installed, Result, World, bounded};

const MESSAGE: &[u8] = b"Subject: a test\n\nOne line.\n.and one that begins with a dot\n";

/// `ffi-tests/c/sender.c`, built against the installed tree.
pub struct Sender {
    built: Built,
}

/// Its log line, taken apart.
#[derive(Debug)]
pub struct Answer {
    /// "go", "defer", "bounce", "refused".
    pub action: String,
    /// SMTP reply code.
    pub code: String,
    /// Enhanced status code, or "-".
    pub enhanced: String,
    /// The host tried last, or "-".
    pub host: String,
    /// One sentence: the library's, or the server's on "go".
    pub text: String,
    /// Exit status of the program.
    pub status: Option<i32>,
    /// What it, or the program around it, wrote to standard error.
    pub stderr: String,
}

impl Answer {
    /// Action, code and enhanced code, as a table states them: "bounce 550 5.7.10".
    #[must_use]
    pub fn brief(&self) -> String {
        format!("{} {} {}", self.action, self.code, self.enhanced)
    }
}

impl Sender {
    /// Builds the program, with OpenSSL.
    ///
    /// # Errors
    /// What the compiler said, or what is missing.
    pub fn build(installed: &Installed) -> Result<Self> {
        let built = Example::named("sender").build(installed)?;
        Ok(Self { built })
    }

    /// Builds the program, with GnuTLS.
    ///
    /// # Errors
    /// As [`Sender::build`].
    pub fn build_with_gnutls(installed: &Installed) -> Result<Self> {
        let built = Example::named("sender-gnutls").build(installed)?;
        Ok(Self { built })
    }

    /// The program itself, for another program to run.
    #[must_use]
    pub fn program(&self) -> &Path {
        self.built.program()
    }

    /// Sends one message in a world; `around` is a program to run it under, valgrind for one.
    ///
    /// # Errors
    /// It did not end in time, or its log line cannot be read.
    pub fn send(
        &self,
        world: &World,
        around: &[&str],
        mail_from: &str,
        recipient: &str,
    ) -> Result<Answer> {
        let program = around
            .iter()
            .map(OsStr::new)
            .chain([self.program().as_os_str()]);
        let mut command = world.command(program);
        command.arg("-c").arg(world.configuration());
        command.args(["-v", "-t", "10000", mail_from, recipient]);
        let limit = if around.is_empty() { 60 } else { 240 };
        answer(&mut command, Duration::from_secs(limit))
    }

    /// Sends one message with these options, to whatever world they name.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn with_options(
        &self,
        options: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Answer> {
        let mut command = Command::new(self.program());
        answer(command.args(options), Duration::from_secs(60))
    }
}

fn answer(command: &mut Command, limit: Duration) -> Result<Answer> {
    let output = bounded::run(command, MESSAGE, limit)?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let unreadable = || {
        let status = output.status;
        Failure::new(format!("the sender said {line:?}, {status}, {stderr}"))
    };
    let (words, text) = line
        .trim_end()
        .split_once(" text=\"")
        .ok_or_else(unreadable)?;
    let mut fields = words
        .split(' ')
        .map(|field| field.split_once('=').map(|(_, value)| value.to_owned()));
    let mut next = || fields.next().flatten().ok_or_else(unreadable);
    Ok(Answer {
        action: next()?,
        code: next()?,
        enhanced: next()?,
        host: next()?,
        text: text.trim_end_matches('"').to_owned(),
        status: output.status.code(),
        stderr,
    })
}
