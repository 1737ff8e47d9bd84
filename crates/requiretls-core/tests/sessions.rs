//! P9: may a further message use the connection that got the first one?
//!
//! Each row is a case with one further message, and what is answered about that one.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic)]

use requiretls_core::case::Case;

/// What the first message's connection shows.
const ALL: &str = r#"{"auth":["dane","pkix_host","pkix_nh"],"offers":["REQUIRETLS","TLSPOLICY"]}"#;
const PKIX: &str = r#"{"auth":["pkix_host"],"offers":["REQUIRETLS"]}"#;
const DOMAIN: &str = r#"{"auth":["pkix_nh"],"offers":["REQUIRETLS"]}"#;
const DANE: &str = r#"{"auth":["dane"],"offers":["REQUIRETLS"]}"#;
const PINNED: &str = r#"{"auth":["site_pin"],"offers":["REQUIRETLS"]}"#;
const BARE: &str = r#"{"auth":["pkix_host"]}"#;
const UNPROVED: &str = r#"{"offers":["REQUIRETLS"]}"#;
const RESUMED: &str = r#"{"chain":false,"offers":["REQUIRETLS"]}"#;
const OLD: &str = r#"{"tls":"1.1","offers":["REQUIRETLS"]}"#;
const CLEAR: &str = r#"{"starttls":"no"}"#;

