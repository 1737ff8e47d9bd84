mod written;

use super::*;
use crate::dane::TlsaRecord;
use crate::pkix::test_pki::{
    Flaw, NOW, RSA1024_ISSUED, RSA1024_LEAF, RSA1024_ROOT, SHA1_ROOT, Signed, V1_INTERMEDIATE,
    V1_LEAF, V1_ROOT, params, sha256,
};
use proptest::prelude::*;

#[test]
fn key_of_any_version() {
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    let found = Certificate::parse(&leaf.der).unwrap();
    assert_eq!(found.spki, leaf.spki(), "version 3");
    assert!(!found.is_v1);

    let found = Certificate::parse(V1_LEAF).unwrap();
    // What `openssl pkey -pubin -outform DER` makes of its key.
    let by_openssl = "75f83ea959ddcb2ab6641dd0db9c78e70db8989dd61f2d31448d0c83fab995fd";
    let record = TlsaRecord {
        usage: 3,
        selector: 1,
        matching: 1,
        data: sha256(found.spki).to_vec(),
    };
    assert_eq!(
        record.to_string(),
        format!("3 1 1 {by_openssl}"),
        "version 1"
    );
    assert_eq!(found.cn_id(), Some(&b"mx.example.com"[..]));
    assert_eq!(found.dns_ids().count(), 0);
    assert!(found.is_v1 && found.is_ca());
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let header = if length < 0x80 {
        vec![tag, length]
    } else {
        vec![tag, 0x81, length]
    };
    [&header, content].concat()
}

/// The same with the length in so many octets.
fn long_form(tag: u8, content: &[u8], octets: u8) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let mut header = vec![tag, 0x80 | octets];
    header.resize(usize::from(octets) + 1, 0);
    header.push(length);
    [&header, content].concat()
}

/// Without a length, up to an end mark.
fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}

/// A certificate of these parts, in order; the signature is none.
fn of_parts(parts: &[&[u8]]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[]);
    let signature = element(BIT_STRING, &[0]);
    let tbs = long(SEQUENCE, &parts.concat());
    long(SEQUENCE, &[tbs, algorithm, signature].concat())
}

