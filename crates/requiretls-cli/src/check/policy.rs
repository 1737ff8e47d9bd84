//! Which MTA-STS policy is kept, and which is served?
//!
//! Messages are judged by the one that is kept while it holds, so both are told where they differ.
//! The lookup itself fetches only what it needs; here the policy host is asked in any case, but not
//! again where it has just failed (S9), and what it says is not kept.

use super::Looked;
use super::fact::{Fact, span};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupFailure, Sts};
use requiretls_core::mta_sts::{Mode, Policy, fetch};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::site_policy::Rule;
use requiretls_engine::Discovery;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::sts_fetch::PolicyFetcher;

/// The policy that is kept for whoever it would be asked of; facts do not say that yet.
pub(super) fn kept_before(
    next_hop: &NextHop,
    rule: &Rule,
    discovery: &Discovery,
) -> Option<KeptPolicy> {
    let smarthost = rule.smarthost.as_deref();
    let smarthost = smarthost.and_then(|host| Host::parse(host).ok());
    let domain = match &smarthost {
        Some(host) => host.name(),
        None => next_hop.domain(),
    };
    discovery.cache().policy(domain?)
}

/// What there is to be told of the policy of this domain. `before` was kept when the lookup began.
pub(super) fn facts(
    looked: &Looked<'_>,
    domain: &Domain,
    before: Option<&KeptPolicy>,
    begin: u64,
) -> Vec<Fact> {
    let discovery = looked.discovery;
    let cache = discovery.cache();
    let now = discovery.clock().now().unwrap_or_default();
    let after = cache.policy(domain);
    let mut facts = Vec::new();
    if let (Some(before), Some(directory)) = (before, cache.directory()) {
        let state = if !before.kept().is_live(now) {
            "expired"
        } else if before.policy.mode() == Mode::None {
            "none"
        } else {
            "in force"
        };
        let found = format!("id {}, {}", before.id, mode_and_mx(&before.policy));
        facts.push(
            Fact::new("policy kept", state, found)
                .from(directory.display().to_string())
                .aged(now.saturating_sub(before.fetched))
                .holding(before.kept().expires().saturating_sub(now)),
        );
    }
    let fetched_now = after.as_ref().filter(|after| after.fetched >= begin);
    let is_kept_nowhere = cache.directory().is_none();
    let served = match (&looked.plan.facts().sts, fetched_now) {
        (_, Some(after)) => Some(Ok(after.policy.clone())),
        (Sts::Live { policy, .. }, None) if is_kept_nowhere => Some(Ok(policy.clone())),
        (
            Sts::Live {
                refetch_failed: Some(failure),
                ..
            }
            | Sts::Unknown(failure),
            None,
        ) => Some(Err(why(domain, failure))),
        (Sts::None, None) if before.is_none() => None,
        (Sts::Live { .. } | Sts::None, None) => Some(ask(looked, domain, now)),
    };
    match served {
        None => {}
        Some(Err(why)) => facts.push(Fact::new("policy served", "failed", why)),
        Some(Ok(policy)) => {
            let fact = Fact::new("policy served", "HTTPS", mode_and_mx(&policy));
            let from = format!("https://mta-sts.{domain}");
            facts.push(fact.from(from).holding(policy.max_age().into()));
            let differs = before.filter(|before| !same(&before.policy, &policy));
            facts.extend(differs.map(|_| {
                let replaced = after.is_some_and(|after| same(&after.policy, &policy));
                difference(domain, replaced)
            }));
        }
    }
    facts
}

/// The policy host, beside the lookup.
fn ask(looked: &Looked<'_>, domain: &Domain, now: u64) -> Result<Policy, String> {
    let discovery = looked.discovery;
    let failed = discovery.cache().memory(domain).fetch;
    let pause = fetch::RETRY_AFTER.as_secs();
    let left = |at: u64| {
        at.saturating_add(pause)
            .checked_sub(now)
            .filter(|left| *left > 0)
    };
    if let Some((failed, left)) = failed.and_then(|f| left(f.at).map(|left| (f, left))) {
        let ago = span(now.saturating_sub(failed.at));
        let why = format!("{}, {ago} ago; asked again in {}", failed.why, span(left));
        return Err(why);
    }
    let (sts, families) = (&looked.config.sts, &looked.config.dns.families);
    let fetcher = PolicyFetcher::new(sts, families, discovery.roots(), discovery.clock());
    let served = fetcher.fetch(domain, looked.answered.dns());
    served.map_err(|failure| failure.to_string())
}

/// Without what the row says already.
fn why(domain: &Domain, failure: &LookupFailure) -> String {
    let named = format!("MTA-STS policy of {domain} (");
    let inner = failure.question.strip_prefix(&named);
    match inner.and_then(|inner| inner.strip_suffix(')')) {
        Some(why) => why.to_owned(),
        None => format!("{}: {}", failure.question, failure.cause.as_str()),
    }
}

/// Field report 25: whoever sends goes by the kept one.
fn difference(domain: &Domain, replaced: bool) -> Fact {
    let found = if replaced {
        "messages went by the kept one until now; this lookup has put the one that is served in \
         its place"
            .to_owned()
    } else {
        format!(
            "messages go by the kept one; `requiretls cache refresh {domain}` puts the one that \
             is served in its place"
        )
    };
    Fact::new("the two", "differ", found)
}

fn same(one: &Policy, other: &Policy) -> bool {
    one.mode() == other.mode() && one.mx().eq(other.mx())
}

fn mode_and_mx(policy: &Policy) -> String {
    let names = policy.mx().collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() {
        names
    } else {
        format!(", mx {names}")
    };
    format!("mode {}{names}", policy.mode())
}
