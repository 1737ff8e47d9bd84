//! What do TLSA records make of a chain?

use super::*;
use crate::pkix::test_pki::{BELOW_V1, SHA1_ROOT, V1_INTERMEDIATE, V1_ISSUED, V1_ROOT};

fn dane(reference: &Reference, chain: &[&[u8]], now: u64) -> Outcome {
    authenticate(reference, chain, &Roots::not_loaded(), now).outcome(Method::Dane)
}

/// A label, the records, the chain, the outcome.
type DaneRow<'a> = (&'a str, Vec<TlsaRecord>, Vec<&'a [u8]>, Outcome);

fn check_dane(rows: Vec<DaneRow<'_>>) {
    for (label, records, chain, expected) in rows {
        assert_eq!(dane(&reference(records), &chain, NOW), expected, "{label}");
    }
}

#[test]
fn dane_ee() {
    let root = Signed::root("private root", Flaw::None);
    let good = root.leaf(&[HOST], Flaw::None);
    let odd = Signed::self_signed_leaf(&["elsewhere.test"], Flaw::Expired);
    let early = Signed::self_signed_leaf(&["elsewhere.test"], Flaw::NotYetValid);
    let authority = Signed::root("elsewhere.test", Flaw::Expired);
    let foreign = Signed::self_signed_leaf(&[HOST], Flaw::None);
    let (key, other) = (good.spki(), foreign.spki());
    let malformed = |r: TlsaRecord| TlsaRecord {
        data: vec![0xaa; 31],
        ..r
    };
    let v1_key = Certificate::parse(V1_LEAF).unwrap().spki;
    let long = vec![&good.der[..]; pkix::MAX_CHAIN + 1];
    let huge = vec![0; pkix::MAX_CERTIFICATE + 1];
    #[rustfmt::skip]
    let rows: Vec<DaneRow> = vec![
        ("D16 3 1 1", vec![tlsa(3, 1, 1, &key)], vec![&good.der], Holds),
        ("D16 3 1 2", vec![tlsa(3, 1, 2, &key)], vec![&good.der], Holds),
        ("D16 3 1 0", vec![tlsa(3, 1, 0, &key)], vec![&good.der], Holds),
        ("D16 3 0 1", vec![tlsa(3, 0, 1, &good.der)], vec![&good.der], Holds),
        ("D16 3 0 2", vec![tlsa(3, 0, 2, &good.der)], vec![&good.der], Holds),
        ("D16 3 0 0", vec![tlsa(3, 0, 0, &good.der)], vec![&good.der], Holds),
        ("VD7", vec![malformed(tlsa(3, 1, 2, &key)), tlsa(3, 1, 1, &key)], vec![&good.der], Holds),
        ("VD8, VX69 3 1 1", vec![tlsa(3, 1, 1, &odd.spki())], vec![&odd.der], Holds),
        ("VD8 3 0 1", vec![tlsa(3, 0, 1, &odd.der)], vec![&odd.der], Holds),
        ("D12 not yet valid", vec![tlsa(3, 1, 1, &early.spki())], vec![&early.der], Holds),
        ("D12 authority", vec![tlsa(3, 1, 1, &authority.spki())], vec![&authority.der], Holds),
        ("D12 version 1", vec![tlsa(3, 1, 1, v1_key)], vec![V1_LEAF], Holds),
        ("D12 junk behind it", vec![tlsa(3, 1, 1, &key)], vec![&good.der, b"x"], Holds),
        ("D12 long chain", vec![tlsa(3, 1, 1, &key)], long, Holds),
        ("D18 other key", vec![tlsa(3, 1, 1, &other)], vec![&good.der], Fails(DaneMismatch)),
        ("D12 the leaf alone", vec![tlsa(3, 1, 1, &root.spki())], vec![&good.der, &root.der],
            Fails(DaneMismatch)),
        ("field report 47", vec![tlsa(3, 0, 1, &good.der), tlsa(3, 0, 2, &foreign.der)],
            vec![&good.der], Fails(DaneMismatch)),
        ("field report 53", vec![tlsa(3, 1, 1, &other), tlsa(3, 1, 1, &key)], vec![&good.der],
            Holds),
        ("D19 unusable", vec![tlsa(1, 1, 1, &key)], vec![&good.der], Fails(NotApplicable)),
        ("no record", vec![], vec![&good.der], Fails(NotApplicable)),
        ("no certificate", vec![tlsa(3, 1, 1, &key)], vec![b"x"], Fails(Malformed)),
        ("empty certificate", vec![tlsa(3, 0, 1, b"")], vec![b""], Fails(Malformed)),
        ("huge certificate", vec![tlsa(3, 0, 1, &huge)], vec![&huge], Fails(Malformed)),
    ];
    check_dane(rows);
    let records = vec![tlsa(3, 1, 1, &odd.spki())];
    assert_eq!(
        dane(&reference(records), &[&odd.der], UNSET_CLOCK),
        Holds,
        "D12 clock not set"
    );
}

