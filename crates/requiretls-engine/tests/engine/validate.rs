//! Mode `validate` beside mode `ad`: the same questions about the same zones, each with the answer
//! that a validating resolver must give.

use crate::dns_table::{self, Answer as Truth};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, Security};
use requiretls_engine::Deadline;
use requiretls_engine::clock::Clock;
use requiretls_engine::dns::{Bounded, Family, Found, Resolver, TrustAnchor};
use requiretls_testbed::proto::rr::{RData, RecordType};
use requiretls_testbed::{AuthorityFault, Block, DnsWorld, DnsWorldSpec, Zone, days, rdata};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An answer's status, how many aliases led to it, and how many records it has.
type Told = Result<(Security, usize, Records), LookupCause>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Records {
    Some(usize),
    NoData,
    NoDomain,
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn validating(world: &DnsWorld, now: u64) -> Resolver {
    let anchor = TrustAnchor::parse(world.trust_anchor()).unwrap();
    Resolver::new(vec![world.address()], false).validating(anchor, Clock::fixed(now))
}

fn believing(world: &DnsWorld) -> Resolver {
    Resolver::new(vec![world.address()], true)
}

/// `None`: no such question is ever asked.
fn ask(resolver: &Resolver, name: &str, kind: RecordType) -> Option<Told> {
    let dns = resolver.within(Deadline::after(Duration::from_secs(20)));
    told(&dns, name, kind)
}

fn told(dns: &Bounded<'_>, name: &str, kind: RecordType) -> Option<Told> {
    fn read<T>(
        answer: Result<requiretls_engine::dns::Answer<T>, requiretls_core::facts::LookupFailure>,
    ) -> Told {
        let answer = answer.map_err(|failure| failure.cause)?;
        let records = match answer.found {
            Found::Records(records) => Records::Some(records.len()),
            Found::NoData => Records::NoData,
            Found::NoDomain => Records::NoDomain,
        };
        Ok((answer.security, answer.chain.len(), records))
    }
    let name = Domain::parse(name.as_bytes()).ok()?;
    Some(match kind {
        RecordType::A => read(dns.addresses(&name, Family::Ipv4)),
        RecordType::AAAA => read(dns.addresses(&name, Family::Ipv6)),
        RecordType::CNAME => read(dns.cname(&name)),
        RecordType::MX => read(dns.mx(&name)),
        RecordType::TLSA => read(dns.tlsa(&name)),
        RecordType::TXT => read(dns.txt(&name)),
        _ => return None,
    })
}

/// Whether an answer says what the table does; that counts DNAMEs and aliases as records.
fn is_true(told: Told, truth: Truth) -> bool {
    use Security::{Insecure, Secure};
    let matches = |number: usize, status: Security| match told {
        Ok((security, _, Records::NoData)) if number == 0 => security == status,
        Ok((security, chain, Records::NoData)) => security == status && chain > 0,
        Ok((security, chain, Records::Some(records))) => {
            security == status && records > 0 && (records + chain..=number).contains(&number)
        }
        _ => false,
    };
    match truth {
        Truth::Secure(number) => matches(number, Secure),
        Truth::Insecure(number) => matches(number, Insecure),
        Truth::SecureNone(_) => matches!(told, Ok((Secure, _, Records::NoDomain))),
        Truth::InsecureNone(_) => matches!(told, Ok((Insecure, _, Records::NoDomain))),
        Truth::Bogus => told == Err(LookupCause::Bogus),
        Truth::Unreachable => matches!(told, Err(cause) if cause != LookupCause::Bogus),
    }
}

#[test]
fn both_modes_say_what_is_true_of_the_zones() {
    let block = Block::claim().unwrap();
    let world = dns_table::world(vec![(block.address(2), 0).into()]);
    let resolvers = [
        ("validate", validating(&world, now())),
        ("ad", believing(&world)),
    ];
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (label, name, kind, truth) in dns_table::questions() {
        for (mode, resolver) in &resolvers {
            let Some(told) = ask(resolver, &name, kind) else {
                continue;
            };
            asked += 1;
            if !is_true(told, truth) {
                wrong.push(format!("{mode}: {label}: {kind} {name}: {told:?}, not {truth:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 300, "{asked}");
}
