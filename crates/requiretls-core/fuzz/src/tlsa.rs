//! Which TLSA records decide, and does a chain match them, by an independent digest check?
//!
//! The input is read as choices: a sound chain of one to three certificates, and records made from
//! them, from others and from raw bytes. Since it is known what the chain is, the verdict must be
//! exact; and it must not depend on the order of the records.

use super::certificates::{ALL, INTERMEDIATE, LEAF, NOW, ROOT, sha256, sha512};
use super::der_walk::{Parts, is_spki};
use arbitrary::{Result, Unstructured};
use requiretls_core::authenticate::{Method, Outcome, Reference, Site, Via, authenticate};
use requiretls_core::dane::{TlsaRecord, any_usable};
use requiretls_core::domain::Domain;
use requiretls_core::pkix::Roots;

/// Choices.
pub fn check(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    // Where the bytes end early, the choices that were made stand for themselves.
    let _ = choose(&mut choices);
    as_rdata(data);
}

fn choose(u: &mut Unstructured<'_>) -> Result<()> {
    let length = u.int_in_range(1..=3)?;
    let chain = &[LEAF, INTERMEDIATE, ROOT][..length];
    let named = u.ratio(4, 5)?;
    let mut records = records(u)?;
    for record in &records {
        assert_eq!(record.usability().is_ok(), is_usable(record), "{record}");
    }
    assert_eq!(any_usable(&records), records.iter().any(is_usable));
    let first = outcome(&records, chain, named);
    let holds = first == Outcome::Holds;
    let told = || format!("{first:?}, {chain:?}, named {named}: {records:#?}");
    assert!(holds || !must_hold(&records, chain, named), "{}", told());
    assert!(!holds || may_hold(&records, chain, named), "{}", told());
    for _ in 0..records.len() {
        records.rotate_left(1);
        assert_eq!(outcome(&records, chain, named), first, "in another order");
        records.reverse();
        assert_eq!(outcome(&records, chain, named), first, "backwards");
        records.reverse();
    }
    Ok(())
}

/// The first octets are the numbers, the rest is the data; a zone file shows all of it.
fn as_rdata(data: &[u8]) {
    let record = TlsaRecord::from_rdata(data);
    assert_eq!(record.is_some(), data.len() >= 3);
    if let Some(record) = record {
        let numbers = [record.usage, record.selector, record.matching];
        assert_eq!([&numbers, record.data.as_slice()].concat(), data);
        let octets: Vec<String> = data[3..].iter().map(|b| format!("{b:02x}")).collect();
        let hex = octets.concat();
        assert_eq!(
            record.to_string(),
            format!("{} {} {} {hex}", data[0], data[1], data[2])
        );
        assert_eq!(record.usability().is_ok(), is_usable(&record));
    }
}

/// Up to six records, most of them about certificates that are known.
pub(crate) fn records(u: &mut Unstructured<'_>) -> Result<Vec<TlsaRecord>> {
    let count = u.int_in_range(0..=6)?;
    (0..count).map(|_| record(u)).collect()
}

fn record(u: &mut Unstructured<'_>) -> Result<TlsaRecord> {
    let usage = *u.choose(&[3, 2, 3, 2, 1, 0, 4, 255])?;
    let selector = *u.choose(&[1, 0, 1, 0, 2])?;
    let matching = *u.choose(&[1, 2, 0, 1, 2, 0, 3])?;
    let about = match u.int_in_range(0..=7)? {
        0..=2 => LEAF,
        3 => INTERMEDIATE,
        4 => ROOT,
        _ => u.choose_index(ALL.len())?,
    };
    let der = ALL[about].der;
    // What is hashed is not always what the numbers say.
    let whole = u.ratio(1, 8)? != (selector == 0);
    let spki = &der[Parts::of(der).unwrap().spki];
    let selected = if whole { der } else { spki };
    let kind = u.int_in_range(0..=15)?;
    let mut data = match (kind, matching) {
        (0, _) => u.bytes(u.len().min(40))?.to_vec(),
        (1, _) | (2.., 1) => sha256(selected).to_vec(),
        (_, 2) => sha512(selected),
        _ => selected.to_vec(),
    };
    match u.int_in_range(0..=15)? {
        0 => data.truncate(data.len().saturating_sub(1)),
        1 => data.push(0),
        2 => {
            let at = u.choose_index(data.len().max(1))?;
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << u.int_in_range(0..=7)?;
            }
        }
        _ => {}
    }
    Ok(TlsaRecord {
        usage,
        selector,
        matching,
        data,
    })
}

