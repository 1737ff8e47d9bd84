//! Is what was negotiated TLS in the sense of RFC 9325?
//!
//! At level encrypt and above TLS 1.2 or later counts, with a cipher that encrypts (R23, P10). The
//! host's TLS library names both in its own words, so the reading is by words, and what is not
//! understood does not count.

/// Whether protocol and cipher satisfy level encrypt.
#[must_use]
pub fn is_modern(protocol: Option<&str>, cipher: Option<&str>) -> bool {
    protocol.is_some_and(is_tls_1_2_or_later) && cipher.is_some_and(encrypts)
}

/// "TLSv1.3", "TLS1.2", "TLS1.3-X.509", "tls 1.2": the version is the number after the word.
fn is_tls_1_2_or_later(protocol: &str) -> bool {
    let lower = protocol.trim().to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("tls") else {
        return false;
    };
    let rest = rest.trim_start_matches([' ', 'v', '_', '-']);
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '_'))
        .collect();
    matches!(
        digits.trim_end_matches(['.', '_']),
        "1.2" | "1.3" | "1_2" | "1_3"
    )
}

/// A NULL cipher is clear text; aNULL lacks authentication only, and that is judged elsewhere.
fn encrypts(cipher: &str) -> bool {
    let upper = cipher.trim().to_ascii_uppercase();
    if upper.is_empty() || matches!(upper.as_str(), "(NONE)" | "NONE") {
        return false;
    }
    let integrity_only = matches!(upper.as_str(), "TLS_SHA256_SHA256" | "TLS_SHA384_SHA384");
    let null = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| matches!(word, "NULL" | "ENULL"));
    !integrity_only && !null
}

#[cfg(test)]
mod tests {
    use super::is_modern;

    #[test]
    fn r23_protocols_and_ciphers() {
        let aes = Some("TLS_AES_128_GCM_SHA256");
        let rows = [
            ("OpenSSL 1.3", Some("TLSv1.3"), aes, true),
            (
                "OpenSSL 1.2",
                Some("TLSv1.2"),
                Some("ECDHE-RSA-AES128-GCM-SHA256"),
                true,
            ),
            ("GnuTLS 1.3", Some("TLS1.3"), Some("AES-128-GCM"), true),
            ("Exim's words", Some("TLS1.3-X.509"), aes, true),
            ("1.1 is too old", Some("TLSv1.1"), aes, false),
            ("1.0 under its bare name", Some("TLSv1"), aes, false),
            ("SSL 3", Some("SSLv3"), aes, false),
            ("no version known", None, aes, false),
            ("an unknown version", Some("TLSv1.4"), aes, false),
            ("DTLS is no TLS", Some("DTLSv1.2"), aes, false),
            ("1.25 is not 1.2", Some("TLS1.25"), aes, false),
            ("no cipher known", Some("TLSv1.3"), None, false),
            ("empty cipher name", Some("TLSv1.3"), Some(""), false),
            (
                "OpenSSL without a cipher",
                Some("TLSv1.2"),
                Some("(NONE)"),
                false,
            ),
            (
                "NULL encryption",
                Some("TLSv1.2"),
                Some("NULL-SHA256"),
                false,
            ),
            (
                "NULL in the RFC's name",
                Some("TLSv1.2"),
                Some("TLS_RSA_WITH_NULL_SHA256"),
                false,
            ),
            ("eNULL", Some("TLSv1.2"), Some("eNULL"), false),
            (
                "aNULL encrypts",
                Some("TLSv1.2"),
                Some("aNULL-AES128-SHA"),
                true,
            ),
            (
                "integrity only",
                Some("TLSv1.3"),
                Some("TLS_SHA256_SHA256"),
                false,
            ),
            (
                "integrity only",
                Some("TLSv1.3"),
                Some("TLS_SHA384_SHA384"),
                false,
            ),
        ];
        for (label, protocol, cipher, expected) in rows {
            assert_eq!(is_modern(protocol, cipher), expected, "{label}");
        }
    }
}
