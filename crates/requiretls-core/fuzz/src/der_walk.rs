//! Which part of a certificate is its key, by a second walk and by webpki?
//!
//! The input is a certificate in DER. What core makes of it shows in the digest of its key, and in
//! the TLSA records that are usable and match.

use super::certificates::{NOW, sha256};
use requiretls_core::authenticate::{
    Evidence, Method, Outcome, Reference, Site, Via, authenticate,
};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::pkix::Roots;
use rustls_pki_types::CertificateDer;
use std::ops::Range;
use webpki::EndEntityCert;

/// One certificate.
pub fn check(data: &[u8]) {
    if data.len() > 65_536 {
        return;
    }
    let parts = Parts::of(data);
    let spki = parts.as_ref().map(|parts| &data[parts.spki.clone()]);
    let evidence = judge(data, Vec::new(), "mx.example.com");
    assert_eq!(evidence.leaf_key(), spki.map(sha256), "selector 1");
    agrees_with_webpki(data, spki);
    records(data, spki);
    if let Some(spki) = spki {
        no_trust_anchor(data, spki);
    }
}

/// What is known of a certificate, as places in its DER.
pub(crate) struct Parts {
    pub(crate) spki: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    tag: u8,
    start: usize,
    content: usize,
    end: usize,
}

/// One element that ends before `limit`.
fn element(data: &[u8], start: usize, limit: usize) -> Option<Element> {
    if start + 2 > limit {
        return None;
    }
    let first = usize::from(data[start + 1]);
    let (length, content) = if first < 128 {
        (first, start + 2)
    } else {
        let octets = first - 128;
        if octets == 0 || octets > 4 || start + 2 + octets > limit {
            return None;
        }
        let digits = &data[start + 2..start + 2 + octets];
        let length = digits.iter().fold(0, |sum, &b| sum * 256 + usize::from(b));
        (length, start + 2 + octets)
    };
    let end = content + length;
    (end <= limit).then_some(Element {
        tag: data[start],
        start,
        content,
        end,
    })
}

/// The elements inside, up to the first that is none, and whether they fill it.
fn children(data: &[u8], parent: Range<usize>) -> (Vec<Element>, bool) {
    let mut found = Vec::new();
    let mut at = parent.start;
    while let Some(child) = element(data, at, parent.end) {
        at = child.end;
        found.push(child);
    }
    (found, at == parent.end)
}

impl Element {
    fn inside(&self) -> Range<usize> {
        self.content..self.end
    }
}

impl Parts {
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        let (outer, complete) = children(data, 0..data.len());
        let [certificate] = outer.as_slice() else {
            return None;
        };
        let (three, filled) = children(data, certificate.inside());
        let tags: Vec<u8> = three.iter().map(|element| element.tag).collect();
        if !complete || certificate.tag != 0x30 || !filled || tags != [0x30, 0x30, 0x03] {
            return None;
        }
        let (mut fields, _) = children(data, three[0].inside());
        if fields.first().is_some_and(|first| first.tag == 0xa0) {
            fields.remove(0);
        }
        let tags: Vec<u8> = fields.iter().take(6).map(|element| element.tag).collect();
        (tags == [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]).then(|| Self {
            spki: fields[5].start..fields[5].end,
        })
    }
}

/// A sequence of an algorithm and a bit string with something in it, and nothing else.
pub(crate) fn is_spki(data: &[u8]) -> bool {
    let (outer, complete) = children(data, 0..data.len());
    let [spki] = outer.as_slice() else {
        return false;
    };
    let (two, filled) = children(data, spki.inside());
    let tags: Vec<u8> = two.iter().map(|element| element.tag).collect();
    complete
        && spki.tag == 0x30
        && filled
        && tags == [0x30, 0x03]
        && two[1].content < two[1].end
        && element(data, two[0].content, two[0].end).is_some_and(|oid| oid.tag == 0x06)
}

/// What the chain of this one certificate proves at [`NOW`], with the host's name alone.
fn judge(data: &[u8], records: Vec<TlsaRecord>, name: &str) -> Evidence {
    let base = Domain::parse(name.as_bytes()).unwrap();
    let reference = Reference {
        host: None,
        next_hop: None,
        expanded: None,
        via: Via::NoMx,
        tlsa: Some((base, records)),
        site: Site::default(),
    };
    authenticate(&reference, &[data], &Roots::not_loaded(), NOW)
}

/// Where webpki can read it, it finds the same key.
fn agrees_with_webpki(data: &[u8], spki: Option<&[u8]>) {
    let der = CertificateDer::from(data);
    if let Ok(certificate) = EndEntityCert::try_from(&der) {
        let theirs = certificate.subject_public_key_info();
        assert_eq!(spki, Some(theirs.as_ref()), "webpki reads another key");
    }
}

/// Records with the bytes themselves are usable where they can be read, and match just them.
fn records(data: &[u8], spki: Option<&[u8]>) {
    let record = |usage, selector, matching, bytes: &[u8]| TlsaRecord {
        usage,
        selector,
        matching,
        data: bytes.to_vec(),
    };
    let whole = record(3, 0, 0, data);
    assert_eq!(whole.usability().is_ok(), spki.is_some(), "3 0 0");
    let as_key = record(3, 1, 0, data);
    assert_eq!(as_key.usability().is_ok(), is_spki(data), "3 1 0");
    let dane = |records| judge(data, records, "mx.example.com").outcome(Method::Dane);
    assert_eq!(dane(vec![whole]) == Outcome::Holds, spki.is_some());
    let digest = record(3, 0, 1, &sha256(data));
    assert_eq!(dane(vec![digest]) == Outcome::Holds, !data.is_empty());
    if let Some(spki) = spki {
        assert_eq!(dane(vec![record(3, 1, 1, &sha256(spki))]), Outcome::Holds);
        let key = record(3, 1, 0, spki);
        assert_eq!(dane(vec![key]) == Outcome::Holds, is_spki(spki));
        let shorter = record(3, 1, 1, &sha256(&spki[..spki.len() - 1]));
        assert_ne!(dane(vec![shorter]), Outcome::Holds);
    }
}

/// A leaf is no authority above itself, whatever a DANE-TA record says of it (D13).
fn no_trust_anchor(data: &[u8], spki: &[u8]) {
    for (selector, selected) in [(0, data), (1, spki)] {
        let record = TlsaRecord {
            usage: 2,
            selector,
            matching: 1,
            data: sha256(selected).to_vec(),
        };
        let evidence = judge(data, vec![record], "mx.example.com");
        assert_ne!(evidence.outcome(Method::Dane), Outcome::Holds);
    }
}
