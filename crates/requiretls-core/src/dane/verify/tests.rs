use super::*;
use crate::pkix::test_pki::{NOW, sha256};

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
