//! What would the policy decide in these cases?

use requiretls_core::case::Case;
use requiretls_core::log_line::token;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// `EX_DATAERR` of sysexits.h: at least one line was no case.
const DATA: u8 = 65;
/// `EX_NOINPUT`.
const NO_INPUT: u8 = 66;
/// `EX_IOERR`.
const IO: u8 = 74;

/// A longer line is no case; so much is held in memory at most.
const MAX_LINE: u64 = 1 << 20;

/// Reads decision cases, one JSON object a line, and answers each with one line
///
/// The answer has the action, its code, the host and address that got the message, the level, who
/// imposed it, the row of the failure table that decided, and a sentence. A line that is no case is
/// answered with {"error": ...} that names the field; the rest goes on. Exit status: 0, or 65 when
/// there was such a line.
///
/// A log line of level debug that has case={...} in it is a case, whatever stands before: what was
/// found with grep can be handed in as it is.
///
/// The field "then" lists further messages that come while the connection that got this one stands
/// open: {"then": [{"tag": "R"}, {"tag": "LE", "next_hop": "other"}, {"expired": true}]}. Each has
/// tag, dnssec, null_path and auth_credentials as a case has; next_hop, "same" or "other" (another
/// next hop that leads to the same hosts under the same rule); and expired (the facts that the open
/// connection rests on have expired, its own are fresh). Each is judged against what the first
/// message's connection has proved, and answered in "then", in order, with what a case is answered
/// with and "connection": "reused", "new" (it goes over one of its own) or "none" (it does not go);
/// "not_reused" tells why not the open one.
#[allow(clippy::doc_markdown)] // help is no Markdown
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file with the cases; standard input when it is left out or "-"
    file: Option<PathBuf>,
    /// Print instead which tokens a log line has, and what they mean
    #[arg(long, conflicts_with = "file")]
    log_tokens: bool,
}

#[derive(Serialize)]
struct Refused {
    error: String,
}

/// Answers, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    if args.log_tokens {
        return status(
            io::stdout()
                .write_all(token::manual().as_bytes())
                .map(|()| true),
        );
    }
    let path = args.file.as_deref().filter(|path| path.as_os_str() != "-");
    let output = BufWriter::new(io::stdout().lock());
    let told = match path {
        None => explain(io::stdin().lock(), output),
        Some(path) => match File::open(path) {
            Ok(file) => explain(BufReader::new(file), output),
            Err(error) => {
                eprintln!("requiretls: {}: {error}", path.display());
                return ExitCode::from(NO_INPUT);
            }
        },
    };
    status(told)
}

fn status(told: io::Result<bool>) -> ExitCode {
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DATA),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(IO),
        Err(error) => {
            eprintln!("requiretls: {error}");
            ExitCode::from(IO)
        }
    }
}

/// Whether every line was a case.
fn explain(mut input: impl BufRead, mut output: impl Write) -> io::Result<bool> {
    let mut all_read = true;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < MAX_LINE;
        let case = if whole {
            if line.trim_ascii().is_empty() {
                continue;
            }
            std::str::from_utf8(&line)
                .map_err(|_| "not UTF-8".to_owned())
                .and_then(|line| Case::parse(case_in(line)))
        } else {
            input.skip_until(b'\n')?;
            Err(format!("longer than {MAX_LINE} octets"))
        };
        match case {
            Ok(case) => serde_json::to_writer(&mut output, &case.decide())?,
            Err(fault) => {
                all_read = false;
                let error = format!("line {number}: {fault}");
                serde_json::to_writer(&mut output, &Refused { error })?;
            }
        }
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(all_read)
}

/// A log line's case, where it has one.
fn case_in(line: &str) -> &str {
    match line.split_once("case={") {
        Some((before, case)) if !before.trim_start().starts_with('{') => {
            line.get(line.len() - case.len() - 1..).unwrap_or(line)
        }
        _ => line,
    }
}
