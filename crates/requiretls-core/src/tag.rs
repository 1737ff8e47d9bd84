//! How is a requirement kept as text?
//!
//! A tag is the requirement as a spool file, a macro, an environment variable or a header field
//! keeps it: version 1, letters, digits and dots. Exactly one text belongs to each requirement, so
//! two recipients want the same when their tags are the same text. Whatever is not such a text is
//! an error and never "no tag": the message waits (P6.15).
//!
//! ```text
//! tag   = "1." ( "no" / "may" / level [ ".onward" [ proof ] [ ".dnssec" ] ] )
//! level = "encrypt" / "secure"
//! proof = ".either" / ".chain" / ".dane" / ".both"
//! ```
//! The empty text is the tag of a message that asked nothing.

use crate::requirement::{Downgrade, Proof, Requirement, Requiring};
use crate::tls_level::TlsLevel;
use std::fmt;

/// The text that stands for "refused" where a server stores a tag although there is none.
pub const REFUSED: &str = "!";

/// No tag of any version is longer, in octets.
pub const MAX_LEN: usize = 64;

/// Reads a tag.
///
/// # Errors
/// [`TagError`] for everything that [`write()`] does not write.
pub fn parse(tag: impl AsRef<[u8]>) -> Result<Requirement, TagError> {
    let tag = tag.as_ref();
    if tag == REFUSED.as_bytes() {
        return Err(TagError::Refused);
    }
    if tag.is_empty() {
        return Ok(Requirement::None);
    }
    let text = str::from_utf8(tag).map_err(|_| TagError::Unreadable)?;
    if text.len() > MAX_LEN {
        return Err(TagError::Unreadable);
    }
    let (version, rest) = text.split_once('.').ok_or(TagError::Unreadable)?;
    if version != "1" {
        return Err(newer(version, rest));
    }
    match rest {
        "no" => Ok(Requirement::Downgrade(Downgrade::HeaderField)),
        "may" => Ok(Requirement::Downgrade(Downgrade::Parameter)),
        _ => requiring(rest)
            .map(Requirement::Requiring)
            .ok_or(TagError::Unreadable),
    }
}

/// The tag of a requirement; empty when nothing was asked.
#[must_use]
pub fn write(requirement: Requirement) -> String {
    Text(requirement).to_string()
}

/// The short word of the tables (P2) for a requirement: `R`, `F0+DNSSEC`, `none`; its tag where
/// the tables have no word, which merging alone brings about.
#[must_use]
pub fn word(requirement: Requirement) -> String {
    WORDS
        .iter()
        .map(|&(word, plain)| (word, "", plain))
        .chain(DRAFT_WORDS.iter().flat_map(|&(word, chain, dane)| {
            [("", false), ("+DNSSEC", true)].map(|(suffix, dnssec)| {
                let draft = Requiring::draft(chain, dane, dnssec);
                (word, suffix, Requirement::Requiring(draft))
            })
        }))
        .find(|(_, _, named)| *named == requirement)
        .map_or_else(
            || write(requirement),
            |(word, suffix, _)| format!("{word}{suffix}"),
        )
}

/// Reads a word of the tables or a tag: what [`word`] writes.
///
/// # Errors
/// [`TagError`], as [`parse`].
pub fn parse_word(text: &str) -> Result<Requirement, TagError> {
    if let Some((_, plain)) = WORDS.iter().find(|(word, _)| *word == text) {
        return Ok(*plain);
    }
    let (name, dnssec) = text
        .strip_suffix("+DNSSEC")
        .map_or((text, false), |name| (name, true));
    DRAFT_WORDS
        .iter()
        .find(|(word, _, _)| *word == name)
        .map_or_else(
            || parse(text),
            |&(_, chain, dane)| {
                let draft = Requiring::draft(chain, dane, dnssec);
                Ok(Requirement::Requiring(draft))
            },
        )
}

/// Writes a requirement as its tag, without allocating.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Text(pub Requirement);

