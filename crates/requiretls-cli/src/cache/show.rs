//! What is kept for this domain?

use super::told::Told;
use super::{Common, FAILED, IGNORED, Outcome, domain, now, say, say_json};

/// Shows what is kept for a domain: the policy as it was served, and what failed lately
///
/// Exit status: 0; 1 when no policy is kept, 65 when there is one that does not count, 64 for wrong
/// usage, 78 for an unreadable configuration.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The domain
    domain: String,

    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Outcome {
    let domain = domain(&args.domain)?;
    let cache = args.common.cache()?;
    let told = Told::about(&domain, &cache, now()?);
    if args.common.json {
        say_json(&told)?;
    } else {
        print(&told)?;
    }
    Ok(match told.state {
        "ignored" => IGNORED,
        "-" => FAILED,
        _ => 0,
    })
}

fn print(told: &Told) -> Result<(), super::Stop> {
    let row = |label: &str, text: &str| say(format_args!("{label:<8}  {text}"));
    row("domain", &told.domain)?;
    let state = match told.state {
        "-" => "no policy is kept",
        state => state,
    };
    row("state", state)?;
    let remark = told.remark();
    if !remark.is_empty() {
        row("remark", &remark)?;
    }
    if let Some(policy) = &told.policy {
        row("id", &policy.id)?;
        row("fetched", &policy.fetched)?;
        row("expires", &policy.expires)?;
        say("")?;
        for line in &policy.lines {
            say(line)?;
        }
    }
    Ok(())
}
