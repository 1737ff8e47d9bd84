use super::*;
use crate::pkix::test_pki::{NOW, RSA1024_LEAF, SHA1_ROOT, sha256};

#[test]
fn the_largest_leaf() {
    for (label, octets, expected) in [
        ("the largest", pkix::MAX_CERTIFICATE, Outcome::Holds),
        (
            "one octet more",
            pkix::MAX_CERTIFICATE + 1,
            Outcome::Fails(CertFailure::Malformed),
        ),
        ("nothing", 0, Outcome::Fails(CertFailure::Malformed)),
    ] {
        let leaf = vec![0; octets];
        let record = TlsaRecord {
            usage: DANE_EE,
            selector: 0,
            matching: 1,
            data: sha256(&leaf).to_vec(),
        };
        assert_eq!(
            judge(&[record], &[], &[&leaf], NOW),
            expected,
            "D12 {label}"
        );
    }
}

#[test]
fn the_smallest_key_and_the_earliest_clock() {
    let weak = |der: &[u8]| pkix::has_weak_key(&Certificate::parse(der).unwrap());
    assert!(!weak(SHA1_ROOT), "R23 RSA of 2048 bits");
    assert!(weak(RSA1024_LEAF), "R23 RSA of 1024 bits");
    assert!(!pkix::clock_is_wrong(pkix::EARLIEST_NOW), "P6.12a");
    assert!(pkix::clock_is_wrong(pkix::EARLIEST_NOW - 1), "P6.12a");
}
