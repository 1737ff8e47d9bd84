//! How does a world's tree of zones become one chain of signatures?
//!
//! Keys first, then what each parent says of its children (NS, addresses, DS), then each zone's
//! chain of denial and its signatures (RFC 4035 section 2), at last what is altered or damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use hickory_resolver::proto::dnssec::crypto::{EcdsaSigningKey, Ed25519SigningKey};
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_resolver::proto::dnssec::{
    Algorithm, DigestType, DnsSecError, DnssecSigner, PublicKeyBuf, SigningKey,
};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NS, SOA};
use hickory_resolver::proto::rr::{
    DNSClass, LowerName, Name, RData, Record, RecordSet, RecordType,
};
use time::OffsetDateTime;

use crate::clock::days;
use crate::denial::{Chain, is_below_cut, is_cut};
use crate::zone::{Delegation, KeyType, Sets, Signatures, TTL, Zone, ZoneError, add};

/// A zone as it is served.
#[derive(Debug)]
pub(crate) struct SignedZone {
    pub(crate) origin: LowerName,
    pub(crate) sets: Sets,
    pub(crate) chain: Chain,
    pub(crate) delegation: Delegation,
    /// When its signatures hold; `None` when it has none.
    pub(crate) window: Option<RangeInclusive<u64>>,
    /// The sets that do not fit their signatures.
    pub(crate) broken: BTreeSet<(LowerName, RecordType)>,
}

/// All zones of a world, by their names.
pub(crate) type Tree = BTreeMap<LowerName, SignedZone>;

/// Signs all zones of a world whose name servers have these addresses. Gives the trust anchor too.
pub(crate) fn sign(
    zones: Vec<Zone>,
    addresses: &[IpAddr],
    now: u64,
) -> Result<(Tree, String), ZoneError> {
    let mut keyed = keys(zones)?;
    for (zone, _) in keyed.values_mut() {
        complete(zone, addresses)?;
    }
    let anchor = delegate(&mut keyed)?;
    let mut tree = Tree::new();
    for (origin, (zone, keys)) in keyed {
        tree.insert(origin, signed(zone, keys, now)?);
    }
    Ok((tree, anchor))
}

/// The zone with the longest name among those that have this name in them.
pub(crate) fn deepest<'a, Z>(
    zones: &'a BTreeMap<LowerName, Z>,
    name: &LowerName,
) -> Option<(&'a LowerName, &'a Z)> {
    let mut here = name.clone();
    loop {
        if let Some(found) = zones.get_key_value(&here) {
            return Some(found);
        }
        if here.is_root() {
            return None;
        }
        here = here.base_name();
    }
}

/// A zone's own key, and one that is not in the zone.
struct Keys {
    own: Box<dyn SigningKey>,
    other: PublicKeyBuf,
}

type Keyed = BTreeMap<LowerName, (Zone, Keys)>;

fn keys(zones: Vec<Zone>) -> Result<Keyed, ZoneError> {
    let mut keyed = Keyed::new();
    for zone in zones {
        let own = generate(zone.key)?;
        let other = generate(zone.key)?.to_public_key()?;
        if let Some((twice, _)) = keyed.insert(zone.origin.clone(), (zone, Keys { own, other })) {
            return Err(ZoneError(format!("two zones {}", twice.origin)));
        }
    }
    if !keyed.contains_key(&LowerName::from(Name::root())) {
        let root = keys(vec![Zone::from_text(".", "")?])?;
        keyed.extend(root);
    }
    Ok(keyed)
}

fn generate(key: KeyType) -> Result<Box<dyn SigningKey>, ZoneError> {
    let ecdsa = |algorithm| -> Result<Box<dyn SigningKey>, ZoneError> {
        let key = EcdsaSigningKey::generate_pkcs8(algorithm)?;
        Ok(Box::new(EcdsaSigningKey::from_pkcs8(&key, algorithm)?))
    };
    match key {
        KeyType::P256 => ecdsa(Algorithm::ECDSAP256SHA256),
        KeyType::P384 => ecdsa(Algorithm::ECDSAP384SHA384),
        KeyType::Ed25519 => {
            let key = Ed25519SigningKey::generate_pkcs8()?;
            Ok(Box::new(Ed25519SigningKey::from_pkcs8(&key)?))
        }
    }
}

