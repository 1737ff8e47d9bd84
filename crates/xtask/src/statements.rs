//! Is every statement held by a test that names it?
//!
//! The statements are what the RFCs and the drafts ask of the policy, by id; `statements.toml` lists them. A statement
//! that no test cites must be an exception there: held elsewhere, or open.

mod citations;
mod id;
mod list;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, tree};
use citations::{Citation, Kind};
use id::Id;
use list::{Exception, List};

/// How much is told, and what fails.
#[derive(Clone, Copy, clap::Args)]
pub(crate) struct Options {
    /// Fail on open statements, and on exceptions that a test has made needless
    #[arg(long)]
    pub(crate) strict: bool,
    /// Leave out the statements that have their tests
    #[arg(long)]
    pub(crate) brief: bool,
}

/// Compares the list with the tests, and tells.
pub(crate) fn run(options: Options) -> Result<()> {
    let path = tree::core().join("statements.toml");
    let text = fs::read_to_string(&path)?;
    let list = List::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let compared = Compared::new(&list, &cited(&tree::root())?);
    print!("{}", compared.told(&list, options));
    compared.verdict(options)
}

/// A test that cites, with the file that it is in.
type Cited = BTreeMap<Id, Vec<(String, Citation)>>;

/// Their tests prove nothing of the library: one builds it, the other is the world that it is tested in.
const TOOLS: [&str; 2] = ["xtask", "requiretls-testbed"];

/// Every citation in the workspace.
fn cited(root: &Path) -> Result<Cited> {
    let mut files = Vec::new();
    for krate in fs::read_dir(root.join("crates"))? {
        let krate = krate?.path();
        if !TOOLS.iter().any(|tool| krate.ends_with(tool)) {
            files_under(&krate, &mut files)?;
        }
    }
    files_under(&root.join("ffi-tests"), &mut files)?;
    files.sort();
    let mut cited = Cited::new();
    for file in files {
        let path = file.strip_prefix(root).unwrap_or(&file);
        let Some(kind) = Kind::of(path) else {
            continue;
        };
        for citation in citations::citations(&fs::read_to_string(&file)?, kind) {
            let entry = (path.display().to_string(), citation);
            cited.entry(entry.1.id).or_default().push(entry);
        }
    }
    Ok(cited)
}

fn files_under(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        } else if !path.ends_with("target") {
            files_under(&path, files)?;
        }
    }
    Ok(())
}

/// The list beside the tests.
struct Compared {
    cited: Cited,
    excepted: Vec<(Id, Exception)>,
    missing: Vec<Id>,
    /// Excepted, and cited all the same.
    needless: Vec<Id>,
}

impl Compared {
    fn new(list: &List, found: &Cited) -> Self {
        let mut compared = Self {
            cited: Cited::new(),
            excepted: Vec::new(),
            missing: Vec::new(),
            needless: Vec::new(),
        };
        for id in list.titles.keys() {
            match (found.get(id), list.exceptions.get(id)) {
                (Some(tests), exception) => {
                    compared.cited.insert(*id, tests.clone());
                    compared.needless.extend(exception.map(|_| *id));
                }
                (None, Some(exception)) => compared.excepted.push((*id, exception.clone())),
                (None, None) => compared.missing.push(*id),
            }
        }
        compared
    }

    /// Statement by statement, then what is missing, then the counts.
    fn told(&self, list: &List, options: Options) -> String {
        let name = |id: &Id| {
            let title = list.titles.get(id).map_or("", String::as_str);
            format!("{:<7} {title}", id.to_string())
                .trim_end()
                .to_owned()
        };
        let mut lines = Vec::new();
        let mut open = 0;
        if !options.brief {
            for (id, tests) in &self.cited {
                lines.push(name(id));
                lines.extend(places(tests));
            }
        }
        for (id, exception) in &self.excepted {
            match exception {
                Exception::Held { why, held } if !options.brief => {
                    lines.push(name(id));
                    lines.push(format!("        {why}; held: {held}"));
                }
                Exception::Held { .. } => {}
                Exception::Open { .. } => open += 1,
            }
        }
        for (id, exception) in &self.excepted {
            if let Exception::Open { why } = exception {
                lines.push(format!("open: {}: {why}", name(id)));
            }
        }
        for id in &self.needless {
            lines.push(format!("excepted, yet a test cites it: {}", name(id)));
        }
        for id in &self.missing {
            lines.push(format!("no test, no exception: {}", name(id)));
        }
        lines.push(format!(
            "{} statements and vectors: {} cited by tests, {} excepted, {open} open, {} missing\n",
            list.titles.len(),
            self.cited.len(),
            self.excepted.len() - open,
            self.missing.len(),
        ));
        lines.join("\n")
    }

