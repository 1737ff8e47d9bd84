//! The tag of a decision case: a word of P2, or the text of a tag that merging has made.

use crate::requirement::{Downgrade, Requirement, Requiring};
use crate::tag;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The tag, in P2's words where there is one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TagWord {
    /// No tag.
    None,
    /// `TLS-Required: No`.
    H,
    /// `TLSPOLICY=MAY`.
    LM,
    /// `TLSPOLICY=ENCRYPT`.
    LE,
    /// `TLSPOLICY=SECURE`.
    LS,
    /// REQUIRETLS.
    R,
    /// The draft's bare form.
    F0,
    /// CHAIN.
    FC,
    /// DANE.
    FD,
    /// CHAIN,DANE.
    FCD,
    /// Anything else that a tag can say.
    Merged(Requirement),
}

const WORDS: [(&str, TagWord); 10] = [
    ("none", TagWord::None),
    ("H", TagWord::H),
    ("LM", TagWord::LM),
    ("LE", TagWord::LE),
    ("LS", TagWord::LS),
    ("R", TagWord::R),
    ("F0", TagWord::F0),
    ("FC", TagWord::FC),
    ("FD", TagWord::FD),
    ("FCD", TagWord::FCD),
];

impl TagWord {
    /// What the sender asked; `dnssec` is the draft's option on an F tag.
    #[must_use]
    pub fn requirement(self, dnssec: bool) -> Requirement {
        let draft = |chain, dane| Requirement::Requiring(Requiring::draft(chain, dane, dnssec));
        match self {
            Self::None => Requirement::None,
            Self::H => Requirement::Downgrade(Downgrade::HeaderField),
            Self::LM => Requirement::Downgrade(Downgrade::Parameter),
            Self::LE => Requirement::Requiring(Requiring::LE),
            Self::LS => Requirement::Requiring(Requiring::LS),
            Self::R => Requirement::R,
            Self::F0 => draft(false, false),
            Self::FC => draft(true, false),
            Self::FD => draft(false, true),
            Self::FCD => draft(true, true),
            Self::Merged(requirement) => requirement,
        }
    }

    /// The word for a requirement, and whether the option DNSSEC goes with it.
    pub(super) fn of(requirement: Requirement) -> (Self, bool) {
        WORDS
            .iter()
            .flat_map(|(_, word)| [(*word, false), (*word, true)])
            .find(|(word, dnssec)| word.requirement(*dnssec) == requirement)
            .unwrap_or((Self::Merged(requirement), false))
    }
}

impl Serialize for TagWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, WORDS.iter().find(|(_, word)| word == self)) {
            (Self::Merged(requirement), _) => serializer.serialize_str(&tag::write(*requirement)),
            (_, known) => serializer.serialize_str(known.map_or("none", |(name, _)| name)),
        }
    }
}

impl<'de> Deserialize<'de> for TagWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some((_, word)) = WORDS.iter().find(|(name, _)| *name == text) {
            return Ok(*word);
        }
        let names = WORDS.map(|(name, _)| name).join(", ");
        // The empty text is a tag too, but here it is more likely a slip.
        match tag::parse(&text) {
            Ok(requirement) if !text.is_empty() => Ok(Self::Merged(requirement)),
            _ => Err(serde::de::Error::custom(format!(
                "unknown variant `{text}`, expected one of {names}, or the text of a tag"
            ))),
        }
    }
}
