//! Does a test fail for every small fault that a tool can plant in the policy?
//!
//! cargo-mutants plants them, one at a time. The unit tests come first, since they are built and run in a fraction of
//! the time; what they let pass meets all tests of the crate. A fault that survives both must stand in `mutants.toml`
//! with the reason why no test can tell it, and what stands there must survive.

mod list;
mod outcome;
mod report;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::{Result, command, prerequisites, tree};
use list::List;
use outcome::{Mutant, Outcome};
use report::Report;

/// What is mutated, and how much at a time.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these modules or files of core's source, such as `dane` or `dane/verify.rs`
    #[arg(long, value_name = "FILE")]
    file: Vec<String>,
    /// The modules that the first ones stand on, too
    #[arg(long, conflicts_with = "file")]
    all: bool,
    /// How many mutants are tested side by side
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// What decides: read from the outside, or a row of the tables.
const FIRST: [&str; 10] = [
    "dane",
    "decision",
    "delivery",
    "ehlo",
    "mail_param",
    "mta_sts",
    "plan",
    "site_policy",
    "tag",
    "tls_required",
];
/// What that stands on.
const SECOND: [&str; 15] = [
    "authenticate",
    "connection",
    "domain",
    "dsn",
    "facts",
    "need",
    "negotiated",
    "next_hop",
    "pkix",
    "reply",
    "requirement",
    "session",
    "tls_level",
    "tlsrpt",
    "txt_record",
];

/// Unit tests that take a hundred times as long as the others together: they wait for the second stage.
const SLOW: [&str; 3] = ["bombs", "damaged_leaf", "all_decision_cases_have_lines"];

/// Plants, tests, compares with the list, and tells.
pub(crate) fn run(options: &Options) -> Result<()> {
    let path = tree::core().join("mutants.toml");
    let text = fs::read_to_string(&path)?;
    let list = List::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let chosen = chosen(options);
    prerequisites::install_cargo_tool("mutants", "cargo-mutants")?;
    let outcomes = test(&chosen, options.jobs)?;
    let report = Report::new(&list, &outcomes, |file| is_chosen(&chosen, file));
    print!("{report}");
    report.verdict()
}

/// Modules and files, as they are named in the options.
fn chosen(options: &Options) -> Vec<&str> {
    if options.file.is_empty() {
        let second: &[&str] = if options.all { &SECOND } else { &[] };
        return FIRST.iter().chain(second).copied().collect();
    }
    options.file.iter().map(String::as_str).collect()
}

/// Whether a file of core's source is one of these, or in one of these modules.
fn is_chosen(chosen: &[&str], file: &str) -> bool {
    chosen.iter().any(|name| {
        file == *name || Path::new(file.strip_suffix(".rs").unwrap_or(file)).starts_with(name)
    })
}

/// Both stages, in their own directory below `target`.
fn test(chosen: &[&str], jobs: usize) -> Result<BTreeMap<Mutant, Outcome>> {
    let dir = tree::target().join("mutation");
    fs::create_dir_all(&dir)?;
    let stage = || {
        let mut cargo = command::cargo();
        cargo
            .args(["mutants", "--package", "requiretls-core"])
            .args(["--profile", "mutants", "--jobs", &jobs.to_string()])
            .arg("--output")
            .arg(&dir);
        for pattern in chosen.iter().flat_map(|name| patterns(name)) {
            cargo.args(["--file", &format!("crates/requiretls-core/src/{pattern}")]);
        }
        cargo
    };
    println!("==> unit tests");
    let quick = SLOW.iter().flat_map(|name| ["--skip", name]);
    let mut outcomes = run_stage(
        stage()
            .args(["--cargo-arg", "--lib"])
            .args(["--", "--"])
            .args(quick),
        &dir,
    )?;
    if outcomes.values().any(|outcome| *outcome == Outcome::Missed) {
        println!("==> all tests, for what the unit tests let pass");
        keep_timeouts(&dir.join("mutants.out"))?;
        for (mutant, outcome) in run_stage(stage().arg("--iterate"), &dir)? {
            let later = outcome.in_the_second_stage();
            outcomes.insert(mutant, later);
        }
    }
    Ok(outcomes)
}

/// The files of a module, or a file alone.
fn patterns(name: &str) -> Vec<String> {
    match name.strip_suffix(".rs") {
        Some(_) => vec![name.to_owned()],
        None => vec![format!("{name}.rs"), format!("{name}/**")],
    }
}

/// Mutants that survive or hang are no failure of the run: they are looked at afterwards.
fn run_stage(cargo: &mut Command, dir: &Path) -> Result<BTreeMap<Mutant, Outcome>> {
    const MISSED: i32 = 2;
    const TIMEOUT: i32 = 3;
    let status = cargo.status()?;
    if !matches!(status.code(), Some(0 | MISSED | TIMEOUT)) {
        return Err(format!("cargo mutants: {status}").into());
    }
    let text = fs::read_to_string(dir.join("mutants.out/outcomes.json"))?;
    outcome::read(&text, &tree::root())
}

/// What hangs in the unit tests hangs in all tests: the second stage is to leave it out, as it does what was caught.
fn keep_timeouts(out: &Path) -> Result<()> {
    let timeouts = fs::read(out.join("timeout.txt"))?;
    let mut caught = OpenOptions::new()
        .append(true)
        .create(true)
        .open(out.join("caught.txt"))?;
    caught.write_all(&timeouts)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FIRST, SECOND, is_chosen};

    /// Modules without policy: `case` is a case's JSON, `log_line` what a log says, `manual` words alone.
    const WITHOUT: [&str; 4] = ["case", "lib", "log_line", "manual"];

    #[test]
    fn no_module_is_forgotten() {
        for entry in std::fs::read_dir(crate::tree::core().join("src")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let module = name.strip_suffix(".rs").unwrap_or(&name);
            assert!(
                [&FIRST[..], &SECOND, &WITHOUT]
                    .concat()
                    .iter()
                    .filter(|known| **known == module)
                    .count()
                    == 1,
                "{module}"
            );
        }
    }

    #[test]
    fn files_are_chosen() {
        for (chosen, file, expected) in [
            ("dane", "dane.rs", true),
            ("dane", "dane/verify.rs", true),
            ("dane", "danes.rs", false),
            ("dane/verify.rs", "dane/verify.rs", true),
            ("dane/verify.rs", "dane/tlsa.rs", false),
            ("dane.rs", "dane/tlsa.rs", false),
            ("plan.rs", "plan.rs", true),
            ("plan/told", "plan/told.rs", true),
        ] {
            assert_eq!(is_chosen(&[chosen], file), expected, "{chosen} {file}");
        }
    }
}