#[test]
fn dane_ta() {
    let root = Signed::root("private root", Flaw::None);
    let middle = root.intermediate("middle", Flaw::None);
    let leaf = |flaw| middle.leaf(&[HOST], flaw);
    let (good, expired, early) = (
        leaf(Flaw::None),
        leaf(Flaw::Expired),
        leaf(Flaw::NotYetValid),
    );
    let old_root = Signed::root("old root", Flaw::Expired);
    let under_old = old_root.leaf(&[HOST], Flaw::None);
    let early_root = Signed::root("early root", Flaw::NotYetValid);
    let under_early = early_root.leaf(&[HOST], Flaw::None);
    let no_ca = Signed::root("no authority", Flaw::NotCa);
    let under_no_ca = no_ca.leaf(&[HOST], Flaw::None);
    let stranger = Signed::root("private root", Flaw::None);
    let own = Signed::self_signed_leaf(&[HOST], Flaw::None);
    let own_authority = Signed::root(HOST, Flaw::None);
    let (g, m, r) = (&good.der[..], &middle.der[..], &root.der[..]);
    let (rk, mk) = (root.spki(), middle.spki());
    let v1_key = Certificate::parse(V1_LEAF).unwrap().spki;
    let sound = || vec![g, m, r];
    #[rustfmt::skip]
    let rows: Vec<DaneRow> = vec![
        ("D13 2 0 1 root", vec![tlsa(2, 0, 1, r)], sound(), Holds),
        ("D13 2 1 1 root", vec![tlsa(2, 1, 1, &rk)], sound(), Holds),
        ("D15 2 1 2 root", vec![tlsa(2, 1, 2, &rk)], sound(), Holds),
        ("D13 2 0 2 root", vec![tlsa(2, 0, 2, r)], sound(), Holds),
        ("field report 17 intermediate", vec![tlsa(2, 1, 1, &mk)], vec![g, m], Holds),
        ("D15 2 0 0 in the chain", vec![tlsa(2, 0, 0, r)], sound(), Holds),
        ("D15 2 0 0 from DNS alone", vec![tlsa(2, 0, 0, r)], vec![g, m], Holds),
        ("D15 2 1 0 in the chain", vec![tlsa(2, 1, 0, &rk)], sound(), Holds),
        ("D15 2 1 0 from DNS alone", vec![tlsa(2, 1, 0, &rk)], vec![g, m], Holds),
        ("D15 2 1 0 of another key", vec![tlsa(2, 1, 0, &stranger.spki())], vec![g, m],
            Fails(NotTrusted)),
        ("D15 2 0 0 same name, another key", vec![tlsa(2, 0, 0, &stranger.der)], vec![g, m],
            Fails(NotTrusted)),
        ("D15 digest, not sent", vec![tlsa(2, 1, 1, &rk)], vec![g, m], Fails(DaneMismatch)),
        ("D13 path is broken", vec![tlsa(2, 1, 1, &rk)], vec![g, r], Fails(NotTrusted)),
        ("D13 leaf expired", vec![tlsa(2, 1, 1, &rk)], vec![&expired.der, m, r], Fails(Expired)),
        ("D13 leaf not yet valid", vec![tlsa(2, 1, 1, &rk)], vec![&early.der, m, r],
            Undecided(NotYetValid)),
        ("D13 anchor expired", vec![tlsa(2, 0, 1, &old_root.der)],
            vec![&under_old.der, &old_root.der], Fails(Expired)),
        ("D13 anchor from DNS expired", vec![tlsa(2, 0, 0, &old_root.der)], vec![&under_old.der],
            Fails(Expired)),
        ("D13 anchor not yet valid", vec![tlsa(2, 0, 1, &early_root.der)],
            vec![&under_early.der, &early_root.der], Undecided(NotYetValid)),
        ("D13 anchor is no authority", vec![tlsa(2, 0, 1, &no_ca.der)],
            vec![&under_no_ca.der, &no_ca.der], Fails(NotTrusted)),
        ("D13 the leaf is no anchor", vec![tlsa(2, 0, 1, g)], sound(), Fails(DaneMismatch)),
        ("D13 the leaf's key is none", vec![tlsa(2, 1, 1, &good.spki())], vec![g],
            Fails(DaneMismatch)),
        ("D13 self-signed leaf", vec![tlsa(2, 0, 1, &own.der)], vec![&own.der],
            Fails(DaneMismatch)),
        ("D13 self-signed leaf, sent twice", vec![tlsa(2, 0, 1, &own.der)],
            vec![&own.der, &own.der], Fails(NotTrusted)),
        ("D13 self-signed authority as leaf", vec![tlsa(2, 0, 1, &own_authority.der)],
            vec![&own_authority.der], Fails(DaneMismatch)),
        ("D13 self-signed authority as leaf, sent twice", vec![tlsa(2, 0, 1, &own_authority.der)],
            vec![&own_authority.der, &own_authority.der], Fails(NotTrusted)),
        ("field report 16", vec![tlsa(3, 1, 1, &rk), tlsa(2, 1, 1, &rk)], sound(), Holds),
        ("D13 one of two anchors expired", vec![tlsa(2, 0, 1, &old_root.der), tlsa(2, 0, 1, r)],
            vec![g, m, r, &old_root.der], Holds),
        ("R23 weak anchor", vec![tlsa(2, 0, 1, RSA1024_ROOT)], vec![RSA1024_ISSUED, RSA1024_ROOT],
            Fails(Weak)),
        ("R23 weak leaf", vec![tlsa(2, 0, 1, SHA1_ROOT)], vec![RSA1024_LEAF, SHA1_ROOT],
            Fails(Weak)),
        ("P6.12a what may heal comes first",
            vec![tlsa(2, 0, 1, &old_root.der), tlsa(2, 0, 1, &early_root.der)],
            vec![&under_early.der, &early_root.der, &old_root.der], Undecided(NotYetValid)),
        ("version 1 leaf", vec![tlsa(2, 0, 1, r)], vec![V1_LEAF, r], Fails(Malformed)),
        ("version 1 leaf is no anchor", vec![tlsa(2, 0, 1, V1_LEAF)], vec![V1_LEAF],
            Fails(DaneMismatch)),
        ("D13 version 1, on no path", vec![tlsa(2, 1, 1, v1_key)], vec![g, m, V1_LEAF],
            Fails(Malformed)),
        ("D13 version 1 root", vec![tlsa(2, 0, 1, V1_ROOT)], vec![V1_ISSUED, V1_ROOT], Holds),
        ("D15 version 1 root from DNS alone", vec![tlsa(2, 0, 0, V1_ROOT)], vec![V1_ISSUED], Holds),
        ("D13 version 1 does not say that it may issue", vec![tlsa(2, 0, 1, V1_INTERMEDIATE)],
            vec![BELOW_V1, V1_INTERMEDIATE, V1_ROOT], Fails(NotTrusted)),
        ("long chain", vec![tlsa(2, 0, 1, r)], vec![r; pkix::MAX_CHAIN + 1], Fails(Malformed)),
    ];
    check_dane(rows);
    let by_root = reference(vec![tlsa(2, 1, 1, &rk)]);
    let since_1990 = Signed::root("since 1990", Flaw::Old);
    let leaf = since_1990.leaf(&[HOST], Flaw::Old);
    let chain = [&leaf.der[..], &since_1990.der];
    let old = reference(vec![tlsa(2, 0, 1, &since_1990.der)]);
    assert_eq!(dane(&old, &chain, NOW), Holds, "D13 dates");
    let found = dane(&old, &chain, UNSET_CLOCK);
    assert_eq!(found, Undecided(NotYetValid), "P6.12a clock not set");
    assert_eq!(
        dane(&by_root, &[], NOW),
        Undecided(NotSupplied),
        "P6.12a no chain"
    );
}

