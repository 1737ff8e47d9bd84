//! What does every fuzz target find in a given time?
//!
//! The targets are in `crates/requiretls-core/fuzz`, outside the workspace. What is found new is kept below cargo's
//! target directory and added to the committed corpus by hand, minimised; a finding fails the task.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{output, run};
use crate::{Result, prerequisites, tree};

/// How long, and which.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// For how long each target runs
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// This target alone
    #[arg(long)]
    target: Option<String>,
    /// How many targets run at the same time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

/// The targets that are not core's: what each of them needs besides.
const WITH_MORE: [(&str, &str); 2] = [("config", "engine"), ("lmtp", "transport")];
/// An input that takes longer is a finding, in seconds.
const TIMEOUT: u64 = 10;

/// Builds the targets, runs them, and tells what came of it.
pub(crate) fn run_targets(options: &Options) -> Result<()> {
    prerequisites::install_cargo_tool("fuzz", "cargo-fuzz")?;
    let targets = targets(options.target.as_deref())?;
    build(&targets)?;
    let paths = Paths::new()?;
    let waiting = Mutex::new(targets.into_iter());
    let runs = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some(target) = next(&waiting) {
                    println!("{target}: {} s", options.seconds);
                    // An error is one sentence by now: as it is, it cannot leave its thread.
                    let run = Run::of(&target, &paths, options.seconds).map_err(|e| e.to_string());
                    if let Ok(mut runs) = runs.lock() {
                        runs.push((target, run));
                    }
                }
            });
        }
    });
    let mut runs = runs.into_inner().unwrap_or_default();
    runs.sort_by(|(a, _), (b, _)| a.cmp(b));
    tell(&runs, &paths)
}

fn next(waiting: &Mutex<std::vec::IntoIter<String>>) -> Option<String> {
    waiting.lock().ok()?.next()
}

/// The names of the binaries, or the one that was asked for.
fn targets(only: Option<&str>) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(fuzz_dir().join("fuzz_targets"))? {
        let path = entry?.path();
        targets.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    targets.sort();
    if let Some(only) = only {
        if !targets.iter().any(|target| target == only) {
            return Err(format!("no target {only:?}; there are {}", targets.join(", ")).into());
        }
        targets.retain(|target| target == only);
    }
    Ok(targets)
}

fn build(targets: &[String]) -> Result<()> {
    // Core's first, so that these do not wait for what the others need.
    let mut targets: Vec<&String> = targets.iter().collect();
    targets.sort_by_key(|target| feature(target).is_some());
    for target in targets {
        let mut build = cargo_fuzz("build");
        build.args(feature(target).map(|feature| format!("--features={feature}")));
        run(build.arg(target))?;
    }
    Ok(())
}

/// What a target needs besides core.
fn feature(target: &str) -> Option<&'static str> {
    let mut needs = WITH_MORE.iter().filter(|(name, _)| *name == target);
    needs.next().map(|(_, feature)| *feature)
}

/// No sanitizer: core is without unsafe code, and four times as many inputs are tried in the same time.
fn cargo_fuzz(task: &str) -> Command {
    let mut command = crate::command::cargo();
    command
        // Coverage is counted by what a stable toolchain has and does not offer.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", task, "--sanitizer", "none", "--fuzz-dir"])
        .arg(fuzz_dir())
        .arg("--target-dir")
        .arg(target_dir());
    command
}

fn fuzz_dir() -> PathBuf {
    tree::core().join("fuzz")
}

fn target_dir() -> PathBuf {
    tree::target().join("fuzz")
}

/// Where the binaries are, and where their output goes.
struct Paths {
    binaries: PathBuf,
    kept: PathBuf,
    findings: PathBuf,
    logs: PathBuf,
}

impl Paths {
    fn new() -> Result<Self> {
        let version = output(Command::new("rustc").arg("-vV"))?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .ok_or("rustc does not say for which host it is")?;
        Ok(Self {
            binaries: target_dir().join(host).join("release"),
            kept: target_dir().join("corpus"),
            findings: target_dir().join("findings"),
            logs: target_dir().join("logs"),
        })
    }
}

/// What came of one target.
struct Run {
    time: Duration,
    counts: Counts,
    finding: Option<String>,
}

/// libFuzzer's own numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Counts {
    runs: u64,
    coverage: u64,
    corpus: u64,
}

