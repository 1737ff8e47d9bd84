//! How does a zone prove that something does not exist?
//!
//! RFC 4035 section 2.3 (NSEC) and RFC 5155 section 7.1 (NSEC3): the chain of a zone, and which link
//! of it matches or covers a name.

use std::collections::{BTreeMap, BTreeSet};

use hickory_resolver::proto::dnssec::Nsec3HashAlgorithm;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, NSEC, NSEC3, NSEC3PARAM};
use hickory_resolver::proto::rr::{LowerName, Name, RData, RecordSet, RecordType};

use crate::zone::{Denial, Sets, TTL, ZoneError, add};

/// The chain of a zone; NSEC records are among the zone's sets, NSEC3 records have an order of their own.
#[derive(Debug)]
pub(crate) enum Chain {
    /// An unsigned zone proves nothing.
    None,
    Nsec,
    Nsec3 {
        opt_out: bool,
        links: BTreeMap<Vec<u8>, RecordSet>,
    },
}

impl Chain {
    /// Chains the names of a zone. The sets are complete but for NSEC and NSEC3PARAM, which are added.
    pub(crate) fn link(
        origin: &LowerName,
        sets: &mut Sets,
        denial: Denial,
    ) -> Result<Self, ZoneError> {
        match denial {
            Denial::Nsec => {
                link_by_name(origin, sets);
                Ok(Self::Nsec)
            }
            Denial::Nsec3 { opt_out } => {
                let parameters = NSEC3PARAM::new(Nsec3HashAlgorithm::SHA1, false, 0, Vec::new());
                let parameters = RData::DNSSEC(DNSSECRData::NSEC3PARAM(parameters));
                add(sets, origin, 0, parameters);
                let links = link_by_hash(origin, sets, opt_out)?;
                Ok(Self::Nsec3 { opt_out, links })
            }
        }
    }

    /// The link whose owner is this name.
    pub(crate) fn matching<'a>(
        &'a self,
        sets: &'a Sets,
        name: &LowerName,
    ) -> Option<&'a RecordSet> {
        match self {
            Self::None => None,
            Self::Nsec => sets.get(name)?.get(&RecordType::NSEC),
            Self::Nsec3 { links, .. } => links.get(&hash(name).ok()?),
        }
    }

    /// The link that begins before this name and ends behind it.
    pub(crate) fn covering<'a>(
        &'a self,
        sets: &'a Sets,
        name: &LowerName,
    ) -> Option<&'a RecordSet> {
        match self {
            Self::None => None,
            Self::Nsec => {
                let mut before = sets.range(..=name).rev();
                before.find_map(|(_, sets)| sets.get(&RecordType::NSEC))
            }
            Self::Nsec3 { links, .. } => {
                let before = links.range(..hash(name).ok()?).next_back();
                // Before the first link is what the last one covers.
                before
                    .or_else(|| links.iter().next_back())
                    .map(|(_, set)| set)
            }
        }
    }
}

/// The ancestors of a name from `origin` down to the name itself, both included.
pub(crate) fn path(origin: &LowerName, name: &LowerName) -> Vec<LowerName> {
    let mut path = vec![name.clone()];
    let mut here = name.clone();
    while here != *origin && !here.is_root() {
        here = here.base_name();
        path.push(here.clone());
    }
    path.reverse();
    path
}

/// Whether this name is where another zone begins.
pub(crate) fn is_cut(origin: &LowerName, sets: &Sets, name: &LowerName) -> bool {
    let here = sets.get(name);
    name != origin && here.is_some_and(|here| here.contains_key(&RecordType::NS))
}

/// Whether a zone speaks for this name: at a cut it does so for NS and DS alone, below it for nothing.
pub(crate) fn is_below_cut(origin: &LowerName, sets: &Sets, name: &LowerName) -> bool {
    let path = path(origin, name);
    let above = path.iter().take(path.len().saturating_sub(1));
    above.into_iter().any(|name| is_cut(origin, sets, name))
}

fn link_by_name(origin: &LowerName, sets: &mut Sets) {
    let owners: Vec<LowerName> = sets
        .keys()
        .filter(|name| !is_below_cut(origin, sets, name))
        .cloned()
        .collect();
    let next = owners.iter().skip(1).chain([origin]);
    for (owner, next) in owners.iter().zip(next) {
        let nsec = NSEC::new_cover_self(next.into(), types(origin, sets, owner));
        add(sets, owner, TTL, RData::DNSSEC(DNSSECRData::NSEC(nsec)));
    }
}

fn link_by_hash(
    origin: &LowerName,
    sets: &Sets,
    opt_out: bool,
) -> Result<BTreeMap<Vec<u8>, RecordSet>, ZoneError> {
    let mut owners = BTreeSet::new();
    for name in sets.keys() {
        let left_out = opt_out && is_cut(origin, sets, name) && !has_ds(sets, name);
        if !left_out && !is_below_cut(origin, sets, name) {
            // RFC 5155 section 7.1: empty non-terminals too.
            owners.extend(path(origin, name));
        }
    }
    let mut hashed = BTreeMap::new();
    for owner in owners {
        hashed.insert(hash(&owner)?, types(origin, sets, &owner));
    }
    let next: Vec<Vec<u8>> = hashed
        .keys()
        .skip(1)
        .chain(hashed.keys().take(1))
        .cloned()
        .collect();
    let mut links = BTreeMap::new();
    for ((hash, mut types), next) in hashed.into_iter().zip(next) {
        let name = hashed_name(origin, &hash)?;
        let only_cut = types.contains(&RecordType::NS) && !types.contains(&RecordType::SOA);
        if !types.is_empty() && (!only_cut || types.contains(&RecordType::DS)) {
            types.push(RecordType::RRSIG);
        }
        let nsec3 = NSEC3::new(
            Nsec3HashAlgorithm::SHA1,
            opt_out,
            0,
            Vec::new(),
            next,
            types,
        );
        let mut set = RecordSet::with_ttl(name, RecordType::NSEC3, TTL);
        set.add_rdata(RData::DNSSEC(DNSSECRData::NSEC3(nsec3)));
        links.insert(hash, set);
    }
    Ok(links)
}

