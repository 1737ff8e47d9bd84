mod bombs;
mod dane;

use super::*;
use crate::dane::TlsaRecord;
use crate::pkix::test_pki::{
    Flaw, NOW, RSA1024_ISSUED, RSA1024_LEAF, RSA1024_ROOT, Signed, V1_LEAF, sha256,
};
use CertFailure::{
    DaneMismatch, Expired, HostMismatch, Malformed, NotApplicable, NotTrusted, PinMismatch, Weak,
};
use CertUndecided::{NotSupplied, NotYetValid, RootsNotLoaded};
use Outcome::{Fails, Holds, Undecided};
use proptest::prelude::*;
use ring::digest::SHA512;

const HOST: &str = "mx.example.com";
const UNSET_CLOCK: u64 = 1_000_000_000;

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

/// For mx.example.com, found by secure MX records of example.net.
fn reference(records: Vec<TlsaRecord>) -> Reference {
    Reference {
        host: Some(domain(HOST)),
        next_hop: Some(domain("example.net")),
        expanded: None,
        via: Via::SecureMx,
        tlsa: (!records.is_empty()).then(|| (domain(HOST), records)),
        site: Site::default(),
    }
}

fn tlsa(usage: u8, selector: u8, matching: u8, bytes: &[u8]) -> TlsaRecord {
    TlsaRecord {
        usage,
        selector,
        matching,
        data: match matching {
            1 => sha256(bytes).to_vec(),
            2 => digest(&SHA512, bytes).as_ref().to_vec(),
            _ => bytes.to_vec(),
        },
    }
}

#[test]
fn methods_are_judged_apart() {
    let root = Signed::root("root", Flaw::None);
    let own_root = Signed::root("own root", Flaw::None);
    let public = root.leaf(&[HOST], Flaw::None);
    let by_domain = root.leaf(&["example.net"], Flaw::None);
    let private = own_root.leaf(&["partner.test"], Flaw::None);
    let expired = root.leaf(&[HOST], Flaw::Expired);
    let roots = Roots::from_der([&root.der]);
    let site = |names: &[&str], ca: Option<&Signed>, pins: &[&Signed]| Site {
        pkix_names: names.iter().map(|name| domain(name)).collect(),
        ca: ca.map(|ca| Roots::from_der([&ca.der])),
        pins: pins.iter().map(|leaf| leaf.key_hash()).collect(),
    };
    let none = || site(&[], None, &[]);
    let (no, na) = (Fails(HostMismatch), Fails(NotApplicable));
    // label, site, chain, then the outcomes in the order of Method::ALL
    #[rustfmt::skip]
    let rows: Vec<(&str, Site, &[u8], [Outcome; 5])> = vec![
        ("R21 host", none(), &public.der, [Holds, Holds, no, na, na]),
        ("R19, VX39 next-hop domain", none(), &by_domain.der,
            [Fails(DaneMismatch), no, Holds, na, na]),
        ("P8 names, system roots", site(&["other.test", HOST], None, &[]), &public.der,
            [Holds, Holds, no, Holds, na]),
        ("P8 other names", site(&["other.test"], None, &[]), &public.der,
            [Holds, Holds, no, no, na]),
        ("P8 own CA", site(&["partner.test"], Some(&own_root), &[]), &private.der,
            [Fails(DaneMismatch), Fails(NotTrusted), Fails(NotTrusted), Holds, na]),
        ("P8 own CA alone", site(&[HOST], Some(&own_root), &[]), &public.der,
            [Holds, Holds, no, Fails(NotTrusted), na]),
        ("P8 pin", site(&[], None, &[&private, &public]), &public.der,
            [Holds, Holds, no, na, Holds]),
        ("P8 other pin", site(&[], None, &[&private]), &public.der,
            [Holds, Holds, no, na, Fails(PinMismatch)]),
        ("P8 pin has no dates", site(&[HOST], None, &[&expired]), &expired.der,
            [Fails(DaneMismatch), Fails(Expired), Fails(Expired), Fails(Expired), Holds]),
        ("no certificate", site(&[HOST], None, &[&public]), b"x", [Fails(Malformed); 5]),
    ];
    for (label, site, leaf, expected) in rows {
        let reference = Reference {
            site,
            ..reference(vec![tlsa(3, 1, 1, &public.spki())])
        };
        let evidence = authenticate(&reference, &[leaf], &roots, NOW);
        assert_eq!(
            Method::ALL.map(|m| evidence.outcome(m)),
            expected,
            "{label}"
        );
        let key = Certificate::parse(leaf).map(|leaf| sha256(leaf.spki));
        assert_eq!(evidence.leaf_key(), key, "{label}: key");
    }
}

