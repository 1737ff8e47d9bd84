//! What does DANE-EE make of each kind of leaf, and what does DANE-TA?

use ffi_tests::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType, SerialNumber,
};

use crate::case::{Case, HOST, NEXT_HOP, tlsa};
use crate::pki::{Signed, authority, early, expired, fixture, server, valid};

/// Each leaf twice: named by a DANE-EE record, and below an authority that a DANE-TA record names.
pub(crate) fn cases() -> Result<Vec<Case>> {
    let root = Signed::by_itself(authority("root")?)?;
    let mut cases = Vec::new();
    for (label, params) in kinds()? {
        let leaf = root.issue(params)?;
        let (key, chain) = (leaf.spki(), [&leaf.der[..], &root.der]);
        let by_root = vec![tlsa(2, 0, 1, &root.der)];
        cases.push(Case::new(format!("{label}, DANE-TA"), by_root, &chain));
        let by_key = vec![tlsa(3, 1, 1, &key)];
        cases.push(Case::new(format!("{label}, DANE-EE"), by_key, &chain));
    }
    for (label, algorithm) in [
        ("D12 D13 P-384", &PKCS_ECDSA_P384_SHA384),
        ("D12 D13 Ed25519", &PKCS_ED25519),
    ] {
        let key = || KeyPair::generate_for(algorithm);
        let root = Signed::by_itself_with(authority("root")?, key()?)?;
        let leaf = root.issue_with(server(&[HOST])?, key()?)?;
        let chain = [&leaf.der[..], &root.der];
        let record = vec![tlsa(2, 1, 1, &root.spki())];
        cases.push(Case::new(format!("{label}, DANE-TA"), record, &chain));
        let record = vec![tlsa(3, 1, 1, &leaf.spki())];
        cases.push(Case::new(format!("{label}, DANE-EE"), record, &chain));
    }
    cases.extend(secure_mx(&root)?);
    cases.extend(self_signed()?);
    cases.extend(fixtures()?);
    Ok(cases)
}

/// By secure MX records the next-hop domain is a name as well (D13).
fn secure_mx(root: &Signed) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (label, name) in [
        ("D13 secure MX, base", HOST),
        ("D13 secure MX, next-hop domain", NEXT_HOP),
        ("D13 secure MX, wildcard below it", "*.example.net"),
        ("D13 secure MX, other", "elsewhere.test"),
    ] {
        let leaf = root.issue(server(&[name])?)?;
        let record = vec![tlsa(2, 0, 1, &root.der)];
        let case = Case::new(label, record, &[&leaf.der, &root.der]);
        cases.push(Case {
            secure_mx: true,
            ..case
        });
    }
    Ok(cases)
}

/// A leaf that is its own issuer.
fn self_signed() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut of_authority = authority(HOST)?;
    of_authority.subject_alt_names = server(&[HOST])?.subject_alt_names;
    let rows = [
        ("self-signed", server(&[HOST])?),
        ("self-signed, expired", expired(server(&[HOST])?)),
        ("self-signed, not yet valid", early(server(&[HOST])?)),
        ("self-signed, other name", server(&["elsewhere.test"])?),
        ("self-signed authority", of_authority),
    ];
    for (label, params) in rows {
        let leaf = Signed::by_itself(params)?;
        let (der, key) = (&leaf.der[..], leaf.spki());
        for (usage, statement) in [(3, "D12"), (2, "D13")] {
            let label = |record: &str| format!("{statement} {label}, {usage} {record}");
            let records = vec![tlsa(usage, 1, 1, &key)];
            cases.push(Case::new(label("1 1"), records, &[der]));
            let records = vec![tlsa(usage, 0, 0, der)];
            cases.push(Case::new(label("0 0"), records, &[der]));
        }
        let records = vec![tlsa(2, 0, 1, der)];
        let label = format!("D13 {label}, sent twice, 2 0 1");
        cases.push(Case::new(label, records, &[der, der]));
    }
    Ok(cases)
}

