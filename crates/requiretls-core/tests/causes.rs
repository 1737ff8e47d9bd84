//! What does a refusal say to whoever reads it?
//!
//! E6: one sentence names the host, the cause, and who imposed it. Each row is a case and the words
//! that its sentence must have.

// A test's own faults end it.
#![allow(clippy::panic)]

use requiretls_core::case::Case;

/// Of one host with one address, which shows this.
fn shows(tag: &str, shown: &str) -> String {
    format!(r#"{{"tag":"{tag}","hosts":[{{"addrs":[{{{shown}}}]}}]}}"#)
}

/// Each case, and all of the words in its sentence.
fn said(rows: &[(&str, String, &[&str])]) {
    for (label, case, words) in rows {
        let answer = Case::parse(case)
            .unwrap_or_else(|e| panic!("{label}: {e}"))
            .decide();
        for word in *words {
            assert!(
                answer.sentence.contains(word),
                "E6 {label}: {word:?} in {answer:?}"
            );
        }
    }
}

#[test]
fn at_starttls() {
    let auth =
        |shown: &str| format!(r#"{{"auth_credentials":true,"hosts":[{{"addrs":[{{{shown}}}]}}]}}"#);
    said(&[
        (
            "row 9",
            shows("LE", r#""starttls":"no""#),
            &["mx0", "no STARTTLS", "sender"],
        ),
        (
            "row 11a",
            shows("LE", r#""starttls":"5yz""#),
            &["mx0", "refused STARTTLS", "sender"],
        ),
        (
            "row 11b",
            shows("LE", r#""hs":"fail""#),
            &["mx0", "handshake failed"],
        ),
        (
            "row 11b, TLS 1.1",
            shows("LE", r#""tls":"1.1""#),
            &["mx0", "neither TLS 1.2", "sender"],
        ),
        (
            "row 10",
            shows("LE", r#""starttls":"4yz""#),
            &["mx0", "failed at STARTTLS"],
        ),
        (
            "row 9, P10 credentials",
            auth(r#""starttls":"no""#),
            &["no STARTTLS", "credentials"],
        ),
        (
            "row 11b, P10 credentials",
            auth(r#""hs":"fail""#),
            &["handshake", "credentials"],
        ),
    ]);
}

#[test]
fn of_certificates() {
    let dane = r#"{"tag":"R","hosts":[{"D":"U","addrs":[{}]}]}"#.to_owned();
    let untold = r#"{"tag":"R","hosts":[{"addrs":[{"chain":false}]}]}"#.to_owned();
    said(&[
        ("row 12", shows("R", ""), &["mx0", "not trusted", "sender"]),
        ("row 12 DANE", dane, &["mx0", "not trusted", "recipient"]),
        ("row 12a", untold, &["mx0", "not handed over"]),
    ]);
}

#[test]
fn after_tls() {
    let fd = |dialect: &str| {
        format!(
            r#"{{"tag":"FD","peer_dialect":"{dialect}","hosts":[{{"D":"U","addrs":[{{"auth":["dane"],"offers":["REQUIRETLS"]}}]}}]}}"#
        )
    };
    let good = r#""auth":["pkix_host"],"offers":["REQUIRETLS"]"#;
    said(&[
        (
            "row 13",
            shows("R", r#""auth":["pkix_host"]"#),
            &["does not support REQUIRETLS", "sender"],
        ),
        ("row 13 F12", fd("rfc8689"), &["cannot express", "sender"]),
        ("F12 draft", fd("draft"), &["over TLS"]),
        (
            "row 14",
            shows("R", &format!(r#"{good},"mail":"param""#)),
            &[
                "mx0",
                "refused the REQUIRETLS parameter: 555 5.5.4 unsupported",
                "sender",
            ],
        ),
        (
            "row 16 R15",
            shows("H", r#""starttls":"no","mail":"530""#),
            &["mx0", "Must issue a STARTTLS"],
        ),
    ]);
}

#[test]
fn of_the_network() {
    said(&[
        (
            "row 8",
            shows("none", r#""tcp":"fail""#),
            &["mx0", "no connection"],
        ),
        (
            "row 8, 4yz",
            shows("none", r#""tcp":"4yz""#),
            &["mx0", "not ready"],
        ),
        (
            "row 8a",
            shows("none", r#""tcp":"5yz""#),
            &["mx0", "refused the connection"],
        ),
        (
            "row 10, EHLO",
            shows("LE", r#""ehlo2":"4yz""#),
            &["mx0", "STARTTLS"],
        ),
    ]);
}

#[test]
fn of_the_way_there() {
    let case = |text: &str| format!("{{{text}}}");
    said(&[
        ("row 1", case(r#""M":"E""#), &["case.test", "MX"]),
        (
            "row 2 null MX",
            case(r#""M":"Z""#),
            &["case.test", "null MX"],
        ),
        (
            "row 2 NXDOMAIN",
            case(r#""M":"X""#),
            &["case.test", "no such domain"],
        ),
        (
            "row 2 unusable",
            case(r#""hosts":[{"addr":"none"}]"#),
            &["case.test", "no host of it"],
        ),
        (
            "row 2, S21 no policy for a literal",
            case(r#""M":"A","sts":"e","hosts":[{"addr":"none_insec"}]"#),
            &["no host of it has an address"],
        ),
        (
            "row 2 contradicted",
            case(r#""M":"X","msec":"insec","sts":"e""#),
            &[
                "no such domain",
                "unsigned answer against its MTA-STS policy",
            ],
        ),
        (
            "row 3",
            case(r#""tag":"R","M":"I""#),
            &["neither DNSSEC nor MTA-STS", "sender"],
        ),
        (
            "row 3 V",
            case(r#""tag":"R","M":"V""#),
            &["validating resolver", "sender"],
        ),
        (
            "row 3 literal",
            case(r#""tag":"R","M":"A""#),
            &["literal cannot be authenticated", "sender"],
        ),
        (
            "row 3 +DNSSEC",
            case(r#""tag":"FC","dnssec":true,"M":"I""#),
            &["not signed (DNSSEC)", "sender"],
        ),
        (
            "row 3 site",
            case(r#""floor":"secure","methods":["dane"],"M":"I""#),
            &["neither DNSSEC", "site"],
        ),
        (
            "row 4",
            case(r#""tag":"R","M":"I","sts":"?""#),
            &["MTA-STS policy could not be had", "sender"],
        ),
        (
            "row 5",
            case(r#""hosts":[{"addr":"err"}]"#),
            &["mx0", "address"],
        ),
        (
            "row 5, unsigned denial",
            case(r#""sts":"e","hosts":[{"addr":"none_insec"}]"#),
            &["mx0", "no address, says an unsigned answer"],
        ),
        (
            "row 6",
            case(r#""hosts":[{"D":"E"}]"#),
            &["mx0", "TLSA", "recipient"],
        ),
        (
            "row 6a",
            case(r#""tag":"FD""#),
            &["mx0", "DANE does not vouch", "sender"],
        ),
        (
            "row 6a CNAME",
            case(r#""tag":"FC","dnssec":true,"hosts":[{"cname":"insec"}]"#),
            &["mx0", "unsigned CNAME", "sender"],
        ),
        (
            "row 6a unknown CNAME",
            case(r#""tag":"FC","dnssec":true,"hosts":[{"cname":"unk"}]"#),
            &["mx0", "unknown DNSSEC status", "sender"],
        ),
        (
            "row 7",
            case(r#""sts":"e","hosts":[{"match":false}]"#),
            &["mx0", "does not name it", "recipient"],
        ),
    ]);
}
