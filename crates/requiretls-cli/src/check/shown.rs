//! How is it shown to people?
//!
//! A column of what was asked, one of how sure it is, and what was found, wrapped to the width of
//! the terminal under itself. Where there is none, each thing is one line, for grep.

use super::fact::{Fact, span};
use super::report::{Answer, HostReport, Report};
use std::fmt;

/// A report for a terminal of some width.
pub(super) struct Shown<'r> {
    report: &'r Report,
    width: Option<usize>,
}

impl Report {
    /// For a terminal so wide; `None`: for no terminal.
    pub(super) fn shown(&self, width: Option<usize>) -> Shown<'_> {
        Shown {
            report: self,
            width,
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            next_hop,
            port,
            asked,
            dnssec_by,
            servers,
            way,
            hosts,
            answer,
            holds,
            ..
        } = self.report;
        writeln!(f, "{next_hop}, port {port}, {asked}")?;
        writeln!(f, "\nname servers; DNSSEC {dnssec_by}")?;
        self.facts(f, servers)?;
        writeln!(f, "\nthe way to the hosts")?;
        self.facts(f, way)?;
        for host in hosts {
            writeln!(f, "\nhost {}", host.host)?;
            self.host(f, host)?;
        }
        self.answer(f, answer, *holds)
    }
}

impl Shown<'_> {
    fn facts(&self, f: &mut fmt::Formatter<'_>, facts: &[Fact]) -> fmt::Result {
        let lone = match self.report.servers.as_slice() {
            [server] => Some(server.what.as_str()),
            _ => None,
        };
        facts.iter().try_for_each(|fact| {
            let origin = fact.origin(lone);
            let found = shortened(&fact.found);
            let text = if origin.is_empty() {
                found
            } else {
                format!("{found} [{origin}]")
            };
            self.row(f, &fact.what, fact.status, &text)
        })
    }

    fn host(&self, f: &mut fmt::Formatter<'_>, host: &HostReport) -> fmt::Result {
        self.facts(f, &host.facts)?;
        match &host.refused {
            Some(why) => self.row(f, "must prove", "refused", why)?,
            None => self.row(f, "must prove", host.level, by(host.level, host.method))?,
        }
        let halves = [
            ("secure: the way", &host.secure.way),
            ("secure: the host", &host.secure.host),
        ];
        halves.into_iter().try_for_each(|(label, half)| {
            let word = if half.is_there { "yes" } else { "missing" };
            self.row(f, label, word, &half.why)
        })
    }

    fn answer(
        &self,
        f: &mut fmt::Formatter<'_>,
        answer: &Answer,
        holds: Option<u64>,
    ) -> fmt::Result {
        let Answer {
            action,
            code,
            enhanced,
            text,
            ..
        } = answer;
        let holds = holds.map(|holds| format!("; that holds for {}", span(holds)));
        let text = match *action {
            "go" => format!("{text}{}", holds.unwrap_or_default()),
            "bounce" => format!("would be returned: {code} {enhanced} {text}"),
            _ => format!("would wait: {code} {enhanced} {text}"),
        };
        writeln!(f)?;
        let width = self.width.unwrap_or(usize::MAX);
        for line in wrapped(&text, width) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, what: &str, status: &str, text: &str) -> fmt::Result {
        let width = self.width.map_or(usize::MAX, |width| {
            width.saturating_sub(INDENT).max(NARROWEST)
        });
        let mut lines = wrapped(text, width).into_iter();
        let first = lines.next().unwrap_or_default();
        if what.len() > LABEL {
            // On a line of its own, so that the columns stay.
            writeln!(f, "  {what}")?;
            writeln!(f, "  {:LABEL$}  {status:STATUS$}  {first}", "")?;
        } else {
            writeln!(f, "  {what:LABEL$}  {status:STATUS$}  {first}")?;
        }
        lines.try_for_each(|line| writeln!(f, "{:INDENT$}{line}", ""))
    }
}

/// How wide the columns are.
const LABEL: usize = 18;
const STATUS: usize = 9;
const INDENT: usize = 2 + LABEL + 2 + STATUS + 2;
/// What is told has at least so much, however narrow the terminal is.
const NARROWEST: usize = 30;

/// Lines of words, each no longer than this; a word that is longer stays whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Nobody compares a whole digest by eye; `--json` has it.
fn shortened(found: &str) -> String {
    let short = |word: &str| {
        let digits = word.trim_end_matches([',', ':']);
        match digits.split_at_checked(16) {
            Some((head, rest)) if rest.len() > 16 && is_hex(digits) => {
                format!("{head}...{}", word.get(digits.len()..).unwrap_or_default())
            }
            _ => word.to_owned(),
        }
    };
    found.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_hexdigit())
}

fn by(level: &'static str, method: &'static str) -> &'static str {
    match (level, method) {
        ("may", _) => "nothing: TLS where it is offered",
        (_, "none") => "TLS, with any certificate",
        (_, "dane") => "TLS, by DANE",
        (_, "pkix") => "TLS, by a certificate from a known authority",
        (_, "pin") => "TLS, by a pinned key",
        (_, "dane+pkix") => "TLS, by DANE and by a certificate from a known authority",
        _ => "TLS",
    }
}

#[cfg(test)]
mod tests {
    use super::{shortened, wrapped};

    #[test]
    fn words_are_never_broken() {
        let rows: [(&str, usize, &[&str]); 6] = [
            ("", 10, &[""]),
            ("a bc def", 80, &["a bc def"]),
            ("a bc def", 4, &["a bc", "def"]),
            ("a bc def", 1, &["a", "bc", "def"]),
            ("abcdefgh a", 4, &["abcdefgh", "a"]),
            ("\u{fc}\u{fc} \u{fc}", 4, &["\u{fc}\u{fc} \u{fc}"]),
        ];
        for (text, width, expected) in rows {
            assert_eq!(wrapped(text, width), expected, "{text} in {width}");
        }
    }

    #[test]
    fn digests_are_cut() {
        let digest = "0123456789abcdef".repeat(4);
        let rows = [
            (format!("3 1 1 {digest}"), "3 1 1 0123456789abcdef..."),
            (
                format!("3 1 1 {digest}, 2 1 1 {digest}: x"),
                "3 1 1 0123456789abcdef..., 2 1 1 0123456789abcdef...: x",
            ),
            ("mx.example.test".to_owned(), "mx.example.test"),
            ("0123456789abcdef".to_owned(), "0123456789abcdef"),
        ];
        for (text, expected) in rows {
            assert_eq!(shortened(&text), expected);
        }
    }
}
