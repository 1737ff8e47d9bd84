//! What becomes of a message, given what was found and what the hosts show.

use requiretls_core::case::{Answer, Case};

/// What an address shows, in short.
const SHOWN: [(&str, &str); 7] = [
    ("@clear", r#"{"starttls":"no"}"#),
    ("@any", "{}"),
    (
        "@pkix+R",
        r#"{"auth":["pkix_host"],"offers":["REQUIRETLS"]}"#,
    ),
    ("@pkix", r#"{"auth":["pkix_host"]}"#),
    (
        "@both+R",
        r#"{"auth":["dane","pkix_host"],"offers":["REQUIRETLS"]}"#,
    ),
    ("@dane", r#"{"auth":["dane"]}"#),
    ("@alert", r#"{"hs":"fail"}"#),
];

fn decide(label: &str, case: &str) -> Answer {
    let text = SHOWN.iter().fold(case.to_owned(), |text, (word, shown)| {
        text.replace(word, shown)
    });
    Case::parse(&text)
        .unwrap_or_else(|e| panic!("{label}: {e}: {text}"))
        .decide()
}

/// Label, case, what is decided, a part of the sentence.
#[rustfmt::skip]
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("field report 2, one MX name does not exist", r#"{"M":"I","hosts":[{"addr":"none_insec","addrs":[]},{"addrs":[@any]},{"addrs":[@any]}]}"#, "go 1.0 may", ""),
    ("field report 4, AAAA fails, DANE all the same", r#"{"hosts":[{"D":"U","addrs":[@dane]}]}"#, "go 0.0 secure", ""),
    ("field report 4, never in clear", r#"{"hosts":[{"D":"U","addrs":[@clear]}]}"#, "defer 451 4.7.4", "no STARTTLS"),
    ("field report 5, DANE is enforced", r#"{"M":"I","hosts":[{"D":"U","addrs":[@pkix]}]}"#, "defer 451 4.7.5", ""),
    ("field report 5, not enough for secure", r#"{"tag":"R","M":"I","hosts":[{"D":"U","addrs":[@both+R]}]}"#, "bounce 550 5.7.10", "nothing vouches for its MX records: neither DNSSEC nor MTA-STS"),
    ("field report 5, enough with STS enforce", r#"{"tag":"R","M":"I","sts":"e","hosts":[{"D":"U","addrs":[@both+R]}]}"#, "go 0.0 secure", ""),
    ("field report 5, enough with a secure MX", r#"{"tag":"R","hosts":[{"D":"U","addrs":[@both+R]}]}"#, "go 0.0 secure", ""),
    ("field report 5, a hop that asks less says which half", r#"{"tag":"R","hop":"encrypt","M":"I","hosts":[{"D":"U","addrs":[@both+R]}]}"#, "go 0.0 secure unmet=mx", ""),
    ("field report 7, no policy is a success", r#"{"hosts":[{"addrs":[@any]}]}"#, "go 0.0 may", ""),
    ("field report 7, could not tell names what failed", r#"{"M":"E"}"#, "defer 451 4.4.3", "lookup of MX case.test"),
    ("field report 13, DANE decides", r#"{"sts":"e","hosts":[{"D":"U","addrs":[@pkix]}]}"#, "defer 451 4.7.5", ""),
    ("field report 13, next host", r#"{"sts":"e","hosts":[{"D":"U","addrs":[@pkix]},{"D":"U","addrs":[@dane]}]}"#, "go 1.0 secure", ""),
    ("field report 19, implicit MX", r#"{"M":"N","hosts":[{"D":"U","addrs":[@dane]}]}"#, "go 0.0 secure", ""),
    ("field report 19, implicit MX, no match", r#"{"M":"N","hosts":[{"D":"U","addrs":[@any]}]}"#, "defer 451 4.7.5", ""),
    ("field report 22, no DNSSEC to be had: secure waits", r#"{"tag":"R","M":"V","hosts":[{"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10", "for want of a validating resolver"),
    ("field report 22, STS vouches", r#"{"tag":"R","M":"V","sts":"e","hosts":[{"addrs":[@pkix+R]}]}"#, "go 0.0 secure", ""),
    ("field report 22, others go", r#"{"M":"V","hosts":[{"addrs":[@any]}]}"#, "go 0.0 may", ""),
    ("field report 29, usages 0 and 1: encryption", r#"{"hosts":[{"D":"X","addrs":[@any]}]}"#, "go 0.0 encrypt", ""),
    ("field report 29, not in clear", r#"{"hosts":[{"D":"X","addrs":[@clear]}]}"#, "defer 451 4.7.4", ""),
    ("field report 29, secure is not reached by DANE", r#"{"tag":"FD","hosts":[{"D":"X","addrs":[@both+R]}]}"#, "bounce 550 5.7.10", ""),
    ("field report 31, AAAA denial bogus", r#"{"hosts":[{"D":"U","addrs":[@dane]}]}"#, "go 0.0 secure", ""),
    ("field report 32, insecure host: opportunistic", r#"{"hosts":[{"addrs":[@clear]}]}"#, "go 0.0 may clear", ""),
    ("field report 32, insecure host: STS", r#"{"sts":"e","hosts":[{"addrs":[@pkix]}]}"#, "go 0.0 secure", ""),
    ("field report 35, a configured name with TLSA", r#"{"M":"C","hosts":[{"D":"U","addrs":[@dane]}]}"#, "go 0.0 secure", ""),
    ("field report 35, a configured name, no match", r#"{"M":"C","hosts":[{"D":"U","addrs":[@pkix]}]}"#, "defer 451 4.7.5", ""),
    ("field report 40, TLSA fails for weeks", r#"{"hosts":[{"D":"E","addrs":[@any]}]}"#, "defer 451 4.7.5", "TLSA"),
    ("field report 40, the site lets it out", r#"{"discovery":"off","hosts":[{"D":"E","addrs":[@any]}]}"#, "go 0.0 may", ""),
    ("field report 40, but not REQUIRETLS", r#"{"tag":"R","discovery":"off","hosts":[{"D":"E","addrs":[@pkix+R]}]}"#, "defer 451 4.7.10", "TLSA"),
    ("field report 46, only malformed records", r#"{"hosts":[{"D":"X","addrs":[@any]}]}"#, "go 0.0 encrypt", ""),
    ("field report 46, STS beside them", r#"{"sts":"e","hosts":[{"D":"X","addrs":[@any]}]}"#, "defer 451 4.7.5", ""),
    ("field report 49, TLSA fails, no next host", r#"{"hosts":[{"D":"E","addrs":[@any]},{"D":"E","addrs":[@any]}]}"#, "defer 451 4.7.5", ""),
    ("field report 53, rolled keys, next host", r#"{"hosts":[{"D":"U","addrs":[@pkix]},{"D":"U","addrs":[@dane]}]}"#, "go 1.0 secure", ""),
    ("field report 53, rolled keys everywhere", r#"{"hosts":[{"D":"U","addrs":[@pkix]},{"D":"U","addrs":[@any]}]}"#, "defer 451 4.7.5", ""),
    ("field report 65, level may", r#"{"hosts":[{"addrs":[@alert]}]}"#, "go 0.0 may clear", ""),
    ("field report 65, level encrypt", r#"{"floor":"encrypt","hosts":[{"addrs":[@alert]}]}"#, "defer 451 4.7.5", "handshake"),
    ("field report 65, level secure, next host", r#"{"tag":"R","hosts":[{"addrs":[@alert]},{"addrs":[@pkix+R]}]}"#, "go 1.0 secure", ""),
    ("field report 68, null MX", r#"{"M":"Z"}"#, "bounce 556 5.1.10", "null MX"),
    ("field report 68, null MX under a tag", r#"{"tag":"R","M":"Z"}"#, "bounce 556 5.1.10", ""),
    ("field report 77, nothing in common, level may", r#"{"hosts":[{"addrs":[@alert]}]}"#, "go 0.0 may clear", ""),
    ("field report 77, nothing in common, encrypt", r#"{"tag":"LE","hosts":[{"addrs":[@alert]}]}"#, "defer 451 4.7.10", "handshake"),
    ("field report 77, TLS 1.0 alone", r#"{"tag":"LE","hosts":[{"addrs":[{"tls":"1.1"}]},{"addrs":[@any]}]}"#, "go 1.0 encrypt", ""),
    ("field report 80, the last address has it", r#"{"tag":"LE","hosts":[{"addrs":[@clear,@clear,@clear,@any]}]}"#, "go 0.3 encrypt", ""),
    ("field report 80, floor encrypt, the next host has it", r#"{"floor":"encrypt","hosts":[{"addrs":[@clear,@clear]},{"addrs":[@any]}]}"#, "go 1.0 encrypt", ""),
    ("field report 80, secure, the last address has it", r#"{"tag":"R","hosts":[{"addrs":[@clear,@clear,@pkix+R]}]}"#, "go 0.2 secure", ""),
    ("field report 80, none has it", r#"{"floor":"encrypt","hosts":[{"addrs":[@clear,@clear]}]}"#, "defer 451 4.7.4", ""),
];

/// `go host.address level`, with `clear` and `unmet=` where that is so, or the action with its code.
fn told(answer: &Answer) -> String {
    let (Some(host), Some(addr)) = (answer.host, answer.addr) else {
        return format!("{} {} {}", answer.action, answer.code, answer.enhanced);
    };
    let clear = if answer.tls == Some(false) {
        " clear"
    } else {
        ""
    };
    let unmet = match answer.unmet.join(",") {
        none if none.is_empty() => none,
        some => format!(" unmet={some}"),
    };
    format!(
        "{} {host}.{addr} {}{clear}{unmet}",
        answer.action, answer.level
    )
}

#[test]
fn messages_end_as_prescribed() {
    for (label, case, expected, sentence) in ROWS {
        let answer = decide(label, case);
        assert_eq!(told(&answer), *expected, "{label}: {}", answer.sentence);
        assert!(
            answer.sentence.contains(sentence),
            "{label}: {}",
            answer.sentence
        );
    }
}
