//! Which line of which file is it?

use super::ConfigError;
use requiretls_core::domain::Domain;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::DeTable;

/// A file's text with its name: what turns a place in the text into a line number.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: Cow<'a, str>,
    path: Cow<'a, Path>,
    /// Where the lines behind the first begin. Looked for once, when somebody asks for a line: a
    /// file of many rules has as many places, and counting anew for each would take the square of
    /// that.
    lines: OnceCell<Vec<usize>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a [u8], path: &'a Path) -> Result<Self, ConfigError> {
        match std::str::from_utf8(text) {
            Ok(text) => Ok(Self::of(Cow::Borrowed(text), Cow::Borrowed(path))),
            Err(e) => Err(not_utf8(text, e.valid_up_to(), path)),
        }
    }

    pub(super) fn owned(text: Vec<u8>, path: PathBuf) -> Result<Source<'static>, ConfigError> {
        match String::from_utf8(text) {
            Ok(text) => Ok(Source::of(Cow::Owned(text), Cow::Owned(path))),
            Err(e) => {
                let place = e.utf8_error().valid_up_to();
                Err(not_utf8(e.as_bytes(), place, &path))
            }
        }
    }

    fn of(text: Cow<'a, str>, path: Cow<'a, Path>) -> Self {
        let lines = OnceCell::new();
        Self { text, path, lines }
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|e| self.fault(&e))
    }

    /// The file as it is written, without a meaning.
    pub(super) fn tables(&self) -> Result<DeTable<'_>, ConfigError> {
        let parsed = DeTable::parse(&self.text);
        parsed.map(Spanned::into_inner).map_err(|e| self.fault(&e))
    }

    fn fault(&self, error: &toml::de::Error) -> ConfigError {
        let what = error.message().lines().next().unwrap_or("not TOML");
        match error.span() {
            Some(span) => self.error(&span, what),
            None => ConfigError::in_file(&self.path, what),
        }
    }

    pub(super) fn error(&self, span: &Range<usize>, what: &str) -> ConfigError {
        ConfigError {
            file: self.path.to_path_buf(),
            line: Some(self.line(span)),
            what: what.to_owned(),
        }
    }

    /// "FILE, line 7".
    pub(super) fn place(&self, span: &Range<usize>) -> String {
        format!("{}, line {}", self.path.display(), self.line(span))
    }

    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        let lines = || line_starts(self.text.as_bytes());
        line(self.lines.get_or_init(lines), span.start)
    }

    pub(super) fn name(&self) -> &Path {
        &self.path
    }

    /// A file name from this file.
    pub(super) fn path(&self, named: &str) -> PathBuf {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        directory.join(named)
    }

    pub(super) fn domain(&self, name: &Spanned<String>) -> Result<Domain, ConfigError> {
        Domain::parse(name.get_ref().as_bytes())
            .map_err(|e| self.error(&name.span(), &format!("{:?}: {e}", name.get_ref())))
    }
}

fn not_utf8(text: &[u8], place: usize, path: &Path) -> ConfigError {
    ConfigError {
        file: path.to_owned(),
        line: Some(line(&line_starts(text), place)),
        what: "not UTF-8".to_owned(),
    }
}

fn line_starts(text: &[u8]) -> Vec<usize> {
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(place, _)| place.saturating_add(1)).collect()
}

/// Counted from 1.
fn line(starts: &[usize], place: usize) -> usize {
    let before = starts.partition_point(|start| *start <= place);
    before.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::{line, line_starts};

    #[test]
    fn a_place_is_in_the_line_that_it_stands_in() {
        let starts = line_starts(b"a\n\nbc\n");
        for (place, expected) in [(0, 1), (1, 1), (2, 2), (3, 3), (4, 3), (5, 3), (6, 4)] {
            assert_eq!(line(&starts, place), expected, "octet {place}");
        }
        assert_eq!(line(&line_starts(b""), 0), 1);
    }
}
