//! Planted arrivals: the judge must object to each, and to nothing else.

use super::{Judge, MayArrive, SCENARIO_FIELD};
use crate::{Certificate, Message, Pki, Session};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const NOW: u64 = 1_800_000_000;
const HOST: &str = "mx.good.test";

/// A judge that has seen one arrival of `good` at `mx.good.test`, with this certificate.
fn judge(certificate: Certificate, change: fn(&mut Session)) -> Judge {
    let pki = Pki::new(NOW).expect("keys");
    let shown = pki
        .issue(certificate, HOST, "good.test")
        .expect("a certificate");
    let address: SocketAddr = "127.0.0.1:2525".parse().expect("an address");
    let mut session = Session {
        peer: HOST.to_owned(),
        address,
        lines: Vec::new(),
        sni: None,
        tls_version: Some("TLS 1.3".to_owned()),
        resumed: false,
        handshake_failure: None,
        chain: shown.chain().to_vec(),
        offered_in_clear: Vec::new(),
        offered_in_tls: vec!["REQUIRETLS".to_owned()],
        messages: vec![Message {
            in_tls: true,
            mail_parameters: vec!["REQUIRETLS".to_owned()],
            body: format!("{SCENARIO_FIELD}: good\r\n\r\nx\r\n").into_bytes(),
            ..Message::default()
        }],
        ahead: false,
        ended: true,
    };
    change(&mut session);
    let root = CertificateDer::from(pki.ca_der());
    Judge {
        sessions: vec![session],
        root: webpki::anchor_from_trusted_cert(&root)
            .ok()
            .map(|a| a.to_owned()),
        now: UnixTime::since_unix_epoch(Duration::from_secs(NOW)),
        own: BTreeMap::from([(address, shown.chain()[0].clone())]),
    }
}

fn line(host: &str) -> MayArrive {
    MayArrive::named(host, host).asking("REQUIRETLS")
}

/// Label, line, certificate, what else is different, words of the leak.
type Row = (
    &'static str,
    MayArrive,
    Certificate,
    fn(&mut Session),
    Option<&'static str>,
);

#[test]
fn every_condition_counts() {
    use Certificate as C;
    #[rustfmt::skip]
    let rows: [Row; 14] = [
        ("as it should be", line(HOST), C::Good, |_| {}, None),
        ("nothing is asked", MayArrive::Anywhere, C::Expired, |s| s.messages[0].in_tls = false, None),
        ("nowhere", MayArrive::Nowhere, C::Good, |_| {}, Some("arrived at mx.good.test")),
        ("another host", line("mx2.good.test"), C::Good, |_| {}, Some("and not at mx2.good.test")),
        ("in clear", line(HOST), C::Good, |s| s.messages[0].in_tls = false, Some("in clear")),
        ("no handshake", MayArrive::over_tls(""), C::Good, |s| s.tls_version = None, Some("in clear")),
        ("expired", line(HOST), C::Expired, |_| {}, Some("without a valid certificate")),
        ("not yet valid", line(HOST), C::NotYetValid, |_| {}, Some("without a valid certificate")),
        ("another name", line(HOST), C::WrongName, |_| {}, Some("without a valid certificate")),
        ("unknown authority", line(HOST), C::UnknownAuthority, |_| {}, Some("without a valid certificate")),
        ("no certificate", line(HOST), C::Good, |s| s.chain.clear(), Some("without a valid certificate")),
        ("another key than published", MayArrive::published(""), C::Good, |s| s.chain[0][9] ^= 1, Some("than DNS names")),
        ("without the parameter", line(HOST), C::Good, |s| s.messages[0].mail_parameters.clear(), Some("without REQUIRETLS")),
        ("not offered inside TLS", line(HOST), C::Good, |s| s.offered_in_clear.append(&mut s.offered_in_tls), Some("does not offer")),
    ];
    for (label, may, certificate, change, expected) in rows {
        let leaks = judge(certificate, change).leaks("good", &may);
        match expected {
            None => assert!(leaks.is_empty(), "{label}: {leaks:?}"),
            Some(words) => {
                assert_eq!(leaks.len(), 1, "{label}");
                assert!(leaks[0].contains(words), "{label}: {leaks:?}");
            }
        }
    }
}

#[test]
fn a_message_is_found_by_its_name_alone() {
    let judge = judge(Certificate::Good, |_| {});
    assert_eq!(judge.leaks("good", &MayArrive::Nowhere).len(), 1);
    assert_eq!(judge.leaks("goo", &MayArrive::Nowhere).len(), 0);
    assert_eq!(judge.strangers(&["good"]), 0);
    assert_eq!(
        judge.strangers(&["other"]),
        1,
        "nobody's message is somebody's leak"
    );
    let all = |may: MayArrive| {
        judge.all_leaks(move |name, _| {
            assert_eq!(name, "good");
            may.clone()
        })
    };
    assert_eq!(all(MayArrive::Nowhere).len(), 1);
    assert!(all(MayArrive::Anywhere).is_empty());
    assert!(judge.shared_a_connection("good", "good"));
    assert!(!judge.shared_a_connection("good", "other"));
}

/// A message whose content was cut is one that arrived.
#[test]
fn a_part_is_enough() {
    let cut = judge(Certificate::Good, |s| {
        let body = format!("{SCENARIO_FIELD}: good");
        s.messages[0].body = body.into_bytes();
        s.messages[0].complete = false;
    });
    assert_eq!(cut.leaks("good", &MayArrive::Nowhere).len(), 1);
    let envelope = judge(Certificate::Good, |s| s.messages[0].body.clear());
    assert_eq!(envelope.leaks("good", &MayArrive::Nowhere).len(), 0);
}
