//! How much memory do kept facts take?
//!
//! Counted from above, since it is a bound: what a vector has room for, and what an allocator adds.

use super::entry::Entry;
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Sts, Tlsa};
use requiretls_core::mta_sts::Policy;
use requiretls_core::next_hop::{Host, NextHop};
use std::net::IpAddr;
use std::ops::Range;

pub(super) fn of(entry: &Entry) -> usize {
    let key = &entry.key;
    let next_hop = match key.next_hop() {
        NextHop::Domain(domain) => of_domain(domain),
        NextHop::Literal(_) => 0,
        NextHop::Socket(path) => block(path.len()),
    };
    let mut sum = block(SHARED + size_of::<Entry>()) + next_hop;
    sum += block(size_of_val(key.hosts())) + key.hosts().iter().map(of_host).sum::<usize>();
    sum += key.smarthost().map_or(0, |host| block(host.len()));
    sum += block(entry.equals.capacity() * size_of::<Range<usize>>());
    sum += entry.policy_domain.as_ref().map_or(0, of_domain);
    sum + of_facts(&entry.facts)
}

fn of_facts(facts: &Facts) -> usize {
    let mut sum = block(SHARED + size_of::<Facts>());
    sum += facts.expanded.as_ref().map_or(0, of_domain);
    sum += block(facts.hosts.capacity() * size_of::<HostFacts>());
    for host in &facts.hosts {
        sum += of_host(&host.host);
        if let Addresses::Found(addresses) = &host.addresses {
            sum += block(addresses.capacity() * size_of::<IpAddr>());
        }
        if let Tlsa::Found { base, records } = &host.tlsa {
            sum += of_domain(base) + block(records.capacity() * size_of::<TlsaRecord>());
            sum += records
                .iter()
                .map(|record| block(record.data.capacity()))
                .sum::<usize>();
        }
    }
    match &facts.sts {
        Sts::Live { policy, .. } => sum + of_policy(policy),
        Sts::None | Sts::Unknown(_) => sum,
    }
}

fn of_policy(policy: &Policy) -> usize {
    let texts = policy
        .mx()
        .chain(policy.lines().iter().map(String::as_str))
        .map(|text| size_of::<String>() * 2 + block(text.len()));
    2 * block(0) + texts.sum::<usize>()
}

fn of_host(host: &Host) -> usize {
    match host {
        Host::Name(name) => of_domain(name),
        Host::Literal(_) => 0,
        Host::Socket(path) => block(path.len()),
    }
}

fn of_domain(domain: &Domain) -> usize {
    block(domain.as_str().len())
}

/// One allocation, rounded up.
fn block(octets: usize) -> usize {
    octets.next_multiple_of(16) + 16
}

/// The two counters of an `Arc`.
const SHARED: usize = 16;
