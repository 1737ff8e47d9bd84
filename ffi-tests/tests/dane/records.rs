//! Which record matches which certificate, and which of several records decides?

use ffi_tests::Result;
use requiretls_core::dane::TlsaRecord;

use crate::case::{Case, HOST, tlsa, with_data};
use crate::pki::{Signed, authority, server};

/// A chain of three beside records of every kind.
pub(crate) fn cases() -> Result<Vec<Case>> {
    let root = Signed::by_itself(authority("root")?)?;
    let middle = root.issue(authority("middle")?)?;
    let leaf = middle.issue(server(&[HOST])?)?;
    let stranger = Signed::by_itself(authority("stranger")?)?;
    let whole: [&[u8]; 3] = [&leaf.der, &middle.der, &root.der];
    let mut cases = Vec::new();
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let record = |usage, signed: &Signed| {
                let spki = signed.spki();
                let bytes = if selector == 0 { &signed.der } else { &spki };
                vec![tlsa(usage, selector, matching, bytes)]
            };
            let kind = format!("{selector} {matching}");
            let mut add = |label: String, records, chain: &[&[u8]]| {
                cases.push(Case::new(label, records, chain));
            };
            add(format!("D16 3 {kind}"), record(3, &leaf), &whole);
            add(
                format!("D16 3 {kind}, leaf alone"),
                record(3, &leaf),
                &whole[..1],
            );
            add(format!("D18 3 {kind}, other"), record(3, &stranger), &whole);
            add(
                format!("D12 3 {kind}, of the issuer"),
                record(3, &middle),
                &whole,
            );
            add(format!("D16 2 {kind}, root"), record(2, &root), &whole);
            add(
                format!("D16 2 {kind}, intermediate"),
                record(2, &middle),
                &whole,
            );
            add(
                format!("D16 2 {kind}, intermediate on top"),
                record(2, &middle),
                &whole[..2],
            );
            add(
                format!("D15 2 {kind}, root not sent"),
                record(2, &root),
                &whole[..2],
            );
            add(
                format!("D15 2 {kind}, issuer not sent"),
                record(2, &middle),
                &whole[..1],
            );
            add(
                format!("D15 2 {kind}, none but the leaf sent"),
                record(2, &root),
                &whole[..1],
            );
            add(format!("D18 2 {kind}, other"), record(2, &stranger), &whole);
            add(format!("D13 2 {kind}, leaf"), record(2, &leaf), &whole);
            add(
                format!("D13 2 {kind}, leaf alone"),
                record(2, &leaf),
                &whole[..1],
            );
            add(format!("VD2 0 {kind}"), record(0, &root), &whole);
            add(format!("VD2 1 {kind}"), record(1, &leaf), &whole);
        }
    }
    for (label, records) in sets(&root, &middle, &leaf, &stranger) {
        cases.push(Case::new(label, records, &whole));
    }
    Ok(cases)
}