#[test]
fn undecided() {
    let root = Signed::root("root", Flaw::None);
    let leaf = root.leaf(&[HOST], Flaw::None);
    let early = root.leaf(&[HOST], Flaw::NotYetValid);
    let roots = Roots::from_der([&root.der]);
    let reference = |ca: Option<Roots>| Reference {
        site: Site {
            pkix_names: vec![domain(HOST)],
            ca,
            pins: vec![leaf.key_hash(), early.key_hash()],
        },
        ..reference(vec![
            tlsa(3, 1, 1, &leaf.spki()),
            tlsa(3, 1, 1, &early.spki()),
        ])
    };
    let outcomes = |reference: &Reference, chain: &[&[u8]], roots: &Roots, now| {
        let evidence = authenticate(reference, chain, roots, now);
        Method::ALL.map(|m| evidence.outcome(m))
    };
    let plain = reference(None);
    assert_eq!(
        authenticate(&plain, &[], &roots, NOW),
        Evidence::not_supplied(),
        "P6.12a VX32"
    );

    let (wait, lost) = (Undecided(NotYetValid), Undecided(RootsNotLoaded));
    let found = outcomes(&plain, &[&early.der], &roots, NOW);
    assert_eq!(found, [Holds, wait, wait, wait, Holds], "VX52, D12");
    let found = outcomes(&plain, &[&leaf.der], &roots, UNSET_CLOCK);
    assert_eq!(
        found,
        [Holds, wait, wait, wait, Holds],
        "P6.12a clock not set"
    );
    let found = outcomes(&plain, &[&leaf.der], &Roots::not_loaded(), NOW);
    assert_eq!(found, [Holds, lost, lost, lost, Holds], "P6.12a roots");
    let found = outcomes(
        &reference(Some(roots.clone())),
        &[&leaf.der],
        &Roots::not_loaded(),
        NOW,
    );
    assert_eq!(
        found,
        [Holds, lost, lost, Holds, Holds],
        "P8 own CA needs no system roots"
    );
    let broken = Some(Roots::from_der([b"junk"]));
    let found = outcomes(&reference(broken), &[&leaf.der], &roots, NOW);
    assert_eq!(
        found,
        [Holds, Holds, Fails(HostMismatch), lost, Holds],
        "P6.12a own CA unreadable"
    );
}

#[test]
fn hosts_without_a_name() {
    let root = Signed::root("root", Flaw::None);
    let leaf = root.leaf(&["192.0.2.1"], Flaw::None);
    let reference = Reference {
        host: None,
        next_hop: None,
        via: Via::NoMx,
        ..reference(Vec::new())
    };
    let evidence = authenticate(&reference, &[&leaf.der], &Roots::from_der([&root.der]), NOW);
    assert!(
        Method::ALL
            .iter()
            .all(|m| evidence.outcome(*m) == Fails(NotApplicable)),
        "D5, P4a A"
    );
}

#[test]
fn references() {
    use crate::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
    use crate::next_hop::{Host, NextHop};
    let facts = |route| Facts {
        route,
        expanded: Some(domain("expanded.test")),
        hosts: Vec::new(),
        sts: Sts::None,
        expires: None,
    };
    let host = HostFacts {
        host: Host::parse("MX.example.com.").unwrap(),
        addresses: Addresses::Denied(Security::Secure),
        cname: None,
        tlsa: Tlsa::Found {
            base: domain("base.test"),
            records: vec![tlsa(3, 1, 1, b"")],
        },
    };
    let rows = [
        ("P2a S", Route::Mx(Security::Secure), Via::SecureMx),
        ("P2a I", Route::Mx(Security::Insecure), Via::InsecureMx),
        ("P2a V", Route::Mx(Security::Unknown), Via::InsecureMx),
        ("P2a N", Route::Implicit(Security::Insecure), Via::NoMx),
        ("P2a C", Route::Configured, Via::NoMx),
        ("P2a A", Route::Literal, Via::NoMx),
    ];
    let next_hop = NextHop::parse("Example.NET").unwrap();
    for (label, route, via) in rows {
        let found = Reference::new(&next_hop, &facts(route), &host, Site::default());
        assert_eq!(found.via, via, "{label}");
        assert_eq!(
            found.host,
            Some(domain(HOST)),
            "{label}: P2 name in the MX record"
        );
        assert_eq!(found.next_hop, Some(domain("example.net")), "{label}");
        assert_eq!(found.expanded, Some(domain("expanded.test")), "{label}");
        assert_eq!(found.tlsa.unwrap().0, domain("base.test"), "{label}");
    }
}

proptest! {
    #[test]
    fn any_chain(
        chain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4),
        rdata in prop::collection::vec(prop::collection::vec(0_u8..4, 3..60), 0..4),
        now in any::<u64>(),
    ) {
        let records: Vec<TlsaRecord> = rdata.iter().filter_map(|r| TlsaRecord::from_rdata(r)).collect();
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let evidence = authenticate(&reference(records), &chain, &Roots::not_loaded(), now);
        prop_assert!(evidence.outcome(Method::PkixHost) != Holds);
    }

    /// Damage anywhere in a chain never lets PKIX or DANE-TA hold, unless nothing verified is hit.
    #[test]
    fn damaged_leaf(bit in any::<prop::sample::Index>()) {
        let root = Signed::root("root", Flaw::None);
        let leaf = root.leaf(&[HOST], Flaw::None);
        let mut damaged = leaf.der.clone();
        let bit = bit.index(damaged.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        let reference = reference(vec![tlsa(2, 0, 1, &root.der)]);
        let chain: [&[u8]; 2] = [&damaged, &root.der];
        let evidence = authenticate(&reference, &chain, &Roots::from_der([&root.der]), NOW);
        prop_assert!(evidence.outcome(Method::PkixHost) != Holds);
        prop_assert!(evidence.outcome(Method::Dane) != Holds);
    }
}
