//! What of a requirement is the next hop not told?
//!
//! A peer that speaks another dialect is told the nearest that it understands (F12), one that
//! understands none of ours is told nothing (L13). Both are logged, since later hops will not know.

use crate::requirement::{Downgrade, Proof, Requirement};
use crate::site_policy::PeerDialect;
use crate::tls_level::TlsLevel;

/// A part of a requirement that the next hop is not told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lost {
    /// All of it: no parameter is sent.
    All,
    /// That level encrypt would do: the peer will ask for secure.
    Level,
    /// The draft's CHAIN option.
    Chain,
    /// The draft's DANE option.
    Dane,
    /// The draft's DNSSEC option.
    Dnssec,
    /// That the way to the host must be vouched for.
    Path,
}

/// What a peer of this dialect is not told of the requirement, where a parameter was sent or not.
#[must_use]
pub fn lost(requirement: Requirement, dialect: PeerDialect, sent: bool) -> Vec<Lost> {
    let requiring = match requirement {
        // A header field travels in the message itself.
        Requirement::None | Requirement::Downgrade(Downgrade::HeaderField) => return Vec::new(),
        _ if !sent => return vec![Lost::All],
        // TLSPOLICY is sent as it was asked or not at all.
        Requirement::Downgrade(Downgrade::Parameter) => return Vec::new(),
        Requirement::Requiring(requiring) if !requiring.onward() => return Vec::new(),
        Requirement::Requiring(requiring) => requiring,
    };
    let proof = requiring.proof();
    let chain = matches!(proof, Proof::Either | Proof::Chain | Proof::Both);
    let dane = matches!(proof, Proof::Either | Proof::Dane | Proof::Both);
    let secure = requiring.level() == TlsLevel::Secure;
    let parts = match dialect {
        PeerDialect::Rfc8689 => vec![
            (Lost::Level, !secure),
            (Lost::Chain, chain),
            (Lost::Dane, dane),
            (Lost::Dnssec, requiring.dnssec()),
        ],
        // DANE and DNSSEC vouch for the path there.
        PeerDialect::Draft => vec![
            (Lost::Chain, proof == Proof::Both),
            (
                Lost::Path,
                secure && !requiring.dnssec() && !matches!(proof, Proof::Dane | Proof::Both),
            ),
        ],
    };
    parts
        .into_iter()
        .filter_map(|(part, is_lost)| is_lost.then_some(part))
        .collect()
}

impl Lost {
    /// Every part, in the order in which they are named.
    pub const ALL: [Self; 6] = [
        Self::All,
        Self::Level,
        Self::Chain,
        Self::Dane,
        Self::Dnssec,
        Self::Path,
    ];

    /// The word of the log line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Level => "level",
            Self::Chain => "chain",
            Self::Dane => "dane",
            Self::Dnssec => "dnssec",
            Self::Path => "path",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lost, lost};
    use crate::ehlo::{Encoding, encode};
    use crate::requirement::tests::all;
    use crate::site_policy::PeerDialect;
    use crate::tag;

    /// F12, L13: what is lost, by tag and dialect of the peer.
    #[test]
    fn f12_what_a_peer_is_not_told() {
        #[rustfmt::skip]
        let rows = [
            // tag, parts lost to rfc8689, parts lost to draft
            ("none", "", ""),
            ("H", "", ""),
            ("LM", "", ""),
            ("LE", "", ""),
            ("LS", "", ""),
            ("R", "", "path"),
            ("F0", "level", ""),
            ("FC", "level,chain", ""),
            ("FD", "dane", ""),
            ("FCD", "level,chain,dane", ""),
            ("F0+DNSSEC", "level,dnssec", ""),
            ("FC+DNSSEC", "level,chain,dnssec", ""),
            ("FD+DNSSEC", "dane,dnssec", ""),
            ("1.secure.onward.chain", "chain", "path"),
            ("1.secure.onward.both", "chain,dane", "chain"),
            ("1.secure.onward.dnssec", "dnssec", ""),
        ];
        for (word, to_rfc8689, to_draft) in rows {
            let requirement = tag::parse_word(word).expect("a tag");
            for (dialect, expected) in [
                (PeerDialect::Rfc8689, to_rfc8689),
                (PeerDialect::Draft, to_draft),
            ] {
                let words: Vec<&str> = lost(requirement, dialect, true)
                    .into_iter()
                    .map(Lost::as_str)
                    .collect();
                assert_eq!(words.join(","), expected, "{word} to {dialect:?}");
            }
        }
    }

    /// L13: a tag that is not sent at all is lost as a whole, but for what goes in the message.
    #[test]
    fn l13_what_is_not_sent_is_lost() {
        for requirement in all() {
            let word = tag::word(requirement);
            let expected: &[Lost] = if matches!(word.as_str(), "none" | "H") {
                &[]
            } else {
                &[Lost::All]
            };
            for dialect in [PeerDialect::Rfc8689, PeerDialect::Draft] {
                assert_eq!(lost(requirement, dialect, false), expected, "{word}");
            }
        }
    }

    /// F12: something is lost exactly where the encoding says that it is no full translation.
    #[test]
    fn f12_lost_agrees_with_the_encoding() {
        for requirement in all() {
            for dialect in [PeerDialect::Rfc8689, PeerDialect::Draft] {
                let partly = match encode(requirement, dialect) {
                    Encoding::Inexpressible { .. } => true,
                    Encoding::Requiretls { downcast, .. } => downcast,
                    Encoding::Nothing | Encoding::TlsPolicy { .. } => false,
                };
                let parts = lost(requirement, dialect, true);
                let word = tag::word(requirement);
                assert_eq!(!parts.is_empty(), partly, "{word} to {dialect:?}");
                assert!(!parts.contains(&Lost::All), "{word} to {dialect:?}");
            }
        }
    }
}
