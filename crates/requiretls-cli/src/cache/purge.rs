//! What is to be forgotten?

use super::{
    Common, FAILED, IO, Outcome, Stop, domains, every_domain, now, say, say_json, unusable,
};
use requiretls_core::domain::Domain;
use serde::Serialize;

/// Forgets policies
///
/// A policy that is forgotten protects nobody until the next message for its domain has fetched it:
/// `refresh DOMAIN` is the safer remedy for one that is wrong. `--expired` removes what counts no
/// longer: policies 30 days after their end, damaged files, and what was left by processes that were
/// killed. Exit status: 0; 1 when nothing is kept for a domain that was named, 74 when something
/// cannot be removed, 64 for wrong usage, 78 for an unreadable configuration.
#[derive(clap::Args)]
#[group(id = "purged", required = true, multiple = false, args = ["domain", "all", "expired"])]
pub(super) struct Args {
    /// The domains
    domain: Vec<String>,

    /// Everything
    #[arg(long)]
    all: bool,

    /// What counts no longer
    #[arg(long)]
    expired: bool,

    #[command(flatten)]
    common: Common,
}

#[derive(Serialize)]
struct Purged {
    domain: String,
    /// Something was kept.
    purged: bool,
}

#[derive(Serialize)]
struct Swept {
    files: usize,
}

pub(super) fn run(args: &Args) -> Outcome {
    let names = domains(&args.domain)?;
    let cache = args.common.cache()?;
    if args.expired {
        let files = cache.sweep(now()?).map_err(|e| unusable(&cache, &e))?;
        if args.common.json {
            say_json(&Swept { files })?;
        } else {
            say(format_args!("{files} files removed"))?;
        }
        return Ok(0);
    }
    let names = if args.all {
        every_domain(&cache)?
    } else {
        names
    };
    let mut status = 0;
    for domain in names {
        let purged = cache.forget(&domain).map_err(|e| stuck(&domain, &e))?;
        if !purged {
            status = FAILED;
        }
        if args.common.json {
            let domain = domain.to_string();
            say_json(&Purged { domain, purged })?;
        } else {
            let what = if purged {
                "forgotten"
            } else {
                "nothing is kept"
            };
            say(format_args!("{domain}: {what}"))?;
        }
    }
    Ok(status)
}

fn stuck(domain: &Domain, error: &std::io::Error) -> Stop {
    Stop::new(IO, format!("{domain} cannot be removed: {error}"))
}
