//! What do several targets ask of texts?

use requiretls_core::reply::Reply;

/// A reply is a line of printable ASCII without `%`, and says something.
pub(crate) fn assert_sayable(reply: &Reply) {
    assert!((400..=599).contains(&reply.code), "{reply}");
    assert_eq!(
        u16::from(reply.enhanced.0),
        reply.code / 100,
        "both codes are of one class: {reply}"
    );
    assert!(!reply.text.is_empty(), "{reply}");
    assert!(
        reply
            .text
            .bytes()
            .all(|b| matches!(b, b' '..=b'~') && b != b'%'),
        "{reply}"
    );
}

/// Every requirement's tag, spelt out.
pub(crate) const TAGS: [&str; 21] = [
    "",
    "1.no",
    "1.may",
    "1.encrypt",
    "1.secure",
    "1.encrypt.onward",
    "1.encrypt.onward.dnssec",
    "1.encrypt.onward.either",
    "1.encrypt.onward.either.dnssec",
    "1.encrypt.onward.chain",
    "1.encrypt.onward.chain.dnssec",
    "1.secure.onward",
    "1.secure.onward.dnssec",
    "1.secure.onward.either",
    "1.secure.onward.either.dnssec",
    "1.secure.onward.chain",
    "1.secure.onward.chain.dnssec",
    "1.secure.onward.dane",
    "1.secure.onward.dane.dnssec",
    "1.secure.onward.both",
    "1.secure.onward.both.dnssec",
];

/// The lines of a text, cut at LF, with what ends them taken off.
pub(crate) fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte == b'\n' {
            let end = if at > start && text[at - 1] == b'\r' {
                at - 1
            } else {
                at
            };
            lines.push(&text[start..end]);
            start = at + 1;
        }
    }
    let end = if text.len() > start && text[text.len() - 1] == b'\r' {
        text.len() - 1
    } else {
        text.len()
    };
    lines.push(&text[start..end]);
    lines
}
