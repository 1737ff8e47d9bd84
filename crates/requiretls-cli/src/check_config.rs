//! Is the configuration readable, and does it say what the site means?

mod for_next_hop;
mod report;

use crate::USAGE;
use report::{Fault, Report};
use requiretls_core::next_hop::NextHop;
use requiretls_engine::{Config, ConfigError};
use serde::Serialize;
use std::io::{self, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;

/// There are warnings, and `--strict` was given.
const WARNED: u8 = 1;
/// `EX_IOERR` of sysexits.h: nobody has read the answer.
const IO: u8 = 74;
/// `EX_CONFIG`.
const CONFIG: u8 = 78;

/// Reads the configuration and says whether it can be used, and what is odd about it
///
/// Only the files are read: the configuration, the site policy that it names, and the certificates
/// and keys named there. No name server is asked, and nothing is connected to.
///
/// What cannot be read, or contradicts itself, is an error with file and line. Warnings, on
/// standard error, are about what is legal and perhaps not meant: settings that protect less than
/// the defaults, a rule with a lower floor than the rule that it overrides, a rule for what mail
/// can never be routed to. Notes are about rules and settings without effect, and about what a
/// rule does not take from the one that it overrides: a rule is one whole table. Rules are looked
/// up by what mail is routed to, never by the name of an MX host, so that a rule for one never
/// wins; which names are only that, the files do not say.
///
/// Exit status: 0 when the configuration can be used, with warnings or without; 1 when there are
/// warnings and --strict was given; 64 for wrong usage; 78 when it cannot be used.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tell which rule holds for this next hop, and where each of its settings comes from: a
    /// domain, an address literal, `unix:/path`; with `:PORT` when the server names one
    #[arg(long = "for", value_name = "NAME")]
    next_hop: Option<String>,

    /// The configuration; the built-in file when it is left out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A warning is a failure: exit status 1
    #[arg(long)]
    strict: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Reads, tells, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let asked = match args.next_hop.as_deref().map(next_hop_and_port) {
        None => None,
        Some(Ok(asked)) => Some(asked),
        Some(Err(what)) => {
            eprintln!("requiretls: {what}");
            return ExitCode::from(USAGE);
        }
    };
    let (config, written) = match Config::load_written(args.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => return refuse(&error, args.json),
    };
    let asked = asked.as_ref().map(|(next_hop, port)| (next_hop, *port));
    let report = Report::new(&config, &written, asked);
    let told = if args.json {
        print_json(&report)
    } else {
        for warning in report.warnings() {
            eprintln!("requiretls: warning: {warning}");
        }
        print(&report)
    };
    match told {
        Err(_) => ExitCode::from(IO),
        Ok(()) if args.strict && report.warnings().next().is_some() => ExitCode::from(WARNED),
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn refuse(error: &ConfigError, json: bool) -> ExitCode {
    if json && print_json(&Fault::of(error)).is_err() {
        return ExitCode::from(IO);
    }
    if !json {
        eprintln!("requiretls: {error}");
    }
    ExitCode::from(CONFIG)
}

/// The next hop of a plan, and its port where one was named too.
fn next_hop_and_port(text: &str) -> Result<(NextHop, Option<NonZeroU16>), String> {
    let error = match NextHop::parse(text) {
        Ok(next_hop) => return Ok((next_hop, None)),
        Err(error) => error,
    };
    text.rsplit_once(':')
        .and_then(|(name, port)| {
            let plain = port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse().ok().filter(|_| plain)?;
            Some((NextHop::parse(name).ok()?, Some(port)))
        })
        .ok_or_else(|| format!("{text:?}: {error}"))
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{report}")?;
    out.flush()
}

fn print_json(told: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, told)?;
    writeln!(out)?;
    out.flush()
}
