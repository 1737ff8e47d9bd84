//! Which chains lead to the authority that a DANE-TA record names?

use ffi_tests::Result;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints,
};

use crate::case::{Case, HOST, tlsa};
use crate::pki::{Signed, authority, early, expired, server};

/// All of them.
pub(crate) fn cases() -> Result<Vec<Case>> {
    let mut cases = shapes()?;
    cases.extend(anchors()?);
    cases.extend(issuers()?);
    cases.extend(lengths()?);
    cases.extend(same_names()?);
    Ok(cases)
}

/// A sound path, sent in odd ways.
#[rustfmt::skip]
#[allow(clippy::many_single_char_names)] // so that a chain can be read at a glance
fn shapes() -> Result<Vec<Case>> {
    let root = Signed::by_itself(authority("root")?)?;
    let upper = root.issue(authority("upper")?)?;
    let lower = upper.issue(authority("lower")?)?;
    let leaf = lower.issue(server(&[HOST])?)?;
    let stranger = Signed::by_itself(authority("stranger")?)?;
    let second = stranger.issue(server(&[HOST])?)?;
    let (r, u, l, e) = (&root.der[..], &upper.der[..], &lower.der[..], &leaf.der[..]);
    let (s, o) = (&stranger.der[..], &second.der[..]);
    let rows: Vec<(&str, Vec<&[u8]>)> = vec![
        ("in order", vec![e, l, u, r]),
        ("backwards", vec![e, r, u, l]),
        ("root first", vec![e, r, l, u]),
        ("leaf is not the first", vec![l, e, u, r]),
        ("root alone", vec![r]),
        ("without lower", vec![e, u, r]),
        ("without upper", vec![e, l, r]),
        ("without both", vec![e, r]),
        ("stranger among them", vec![e, s, l, u, r]),
        ("stranger on top", vec![e, l, u, r, s]),
        ("second leaf among them", vec![e, o, l, u, r]),
        ("everything twice", vec![e, e, l, l, u, u, r, r]),
        ("other leaf", vec![o, l, u, r]),
        ("nothing that fits", vec![o, s]),
        ("no certificate behind it", vec![e, l, u, r, b"x"]),
        ("no certificate among them", vec![e, b"x", l, u, r]),
        ("no certificate at all", vec![b"x"]),
        ("an empty one", vec![b""]),
    ];
    let mut cases = Vec::new();
    for (label, chain) in rows {
        let by_digest = vec![tlsa(2, 1, 1, &root.spki())];
        cases.push(Case::new(format!("D13 {label}, 2 1 1"), by_digest, &chain));
        let by_key = vec![tlsa(3, 1, 1, &leaf.spki())];
        cases.push(Case::new(format!("D12 {label}, 3 1 1"), by_key, &chain));
    }
    for (label, chain) in [
        ("in order", vec![e, l, u]),
        ("backwards", vec![e, u, l]),
        ("without upper", vec![e, l]),
        ("without lower", vec![e, u]),
        ("stranger on top", vec![e, l, u, s]),
        ("leaf alone", vec![e]),
    ] {
        let certificate = vec![tlsa(2, 0, 0, r)];
        cases.push(Case::new(format!("D15 {label}, 2 0 0 of the root"), certificate, &chain));
        let key = vec![tlsa(2, 1, 0, &root.spki())];
        cases.push(Case::new(format!("D15 {label}, 2 1 0 of the root"), key, &chain));
        let middle = vec![tlsa(2, 0, 0, u)];
        cases.push(Case::new(format!("D15 {label}, 2 0 0 of upper"), middle, &chain));
        let middle = vec![tlsa(2, 1, 0, &upper.spki())];
        cases.push(Case::new(format!("D15 {label}, 2 1 0 of upper"), middle, &chain));
    }
    Ok(cases)
}

