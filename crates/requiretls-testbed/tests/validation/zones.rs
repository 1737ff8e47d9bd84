//! Zones that other people's tools have signed: BIND's dnssec-signzone, and ldns-signzone.
//!
//! Below a root and two top levels, `example` (NSEC) and `optout` (NSEC3 with opt-out), are the same
//! zones with the same records, each signed in another way or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::program;

pub(crate) const TOPS: [&str; 2] = ["example", "optout"];

/// A zone below a top level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Child {
    pub(crate) name: &'static str,
    signer: Signer,
    /// For each key the options of its maker.
    keys: &'static [&'static str],
    /// Further options of the signer.
    options: &'static str,
    delegation: Delegation,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Signer {
    Bind,
    Ldns,
    Nobody,
}

/// What the parent says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Delegation {
    /// The DS records of the zone's own keys, by these digests; none: SHA-256.
    Own(&'static [&'static str]),
    /// A DS record that fits no key.
    Wrong,
    /// No DS record.
    None,
}

use Delegation::{Own, Wrong};
use Signer::{Bind, Ldns, Nobody};

const RSA: &[&str] = &["-a RSASHA256 -b 2048 -f KSK", "-a RSASHA256 -b 1024"];
const RSA512: &[&str] = &["-a RSASHA512 -b 2048 -f KSK", "-a RSASHA512 -b 1024"];
const RSA_SHA1: &[&str] = &["-a NSEC3RSASHA1 -b 1024 -f KSK", "-a NSEC3RSASHA1 -b 1024"];
const P256: &[&str] = &["-a ECDSAP256SHA256 -f KSK", "-a ECDSAP256SHA256"];
const P256_LDNS: &[&str] = &["-a ECDSAP256SHA256 -k", "-a ECDSAP256SHA256"];
const P256_ALONE: &[&str] = &["-a ECDSAP256SHA256 -f KSK"];
const P384: &[&str] = &["-a ECDSAP384SHA384 -f KSK", "-a ECDSAP384SHA384"];
const ED25519: &[&str] = &["-a ED25519 -f KSK", "-a ED25519"];
const ED448: &[&str] = &["-a ED448 -f KSK", "-a ED448"];
/// A key signing key and a zone signing key more than are needed, as in the middle of a rollover.
const ROLLING: &[&str] = &[
    "-a ECDSAP256SHA256 -f KSK",
    "-a ECDSAP256SHA256 -f KSK",
    "-a ECDSAP256SHA256",
    "-a ECDSAP256SHA256 -P now -A none",
];
const TWO_ALGORITHMS: &[&str] = &[
    "-a RSASHA256 -b 1024 -f KSK",
    "-a RSASHA256 -b 1024",
    "-a ECDSAP256SHA256 -f KSK",
    "-a ECDSAP256SHA256",
];
const SHA256: Delegation = Own(&["SHA-256"]);
const NO_DS: Delegation = Delegation::None;

