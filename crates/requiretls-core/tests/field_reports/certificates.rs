//! What does a chain prove?

use crate::lookups::domain;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData};
use requiretls_core::authenticate::{
    CertFailure, Method, Outcome, Reference, Site, Via, authenticate,
};
use requiretls_core::dane::{TlsaRecord, any_usable};
use requiretls_core::pkix::Roots;
use ring::digest::{Algorithm, SHA256, SHA512, digest};

/// 1 June 2027.
const NOW: u64 = 1_811_808_000;

struct Authority {
    der: Vec<u8>,
    key: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

struct Leaf {
    der: Vec<u8>,
    key: Vec<u8>,
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2029, 1, 1);
    params
}

impl Authority {
    fn new(name: &str, above: Option<&Self>) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = params(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = match above {
            None => params.self_signed(&key),
            Some(above) => params.signed_by(&key, &above.issuer),
        };
        Self {
            der: der.unwrap().der().to_vec(),
            key: key.subject_public_key_info(),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, names: &[&str]) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let der = params(names).signed_by(&key, &self.issuer).unwrap();
        Leaf {
            der: der.der().to_vec(),
            key: key.subject_public_key_info(),
        }
    }
}

fn record(usage: u8, selector: u8, algorithm: &'static Algorithm, of: &[u8]) -> TlsaRecord {
    TlsaRecord {
        usage,
        selector,
        matching: if algorithm == &SHA256 { 1 } else { 2 },
        data: digest(algorithm, of).as_ref().to_vec(),
    }
}

fn outcome(
    method: Method,
    host: &str,
    records: &[TlsaRecord],
    chain: &[&[u8]],
    roots: &Roots,
) -> Outcome {
    let reference = Reference {
        host: Some(domain(host)),
        next_hop: Some(domain("d.test")),
        expanded: None,
        via: Via::SecureMx,
        tlsa: (!records.is_empty()).then(|| (domain(host), records.to_vec())),
        site: Site::default(),
    };
    authenticate(&reference, chain, roots, NOW).outcome(method)
}

#[test]
fn the_certificate_must_name_the_host() {
    let root = Authority::new("root", None);
    let roots = Roots::from_der([&root.der]);
    let other = Outcome::Fails(CertFailure::HostMismatch);
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &str, Outcome); 6] = [
        ("field report 14, another host of the policy", &["mx2.x.test"], "mx1.x.test", other),
        ("field report 14, the host", &["mx1.x.test"], "mx1.x.test", Outcome::Holds),
        ("field report 62, wildcard", &["*.koehn.test"], "mail.koehn.test", Outcome::Holds),
        ("field report 62, wildcard, any case", &["*.Koehn.test"], "mail.koehn.test", Outcome::Holds),
        ("field report 62, wildcard, two labels", &["*.koehn.test"], "a.mail.koehn.test", other),
        ("field report 62, wildcard, none", &["*.koehn.test"], "koehn.test", other),
    ];
    for (label, names, host, expected) in rows {
        let leaf = root.issue(names);
        let found = outcome(Method::PkixHost, host, &[], &[&leaf.der], &roots);
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn records_and_chains() {
    let root = Authority::new("root", None);
    let private = Authority::new("private", Some(&root));
    let leaf = private.issue(&["mx.d.test"]);
    let foreign = private.issue(&["mx.far.test"]);
    let chain: &[&[u8]] = &[&leaf.der, &private.der];
    let foreign: &[&[u8]] = &[&foreign.der, &private.der];
    let (right, wrong) = (&leaf.key, b"another key".as_slice());
    let ee = |selector, algorithm, of: &[u8]| record(3, selector, algorithm, of);
    let ta = |algorithm, of: &[u8]| record(2, 1, algorithm, of);
    let mismatch = Outcome::Fails(CertFailure::DaneMismatch);
    let other = Outcome::Fails(CertFailure::HostMismatch);
    #[rustfmt::skip]
    let rows = [
        ("field report 16, one of two", vec![ee(1, &SHA256, wrong), ta(&SHA256, &private.key)], chain, Outcome::Holds),
        ("field report 16, none of two", vec![ee(1, &SHA256, wrong), ta(&SHA256, wrong)], chain, mismatch),
        ("field report 17, a private intermediate", vec![ta(&SHA256, &private.key)], chain, Outcome::Holds),
        ("field report 17, its name is checked", vec![ta(&SHA256, &private.key)], foreign, other),
        ("field report 47, the stronger digest decides", vec![ee(0, &SHA256, &leaf.der), ee(0, &SHA512, wrong)], chain, mismatch),
        ("field report 47, the weaker one is not looked at", vec![ee(0, &SHA256, wrong), ee(0, &SHA512, &leaf.der)], chain, Outcome::Holds),
        ("field report 47, by selector", vec![ee(1, &SHA256, right), ee(0, &SHA512, wrong)], chain, Outcome::Holds),
        ("field report 53, key rolled, several records", vec![ee(1, &SHA256, wrong), ee(1, &SHA512, wrong), ta(&SHA256, wrong), ta(&SHA512, wrong)], chain, mismatch),
    ];
    // No WebPKI roots: DANE needs none (report 17).
    let none = Roots::not_loaded();
    for (label, records, chain, expected) in rows {
        let found = outcome(Method::Dane, "mx.d.test", &records, chain, &none);
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn records_that_cannot_be_used_prove_nothing() {
    let root = Authority::new("root", None);
    let leaf = root.issue(&["mx.d.test"]);
    let roots = Roots::from_der([&root.der]);
    let short = |mut record: TlsaRecord, length| {
        record.data.truncate(length);
        record
    };
    let good = record(3, 1, &SHA256, &leaf.key);
    #[rustfmt::skip]
    let rows = [
        ("field report 46, 31 octets", vec![short(good.clone(), 31)]),
        ("field report 46, no data", vec![short(good.clone(), 0)]),
        ("field report 46, both", vec![short(good.clone(), 31), short(good.clone(), 0)]),
        ("field report 29, PKIX-TA", vec![TlsaRecord { usage: 0, ..good.clone() }]),
        ("field report 29, PKIX-TA and PKIX-EE", vec![TlsaRecord { usage: 0, ..good.clone() }, TlsaRecord { usage: 1, ..good }]),
    ];
    for (label, records) in rows {
        assert!(!any_usable(&records), "{label}");
        let found = outcome(Method::Dane, "mx.d.test", &records, &[&leaf.der], &roots);
        let nothing = Outcome::Fails(CertFailure::NotApplicable);
        assert_eq!(found, nothing, "{label}: no PKIX in the place of DANE");
    }
}
