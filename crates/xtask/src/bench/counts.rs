//! How many instructions does it take, and how many did it?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::command::{cargo, output};
use crate::{Result, tree};

/// The counts of this run.
pub(super) fn measure() -> Result<BTreeMap<String, u64>> {
    println!("counting instructions");
    let told = output(
        cargo()
            .args(["bench", "--locked", "-p", "requiretls-core", "--bench", "instructions"])
            .args(["--", "--output-format=json"]),
    )?;
    let mut counts = BTreeMap::new();
    for line in told.lines().filter(|line| line.starts_with('{')) {
        let (name, count) = read(&serde_json::from_str(line)?)?;
        counts.insert(name, count);
    }
    Ok(counts)
}

fn file() -> PathBuf {
    tree::core().join("benches/instructions.txt")
}

/// The counts that are committed.
pub(super) fn baseline() -> Result<BTreeMap<String, u64>> {
    parse(&std::fs::read_to_string(file())?)
}

/// Writes the counts down, to be committed.
pub(super) fn bless(counts: &BTreeMap<String, u64>) -> Result<()> {
    let compiler = output(Command::new("rustc").arg("--version"))?;
    Ok(std::fs::write(file(), write(counts, compiler.trim()))?)
}

fn write(counts: &BTreeMap<String, u64>, compiler: &str) -> String {
    let mut text = format!(
        "# Instructions of each benchmark in instructions.rs, by callgrind; written by cargo xtask bench --bless\n\
         # {compiler}\n"
    );
    for (name, count) in counts {
        let _ = writeln!(text, "{name} {count}");
    }
    text
}

fn parse(text: &str) -> Result<BTreeMap<String, u64>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, count) = line
                .split_once(' ')
                .ok_or_else(|| format!("no name and count: {line}"))?;
            Ok((name.to_owned(), count.parse()?))
        })
        .collect()
}
