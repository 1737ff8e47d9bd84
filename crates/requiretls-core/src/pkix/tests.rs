use super::test_pki::{
    BELOW_RSA1024, Flaw, NOW, RSA1024_INTERMEDIATE, RSA1024_ISSUED, RSA1024_LEAF, RSA1024_ROOT,
    SHA1_ISSUED, SHA1_ROOT, Signed, V1_LEAF, ca_params,
};
use super::*;
use CertFailure::{Expired, HostMismatch, Malformed, NotTrusted, Weak};
use CertUndecided::{NotSupplied, NotYetValid, RootsNotLoaded};
use Outcome::{Fails, Holds, Undecided};

const HOST: &str = "mx.example.com";

fn judge(chain: &[&[u8]], roots: &Roots, name: &str, now: u64) -> Outcome {
    let name = Domain::parse(name.as_bytes()).unwrap();
    verify(chain, roots, now).map_or_else(|refusal| refusal, |v| v.outcome(&name))
}

#[test]
fn chains() {
    let root = Signed::root("root", Flaw::None);
    let other = Signed::root("other", Flaw::None);
    let middle = root.intermediate("middle", Flaw::None);
    let middle_old = root.intermediate("middle", Flaw::Old);
    let leaf = |flaw| middle.leaf(&[HOST], flaw);
    let (good, expired, early) = (
        leaf(Flaw::None),
        leaf(Flaw::Expired),
        leaf(Flaw::NotYetValid),
    );
    let old_leaf = middle_old.leaf(&[HOST], Flaw::Old);
    let (client, cn) = (leaf(Flaw::ClientOnly), leaf(Flaw::CommonName));
    let old = root.intermediate("old", Flaw::Expired);
    let under_old = old.leaf(&[HOST], Flaw::None);
    let no_ca = root.intermediate("no ca", Flaw::NotCa);
    let under_no_ca = no_ca.leaf(&[HOST], Flaw::None);
    let crl_signer = root.intermediate("crl signer", Flaw::NotForSigning);
    let under_crl_signer = crl_signer.leaf(&[HOST], Flaw::None);
    let not_for_tls = leaf(Flaw::NotForTls);
    let short = Signed::root("short", Flaw::NoIssuerBelow);
    let middle_of_short = short.intermediate("middle of short", Flaw::None);
    let below_short = middle_of_short.leaf(&[HOST], Flaw::None);
    let constrained = root.intermediate("constrained", Flaw::Constrained);
    let within = constrained.leaf(&[HOST], Flaw::None);
    let outside = constrained.leaf(&["mx.example.net"], Flaw::None);
    let own = Signed::self_signed_leaf(&[HOST], Flaw::None);
    let expired_root = Signed::root("expired root", Flaw::Expired);
    let under_expired_root = expired_root.leaf(&[HOST], Flaw::None);
    let roots = Roots::from_der([&root.der, &expired_root.der, &short.der]);
    let (m, now) = (&middle.der[..], NOW);

    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<&[u8]>, u64, Outcome)> = vec![
        ("S15 sound", vec![&good.der, m], now, Holds),
        ("S15 order of the rest is free", vec![&good.der, &root.der, m], now, Holds),
        ("S15 expired", vec![&expired.der, m], now, Fails(Expired)),
        ("S15 expired issuer", vec![&under_old.der, &old.der], now, Fails(Expired)),
        ("VX52 not yet valid", vec![&early.der, m], now, Undecided(NotYetValid)),
        ("P6.12a clock not set", vec![&old_leaf.der, &middle_old.der], 1_000_000_000,
            Undecided(NotYetValid)),
        ("P6.12a clock set", vec![&old_leaf.der, &middle_old.der], now, Holds),
        ("R21 common name only", vec![&cn.der, m], now, Fails(HostMismatch)),
        ("S15 no intermediate", vec![&good.der], now, Fails(NotTrusted)),
        ("S15 self-signed", vec![&own.der], now, Fails(NotTrusted)),
        ("S15 client only", vec![&client.der, m], now, Fails(NotTrusted)),
        ("S15 issuer not a CA", vec![&under_no_ca.der, &no_ca.der], now, Fails(NotTrusted)),
        ("S15 issuer's key is not for certificates", vec![&under_crl_signer.der, &crl_signer.der],
            now, Fails(NotTrusted)),
        ("S15 leaf's key is not for TLS", vec![&not_for_tls.der, m], now, Fails(NotTrusted)),
        ("S15 within constraints", vec![&within.der, &constrained.der], now, Holds),
        ("S15 outside", vec![&outside.der, &constrained.der], now, Fails(NotTrusted)),
        ("roots are names and keys", vec![&under_expired_root.der], now, Holds),
        ("roots have no path length", vec![&below_short.der, &middle_of_short.der], now, Holds),
        ("version 1", vec![V1_LEAF], now, Fails(Malformed)),
        ("no certificate", vec![b"x"], now, Fails(Malformed)),
        ("empty certificate", vec![b""], now, Fails(Malformed)),
        ("junk behind it", vec![&good.der, m, b"x"], now, Holds),
        ("P6.12a nothing", vec![], now, Undecided(NotSupplied)),
    ];
    for (label, chain, now, expected) in rows {
        assert_eq!(judge(&chain, &roots, HOST, now), expected, "{label}");
    }
    let sound = [&good.der[..], m];
    let outcome = |roots: &Roots| judge(&sound, roots, HOST, NOW);
    let own_root = Roots::from_der([&other.der]);
    assert_eq!(outcome(&own_root), Fails(NotTrusted), "another root");
    assert_eq!(
        outcome(&Roots::not_loaded()),
        Undecided(RootsNotLoaded),
        "P6.12a roots"
    );
}

