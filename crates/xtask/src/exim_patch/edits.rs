//! What does the source of the patches say?
//!
//! Its lines are explained at its own top.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::Result;

/// A version of Exim, as "4.98.2".
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Version(Vec<u32>);

impl Version {
    /// Major times 1000 plus minor, for `#if`.
    pub(super) fn number(&self) -> u32 {
        self.part(0) * 1000 + self.part(1)
    }

    /// Whether a full version is this one, or a patch level of it.
    pub(super) fn is(&self, full: &str) -> bool {
        full.parse::<Self>()
            .is_ok_and(|full| full.0.starts_with(&self.0))
    }

    fn part(&self, i: usize) -> u32 {
        self.0.get(i).copied().unwrap_or_default()
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        match parts {
            Some(parts) if parts.len() >= 2 && parts.iter().all(|part| *part < 1000) => {
                Ok(Self(parts))
            }
            _ => Err(format!("{text} is no version of Exim, as 4.98.2 is")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// What happens to one line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It is there, and stays.
    Stays,
    /// It is there, and goes.
    Goes,
    /// It comes.
    Comes,
}

/// One place in one file.
#[derive(Debug)]
pub(super) struct Edit {
    /// Line of the source, for messages.
    pub(super) line: usize,
    /// The function that it is in.
    pub(super) function: Option<String>,
    from: Option<Version>,
    until: Option<Version>,
    pub(super) lines: Vec<(Fate, String)>,
}

impl Edit {
    fn is_for(&self, version: &Version) -> bool {
        let number = version.number();
        self.from
            .as_ref()
            .is_none_or(|from| from.number() <= number)
            && self
                .until
                .as_ref()
                .is_none_or(|until| until.number() >= number)
    }
}

/// The whole source.
#[derive(Debug, Default)]
pub(super) struct Edits {
    new_files: Vec<String>,
    edits: Vec<(String, Edit)>,
}

impl Edits {
    /// Reads it; an error begins with the number of the line.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut edits = Self::default();
        let mut file: Option<String> = None;
        let mut open = false;
        for (number, line) in text.lines().enumerate() {
            let number = number + 1;
            let wrong = |what: &str| format!("{number}: {what}: {line}");
            match line.chars().next() {
                // Blank lines and comments end an edit.
                None | Some('#') => open = false,
                Some('@') => {
                    let name = file.clone().ok_or_else(|| wrong("no file is named yet"))?;
                    let edit =
                        head(line, number).ok_or_else(|| wrong("@@ in NAME from V until V"))?;
                    edits.edits.push((name, edit));
                    open = true;
                }
                Some(sign @ (' ' | '-' | '+')) if open => {
                    let fate = match sign {
                        ' ' => Fate::Stays,
                        '-' => Fate::Goes,
                        _ => Fate::Comes,
                    };
                    if let Some((_, edit)) = edits.edits.last_mut() {
                        edit.lines
                            .push((fate, line.get(1..).unwrap_or_default().to_owned()));
                    }
                }
                _ => {
                    open = false;
                    match line.split_once(' ') {
                        Some(("file", name)) => file = Some(name.to_owned()),
                        Some(("new", name)) => edits.new_files.push(name.to_owned()),
                        _ => return Err(wrong("what is this line").into()),
                    }
                }
            }
        }
        for (name, edit) in &edits.edits {
            if !edit.lines.iter().any(|(fate, _)| *fate != Fate::Comes) {
                return Err(format!("{}: an edit of {name} without an anchor", edit.line).into());
            }
        }
        Ok(edits)
    }

    /// The edits of each file that are for a version, in their order.
    pub(super) fn of_files(&self, version: &Version) -> BTreeMap<&str, Vec<&Edit>> {
        let mut files: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
        for (name, edit) in self.edits.iter().filter(|(_, edit)| edit.is_for(version)) {
            files.entry(name).or_default().push(edit);
        }
        files
    }

    /// Files that Exim does not have.
    pub(super) fn new_files(&self) -> &[String] {
        &self.new_files
    }
}

/// `@@ in NAME from V until V`, each part or none.
fn head(line: &str, number: usize) -> Option<Edit> {
    let mut words = line.split_whitespace();
    if words.next() != Some("@@") {
        return None;
    }
    let mut edit = Edit {
        line: number,
        function: None,
        from: None,
        until: None,
        lines: Vec::new(),
    };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word {
            "in" => edit.function = Some(value.to_owned()),
            "from" => edit.from = Some(value.parse().ok()?),
            "until" => edit.until = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(edit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_for_its_versions() -> Result<()> {
        let edits = Edits::parse("file a\n@@ until 4.96\n x\n@@ from 4.97\n y\n@@ in f\n z\n")?;
        let lines = |version: &str| -> Result<Vec<usize>> {
            let files = edits.of_files(&version.parse()?);
            Ok(files["a"].iter().map(|edit| edit.line).collect())
        };
        assert_eq!(lines("4.96")?, [2, 6]);
        assert_eq!(lines("4.96.2")?, [2, 6]);
        assert_eq!(lines("4.98.2")?, [4, 6]);
        assert_eq!(lines("4.100.1")?, [4, 6]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, expected) in [
            ("@@\n x\n", "1: no file is named yet: @@"),
            (
                "file a\n@@ near f\n",
                "2: @@ in NAME from V until V: @@ near f",
            ),
            (
                "file a\n@@ from new\n",
                "2: @@ in NAME from V until V: @@ from new",
            ),
            ("file a\n x\n", "2: what is this line:  x"),
            ("file a\n@@\n+x\n", "2: an edit of a without an anchor"),
            ("file a\n@@\n y\nx\n", "4: what is this line: x"),
        ] {
            let error = Edits::parse(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected), "{text}");
        }
    }
}
