//! What may a bounce of this message contain?
//!
//! RFC 8689 section 5 (R28 to R30): a non-delivery message is protected as the message was, so it
//! keeps the requirement, and it returns the header alone. The same holds for a message of any
//! kind with an empty return path.

use crate::requirement::Requirement;

/// What holds for a bounce of one message, or for that message when its return path is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DsnRules {
    /// What may be returned; `None`: what the sender's own RET says (RFC 3461 section 4.3).
    pub ret: Option<Ret>,
    /// The requirement that the bounce carries: its tag is the message's own (R28).
    pub requirement: Requirement,
}

/// The part of a message that a bounce returns (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ret {
    /// The header alone.
    Hdrs,
}

/// The rules for a bounce of a message with this requirement.
///
/// A downgrade adds nothing to a bounce, and takes nothing away from it.
#[must_use]
pub fn rules(requirement: Requirement) -> DsnRules {
    DsnRules {
        ret: requirement.requiring().map(|_| Ret::Hdrs),
        requirement,
    }
}

impl Ret {
    /// The value of the RET parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hdrs => "HDRS",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ret, rules};
    use crate::tag;

    #[test]
    fn headers_only_for_every_requiring_tag() {
        for (label, word, ret) in [
            ("R28, VF20", "R", Some(Ret::Hdrs)),
            ("F10", "F0", Some(Ret::Hdrs)),
            ("F10", "FCD+DNSSEC", Some(Ret::Hdrs)),
            ("L14", "LE", Some(Ret::Hdrs)),
            ("L14", "LS", Some(Ret::Hdrs)),
            ("untagged", "none", None),
            ("downgrade", "H", None),
            ("downgrade", "LM", None),
        ] {
            let requirement = tag::parse_word(word).expect(word);
            let rules = rules(requirement);
            assert_eq!(rules.ret, ret, "{label} {word}");
            assert_eq!(
                rules.requirement, requirement,
                "{label} {word}: the same tag"
            );
        }
        assert_eq!(Ret::Hdrs.as_str(), "HDRS");
    }
}