fn types(origin: &LowerName, sets: &Sets, name: &LowerName) -> Vec<RecordType> {
    let cut = is_cut(origin, sets, name);
    let all = sets.get(name).into_iter().flat_map(BTreeMap::keys).copied();
    all.filter(|kind| !cut || matches!(kind, RecordType::DS | RecordType::NS))
        .collect()
}

fn has_ds(sets: &Sets, name: &LowerName) -> bool {
    let here = sets.get(name);
    here.is_some_and(|here| here.contains_key(&RecordType::DS))
}

fn hash(name: &LowerName) -> Result<Vec<u8>, ZoneError> {
    let digest = Nsec3HashAlgorithm::SHA1.hash(&[], name, 0)?;
    Ok(digest.as_ref().to_vec())
}

fn hashed_name(origin: &LowerName, hash: &[u8]) -> Result<Name, ZoneError> {
    // hickory has the base32 form of a hash only as the next one of a record.
    let record = NSEC3::new(
        Nsec3HashAlgorithm::SHA1,
        false,
        0,
        Vec::new(),
        hash.to_vec(),
        [],
    );
    let label = record
        .next_hashed_owner_name_base32()
        .ok_or_else(|| ZoneError("a hash that is no label".to_owned()))?;
    Ok(origin.prepend_label(label)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{Zone, absolute};

    fn chained(denial: Denial) -> (LowerName, Sets, Chain) {
        let text = "
@        SOA  ns root 1 1 1 1 1
@        NS   ns
ns       A    127.0.0.1
a.b.c    A    127.0.0.2
cut      NS   ns.cut
ns.cut   A    127.0.0.3
safe     NS   ns
safe     DS   1 13 2 aabb
";
        let mut zone = Zone::from_text("z.test", text).unwrap();
        let chain = Chain::link(&zone.origin, &mut zone.sets, denial).unwrap();
        (zone.origin, zone.sets, chain)
    }

    #[test]
    fn nsec_links_are_in_canonical_order_without_glue() {
        let (_, sets, chain) = chained(Denial::Nsec);
        #[rustfmt::skip]
        let table = [
            ("apex",                  "z.test",         Some("z.test"),     "z.test"),
            ("empty non-terminal",    "b.c.z.test",     None,               "z.test"),
            ("behind the deep name",  "cat.z.test",     None,               "a.b.c.z.test"),
            ("glue",                  "ns.cut.z.test",  None,               "cut.z.test"),
            ("the last",              "zz.z.test",      None,               "safe.z.test"),
        ];
        for (label, name, matching, covering) in table {
            let name = absolute(name).unwrap();
            let owner = |set: Option<&RecordSet>| set.map(|set| set.name().clone());
            let expected = matching.map(|name| Name::from(absolute(name).unwrap()));
            assert_eq!(owner(chain.matching(&sets, &name)), expected, "{label}");
            let expected = Some(Name::from(absolute(covering).unwrap()));
            assert_eq!(owner(chain.covering(&sets, &name)), expected, "{label}");
        }
    }

    #[test]
    fn nsec3_links_have_empty_non_terminals_and_leave_unsigned_cuts_out() {
        #[rustfmt::skip]
        let table = [
            ("apex",               "z.test",         true,  true),
            ("empty non-terminal", "b.c.z.test",     true,  true),
            ("unsigned cut",       "cut.z.test",     true,  false),
            ("glue",               "ns.cut.z.test",  false, false),
            ("signed cut",         "safe.z.test",    true,  true),
            ("nothing",            "zz.z.test",      false, false),
        ];
        for opt_out in [false, true] {
            let (_, sets, chain) = chained(Denial::Nsec3 { opt_out });
            for (label, name, all, opted_out) in table {
                let expected = if opt_out { opted_out } else { all };
                let name = absolute(name).unwrap();
                let found = chain.matching(&sets, &name).is_some();
                assert_eq!(found, expected, "{label}, opt-out {opt_out}");
            }
        }
    }

    /// RFC 5155 section 7.1: the type map of an unsigned cut has no RRSIG, since nothing there is signed.
    #[test]
    fn nsec3_type_maps_say_what_is_there() {
        use RecordType::{A, DS, NS, NSEC3PARAM, RRSIG, SOA};
        let (_, sets, chain) = chained(Denial::Nsec3 { opt_out: false });
        #[rustfmt::skip]
        let table = [
            ("z.test",      vec![NS, SOA, RRSIG, NSEC3PARAM]),
            ("ns.z.test",   vec![A, RRSIG]),
            ("b.c.z.test",  vec![]),
            ("cut.z.test",  vec![NS]),
            ("safe.z.test", vec![NS, DS, RRSIG]),
        ];
        for (name, expected) in table {
            let link = chain.matching(&sets, &absolute(name).unwrap()).unwrap();
            let Some(RData::DNSSEC(DNSSECRData::NSEC3(link))) = link.record().map(|r| &r.data)
            else {
                panic!("{name} has no NSEC3");
            };
            let found: Vec<RecordType> = link.type_bit_maps().collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