/// What RFC 5280 asks of a path, and what a key from DNS alone can do.
#[test]
fn dane_ta_limits() {
    let root = Signed::root("private root", Flaw::None);
    let stranger = Signed::root("private root", Flaw::None);
    let middle = root.intermediate("middle", Flaw::None);
    let good = middle.leaf(&[HOST], Flaw::None);
    let (g, m, r) = (&good.der[..], &middle.der[..], &root.der[..]);
    let (rk, mk) = (root.spki(), middle.spki());
    let crl_signer = root.intermediate("crl signer", Flaw::NotForSigning);
    let under_crl_signer = crl_signer.leaf(&[HOST], Flaw::None);
    let not_for_tls = middle.leaf(&[HOST], Flaw::NotForTls);
    let for_clients = Signed::root("for clients", Flaw::ClientOnly);
    let under_for_clients = for_clients.leaf(&[HOST], Flaw::None);
    let short = Signed::root("short", Flaw::NoIssuerBelow);
    let under_short = short.leaf(&[HOST], Flaw::None);
    let middle_of_short = short.intermediate("middle of short", Flaw::None);
    let below_short = middle_of_short.leaf(&[HOST], Flaw::None);
    let other_root = Signed::root("other root", Flaw::None);
    let keys = |others, last: &[u8]| -> Vec<TlsaRecord> {
        let others = (0..others).map(|_| Signed::self_signed_leaf(&[HOST], Flaw::None).spki());
        others
            .chain([last.to_vec()])
            .map(|key| tlsa(2, 1, 0, &key))
            .collect()
    };
    #[rustfmt::skip]
    let rows: Vec<DaneRow> = vec![
        ("D13 issuer's key is not for certificates", vec![tlsa(2, 1, 1, &rk)],
            vec![&under_crl_signer.der, &crl_signer.der, r], Fails(NotTrusted)),
        ("D13 leaf's key is not for TLS", vec![tlsa(2, 1, 1, &mk)], vec![&not_for_tls.der, m],
            Fails(NotTrusted)),
        ("D13 anchor is for clients", vec![tlsa(2, 1, 1, &for_clients.spki())],
            vec![&under_for_clients.der, &for_clients.der], Fails(NotTrusted)),
        ("D13 as many issuers as the anchor allows", vec![tlsa(2, 1, 1, &short.spki())],
            vec![&under_short.der, &short.der], Holds),
        ("D13 more issuers than the anchor allows", vec![tlsa(2, 1, 1, &short.spki())],
            vec![&below_short.der, &middle_of_short.der, &short.der], Fails(NotTrusted)),
        ("D13 another anchor allows as many",
            vec![tlsa(2, 1, 1, &short.spki()), tlsa(2, 1, 1, &middle_of_short.spki())],
            vec![&below_short.der, &middle_of_short.der, &short.der], Holds),
        ("D15 2 1 0, stranger on top", vec![tlsa(2, 1, 0, &rk)], vec![g, m, &stranger.der], Holds),
        ("D15 2 1 0, issuer not sent", vec![tlsa(2, 1, 0, &mk)], vec![g, &other_root.der], Holds),
        ("D15 8 keys of 2 1 0", keys(7, &rk), vec![g, m], Holds),
        ("D15 too many keys of 2 1 0", keys(8, &rk), vec![g, m], Fails(DaneMismatch)),
    ];
    check_dane(rows);
}

