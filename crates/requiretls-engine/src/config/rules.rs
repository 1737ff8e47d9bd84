//! How are the rules for next hops written in the file?

use super::ConfigError;
use super::file::{LevelWord, Tables, non_empty};
use super::source::Source;
use requiretls_core::next_hop::Host;
use requiretls_core::site_policy::{
    Discovery, HopMode, Key, Methods, PeerDialect, Rule, RuleError, Rules,
};
use requiretls_core::tls_level::TlsLevel;
use serde::Deserialize;
use std::num::NonZeroU16;
use toml::Spanned;

/// One `[next_hop."…"]` table.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RuleTable {
    floor: Option<LevelWord>,
    methods: Option<Spanned<Vec<MethodWord>>>,
    pkix_names: Option<Spanned<Vec<Spanned<String>>>>,
    pins: Option<Spanned<Vec<Spanned<String>>>>,
    ca_file: Option<Spanned<String>>,
    hop: HopWord,
    discovery: DiscoveryWord,
    peer_dialect: PeerDialectWord,
    smarthost: Option<Spanned<String>>,
    port: Option<NonZeroU16>,
}

/// All rules of all files. Of two rules for one next hop none would be the right one (P12).
pub(super) fn build(files: &[(&Source<'_>, Tables)]) -> Result<Rules, ConfigError> {
    let mut rules = Rules::default();
    rules.reserve(files.iter().map(|(_, tables)| tables.0.len()).sum());
    for (source, text, table) in in_order(files) {
        let fault = |what: &str| {
            source.error(
                &text.span(),
                &format!("next_hop {:?}: {what}", text.get_ref()),
            )
        };
        let key = Key::parse(text.get_ref()).map_err(|e| fault(&e.to_string()))?;
        let rule = table.read(source)?;
        rules.insert(key.clone(), rule).map_err(|e| match e {
            RuleError::Duplicate => {
                let first = first_of(&key, files);
                fault(&format!("a second rule for {key}; the first is at {first}"))
            }
            RuleError::LocalElsewhere => fault(&e.to_string()),
        })?;
    }
    Ok(rules)
}

/// The tables as they stand in the files.
fn in_order<'a>(
    files: &'a [(&'a Source<'a>, Tables)],
) -> impl Iterator<Item = (&'a Source<'a>, &'a Spanned<String>, &'a RuleTable)> {
    files.iter().flat_map(|(source, tables)| {
        let mut tables: Vec<_> = tables.0.iter().collect();
        tables.sort_unstable_by_key(|(text, _)| text.span().start);
        let tables = tables.into_iter();
        tables.map(|(text, table)| (*source, text, table))
    })
}

/// Looked for when it is asked, since a rule that is good has no other.
fn first_of(key: &Key, files: &[(&Source<'_>, Tables)]) -> String {
    in_order(files)
        .find(|(_, text, _)| Key::parse(text.get_ref()).as_ref() == Ok(key))
        .map(|(source, text, _)| source.place(&text.span()))
        .unwrap_or_default()
}

impl RuleTable {
    fn read(&self, source: &Source<'_>) -> Result<Rule, ConfigError> {
        if let Some(smarthost) = non_empty(self.smarthost.as_ref()) {
            Host::parse(smarthost.get_ref()).map_err(|e| {
                source.error(
                    &smarthost.span(),
                    &format!("{:?}: {e}", smarthost.get_ref()),
                )
            })?;
        }
        Ok(Rule {
            floor: self.floor.map_or(TlsLevel::May, TlsLevel::from),
            methods: self.methods(source)?,
            hop: self.hop.into(),
            discovery: match self.discovery {
                DiscoveryWord::On => Discovery::On,
                DiscoveryWord::Audit => Discovery::Audit,
                DiscoveryWord::Off => Discovery::Off,
            },
            peer_dialect: match self.peer_dialect {
                PeerDialectWord::Rfc8689 => PeerDialect::Rfc8689,
                PeerDialectWord::Draft => PeerDialect::Draft,
            },
            smarthost: non_empty(self.smarthost.as_ref()).map(|text| text.get_ref().clone()),
            port: self.port.map(NonZeroU16::get),
        })
    }

    /// P8. A method without what it compares with, and the reverse, is half a rule: an error.
    fn methods(&self, source: &Source<'_>) -> Result<Methods, ConfigError> {
        let has = |word| {
            let words = self.methods.as_ref().map(Spanned::get_ref);
            words.is_some_and(|words| words.contains(&word))
        };
        let names = list(self.pkix_names.as_ref());
        let pins = list(self.pins.as_ref());
        if let Some(methods) = &self.methods {
            let without = |what| Err(source.error(&methods.span(), what));
            if has(MethodWord::Pkix) && names.is_empty() {
                return without("method \"pkix\" needs pkix_names");
            }
            if has(MethodWord::Pin) && pins.is_empty() {
                return without("method \"pin\" needs pins");
            }
        }
        if !has(MethodWord::Pkix) {
            if let Some(names) = self.pkix_names.as_ref().filter(|n| !n.get_ref().is_empty()) {
                return Err(source.error(&names.span(), "pkix_names need method \"pkix\""));
            }
            if let Some(file) = non_empty(self.ca_file.as_ref()) {
                return Err(source.error(&file.span(), "ca_file needs method \"pkix\""));
            }
        }
        if !has(MethodWord::Pin)
            && let Some(pins) = self.pins.as_ref().filter(|p| !p.get_ref().is_empty())
        {
            return Err(source.error(&pins.span(), "pins need method \"pin\""));
        }
        let pins = pins.iter().map(|text| {
            pin(text.get_ref()).ok_or_else(|| {
                source.error(
                    &text.span(),
                    "a pin is the SHA-256 of a public key, 64 hex digits",
                )
            })
        });
        let ca = non_empty(self.ca_file.as_ref()).map(|named| {
            super::certificates(&source.path(named.get_ref()))
                .map_err(|what| source.error(&named.span(), &what))
        });
        Ok(Methods {
            dane: has(MethodWord::Dane),
            pkix_names: names
                .iter()
                .map(|name| source.domain(name))
                .collect::<Result<_, _>>()?,
            ca: ca.transpose()?.unwrap_or_default(),
            pins: pins.collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum MethodWord {
    Dane,
    Pkix,
    Pin,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HopWord {
    #[default]
    Enforce,
    Encrypt,
    Opportunistic,
    Off,
    Local,
    #[serde(rename = "local carry")]
    LocalCarry,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DiscoveryWord {
    #[default]
    On,
    Audit,
    Off,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PeerDialectWord {
    #[default]
    Rfc8689,
    Draft,
}

impl From<HopWord> for HopMode {
    fn from(word: HopWord) -> Self {
        match word {
            HopWord::Enforce => Self::Enforce,
            HopWord::Encrypt => Self::Encrypt,
            HopWord::Opportunistic => Self::Opportunistic,
            HopWord::Off => Self::Off,
            HopWord::Local => Self::Local,
            HopWord::LocalCarry => Self::LocalCarry,
        }
    }
}

fn list(texts: Option<&Spanned<Vec<Spanned<String>>>>) -> &[Spanned<String>] {
    texts.map_or(&[], |texts| texts.get_ref().as_slice())
}

fn pin(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut pin = [0; 32];
    for (n, octet) in pin.iter_mut().enumerate() {
        let digits = text.get(n * 2..n * 2 + 2)?;
        *octet = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(pin)
}

#[cfg(test)]
mod tests;
