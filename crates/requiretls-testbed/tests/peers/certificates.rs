//! Certificates and TLSA records.

use crate::client::{DOMAIN, HOST, Stage, openssl, trusting};
use requiretls_testbed::{Certificate, Peer, WRONG_NAME};
use rustls::{CertificateError, Error};
use std::io::Write;
use tempfile::NamedTempFile;

type Fits = fn(&CertificateError) -> bool;

/// rustls and OpenSSL agree that each certificate has its one defect (rows 12, 12a).
#[test]
fn each_certificate_is_seen() {
    use Certificate as C;
    use CertificateError as E;
    // OpenSSL's numbers are those of x509_vfy.h.
    #[rustfmt::skip]
    let table: [(C, &str, Option<Fits>, u32); 13] = [
        (C::Good, HOST, None, 0),
        (C::ClientOnly, HOST, Some(|e| matches!(e, E::InvalidPurpose | E::InvalidPurposeContext { .. })), 26),
        // VD10: OpenSSL looks at the common name where there is no other, rustls never (R21).
        (C::CommonNameOnly, HOST, Some(is_wrong_name), 0),
        (C::Expired, HOST, Some(|e| matches!(e, E::Expired | E::ExpiredContext { .. })), 10),
        (C::IntermediateWithheld, HOST, Some(|e| *e == E::UnknownIssuer), 21),
        (C::NextHopDomain, HOST, Some(is_wrong_name), 62),
        (C::NextHopDomain, DOMAIN, None, 0), // VX25, VX39
        (C::NotYetValid, HOST, Some(|e| matches!(e, E::NotValidYet | E::NotValidYetContext { .. })), 9),
        (C::SelfSigned, HOST, Some(|e| *e == E::UnknownIssuer), 18),
        (C::UnknownAuthority, HOST, Some(|e| *e == E::UnknownIssuer), 19),
        (C::Wildcard, HOST, None, 0),
        (C::WrongName, HOST, Some(is_wrong_name), 62),
        (C::WrongName, WRONG_NAME, None, 0),
    ];
    for (certificate, name, expected, number) in table {
        let label = format!("{certificate:?} for {name}");
        let stage = Stage::new(Peer::good().certificate(certificate));
        let mut client = stage.connect();
        client.reply();
        let end = client.starttls(&stage.strict(), name);
        match (end.err(), expected) {
            (None, None) => {}
            (Some(Error::InvalidCertificate(error)), Some(fits)) => {
                assert!(fits(&error), "{label}: {error:?}");
                let session = stage.session();
                let failure = session.handshake_failure.unwrap();
                assert!(failure.contains("alert"), "{label}: {failure}");
                assert_eq!(session.tls_version, None, "{label}");
            }
            (error, _) => panic!("{label}: {error:?}"),
        }
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(stage.pki.ca_pem().as_bytes()).unwrap();
        let ca = ca.path().to_str().unwrap();
        let seen = openssl(
            stage.address(),
            &["-CAfile", ca, "-no-CApath", "-verify_hostname", name],
        );
        assert!(
            seen.contains(&format!("Verify return code: {number} ")),
            "{label}: {seen}"
        );
        let session = &stage.log.ended(2, crate::client::LONG)[1];
        assert_eq!(session.chain, stage.peer.credential().chain(), "{label}");
        assert_eq!(session.sni.as_deref(), Some(HOST), "{label}");
    }
}

fn is_wrong_name(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    )
}