/// Adds SOA and NS, with addresses, where the zone's text has none.
fn complete(zone: &mut Zone, addresses: &[IpAddr]) -> Result<(), ZoneError> {
    let origin = zone.origin.clone();
    let apex = zone.sets.entry(origin.clone()).or_default();
    let (has_soa, has_ns) = (
        apex.contains_key(&RecordType::SOA),
        apex.contains_key(&RecordType::NS),
    );
    let server = Name::from_labels(["ns"])?.append_domain(&origin)?;
    if !has_soa {
        let contact = Name::from_labels(["hostmaster"])?.append_domain(&origin)?;
        let soa = SOA::new(server.clone(), contact, 1, 3600, 600, 86_400, TTL);
        add(&mut zone.sets, &origin, TTL, RData::SOA(soa));
    }
    if !has_ns {
        add(&mut zone.sets, &origin, TTL, RData::NS(NS(server.clone())));
        let server = LowerName::from(server);
        for address in addresses {
            let data = match address {
                IpAddr::V4(address) => RData::A(A(*address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(*address)),
            };
            add(&mut zone.sets, &server, TTL, data);
        }
    }
    Ok(())
}

/// Gives each parent what it says of its children, and the trust anchor what the root's is.
fn delegate(keyed: &mut Keyed) -> Result<String, ZoneError> {
    let mut anchor = String::new();
    let origins: Vec<LowerName> = keyed.keys().cloned().collect();
    for origin in &origins {
        let Some((child, keys)) = keyed.get(origin) else {
            continue;
        };
        let key = match child.delegation {
            Delegation::Key if child.is_signed() => Some(keys.own.to_public_key()?),
            Delegation::OtherKey => Some(keys.other.clone()),
            Delegation::Key | Delegation::Unsigned => None,
        };
        if origin.is_root() {
            if let Some(key) = key {
                anchor = format!(". {TTL} IN DNSKEY {}\n", DNSKEY::from_key(&key));
            }
            continue;
        }
        let mut said = Sets::new();
        if let Some(key) = key {
            let ds = DS::from_key(&key, origin, DigestType::SHA256)?;
            add(&mut said, origin, TTL, RData::DNSSEC(DNSSECRData::DS(ds)));
        }
        copy_delegation(child, &mut said);
        if let Some((parent, _)) = deepest(keyed, &origin.base_name()) {
            let parent = parent.clone();
            if let Some((parent, _)) = keyed.get_mut(&parent) {
                for (name, sets) in said {
                    parent.sets.entry(name).or_default().extend(sets);
                }
            }
        }
    }
    Ok(anchor)
}

fn copy_delegation(child: &Zone, said: &mut Sets) {
    let mut copy = |name: &LowerName, kind: RecordType| {
        let set = child.sets.get(name).and_then(|sets| sets.get(&kind));
        for record in set.into_iter().flat_map(RecordSet::records_without_rrsigs) {
            add(said, name, record.ttl, record.data.clone());
        }
        set
    };
    let servers = copy(&child.origin, RecordType::NS);
    for record in servers
        .into_iter()
        .flat_map(RecordSet::records_without_rrsigs)
    {
        let RData::NS(server) = &record.data else {
            continue;
        };
        let server = LowerName::from(&server.0);
        if child.origin.zone_of(&server) {
            copy(&server, RecordType::A);
            copy(&server, RecordType::AAAA);
        }
    }
}

fn signed(zone: Zone, keys: Keys, now: u64) -> Result<SignedZone, ZoneError> {
    let mut chain = Chain::None;
    let window = window(zone.signatures, now);
    let mut broken = BTreeSet::new();
    let has_keys = zone.is_signed();
    let mut sets = zone.sets;
    if has_keys {
        let key = DNSKEY::from_key(&keys.own.to_public_key()?);
        let data = RData::DNSSEC(DNSSECRData::DNSKEY(key.clone()));
        add(&mut sets, &zone.origin, TTL, data);
        if let Some(window) = &window {
            chain = Chain::link(&zone.origin, &mut sets, zone.denial)?;
            let length = Duration::from_secs(window.end().saturating_sub(*window.start()));
            let signer = DnssecSigner::new(key, keys.own, zone.origin.clone().into(), length);
            let inception = moment(*window.start())?;
            sign_sets(&zone.origin, &mut sets, &signer, inception)?;
            if let Chain::Nsec3 { links, .. } = &mut chain {
                for set in links.values_mut() {
                    sign_set(set, &signer, inception)?;
                }
            }
        }
    }
    for (name, altered) in zone.altered {
        for (kind, mut new) in altered {
            let place = sets.entry(name.clone()).or_default();
            if let Some(old) = place.remove(&kind) {
                new.set_rrsigs(old.rrsigs().to_vec());
            }
            place.insert(kind, new);
            broken.insert((name.clone(), kind));
        }
    }
    for (name, kind) in zone.damaged {
        let set = sets.get_mut(&name).and_then(|sets| sets.get_mut(&kind));
        let damaged = set.is_some_and(damage);
        if !damaged {
            return Err(ZoneError(format!("no signature to damage: {name} {kind}")));
        }
        broken.insert((name, kind));
    }
    Ok(SignedZone {
        origin: zone.origin,
        sets,
        chain,
        delegation: zone.delegation,
        window,
        broken,
    })
}

/// A month around now, with a day for clocks that are behind; or one month two months away.
fn window(signatures: Signatures, now: u64) -> Option<RangeInclusive<u64>> {
    let day = days(1).as_secs();
    let (before, behind) = (
        |days: u64| now.saturating_sub(days * day),
        |days: u64| now.saturating_add(days * day),
    );
    match signatures {
        Signatures::Expired => Some(before(60)..=before(30)),
        Signatures::None | Signatures::Stripped => None,
        Signatures::NotYetValid => Some(behind(30)..=behind(60)),
        Signatures::Valid => Some(before(1)..=behind(30)),
    }
}

fn moment(seconds: u64) -> Result<OffsetDateTime, ZoneError> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| ZoneError(error.to_string()))
}

