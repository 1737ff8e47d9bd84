//! Does every input that fuzzing has kept still hold?
//!
//! The targets are those of `fuzz/`, and so is the corpus; here both are run by the stable
//! toolchain, without instrumentation, so that what fuzzing once found cannot come back unseen.

// A test's own faults end it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The names in a directory.
fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Runs a target over its corpus.
fn replay(target: &str) {
    let (_, check) = fuzz::TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .unwrap();
    let corpus = fuzz_dir().join("corpus").join(target);
    let inputs = names(&corpus);
    assert!(!inputs.is_empty(), "{target} has no corpus");
    let mut failed = Vec::new();
    for name in inputs {
        let input = fs::read(corpus.join(&name)).unwrap();
        if catch_unwind(|| check(&input)).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{target}: {failed:?}");
}

/// One test for each target.
macro_rules! replays {
    ($($target:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )*
    };
}

replays! {
    case chain delivery der_walk ehlo mail_param session site_policy sts_policy sts_record tag
    tls_required tlsa tlsrpt
}

/// `config` and `lmtp` have their tests beside the engine and the transport, which they need.
#[test]
fn every_target_is_replayed_and_has_a_corpus() {
    let mut targets: BTreeSet<String> =
        fuzz::TARGETS.iter().map(|(n, _)| (*n).to_owned()).collect();
    assert_eq!(targets, REPLAYED.iter().map(ToString::to_string).collect());
    targets.extend(["config", "lmtp"].map(str::to_owned));
    let binaries = names(&fuzz_dir().join("fuzz_targets"));
    let binaries: BTreeSet<_> = binaries
        .iter()
        .map(|name| name.replace(".rs", ""))
        .collect();
    assert_eq!(binaries, targets, "binaries");
    assert_eq!(names(&fuzz_dir().join("corpus")), targets, "corpora");
}

/// An empty certificate directory, or a change of what they are for: made by this.
mod certificates {
    use super::fuzz_dir;
    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
        IsCa, Issuer, KeyPair, date_time_ymd,
    };
    use std::fs;

    type Authority = Issuer<'static, KeyPair>;

    fn params(name: &str, san: &[&str], years: (i32, i32)) -> CertificateParams {
        let san: Vec<String> = san.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(san).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
    }

    fn authority(name: &str) -> CertificateParams {
        let mut params = params(name, &[], (2026, 2030));
        params.extended_key_usages.clear();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn write(file: &str, params: CertificateParams, by: Option<&Authority>) -> Authority {
        let key = KeyPair::generate().unwrap();
        let certificate = match by {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        let path = fuzz_dir().join("certificates").join(file);
        fs::write(path, certificate.unwrap().der()).unwrap();
        Issuer::new(params, key)
    }

    #[test]
    #[ignore = "writes the certificates, with new keys: corpora that hold the old ones are void"]
    fn write_all() {
        let mx = "mx.example.com";
        let usual = (2026, 2030);
        let root = write("root.der", authority("Root"), None);
        let below = write("intermediate.der", authority("Intermediate"), Some(&root));
        let names = [mx, "*.wild.example"];
        write("leaf.der", params(mx, &names, usual), Some(&below));
        let domain = "example.com";
        write(
            "next-hop.der",
            params(domain, &[domain], usual),
            Some(&root),
        );
        write("expired.der", params(mx, &[mx], (2025, 2027)), Some(&root));
        write("common-name.der", params(mx, &[], usual), Some(&root));
        let other = write("other-root.der", authority("Other Root"), None);
        write("other-leaf.der", params(mx, &[mx], usual), Some(&other));
        write("self-signed.der", params(mx, &[mx], usual), None);
    }
}
