//! Whom is asked, and what is each of them good for?

use super::Looked;
use super::fact::Fact;
use crate::check_resolver::fit;
use requiretls_engine::Deadline;
use requiretls_engine::dns::self_test::Finding;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Each name server with what its test has found: by the lookup that came before where that is
/// kept, else by a test made now.
pub(super) fn facts(looked: &Looked<'_>) -> Vec<Fact> {
    let discovery = looked.discovery;
    let servers = discovery.resolver().servers();
    if !discovery.is_dnssec_trusted() {
        let why = "the path to it is not trusted, so nothing that it says of DNSSEC counts";
        return servers
            .iter()
            .map(|server| Fact::new(server.to_string(), "-", why))
            .collect();
    }
    if looked.config.dns.probes.signed.is_empty() {
        let why = "not tested: there are no names in probe_signed";
        return servers
            .iter()
            .map(|server| Fact::new(server.to_string(), "-", why))
            .collect();
    }
    let now = discovery.clock().now().unwrap_or_default();
    let kept = |server: &SocketAddr| {
        let tested = discovery.cache().tested(*server)?;
        let age = now
            .checked_sub(tested.at)
            .filter(|age| *age < HOLDS && tested.finding.is_clear())?;
        Some((tested.finding, age))
    };
    let mut known: HashMap<SocketAddr, (Finding, u64)> = servers
        .iter()
        .filter_map(|server| Some((*server, kept(server)?)))
        .collect();
    if known.len() < servers.len() {
        let deadline = Deadline::after(PATIENCE);
        let probes = &looked.config.dns.probes;
        for examined in discovery.resolver().examine(probes, deadline) {
            known
                .entry(examined.server)
                .or_insert((examined.finding, 0));
        }
    }
    servers
        .iter()
        .map(|server| {
            let Some((finding, age)) = known.get(server) else {
                return Fact::new(server.to_string(), "unknown", "not tested");
            };
            let status = match fit(*finding, &looked.config.dns) {
                "yes" => "fit",
                "no" => "unfit",
                _ => "unknown",
            };
            let fact = Fact::new(server.to_string(), status, finding.to_string()).aged(*age);
            if finding.is_clear() {
                fact.holding(HOLDS.saturating_sub(*age))
            } else {
                fact
            }
        })
        .collect()
}

/// For how long a test counts, in seconds.
const HOLDS: u64 = 600;

/// For a test that is made for this.
const PATIENCE: Duration = Duration::from_secs(2);
