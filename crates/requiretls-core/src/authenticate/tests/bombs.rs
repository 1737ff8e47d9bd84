//! What becomes of a chain, or of records, that were made to cost time?
//!
//! Each ends as a definite failure (row 12) where it is beyond what is looked at, and is judged
//! where it is not; none takes long.

use super::*;
use crate::pkix::test_pki::{ca_params, params};
use crate::pkix::{MAX_CERTIFICATE, MAX_CHAIN, MAX_CHAIN_OCTETS, MAX_EXTENSIONS, MAX_NAMESAKES};
use rcgen::{CertificateParams, CustomExtension, GeneralSubtree, NameConstraints};
use rustix::time::{ClockId, clock_gettime};

/// In seconds of this thread's own time, so that a busy machine makes no difference: ten times
/// what the worst of them takes without optimisation.
const LIMIT: i64 = 10;

/// Judges, in time.
fn judge(label: &str, records: Vec<TlsaRecord>, chain: &[&[u8]], roots: &Roots) -> Evidence {
    let reference = Reference {
        site: Site {
            pkix_names: vec![domain(HOST)],
            ca: Some(roots.clone()),
            pins: vec![[0; 32]],
        },
        ..reference(records)
    };
    let start = clock_gettime(ClockId::ThreadCPUTime);
    let evidence = authenticate(&reference, chain, roots, NOW);
    let took = clock_gettime(ClockId::ThreadCPUTime) - start;
    println!(
        "{label}: {} ms",
        took.tv_sec * 1_000 + took.tv_nsec / 1_000_000
    );
    assert!(took.tv_sec < LIMIT, "{label} took {} s", took.tv_sec);
    evidence
}

fn slices(chain: &[Vec<u8>]) -> Vec<&[u8]> {
    chain.iter().map(Vec::as_slice).collect()
}

/// Extensions that nobody knows.
fn with_extensions(mut params: CertificateParams, count: usize) -> CertificateParams {
    params.custom_extensions = (0..count)
        .map(|n| CustomExtension::from_oid_content(&[2, 999, n as u64], Vec::new()))
        .collect();
    params
}

/// A leaf and 15 issuers, so many of each name; every one of a name may have been issued by every
/// one of the next name, as far as names go, and the last name leads to the first again.
fn namesakes(per_name: usize, issuer: impl Fn(&str) -> CertificateParams) -> Vec<Vec<u8>> {
    let names = (MAX_CHAIN - 1).div_ceil(per_name);
    let name = |n: usize| format!("name {}", n % names);
    let issuers = (0..MAX_CHAIN - 1).map(|n| {
        let group = n / per_name;
        let above = Signed::self_signed(issuer(&name(group + 1)));
        above.sign(issuer(&name(group))).der
    });
    let leaf = Signed::self_signed(issuer(&name(0))).leaf(&[HOST], Flaw::None);
    [leaf.der].into_iter().chain(issuers).collect()
}

#[test]
fn many_paths() {
    let sound = |name: &str| ca_params(name, Flaw::None);
    let full = |name: &str| with_extensions(sound(name), MAX_EXTENSIONS - 5);
    let long = |name: &str| {
        let mut params = sound(name);
        let padding = "n".repeat(2_000);
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, padding);
        params
    };
    let overfull = |name: &str| with_extensions(sound(name), MAX_EXTENSIONS + 1);
    let anchor = Signed::root("anchor", Flaw::None);
    let first = Signed::root("name 0", Flaw::None);
    #[rustfmt::skip]
    let rows = [
        ("no path", namesakes(MAX_NAMESAKES, sound), &anchor, NotTrusted),
        ("no path, many extensions", namesakes(MAX_NAMESAKES, full), &anchor, NotTrusted),
        ("no path, long names", namesakes(MAX_NAMESAKES, long), &anchor, NotTrusted),
        ("every path fits by name", namesakes(MAX_NAMESAKES, sound), &first, NotTrusted),
        ("too many namesakes", namesakes(MAX_NAMESAKES + 1, sound), &anchor, Malformed),
        ("all are namesakes", namesakes(MAX_CHAIN, sound), &first, Malformed),
        ("too many extensions", namesakes(MAX_NAMESAKES, overfull), &anchor, Malformed),
    ];
    for (label, chain, anchor, expected) in rows {
        let roots = Roots::from_der([&anchor.der]);
        let records = vec![tlsa(2, 0, 0, &anchor.der), tlsa(2, 1, 0, &anchor.spki())];
        let evidence = judge(label, records, &slices(&chain), &roots);
        for method in [Method::Dane, Method::PkixHost, Method::SitePkix] {
            assert_eq!(evidence.outcome(method), Fails(expected), "P6.12 {label}");
        }
    }
}

