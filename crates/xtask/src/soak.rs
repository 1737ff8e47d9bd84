//! What holds over a long time?
//!
//! Tests whose names begin with `soak_` are ignored by `cargo xtask test`, which runs a short part of each under
//! another name. Here they run one after the other, and what they print behind `soak: ` is shown with their times.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;

use crate::Result;
use crate::command::{cargo, output};

#[derive(Args)]
pub(crate) struct Options {
    /// The tests with this in their names; all when it is left out
    name: Option<String>,
    /// Every test this many times as long
    #[arg(long, value_name = "N", default_value_t = 1)]
    times: u32,
    /// Say which tests there are, and run none
    #[arg(long)]
    list: bool,
}

/// Runs the tests, and fails when one does.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.times == 0 {
        return Err("--times 0 would run nothing".into());
    }
    let tests = tests(&listed()?, options.name.as_deref())?;
    if options.list {
        for test in &tests {
            println!("{test}");
        }
        return Ok(());
    }
    let mut runs = Vec::new();
    for test in tests {
        println!("==> {test}");
        let ran = Ran::of(test, options.times)?;
        print!("{}", ran.told());
        runs.push(ran);
    }
    println!("==> all");
    for ran in &runs {
        print!("{}", ran.told());
    }
    match runs.iter().filter(|ran| !ran.passed).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} failed", runs.len()).into()),
    }
}

/// A test by its program, as nextest names both.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Test {
    program: String,
    name: String,
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.program, self.name)
    }
}

/// What came of one test.
struct Ran {
    test: Test,
    passed: bool,
    took: Duration,
    figures: Vec<String>,
}

impl Ran {
    fn of(test: Test, times: u32) -> Result<Self> {
        let filter = format!("binary_id(={}) & test(={})", test.program, test.name);
        let start = Instant::now();
        let output = nextest("run")
            .args(["--profile", "soak", "--no-capture", "--cargo-quiet"])
            .args(["-E", &filter])
            .env("REQUIRETLS_SOAK_TIMES", times.to_string())
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            // What a test has to say about its failure is worth more than a sentence about it.
            print!("{said}{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(Self {
            test,
            passed: output.status.success(),
            took: start.elapsed(),
            figures: figures(&said),
        })
    }

    /// `passed    149.0 s  PROGRAM TEST`, and what it measured below.
    fn told(&self) -> String {
        let word = if self.passed { "passed" } else { "FAILED" };
        let seconds = self.took.as_secs_f64();
        let mut text = format!("{word}  {seconds:>8.1} s  {}\n", self.test);
        for figure in &self.figures {
            text.push_str("                      ");
            text.push_str(figure);
            text.push('\n');
        }
        text
    }
}

/// Their names alone are looked at, so that a test that is not ignored is found too.
fn listed() -> Result<String> {
    output(nextest("list").args(["--message-format", "json"]))
}

fn nextest(task: &str) -> Command {
    let mut command = cargo();
    command
        .args(["nextest", task, "--workspace", "--locked"])
        .args(["--run-ignored", "ignored-only"]);
    command
}

/// What `cargo nextest list` says; the rest of it is not needed.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "rust-suites")]
    programs: BTreeMap<String, Program>,
}

#[derive(Deserialize)]
struct Program {
    #[serde(default)]
    testcases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    ignored: bool,
}

/// Those that are meant.
fn tests(listed: &str, part: Option<&str>) -> Result<Vec<Test>> {
    let listed: Listed = serde_json::from_str(listed)?;
    let mut tests: Vec<Test> = Vec::new();
    for (program, Program { testcases }) in listed.programs {
        for (name, case) in testcases {
            let own = name.rsplit("::").next().unwrap_or_default();
            if !own.starts_with("soak_") {
                continue;
            }
            if !case.ignored {
                return Err(format!("{program} {name} is run by every test run").into());
            }
            if part.is_none_or(|part| name.contains(part)) {
                let program = program.clone();
                tests.push(Test { program, name });
            }
        }
    }
    tests.sort();
    match (tests.is_empty(), part) {
        (false, _) => Ok(tests),
        (true, Some(part)) => Err(format!("no soak test has {part:?} in its name").into()),
        (true, None) => Err("there is no soak test".into()),
    }
}

fn figures(said: &str) -> Vec<String> {
    let figures = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("soak: "));
    figures.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Ran, figures, tests};
    use std::time::Duration;

    const LISTED: &str = r#"{"rust-build-meta":{},"test-count":4,"rust-suites":{
        "engine::cache":{"package-name":"engine","testcases":{
            "faults::soak_b":{"kind":"test","ignored":true},
            "faults::is_a_child":{"kind":"test","ignored":true}}},
        "capi":{"testcases":{"tests::soak_a":{"ignored":true}}},
        "core":{"testcases":{}}}}"#;

    fn names(part: Option<&str>) -> Vec<String> {
        let tests = tests(LISTED, part).unwrap();
        tests.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn those_with_the_name_are_found() {
        let (a, b) = ("capi tests::soak_a", "engine::cache faults::soak_b");
        assert_eq!(names(None), [a, b]);
        assert_eq!(names(Some("_b")), [b]);
        assert_eq!(names(Some("soak")), [a, b]);
        let none = tests(LISTED, Some("child")).unwrap_err();
        assert!(none.to_string().contains("child"), "{none}");
        assert!(tests(r#"{"rust-suites":{}}"#, None).is_err());
    }

    #[test]
    fn one_that_every_run_has_is_a_mistake() {
        let often = LISTED.replace(r#""ignored":true"#, r#""ignored":false"#);
        let error = tests(&often, None).unwrap_err().to_string();
        assert!(error.contains("soak_"), "{error}");
    }

    #[test]
    fn figures_stand_below_the_test() {
        let said = "running 1 test\nsoak: 3 kills\nother\n  soak: 4 more\ntest soak_x ... ok\n";
        assert_eq!(figures(said), ["3 kills", "4 more"]);
        let ran = Ran {
            test: tests(LISTED, Some("_b")).unwrap().remove(0),
            passed: true,
            took: Duration::from_millis(1_250),
            figures: figures(said),
        };
        let told = ran.told();
        let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
        let first = "passed       1.2 s  engine::cache faults::soak_b";
        assert_eq!(lines, [first, "3 kills", "4 more"]);
    }
}