/// What rcgen cannot make.
#[rustfmt::skip]
fn fixtures() -> Result<Vec<Case>> {
    let read = |names: [&str; 2]| -> Result<[Vec<u8>; 2]> {
        Ok([fixture(names[0])?, fixture(names[1])?])
    };
    let v1 = &fixture("v1-leaf")?[..];
    let [v1_root, below_v1_root] = &read(["v1-root", "v1-issued"])?;
    let [v1_middle, below_v1] = &read(["v1-intermediate", "v1-below"])?;
    let [weak_root, below_weak_root] = &read(["rsa1024-root", "rsa1024-issued"])?;
    let [weak_middle, below_weak] = &read(["rsa1024-intermediate", "rsa1024-below"])?;
    let [root, by_sha1] = &read(["sha1-root", "sha1-issued"])?;
    let weak_leaf = &fixture("rsa1024-leaf")?[..];
    let ta = |der| vec![tlsa(2, 0, 1, der)];
    let ee = |der| vec![tlsa(3, 0, 1, der)];
    Ok(vec![
        Case::new("D12 version 1, DANE-EE", ee(v1), &[v1]),
        Case::new("D13 version 1, DANE-TA", ta(v1), &[v1]),
        Case::new("D13 version 1 below nothing", ta(root), &[v1, root]),
        Case::new("D13 version 1 root", ta(v1_root), &[below_v1_root, v1_root]),
        Case::new("D15 version 1 root not sent", vec![tlsa(2, 0, 0, v1_root)], &[below_v1_root]),
        Case::new("D13 version 1 intermediate", ta(v1_middle), &[below_v1, v1_middle, v1_root]),
        Case::new("D13 version 1 intermediate on top", ta(v1_middle), &[below_v1, v1_middle]),
        Case::new("D13 version 1 issuer", ta(v1_root), &[below_v1, v1_middle, v1_root]),
        Case::new("D12 version 1 issuer, DANE-EE", ee(below_v1), &[below_v1, v1_middle, v1_root]),
        Case::new("R23 RSA 1024 root", ta(weak_root), &[below_weak_root, weak_root]),
        Case::new("R23 RSA 1024 issuer", ta(root), &[below_weak, weak_middle, root]),
        Case::new("R23 RSA 1024 anchor", ta(weak_middle), &[below_weak, weak_middle]),
        Case::new("R23 RSA 1024 leaf", ta(root), &[weak_leaf, root]),
        Case::new("D12 RSA 1024 leaf, DANE-EE", ee(weak_leaf), &[weak_leaf, root]),
        Case::new("R23 SHA-1", ta(root), &[by_sha1, root]),
        Case::new("D12 SHA-1, DANE-EE", ee(by_sha1), &[by_sha1, root]),
    ])
}