/// The authority that the record names is like this, and nothing is between it and the leaf.
fn anchors() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (label, params) in authorities()? {
        let root = Signed::by_itself(params.clone())?;
        let leaf = root.issue(server(&[HOST])?)?;
        let sent = [&leaf.der[..], &root.der];
        let mut add = |what: &str, record, chain: &[&[u8]]| {
            cases.push(Case::new(
                format!("D13 anchor {label}, {what}"),
                vec![record],
                chain,
            ));
        };
        add("2 1 1", tlsa(2, 1, 1, &root.spki()), &sent);
        add("2 0 0 not sent", tlsa(2, 0, 0, &root.der), &sent[..1]);
        // The same in the middle: what is above it is nothing to the record.
        let above = Signed::by_itself(authority("above")?)?;
        let middle = above.issue(params)?;
        let leaf = middle.issue(server(&[HOST])?)?;
        let sent = [&leaf.der[..], &middle.der, &above.der];
        add("intermediate, 2 1 1", tlsa(2, 1, 1, &middle.spki()), &sent);
        add(
            "intermediate on top, 2 0 1",
            tlsa(2, 0, 1, &middle.der),
            &sent[..2],
        );
    }
    for (label, above) in [
        ("expired", expired(authority("above")?)),
        ("not yet valid", early(authority("above")?)),
        ("no authority", no_authority()?),
    ] {
        let above = Signed::by_itself(above)?;
        let middle = above.issue(authority("middle")?)?;
        let leaf = middle.issue(server(&[HOST])?)?;
        let record = vec![tlsa(2, 1, 1, &middle.spki())];
        let chain = [&leaf.der[..], &middle.der, &above.der];
        cases.push(Case::new(
            format!("D13 above the anchor: {label}"),
            record,
            &chain,
        ));
    }
    Ok(cases)
}

/// An issuer between leaf and anchor is like this.
fn issuers() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (label, params) in authorities()? {
        let root = Signed::by_itself(authority("root")?)?;
        let middle = root.issue(params)?;
        let leaf = middle.issue(server(&[HOST])?)?;
        let record = vec![tlsa(2, 0, 1, &root.der)];
        let chain = [&leaf.der[..], &middle.der, &root.der];
        cases.push(Case::new(format!("D13 issuer {label}"), record, &chain));
        let mut by_cn = server(&[])?;
        by_cn
            .distinguished_name
            .push(rcgen::DnType::CommonName, HOST);
        let leaf = middle.issue(by_cn)?;
        let record = vec![tlsa(2, 0, 1, &root.der)];
        let chain = [&leaf.der[..], &middle.der, &root.der];
        cases.push(Case::new(format!("D14 issuer {label}, CN"), record, &chain));
    }
    Ok(cases)
}

/// What an authority may be like.
fn authorities() -> Result<Vec<(&'static str, CertificateParams)>> {
    let sound = || authority("authority");
    let constrained = |permitted: &[&str], excluded: &[&str]| -> Result<CertificateParams> {
        let names = |names: &[&str]| {
            let one = |name: &&str| GeneralSubtree::DnsName((*name).to_owned());
            names.iter().map(one).collect()
        };
        let mut params = authority("authority")?;
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: names(permitted),
            excluded_subtrees: names(excluded),
        });
        Ok(params)
    };
    let purpose = |purpose| -> Result<CertificateParams> {
        let mut params = authority("authority")?;
        params.extended_key_usages = vec![purpose];
        Ok(params)
    };
    let mut not_for_signing = sound()?;
    not_for_signing.key_usages = vec![KeyUsagePurpose::CrlSign];
    let mut no_usage = sound()?;
    no_usage.key_usages = Vec::new();
    let mut unsaid = sound()?;
    unsaid.is_ca = IsCa::NoCa;
    let mut unsaid_without_usage = unsaid.clone();
    unsaid_without_usage.key_usages = Vec::new();
    let mut no_length = sound()?;
    no_length.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    Ok(vec![
        ("sound", sound()?),
        ("expired", expired(sound()?)),
        ("not yet valid", early(sound()?)),
        ("that says it is none", no_authority()?),
        ("that does not say it is one", unsaid),
        ("that does not say what for", unsaid_without_usage),
        ("whose key is not for signing", not_for_signing),
        ("without key usage", no_usage),
        ("with path length 0", no_length),
        ("for this name", constrained(&[HOST], &[])?),
        ("for the domain", constrained(&["example.com"], &[])?),
        (
            "for the domain with a dot",
            constrained(&[".example.com"], &[])?,
        ),
        ("for another domain", constrained(&["example.org"], &[])?),
        (
            "for two domains",
            constrained(&["example.org", "com"], &[])?,
        ),
        (
            "for all but the domain",
            constrained(&[], &["example.com"])?,
        ),
        (
            "for all but another domain",
            constrained(&[], &["example.org"])?,
        ),
        (
            "for the domain but not this name",
            constrained(&["example.com"], &[HOST])?,
        ),
        ("for servers", purpose(ExtendedKeyUsagePurpose::ServerAuth)?),
        ("for clients", purpose(ExtendedKeyUsagePurpose::ClientAuth)?),
        ("for anything", purpose(ExtendedKeyUsagePurpose::Any)?),
    ])
}

fn no_authority() -> Result<CertificateParams> {
    let mut params = authority("authority")?;
    params.is_ca = IsCa::ExplicitNoCa;
    Ok(params)
}