/// A label with its statements, and records for a sound chain.
#[rustfmt::skip]
fn sets(
    root: &Signed,
    middle: &Signed,
    leaf: &Signed,
    stranger: &Signed,
) -> Vec<(&'static str, Vec<TlsaRecord>)> {
    let (key, other) = (leaf.spki(), stranger.spki());
    let (root_key, middle_key) = (root.spki(), middle.spki());
    let (hex32, hex64) = ([0xaa; 32], [0xaa; 64]);
    let ee = |matching| tlsa(3, 1, matching, &key);
    let ee_other = |matching| tlsa(3, 1, matching, &other);
    let ta = |matching| tlsa(2, 1, matching, &root_key);
    let ta_other = |matching| tlsa(2, 1, matching, &other);
    let short = |record: TlsaRecord, length| with_data(&record, &vec![0xaa; length]);
    let junk = |record: TlsaRecord| with_data(&record, &[0]);
    let longer = |record: TlsaRecord| with_data(&record, &[&record.data[..], &[0]].concat());
    vec![
        // D17: of the usable digests the strongest alone decides, per usage and selector.
        ("D17 SHA-512 wrong, SHA-256 right", vec![ee_other(2), ee(1)]),
        ("D17 SHA-512 right, SHA-256 wrong", vec![ee(2), ee_other(1)]),
        ("D17 SHA-256 right, SHA-512 wrong, other order", vec![ee(1), ee_other(2)]),
        ("D17 both right", vec![ee(1), ee(2)]),
        ("D17 full right, SHA-512 wrong", vec![ee(0), ee_other(2)]),
        ("D17 full wrong, SHA-256 right", vec![ee_other(0), ee(1)]),
        ("D17 full wrong, SHA-512 right", vec![ee_other(0), ee(2)]),
        ("D17 full right, SHA-256 wrong", vec![ee(0), ee_other(1)]),
        ("D17 two of SHA-512, one right", vec![ee_other(2), ee(2)]),
        ("D17 two of SHA-256, one right", vec![ee_other(1), ee(1)]),
        ("D17 other selector", vec![tlsa(3, 0, 2, &stranger.der), ee(1)]),
        ("D17 other selector, whole certificate right", vec![tlsa(3, 0, 1, &leaf.der), ee_other(2)]),
        ("D17 other usage", vec![ta_other(2), ee(1)]),
        ("D17 other usage, authority right", vec![ee_other(2), ta(1)]),
        ("D17 DANE-TA, SHA-512 wrong, SHA-256 right", vec![ta_other(2), ta(1)]),
        ("D17 DANE-TA, SHA-512 right, SHA-256 wrong", vec![ta(2), ta_other(1)]),
        ("D17 DANE-TA, full right, SHA-512 wrong", vec![ta(0), ta_other(2)]),
        ("D17 DANE-TA, full wrong, SHA-512 right", vec![ta_other(0), ta(2)]),
        ("D17 DANE-TA, SHA-512 of the root, SHA-256 of the intermediate",
            vec![ta(2), tlsa(2, 1, 1, &middle_key)]),
        ("VD7 malformed SHA-512, SHA-256 right", vec![short(ee(2), 31), ee(1)]),
        ("VD7 malformed SHA-512 is as long as SHA-256", vec![short(ee(2), 32), ee(1)]),
        ("VD7 unknown matching type, SHA-256 right", vec![tlsa(3, 1, 3, &hex64), ee(1)]),
        // D11: what cannot be used.
        ("D11 SHA-256 of 31 octets", vec![short(ee(1), 31)]),
        ("D11 SHA-256 of 33 octets", vec![short(ee(1), 33)]),
        ("D11 SHA-256 of 0 octets", vec![short(ee(1), 0)]),
        ("D11 SHA-512 of 32 octets", vec![short(ee(2), 32)]),
        ("D11 SHA-512 of 63 octets", vec![short(ee(2), 63)]),
        ("D11 SHA-256, right and one octet more", vec![longer(ee(1))]),
        ("VD3 selector 2", vec![tlsa(3, 2, 1, &key)]),
        ("VD3 selector 255", vec![tlsa(3, 255, 1, &key)]),
        ("VD3 matching type 3", vec![tlsa(3, 1, 3, &hex32)]),
        ("VD3 matching type 255", vec![tlsa(3, 1, 255, &hex32)]),
        ("VD3 usage 4", vec![tlsa(4, 1, 1, &key)]),
        ("VD3 usage 255", vec![tlsa(255, 1, 1, &key)]),
        ("VD4 no certificate", vec![junk(tlsa(3, 0, 0, &leaf.der))]),
        ("VD4 no key", vec![junk(ee(0))]),
        ("D11 empty full certificate", vec![short(tlsa(3, 0, 0, &leaf.der), 0)]),
        ("D11 empty full key", vec![short(ee(0), 0)]),
        ("D11 key as certificate", vec![tlsa(3, 0, 0, &key)]),
        ("D11 certificate as key", vec![tlsa(3, 1, 0, &leaf.der)]),
        ("D11 full certificate, one octet more", vec![longer(tlsa(3, 0, 0, &leaf.der))]),
        ("D11 full key, one octet more", vec![longer(ee(0))]),
        ("D11 DANE-TA, full certificate, one octet more", vec![longer(tlsa(2, 0, 0, &root.der))]),
        ("D11 unusable beside one that holds", vec![tlsa(3, 2, 1, &key), ee(1)]),
        ("D11 unusable beside one that does not", vec![tlsa(3, 2, 1, &key), ee_other(1)]),
        ("D11 PKIX-EE beside one that holds", vec![tlsa(1, 1, 1, &other), ee(1)]),
        ("D11 PKIX-EE right beside one that does not hold", vec![tlsa(1, 1, 1, &key), ee_other(1)]),
        ("D11 PKIX-TA right beside one that does not hold", vec![tlsa(0, 1, 1, &root_key), ee_other(1)]),
        // One that holds suffices.
        ("D18 third of three", vec![ee_other(1), tlsa(3, 0, 1, &stranger.der), ta(1)]),
        ("D18 DANE-EE wrong, DANE-TA right", vec![ee_other(1), ta(1)]),
        ("D18 DANE-EE right, DANE-TA wrong", vec![ee(1), ta_other(1)]),
        ("D18 root and intermediate", vec![ta(1), tlsa(2, 1, 1, &middle_key)]),
        ("D18 one wrong, root's certificate from DNS", vec![ta_other(1), tlsa(2, 0, 0, &root.der)]),
        ("D18 DANE-EE is for the leaf", vec![tlsa(3, 1, 1, &root_key), tlsa(2, 1, 1, &key)]),
        ("D18 100 records, the last one holds",
            (0..99).map(|_| ee_other(1)).chain([ee(1)]).collect()),
    ]
}