/// A label with its statements, and what the leaf is like.
#[allow(clippy::too_many_lines)]
fn kinds() -> Result<Vec<(&'static str, CertificateParams)>> {
    let host = || server(&[HOST]);
    let san = |names: &[&str]| -> Result<CertificateParams> {
        let mut params = server(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        Ok(params)
    };
    let cn = |cn: &str, san: &[&str]| -> Result<CertificateParams> {
        let mut params = server(san)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, cn);
        Ok(params)
    };
    let purposes = |purposes: &[ExtendedKeyUsagePurpose]| -> Result<CertificateParams> {
        let mut params = server(&[HOST])?;
        params.extended_key_usages = purposes.to_vec();
        Ok(params)
    };
    let usages = |usages: &[KeyUsagePurpose]| -> Result<CertificateParams> {
        let mut params = server(&[HOST])?;
        params.key_usages = usages.to_vec();
        Ok(params)
    };
    let extension = |critical: bool| -> Result<CertificateParams> {
        let mut params = server(&[HOST])?;
        // NULL, under a number for examples.
        let mut unknown = CustomExtension::from_oid_content(&[2, 999, 1], vec![5, 0]);
        unknown.set_criticality(critical);
        params.custom_extensions.push(unknown);
        Ok(params)
    };
    let mut is_ca = host()?;
    is_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut no_ca = host()?;
    no_ca.is_ca = IsCa::ExplicitNoCa;
    let mut mail = server(&[])?;
    mail.subject_alt_names = vec![SanType::Rfc822Name("ann@example.com".try_into()?)];
    mail.distinguished_name.push(DnType::CommonName, HOST);
    let mut uri = server(&[])?;
    uri.subject_alt_names = vec![SanType::URI(format!("smtp://{HOST}").try_into()?)];
    let mut key_id = host()?;
    key_id.use_authority_key_identifier_extension = true;
    let mut serial = host()?;
    serial.serial_number = Some(SerialNumber::from_slice(&[0x7f; 20]));
    let mut long_serial = host()?;
    long_serial.serial_number = Some(SerialNumber::from_slice(&[0x7f; 30]));
    let mut two_names = server(&[])?;
    two_names
        .distinguished_name
        .push(DnType::CommonName, "elsewhere.test");
    two_names
        .distinguished_name
        .push(DnType::OrganizationName, HOST);
    Ok(vec![
        ("D12 D13 sound", host()?),
        ("D12 D13 expired", expired(host()?)),
        ("D12 D13 not yet valid", early(host()?)),
        ("D12 D13 dates exchanged", valid(host()?, 2029, 2026)),
        ("D12 D13 until 9999", valid(host()?, 2026, 9999)),
        ("D12 D13 since 1950", valid(host()?, 1950, 2029)),
        ("D12 D14 other name", server(&["elsewhere.test"])?),
        ("D12 D14 name below", server(&["a.mx.example.com"])?),
        ("D12 D14 name above", server(&["example.com"])?),
        ("D12 D14 no name", san(&[])?),
        ("D12 D14 upper case", server(&["MX.EXAMPLE.COM"])?),
        ("D12 D14 final dot", san(&["mx.example.com."])?),
        ("VD10 wildcard", server(&["*.example.com"])?),
        ("D14 wildcard, upper case", server(&["*.EXAMPLE.com"])?),
        ("D14 wildcard above", server(&["*.com"])?),
        ("D14 wildcard of two labels", server(&["*.*.com"])?),
        (
            "D14 wildcard for the name itself",
            server(&["*.mx.example.com"])?,
        ),
        ("D14 lone star", server(&["*"])?),
        ("D14 part of a label, end", server(&["m*.example.com"])?),
        ("D14 part of a label, begin", server(&["*x.example.com"])?),
        ("D14 wildcard inside", server(&["mx.*.com"])?),
        ("VD10 no SAN, CN", cn(HOST, &[])?),
        ("D14 no SAN, CN in upper case", cn("MX.Example.Com", &[])?),
        ("D14 no SAN, CN wildcard", cn("*.example.com", &[])?),
        ("D14 no SAN, other CN", cn("elsewhere.test", &[])?),
        ("D14 no SAN, name in O", two_names),
        ("VD10 other SAN, CN", cn(HOST, &["elsewhere.test"])?),
        ("D14 SAN, other CN", cn("elsewhere.test", &[HOST])?),
        ("D14 SAN alone", san(&[HOST])?),
        ("D14 second SAN", server(&["elsewhere.test", HOST])?),
        ("D14 SAN is an address, CN", cn(HOST, &["192.0.2.1"])?),
        (
            "D14 SAN is an address, other CN",
            cn("elsewhere.test", &["192.0.2.1"])?,
        ),
        ("D14 SAN is a mailbox, CN", mail),
        ("D14 SAN is a URI", uri),
        (
            "D13 for clients",
            purposes(&[ExtendedKeyUsagePurpose::ClientAuth])?,
        ),
        (
            "D13 for both",
            purposes(&[
                ExtendedKeyUsagePurpose::ClientAuth,
                ExtendedKeyUsagePurpose::ServerAuth,
            ])?,
        ),
        (
            "D13 for anything",
            purposes(&[ExtendedKeyUsagePurpose::Any])?,
        ),
        (
            "D13 for code",
            purposes(&[ExtendedKeyUsagePurpose::CodeSigning])?,
        ),
        ("D13 without a purpose", purposes(&[])?),
        (
            "D13 key usage: signatures",
            usages(&[KeyUsagePurpose::DigitalSignature])?,
        ),
        (
            "D13 key usage: certificates",
            usages(&[KeyUsagePurpose::KeyCertSign])?,
        ),
        ("D13 key usage: lists", usages(&[KeyUsagePurpose::CrlSign])?),
        ("D13 leaf is an authority", is_ca),
        ("D13 leaf says that it is none", no_ca),
        ("D13 unknown extension", extension(false)?),
        ("D13 unknown extension, critical", extension(true)?),
        ("D13 with the issuer's key identifier", key_id),
        ("D13 serial number of 20 octets", serial),
        ("D13 serial number of 30 octets", long_serial),
    ])
}
