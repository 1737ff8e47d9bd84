//! How long does it take?

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::command::{cargo, run};
use crate::{Result, tree};

/// What criterion writes down; the rest of it is not needed.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The median of each benchmark, in nanoseconds.
pub(super) fn measure() -> Result<BTreeMap<String, f64>> {
    let home = tree::target().join("criterion");
    // What an earlier run has left would count as measured.
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    run(cargo()
        .args(["bench", "--locked", "--bench", "time", "--bench", "load"])
        .args(["--bench", "known", "--bench", "calls"])
        .args(["-p", "requiretls-bench", "-p", "requiretls-capi"])
        .args([
            "--",
            "--quiet",
            "--noplot",
            "--warm-up-time",
            "1",
            "--measurement-time",
            "3",
        ])
        .env("CRITERION_HOME", &home))?;
    let mut times = BTreeMap::new();
    for entry in std::fs::read_dir(&home)? {
        let entry = entry?;
        if let Some(time) = median(&entry.path().join("new/estimates.json"))? {
            times.insert(entry.file_name().to_string_lossy().into_owned(), time);
        }
    }
    Ok(times)
}

/// `None`: no benchmark's directory.
fn median(file: &Path) -> Result<Option<f64>> {
    if !file.exists() {
        return Ok(None);
    }
    let estimates: Estimates = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    Ok(Some(estimates.median.point_estimate))
}