#[rustfmt::skip]
const ROWS: &[(&str, &str, &str, &str, &str)] = &[
    // label, the first message's fields, what it was shown, the further message, the answer
    ("the same requirement", r#""tag":"R""#, PKIX, r#"{"tag":"R"}"#, "reused go REQUIRETLS"),
    ("none after R", r#""tag":"R""#, PKIX, "{}", "reused go"),
    ("R after none, all was proved", "", PKIX, r#"{"tag":"R"}"#, "reused go REQUIRETLS"),
    ("LE after none", "", UNPROVED, r#"{"tag":"LE"}"#, "reused go"),
    ("LS after R, TLSPOLICY offered", r#""tag":"R""#, ALL, r#"{"tag":"LS"}"#, "reused go TLSPOLICY=SECURE"),
    ("R24: none after none, R could not", "", BARE, "{}", "reused go"),
    // Stronger requirements on weaker sessions: what it would need is not there on a new one either.
    ("R after none, nothing proved", "", UNPROVED, r#"{"tag":"R"}"#, "none bounce 550 5.7.10"),
    ("R after none, no keyword", "", BARE, r#"{"tag":"R"}"#, "none bounce 550 5.7.30"),
    ("R after none, in clear", "", CLEAR, r#"{"tag":"R"}"#, "none bounce 550 5.7.10"),
    ("LE after none, in clear", "", CLEAR, r#"{"tag":"LE"}"#, "none bounce 550 5.7.10"),
    ("LE after none, TLS 1.1", "", OLD, r#"{"tag":"LE"}"#, "none defer 451 4.7.10"),
    ("FD after R by PKIX", r#""tag":"R""#, PKIX, r#"{"tag":"FD"}"#, "none bounce 550 5.7.10"),
    ("FC does not stand for LS", r#""tag":"F0""#, UNPROVED, r#"{"tag":"LS"}"#, "none bounce 550 5.7.10"),
    ("credentials in clear (P10)", "", CLEAR, r#"{"auth_credentials":true}"#, "none defer 451 4.7.4"),
    ("a bounce of R (R29)", "", UNPROVED, r#"{"tag":"R","null_path":true}"#, "reused go REQUIRETLS"),
    // Other next hops: only where the evidence names the host.
    ("other next hop, PKIX for the host", r#""tag":"R""#, PKIX, r#"{"tag":"R","next_hop":"other"}"#, "reused go REQUIRETLS"),
    ("other next hop, none, PKIX", "", PKIX, r#"{"next_hop":"other"}"#, "reused go"),
    ("other next hop, none, nothing proved", "", UNPROVED, r#"{"next_hop":"other"}"#, "new go"),
    ("other next hop, none, in clear", "", CLEAR, r#"{"next_hop":"other"}"#, "new go"),
    ("the domain's certificate, same", r#""tag":"LS""#, DOMAIN, r#"{"tag":"LS"}"#, "reused go"),
    ("the domain's certificate is of that domain", r#""tag":"LS""#, DOMAIN, r#"{"tag":"LS","next_hop":"other"}"#, "new go"),
    ("DANE-EE names the key of the host", r#""D":"U""#, DANE, r#"{"tag":"R","next_hop":"other"}"#, "reused go REQUIRETLS"),
    ("a pin is no name", r#""tag":"R","methods":["pin"],"floor":"secure""#, PINNED, r#"{"tag":"R","next_hop":"other"}"#, "new go REQUIRETLS"),
    ("a pin, same next hop", r#""tag":"R","methods":["pin"],"floor":"secure""#, PINNED, r#"{"tag":"R"}"#, "reused go REQUIRETLS"),
    // Expired facts void what was proved.
    ("expired, R", r#""tag":"R""#, PKIX, r#"{"tag":"R","expired":true}"#, "new go REQUIRETLS"),
    ("expired, none", "", CLEAR, r#"{"expired":true}"#, "new go"),
    ("expired, other next hop", r#""tag":"R""#, PKIX, r#"{"tag":"R","next_hop":"other","expired":true}"#, "new go REQUIRETLS"),
    // P6.12a: a resumed TLS session without its chain has proved nothing.
    ("resumed without chain, none", "", RESUMED, "{}", "reused go"),
    ("resumed without chain, LE", "", RESUMED, r#"{"tag":"LE"}"#, "reused go"),
    ("resumed without chain, R", "", RESUMED, r#"{"tag":"R"}"#, "none defer 451 4.7.10"),
    // Where the next hop as a whole is refused, no connection helps.
    ("M=I, R after none", r#""M":"I""#, PKIX, r#"{"tag":"R"}"#, "none bounce 550 5.7.10"),
    ("M=I T=?, R after none", r#""M":"I","sts":"?""#, PKIX, r#"{"tag":"R"}"#, "none defer 451 4.7.10"),
    // No connection is open.
    ("the first one bounced", r#""tag":"R""#, BARE, "{}", "new go"),
];

#[test]
fn p9_further_messages() {
    let wrong: Vec<String> = ROWS
        .iter()
        .filter_map(|(label, first, shown, further, expected)| {
            let told = told(label, first, shown, &[further]).remove(0);
            (told != *expected).then(|| format!("P9 {label}: {told:?}, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Several messages, each judged by itself: one that does not fit takes nothing from the next.
#[test]
fn p9_one_after_the_other() {
    let further = [
        r#"{"tag":"FD"}"#,
        "{}",
        r#"{"tag":"R"}"#,
        r#"{"tag":"R","expired":true}"#,
        r#"{"tag":"LE"}"#,
    ];
    let told = told("several", r#""tag":"R""#, PKIX, &further);
    let expected = [
        "none bounce 550 5.7.10",
        "reused go",
        "reused go REQUIRETLS",
        "new go REQUIRETLS",
        "reused go",
    ];
    assert_eq!(told, expected);
}

/// Why not, in a sentence that names the host (E6).
#[test]
fn e6_why_the_open_connection_is_not_used() {
    for (label, shown, further, named) in [
        (
            "another key",
            BARE,
            r#"{"tag":"R"}"#,
            "does not support REQUIRETLS",
        ),
        ("expired", PKIX, r#"{"expired":true}"#, "has expired"),
        (
            "no chain",
            RESUMED,
            r#"{"tag":"R"}"#,
            "chain was not handed over",
        ),
    ] {
        let answer = case(label, "", shown, &[further]).decide();
        let why = answer.then.first().map_or("", |then| &then.not_reused);
        assert!(
            why.contains(named) && why.starts_with("mx0.case.test: "),
            "{label}: {why}"
        );
    }
}

fn told(label: &str, first: &str, shown: &str, further: &[&str]) -> Vec<String> {
    let answer = case(label, first, shown, further).decide();
    let tell = |then: &requiretls_core::case::FurtherAnswer| {
        let answer = &then.answer;
        let parts = [
            then.connection,
            answer.action,
            &answer.code,
            &answer.enhanced,
            &answer.sends,
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    };
    assert_eq!(answer.then.len(), further.len(), "{label}");
    answer.then.iter().map(tell).collect()
}

/// `D` among the fields is the host's.
fn case(label: &str, first: &str, shown: &str, further: &[&str]) -> Case {
    let (first, host) = match first {
        r#""D":"U""# => ("", r#""D":"U","#),
        other => (other, ""),
    };
    let comma = if first.is_empty() { "" } else { "," };
    let text = format!(
        r#"{{{first}{comma}"hosts":[{{{host}"addrs":[{shown}]}}],"then":[{}]}}"#,
        further.join(",")
    );
    Case::parse(&text).unwrap_or_else(|e| panic!("{label}: {e}: {text}"))
}