impl Text {
    /// The parts that the tag is made of, one behind the other.
    #[must_use]
    pub fn parts(self) -> [&'static str; 5] {
        match self.0 {
            Requirement::None => [""; 5],
            Requirement::Downgrade(Downgrade::HeaderField) => ["1.no", "", "", "", ""],
            Requirement::Downgrade(Downgrade::Parameter) => ["1.may", "", "", "", ""],
            // As nearly all of them are.
            Requirement::R => ["1.secure.onward", "", "", "", ""],
            Requirement::Requiring(requiring) => [
                "1.",
                requiring.level().as_str(),
                if requiring.onward() { ".onward" } else { "" },
                match requiring.proof() {
                    Proof::Unnamed => "",
                    Proof::Either => ".either",
                    Proof::Chain => ".chain",
                    Proof::Dane => ".dane",
                    Proof::Both => ".both",
                },
                if requiring.dnssec() { ".dnssec" } else { "" },
            ],
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| f.write_str(part))
    }
}

/// Why a text is no tag. In every case the message waits (P6.15).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TagError {
    /// Written by a later version.
    Newer,
    /// `!`: the command that should have made the tag was refused.
    Refused,
    /// Anything else, a damaged tag among it.
    Unreadable,
}

impl TagError {
    /// The sentence for logs and replies.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Newer => "the message's TLS tag was written by a newer version of this software",
            Self::Refused => "the message has no TLS tag because its MAIL command was refused",
            Self::Unreadable => "the message's TLS tag cannot be read",
        }
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for TagError {}

const WORDS: [(&str, Requirement); 6] = [
    ("none", Requirement::None),
    ("H", Requirement::Downgrade(Downgrade::HeaderField)),
    ("LM", Requirement::Downgrade(Downgrade::Parameter)),
    ("LE", Requirement::Requiring(Requiring::LE)),
    ("LS", Requirement::Requiring(Requiring::LS)),
    ("R", Requirement::R),
];

/// Word, CHAIN, DANE.
const DRAFT_WORDS: [(&str, bool, bool); 4] = [
    ("F0", false, false),
    ("FC", true, false),
    ("FD", false, true),
    ("FCD", true, true),
];

fn newer(version: &str, rest: &str) -> TagError {
    let number = version.bytes().all(|b| b.is_ascii_digit()) && !version.starts_with('0');
    let plain = rest
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if number && !version.is_empty() && !rest.is_empty() && plain {
        TagError::Newer
    } else {
        TagError::Unreadable
    }
}

/// Takes the words in their one order; a word left over makes the text unreadable.
fn requiring(text: &str) -> Option<Requiring> {
    let mut words = text.split('.').peekable();
    let level = match words.next()? {
        "encrypt" => TlsLevel::Encrypt,
        "secure" => TlsLevel::Secure,
        _ => return None,
    };
    let onward = words.next_if_eq(&"onward").is_some();
    let proof = words.peek().and_then(|word| match *word {
        "either" => Some(Proof::Either),
        "chain" => Some(Proof::Chain),
        "dane" => Some(Proof::Dane),
        "both" => Some(Proof::Both),
        _ => None,
    });
    if proof.is_some() {
        words.next();
    }
    let dnssec = words.next_if_eq(&"dnssec").is_some();
    if words.next().is_some() {
        return None;
    }
    Requiring::from_fields(level, onward, proof.unwrap_or_default(), dnssec)
}

#[cfg(test)]
mod tests {
    use super::{MAX_LEN, TagError, parse, parse_word, word, write};
    use crate::requirement::tests::all;

