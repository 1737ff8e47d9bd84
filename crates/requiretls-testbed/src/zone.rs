//! What does a zone say, and how well is it signed?
//!
//! A zone is written as zone-file text. SOA and NS are added where the text has none; the delegation in
//! the parent (NS, addresses, DS) follows from the zones that a world is given. What is wrong with a zone
//! is said with one word: `.expired()`, `.wrong_ds()`.

use std::collections::BTreeMap;
use std::fmt;

use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::rr::rdata::NULL;
use hickory_resolver::proto::rr::{LowerName, Name, RData, RecordSet, RecordType};
use hickory_resolver::proto::serialize::txt::{ParseError, Parser};

/// One zone, before it is signed.
#[derive(Clone, Debug)]
pub struct Zone {
    pub(crate) origin: LowerName,
    pub(crate) sets: Sets,
    pub(crate) key: KeyType,
    pub(crate) denial: Denial,
    pub(crate) signatures: Signatures,
    pub(crate) delegation: Delegation,
    /// What takes the place of signed records, under their signatures.
    pub(crate) altered: Sets,
    /// Whose signature is damaged.
    pub(crate) damaged: Vec<(LowerName, RecordType)>,
}

/// The record sets of a zone. The order of [`LowerName`] is DNSSEC's canonical one (RFC 4034 section 6.1), so
/// this is the NSEC chain too.
pub(crate) type Sets = BTreeMap<LowerName, BTreeMap<RecordType, RecordSet>>;

/// The algorithm of a zone's key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyType {
    /// ECDSA P-256, algorithm 13.
    #[default]
    P256,
    /// ECDSA P-384, algorithm 14.
    P384,
    /// Ed25519, algorithm 15.
    Ed25519,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Denial {
    Nsec,
    Nsec3 { opt_out: bool },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signatures {
    Expired,
    /// Neither keys nor signatures.
    None,
    NotYetValid,
    /// Keys, but no signatures.
    Stripped,
    Valid,
}

/// What the parent says of the zone's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delegation {
    /// DS.
    Key,
    /// The DS of another key.
    OtherKey,
    /// No DS.
    Unsigned,
}

impl Zone {
    /// Reads a zone file. Names without a final dot are below `origin`; the TTL is 300 unless it is given.
    /// DNAME is understood, one record a line.
    ///
    /// ```
    /// # use requiretls_testbed::Zone;
    /// Zone::from_text("example.test", "
    /// @           MX    10 mx
    /// mx          A     127.0.0.1
    /// _25._tcp.mx TLSA  3 1 1 0a0b
    /// old         DNAME example.test.
    /// ")?;
    /// # Ok::<(), requiretls_testbed::ZoneError>(())
    /// ```
    ///
    /// # Errors
    /// The text is no zone file, or has a name outside the zone.
    pub fn from_text(origin: &str, text: &str) -> Result<Self, ZoneError> {
        let origin = absolute(origin)?;
        Ok(Self {
            sets: parse(&origin, text)?,
            origin,
            key: KeyType::default(),
            denial: Denial::Nsec,
            signatures: Signatures::Valid,
            delegation: Delegation::Key,
            altered: Sets::new(),
            damaged: Vec::new(),
        })
    }

    /// Has no keys; the parent proves that.
    #[must_use]
    pub fn unsigned(self) -> Self {
        let (signatures, delegation) = (Signatures::None, Delegation::Unsigned);
        Self {
            signatures,
            delegation,
            ..self
        }
    }

    /// Is signed, but the parent has no DS and proves that.
    #[must_use]
    pub fn island(self) -> Self {
        let delegation = Delegation::Unsigned;
        Self { delegation, ..self }
    }

    /// Denies with NSEC3 (no salt, no iterations: RFC 9276) instead of NSEC.
    #[must_use]
    pub fn nsec3(self) -> Self {
        let denial = Denial::Nsec3 { opt_out: false };
        Self { denial, ..self }
    }

    /// Denies with NSEC3 and leaves unsigned delegations out of the chain.
    #[must_use]
    pub fn opt_out(self) -> Self {
        let denial = Denial::Nsec3 { opt_out: true };
        Self { denial, ..self }
    }

    /// Is signed with a key of this type.
    #[must_use]
    pub fn key(self, key: KeyType) -> Self {
        Self { key, ..self }
    }

    /// Was last signed two months ago, for one month.
    #[must_use]
    pub fn expired(self) -> Self {
        let signatures = Signatures::Expired;
        Self { signatures, ..self }
    }

