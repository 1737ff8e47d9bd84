//! Which policies are kept?

use super::told::Told;
use super::{Common, Outcome, every_domain, now, say, say_json};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

/// Lists what is kept, one domain a line
///
/// A policy that is expired stays for 30 days: a domain that had one may still have one. What is
/// ignored is damaged, or somebody has put it there whose files are not believed. Exit status: 0;
/// 74 when the directory cannot be read, 78 for an unreadable configuration.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Outcome {
    let cache = args.common.cache()?;
    let now = now()?;
    let domains = every_domain(&cache)?;
    let progress = progress(domains.len());
    let told = domains.iter().map(|domain| {
        progress.inc(1);
        Told::about(domain, &cache, now)
    });
    if args.common.json {
        for told in told {
            say_json(&told)?;
        }
        return Ok(0);
    }
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["domain", "state", "mode", "id", "fetched", "expires", ""]);
    for told in told {
        let remark = told.remark();
        let policy = told.policy.map(|p| [p.mode, p.id, p.fetched, p.expires]);
        let [mode, id, fetched, expires] = policy.unwrap_or_else(|| ["-"; 4].map(str::to_owned));
        let state = told.state.to_owned();
        table.add_row([told.domain, state, mode, id, fetched, expires, remark]);
    }
    progress.finish_and_clear();
    for line in table.lines() {
        say(line.trim())?;
    }
    Ok(0)
}

/// For whoever waits at a terminal; a directory that is read at once needs none.
fn progress(length: usize) -> ProgressBar {
    if length < 1_000 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{bar:40} {pos} of {len}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