/// D11.
pub(crate) fn is_usable(record: &TlsaRecord) -> bool {
    let length = record.data.len();
    matches!(record.usage, 2 | 3)
        && match (record.selector, record.matching) {
            (0, 0) => Parts::of(&record.data).is_some(),
            (1, 0) => is_spki(&record.data),
            (0 | 1, 1) => length == 32,
            (0 | 1, 2) => length == 64,
            _ => false,
        }
}

/// D17: a digest is put aside where a stronger one of its kind is there.
pub(crate) fn deciding(records: &[TlsaRecord]) -> Vec<&TlsaRecord> {
    let usable: Vec<&TlsaRecord> = records.iter().filter(|r| is_usable(r)).collect();
    let put_aside = |r: &TlsaRecord| {
        r.matching == 1
            && usable.iter().any(|other| {
                other.matching == 2 && (other.usage, other.selector) == (r.usage, r.selector)
            })
    };
    usable.iter().copied().filter(|r| !put_aside(r)).collect()
}

/// D16, by the digest of what the selector names.
pub(crate) fn matches(record: &TlsaRecord, der: &[u8]) -> bool {
    let selected = match record.selector {
        0 => Some(der),
        _ => Parts::of(der).map(|parts| &der[parts.spki]),
    };
    selected.is_some_and(|bytes| match record.matching {
        0 => bytes == record.data,
        1 => sha256(bytes).as_slice() == record.data,
        _ => sha512(bytes) == record.data,
    })
}

/// The chain is sound, each certificate is issued by the next.
fn must_hold(records: &[TlsaRecord], chain: &[usize], named: bool) -> bool {
    deciding(records).into_iter().any(|record| {
        let fits = |place: usize| matches(record, ALL[place].der);
        if record.usage == 3 {
            return fits(LEAF);
        }
        // A leaf is no authority above itself: for that there is DANE-EE.
        let in_chain = chain[1..].iter().any(|place| fits(*place));
        // An anchor that is in DNS alone must have issued the topmost (D15).
        let next = [INTERMEDIATE, ROOT].get(chain.len() - 1);
        let above = record.matching == 0 && next.is_some_and(|place| fits(*place));
        named && (in_chain || above)
    })
}

/// An anchor out of DNS counts by its name and key: damage elsewhere in it is nothing to the chain.
fn may_hold(records: &[TlsaRecord], chain: &[usize], named: bool) -> bool {
    let key = |der: &[u8]| Parts::of(der).map(|parts| der[parts.spki].to_vec());
    let by_key = deciding(records).into_iter().any(|record| {
        let is_key_of = |place: usize| key(&record.data) == key(ALL[place].der);
        let is_whole = (record.usage, record.selector, record.matching) == (2, 0, 0);
        let led_to = is_key_of(INTERMEDIATE) || (is_key_of(ROOT) && chain.len() > 1);
        named && is_whole && led_to
    });
    by_key || must_hold(records, chain, named)
}

fn outcome(records: &[TlsaRecord], chain: &[usize], named: bool) -> Outcome {
    let domain = |name: &str| Domain::parse(name.as_bytes()).unwrap();
    let host = if named {
        "mx.example.com"
    } else {
        "mx.example.net"
    };
    let reference = Reference {
        host: Some(domain(host)),
        next_hop: Some(domain("example.com")),
        expanded: None,
        via: Via::SecureMx,
        tlsa: Some((domain(host), records.to_vec())),
        site: Site::default(),
    };
    let chain: Vec<&[u8]> = chain.iter().map(|place| ALL[*place].der).collect();
    let evidence = authenticate(&reference, &chain, &Roots::not_loaded(), NOW);
    evidence.outcome(Method::Dane)
}
