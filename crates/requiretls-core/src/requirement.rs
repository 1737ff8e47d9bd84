//! What did one sender ask?
//!
//! Three dialects and a header field say it in different words; all are parsed into one
//! [`Requirement`] at once (see [`crate::mail_param`]), and the tag ([`crate::tag`]) keeps it as
//! text. A requirement is what was asked, not what one hop must reach: that is the plan's business.

use crate::tls_level::TlsLevel;

/// What one sender asked.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Requirement {
    /// Nothing: the destination's and the site's own policies rule.
    #[default]
    None,
    /// Delivery matters more than TLS (RFC 8689 section 3).
    Downgrade(Downgrade),
    /// Protection on every hop, or no delivery.
    Requiring(Requiring),
}

/// Where a downgrade came from; the encoder towards the next hop needs it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Downgrade {
    /// The header field `TLS-Required: No` (tag H).
    HeaderField,
    /// The parameter `TLSPOLICY=MAY` (tag LM).
    Parameter,
}

/// A requirement for protection. Combinations that no sender can ask for cannot be built.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Requiring {
    secure: bool,
    onward: bool,
    proof: Proof,
    dnssec: bool,
}

/// The draft's CHAIN and DANE options: which kinds of proof count.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Proof {
    /// None named: at level encrypt none is needed, at level secure any will do.
    #[default]
    Unnamed,
    /// CHAIN,DANE: one of the two.
    Either,
    /// CHAIN.
    Chain,
    /// DANE; always at level secure.
    Dane,
    /// CHAIN and DANE, both: arises from merging alone; always at level secure.
    Both,
}

impl Requirement {
    /// RFC 8689 `REQUIRETLS` (tag R).
    pub const R: Self = Self::Requiring(Requiring::R);

    /// The stricter of both, field by field: a requiring tag beats a downgrade, the parameter's
    /// downgrade beats the header field's, nothing adds nothing.
    ///
    /// Commutative, associative and idempotent.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Requiring(a), Self::Requiring(b)) => Self::Requiring(a.merge(b)),
            (Self::Requiring(a), _) | (_, Self::Requiring(a)) => Self::Requiring(a),
            (Self::Downgrade(a), Self::Downgrade(b)) => Self::Downgrade(a.max(b)),
            (Self::Downgrade(a), Self::None) | (Self::None, Self::Downgrade(a)) => {
                Self::Downgrade(a)
            }
            (Self::None, Self::None) => Self::None,
        }
    }

    /// The requiring part, if there is one.
    #[must_use]
    pub fn requiring(self) -> Option<Requiring> {
        match self {
            Self::Requiring(requiring) => Some(requiring),
            Self::None | Self::Downgrade(_) => None,
        }
    }

    /// Whether the sender asked for less than usual.
    #[must_use]
    pub fn is_downgrade(self) -> bool {
        matches!(self, Self::Downgrade(_))
    }

    /// The level the sender named: `may` unless the requirement is a requiring one.
    #[must_use]
    pub fn level(self) -> TlsLevel {
        self.requiring().map_or(TlsLevel::May, Requiring::level)
    }
}

impl Requiring {
    /// `TLSPOLICY=ENCRYPT` (tag LE).
    pub const LE: Self = Self::plain(false, false);
    /// `TLSPOLICY=SECURE` (tag LS).
    pub const LS: Self = Self::plain(true, false);
    /// RFC 8689 `REQUIRETLS` (tag R).
    pub const R: Self = Self::plain(true, true);

    /// The draft's form (tags F0, FC, FD, FCD, each with or without DNSSEC; statement F3).
    #[must_use]
    pub const fn draft(chain: bool, dane: bool, dnssec: bool) -> Self {
        let (secure, proof) = match (chain, dane) {
            (false, false) => (false, Proof::Unnamed),
            (true, false) => (false, Proof::Chain),
            (false, true) => (true, Proof::Dane),
            (true, true) => (false, Proof::Either),
        };
        Self {
            secure,
            onward: true,
            proof,
            dnssec,
        }
    }