/// OpenSSL, who knows DANE, agrees that each record is right or wrong.
#[test]
fn each_tlsa_record_is_seen() {
    use Certificate as C;
    #[rustfmt::skip]
    let table = [
        ("DANE-EE", Peer::good().dane_ee(), true),
        ("DANE-EE of another key", Peer::good().dane_ee_wrong(), false),
        ("3 0 1", Peer::good().tlsa(3, 0, 1), true),
        ("3 1 2", Peer::good().tlsa(3, 1, 2), true),
        ("3 0 0, the whole", Peer::good().tlsa(3, 0, 0), true),
        ("DANE-EE, name and dates do not matter (VD8)", Peer::good().certificate(C::Expired).dane_ee(), true),
        ("DANE-TA", Peer::good().dane_ta(), true),
        ("2 1 1", Peer::good().tlsa(2, 1, 1), true),
        ("DANE-TA of another authority", Peer::good().dane_ta_wrong(), false),
        ("DANE-TA of a root that nobody trusts", Peer::good().certificate(C::UnknownAuthority).dane_ta(), true),
        ("DANE-TA, names count (VD10)", Peer::good().certificate(C::WrongName).dane_ta(), false),
        ("DANE-TA, dates count", Peer::good().certificate(C::Expired).dane_ta(), false),
        ("rollover: one right is enough", Peer::good().dane_ee_wrong().dane_ee(), true),
    ];
    for (label, peer, right) in table {
        let stage = Stage::new(peer.clone());
        let records = peer.tlsa_records(stage.peer.credential());
        let mut arguments = vec!["-dane_tlsa_domain", HOST];
        for record in &records {
            arguments.extend(["-dane_tlsa_rrdata", record]);
        }
        let seen = openssl(stage.address(), &arguments);
        assert_eq!(
            seen.contains("Verify return code: 0 "),
            right,
            "{label}: {seen}"
        );
        assert!(seen.contains("Verification"), "{label}: {seen}");
    }
}

/// RFC 6698 section 2.1; what SMTP does not know is written all the same (VD2, VD3).
#[test]
fn tlsa_records_as_text() {
    let stage = Stage::new(Peer::good());
    let credential = stage.peer.credential();
    #[rustfmt::skip]
    let table = [
        ((3, 1, 1), 32), ((3, 1, 2), 64), ((2, 0, 1), 32), ((1, 1, 1), 32), ((0, 0, 2), 64), ((4, 1, 1), 32),
    ];
    for ((usage, selector, matching), length) in table {
        let record = credential.tlsa(usage, selector, matching);
        assert_eq!(record.data.len(), length);
        let text = record.to_string();
        assert_eq!(text.len(), 6 + 2 * length, "{text}");
        assert!(text.starts_with(&format!("{usage} {selector} {matching} ")));
        assert_ne!(record.clone().wrong().data, record.data);
    }
    assert_eq!(credential.tlsa(3, 0, 0).data, credential.chain()[0]);
    assert_eq!(credential.tlsa(2, 0, 0).data, credential.chain()[1]);
    let text = Peer::good().tlsa_text("3 1 1 00").tlsa_records(credential);
    assert_eq!(text, ["3 1 1 00"]);
}

#[test]
fn a_certificate_by_server_name() {
    let stage = Stage::new(Peer::good().needs_sni());
    for (name, fits) in [(HOST, true), ("other.a.test", false)] {
        let mut client = stage.connect();
        client.reply();
        assert_eq!(
            client.starttls(&stage.strict(), name).is_ok(),
            fits,
            "{name}"
        );
    }
    let sessions = stage.log.ended(2, crate::client::LONG);
    assert_eq!(sessions[0].chain, stage.peer.credential().chain());
    assert_ne!(sessions[1].chain, stage.peer.credential().chain());
    assert_eq!(sessions[1].sni.as_deref(), Some("other.a.test"));
}

/// Row 12a: a session that is taken up has no chain.
#[test]
fn sessions_are_taken_up_where_that_is_wanted() {
    for (peer, expected) in [(Peer::good().resumes(), true), (Peer::good(), false)] {
        let stage = Stage::new(peer);
        let config = trusting();
        for _ in 0..2 {
            let mut client = stage.connect();
            client.reply();
            let mut client = client.starttls(&config, HOST).unwrap();
            client.ask("EHLO client.test");
            client.ask("QUIT");
        }
        let sessions = stage.log.ended(2, crate::client::LONG);
        let resumed: Vec<bool> = sessions.iter().map(|s| s.resumed).collect();
        assert_eq!(resumed, [false, expected]);
        assert_eq!(sessions[1].chain.is_empty(), expected);
        assert!(!sessions[0].chain.is_empty());
    }
}