/// RFC 4035 section 2.2: neither the NS records of a delegation nor anything below it.
fn sign_sets(
    origin: &LowerName,
    sets: &mut Sets,
    signer: &DnssecSigner,
    inception: OffsetDateTime,
) -> Result<(), ZoneError> {
    let names: Vec<(LowerName, bool)> = sets
        .keys()
        .filter(|name| !is_below_cut(origin, sets, name))
        .map(|name| (name.clone(), is_cut(origin, sets, name)))
        .collect();
    for (name, cut) in names {
        for (kind, set) in sets.entry(name).or_default() {
            if !cut || matches!(kind, RecordType::DS | RecordType::NSEC) {
                sign_set(set, signer, inception)?;
            }
        }
    }
    Ok(())
}

fn sign_set(
    set: &mut RecordSet,
    signer: &DnssecSigner,
    inception: OffsetDateTime,
) -> Result<(), ZoneError> {
    let signature = RRSIG::from_rrset(set, DNSClass::IN, inception, signer)?;
    let data = RData::DNSSEC(DNSSECRData::RRSIG(signature));
    let record = Record::from_rdata(set.name().clone(), set.ttl(), data);
    set.insert_rrsig(record);
    Ok(())
}

/// Changes one octet of each signature; `false` when there is none.
fn damage(set: &mut RecordSet) -> bool {
    let mut signatures = set.rrsigs().to_vec();
    let mut damaged = false;
    for record in &mut signatures {
        if let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &mut record.data {
            let mut octets = signature.sig().to_vec();
            if let Some(octet) = octets.last_mut() {
                *octet ^= 1;
                damaged = true;
            }
            *signature = RRSIG::from_sig(signature.input().clone(), octets);
        }
    }
    set.set_rrsigs(signatures);
    damaged
}

impl From<DnsSecError> for ZoneError {
    fn from(error: DnsSecError) -> Self {
        Self(error.to_string())
    }
}
