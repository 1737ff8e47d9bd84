use super::*;
use crate::pkix::test_pki::{Flaw, Signed};
use proptest::prelude::*;

fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> TlsaRecord {
    TlsaRecord {
        usage,
        selector,
        matching,
        data: data.to_vec(),
    }
}

#[test]
fn usability() {
    let (hex32, hex64) = ([0xaa; 32], [0xaa; 64]);
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    let spki = leaf.spki();
    #[rustfmt::skip]
    let rows = [
        ("VD1", record(3, 1, 1, &hex32), Ok(())),
        ("VD1 31 octets", record(3, 1, 1, &hex32[1..]), Err(Unusable::DigestLength)),
        ("VD1 SHA-512", record(3, 1, 2, &hex64), Ok(())),
        ("VD2 PKIX-TA", record(0, 0, 1, &hex32), Err(Unusable::Usage)),
        ("VD2 PKIX-EE", record(1, 1, 1, &hex32), Err(Unusable::Usage)),
        ("VD3 selector", record(3, 2, 1, &hex32), Err(Unusable::Selector)),
        ("VD3 matching type", record(3, 1, 3, &hex32), Err(Unusable::MatchingType)),
        ("VD3 usage", record(4, 1, 1, &hex32), Err(Unusable::Usage)),
        ("VD3 private matching type", record(3, 1, 255, &hex32), Err(Unusable::MatchingType)),
        ("VD4 no certificate", record(3, 0, 0, &[0]), Err(Unusable::Undecodable)),
        ("D11 full certificate", record(3, 0, 0, &leaf.der), Ok(())),
        ("D11 full key", record(2, 1, 0, &spki), Ok(())),
        ("D11 key as certificate", record(3, 0, 0, &spki), Err(Unusable::Undecodable)),
        ("D11 certificate as key", record(3, 1, 0, &leaf.der), Err(Unusable::Undecodable)),
        ("D11 SHA-256 as SHA-512", record(3, 1, 2, &hex32), Err(Unusable::DigestLength)),
        ("D11 SHA-512 as SHA-256", record(3, 1, 1, &hex64), Err(Unusable::DigestLength)),
        ("D11 DANE-TA", record(2, 0, 1, &hex32), Ok(())),
        ("field report 46", record(3, 1, 1, &[]), Err(Unusable::DigestLength)),
    ];
    for (label, record, expected) in rows {
        assert_eq!(record.usability(), expected, "{label}");
        assert_eq!(any_usable(&[record]), expected.is_ok(), "{label}");
    }
    let three = TlsaRecord::from_rdata(&[3, 0, 0]).unwrap();
    assert_eq!(
        three.usability(),
        Err(Unusable::Undecodable),
        "VD4 3 octets"
    );
    assert_eq!(TlsaRecord::from_rdata(&[3, 0]), None, "VD4 2 octets");
    let both = [record(0, 0, 1, &hex32), record(3, 1, 1, &hex32)];
    assert!(any_usable(&both), "P2b D=U");
    assert!(!any_usable(&both[..1]), "VD5 D=X");
    assert!(!any_usable(&[]));
}

#[test]
fn agility() {
    let (hex32, hex64) = ([0xaa; 32], [0xbb; 64]);
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    let (good, strong) = (record(3, 1, 1, &hex32), record(3, 1, 2, &hex64));
    let (full, malformed) = (record(3, 1, 0, &leaf.spki()), record(3, 1, 2, &hex32));
    let (other, anchor) = (record(3, 0, 1, &hex32), record(2, 1, 1, &hex32));
    #[rustfmt::skip]
    let rows: &[(&str, Vec<&TlsaRecord>, Vec<&TlsaRecord>)] = &[
        ("VD7", vec![&malformed, &good], vec![&good]),
        ("D17 strongest", vec![&good, &strong], vec![&strong]),
        ("D17 full stays", vec![&full, &good, &strong], vec![&full, &strong]),
        ("D17 full is no digest", vec![&full, &good], vec![&full, &good]),
        ("D17 per selector", vec![&strong, &other], vec![&strong, &other]),
        ("D17 per usage", vec![&strong, &anchor], vec![&strong, &anchor]),
        ("D17 all of the strongest", vec![&strong, &strong, &good], vec![&strong, &strong]),
    ];
    for (label, records, expected) in rows {
        let records: Vec<TlsaRecord> = records.iter().copied().cloned().collect();
        assert_eq!(deciding(&records), *expected, "{label}");
    }
    assert_eq!(record(3, 1, 1, &[0, 0xff]).to_string(), "3 1 1 00ff");
}

proptest! {
    #[test]
    fn any_rdata(rdata in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Some(record) = TlsaRecord::from_rdata(&rdata) {
            let _ = record.usability();
        }
    }
}
