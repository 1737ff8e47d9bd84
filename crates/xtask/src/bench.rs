//! Is the policy as fast as it is meant to be, and no slower than it was?
//!
//! Times are compared with the goals, instructions with the counts in `instructions.txt`. Times are for a quiet
//! machine; the counts are nearly the same on each. No part of `cargo xtask test`.

mod counts;
mod library;
mod times;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;

use crate::command::{cargo, run as run_command};
use crate::{Result, dist, prerequisites};

#[derive(Args)]
pub(crate) struct Options {
    /// What is measured; the policy when it is left out
    #[arg(value_enum, default_value_t = Subject::Policy)]
    subject: Subject,
    /// Count instructions alone
    #[arg(long)]
    counts: bool,
    /// Take the instructions of this run as the new baseline
    #[arg(long)]
    bless: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Subject {
    /// Its times and instructions
    Policy,
    /// `requiretls lmtp` beside Postfix 3.11: messages in a second, and what one costs
    Transport,
}

/// Measures, prints one table, and fails when a goal is missed or a count has grown.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.subject == Subject::Transport {
        return transport();
    }
    prerequisites::install_counter()?;
    let counts = counts::measure()?;
    if options.bless {
        counts::bless(&counts)?;
    }
    let mut rows = count_rows(&counts, &counts::baseline()?)?;
    if !options.counts {
        let library = library::measure()?;
        let mut times = times::measure()?;
        times.extend(library.times);
        rows.extend(time_rows(&times)?);
        rows.push(size_row(library.size));
    }
    print!("{}", table(&rows));
    let missed = rows.iter().filter(|row| row.met == Some(false)).count();
    match missed {
        0 => Ok(()),
        1 => Err("one goal is missed".into()),
        more => Err(format!("{more} goals are missed").into()),
    }
}

/// A test of `ffi-tests`, since it needs real servers; what it measures it prints itself.
fn transport() -> Result<()> {
    run_command(cargo().args(["build", "--release", "--locked", "-p", "requiretls-cli"]))?;
    run_command(
        cargo()
            .args(["nextest", "run", "--cargo-profile", "release", "--locked"])
            .args(["--profile", "soak", "-p", "ffi-tests", "--test", "rates"])
            .args(["--run-ignored", "ignored-only", "--no-capture"]),
    )
}

/// One line of the table.
#[derive(Debug)]
struct Row {
    name: String,
    measured: String,
    goal: String,
    /// `None`: there is no goal.
    met: Option<bool>,
}

/// A count may be so much above its baseline, in percent.
const GROWTH: u64 = 5;
/// The line of a MAIL command against a bare scan of it.
const SCANS: f64 = 2.0;
/// A look-up among many rules against one among ten. In time the caches of the processor have their part.
const LOOK_UPS: f64 = 2.0;
const LOOK_UPS_COUNTED: f64 = 1.1;
/// What making a plan in C, or a whole delivery, may take beyond core's, where all is known already. In nanoseconds.
const BEYOND_CORE: f64 = 5_000.0;
/// In nanoseconds. The C ABI has the time for a MAIL command that a server does not notice.
const TIMES: [(&str, f64); 7] = [
    ("plan_to_gate", 5_000.0),
    ("load_10000", 50_000_000.0),
    ("c_mail_line", 100.0),
    ("c_mail_param", 100.0),
    ("c_mail_params", 100.0),
    ("so_mail_line", 100.0),
    ("so_first_answer", 5_000_000.0),
];

fn count_rows(
    counts: &BTreeMap<String, u64>,
    baseline: &BTreeMap<String, u64>,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, count) in counts {
        let before = baseline.get(name).ok_or_else(|| {
            format!("{name} has no baseline: see that its count is right, and run cargo xtask bench --bless")
        })?;
        rows.push(Row {
            name: name.clone(),
            measured: format!("{count} instructions"),
            goal: format!("{before} + {GROWTH} %"),
            met: Some(count * 100 <= before * (100 + GROWTH)),
        });
    }
    if let Some(gone) = baseline.keys().find(|name| !counts.contains_key(*name)) {
        return Err(format!("{gone} has a baseline and is not measured any more").into());
    }
    // Counts are far below the numbers that a float cannot hold.
    #[expect(clippy::cast_precision_loss)]
    let of = |name: &str| counts.get(name).map(|count| *count as f64);
    rows.push(ratio("mail_line", "bare_scan", of, "instructions", SCANS)?);
    rows.push(ratio(
        "look_up_10000",
        "look_up_10",
        of,
        "instructions",
        LOOK_UPS_COUNTED,
    )?);
    Ok(rows)
}

fn time_rows(times: &BTreeMap<String, f64>) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = times
        .iter()
        .map(|(name, time)| {
            let goal = TIMES
                .iter()
                .find(|(of, _)| of == name)
                .map(|(_, goal)| *goal);
            Row {
                name: name.clone(),
                measured: duration(*time),
                goal: goal.map_or("-".to_owned(), duration),
                met: goal.map(|goal| *time <= goal),
            }
        })
        .collect();
    if let Some((name, _)) = TIMES.iter().find(|(name, _)| !times.contains_key(*name)) {
        return Err(format!("{name} has a goal and is not measured").into());
    }
    let of = |name: &str| times.get(name).copied();
    rows.push(ratio("mail_line", "bare_scan", of, "time", SCANS)?);
    rows.push(ratio("look_up_100000", "look_up_10", of, "time", LOOK_UPS)?);
    for known in ["plan_known", "plan_known_equals", "c_outbound"] {
        rows.push(beyond(known, &format!("{known}_by_core"), of, BEYOND_CORE)?);
    }
    Ok(rows)
}

