//! Which policies are old, and what do their domains serve now?

use super::{CONFIG, Common, FAILED, Outcome, Stop, domains, every_domain, now, say, say_json};
use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::Mode;
use requiretls_engine::{Cache, Deadline, Discovery};
use serde::Serialize;
use std::time::Duration;

/// Fetches policies again: those named, or all that were fetched a day ago
///
/// One after the other, as a timer does it. A failed fetch leaves the policy as it is until its end.
/// What counts no longer is removed. Exit status: 0; 1 when a fetch failed (but not of a policy of
/// mode none, which nobody misses), 64 for wrong usage, 74 when the directory cannot be read, 78 for
/// an unreadable configuration.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The domains, whatever the age of their policies
    domain: Vec<String>,

    /// Seconds for each domain at most
    #[arg(long, value_name = "S", default_value_t = 60)]
    timeout: u64,

    #[command(flatten)]
    common: Common,
}

/// What became of one domain.
#[derive(Serialize)]
struct Told {
    domain: String,
    /// `unchanged`, `changed`, `new`, `failed`.
    outcome: &'static str,
    /// What is served now.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mx: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let named = domains(&args.domain)?;
    let config = args.common.config()?;
    let discovery = Discovery::open(&config).map_err(|e| Stop::new(CONFIG, e))?;
    let cache = discovery.cache();
    let all = named.is_empty();
    let domains = if all { due(cache)? } else { named };
    let mut status = 0;
    for domain in &domains {
        let before = cache.policy(domain);
        let told = refresh(&discovery, domain, Duration::from_secs(args.timeout));
        let missed = before.is_none_or(|kept| kept.policy.mode() != Mode::None);
        if told.outcome == "failed" && missed {
            status = FAILED;
        }
        if args.common.json {
            say_json(&told)?;
        } else {
            say(sentence(&told))?;
        }
    }
    if all && let Err(error) = cache.sweep(now()?) {
        return Err(super::unusable(cache, &error));
    }
    Ok(status)
}

fn due(cache: &Cache) -> Result<Vec<Domain>, Stop> {
    let now = now()?;
    let mut domains = every_domain(cache)?;
    domains.retain(|domain| {
        let kept = cache.policy(domain);
        kept.is_some_and(|kept| kept.kept().refresh_is_due(now))
    });
    Ok(domains)
}

fn refresh(discovery: &Discovery, domain: &Domain, budget: Duration) -> Told {
    let before = discovery.cache().policy(domain);
    let told = Told {
        domain: domain.to_string(),
        outcome: "failed",
        mode: None,
        mx: Vec::new(),
        why: None,
    };
    match discovery.refresh(domain, &Deadline::after(budget)) {
        Err(error) => Told {
            why: Some(error.to_string()),
            ..told
        },
        Ok(policy) => Told {
            outcome: match before {
                None => "new",
                Some(before) if before.policy == policy => "unchanged",
                Some(_) => "changed",
            },
            mode: Some(policy.mode().to_string()),
            mx: policy.mx().map(str::to_owned).collect(),
            ..told
        },
    }
}

fn sentence(told: &Told) -> String {
    let Told {
        domain,
        outcome,
        mode,
        mx,
        why,
    } = told;
    match (mode, why) {
        (_, Some(why)) => format!("{domain}: {outcome}: {why}"),
        (Some(mode), None) => {
            let mx = mx.join(", ");
            let mx = if mx.is_empty() {
                mx
            } else {
                format!(", mx {mx}")
            };
            format!("{domain}: {outcome}: mode {mode}{mx}")
        }
        (None, None) => format!("{domain}: {outcome}"),
    }
}
