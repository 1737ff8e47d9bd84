//! Which rule holds for this next hop, why, and what does it say?

use super::report::{At, RuleAt};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::{HopMode, Key, Match, Methods, Rule};
use requiretls_engine::Config;
use requiretls_engine::config::Written;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::num::NonZeroU16;

/// What holds for one next hop.
#[derive(Debug, Serialize)]
pub(super) struct ForNextHop {
    next_hop: String,
    /// `exact`, `parent`, `any`, `preset` or `none`.
    why: &'static str,
    /// The rule that wins; `None`: a preset, or the defaults.
    rule: Option<RuleAt>,
    settings: Vec<Setting>,
    /// Only where a rule cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// One setting of the rule.
#[derive(Debug, Serialize)]
struct Setting {
    name: &'static str,
    value: String,
    from: From,
    #[serde(flatten)]
    at: Option<At>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum From {
    /// It is written.
    Set,
    Default,
    /// The preset for local endpoints (P12).
    Preset,
    /// The caller of the library names it.
    Given,
}

impl ForNextHop {
    pub(super) fn new(
        config: &Config,
        written: &Written,
        next_hop: &NextHop,
        port: Option<NonZeroU16>,
    ) -> Self {
        let (place, found) = config.rules.find(next_hop);
        let key = place.key();
        // The preset has what `*` says of every next hop.
        let writer = match place {
            Match::Preset => Some(Key::Any),
            _ => key.clone(),
        };
        let writer = writer.and_then(|key| written.rule(&key));
        let (settings, unreadable) = match found {
            Ok(rule) => {
                let mut settings = values(rule, next_hop).map(|(name, value)| {
                    let at = writer.and_then(|rule| rule.setting(name));
                    let at = at.filter(|_| place != Match::Preset || is_of_any(name, rule));
                    Setting {
                        name,
                        value,
                        from: match at {
                            Some(_) => From::Set,
                            None if place == Match::Preset && name == "hop" => From::Preset,
                            None => From::Default,
                        },
                        at: at.map(At::of),
                    }
                });
                if let (Some(port), Some(last)) = (port, settings.last_mut()) {
                    last.value = port.to_string();
                    last.from = From::Given;
                    last.at = None;
                }
                (Vec::from(settings), None)
            }
            Err(why) => (Vec::new(), Some(why.to_string())),
        };
        Self {
            next_hop: next_hop.to_string(),
            why: place.as_str(),
            rule: key.map(|key| RuleAt::of(&key, written)),
            settings,
            unreadable,
        }
    }
}

/// Whether the preset takes this setting from the rule `*`.
fn is_of_any(name: &str, preset: &Rule) -> bool {
    match name {
        "floor" | "methods" | "pkix_names" | "pins" | "ca_file" => true,
        "hop" => preset.hop != HopMode::Opportunistic,
        _ => false,
    }
}

/// The settings as they are written in the file; the port is the last.
fn values(rule: &Rule, next_hop: &NextHop) -> [(&'static str, String); 10] {
    let none = || "none".to_owned();
    let list = |texts: Vec<String>| {
        if texts.is_empty() {
            none()
        } else {
            texts.join(", ")
        }
    };
    let methods = &rule.methods;
    let names = methods.pkix_names.iter().map(ToString::to_string);
    let pins = methods.pins.iter().map(|pin| hex(pin));
    let smarthost = rule.smarthost.as_deref().map(NextHop::parse);
    let socket = match &smarthost {
        Some(host) => matches!(host, Ok(NextHop::Socket(_))),
        None => matches!(next_hop, NextHop::Socket(_)),
    };
    [
        ("floor", rule.floor.to_string()),
        ("methods", list(words(methods))),
        ("pkix_names", list(names.collect())),
        ("pins", list(pins.collect())),
        (
            "ca_file",
            match methods.ca.len() {
                0 => none(),
                1 => "1 certificate".to_owned(),
                more => format!("{more} certificates"),
            },
        ),
        ("hop", rule.hop.as_str().to_owned()),
        ("discovery", rule.discovery.as_str().to_owned()),
        ("peer_dialect", rule.peer_dialect.as_str().to_owned()),
        ("smarthost", rule.smarthost.clone().unwrap_or_else(none)),
        (
            "port",
            if socket {
                none()
            } else {
                rule.port.unwrap_or(25).to_string()
            },
        ),
    ]
}

fn words(methods: &Methods) -> Vec<String> {
    let all = [
        ("dane", methods.dane),
        ("pkix", !methods.pkix_names.is_empty()),
        ("pin", !methods.pins.is_empty()),
    ];
    let named = all.into_iter().filter(|(_, is_named)| *is_named);
    named.map(|(word, _)| word.to_owned()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Memory takes every text.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Display for ForNextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.next_hop)?;
        if let Some(rule) = &self.rule {
            write!(f, "{rule}, ")?;
        }
        writeln!(
            f,
            "{}",
            match self.why {
                "exact" => "the rule for exactly this",
                "parent" => "the rule for the longest name above it",
                "any" => "the rule for all that have no other",
                "preset" => "no rule, and local: the preset for local endpoints",
                _ => "no rule: the defaults",
            }
        )?;
        if let Some(why) = &self.unreadable {
            writeln!(f, "  cannot be read, so that mail waits: {why}")?;
        }
        let widths = self.settings.iter().map(|s| s.value.len());
        let width = widths.filter(|width| *width <= 32).max();
        for setting in &self.settings {
            let width = width.unwrap_or_default();
            write!(f, "  {:<12}  {:<width$}  ", setting.name, setting.value)?;
            match (setting.from, &setting.at) {
                (From::Set, Some(at)) => writeln!(f, "set at {at}")?,
                (From::Set, None) => writeln!(f, "set")?,
                (From::Default, _) => writeln!(f, "default")?,
                (From::Preset, _) => writeln!(f, "preset")?,
                (From::Given, _) => writeln!(f, "as given")?,
            }
        }
        Ok(())
    }
}
