//! How does text become a manual page?
//!
//! The `roff` crate writes the language; here are the few shapes that our pages have. Lines are kept short and names of
//! ours are bold.

use roff::{Inline, Roff, bold, italic, roman};

/// When the words of the pages were last gone over; a page has a date of its own, not that of its making.
pub(crate) const DATE: &str = "2026-11-26";

/// A page under way.
pub(crate) struct Page {
    roff: Roff,
    /// A section has just begun: a paragraph in it begins by itself.
    opened: bool,
}

impl Page {
    /// `rtls_open`, 3, and what stands behind the dash in the NAME section.
    pub(crate) fn new(title: &str, section: u8, names: &[&str], about: &str) -> Self {
        let mut roff = Roff::new();
        let source = format!("librequiretls {}", crate::tree::VERSION);
        let manual = match section {
            3 => "Library Functions Manual",
            5 => "File Formats Manual",
            _ => "General Commands Manual",
        };
        let upper = title.to_uppercase();
        let section = section.to_string();
        roff.control("TH", [upper.as_str(), &section, DATE, &source, manual]);
        let mut page = Self {
            roff,
            opened: false,
        };
        page.section("NAME");
        for line in wrap(&format!("{} - {about}", names.join(", "))) {
            page.roff.text([roman(line)]);
        }
        page
    }

    pub(crate) fn section(&mut self, title: &str) {
        self.roff.control("SH", [title]);
        self.opened = true;
    }

    pub(crate) fn subsection(&mut self, title: &str) {
        self.roff.control("SS", [title]);
        self.opened = true;
    }

    /// A paragraph of its own.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.part();
        self.lines(text);
    }

    fn part(&mut self) {
        if !std::mem::take(&mut self.opened) {
            self.roff.control("PP", []);
        }
    }

    fn lines(&mut self, text: &str) {
        for line in wrap(text) {
            self.roff.text(names_bold(&line));
        }
    }

    /// A term and what is said of it.
    pub(crate) fn entry(&mut self, term: &str, text: &str) {
        self.opened = false;
        self.roff.control("TP", []);
        let term = if term.starts_with("RTLS_") || term.starts_with("rtls_") || term.contains('"') {
            bold(term)
        } else {
            italic(term)
        };
        self.roff.text([term]);
        self.lines(text);
    }

    /// Entries inside an entry.
    pub(crate) fn inner(&mut self, entries: impl FnOnce(&mut Self)) {
        self.roff.control("RS", []);
        entries(self);
        self.roff.control("RE", []);
    }

    /// Text as it stands: prototypes, programs.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.part();
        self.roff.control("EX", []);
        for line in text.trim_end().lines() {
            self.roff.text([roman(line)]);
        }
        self.roff.control("EE", []);
    }

    pub(crate) fn see_also<'a>(&mut self, pages: impl IntoIterator<Item = &'a str>) {
        self.section("SEE ALSO");
        let pages: Vec<_> = pages.into_iter().collect();
        let last = pages.len().saturating_sub(1);
        for (i, page) in pages.into_iter().enumerate() {
            let (name, section) = page.split_once('(').unwrap_or((page, ""));
            let end = if i == last { "" } else { "," };
            let section = if section.is_empty() {
                end.to_owned()
            } else {
                format!("({section}{end}")
            };
            self.roff.text([bold(name), roman(section)]);
        }
    }

    pub(crate) fn render(&self) -> String {
        // roff writes a backslash as two, which is one only in the arguments of macros.
        self.roff.render().replace("\\\\", "\\e")
    }
}

/// A page that only leads to another.
pub(crate) fn link(to: &str) -> String {
    format!(".so man3/{to}.3\n")
}

/// Octets of a line in the source of a page.
const WIDTH: usize = 80;

fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width + 1 + written(word) <= WIDTH => {
                line.push(' ');
                line.push_str(word);
                width += 1 + written(word);
            }
            _ => {
                lines.push(word.to_owned());
                width = written(word);
            }
        }
    }
    lines
}

/// How long a word is with the marks of its fonts and its dashes.
fn written(word: &str) -> usize {
    let names = word.matches("rtls_").count() + word.matches("RTLS_").count();
    let marks = r"\fB\fR".len() * names;
    let escaped: usize = word
        .chars()
        .map(|c| match c {
            '-' => 1,
            '\'' => r"\*(Aq".len(),
            _ => 0,
        })
        .sum();
    word.len() + marks + escaped
}

/// The names of the header in bold, the rest as it is.
fn names_bold(line: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    let mut plain = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word: &str = rest.split(|c| !is_name(c)).next().unwrap_or_default();
        if (word.starts_with("rtls_") || word.starts_with("RTLS_")) && word.len() > 5 {
            if !plain.is_empty() {
                inlines.push(roman(std::mem::take(&mut plain)));
            }
            inlines.push(bold(word));
        } else {
            plain.push_str(word);
        }
        rest = rest.get(word.len()..).unwrap_or_default();
        if let Some(other) = rest.chars().next() {
            plain.push(other);
            rest = rest.get(other.len_utf8()..).unwrap_or_default();
        }
    }
    if !plain.is_empty() {
        inlines.push(roman(plain));
    }
    inlines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_are_bold() {
        let line = names_bold("(rtls_open says RTLS_GO, not rtls_ or go)");
        let expected = vec![
            roman("("),
            bold("rtls_open"),
            roman(" says "),
            bold("RTLS_GO"),
            roman(", not rtls_ or go)"),
        ];
        assert_eq!(line, expected);
    }

    #[test]
    fn lines_are_short() {
        let text = "word ".repeat(40);
        let lines = wrap(&text);
        assert!(lines.len() == 3 && lines.iter().all(|line| line.len() <= WIDTH));
        assert_eq!(lines.join(" "), text.trim_end());
    }
}
