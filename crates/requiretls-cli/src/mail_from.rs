//! What did this MAIL command require?

use requiretls_core::mail_param::{Answer, Dialects, MailParams};
use requiretls_core::tag;
use serde::Serialize;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Reads one MAIL FROM command and prints the tag to keep with the message
///
/// Prints nothing when the command asks nothing. Exit status: 0 with a tag or without, 1 when the
/// command is refused (the reply to it is printed), 64 for wrong usage.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The client is not inside TLS
    #[arg(long)]
    clear: bool,

    /// The ways of asking that are understood, separated by commas
    #[arg(
        long,
        value_name = "DIALECT",
        value_delimiter = ',',
        value_parser = Dialects::WORDS,
        default_value = "rfc8689"
    )]
    dialect: Vec<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// The whole command, `MAIL FROM:<path> parameters`
    line: OsString,
}

/// What is printed with `--json`; the fields are those of the C API.
#[derive(Serialize)]
struct Told {
    answer: &'static str,
    tag: String,
    code: u16,
    enhanced: String,
    text: String,
}

/// Answers, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let told = judge(args);
    match print(&told, args.json) {
        Ok(()) if told.answer == "refused" => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        // EX_IOERR: nobody has read the answer.
        Err(_) => ExitCode::from(74),
    }
}

fn judge(args: &Args) -> Told {
    let mut dialects = Dialects::NONE;
    for word in &args.dialect {
        // Other words are wrong usage and do not come this far.
        let _ = dialects.enable(word);
    }
    let mut mail = MailParams::new(dialects, true, !args.clear);
    let answer = mail.line(args.line.as_encoded_bytes());
    match mail.end() {
        Ok(requirement) => Told {
            answer: if answer == Answer::Taken {
                "taken"
            } else {
                "not_ours"
            },
            tag: tag::write(requirement),
            code: 250,
            enhanced: "2.0.0".to_owned(),
            text: "OK".to_owned(),
        },
        Err(refusal) => Told {
            answer: "refused",
            tag: tag::REFUSED.to_owned(),
            code: refusal.code(),
            enhanced: refusal.enhanced().to_string(),
            text: refusal.sentence().to_owned(),
        },
    }
}

fn print(told: &Told, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, told)?;
        writeln!(out)?;
    } else if told.answer == "refused" {
        writeln!(out, "{} {} {}", told.code, told.enhanced, told.text)?;
    } else if !told.tag.is_empty() {
        writeln!(out, "{}", told.tag)?;
    }
    out.flush()
}