    const fn plain(secure: bool, onward: bool) -> Self {
        Self {
            secure,
            onward,
            proof: Proof::Unnamed,
            dnssec: false,
        }
    }

    /// From the fields of a tag; `None` where no sender and no merge can have made them.
    pub(crate) fn from_fields(
        level: TlsLevel,
        onward: bool,
        proof: Proof,
        dnssec: bool,
    ) -> Option<Self> {
        let secure = match level {
            TlsLevel::May => return None,
            TlsLevel::Encrypt => false,
            TlsLevel::Secure => true,
        };
        let draft_fields_alone = !onward && (proof != Proof::Unnamed || dnssec);
        let dane_unsecured = !secure && matches!(proof, Proof::Dane | Proof::Both);
        (!draft_fields_alone && !dane_unsecured).then_some(Self {
            secure,
            onward,
            proof,
            dnssec,
        })
    }

    /// The level that was named: encrypt or secure.
    #[must_use]
    pub fn level(self) -> TlsLevel {
        if self.secure {
            TlsLevel::Secure
        } else {
            TlsLevel::Encrypt
        }
    }

    /// Whether every onward hop must advertise REQUIRETLS.
    #[must_use]
    pub fn onward(self) -> bool {
        self.onward
    }

    /// The draft's CHAIN and DANE options.
    #[must_use]
    pub fn proof(self) -> Proof {
        self.proof
    }

    /// The draft's DNSSEC option: MX and CNAME lookups must validate.
    #[must_use]
    pub fn dnssec(self) -> bool {
        self.dnssec
    }

    fn merge(self, other: Self) -> Self {
        Self {
            secure: self.secure || other.secure,
            onward: self.onward || other.onward,
            proof: self.proof.merge(other.proof),
            dnssec: self.dnssec || other.dnssec,
        }
    }
}

