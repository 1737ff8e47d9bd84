//! What is told about a configuration, to people and to programs?

use super::for_next_hop::ForNextHop;
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::{Key, Remark};
use requiretls_engine::config::{BUILT_IN_PATH, Place, WeakSetting, Written, WrittenRule};
use requiretls_engine::{Config, ConfigError};
use serde::Serialize;
use std::fmt;
use std::num::NonZeroU16;

/// All that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// None: there is none, and the defaults hold.
    files: Vec<String>,
    rules: usize,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    asked: Option<ForNextHop>,
    /// In the order of the files and lines.
    remarks: Vec<Told>,
}

/// One warning or note.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    warning: bool,
    kind: &'static str,
    #[serde(flatten)]
    at: Option<At>,
    /// The key of a rule, or a table: `sending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    setting: Option<String>,
    text: String,
    /// The rule that the text speaks of besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<RuleAt>,
}

/// A line of a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct At {
    file: String,
    line: usize,
}

/// A rule and where it stands.
#[derive(Debug, Serialize)]
pub(super) struct RuleAt {
    key: String,
    #[serde(flatten)]
    at: Option<At>,
}

/// A configuration that cannot be used.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    error: FaultAt,
}

#[derive(Debug, Serialize)]
struct FaultAt {
    file: String,
    line: Option<usize>,
    text: String,
}

impl Report {
    pub(super) fn new(
        config: &Config,
        written: &Written,
        asked: Option<(&NextHop, Option<NonZeroU16>)>,
    ) -> Self {
        let of_rules = config.rules.review();
        let of_rules = of_rules.iter().map(|remark| Told::of_rule(remark, written));
        let weak = config.weak_settings();
        let weak = weak.iter().map(|weak| Told::of_setting(*weak, written));
        let mut remarks: Vec<Told> = weak.chain(of_rules).collect();
        let files = written.files();
        // The site policy is read last, whatever its name; a setting that is meant stands first.
        remarks.sort_by_cached_key(|told| {
            let file = |at: &At| files.iter().position(|f| f.as_os_str() == at.file.as_str());
            let at = told.at.as_ref().map(|at| (file(at), at.line));
            (at, told.setting.clone(), told.text.clone())
        });
        Self {
            files: files.iter().map(|f| f.display().to_string()).collect(),
            rules: written.rule_count(),
            asked: asked.map(|(next_hop, port)| ForNextHop::new(config, written, next_hop, port)),
            remarks,
        }
    }

    pub(super) fn warnings(&self) -> impl Iterator<Item = &Told> {
        self.remarks.iter().filter(|told| told.warning)
    }
}

impl Told {
    fn of_rule(remark: &Remark, written: &Written) -> Self {
        let rule = written.rule(&remark.key);
        let setting = remark.setting.and_then(|name| rule?.setting(name));
        let at = setting.or(rule.map(WrittenRule::place));
        let other = remark.other.as_ref();
        Self {
            warning: remark.kind.is_warning(),
            kind: remark.kind.as_str(),
            at: at.map(At::of),
            rule: Some(remark.key.to_string()),
            setting: remark.setting.map(str::to_owned),
            text: remark.text.clone(),
            other: other.map(|key| RuleAt::of(key, written)),
        }
    }

    fn of_setting(weak: WeakSetting, written: &Written) -> Self {
        Self {
            warning: true,
            kind: "weak",
            at: written.setting(weak.table, weak.setting).map(At::of),
            rule: None,
            setting: Some(format!("{}.{}", weak.table, weak.setting)),
            text: weak.text.to_owned(),
            other: None,
        }
    }
}

impl At {
    pub(super) fn of(place: &Place) -> Self {
        Self {
            file: place.file.display().to_string(),
            line: place.line,
        }
    }
}

impl RuleAt {
    pub(super) fn of(key: &Key, written: &Written) -> Self {
        Self {
            key: key.to_string(),
            at: written.rule(key).map(|rule| At::of(rule.place())),
        }
    }
}

impl Fault {
    pub(super) fn of(error: &ConfigError) -> Self {
        Self {
            error: FaultAt {
                file: error.file.display().to_string(),
                line: error.line,
                text: error.what.clone(),
            },
        }
    }
}

/// For people. The warnings are not here: they go to standard error.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "read {file}")?;
        }
        if self.files.is_empty() {
            writeln!(f, "there is no {BUILT_IN_PATH}: the defaults hold")?;
        }
        match self.rules {
            1 => writeln!(f, "1 rule")?,
            rules => writeln!(f, "{rules} rules")?,
        }
        if let Some(asked) = &self.asked {
            write!(f, "\n{asked}")?;
        }
        let notes = self.remarks.iter().filter(|told| !told.warning);
        for (n, note) in notes.enumerate() {
            if n == 0 {
                writeln!(f)?;
            }
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

/// `FILE, line 7: next_hop "partner.example", hop: what there is to say`
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        match (&self.rule, &self.setting) {
            (Some(rule), Some(setting)) => write!(f, "next_hop \"{rule}\", {setting}: ")?,
            (Some(rule), None) => write!(f, "next_hop \"{rule}\": ")?,
            (None, Some(setting)) => write!(f, "{setting}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.text)?;
        match &self.other {
            Some(other) => write!(f, ": {other}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file, self.line)
    }
}

impl fmt::Display for RuleAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "next_hop \"{}\"", self.key)?;
        match &self.at {
            Some(at) => write!(f, " at {at}"),
            None => Ok(()),
        }
    }
}
