//! Certificates written octet by octet, for what no tool issues.

use super::*;
use crate::authenticate::{Reference, Site, Via, authenticate};
use crate::pkix::{MAX_CERTIFICATE, Roots};

/// An element with its length in as few octets as it takes.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut der = vec![tag];
    match length {
        [0, short @ 0..=0x7f] => der.push(short),
        [0, long] => der.extend([0x81, long]),
        long => der.extend([&[0x82][..], &long].concat()),
    }
    der.extend(content);
    der
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// `version` and `extensions` as they stand in what is signed, with all that is around them.
fn certificate(version: &[u8], extensions: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&element(OBJECT_IDENTIFIER, &[RSA_ENCRYPTION])]);
    let key = sequence(&[&algorithm, &element(BIT_STRING, &[&[0, 1]])]);
    let serial = element(INTEGER, &[&[1]]);
    let (name, dates) = (sequence(&[]), sequence(&[]));
    let signed = sequence(&[
        version, &serial, &algorithm, &name, &dates, &name, &key, extensions,
    ]);
    sequence(&[&signed, &algorithm, &element(BIT_STRING, &[&[0, 1]])])
}

fn version(number: u8) -> Vec<u8> {
    element(VERSION, &[&element(INTEGER, &[&[number]])])
}

fn extensions(all: &[Vec<u8>]) -> Vec<u8> {
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    element(EXTENSIONS, &[&sequence(&all)])
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    let oid = element(OBJECT_IDENTIFIER, &[oid]);
    sequence(&[&oid, &element(OCTET_STRING, &[value])])
}

fn critical(oid: &[u8], value: &[u8]) -> Vec<u8> {
    let oid = element(OBJECT_IDENTIFIER, &[oid]);
    let critical = element(BOOLEAN, &[&[0xff]]);
    sequence(&[&oid, &critical, &element(OCTET_STRING, &[value])])
}

/// basicConstraints with this cA, or without one.
fn constraints(ca: Option<u8>) -> Vec<u8> {
    let flag = ca.map(|ca| element(BOOLEAN, &[&[ca]])).unwrap_or_default();
    sequence(&[&flag])
}

/// keyUsage with these bits.
fn usage(bits: u8) -> Vec<u8> {
    extension(KEY_USAGE, &element(BIT_STRING, &[&[0, bits]]))
}

#[test]
fn who_may_issue() {
    let ca = || extension(BASIC_CONSTRAINTS, &constraints(Some(0xff)));
    let other = || extension(SUBJECT_ALT_NAME, &sequence(&[]));
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<u8>, Vec<u8>, bool)> = vec![
        ("version 1", vec![], vec![], true),
        ("version 1, written out", version(0), vec![], true),
        ("version 3 without extensions", version(2), vec![], false),
        ("version 1 with extensions", vec![], extensions(&[other()]), false),
        ("cA", version(2), extensions(&[ca()]), true),
        ("cA, critical", version(2),
            extensions(&[critical(BASIC_CONSTRAINTS, &constraints(Some(0xff)))]), true),
        ("cA behind others", version(2), extensions(&[other(), ca()]), true),
        ("cA FALSE", version(2),
            extensions(&[extension(BASIC_CONSTRAINTS, &constraints(Some(0)))]), false),
        ("no cA", version(2),
            extensions(&[extension(BASIC_CONSTRAINTS, &constraints(None))]), false),
        ("keyCertSign alone", version(2), extensions(&[ca(), usage(0x04)]), true),
        ("keyCertSign among others", version(2), extensions(&[ca(), usage(0x86)]), true),
        ("cRLSign", version(2), extensions(&[ca(), usage(0x02)]), false),
        ("no usage", version(2), extensions(&[ca(), usage(0)]), false),
        ("keyCertSign without cA", version(2), extensions(&[usage(0x04)]), false),
    ];
    for (label, version, extensions, expected) in rows {
        let der = certificate(&version, &extensions);
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.is_ca(), expected, "D13 {label}");
    }
}

#[test]
fn sizes_of_keys() {
    let bits = |modulus: &[u8]| {
        let key = sequence(&[&element(INTEGER, &[modulus])]);
        let algorithm = sequence(&[&element(OBJECT_IDENTIFIER, &[RSA_ENCRYPTION])]);
        let spki = sequence(&[&algorithm, &element(BIT_STRING, &[&[0], &key])]);
        rsa_bits(spki_content(&spki).unwrap())
    };
    for (label, modulus, expected) in [
        ("16 bits", &[0, 0x80, 0][..], Some(16)),
        ("15 bits, no zero before them", &[0x7f, 0], Some(15)),
        ("9 bits", &[1, 0], Some(9)),
        ("zeros alone", &[0, 0], None),
        ("nothing", &[], None),
    ] {
        assert_eq!(bits(modulus), expected, "D11 {label}");
    }
}

#[test]
fn lengths() {
    let element = |head: &[u8], content: usize| [head, &vec![1; content]].concat();
    #[rustfmt::skip]
    let rows = [
        ("none", element(&[4, 0], 0), Some(0)),
        ("127", element(&[4, 0x7f], 127), Some(127)),
        ("indefinite", element(&[4, 0x80], 128), None),
        ("128", element(&[4, 0x81, 0x80], 128), Some(128)),
        ("256", element(&[4, 0x82, 1, 0], 256), Some(256)),
        ("in four octets", element(&[4, 0x84, 0, 0, 1, 2], 258), Some(258)),
        ("in five octets", element(&[4, 0x85, 0, 0, 0, 0, 1], 1), None),
        ("one too many", element(&[4, 3], 2), None),
        ("no length", vec![4], None),
    ];
    for (label, der, expected) in rows {
        let found = Reader(&der).next();
        assert_eq!(found.map(|e| e.content.len()), expected, "D11 {label}");
        assert!(
            found.is_none_or(|e| e.tag == 4 && e.whole == der),
            "D11 {label}"
        );
    }
}

#[test]
fn tags() {
    for (label, der, tag) in [
        ("0", &[0, 1, 5][..], Some(0)),
        ("30", &[0x1e, 1, 5], Some(0x1e)),
        ("of two octets", &[0x1f, 0x1f, 1, 5], None),
        ("of two octets, constructed", &[0xbf, 0x1f, 1, 5], None),
    ] {
        assert_eq!(Reader(der).next().map(|e| e.tag), tag, "D11 {label}");
    }
}

#[test]
fn the_key_of_the_largest_certificate() {
    let padded = |octets: usize| {
        certificate(
            &version(2),
            &extensions(&[extension(KEY_USAGE, &vec![0; octets])]),
        )
    };
    let around = padded(60_000).len() - 60_000;
    for (label, octets, read) in [
        ("the largest", MAX_CERTIFICATE, true),
        ("one octet more", MAX_CERTIFICATE + 1, false),
    ] {
        let leaf = padded(octets - around);
        assert_eq!(leaf.len(), octets);
        let reference = Reference {
            host: None,
            next_hop: None,
            expanded: None,
            via: Via::NoMx,
            tlsa: None,
            site: Site::default(),
        };
        let evidence = authenticate(&reference, &[&leaf], &Roots::not_loaded(), NOW);
        assert_eq!(evidence.leaf_key().is_some(), read, "P8 {label}");
    }
}
