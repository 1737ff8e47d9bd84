//! Are the manual pages in order, and do their programs compile as they are read?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Failure, Installed, Result, bounded, workspace};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// The installed pages, those that only lead to another one left out.
fn pages(section: u8) -> Result<Vec<PathBuf>> {
    let dir = Installed::find()?.mandir().join(format!("man{section}"));
    let mut pages = Vec::new();
    for entry in dir.read_dir()? {
        let page = entry?.path();
        if !fs::read_to_string(&page)?.starts_with(".so ") {
            pages.push(page);
        }
    }
    Ok(pages)
}

fn name(page: &Path) -> String {
    let name = page.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[test]
fn mandoc_has_nothing_to_say_of_any_page() -> Result<()> {
    let pages = [pages(3)?, pages(5)?].concat();
    assert!(pages.len() > 5, "{pages:?}");
    for page in pages {
        let mut command = Command::new("mandoc");
        command.args(["-T", "lint", "-W", "all"]).arg(&page);
        let said = bounded::run(&mut command, b"", LIMIT)?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!(said, "", "{}", page.display());
    }
    Ok(())
}

#[test]
fn each_call_has_a_page_that_tells_of_it() -> Result<()> {
    let man = Installed::find()?.mandir();
    let list = fs::read_to_string(workspace().join("crates/requiretls-capi/symbols-in-versions"))?;
    let calls = list.lines().filter(|line| !line.starts_with('#'));
    let calls: BTreeSet<&str> = calls.filter_map(|line| line.split(' ').next()).collect();
    assert!(calls.len() > 20, "{calls:?}");
    for call in calls {
        let mut page = man.join(format!("man3/{call}.3"));
        let text = fs::read_to_string(&page)?;
        if let Some(other) = text.strip_prefix(".so ") {
            page = man.join(other.trim_end());
        }
        let read = read(&page)?;
        let told = |section: &str| section_of(&read, section).is_some_and(|s| s.contains(call));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE"] {
            assert!(told(section), "{call}: {section}: {read}");
        }
        for section in ["EXAMPLES", "SEE ALSO"] {
            assert!(section_of(&read, section).is_some(), "{call}: {section}");
        }
    }
    Ok(())
}

/// What a reader copies out of the page, with its indentation.
#[test]
fn the_program_of_each_page_compiles() -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let flags = ["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Werror"];
    let mut programs = 0;
    for page in pages(3)? {
        let read = read(&page)?;
        let example = section_of(&read, "EXAMPLES").unwrap_or_default();
        let program = example.find("#include").and_then(|at| example.get(at..));
        let program = program.ok_or_else(|| Failure::new(format!("{} has none", name(&page))))?;
        let source = dir.path().join(format!("{}.c", name(&page)));
        fs::write(&source, program)?;
        let built = dir.path().join(name(&page));
        let built = installed.compile(&source, &built, &flags, &["requiretls"]);
        built.map_err(|failure| failure.during(name(&page)))?;
        programs += 1;
    }
    assert_eq!(programs, 8);
    Ok(())
}

/// The page as plain text.
fn read(page: &Path) -> Result<String> {
    let mut command = Command::new("mandoc");
    command.args(["-T", "ascii"]).arg(page);
    let text = bounded::output(&mut command, LIMIT)?;
    // A letter is made bold by printing it twice.
    let mut plain = String::new();
    for c in text.chars() {
        if c == '\u{8}' {
            plain.pop();
        } else {
            plain.push(c);
        }
    }
    Ok(plain)
}

/// What stands below a heading, up to the next one.
fn section_of<'a>(read: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = read.split_once(&format!("\n{heading}\n"))?;
    let end = rest
        .match_indices('\n')
        .find(|(at, _)| {
            let next = rest.get(at + 1..).and_then(|rest| rest.chars().next());
            next.is_some_and(|c| !c.is_whitespace())
        })
        .map_or(rest.len(), |(at, _)| at);
    rest.get(..end)
}
