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
            .args([
                "bench",
                "--locked",
                "-p",
                "requiretls-bench",
                "-p",
                "requiretls-capi",
                "--bench",
                "instructions",
                "--bench",
                "call_instructions",
            ])
            .args(["--", "--output-format=json"]),
    )?;
    let mut counts = BTreeMap::new();
    for line in told.lines().filter(|line| line.starts_with('{')) {
        let (name, count) = read(&serde_json::from_str(line)?)?;
        counts.insert(name, count);
    }
    Ok(counts)
}

/// One summary of the runner: `look_up` of 10 is `look_up_10`.
fn read(summary: &Value) -> Result<(String, u64)> {
    let function = summary.get("function_name").and_then(Value::as_str);
    let count = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new");
    let (Some(function), Some(count)) = (function, count.and_then(Value::as_u64)) else {
        return Err(format!("a summary without a name or a count: {summary}").into());
    };
    let among = summary.get("id").and_then(Value::as_str);
    let name = match among.and_then(|id| id.strip_prefix("among_")) {
        Some(rules) => format!("{function}_{rules}"),
        None => function.to_owned(),
    };
    Ok((name, count))
}

fn file() -> PathBuf {
    tree::root().join("crates/requiretls-bench/benches/instructions.txt")
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
        "# Instructions of each benchmark in instructions.rs, and those of the C ABI (c_) in call_instructions.rs of\n\
         # requiretls-capi, by callgrind; written by cargo xtask bench --bless\n\
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

#[cfg(test)]
mod tests {
    use super::{parse, read, write};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn the_count_of_a_summary() {
        let summary = |function: &str, id: Option<&str>| {
            let metrics =
                json!({"Dr": {"values": {"new": 1}}, "Ir": {"values": {"new": 7, "old": 8}}});
            let profiles = json!([{"data": {"parts": [], "total": {"metrics": metrics}}}]);
            json!({"function_name": function, "id": id, "profiles": profiles})
        };
        for (function, id, name) in [
            ("tag_parse", None, "tag_parse"),
            ("tag_write", Some("longest"), "tag_write"),
            ("look_up", Some("among_10"), "look_up_10"),
        ] {
            assert_eq!(read(&summary(function, id)).unwrap(), (name.to_owned(), 7));
        }
        assert!(
            read(&json!({"function_name": "tag_parse"})).is_err(),
            "never zero"
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let counts = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 22)]);
        assert_eq!(parse(&write(&counts, "rustc 1.2.3")).unwrap(), counts);
        for bad in ["a", "a x", "a -1", ""] {
            assert!(parse(&format!("{bad}\n")).is_err(), "{bad}");
        }
    }
}
