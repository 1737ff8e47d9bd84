//! How does this command read as manual pages?
//!
//! Only in a build for that, by `cargo xtask man --command`: the pages are made of the same words as `--help`.

use clap::{Command, CommandFactory};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the manual pages of this command, one for each subcommand
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The date that the pages bear
    #[arg(long)]
    date: String,

    /// The directory to write them to
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut command = crate::Cli::command().disable_help_subcommand(true);
    command.build();
    match std::fs::create_dir_all(&args.directory)
        .and_then(|()| write(&command, &args.date, &args.directory))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("requiretls: {}: {error}", args.directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write(command: &Command, date: &str, directory: &Path) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        write(subcommand, date, directory)?;
    }
    let page = clap_mangen::Man::new(command.clone());
    let page = page.date(date).manual("General Commands Manual");
    page.generate_to(directory).map(drop)
}