#[test]
fn weak_chains() {
    let roots = Roots::from_der([RSA1024_ROOT, SHA1_ROOT]);
    #[rustfmt::skip]
    let rows = [
        ("R23 RSA 1024 root", vec![RSA1024_ISSUED]),
        ("R23 RSA 1024 issuer", vec![BELOW_RSA1024, RSA1024_INTERMEDIATE]),
        ("R23 RSA 1024 leaf", vec![RSA1024_LEAF]),
        ("R23 SHA-1", vec![SHA1_ISSUED]),
    ];
    for (label, chain) in rows {
        assert_eq!(judge(&chain, &roots, HOST, NOW), Fails(Weak), "{label}");
    }
}

#[test]
fn names() {
    let root = Signed::root("root", Flaw::None);
    let leaf = root.leaf(
        &["*.example.com", "a_b.example.net", "mx*.example.org"],
        Flaw::None,
    );
    let roots = Roots::from_der([&root.der]);
    #[rustfmt::skip]
    let rows = [
        ("S8 wildcard", "mx.example.com", Holds),
        ("S8 upper case, final dot", "MX.Example.COM.", Holds),
        ("field report 62", "mail.example.com", Holds),
        ("S8 wildcard, two labels", "a.mx.example.com", Fails(HostMismatch)),
        ("S8 wildcard, no label", "example.com", Fails(HostMismatch)),
        ("S8 underscore", "a_b.example.net", Holds),
        ("S8 part of a label", "mx1.example.org", Fails(HostMismatch)),
        ("field report 14", "mx2.example.net", Fails(HostMismatch)),
    ];
    for (label, name, expected) in rows {
        assert_eq!(judge(&[&leaf.der], &roots, name, NOW), expected, "{label}");
    }
}

#[test]
fn bounds() {
    let root = Signed::root("root", Flaw::None);
    let leaf = root.leaf(&[HOST], Flaw::None);
    let roots = Roots::from_der([&root.der]);
    let chain = vec![&leaf.der[..]; MAX_CHAIN];
    assert_eq!(judge(&chain, &roots, HOST, NOW), Holds);
    let chain = vec![&leaf.der[..]; MAX_CHAIN + 1];
    assert_eq!(judge(&chain, &roots, HOST, NOW), Fails(Malformed));
    let huge = vec![0; MAX_CERTIFICATE + 1];
    assert_eq!(
        judge(&[&leaf.der, &huge], &roots, HOST, NOW),
        Fails(Malformed)
    );
    let rest = vec![0; MAX_CHAIN_OCTETS / 2];
    let half = vec![0; MAX_CHAIN_OCTETS / 2 - leaf.der.len()];
    assert_eq!(judge(&[&leaf.der, &rest, &half], &roots, HOST, NOW), Holds);
    assert_eq!(
        judge(&[&leaf.der, &rest, &half, &[0]], &roots, HOST, NOW),
        Fails(Malformed)
    );

    for (more, expected) in [(0, Holds), (1, Fails(Malformed))] {
        let mut params = ca_params("middle", Flaw::None);
        // rcgen adds two: basic constraints and the key's identifier.
        params.custom_extensions = (2..MAX_EXTENSIONS + more)
            .map(|n| rcgen::CustomExtension::from_oid_content(&[2, 999, n as u64], Vec::new()))
            .collect();
        let middle = root.sign(params);
        let found = Certificate::parse(&middle.der).unwrap();
        assert_eq!(found.count_extensions(usize::MAX), MAX_EXTENSIONS + more);
        let leaf = middle.leaf(&[HOST], Flaw::None);
        assert_eq!(
            judge(&[&leaf.der, &middle.der], &roots, HOST, NOW),
            expected
        );
    }

    let mut middle = root.intermediate("middle", Flaw::None);
    let mut chain = Vec::new();
    for namesakes in 1..=MAX_NAMESAKES + 1 {
        chain.extend([middle.der.clone(), middle.der.clone()]);
        let leaf = middle.leaf(&[HOST], Flaw::None);
        let chain: Vec<&[u8]> = [&leaf.der]
            .into_iter()
            .chain(&chain)
            .map(|d| &d[..])
            .collect();
        let expected = if namesakes <= MAX_NAMESAKES {
            Holds
        } else {
            Fails(Malformed)
        };
        assert_eq!(judge(&chain, &roots, HOST, NOW), expected, "{namesakes}");
        middle = root.intermediate("middle", Flaw::None);
    }
}

#[test]
fn roots() {
    let root = Signed::root("root", Flaw::None);
    let bundle = Roots::from_der([&root.der[..], b"junk"]);
    assert_eq!((bundle.count(), bundle.is_loaded()), (1, true));
    for broken in [
        Roots::from_der([b"junk"]),
        Roots::from_der::<&[u8]>([]),
        Roots::not_loaded(),
    ] {
        assert_eq!((broken.count(), broken.is_loaded()), (0, false));
    }
}