#[test]
fn long_chains() {
    let root = Signed::root("root", Flaw::None);
    let leaf = root.leaf(&[HOST], Flaw::None);
    let roots = Roots::from_der([&root.der]);
    let named = |length: usize| {
        let mut params = params(&[HOST], Flaw::None);
        let name = "n".repeat(length);
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, name);
        params
    };
    let wide = root.sign(named(60_000)).der;
    let too_wide = root.sign(named(1 << 20)).der;
    let others: Vec<Vec<u8>> = (0..100)
        .map(|n| Signed::root(&format!("other {n}"), Flaw::None).der)
        .collect();
    let after = |leaf: &[u8], others: &[Vec<u8>]| -> Vec<Vec<u8>> {
        [leaf.to_vec()]
            .into_iter()
            .chain(others.iter().cloned())
            .collect()
    };
    let (m, h) = (Fails(Malformed), Holds);
    // label, chain, PKIX and DANE-TA, DANE-EE
    #[rustfmt::skip]
    let rows = [
        ("16 certificates", after(&leaf.der, &others[..15]), h, h),
        ("17 certificates", after(&leaf.der, &others[..16]), m, h),
        ("101 certificates", after(&leaf.der, &others), m, h),
        ("name of 60,000 octets", vec![wide.clone()], h, h),
        ("102,400 octets and more", vec![wide.clone(), wide.clone()], m, h),
        ("1 MiB", vec![too_wide.clone()], m, m),
        ("1 MiB behind the leaf", vec![leaf.der.clone(), too_wide.clone()], m, h),
        ("no octet", vec![Vec::new()], m, m),
        ("no octet behind the leaf", vec![leaf.der.clone(), Vec::new()], h, h),
        ("deep nesting", vec![nested(MAX_CERTIFICATE - 1)], m, h),
        ("deep nesting behind the leaf", vec![leaf.der.clone(), nested(MAX_CERTIFICATE - 1)], h, h),
    ];
    for (label, chain, by_path, by_leaf) in rows {
        let chain = slices(&chain);
        let ta = vec![tlsa(2, 0, 0, &root.der)];
        let evidence = judge(label, ta, &chain, &roots);
        assert_eq!(evidence.outcome(Method::PkixHost), by_path, "{label}");
        assert_eq!(evidence.outcome(Method::Dane), by_path, "{label}: DANE-TA");
        let ee = vec![tlsa(3, 0, 1, chain[0])];
        let evidence = judge(label, ee, &chain, &roots);
        assert_eq!(evidence.outcome(Method::Dane), by_leaf, "{label}: DANE-EE");
    }
    assert!(2 * wide.len() > MAX_CHAIN_OCTETS);
}

/// One sequence in another, up to this length.
fn nested(length: usize) -> Vec<u8> {
    let mut inside_out = Vec::new();
    loop {
        let inner = inside_out.len();
        let [high, low] = u16::try_from(inner).unwrap().to_be_bytes();
        let header = match inner {
            0..0x80 => vec![low, 0x30],
            0x80..0x100 => vec![low, 0x81, 0x30],
            _ => vec![low, high, 0x82, 0x30],
        };
        if inner + header.len() > length {
            inside_out.reverse();
            return inside_out;
        }
        inside_out.extend(header);
    }
}

#[test]
fn many_names() {
    let root = Signed::root("root", Flaw::None);
    let roots = Roots::from_der([&root.der]);
    let names: Vec<String> = (0..1_000)
        .map(|n| format!("host-{n}.example.com"))
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push(HOST);
    let constrained = |above: &Signed, name: &str, count: usize| {
        let subtree = |n| GeneralSubtree::DnsName(format!("elsewhere-{n}.example.com"));
        let mut params = ca_params(name, Flaw::None);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: (0..count).map(subtree).collect(),
        });
        above.sign(params)
    };
    let few = constrained(&root, "few", 100);
    let many = constrained(&root, "many", 1_000);
    let mut deep = vec![constrained(&root, "deep 0", 100)];
    for n in 1..5 {
        let below = constrained(&deep[n - 1], &format!("deep {n}"), 100);
        deep.push(below);
    }
    let chain = |issuers: &[&Signed]| -> Vec<Vec<u8>> {
        let leaf = issuers[0].leaf(&names, Flaw::None).der;
        let issuers = issuers.iter().map(|issuer| issuer.der.clone());
        [leaf].into_iter().chain(issuers).collect()
    };
    let deep: Vec<&Signed> = deep.iter().rev().collect();
    #[rustfmt::skip]
    let rows = [
        ("1,001 names", chain(&[&root]), Holds),
        ("1,001 names beside 100 constraints", chain(&[&few]), Holds),
        ("1,001 names beside 1,000 constraints", chain(&[&many]), Fails(NotTrusted)),
        ("1,001 names beside 100 constraints five times", chain(&deep), Fails(NotTrusted)),
    ];
    for (label, chain, expected) in rows {
        let records = vec![tlsa(2, 0, 0, &root.der)];
        let evidence = judge(label, records, &slices(&chain), &roots);
        for method in [Method::Dane, Method::PkixHost, Method::SitePkix] {
            assert_eq!(evidence.outcome(method), expected, "{label}: {method:?}");
        }
    }
}

