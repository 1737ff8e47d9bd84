//! Which certificates are known here, and what is true of them?
//!
//! Chains are put together from these; what each is for is written down beside it, so that a
//! verdict can be compared with what is so. The test `fuzz_corpus` makes them anew, with
//! `--ignored certificates`; the corpora of the targets that use them are then made anew as well.

use ring::digest::{SHA256, SHA512, digest};

/// 1 June 2027: the time at which they are valid, where nothing else is said.
pub(crate) const NOW: u64 = 1_811_808_000;

/// A certificate and what it was made for.
pub(crate) struct Known {
    pub(crate) der: &'static [u8],
    /// Its DNS-IDs.
    pub(crate) names: &'static [&'static str],
    /// Its common name, where that is a host's.
    pub(crate) common_name: Option<&'static str>,
    /// Who issued it, in [`ALL`]; itself: self-signed.
    pub(crate) issuer: usize,
    pub(crate) is_ca: bool,
    /// Years: from the first of January of the first to that of the second.
    pub(crate) years: (u64, u64),
}

pub(crate) const ROOT: usize = 0;
pub(crate) const INTERMEDIATE: usize = 1;
pub(crate) const LEAF: usize = 2;
pub(crate) const OTHER_ROOT: usize = 6;

/// All of them. The first authority and what is below it comes first, then another authority.
pub(crate) const ALL: [Known; 9] = [
    authority(include_bytes!("../certificates/root.der"), ROOT),
    authority(include_bytes!("../certificates/intermediate.der"), ROOT),
    Known {
        der: include_bytes!("../certificates/leaf.der"),
        names: &["mx.example.com", "*.wild.example"],
        common_name: Some("mx.example.com"),
        issuer: INTERMEDIATE,
        is_ca: false,
        years: (2026, 2030),
    },
    Known {
        der: include_bytes!("../certificates/next-hop.der"),
        names: &["example.com"],
        common_name: Some("example.com"),
        issuer: ROOT,
        is_ca: false,
        years: (2026, 2030),
    },
    Known {
        der: include_bytes!("../certificates/expired.der"),
        names: &["mx.example.com"],
        common_name: Some("mx.example.com"),
        issuer: ROOT,
        is_ca: false,
        years: (2025, 2027),
    },
    Known {
        der: include_bytes!("../certificates/common-name.der"),
        names: &[],
        common_name: Some("mx.example.com"),
        issuer: ROOT,
        is_ca: false,
        years: (2026, 2030),
    },
    authority(include_bytes!("../certificates/other-root.der"), OTHER_ROOT),
    Known {
        der: include_bytes!("../certificates/other-leaf.der"),
        names: &["mx.example.com"],
        common_name: Some("mx.example.com"),
        issuer: OTHER_ROOT,
        is_ca: false,
        years: (2026, 2030),
    },
    Known {
        der: include_bytes!("../certificates/self-signed.der"),
        names: &["mx.example.com"],
        common_name: Some("mx.example.com"),
        issuer: 8,
        is_ca: false,
        years: (2026, 2030),
    },
];

const fn authority(der: &'static [u8], issuer: usize) -> Known {
    Known {
        der,
        names: &[],
        common_name: None,
        issuer,
        is_ca: true,
        years: (2026, 2030),
    }
}

impl Known {
    pub(crate) fn is_valid_at(&self, now: u64) -> bool {
        // The tables of time are not needed where only new years are asked for.
        let new_year = |year: u64| {
            let days: u64 = (1970..year)
                .map(|y| if is_leap(y) { 366 } else { 365 })
                .sum();
            days * 86_400
        };
        (new_year(self.years.0)..=new_year(self.years.1)).contains(&now)
    }

    /// D14 and R21: label by label, a star for the first one alone.
    pub(crate) fn is_for(&self, host: &str, by_common_name: bool) -> bool {
        let fits = |id: &str| match id.strip_prefix("*.") {
            Some(rest) => host
                .split_once('.')
                .is_some_and(|(_, parent)| parent == rest),
            None => id == host,
        };
        if self.names.is_empty() {
            by_common_name && self.common_name.is_some_and(fits)
        } else {
            self.names.iter().copied().any(fits)
        }
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

pub(crate) fn sha512(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA512, bytes).as_ref().to_vec()
}