    #[test]
    fn every_requirement_has_one_text_and_one_word() {
        let mut texts = Vec::new();
        for requirement in all() {
            let text = write(requirement);
            assert_eq!(parse(&text), Ok(requirement), "{text}");
            assert_eq!(parse_word(&word(requirement)), Ok(requirement), "{text}");
            assert!(text.len() <= 30, "{text}: 30 octets today");
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
                "{text}: fits a macro, a list, argv, xtext"
            );
            texts.push(text);
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), all().len(), "same requirement, same text");
    }

    #[test]
    fn words_and_texts_of_the_tables() {
        for (name, text) in [
            ("none", ""),
            ("H", "1.no"),
            ("LM", "1.may"),
            ("LE", "1.encrypt"),
            ("LS", "1.secure"),
            ("R", "1.secure.onward"),
            ("F0", "1.encrypt.onward"),
            ("FC", "1.encrypt.onward.chain"),
            ("FCD", "1.encrypt.onward.either"),
            ("FD", "1.secure.onward.dane"),
            ("F0+DNSSEC", "1.encrypt.onward.dnssec"),
            ("FC+DNSSEC", "1.encrypt.onward.chain.dnssec"),
            ("FCD+DNSSEC", "1.encrypt.onward.either.dnssec"),
            ("FD+DNSSEC", "1.secure.onward.dane.dnssec"),
            // From merging alone: no word.
            ("1.secure.onward.dnssec", "1.secure.onward.dnssec"),
            ("1.secure.onward.chain", "1.secure.onward.chain"),
            ("1.secure.onward.both.dnssec", "1.secure.onward.both.dnssec"),
        ] {
            let requirement = parse(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(word(requirement), name);
            assert_eq!(parse_word(name), Ok(requirement), "{name}");
            assert_eq!(write(requirement), text, "{name}");
        }
    }

    #[test]
    fn sentences_say_what_is_wrong() {
        for (error, says) in [
            (TagError::Newer, "newer version"),
            (TagError::Refused, "MAIL command was refused"),
            (TagError::Unreadable, "cannot be read"),
        ] {
            assert!(error.sentence().contains(says), "P6.15 {error:?}");
            assert_eq!(error.to_string(), error.sentence(), "P6.15 {error:?}");
        }
    }

    #[test]
    fn everything_else_is_no_tag() {
        let long = format!("2.{}", "a".repeat(MAX_LEN - 2));
        let too_long = format!("2.{}", "a".repeat(MAX_LEN - 1));
        let rows: &[(&str, &[u8], TagError)] = &[
            ("VX24 refused", b"!", TagError::Refused),
            ("newer", b"2.secure", TagError::Newer),
            ("newer, other words", b"2.x-y_z", TagError::Newer),
            ("much newer", b"10.secure.onward", TagError::Newer),
            ("newer, 64 octets", long.as_bytes(), TagError::Newer),
            ("65 octets", too_long.as_bytes(), TagError::Unreadable),
            ("newer, without words", b"2.", TagError::Unreadable),
            ("newer, with a blank", b"2.a b", TagError::Unreadable),
            ("version 0", b"0.secure", TagError::Unreadable),
            ("version 01", b"01.secure", TagError::Unreadable),
            ("no version", b".secure", TagError::Unreadable),
            ("version alone", b"1", TagError::Unreadable),
            ("version and dot", b"1.", TagError::Unreadable),
            (
                "VX24 damaged in the spool",
                b"1.secure.onwar",
                TagError::Unreadable,
            ),
            (
                "dane with encrypt",
                b"1.encrypt.onward.dane",
                TagError::Unreadable,
            ),
            (
                "both with encrypt",
                b"1.encrypt.onward.both",
                TagError::Unreadable,
            ),
            ("onward with may", b"1.may.onward", TagError::Unreadable),
            ("onward with no", b"1.no.onward", TagError::Unreadable),
            (
                "proof without onward",
                b"1.secure.dane",
                TagError::Unreadable,
            ),
            (
                "dnssec without onward",
                b"1.secure.dnssec",
                TagError::Unreadable,
            ),
            ("upper case", b"1.Secure", TagError::Unreadable),
            ("blank behind", b"1.secure ", TagError::Unreadable),
            ("blank before", b" 1.secure", TagError::Unreadable),
            ("newline behind", b"1.secure\n", TagError::Unreadable),
            ("dot behind", b"1.secure.", TagError::Unreadable),
            (
                "repeated word",
                b"1.secure.onward.onward",
                TagError::Unreadable,
            ),
            (
                "reordered",
                b"1.secure.onward.dnssec.dane",
                TagError::Unreadable,
            ),
            (
                "two proofs",
                b"1.secure.onward.chain.dane",
                TagError::Unreadable,
            ),
            ("older form", b"v1:secure", TagError::Unreadable),
            ("NUL", b"1.secure\0", TagError::Unreadable),
            ("8-bit", b"1.secure\xff", TagError::Unreadable),
            ("two marks", b"!!", TagError::Unreadable),
            ("a word of the tables", b"R", TagError::Unreadable),
        ];
        for (label, text, error) in rows {
            assert_eq!(parse(text), Err(*error), "{label}");
        }
        assert_eq!(parse_word("F0+dnssec"), Err(TagError::Unreadable));
        assert_eq!(parse_word("R+DNSSEC"), Err(TagError::Unreadable));
    }
}
