//! Which rule is for a next hop, by going through all of them?

use requiretls_core::domain::Domain;
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::{HopMode, Key, Rules};
use requiretls_core::tls_level::TlsLevel;

/// One rule, as far as look-ups tell one from another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Written {
    /// As [`key_text`] has it.
    pub(crate) key: String,
    /// `None`: the rule cannot be read.
    pub(crate) rule: Option<(HopMode, TlsLevel, Option<u16>)>,
}

/// The key in the one spelling that stands for it; `None`: it is none.
pub(crate) fn key_text(text: &str) -> Option<String> {
    match text.strip_prefix('.') {
        _ if text == "*" => Some("*".to_owned()),
        Some(parent) => Some(format!(".{}", Domain::parse(parent.as_bytes()).ok()?)),
        None => Some(canonical(&NextHop::parse(text).ok()?)),
    }
}

/// An IPv4 address is one endpoint in both its spellings.
fn canonical(next_hop: &NextHop) -> String {
    match next_hop {
        NextHop::Literal(address) => NextHop::Literal(address.to_canonical()).to_string(),
        other => other.to_string(),
    }
}

pub(crate) fn is_local(next_hop: &NextHop) -> bool {
    match next_hop {
        NextHop::Domain(_) => false,
        NextHop::Literal(address) => match address.to_canonical() {
            std::net::IpAddr::V4(v4) => v4.octets()[0] == 127,
            std::net::IpAddr::V6(v6) => {
                v6.octets() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
            }
        },
        NextHop::Socket(_) => true,
    }
}

/// The longest key wins; a local endpoint takes the preset in the place of `*` (P12).
pub(crate) fn assert_found(rules: &Rules, written: &[Written], next_hop: &NextHop) {
    let name = canonical(next_hop);
    let is_name = next_hop.domain().is_some();
    let with = |key: &str| written.iter().find(|rule| rule.key == key);
    let below = written
        .iter()
        .filter(|rule| is_name && rule.key.starts_with('.') && name.ends_with(&rule.key))
        .max_by_key(|rule| rule.key.len());
    let any = with("*");
    let local = is_local(next_hop);
    let default = (HopMode::Enforce, TlsLevel::May, None);
    let (key, expected) = match with(&name).or(below) {
        Some(rule) => (Some(rule.key.clone()), rule.rule),
        None if local => {
            let preset = |(hop, floor, _)| match hop {
                HopMode::Enforce => (HopMode::Opportunistic, floor, None),
                other => (other, floor, None),
            };
            (None, any.map_or(Some(default), |any| any.rule).map(preset))
        }
        None => (
            any.map(|any| any.key.clone()),
            any.map_or(Some(default), |any| any.rule),
        ),
    };
    let found = rules.look_up(next_hop).ok();
    let found = found.map(|rule| (rule.hop, rule.floor, rule.port));
    assert_eq!(found, expected, "{name}");
    let found = rules.key(next_hop).as_ref().map(Key::to_string);
    assert_eq!(found, key, "{name}");
}
