//! Is a text one tag, or none, and does merging only ever add?
//!
//! The input is two texts, one line each. Every tag there is stands written out in a list, and a
//! requirement is read off its words anew; core has to agree with both.

use super::texts::TAGS;
use requiretls_core::mail_param::{Answer, Dialects, MailParams, Refusal, TagTrust};
use requiretls_core::requirement::Requirement;
use requiretls_core::tag::{self, TagError};

/// Two lines, each perhaps a tag.
pub fn check(data: &[u8]) {
    let (first, second) = match data.iter().position(|&b| b == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b""[..]),
    };
    let (first, second) = (read(first), read(second));
    for one in first.iter().chain(&second) {
        for other in TAGS {
            merging(one, other);
        }
    }
}

/// A text is a tag when it is in the list; else the error says which kind of none it is.
fn read(text: &[u8]) -> Option<&'static str> {
    let listed = TAGS.into_iter().find(|tag| tag.as_bytes() == text);
    let result = tag::parse(text);
    let Some(listed) = listed else {
        let expected = if text == b"!" {
            TagError::Refused
        } else if is_newer(text) {
            TagError::Newer
        } else {
            TagError::Unreadable
        };
        assert_eq!(result, Err(expected));
        waits(text, expected);
        return None;
    };
    let requirement = result.expect("a tag of the list");
    assert_eq!(tag::write(requirement), listed, "text, tag, text");
    assert_eq!(tag::Text(requirement).to_string(), listed);
    assert_eq!(requirement == Requirement::None, listed.is_empty());
    let word = tag::word(requirement);
    assert_eq!(tag::parse_word(&word), Ok(requirement), "{word}");
    Some(listed)
}

/// What is no tag is refused with 451, never taken for "no tag", whoever hands it in (P6.15).
fn waits(text: &[u8], error: TagError) {
    for trust in [TagTrust::Full, TagTrust::RaiseOnly] {
        let mut params = MailParams::new(Dialects::default(), true, true);
        let refused = Refusal::Tag(error);
        assert_eq!(params.earlier_tag(text, trust), Answer::Refused(refused));
        assert_eq!(params.end(), Err(refused));
        assert_eq!(refused.code(), 451);
    }
}

/// A later version: a number above 1, a dot, and words of letters, digits and `-._`; 64 octets.
fn is_newer(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let Some(words) = rest.strip_prefix('.') else {
        return false;
    };
    text.len() <= 64
        && !number.is_empty()
        && !number.starts_with('0')
        && number != "1"
        && !words.is_empty()
        && words
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

/// What a tag asks, read off its words: nothing asks least.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Asked {
    /// 1 the header field's downgrade, 2 the parameter's, 3 encrypt, 4 secure.
    rank: u8,
    onward: bool,
    /// Bit 0: some proof is named; bit 1: CHAIN is needed; bit 2: DANE is.
    proof: u8,
    dnssec: bool,
}

impl Asked {
    fn of(tag: &str) -> Self {
        let has = |word: &str| tag.split('.').any(|w| w == word);
        let ranks = [("no", 1), ("may", 2), ("encrypt", 3), ("secure", 4)];
        let proofs = [("either", 1), ("chain", 3), ("dane", 5), ("both", 7)];
        let pick = |words: &[(&str, u8)]| {
            let found = words.iter().find(|(word, _)| has(word));
            found.map_or(0, |(_, number)| *number)
        };
        Self {
            rank: pick(&ranks),
            onward: has("onward"),
            proof: pick(&proofs),
            dnssec: has("dnssec"),
        }
    }

    /// Field by field the more of both.
    fn and(self, other: Self) -> Self {
        Self {
            rank: self.rank.max(other.rank),
            onward: self.onward || other.onward,
            proof: self.proof | other.proof,
            dnssec: self.dnssec || other.dnssec,
        }
    }
}

fn merging(a: &str, b: &str) {
    let (one, other) = (tag::parse(a).unwrap(), tag::parse(b).unwrap());
    let merged = one.merge(other);
    let text = tag::write(merged);
    assert_eq!(
        Asked::of(&text),
        Asked::of(a).and(Asked::of(b)),
        "{a} with {b}"
    );
    assert_eq!(other.merge(one), merged, "{a} with {b}: either way round");
    assert_eq!(
        merged.merge(one),
        merged,
        "{a} with {b}: once more adds nothing"
    );
    assert_eq!(tag::parse(&text), Ok(merged), "{text}: again a tag");
    assert!(merged.level() >= one.level().max(other.level()));
    earlier_tags(a, b, merged);
}

/// An earlier tag is merged with what the command asked; from anybody it may raise only.
fn earlier_tags(a: &str, b: &str, merged: Requirement) {
    let take = |trust| {
        let mut params = MailParams::new(Dialects::default(), true, true);
        params.earlier_tag(a.as_bytes(), TagTrust::Full);
        params.earlier_tag(b.as_bytes(), trust);
        params.end()
    };
    assert_eq!(take(TagTrust::Full), Ok(merged));
    let lowers = matches!(b, "1.no" | "1.may");
    let expected = if lowers {
        tag::parse(a).unwrap()
    } else {
        merged
    };
    assert_eq!(take(TagTrust::RaiseOnly), Ok(expected), "{a}, then {b}");
}
