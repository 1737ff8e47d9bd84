use super::*;
use crate::pkix::test_pki::{Flaw, NOW, RSA1024_LEAF, SHA1_ROOT, Signed, sha256};

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

#[test]
fn each_named_authority_is_tried() {
    let (stranger, root) = (
        Signed::root("stranger", Flaw::None),
        Signed::root("root", Flaw::None),
    );
    let leaf = root.leaf(&["mx.example.com"], Flaw::None);
    let name = Domain::parse(b"mx.example.com").unwrap();
    let names_of = |authorities: &[&Signed]| -> Vec<TlsaRecord> {
        let record = |signed: &&Signed| TlsaRecord {
            usage: DANE_TA,
            selector: 0,
            matching: 1,
            data: sha256(&signed.der).to_vec(),
        };
        authorities.iter().map(record).collect()
    };
    let fails = Outcome::Fails(CertFailure::NotTrusted);
    for (label, authorities, expected) in [
        ("D13 the issuer", &[&root][..], Outcome::Holds),
        ("D13 a stranger", &[&stranger], fails),
        ("D13 both", &[&stranger, &root], Outcome::Holds),
        ("D13 one twice", &[&root, &root], Outcome::Holds),
    ] {
        let chain: [&[u8]; 3] = [&leaf.der, &stranger.der, &root.der];
        let found = judge(&names_of(authorities), &[&name], &chain, NOW);
        assert_eq!(found, expected, "{label}");
    }
}