/// A label, how the host was found, the TLSA base domain, the chain, the outcome.
type NameRow<'a> = (&'a str, Via, &'a str, Vec<Vec<u8>>, Outcome);

#[test]
fn dane_ta_names() {
    let root = Signed::root("private root", Flaw::None);
    let constrained = root.intermediate("constrained", Flaw::Constrained);
    let san = |name: &str| root.leaf(&[name], Flaw::None);
    let cn = |name: &str| root.leaf(&[name], Flaw::CommonName);
    // The common name is the first of the names.
    let both = |cn: &str, san: &str| {
        let mut leaf = rcgen::CertificateParams::new([san.to_owned()]).unwrap();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(rcgen::DnType::CommonName, cn);
        root.sign(leaf)
    };
    let under = |leaf: Signed| vec![leaf.der, root.der.clone()];
    let (secure, insecure, none) = (Via::SecureMx, Via::InsecureMx, Via::NoMx);
    let no = Fails(HostMismatch);
    let below_constraint = vec![
        constrained.leaf(&[HOST], Flaw::CommonName).der,
        constrained.der.clone(),
        root.der.clone(),
    ];
    let other = "base.example.org";
    #[rustfmt::skip]
    let rows: Vec<NameRow> = vec![
        ("VD10 wildcard", secure, HOST, under(san("*.example.com")), Holds),
        ("VD10 no SAN, CN", secure, HOST, under(cn(HOST)), Holds),
        ("VD10 other SAN, CN", secure, HOST, under(both(HOST, "other.test")), no),
        ("D14 SAN, other CN", secure, HOST, under(both("other.test", HOST)), Holds),
        ("D14 SAN is an address, CN", secure, HOST, under(both(HOST, "192.0.2.1")), Holds),
        ("D14 CN under constraints", secure, HOST, below_constraint, no),
        ("D13 next-hop domain", secure, HOST, under(san("example.net")), Holds),
        ("D13 its expansion", secure, HOST, under(san("expanded.example.net")), Holds),
        ("D13 base", secure, other, under(san(other)), Holds),
        ("D13 host, not the base", secure, other, under(san(HOST)), no),
        ("D13 insecure MX, host", insecure, HOST, under(san(HOST)), Holds),
        ("D13 insecure MX, base", insecure, other, under(san(other)), no),
        ("D13 insecure MX, next hop", insecure, HOST, under(san("example.net")), no),
        ("D13 insecure MX, its expansion", insecure, HOST, under(san("expanded.example.net")), no),
        ("D13 no MX, base", none, other, under(san(other)), Holds),
        ("D13 no MX, original", none, other, under(san(HOST)), Holds),
        ("D13 no MX, other", none, HOST, under(san("expanded.example.net")), no),
    ];
    for (label, via, base, chain, expected) in rows {
        let reference = Reference {
            via,
            expanded: Some(domain("expanded.example.net")),
            tlsa: Some((domain(base), vec![tlsa(2, 0, 1, &root.der)])),
            ..reference(Vec::new())
        };
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        assert_eq!(dane(&reference, &chain, NOW), expected, "{label}");
    }
}
