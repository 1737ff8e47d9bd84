//! What does the shared object show to the dynamic linker?

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Installed, Result, bounded, workspace};

const LIMIT: Duration = Duration::from_secs(60);

fn read(program: &str, arguments: &[&str]) -> Result<String> {
    let library = Installed::find()?.shared_object();
    bounded::output(Command::new(program).args(arguments).arg(library), LIMIT)
}

/// The symbols that the library has promised, one on a line with the version that brought it.
fn promised() -> Result<BTreeSet<String>> {
    let list = fs::read_to_string(workspace().join("crates/requiretls-capi/symbols-in-versions"))?;
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    Ok(lines
        .filter_map(|line| line.split_once(' '))
        .map(|(symbol, _)| symbol.to_owned())
        .collect())
}

/// The symbols of the version script, by their node.
fn scripted() -> Result<BTreeSet<(String, String)>> {
    let script = fs::read_to_string(workspace().join("crates/requiretls-capi/requiretls.map"))?;
    let (mut found, mut node) = (BTreeSet::new(), String::new());
    for line in script.lines() {
        match line.trim() {
            "global:" | "local:" | "*;" => {}
            line if line.starts_with('}') => node.clear(),
            line => match line.split_once(" {") {
                Some((name, "")) => name.clone_into(&mut node),
                _ => {
                    found.insert((node.clone(), line.trim_end_matches(';').to_owned()));
                }
            },
        }
    }
    Ok(found)
}

/// No wildcard: a symbol that was not promised stays inside.
#[test]
fn the_version_script_names_the_promised_symbols() -> Result<()> {
    let node = |symbol| ("REQUIRETLS_0".to_owned(), symbol);
    assert_eq!(scripted()?, promised()?.into_iter().map(node).collect());
    Ok(())
}

#[test]
fn each_symbol_came_with_a_version_that_there_was() -> Result<()> {
    let list = fs::read_to_string(workspace().join("crates/requiretls-capi/symbols-in-versions"))?;
    let number = |version: &str| -> Vec<u32> {
        let parts = version.split('.').map(str::parse);
        parts
            .collect::<std::result::Result<_, _>>()
            .unwrap_or_default()
    };
    let ours = number(env!("CARGO_PKG_VERSION"));
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    for line in &lines {
        let version = line.split_once(' ').map(|(_, version)| number(version));
        let known = version.is_some_and(|version| version.len() == 3 && version <= ours);
        assert!(known, "{line}");
    }
    assert_eq!(lines.len(), promised()?.len(), "one of them is there twice");
    Ok(())
}

#[test]
fn exported_symbols_are_the_promised_ones_under_their_version() -> Result<()> {
    let mut exported = BTreeSet::new();
    for line in read("nm", &["--dynamic", "--defined-only"])?.lines() {
        let symbol = line.split_whitespace().last().unwrap_or_default();
        // The version node is itself a symbol.
        if symbol == "REQUIRETLS_0" {
            continue;
        }
        let name = symbol.strip_suffix("@@REQUIRETLS_0");
        assert!(
            name.is_some(),
            "{symbol} is exported without the version node"
        );
        exported.extend(name.map(str::to_owned));
    }
    assert_eq!(exported, promised()?);
    Ok(())
}

#[test]
fn the_header_declares_the_promised_functions() -> Result<()> {
    let header = fs::read_to_string(Installed::find()?.includedir().join("requiretls.h"))?;
    let mut declared = BTreeSet::new();
    for (number, part) in header.split("/*").enumerate() {
        let code = if number == 0 {
            part
        } else {
            part.split_once("*/").map_or("", |(_, code)| code)
        };
        for (at, _) in code.match_indices('(') {
            let before = code.get(..at).unwrap_or_default();
            let name = before
                .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next();
            declared.extend(
                name.filter(|name| name.starts_with("rtls_"))
                    .map(str::to_owned),
            );
        }
    }
    assert_eq!(declared, promised()?);
    Ok(())
}

#[test]
fn the_shared_object_names_itself_and_stays_loaded() -> Result<()> {
    let dynamic = read("readelf", &["--dynamic", "--wide"])?;
    let entry =
        |tag: &str| -> Vec<&str> { dynamic.lines().filter(|line| line.contains(tag)).collect() };
    for (tag, value) in [
        ("(SONAME)", "[librequiretls.so.0]"),
        ("(FLAGS_1)", "NODELETE"),
        ("(FLAGS_1)", "NOW"),
    ] {
        assert!(
            entry(tag).iter().any(|line| line.contains(value)),
            "{tag} {value}: {dynamic}"
        );
    }
    assert!(entry("TEXTREL").is_empty(), "{dynamic}");
    // With NOW, all of the table of addresses is read-only once the library is loaded; no stack is executable.
    let segments = read("readelf", &["--program-headers", "--wide"])?;
    let segment = |name: &str| segments.lines().find(|line| line.trim().starts_with(name));
    assert!(segment("GNU_RELRO").is_some(), "{segments}");
    let stack = segment("GNU_STACK").unwrap_or("RWE");
    assert!(!stack.contains("RWE"), "{segments}");
    for line in entry("(NEEDED)") {
        let system = ["[libc.so.", "[libgcc_s.so.", "[libm.so.", "[ld-linux"]
            .iter()
            .any(|name| line.contains(name));
        assert!(system, "a library that no program expects: {line}");
    }
    Ok(())
}
