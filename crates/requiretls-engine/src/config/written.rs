//! Where is each setting written, and what is left to its default?
//!
//! For whoever checks a configuration: a server needs the meaning alone.

use super::source::Source;
use super::{ConfigError, file};
use requiretls_core::site_policy::Key;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The files of a configuration, and where in them its settings stand.
#[derive(Clone, Debug, Default)]
pub struct Written {
    files: Vec<PathBuf>,
    settings: HashMap<(String, String), Place>,
    rules: HashMap<Key, WrittenRule>,
}

/// One `[next_hop."…"]` table.
#[derive(Clone, Debug)]
pub struct WrittenRule {
    place: Place,
    settings: HashMap<String, Place>,
}

/// A line of a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl Written {
    /// The files that were read, the first one first; none: the defaults hold.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Where a setting of a table such as `sending` stands; `None`: it has its default.
    #[must_use]
    pub fn setting(&self, table: &str, name: &str) -> Option<&Place> {
        self.settings.get(&(table.to_owned(), name.to_owned()))
    }

    /// Where the rule for a key stands.
    #[must_use]
    pub fn rule(&self, key: &Key) -> Option<&WrittenRule> {
        self.rules.get(key)
    }

    /// How many rules there are.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn of(sources: &[Source<'_>]) -> Result<Self, ConfigError> {
        let mut written = Self::default();
        for source in sources {
            written.files.push(source.name().to_owned());
            written.read(source, &source.tables()?);
        }
        Ok(written)
    }

    fn read(&mut self, source: &Source<'_>, file: &DeTable<'_>) {
        let name: Arc<Path> = Arc::from(source.name());
        let place = |key: &Spanned<DeString<'_>>| Place {
            file: Arc::clone(&name),
            line: source.line(&key.span()),
        };
        for (table, value) in file {
            let DeValue::Table(entries) = value.get_ref() else {
                continue;
            };
            for (key, value) in entries {
                let text = key.get_ref().to_string();
                match value.get_ref() {
                    DeValue::Table(settings) if table.get_ref() == file::NEXT_HOP => {
                        let Ok(rule) = Key::parse(&text) else {
                            continue;
                        };
                        let settings = settings.keys();
                        let settings = settings.map(|key| (key.get_ref().to_string(), place(key)));
                        let written = WrittenRule {
                            place: place(key),
                            settings: settings.collect(),
                        };
                        self.rules.insert(rule, written);
                    }
                    _ => {
                        let name = (table.get_ref().to_string(), text);
                        self.settings.insert(name, place(key));
                    }
                }
            }
        }
    }
}

impl WrittenRule {
    /// Where the rule begins.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the rule has this setting; `None`: it has its default.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Place> {
        self.settings.get(name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)
    }
}

#[cfg(test)]
mod tests;
