//! What does a program get that loads the library as it is installed?
//!
//! The other benchmarks link the crates, optimized for speed. What is installed is made small, stripped, and reached
//! through the dynamic linker.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{output, run};
use crate::{Result, dist, header, tree};

/// Of the shared object, stripped.
pub(super) struct Measured {
    /// In bytes.
    pub(super) size: u64,
    /// In nanoseconds.
    pub(super) times: BTreeMap<String, f64>,
}

/// So many processes load it; the median counts.
const PROCESSES: usize = 15;

pub(super) fn measure() -> Result<Measured> {
    let sizes = dist::run(&beside_the_benchmarks())?;
    let dir = tree::target().join("bench");
    fs::create_dir_all(&dir)?;
    let (program, config) = (dir.join("first"), dir.join("requiretls.conf"));
    build(&program)?;
    // The roots are the system's; nothing is asked of anybody.
    fs::write(&config, "[cache]\ndirectory = \"\"\n")?;
    let library = tree::target().join("dist/librequiretls.so.stripped");
    let mut answers = Vec::new();
    for _ in 0..PROCESSES {
        let told = output(Command::new(&program).arg(&library).arg(&config))?;
        answers.push(parse(&told)?);
    }
    Ok(Measured {
        size: sizes.stripped(),
        times: BTreeMap::from([
            ("so_first_answer".to_owned(), median(&answers, |a| a.0)),
            ("so_mail_line".to_owned(), median(&answers, |a| a.1)),
        ]),
    })
}

/// Not where the tests look for it.
fn beside_the_benchmarks() -> dist::Options {
    dist::Options {
        destdir: tree::target().join("bench/installed"),
        prefix: PathBuf::from("/usr"),
        sysconfdir: PathBuf::from("/etc"),
        libdir: PathBuf::from("lib"),
        command: false,
        hooked: false,
    }
}

fn build(program: &Path) -> Result<()> {
    let include = header::path();
    let include = include.parent().unwrap_or(&include);
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-std=c89", "-O2", "-I"]).arg(include);
    compiler.arg(tree::root().join("ffi-tests/c/first.c"));
    run(compiler.arg("-o").arg(program).arg("-ldl"))
}

/// The first answer, and each later one.
fn parse(told: &str) -> Result<(f64, f64)> {
    let mut numbers = told.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(later)), None) => Ok((first, later)),
        _ => Err(format!("no two numbers: {told}").into()),
    }
}

fn median(answers: &[(f64, f64)], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    let mut sorted: Vec<f64> = answers.iter().map(of).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len() / 2)
        .copied()
        .unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::{median, parse};

    #[test]
    fn what_the_program_tells() {
        assert_eq!(parse("1500000 98.5\n").unwrap(), (1_500_000.0, 98.5));
        for bad in ["", "1", "1 x", "1 2 3"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_one_in_the_middle_counts() {
        let answers = [(9.0, 1.0), (1.0, 3.0), (2.0, 2.0)];
        assert!(median(&answers, |a| a.0).total_cmp(&2.0).is_eq());
        assert!(median(&[], |a| a.0).is_infinite(), "nothing meets no goal");
    }
}