/// A DNS answer has room for about 1,400 records `3 1 1`.
#[test]
fn many_records() {
    let root = Signed::root("root", Flaw::None);
    let leaf = root.leaf(&[HOST], Flaw::None);
    let roots = Roots::from_der([&root.der]);
    let others: Vec<Vec<u8>> = (0..100)
        .map(|n| Signed::root(&format!("other {n}"), Flaw::None).der)
        .collect();
    let namesakes: Vec<Signed> = (0..1_000)
        .map(|_| Signed::root("root", Flaw::None))
        .collect();
    let of = |selector, matching, last: &[u8]| -> Vec<TlsaRecord> {
        let records = namesakes.iter().map(|other| match selector {
            0 => tlsa(2, 0, matching, &other.der),
            _ => tlsa(2, 1, matching, &other.spki()),
        });
        records.chain([tlsa(2, selector, matching, last)]).collect()
    };
    let mut ee = of(1, 1, &leaf.spki());
    for record in &mut ee {
        record.usage = 3;
    }
    let chain = |count: usize| -> Vec<&[u8]> {
        let others = others.iter().map(Vec::as_slice);
        [&leaf.der[..], &root.der]
            .into_iter()
            .chain(others)
            .take(count)
            .collect()
    };
    #[rustfmt::skip]
    let rows = [
        ("1,001 of 3 1 1, chain of 102", ee, chain(102), Holds),
        ("1,001 of 2 1 1, chain of 16", of(1, 1, &root.spki()), chain(16), Holds),
        ("1,001 of 2 1 1, chain of 102", of(1, 1, &root.spki()), chain(102), Fails(Malformed)),
        ("1,001 of 2 0 0, one in the chain", of(0, 0, &root.der), chain(16), Holds),
        // More than 100 signatures: which of them are tried is up to the order.
        ("1,001 of 2 0 0, none in the chain", of(0, 0, &root.der), chain(1), Fails(NotTrusted)),
        ("1,001 of 2 1 0, none in the chain", of(1, 0, &root.spki()), chain(1),
            Fails(DaneMismatch)),
    ];
    for (label, records, chain, expected) in rows {
        let evidence = judge(label, records, &chain, &roots);
        assert_eq!(evidence.outcome(Method::Dane), expected, "{label}");
    }
}

/// A cut or a flipped bit, wherever it is, never leaves a path that holds.
#[test]
fn every_cut_and_bit() {
    let root = Signed::root("root", Flaw::None);
    let middle = root.intermediate("middle", Flaw::None);
    let leaf = middle.leaf(&[HOST], Flaw::None);
    let roots = Roots::from_der([&root.der]);
    let reference = reference(vec![tlsa(2, 0, 0, &root.der), tlsa(3, 1, 2, b"other")]);
    let outcome = |chain: [&[u8]; 2], damage: &str| {
        let evidence = authenticate(&reference, &chain, &roots, NOW);
        for method in [Method::Dane, Method::PkixHost] {
            assert_ne!(evidence.outcome(method), Holds, "{damage}: {method:?}");
        }
    };
    for (place, der) in [("leaf", &leaf.der), ("issuer", &middle.der)] {
        let put = |damaged: &[u8], damage: &str| match place {
            "leaf" => outcome([damaged, &middle.der], damage),
            _ => outcome([&leaf.der, damaged], damage),
        };
        for length in 0..der.len() {
            put(&der[..length], &format!("{place} cut to {length}"));
        }
        for bit in 0..der.len() * 8 {
            let mut flipped = der.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            put(&flipped, &format!("{place} with bit {bit} flipped"));
        }
    }
}
