//! What is kept of MTA-STS policies, and is it still right?

mod list;
mod purge;
mod refresh;
mod show;
mod told;

use crate::USAGE;
use clap::Subcommand;
use requiretls_core::domain::Domain;
use requiretls_engine::clock::Clock;
use requiretls_engine::{Cache, Config};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// What was asked for is not there, or could not be done.
const FAILED: u8 = 1;
/// `EX_DATAERR`: there is something, and it does not count.
const IGNORED: u8 = 65;
/// `EX_IOERR`.
const IO: u8 = 74;
/// `EX_CONFIG`.
const CONFIG: u8 = 78;

/// Lists, shows, refreshes and purges the MTA-STS policies that are kept
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    List(list::Args),
    Show(show::Args),
    Refresh(refresh::Args),
    Purge(purge::Args),
}

/// What every task takes.
#[derive(clap::Args)]
struct Common {
    /// The configuration; the built-in file when it is left out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Does it, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let outcome = match &args.task {
        Task::List(args) => list::run(args),
        Task::Show(args) => show::run(args),
        Task::Refresh(args) => refresh::run(args),
        Task::Purge(args) => purge::run(args),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(Stop { status, what }) => {
            eprintln!("requiretls: {what}");
            ExitCode::from(status)
        }
    }
}

/// Why nothing more can be done.
struct Stop {
    status: u8,
    what: String,
}

impl Stop {
    fn new(status: u8, what: impl Display) -> Self {
        let what = what.to_string();
        Self { status, what }
    }
}

/// A task's exit status.
type Outcome = Result<u8, Stop>;

impl Common {
    fn config(&self) -> Result<Config, Stop> {
        let config = Config::load(self.config.as_deref()).map_err(|e| Stop::new(CONFIG, e))?;
        if config.cache.directory.is_none() {
            let what = "the configuration has no directory in [cache]: nothing is kept";
            return Err(Stop::new(CONFIG, what));
        }
        Ok(config)
    }

    fn cache(&self) -> Result<Cache, Stop> {
        Ok(Cache::open(&self.config()?.cache))
    }
}

fn now() -> Result<u64, Stop> {
    Clock::system().now().map_err(|e| Stop::new(FAILED, e))
}

fn domain(name: &str) -> Result<Domain, Stop> {
    Domain::parse(name.as_bytes()).map_err(|e| Stop::new(USAGE, format!("{name:?}: {e}")))
}

fn domains(names: &[String]) -> Result<Vec<Domain>, Stop> {
    names.iter().map(|name| domain(name)).collect()
}

/// All that is kept.
fn every_domain(cache: &Cache) -> Result<Vec<Domain>, Stop> {
    cache.domains().map_err(|e| unusable(cache, &e))
}

fn unusable(cache: &Cache, error: &io::Error) -> Stop {
    let path = cache.directory().unwrap_or(std::path::Path::new(""));
    Stop::new(IO, format!("{}: {error}", path.display()))
}

/// One line on standard output; nobody may be there to read it.
fn say(line: impl Display) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|e| Stop::new(IO, e))
}

fn say_json(what: &impl serde::Serialize) -> Result<(), Stop> {
    say(serde_json::to_string(what).map_err(|e| Stop::new(IO, e))?)
}
