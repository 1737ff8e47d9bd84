//! Which part of a certificate is its key, by a second walk and by webpki?
//!
//! The input is a certificate in DER. What core makes of it shows in the digest of its key, in the
//! TLSA records that are usable and match, and in the names and dates that DANE-TA looks at.

use super::certificates::{NOW, sha256};
use requiretls_core::authenticate::{
    CertFailure, CertUndecided, Evidence, Method, Outcome, Reference, Site, Via, authenticate,
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
    if let Some(parts) = parts {
        as_trust_anchor(data, &parts);
    }
}

/// What is known of a certificate, as places in its DER.
pub(crate) struct Parts {
    pub(crate) spki: Range<usize>,
    validity: Range<usize>,
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
            validity: fields[3].inside(),
            spki: fields[5].start..fields[5].end,
        })
    }

    /// Where [`NOW`] lies, by comparing times as texts; `None`: they cannot be read.
    fn dates(&self, data: &[u8]) -> Option<Outcome> {
        let (times, _) = children(data, self.validity.clone());
        let [from, until, ..] = times.as_slice() else {
            return None;
        };
        let (from, until) = (time(data, from)?, time(data, until)?);
        let now = "20270601000000";
        Some(if now < from.as_str() {
            Outcome::Undecided(CertUndecided::NotYetValid)
        } else if now > until.as_str() {
            Outcome::Fails(CertFailure::Expired)
        } else {
            Outcome::Holds
        })
    }
}

/// Year, month, day, hour, minute and second, fourteen digits.
fn time(data: &[u8], element: &Element) -> Option<String> {
    let text = std::str::from_utf8(&data[element.inside()]).ok()?;
    let digits = text.strip_suffix('Z')?;
    let full = match (element.tag, digits.len()) {
        (0x17, 12) if digits.as_bytes()[0] < b'5' => format!("20{digits}"),
        (0x17, 12) => format!("19{digits}"),
        (0x18, 14) => digits.to_owned(),
        _ => return None,
    };
    let number = |at: usize| full.get(at..at + 2)?.parse::<u8>().ok();
    let holds = full.bytes().all(|b| b.is_ascii_digit())
        && (1..=12).contains(&number(4)?)
        && (1..=31).contains(&number(6)?)
        && number(8)? < 24
        && number(10)? < 60
        && number(12)? < 60;
    holds.then_some(full)
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

/// DANE-TA with the certificate itself as the anchor: dates first, then names (D13, D14).
fn as_trust_anchor(data: &[u8], parts: &Parts) {
    let by_name = |name: &str| {
        let record = TlsaRecord {
            usage: 2,
            selector: 0,
            matching: 1,
            data: sha256(data).to_vec(),
        };
        judge(data, vec![record], name).outcome(Method::Dane)
    };
    let foreign = by_name("nobody.invalid");
    let spelt_out = data
        .to_ascii_lowercase()
        .windows(7)
        .any(|w| w == b"invalid");
    assert!(
        foreign != Outcome::Holds || spelt_out,
        "for a name that it has not"
    );
    match parts.dates(data) {
        None => assert_eq!(foreign, Outcome::Fails(CertFailure::Malformed)),
        Some(Outcome::Holds) => {
            let der = CertificateDer::from(data);
            let Ok(certificate) = EndEntityCert::try_from(&der) else {
                return;
            };
            if foreign == Outcome::Fails(CertFailure::Weak) {
                let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
                assert!(data.windows(9).any(|w| w == rsa));
                return;
            }
            for name in certificate.valid_dns_names() {
                let plain = Domain::parse(name.as_bytes());
                if plain.is_ok_and(|plain| plain.as_str() == name) {
                    assert_eq!(by_name(name), Outcome::Holds, "{name}");
                }
            }
        }
        Some(refused) => assert_eq!(foreign, refused, "dates"),
    }
}