#[rustfmt::skip]
pub(crate) const CHILDREN: &[Child] = &[
    child("rsa",            Bind, RSA,            "-x",                         SHA256),
    child("rsa-nsec3",      Bind, RSA,            "-x -3 aabbccdd -H 5",        SHA256),
    child("rsa512",         Bind, RSA512,         "",                           SHA256),
    child("rsa-sha1",       Bind, RSA_SHA1,       "-3 - -H 0",                  SHA256),
    child("p256",           Ldns, P256_LDNS,      "",                           SHA256),
    child("p256-nsec3",     Ldns, P256_LDNS,      "-n -s aabb -t 1",            SHA256),
    child("one-key",        Bind, P256_ALONE,     "-z -3 - -H 0",               SHA256),
    child("p384",           Bind, P384,           "-x",                         Own(&["SHA-384"])),
    child("ed25519",        Bind, ED25519,        "-x -3 - -H 0",               Own(&["SHA-1", "SHA-256", "SHA-384"])),
    child("ed448",          Bind, ED448,          "-x",                         SHA256),
    child("rolling",        Bind, ROLLING,        "-x",                         SHA256),
    child("two-algorithms", Bind, TWO_ALGORITHMS, "",                           SHA256),
    child("opted",          Bind, P256,           "-x -3 - -H 0 -A",            SHA256),
    child("2000-times",     Ldns, P256_LDNS,      "-n -s aabb -t 2000",         SHA256),
    child("120-times",      Bind, P256,           "-x -3 aabb -H 120",          SHA256),
    child("unsigned",       Nobody, &[],          "",                           NO_DS),
    child("island",         Bind, P256,           "-x",                         NO_DS),
    child("below.rsa",      Nobody, &[],          "",                           NO_DS),
    child("deep.rsa",       Bind, ED25519,        "-x -3 - -H 0",               SHA256),
    child("below.unsigned", Bind, P256,           "-x",                         SHA256),
    child("altered",        Bind, RSA,            "-x",                         SHA256),
    child("expired",        Bind, RSA,            "-x -P -s now-60d -e now-30d", SHA256),
    child("future",         Bind, P256,           "-x -P -s now+30d -e now+60d", SHA256),
    child("wrong-ds",       Bind, RSA,            "-x",                         Wrong),
    child("no-signatures",  Nobody, &[],          "",                           Wrong),
];

const fn child(
    name: &'static str,
    signer: Signer,
    keys: &'static [&'static str],
    options: &'static str,
    delegation: Delegation,
) -> Child {
    Child {
        name,
        signer,
        keys,
        options,
        delegation,
    }
}

/// All zones with their files, and the root's keys.
pub(crate) struct Zones {
    pub(crate) files: Vec<(String, PathBuf)>,
    pub(crate) anchor: String,
    pub(crate) directory: tempfile::TempDir,
}

impl Zones {
    /// Makes keys and signs, from the leaves to the root.
    pub(crate) fn sign() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let mut files = Vec::new();
        let mut in_root = String::new();
        for top in TOPS {
            // What stands in a parent about the zones below it.
            let mut said: Vec<(String, String)> = vec![(top.to_owned(), String::new())];
            let mut children: Vec<&Child> = CHILDREN.iter().collect();
            children.sort_by_key(|child| std::cmp::Reverse(child.name.matches('.').count()));
            for child in children {
                let zone = format!("{}.{top}", child.name);
                let below = said.iter().filter(|(parent, _)| *parent == zone);
                let below: String = below.map(|(_, text)| text.as_str()).collect();
                let text = apex(&zone) + &records(top) + &below;
                let (file, ds) = make(at, &zone, child, &text);
                let parent = zone.split_once('.').unwrap().1.to_owned();
                said.push((parent, delegation(&zone) + &ds));
                files.push((zone, file));
            }
            let below = said.iter().filter(|(parent, _)| parent == top);
            let below: String = below.map(|(_, text)| text.as_str()).collect();
            let own = match top {
                "optout" => child(top, Bind, P256, "-x -3 - -H 0 -A", SHA256),
                _ => child(top, Bind, RSA, "-x", SHA256),
            };
            let (file, ds) = make(at, top, &own, &(apex(top) + &below));
            in_root += &(delegation(top) + &ds);
            files.push((top.to_owned(), file));
        }
        let root = child(".", Bind, P256, "-x", SHA256);
        let (file, _) = make(at, ".", &root, &(apex("") + &in_root));
        files.push((".".to_owned(), file));
        let mut entries = keys_in(&at.join("keys-root"), "key");
        entries.retain(|key| is_entry(key));
        let texts = entries.iter().map(|key| fs::read_to_string(key).unwrap());
        let anchor = texts.collect();
        Self {
            files,
            anchor,
            directory,
        }
    }
}

