//! Is what was negotiated TLS in the sense of RFC 9325?
//!
//! At level encrypt and above TLS 1.2 or later counts, with a cipher that encrypts (R23, P10). The
//! host's TLS library names both in its own words, so the reading is by words, and what is not
//! understood does not count.

/// What a handshake came to, as far as a decision or the log asks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Negotiated {
    /// TLS 1.3 with encryption.
    Tls13,
    /// TLS 1.2 with encryption.
    Tls12,
    /// An older or unknown version, or a cipher that does not encrypt: as no TLS at level encrypt
    /// and above.
    Weak,
}

impl Negotiated {
    /// From protocol and cipher in the words of the TLS library; what it does not name, or what is
    /// not understood, is weak.
    #[must_use]
    pub fn read(protocol: Option<&str>, cipher: Option<&str>) -> Self {
        match protocol.and_then(version) {
            Some(version) if cipher.is_some_and(encrypts) => version,
            _ => Self::Weak,
        }
    }

    /// Whether it satisfies level encrypt.
    #[must_use]
    pub const fn is_modern(self) -> bool {
        matches!(self, Self::Tls12 | Self::Tls13)
    }

    /// The word of the log line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls13 => "1.3",
            Self::Tls12 => "1.2",
            Self::Weak => "weak",
        }
    }
}

/// "TLSv1.3", "TLS1.2", "TLS1.3-X.509", "tls 1.2": the version is the number after the word.
fn version(protocol: &str) -> Option<Negotiated> {
    let lower = protocol.trim().to_ascii_lowercase();
    let rest = lower.strip_prefix("tls")?;
    let rest = rest.trim_start_matches([' ', 'v', '_', '-']);
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '_'))
        .collect();
    match digits.trim_end_matches(['.', '_']) {
        "1.3" | "1_3" => Some(Negotiated::Tls13),
        "1.2" | "1_2" => Some(Negotiated::Tls12),
        _ => None,
    }
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
    use super::Negotiated::{self, Tls12, Tls13, Weak};

    #[test]
    fn r23_protocols_and_ciphers() {
        let aes = Some("TLS_AES_128_GCM_SHA256");
        let rows = [
            ("OpenSSL 1.3", Some("TLSv1.3"), aes, Tls13),
            (
                "OpenSSL 1.2",
                Some("TLSv1.2"),
                Some("ECDHE-RSA-AES128-GCM-SHA256"),
                Tls12,
            ),
            ("GnuTLS 1.3", Some("TLS1.3"), Some("AES-128-GCM"), Tls13),
            ("Exim's words", Some("TLS1.3-X.509"), aes, Tls13),
            ("1.1 is too old", Some("TLSv1.1"), aes, Weak),
            ("1.0 under its bare name", Some("TLSv1"), aes, Weak),
            ("SSL 3", Some("SSLv3"), aes, Weak),
            ("no version known", None, aes, Weak),
            ("an unknown version", Some("TLSv1.4"), aes, Weak),
            ("DTLS is no TLS", Some("DTLSv1.2"), aes, Weak),
            ("1.25 is not 1.2", Some("TLS1.25"), aes, Weak),
            ("no cipher known", Some("TLSv1.3"), None, Weak),
            ("empty cipher name", Some("TLSv1.3"), Some(""), Weak),
            (
                "OpenSSL without a cipher",
                Some("TLSv1.2"),
                Some("(NONE)"),
                Weak,
            ),
            (
                "NULL encryption",
                Some("TLSv1.2"),
                Some("NULL-SHA256"),
                Weak,
            ),
            (
                "NULL in the RFC's name",
                Some("TLSv1.2"),
                Some("TLS_RSA_WITH_NULL_SHA256"),
                Weak,
            ),
            ("eNULL", Some("TLSv1.2"), Some("eNULL"), Weak),
            (
                "aNULL encrypts",
                Some("TLSv1.2"),
                Some("aNULL-AES128-SHA"),
                Tls12,
            ),
            (
                "integrity only",
                Some("TLSv1.3"),
                Some("TLS_SHA256_SHA256"),
                Weak,
            ),
            (
                "integrity only",
                Some("TLSv1.3"),
                Some("TLS_SHA384_SHA384"),
                Weak,
            ),
        ];
        for (label, protocol, cipher, expected) in rows {
            let read = Negotiated::read(protocol, cipher);
            assert_eq!(read, expected, "{label}");
            assert_eq!(read.is_modern(), expected != Weak, "{label}");
        }
    }
}