/// With a length of two octets, which is what certificates have.
fn long(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

/// A label, a certificate, its key.
type KeyRow<'a> = (&'a str, Vec<u8>, Option<&'a [u8]>);

#[test]
fn keys_in_odd_encodings() {
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    let key = &leaf.spki()[..];
    let inside = spki_content(key).unwrap();
    let serial = &element(INTEGER, &[1])[..];
    let (algorithm, name) = (&element(SEQUENCE, &[])[..], &element(SEQUENCE, &[])[..]);
    let validity = &element(SEQUENCE, &element(UTC_TIME, b"700101000000Z"))[..];
    let version = |number| element(VERSION, &element(INTEGER, &[number]));
    let (v1, v2, v3, v6) = (version(0), version(1), version(2), version(5));
    let bare_version = element(0x80, &[2]);
    let (issuer_id, subject_id) = (element(0x81, &[0, 1]), element(0x82, &[0, 2]));
    let extensions = element(EXTENSIONS, &element(SEQUENCE, &[]));
    let unknown = element(0xa4, &[5, 0]);
    let set = element(0x31, inside);
    let endless = indefinite(SEQUENCE, inside);
    let (long_1, long_2, long_4) = (
        long_form(SEQUENCE, inside, 1),
        long_form(SEQUENCE, inside, 2),
        long_form(SEQUENCE, inside, 4),
    );
    let long_5 = long_form(SEQUENCE, inside, 5);
    let two_octet_tag = [&[0x3f, 0x10], &key[1..]].concat();
    let too_long = [&[SEQUENCE, 0x82, 0xff, 0xff], inside].concat();
    let with = |version: &[u8], key: &[u8], after: &[&[u8]]| {
        let before = [version, serial, algorithm, name, validity, name, key];
        of_parts(&[&before[..], after].concat())
    };
    let sound = with(&v3, key, &[&extensions]);
    let endless_name = indefinite(SEQUENCE, &[]);
    let no_serial = of_parts(&[&v3, algorithm, name, validity, name, key]);
    let endless_issuer = of_parts(&[&v3, serial, algorithm, &endless_name, validity, name, key]);
    // The header of the certificate is four octets, the next one is the content's first.
    let endless_outside = indefinite(SEQUENCE, &sound[4..]);
    let endless_tbs = {
        let after = [element(SEQUENCE, &[]), element(BIT_STRING, &[0])].concat();
        let parts = [&v3[..], serial, algorithm, name, validity, name, key].concat();
        long(SEQUENCE, &[indefinite(SEQUENCE, &parts), after].concat())
    };
    #[rustfmt::skip]
    let rows: Vec<KeyRow> = vec![
        ("D12 version 1, unsaid", with(&[], key, &[]), Some(key)),
        ("D12 version 1, said", with(&v1, key, &[]), Some(key)),
        ("D12 version 2", with(&v2, key, &[&issuer_id, &subject_id]), Some(key)),
        ("D12 version 3", sound.clone(), Some(key)),
        ("D12 version 3, with identifiers",
            with(&v3, key, &[&issuer_id, &subject_id, &extensions]), Some(key)),
        ("D12 version 6", with(&v6, key, &[&extensions]), Some(key)),
        ("D12 unknown field", with(&v3, key, &[&unknown]), Some(key)),
        ("D12 junk behind the key", with(&v3, key, &[&[0xff]]), Some(key)),
        ("D16 length in one more octet", with(&v3, &long_1, &[]), Some(&long_1)),
        ("D16 length in two octets", with(&v3, &long_2, &[]), Some(&long_2)),
        ("D16 length in four octets", with(&v3, &long_4, &[]), Some(&long_4)),
        ("length in five octets", with(&v3, &long_5, &[]), None),
        ("length beyond the end", with(&v3, &too_long, &[]), None),
        ("endless key", with(&v3, &endless, &[]), None),
        ("endless issuer", endless_issuer, None),
        ("endless certificate", endless_outside, None),
        ("endless content", endless_tbs, None),
        ("version with another tag", with(&bare_version, key, &[]), None),
        ("key is a set", with(&v3, &set, &[]), None),
        ("tag of two octets", with(&v3, &two_octet_tag, &[]), None),
        ("no serial number", no_serial, None),
        ("no key", with(&v3, &[], &[]), None),
    ];
    for (label, der, expected) in rows {
        let found = Certificate::parse(&der).map(|certificate| certificate.spki);
        assert_eq!(found, expected, "{label}");
        look_at(&der);
    }
}

/// What an authority's certificate says of those below it.
#[test]
fn limits_of_authorities() {
    let of = |extensions: Vec<(&[u64], Vec<u8>)>| {
        let mut params = params(&["mx.example.com"], Flaw::None);
        params.custom_extensions = extensions
            .into_iter()
            .map(|(oid, value)| rcgen::CustomExtension::from_oid_content(oid, value))
            .collect();
        Signed::self_signed(params).der
    };
    let flag = element(BOOLEAN, &[0xff]);
    let basic = |rest: &[u8]| of(vec![(&[2, 5, 29, 19], element(SEQUENCE, rest))]);
    let length = |octets: &[u8]| basic(&[&flag[..], &element(INTEGER, octets)].concat());
    #[rustfmt::skip]
    let rows = [
        ("D13 nothing said", of(Vec::new()), None),
        ("D13 no length", basic(&flag), None),
        ("D13 0", length(&[0]), Some(0)),
        ("D13 127", length(&[127]), Some(127)),
        ("D13 256", length(&[1, 0]), Some(256)),
        ("D13 more than can be counted", length(&[0x7f; 20]), Some(usize::MAX)),
        ("D13 without the flag", basic(&element(INTEGER, &[3])), Some(3)),
    ];
    for (label, der, expected) in rows {
        let found = Certificate::parse(&der).unwrap().path_length();
        assert_eq!(found, expected, "{label}");
    }

    let purposes = |oids: &[&[u8]]| {
        let oids: Vec<Vec<u8>> = oids
            .iter()
            .map(|oid| element(OBJECT_IDENTIFIER, oid))
            .collect();
        of(vec![(&[2, 5, 29, 37], element(SEQUENCE, &oids.concat()))])
    };
    let (client, any): (&[u8], &[u8]) = (&[0x2b, 6, 1, 5, 5, 7, 3, 2], &[0x55, 0x1d, 0x25, 0]);
    #[rustfmt::skip]
    let rows = [
        ("D13 nothing said", of(Vec::new()), true),
        ("D13 servers", purposes(&[SERVER_AUTH]), true),
        ("D13 clients and servers", purposes(&[client, SERVER_AUTH]), true),
        ("D13 clients", purposes(&[client]), false),
        ("D13 anything", purposes(&[any]), false),
        ("D13 no purpose", purposes(&[]), false),
        ("D13 unreadable", of(vec![(&[2, 5, 29, 37], vec![0xff])]), false),
    ];
    for (label, der, expected) in rows {
        let found = Certificate::parse(&der).unwrap().is_for_servers();
        assert_eq!(found, expected, "{label}");
    }

    let usage = |bits: &[u8]| of(vec![(&[2, 5, 29, 15], element(BIT_STRING, bits))]);
    // label, key usage, may sign certificates, may serve TLS
    #[rustfmt::skip]
    let rows = [
        ("nothing said", of(Vec::new()), true, true),
        ("signatures", usage(&[7, 0x80]), false, true),
        ("non-repudiation", usage(&[6, 0x40]), false, false),
        ("encipherment of keys", usage(&[5, 0x20]), false, true),
        ("encipherment of data", usage(&[4, 0x10]), false, false),
        ("agreement of keys", usage(&[3, 0x08]), false, true),
        ("certificates", usage(&[2, 0x04]), true, false),
        ("lists", usage(&[1, 0x02]), false, false),
        ("all", usage(&[0, 0xff]), true, true),
        ("nothing", usage(&[0]), false, false),
        ("unreadable", of(vec![(&[2, 5, 29, 15], vec![0xff])]), false, false),
    ];
    for (label, der, certificates, tls) in rows {
        let found = Certificate::parse(&der).unwrap();
        assert_eq!(found.may_sign_certificates(), certificates, "{label}");
        assert_eq!(found.may_serve_tls(), tls, "{label}");
    }
}

#[test]
fn dates() {
    let leaf = |flaw| Signed::self_signed_leaf(&["mx.example.com"], flaw).der;
    #[rustfmt::skip]
    let rows = [
        ("D13 valid", leaf(Flaw::None), NOW, Dates::Valid),
        ("D13 expired", leaf(Flaw::Expired), NOW, Dates::Expired),
        ("D13 not yet", leaf(Flaw::NotYetValid), NOW, Dates::NotYetValid),
        // 26 Nov 2026 03:04:13 to 2 Nov 2126 03:04:13
        ("first second", V1_LEAF.to_vec(), 1_795_662_253, Dates::Valid),
        ("before it", V1_LEAF.to_vec(), 1_795_662_252, Dates::NotYetValid),
        ("last second, year 2126", V1_LEAF.to_vec(), 4_949_262_253, Dates::Valid),
        ("after it", V1_LEAF.to_vec(), 4_949_262_254, Dates::Expired),
    ];
    for (label, der, now, expected) in rows {
        assert_eq!(
            Certificate::parse(&der).unwrap().dates(now),
            Some(expected),
            "{label}"
        );
    }
}

#[test]
fn times() {
    let rows: &[(u8, &str, Option<u64>)] = &[
        (UTC_TIME, "700101000000Z", Some(0)),
        (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
        (UTC_TIME, "500101000000Z", Some(0)),
        (GENERALIZED_TIME, "20240229120000Z", Some(1_709_208_000)),
        (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
        (GENERALIZED_TIME, "00000101000000Z", None),
        (GENERALIZED_TIME, "00010101000000Z", Some(0)),
        (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
        (GENERALIZED_TIME, "20000229235959Z", Some(951_868_799)),
        (GENERALIZED_TIME, "20000301000000Z", Some(951_868_800)),
        (GENERALIZED_TIME, "21000228235959Z", Some(4_107_542_399)),
        (GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400)),
        (GENERALIZED_TIME, "24000229123456Z", Some(13_574_608_496)),
        (UTC_TIME, "271231235959Z", Some(1_830_297_599)),
        (UTC_TIME, "280101000000Z", Some(1_830_297_600)),
        (UTC_TIME, "490704050607Z", Some(2_508_987_967)),
        (UTC_TIME, "700101000001Z", Some(1)),
        (UTC_TIME, "700301000000Z", Some(5_097_600)),
        (UTC_TIME, "991031010203Z", Some(941_331_723)),
        (UTC_TIME, "700001000000Z", None),
        (UTC_TIME, "700100000000Z", None),
        (UTC_TIME, "700101006000Z", None),
        (UTC_TIME, "700101000060Z", None),
        (UTC_TIME, "70010100000000Z", None),
        (UTC_TIME, "700101000000", None),
        (UTC_TIME, "700101000000+0000", None),
        (UTC_TIME, "7001010000Z", None),
        (UTC_TIME, "701301000000Z", None),
        (UTC_TIME, "700132000000Z", None),
        (UTC_TIME, "700101240000Z", None),
        (UTC_TIME, "", None),
        (INTEGER, "700101000000Z", None),
    ];
    for (tag, text, expected) in rows {
        let content = text.as_bytes();
        let whole = content;
        let tag = *tag;
        assert_eq!(
            time(Element {
                tag,
                content,
                whole
            }),
            *expected,
            "{text}"
        );
    }
}

#[test]
fn authorities() {
    let flag = |der: &[u8]| Certificate::parse(der).unwrap().is_ca();
    assert!(flag(&Signed::root("root", Flaw::None).der), "D13 CA");
    assert!(
        !flag(&Signed::root("root", Flaw::NotCa).der),
        "D13 CA:FALSE"
    );
    assert!(
        !flag(&Signed::self_signed_leaf(&["mx.example.com"], Flaw::None).der),
        "D13 no flag"
    );
    let not_for_signing = Signed::root("root", Flaw::NotForSigning);
    assert!(!flag(&not_for_signing.der), "D13 key usage");
    assert!(flag(V1_ROOT), "D13 version 1 root");
    assert!(!flag(V1_INTERMEDIATE), "D13 version 1, not a root");
    let constrained = Signed::root("root", Flaw::Constrained);
    assert!(
        Certificate::parse(&constrained.der)
            .unwrap()
            .has_name_constraints()
    );
}

#[test]
fn keys() {
    let bits = |der: &[u8]| rsa_bits(spki_content(Certificate::parse(der).unwrap().spki).unwrap());
    assert_eq!(bits(RSA1024_ROOT), Some(1024));
    assert_eq!(bits(RSA1024_LEAF), Some(1024));
    assert_eq!(bits(SHA1_ROOT), Some(2048));
    assert_eq!(bits(RSA1024_ISSUED), None, "P-256");
}

#[test]
fn every_cut_and_bit() {
    let leaf = Signed::self_signed_leaf(&["mx.example.com"], Flaw::None);
    for der in [&leaf.der[..], V1_LEAF] {
        for length in 0..der.len() {
            assert!(
                Certificate::parse(&der[..length]).is_none(),
                "cut to {length}"
            );
        }
        let mut longer = der.to_vec();
        longer.push(0);
        assert!(Certificate::parse(&longer).is_none(), "one octet more");
        for bit in 0..der.len() * 8 {
            let mut flipped = der.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            look_at(&flipped);
        }
    }
}

/// Everything that can be asked of a certificate.
fn look_at(der: &[u8]) {
    let _ = is_spki(der);
    let _ = spki_content(der).and_then(rsa_bits);
    if let Some(certificate) = Certificate::parse(der) {
        let _ = certificate.dates(NOW);
        let _ = certificate.is_ca();
        let _ = certificate.path_length();
        let _ = certificate.is_for_servers();
        let _ = certificate.may_serve_tls();
        let _ = certificate.count_extensions(usize::MAX);
        let _ = certificate.has_name_constraints();
        let _ = certificate.dns_ids().count();
        let _ = certificate.cn_id();
        let _ = spki_content(certificate.spki).and_then(rsa_bits);
    }
}

proptest! {
    #[test]
    fn any_bytes(der in prop::collection::vec(any::<u8>(), 0..300)) {
        look_at(&der);
    }

    #[test]
    fn any_damage(at in 0_usize..288, with in prop::collection::vec(any::<u8>(), 1..8)) {
        let mut der = V1_LEAF.to_vec();
        der.splice(at..(at + with.len()).min(der.len()), with);
        look_at(&der);
    }
}