/// Paths of 1 to 9 issuers, and constraints on their number.
fn lengths() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for issuers in [1_u8, 2, 3, 5, 6, 7, 8, 9] {
        // What the root allows, if it says something.
        let mut rows = vec![("", None)];
        if (2..6).contains(&issuers) {
            rows.push((", as many as allowed", Some(issuers - 1)));
            rows.push((", one more than allowed", Some(issuers - 2)));
        }
        for (label, allowed) in rows {
            let mut params = authority("authority 1")?;
            if let Some(length) = allowed {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
            }
            let mut path = vec![Signed::by_itself(params)?];
            for number in 2..=issuers {
                let below = authority(&format!("authority {number}"))?;
                if let Some(issuer) = path.last() {
                    path.push(issuer.issue(below)?);
                }
            }
            let (Some(issuer), Some(root)) = (path.last(), path.first()) else {
                continue;
            };
            let leaf = issuer.issue(server(&[HOST])?)?;
            let above = path.iter().rev().map(|signed| &signed.der[..]);
            let chain: Vec<&[u8]> = std::iter::once(&leaf.der[..]).chain(above).collect();
            let record = vec![tlsa(2, 0, 1, &root.der)];
            let label = format!("D13 {issuers} issuers{label}");
            cases.push(Case::new(label, record, &chain));
        }
    }
    Ok(cases)
}

/// Several certificates have one name, or one name and key.
#[rustfmt::skip]
#[allow(clippy::many_single_char_names)] // so that a chain can be read at a glance
fn same_names() -> Result<Vec<Case>> {
    let root = Signed::by_itself(authority("root")?)?;
    let namesake = Signed::by_itself(authority("root")?)?;
    let other = Signed::by_itself(authority("other")?)?;
    let middle = root.issue(authority("middle")?)?;
    let crossed = middle.signed_anew(&other, &authority("middle")?)?;
    let old = middle.signed_anew(&root, &expired(authority("middle")?))?;
    let root_by_other = root.signed_anew(&other, &authority("root")?)?;
    let other_by_root = other.signed_anew(&root, &authority("other")?)?;
    let leaf = middle.issue(server(&[HOST])?)?;
    let own_name = root.issue(server(&["root"])?)?;
    let (e, m, r, n, o) = (
        &leaf.der[..], &middle.der[..], &root.der[..], &namesake.der[..], &other.der[..],
    );
    let (x, d) = (&crossed[..], &old[..]);
    let (ro, or) = (&root_by_other[..], &other_by_root[..]);
    let key = |signed: &Signed| vec![tlsa(2, 1, 1, &signed.spki())];
    Ok(vec![
        Case::new("D13 namesake of the root beside it", key(&root), &[e, m, n, r]),
        Case::new("D13 namesake of the root instead", key(&namesake), &[e, m, n]),
        Case::new("D13 record for the namesake", key(&namesake), &[e, m, n, r]),
        Case::new("D15 2 0 0 of the namesake", vec![tlsa(2, 0, 0, n)], &[e, m]),
        Case::new("D15 2 1 0 of the namesake", vec![tlsa(2, 1, 0, &namesake.spki())], &[e, m]),
        Case::new("D13 cross-signed, to the root", key(&root), &[e, m, x, r, o]),
        Case::new("D13 cross-signed, to the other", key(&other), &[e, m, x, r, o]),
        Case::new("D13 cross-signed, only the other sent", key(&other), &[e, x, o]),
        Case::new("D13 cross-signed, only the wrong one sent", key(&root), &[e, x, r, o]),
        Case::new("D13 cross-signed issuer's key", key(&middle), &[e, x, m, r, o]),
        Case::new("D13 expired issuer before its successor", key(&root), &[e, d, m, r]),
        Case::new("D13 expired issuer behind its successor", key(&root), &[e, m, d, r]),
        Case::new("D13 expired anchor before its successor", key(&middle), &[e, d, m, r]),
        Case::new("D13 expired anchor behind its successor", key(&middle), &[e, m, d, r]),
        Case::new("D13 expired anchor alone", key(&middle), &[e, d, r]),
        Case::new("D13 anchor is signed by another", key(&root), &[e, m, ro, o]),
        Case::new("D13 anchor is above the root", key(&other), &[e, m, ro, o]),
        Case::new("D13 two authorities sign each other", key(&other), &[e, m, ro, or]),
        Case::new("D13 two authorities sign each other, no record", key(&namesake), &[e, m, ro, or]),
        Case::new("D14 leaf has its issuer's name", key(&root), &[&own_name.der, r]),
    ])
}