fn beyond(name: &str, against: &str, of: impl Fn(&str) -> Option<f64>, goal: f64) -> Result<Row> {
    let (Some(one), Some(other)) = (of(name), of(against)) else {
        return Err(
            format!("{name} and {against} are to be compared, and one is not measured").into(),
        );
    };
    let more = (one - other).max(0.0);
    Ok(Row {
        name: format!("{name} beyond {against}"),
        measured: duration(more),
        goal: duration(goal),
        met: Some(more <= goal),
    })
}

fn size_row(size: u64) -> Row {
    let most = dist::MOST_STRIPPED;
    Row {
        name: "librequiretls.so, stripped".to_owned(),
        measured: format!("{size} bytes"),
        goal: format!("{most} bytes"),
        met: Some(size <= most),
    }
}

fn ratio(
    name: &str,
    against: &str,
    of: impl Fn(&str) -> Option<f64>,
    what: &str,
    goal: f64,
) -> Result<Row> {
    let (Some(one), Some(other)) = (of(name), of(against)) else {
        return Err(
            format!("{name} and {against} are to be compared, and one is not measured").into(),
        );
    };
    let ratio = one / other;
    Ok(Row {
        name: format!("{name} / {against}, {what}"),
        measured: format!("{ratio:.2} times"),
        goal: format!("{goal} times"),
        met: Some(ratio <= goal),
    })
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n => format!("{:.2} ms", n / 1e6),
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &String| {
        rows.iter()
            .map(|row| of(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (name, measured, goal) = (
        width(|r| &r.name),
        width(|r| &r.measured),
        width(|r| &r.goal),
    );
    let mut text = String::new();
    for row in rows {
        let met = match row.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "-",
        };
        let _ = writeln!(
            text,
            "{:<name$}  {:>measured$}  {:>goal$}  {met}",
            row.name, row.measured, row.goal
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Row, TIMES, count_rows, time_rows};
    use std::collections::BTreeMap;

    fn missed(rows: &[Row]) -> Vec<&str> {
        let missed = rows.iter().filter(|row| row.met == Some(false));
        missed.map(|row| row.name.as_str()).collect()
    }

    fn counts(changed: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let plain = [
            ("bare_scan", 1_000),
            ("mail_line", 2_000),
            ("look_up_10", 100),
            ("look_up_10000", 110),
        ];
        plain
            .iter()
            .chain(changed)
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn counts_may_grow_by_five_percent() {
        for (label, count, expected) in [
            ("the same", 2_000, &[][..]),
            ("less", 1_000, &[][..]),
            ("5 %", 2_100, &["mail_line / bare_scan, instructions"][..]),
            (
                "and one more",
                2_101,
                &["mail_line", "mail_line / bare_scan, instructions"][..],
            ),
        ] {
            let rows = count_rows(&counts(&[("mail_line", count)]), &counts(&[])).unwrap();
            assert_eq!(missed(&rows), expected, "{label}");
        }
        let rows = count_rows(&counts(&[("look_up_10000", 111)]), &counts(&[])).unwrap();
        assert_eq!(missed(&rows), ["look_up_10000 / look_up_10, instructions"]);
    }

    #[test]
    fn the_baseline_has_what_is_measured_and_nothing_else() {
        let more = counts(&[("new", 1)]);
        assert!(
            count_rows(&more, &counts(&[]))
                .unwrap_err()
                .to_string()
                .contains("--bless")
        );
        assert!(
            count_rows(&counts(&[]), &more)
                .unwrap_err()
                .to_string()
                .contains("new")
        );
    }

    #[test]
    fn times_are_held_against_their_goals() {
        let times = |changed: &[(&str, f64)]| -> BTreeMap<String, f64> {
            let plain = [
                ("bare_scan", 50.0),
                ("mail_line", 100.0),
                ("look_up_10", 40.0),
                ("look_up_100000", 80.0),
                ("plan_known_by_core", 2_000.0),
                ("plan_known", 7_000.0),
                ("plan_known_equals_by_core", 2_000.0),
                ("plan_known_equals", 2_500.0),
                ("c_outbound_by_core", 8_000.0),
                ("c_outbound", 13_000.0),
            ];
            let all = plain.iter().chain(&TIMES).chain(changed);
            all.map(|(name, time)| ((*name).to_owned(), *time))
                .collect()
        };
        let none: [&str; 0] = [];
        assert_eq!(
            missed(&time_rows(&times(&[("tag_parse", 1e9)])).unwrap()),
            none
        );
        for (name, time, expected) in [
            ("plan_to_gate", 5_001.0, "plan_to_gate"),
            ("load_10000", 51e6, "load_10000"),
            ("c_mail_line", 101.0, "c_mail_line"),
            ("so_first_answer", 5.1e6, "so_first_answer"),
            (
                "c_outbound",
                13_001.0,
                "c_outbound beyond c_outbound_by_core",
            ),
            ("mail_line", 101.0, "mail_line / bare_scan, time"),
            ("look_up_100000", 81.0, "look_up_100000 / look_up_10, time"),
            (
                "plan_known",
                7_001.0,
                "plan_known beyond plan_known_by_core",
            ),
            (
                "plan_known_equals",
                7_001.0,
                "plan_known_equals beyond plan_known_equals_by_core",
            ),
        ] {
            assert_eq!(
                missed(&time_rows(&times(&[(name, time)])).unwrap()),
                [expected]
            );
        }
        for (size, met) in [(3_000_000, true), (3_000_001, false)] {
            assert_eq!(super::size_row(size).met, Some(met));
        }
        assert!(
            time_rows(&BTreeMap::new()).is_err(),
            "nothing measured meets no goal"
        );
    }
}