/// A zone's file as it is served, and its DS records.
fn make(at: &Path, zone: &str, child: &Child, text: &str) -> (PathBuf, String) {
    let name = if zone == "." { "root" } else { zone };
    let (plain, finished) = (
        at.join(format!("{name}.plain")),
        at.join(format!("{name}.signed")),
    );
    let keys = at.join(format!("keys-{name}"));
    fs::create_dir(&keys).unwrap();
    fs::write(&plain, text).unwrap();
    let words = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
    for options in child.keys {
        let mut maker = if child.signer == Ldns {
            program("nsd", "bin/ldns-keygen")
        } else {
            program("bind", "bin/dnssec-keygen")
        };
        if child.signer == Bind {
            maker.arg("-q");
        }
        run(maker.current_dir(&keys).args(words(options)).arg(zone));
    }
    match child.signer {
        Signer::Nobody => {
            fs::copy(&plain, &finished).unwrap();
        }
        Signer::Bind => {
            let mut signer = program("bind", "bin/dnssec-signzone");
            signer.args(["-q", "-S", "-K"]).arg(&keys);
            signer.args(words(child.options)).args(["-o", zone]);
            signer.arg("-f").arg(&finished).arg("-d").arg(&keys);
            run(signer.arg(&plain));
        }
        Signer::Ldns => {
            let mut signer = program("nsd", "bin/ldns-signzone");
            signer.args(words(child.options)).args(["-o", zone]);
            signer.arg("-f").arg(&finished).arg(&plain);
            for key in keys_in(&keys, "private") {
                signer.arg(key.with_extension(""));
            }
            run(&mut signer);
        }
    }
    if child.name == "altered" {
        alter(&finished);
    }
    let ds = match child.delegation {
        Delegation::None => String::new(),
        Wrong => format!("{zone}. DS 12345 8 2 {}\n", "ab".repeat(32)),
        Own(digests) => {
            let mut ds = String::new();
            let mut entries = keys_in(&keys, "key");
            entries.retain(|key| is_entry(key));
            for (key, digest) in entries
                .iter()
                .flat_map(|key| digests.iter().map(move |d| (key, d)))
            {
                let mut maker = program("bind", "bin/dnssec-dsfromkey");
                ds += &run(maker.args(["-a", digest]).arg(key));
            }
            assert!(ds.contains(" DS "), "{zone}: {ds:?}");
            ds
        }
    };
    (finished, ds)
}

/// Other data under the old signatures.
fn alter(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let (address, digest) = (("192.0.2.25", "192.0.2.66"), ("0001020304", "6666666666"));
    assert!(text.contains(address.0) && text.contains(digest.0));
    let text = text
        .replace(address.0, address.1)
        .replace(digest.0, digest.1);
    fs::write(file, text).unwrap();
}

fn keys_in(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

/// Whether a key's file is of a key that a parent or a validator knows (RFC 4034 section 2.1.1: SEP).
fn is_entry(key: &Path) -> bool {
    let text = fs::read_to_string(key).unwrap();
    let mut words = text.split_whitespace().skip_while(|word| *word != "DNSKEY");
    words.nth(1) == Some("257")
}

/// What the program prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn apex(zone: &str) -> String {
    format!(
        "$ORIGIN {zone}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\n\
         ns A 127.0.0.1\n"
    )
}

fn delegation(zone: &str) -> String {
    format!("{zone}. NS ns.{zone}.\nns.{zone}. A 127.0.0.1\n")
}

fn records(top: &str) -> String {
    let long = format!("\"{}\" ", "0123456789abcdef".repeat(15)).repeat(12);
    let to_others = CHILDREN.iter().map(|child| {
        let label = child.name.replace('.', "-");
        [format!("to-{label} CNAME mx.{}.{top}.", child.name)]
    });
    let to_others = to_others.collect::<Vec<_>>().concat().join("\n");
    format!(
        "@                 MX    10 mx
mx                A     192.0.2.25
mx                A     192.0.2.26
mx                AAAA  2001:db8::25
_25._tcp.mx       TLSA  3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
long              TXT   {long}
a.b.c             A     192.0.2.27
*.wild            A     192.0.2.28
*.wild            MX    10 mx
*.cwild           CNAME mx
alias             CNAME mx
alias2            CNAME alias
gone              CNAME nothing
_25._tcp.alias    CNAME _25._tcp.mx
old               DNAME p256-nsec3.{top}.
lost              DNAME unsigned.{top}.
{to_others}
"
    )
}