impl Run {
    fn of(target: &str, paths: &Paths, seconds: u64) -> Result<Self> {
        let kept = paths.kept.join(target);
        let findings = paths.findings.join(target);
        for dir in [&kept, &findings, &paths.logs] {
            fs::create_dir_all(dir)?;
        }
        let log = paths.logs.join(format!("{target}.log"));
        let mut command = Command::new(paths.binaries.join(target));
        command
            .arg(&kept)
            .arg(fuzz_dir().join("corpus").join(target))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={TIMEOUT}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args(["-max_len=2000", "-print_final_stats=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let dictionary = fuzz_dir().join(format!("dictionaries/{target}.dict"));
        if dictionary.exists() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        let start = Instant::now();
        let status = command.status()?;
        let time = start.elapsed();
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let finding = (!status.success()).then(|| {
            finding(&said).map_or_else(|| format!("{status}, see {}", log.display()), str::to_owned)
        });
        Ok(Self {
            time,
            counts: Counts::of(&said),
            finding,
        })
    }
}

/// The file with the input that made a target end.
fn finding(said: &str) -> Option<&str> {
    said.lines()
        .find_map(|line| line.split_once("Test unit written to "))
        .map(|(_, path)| path.trim())
}

impl Counts {
    fn of(said: &str) -> Self {
        let mut counts = Self::default();
        for line in said.lines() {
            if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
                counts.runs = number(runs);
            }
            if let Some((_, coverage)) = line.split_once(" cov: ") {
                counts.coverage = number(coverage);
            }
            if let Some((_, corpus)) = line.split_once(" corp: ") {
                counts.corpus = number(corpus);
            }
        }
        counts
    }
}

/// The digits with which a text begins, blanks aside.
fn number(text: &str) -> u64 {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn tell(runs: &[(String, std::result::Result<Run, String>)], paths: &Paths) -> Result<()> {
    println!(
        "{:<14} {:>8} {:>12} {:>9} {:>9} {:>7}  finding",
        "target", "seconds", "runs", "runs/s", "coverage", "corpus"
    );
    let mut replays = Vec::new();
    let mut failed = 0;
    for (target, run) in runs {
        match run {
            Ok(run) => {
                println!("{}", run.row(target));
                if let Some(input) = &run.finding {
                    failed += 1;
                    replays.push(replay(target, Path::new(input)));
                }
            }
            Err(error) => {
                failed += 1;
                println!("{target:<14} could not be run: {error}");
            }
        }
    }
    println!("new inputs are in {}", paths.kept.display());
    for replay in &replays {
        println!("{replay}");
    }
    if failed > 0 {
        return Err(format!("{failed} of {} targets have failed", runs.len()).into());
    }
    Ok(())
}

impl Run {
    fn row(&self, target: &str) -> String {
        let Counts {
            runs,
            coverage,
            corpus,
        } = self.counts;
        let seconds = self.time.as_secs();
        let rate = runs / seconds.max(1);
        let finding = self.finding.as_deref().unwrap_or("none");
        format!(
            "{target:<14} {seconds:>8} {runs:>12} {rate:>9} {coverage:>9} {corpus:>7}  {finding}"
        )
    }
}

/// How the finding is seen again, with the place at which the target ended.
fn replay(target: &str, input: &Path) -> String {
    let features = feature(target).map(|feature| format!(" --features={feature}"));
    let features = features.unwrap_or_default();
    let root = tree::root();
    let short = |path: &Path| {
        path.strip_prefix(&root)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    format!(
        "replay: RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none --fuzz-dir {} --target-dir {}{features} {target} {}",
        short(&fuzz_dir()),
        short(&target_dir()),
        short(input)
    )
}

#[cfg(test)]
mod tests {
    use super::{Counts, Duration, Path, Run, finding, replay};

    const SAID: &str = "\
INFO: seed corpus: files: 30 min: 1b max: 60b total: 1000b rss: 30Mb
#30\tINITED cov: 500 ft: 900 corp: 20/800b exec/s: 0 rss: 40Mb
#9049\tREDUCE cov: 1148 ft: 4364 corp: 412/18Kb lim: 60 exec/s: 1005 rss: 60Mb L: 13/60 MS: 1 EraseBytes-
";

    #[test]
    fn the_last_numbers_count() {
        let said =
            format!("{SAID}Done 9049 runs in 9 second(s)\nstat::number_of_executed_units: 9050\n");
        let counts = Counts::of(&said);
        let expected = Counts {
            runs: 9050,
            coverage: 1148,
            corpus: 412,
        };
        assert_eq!(counts, expected);
        assert_eq!(Counts::of(""), Counts::default());
        assert_eq!(finding(&said), None);
    }

    /// A target that needs more than core is replayed with it.
    #[test]
    fn a_replay_has_what_its_target_needs() {
        for (target, feature) in [
            ("tag", ""),
            ("config", "--features=engine "),
            ("lmtp", "--features=transport "),
        ] {
            let line = replay(target, Path::new("x"));
            let end = format!("{feature}{target} x");
            assert!(line.ends_with(&end), "{line}");
            assert_eq!(line.contains("--features"), !feature.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_finding_is_named() {
        let said = format!(
            "{SAID}==7== ERROR: libFuzzer: deadly signal\nartifact_prefix='a/'; Test unit written to a/crash-1\n"
        );
        assert_eq!(finding(&said), Some("a/crash-1"));
        let run = Run {
            time: Duration::from_millis(2500),
            counts: Counts {
                runs: 100,
                coverage: 7,
                corpus: 3,
            },
            finding: Some("a/crash-1".to_owned()),
        };
        let row = run.row("tag");
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["tag", "2", "100", "50", "7", "3", "a/crash-1"]);
    }
}
