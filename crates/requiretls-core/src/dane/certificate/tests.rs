mod written;

use super::*;
use crate::dane::TlsaRecord;
use crate::pkix::test_pki::{
    Flaw, NOW, RSA1024_ISSUED, RSA1024_LEAF, RSA1024_ROOT, SHA1_ROOT, Signed, V1_LEAF, sha256,
};
use proptest::prelude::*;

#[test]
fn key_of_any_version() {
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    let found = Certificate::parse(&leaf.der).unwrap();
    assert_eq!(found.spki, leaf.spki(), "version 3");
    assert!(!found.is_v1);

    let found = Certificate::parse(V1_LEAF).unwrap();
    // What `openssl pkey -pubin -outform DER` makes of its key.
    let by_openssl = "75f83ea959ddcb2ab6641dd0db9c78e70db8989dd61f2d31448d0c83fab995fd";
    let record = TlsaRecord {
        usage: 3,
        selector: 1,
        matching: 1,
        data: sha256(found.spki).to_vec(),
    };
    assert_eq!(
        record.to_string(),
        format!("3 1 1 {by_openssl}"),
        "version 1"
    );
    assert_eq!(found.cn_id(), Some(&b"mx.example.com"[..]));
    assert_eq!(found.dns_ids().count(), 0);
    assert!(found.is_v1 && found.is_ca());
}

#[test]
fn dates() {
    let leaf = |flaw| Signed::self_signed_leaf(&["mx.example.com"], flaw).der;
    #[rustfmt::skip]
    let rows = [
        ("D13 valid", leaf(Flaw::None), NOW, Dates::Valid),
        ("D13 expired", leaf(Flaw::Expired), NOW, Dates::Expired),
        ("D13 not yet", leaf(Flaw::NotYetValid), NOW, Dates::NotYetValid),
        // 26 Nov 2026 03:04:13 to 2 Nov 2126 03:04:13
        ("first second", V1_LEAF.to_vec(), 1_795_662_253, Dates::Valid),
        ("before it", V1_LEAF.to_vec(), 1_795_662_252, Dates::NotYetValid),
        ("last second, year 2126", V1_LEAF.to_vec(), 4_949_262_253, Dates::Valid),
        ("after it", V1_LEAF.to_vec(), 4_949_262_254, Dates::Expired),
    ];
    for (label, der, now, expected) in rows {
        assert_eq!(
            Certificate::parse(&der).unwrap().dates(now),
            Some(expected),
            "{label}"
        );
    }
}

#[test]
fn times() {
    let rows: &[(u8, &str, Option<u64>)] = &[
        (UTC_TIME, "700101000000Z", Some(0)),
        (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
        (UTC_TIME, "500101000000Z", Some(0)),
        (GENERALIZED_TIME, "20240229120000Z", Some(1_709_208_000)),
        (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
        (GENERALIZED_TIME, "00000101000000Z", None),
        (GENERALIZED_TIME, "00010101000000Z", Some(0)),
        (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
        (GENERALIZED_TIME, "20000229235959Z", Some(951_868_799)),
        (GENERALIZED_TIME, "20000301000000Z", Some(951_868_800)),
        (GENERALIZED_TIME, "21000228235959Z", Some(4_107_542_399)),
        (GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400)),
        (GENERALIZED_TIME, "24000229123456Z", Some(13_574_608_496)),
        (UTC_TIME, "271231235959Z", Some(1_830_297_599)),
        (UTC_TIME, "280101000000Z", Some(1_830_297_600)),
        (UTC_TIME, "490704050607Z", Some(2_508_987_967)),
        (UTC_TIME, "700101000001Z", Some(1)),
        (UTC_TIME, "700301000000Z", Some(5_097_600)),
        (UTC_TIME, "991031010203Z", Some(941_331_723)),
        (UTC_TIME, "700001000000Z", None),
        (UTC_TIME, "700100000000Z", None),
        (UTC_TIME, "700101006000Z", None),
        (UTC_TIME, "700101000060Z", None),
        (UTC_TIME, "70010100000000Z", None),
        (UTC_TIME, "700101000000", None),
        (UTC_TIME, "700101000000+0000", None),
        (UTC_TIME, "7001010000Z", None),
        (UTC_TIME, "701301000000Z", None),
        (UTC_TIME, "700132000000Z", None),
        (UTC_TIME, "700101240000Z", None),
        (UTC_TIME, "", None),
        (INTEGER, "700101000000Z", None),
    ];
    for (tag, text, expected) in rows {
        let content = text.as_bytes();
        let whole = content;
        let tag = *tag;
        assert_eq!(
            time(Element {
                tag,
                content,
                whole
            }),
            *expected,
            "{text}"
        );
    }
}

#[test]
fn authorities() {
    let flag = |der: &[u8]| Certificate::parse(der).unwrap().is_ca();
    assert!(flag(&Signed::root("root", Flaw::None).der), "D13 CA");
    assert!(
        !flag(&Signed::root("root", Flaw::NotCa).der),
        "D13 CA:FALSE"
    );
    assert!(
        !flag(&Signed::self_signed_leaf(&["mx.example.com"], Flaw::None).der),
        "D13 no flag"
    );
    let not_for_signing = Signed::root("root", Flaw::NotForSigning);
    assert!(!flag(&not_for_signing.der), "D13 key usage");
    let constrained = Signed::root("root", Flaw::Constrained);
    assert!(
        Certificate::parse(&constrained.der)
            .unwrap()
            .has_name_constraints()
    );
}

#[test]
fn keys() {
    let bits = |der: &[u8]| rsa_bits(spki_content(Certificate::parse(der).unwrap().spki).unwrap());
    assert_eq!(bits(RSA1024_ROOT), Some(1024));
    assert_eq!(bits(RSA1024_LEAF), Some(1024));
    assert_eq!(bits(SHA1_ROOT), Some(2048));
    assert_eq!(bits(RSA1024_ISSUED), None, "P-256");
}

#[test]
fn every_cut_and_bit() {
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    for der in [&leaf.der[..], V1_LEAF] {
        for length in 0..der.len() {
            assert!(
                Certificate::parse(&der[..length]).is_none(),
                "cut to {length}"
            );
        }
        let mut longer = der.to_vec();
        longer.push(0);
        assert!(Certificate::parse(&longer).is_none(), "one octet more");
        for bit in 0..der.len() * 8 {
            let mut flipped = der.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            look_at(&flipped);
        }
    }
}

/// Everything that can be asked of a certificate.
fn look_at(der: &[u8]) {
    let _ = is_spki(der);
    let _ = spki_content(der).and_then(rsa_bits);
    if let Some(certificate) = Certificate::parse(der) {
        let _ = certificate.dates(NOW);
        let _ = certificate.is_ca();
        let _ = certificate.has_name_constraints();
        let _ = certificate.dns_ids().count();
        let _ = certificate.cn_id();
        let _ = spki_content(certificate.spki).and_then(rsa_bits);
    }
}

proptest! {
    #[test]
    fn any_bytes(der in prop::collection::vec(any::<u8>(), 0..300)) {
        look_at(&der);
    }

    #[test]
    fn any_damage(at in 0_usize..288, with in prop::collection::vec(any::<u8>(), 1..8)) {
        let mut der = V1_LEAF.to_vec();
        der.splice(at..(at + with.len()).min(der.len()), with);
        look_at(&der);
    }
}
