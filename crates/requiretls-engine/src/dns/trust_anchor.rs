//! Which keys are trusted without proof?

use hickory_resolver::proto::dnssec::TrustAnchors;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The keys of a trust anchor file: the root's.
#[derive(Clone)]
pub struct TrustAnchor {
    text: String,
    keys: Arc<TrustAnchors>,
}

impl TrustAnchor {
    /// Reads DNSKEY records in the form of a zone file, comments among them.
    ///
    /// # Errors
    /// [`TrustAnchorError`], when there is none of the root, or one that is not understood.
    pub fn parse(text: &str) -> Result<Self, TrustAnchorError> {
        let records: String = text
            .lines()
            .map(|line| {
                line.split_once(';')
                    .map_or(line, |(record, _)| record)
                    .trim()
            })
            .filter(|line| !line.is_empty())
            .fold(String::new(), |all, line| all + line + "\n");
        let keys = TrustAnchors::from_str(&records).map_err(|e| TrustAnchorError(e.to_string()))?;
        if keys.is_empty() {
            return Err(TrustAnchorError("no key of the root in it".to_owned()));
        }
        Ok(Self {
            text: records,
            keys: Arc::new(keys),
        })
    }

    pub(super) fn keys(&self) -> Arc<TrustAnchors> {
        Arc::clone(&self.keys)
    }
}

impl fmt::Debug for TrustAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrustAnchor").field(&self.text).finish()
    }
}

impl PartialEq for TrustAnchor {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TrustAnchor {}

/// Why a text is no trust anchor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustAnchorError(String);

impl fmt::Display for TrustAnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a trust anchor of DNSKEY records: {}", self.0)
    }
}

impl std::error::Error for TrustAnchorError {}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = ". 3600 IN DNSKEY 257 3 13 \
        mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";

    #[test]
    fn a_trust_anchor_is_dnskey_records() {
        #[rustfmt::skip]
        let table = [
            ("a key",              KEY.to_owned(),                            true),
            ("two",                format!("{KEY}\n{KEY}\n"),                 true),
            ("a comment",          format!("; by hand\n\n{KEY} ; id = 1\n"),  true),
            ("nothing",            String::new(),                             false),
            ("comments alone",     "; nothing\n".to_owned(),                  false),
            ("another zone's",     KEY.replacen('.', "test.", 1),             false),
            ("a DS record",        ". 3600 IN DS 20326 8 2 E06D44B8".to_owned(), false),
            ("no base64",          ". 3600 IN DNSKEY 257 3 13 ?".to_owned(),  false),
            ("no record",          "the root's key".to_owned(),               false),
        ];
        for (label, text, expected) in table {
            let anchor = TrustAnchor::parse(&text);
            assert_eq!(anchor.is_ok(), expected, "{label}: {anchor:?}");
        }
    }
}
