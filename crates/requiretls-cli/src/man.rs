//! How does this command read as manual pages, and what does a shell complete?
//!
//! Only in a build for that, by `cargo xtask man --command`: the pages are made of the same words as `--help`.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the manual pages of this command, one for each subcommand, and what shells complete
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The date that the pages bear
    #[arg(long)]
    date: String,

    /// The directory for the completions of bash, fish and zsh
    #[arg(long, value_name = "DIR")]
    completions: Option<PathBuf>,

    /// The directory for the pages
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut command = crate::Cli::command().disable_help_subcommand(true);
    command.build();
    let written = std::fs::create_dir_all(&args.directory)
        .and_then(|()| write(&command, &args.date, &args.directory))
        .and_then(|()| args.completions.as_deref().map_or(Ok(()), complete));
    match written {
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
    let name = command.get_display_name().unwrap_or(command.get_name());
    let title = name.to_uppercase();
    let page = page
        .title(title)
        .date(date)
        .manual("General Commands Manual");
    let mut text = Vec::new();
    page.render(&mut text)?;
    let text = tidy(&String::from_utf8_lossy(&text));
    std::fs::write(directory.join(page.get_filename()), text)
}

fn complete(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let mut command = crate::Cli::command();
        let name = command.get_name().to_owned();
        clap_complete::generate_to(shell, &mut command, name, directory)?;
    }
    Ok(())
}

/// Lines of at most 80 octets without blanks at their end, but for the term of a list, which is one line.
fn tidy(page: &str) -> String {
    let (mut tidy, mut is_term) = (String::new(), false);
    // A blank line ends the line before it by itself.
    for line in page.replace(".br\n\n.br\n", ".sp\n").lines() {
        let mut width = 0;
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            if width > 0 {
                let one_line = is_term || line.starts_with('.') || word.starts_with(['.', '\'']);
                let keep = one_line || width + 1 + word.len() <= 80;
                tidy.push(if keep { ' ' } else { '\n' });
                width = if keep { width + 1 } else { 0 };
            }
            tidy.push_str(word);
            width += word.len();
        }
        tidy.push('\n');
        is_term = line == ".TP";
    }
    tidy
}