    fn verdict(&self, options: Options) -> Result<()> {
        if !self.missing.is_empty() {
            return Err("statements without a test and without an exception".into());
        }
        let is_open =
            |(_, exception): &(Id, Exception)| matches!(exception, Exception::Open { .. });
        if options.strict && self.excepted.iter().any(is_open) {
            return Err("statements are open".into());
        }
        if options.strict && !self.needless.is_empty() {
            return Err("exceptions are needless".into());
        }
        Ok(())
    }
}

/// One line for each test, at its first citation.
fn places(tests: &[(String, Citation)]) -> Vec<String> {
    let mut places: Vec<(&str, &str, usize)> = Vec::new();
    for (path, Citation { item, line, .. }) in tests {
        let known = |(other, name, _): &(&str, &str, usize)| other == path && name == item;
        if !places.iter().any(known) {
            places.push((path, item, *line));
        }
    }
    places
        .iter()
        .map(|(path, item, line)| {
            format!("        {path}:{line} {item}")
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::citations::{Kind, citations};
    use super::{Cited, Compared, List, Options, TOOLS, cited};

    const LIST: &str = concat!(
        "[statements]\nR1 = \"keyword\"\nR2 = \"parameter\"\nR3 = \"line\"\n[exceptions]\n",
        "R2 = { why = \"a\", held = \"b\" }\nR3 = { why = \"c\", open = true }\n",
    );

    fn compare(list: &str, tests: &str, strict: bool) -> (String, bool) {
        let list = List::parse(list).unwrap();
        let mut found = Cited::new();
        for citation in citations(tests, Kind::Tests) {
            let entry = ("t.rs".to_owned(), citation);
            found.entry(entry.1.id).or_default().push(entry);
        }
        let options = Options {
            strict,
            brief: false,
        };
        let compared = Compared::new(&list, &found);
        (
            compared.told(&list, options),
            compared.verdict(options).is_ok(),
        )
    }

    #[test]
    fn what_fails() {
        for (label, tests, plain, strict) in [
            ("one open", "fn a() { \"R1\" }", true, false),
            ("open and cited", "fn a() { \"R1 R3\" }", true, false),
            ("one missing", "fn a() { \"R9\" }", false, false),
        ] {
            assert_eq!(compare(LIST, tests, false).1, plain, "{label}");
            assert_eq!(compare(LIST, tests, true).1, strict, "{label}, strict");
        }
        let (list, _) = LIST.split_once("R3 = { why").unwrap();
        let tests = "fn a() { \"R1 R3\" }";
        assert!(compare(list, tests, true).1, "nothing left to do");
    }

    #[test]
    fn what_is_told() {
        let (told, _) = compare(LIST, "fn a() { \"R1\" }\nfn b() {\n\"R1\"; \"R1\" }", false);
        let expected = [
            "R1      keyword",
            "        t.rs:1 a",
            "        t.rs:3 b",
            "R2      parameter",
            "        a; held: b",
            "open: R3      line: c",
            "3 statements and vectors: 1 cited by tests, 1 excepted, 1 open, 0 missing",
            "",
        ];
        assert_eq!(told, expected.join("\n"));
    }

    #[test]
    fn the_tests_of_the_library_are_found_and_those_of_tools_are_not() {
        let found = cited(&crate::tree::root()).unwrap();
        let mut paths = found.values().flatten().map(|(path, _)| path.as_str());
        assert!(
            paths
                .clone()
                .any(|path| path.starts_with("crates/requiretls-core/src/"))
        );
        assert!(
            paths
                .clone()
                .any(|path| path.starts_with("crates/requiretls-core/tests/"))
        );
        assert!(!paths.any(|path| TOOLS.iter().any(|tool| path.contains(tool))));
    }
}