impl Proof {
    /// none < either < chain, dane < both.
    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Both, _) | (_, Self::Both) => Self::Both,
            (Self::Chain, Self::Dane) | (Self::Dane, Self::Chain) => Self::Both,
            (Self::Chain, _) | (_, Self::Chain) => Self::Chain,
            (Self::Dane, _) | (_, Self::Dane) => Self::Dane,
            (Self::Either, _) | (_, Self::Either) => Self::Either,
            (Self::Unnamed, Self::Unnamed) => Self::Unnamed,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Downgrade, Proof, Requirement, Requiring};
    use crate::tls_level::TlsLevel;

    /// Every requirement that can be built: nothing, two downgrades, LE, LS, and the onward ones.
    pub(crate) fn all() -> Vec<Requirement> {
        let mut all = vec![
            Requirement::None,
            Requirement::Downgrade(Downgrade::HeaderField),
            Requirement::Downgrade(Downgrade::Parameter),
        ];
        for level in [TlsLevel::May, TlsLevel::Encrypt, TlsLevel::Secure] {
            for onward in [false, true] {
                for proof in [
                    Proof::Unnamed,
                    Proof::Either,
                    Proof::Chain,
                    Proof::Dane,
                    Proof::Both,
                ] {
                    for dnssec in [false, true] {
                        all.extend(
                            Requiring::from_fields(level, onward, proof, dnssec)
                                .map(Requirement::Requiring),
                        );
                    }
                }
            }
        }
        all
    }

    #[test]
    fn twenty_one_can_be_built() {
        // 3, LE and LS, and onward: 3 proofs at encrypt and 5 at secure, each with and without DNSSEC.
        assert_eq!(all().len(), 3 + 2 + (3 + 5) * 2);
    }

    #[test]
    fn levels_that_senders_name() {
        for (word, level) in [
            ("none", TlsLevel::May),
            ("H", TlsLevel::May),
            ("LM", TlsLevel::May),
            ("LE", TlsLevel::Encrypt),
            ("F0", TlsLevel::Encrypt),
            ("FCD+DNSSEC", TlsLevel::Encrypt),
            ("FD", TlsLevel::Secure),
            ("LS", TlsLevel::Secure),
            ("R", TlsLevel::Secure),
        ] {
            let requirement = crate::tag::parse_word(word).unwrap();
            assert_eq!(requirement.level(), level, "P4 {word}");
        }
    }

    #[test]
    fn merge_is_commutative_associative_and_idempotent() {
        for a in all() {
            assert_eq!(a.merge(a), a, "{a:?}");
            for b in all() {
                let ab = a.merge(b);
                assert_eq!(ab, b.merge(a), "{a:?} {b:?}");
                assert!(all().contains(&ab), "{a:?} {b:?}: closed");
                assert_eq!(ab.merge(a), ab, "{a:?} {b:?}: absorbs");
                for c in all() {
                    assert_eq!(ab.merge(c), a.merge(b.merge(c)), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    #[test]
    fn merge_never_asks_for_less() {
        for a in all() {
            for b in all() {
                let ab = a.merge(b);
                assert!(ab.level() >= a.level(), "{a:?} {b:?}");
                if let Some(required) = a.requiring() {
                    let merged = ab.requiring().expect("a requiring tag beats a downgrade");
                    assert!(merged.onward() >= required.onward(), "{a:?} {b:?}");
                    assert!(merged.dnssec() >= required.dnssec(), "{a:?} {b:?}");
                    for part in [Proof::Chain, Proof::Dane] {
                        let asked = [part, Proof::Both].contains(&required.proof());
                        let kept = [part, Proof::Both].contains(&merged.proof());
                        assert!(!asked || kept, "{a:?} {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn merge_by_rows() {
        let draft =
            |chain, dane, dnssec| Requirement::Requiring(Requiring::draft(chain, dane, dnssec));
        let header = Requirement::Downgrade(Downgrade::HeaderField);
        let parameter = Requirement::Downgrade(Downgrade::Parameter);
        let (le, ls) = (
            Requirement::Requiring(Requiring::LE),
            Requirement::Requiring(Requiring::LS),
        );
        let fields = |level, proof, dnssec| {
            Requiring::from_fields(level, true, proof, dnssec)
                .map(Requirement::Requiring)
                .expect("a row")
        };
        for (label, a, b, merged) in [
            ("LM beats H", header, parameter, parameter),
            ("R beats H", Requirement::R, header, Requirement::R),
            ("LE beats LM", le, parameter, le),
            ("nothing adds nothing", Requirement::None, header, header),
            (
                "LS and F0 make R",
                ls,
                draft(false, false, false),
                Requirement::R,
            ),
            (
                "CHAIN and DANE, both",
                draft(true, false, false),
                draft(false, true, false),
                fields(TlsLevel::Secure, Proof::Both, false),
            ),
            (
                "CHAIN,DANE and CHAIN",
                draft(true, true, false),
                draft(true, false, false),
                draft(true, false, false),
            ),
            (
                "R and F0+DNSSEC",
                Requirement::R,
                draft(false, false, true),
                fields(TlsLevel::Secure, Proof::Unnamed, true),
            ),
        ] {
            assert_eq!(a.merge(b), merged, "{label}");
        }
    }

    #[test]
    fn the_draft_forms() {
        for (label, chain, dane, level, proof) in [
            ("F0", false, false, TlsLevel::Encrypt, Proof::Unnamed),
            ("FC", true, false, TlsLevel::Encrypt, Proof::Chain),
            ("FD", false, true, TlsLevel::Secure, Proof::Dane),
            ("FCD", true, true, TlsLevel::Encrypt, Proof::Either),
        ] {
            for dnssec in [false, true] {
                let draft = Requiring::draft(chain, dane, dnssec);
                assert_eq!(
                    Some(draft),
                    Requiring::from_fields(level, true, proof, dnssec),
                    "{label}"
                );
            }
        }
    }
}