    /// Is signed for the month after next.
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        let signatures = Signatures::NotYetValid;
        Self { signatures, ..self }
    }

    /// Has another key than the parent's DS says.
    #[must_use]
    pub fn wrong_ds(self) -> Self {
        let delegation = Delegation::OtherKey;
        Self { delegation, ..self }
    }

    /// Has no signatures, and the parent has its DS.
    #[must_use]
    pub fn no_signatures(self) -> Self {
        let signatures = Signatures::Stripped;
        Self { signatures, ..self }
    }

    /// After signing, these records take the place of those with the same name and type, under the old
    /// signatures.
    ///
    /// # Errors
    /// As for [`Zone::from_text`].
    pub fn altered(mut self, text: &str) -> Result<Self, ZoneError> {
        for (name, sets) in parse(&self.origin, text)? {
            self.altered.entry(name).or_default().extend(sets);
        }
        Ok(self)
    }

    /// After signing, one octet of the signature over these records is changed. `name` is read as in the
    /// zone's text.
    ///
    /// # Errors
    /// The name is none.
    pub fn damaged(mut self, name: &str, record_type: RecordType) -> Result<Self, ZoneError> {
        let name = relative(name, &self.origin)?;
        self.damaged.push((name, record_type));
        Ok(self)
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.signatures != Signatures::None
    }
}

/// The data of one record, written as type and data: `A 127.0.0.1`, `MX 10 mx.example.test.`
///
/// # Errors
/// It is none.
pub fn rdata(text: &str) -> Result<RData, ZoneError> {
    let sets = parse(&LowerName::from(Name::root()), &format!(". {text}"))?;
    let record = sets
        .values()
        .flat_map(BTreeMap::values)
        .find_map(RecordSet::record);
    record
        .map(|record| record.data.clone())
        .ok_or_else(|| ZoneError(format!("no record: {text}")))
}

/// Text that is no zone, or no name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ZoneError(pub(crate) String);

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ZoneError {}

impl From<ParseError> for ZoneError {
    fn from(error: ParseError) -> Self {
        Self(error.to_string())
    }
}

impl From<ProtoError> for ZoneError {
    fn from(error: ProtoError) -> Self {
        Self(error.to_string())
    }
}

/// A name from text, with or without a final dot.
pub(crate) fn absolute(text: &str) -> Result<LowerName, ZoneError> {
    let mut name = Name::from_ascii(text)?;
    name.set_fqdn(true);
    Ok(LowerName::from(name))
}

/// Adds a record, to the set it belongs to.
pub(crate) fn add(sets: &mut Sets, name: &LowerName, ttl: u32, data: RData) {
    let kind = data.record_type();
    sets.entry(name.clone())
        .or_default()
        .entry(kind)
        .or_insert_with(|| RecordSet::with_ttl(name.into(), kind, ttl))
        .add_rdata(data);
}

pub(crate) const TTL: u32 = 300;

fn relative(text: &str, origin: &LowerName) -> Result<LowerName, ZoneError> {
    if text == "@" {
        return Ok(origin.clone());
    }
    let mut name = Name::parse(text, Some(origin))?;
    name.set_fqdn(true);
    Ok(LowerName::from(name))
}

fn parse(origin: &LowerName, text: &str) -> Result<Sets, ZoneError> {
    // hickory's parser does not know DNAME (RFC 6672), so these lines are read here.
    let (aliases, others): (Vec<&str>, Vec<&str>) = text
        .lines()
        .partition(|line| line.split_whitespace().any(|word| word == "DNAME"));
    let others = format!("$TTL {TTL}\n{}\n", others.join("\n"));
    let (_, parsed) = Parser::new(others, None, Some(origin.into())).parse()?;
    let mut sets = Sets::new();
    for set in parsed.into_values() {
        let name = LowerName::from(set.name());
        for record in set.records_without_rrsigs() {
            add(&mut sets, &name, set.ttl(), record.data.clone());
        }
    }
    for line in aliases {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [owner, "DNAME", target] = words.as_slice() else {
            return Err(ZoneError(format!("not \"owner DNAME target\": {line}")));
        };
        let (owner, target) = (relative(owner, origin)?, relative(target, origin)?);
        add(&mut sets, &owner, TTL, dname(&target)?);
    }
    match sets.keys().find(|name| !origin.zone_of(name)) {
        Some(name) => Err(ZoneError(format!("{name} is not in the zone {origin}"))),
        None => Ok(sets),
    }
}

/// In hickory, DNAME is a type without a form: the octets of the name, which DNSSEC signs in lower case.
fn dname(target: &LowerName) -> Result<RData, ZoneError> {
    use hickory_resolver::proto::serialize::binary::BinEncodable;
    let octets = target.to_bytes()?;
    Ok(RData::Unknown {
        code: RecordType::DNAME,
        rdata: NULL::with(octets),
    })
}

/// Where a DNAME leads.
pub(crate) fn dname_target(data: &RData) -> Option<LowerName> {
    use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder};
    match data {
        RData::Unknown { rdata, .. } => {
            let name = Name::read(&mut BinDecoder::new(&rdata.anything)).ok()?;
            Some(LowerName::from(name))
        }
        _ => None,
    }
}
