//! What does OpenSSL say of all cases?

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Failure, Result, bounded, compiler, workspace};
use tempfile::TempDir;

use crate::case::Case;

const FLAGS: [&str; 5] = ["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Werror"];
const LIMIT: Duration = Duration::from_secs(120);

/// OpenSSL's answer for one case.
pub(crate) struct Answer {
    /// Whether it takes any of the records.
    pub(crate) any_usable: bool,
    /// Its verdicts at security level 0 and 2: an `X509_V_` number, 0 for consent, and its words.
    pub(crate) verdicts: [(i32, String); 2],
}

/// Builds `c/dane_oracle.c` and asks it about all cases, in one process.
pub(crate) fn answers(cases: &[Case]) -> Result<Vec<Answer>> {
    let dir = TempDir::new()?;
    let program = dir.path().join("dane_oracle");
    let source = workspace().join("ffi-tests/c/dane_oracle.c");
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--cflags", "--libs", "openssl"]);
    let libraries = bounded::output(&mut pkg_config, LIMIT)
        .map_err(|failure| failure.during("apt-get install pkg-config libssl-dev"))?;
    let mut build = compiler()?;
    build
        .args(FLAGS)
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .args(libraries.split_whitespace());
    bounded::output(&mut build, LIMIT)?;

    let questions = questions(cases)?;
    let mut ask = Command::new(&program);
    // The machine's own settings of OpenSSL are none of ours.
    ask.env("OPENSSL_CONF", "/dev/null");
    let said = bounded::run(&mut ask, questions.as_bytes(), LIMIT)?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let answers: Vec<Answer> = text
        .lines()
        .zip(cases)
        .map(|(line, case)| answer(line, case))
        .collect::<Result<_>>()?;
    if !said.status.success() || answers.len() != cases.len() {
        return Err(Failure::new(format!(
            "dane_oracle: {}, {} answers to {} cases\n{}",
            said.status,
            answers.len(),
            cases.len(),
            String::from_utf8_lossy(&said.stderr)
        )));
    }
    Ok(answers)
}

fn questions(cases: &[Case]) -> Result<String> {
    let mut text = String::new();
    for case in cases {
        writeln!(text, "case {}\ntime {}", case.label, case.now)?;
        for name in case.names() {
            writeln!(text, "name {name}")?;
        }
        for record in &case.records {
            let data = hex(&record.data)?;
            let (usage, selector, matching) = (record.usage, record.selector, record.matching);
            writeln!(text, "tlsa {usage} {selector} {matching} {data}")?;
        }
        for certificate in &case.chain {
            writeln!(text, "cert {}", hex(certificate)?)?;
        }
        writeln!(text, "judge")?;
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(if text.is_empty() { "-".into() } else { text })
}

fn answer(line: &str, case: &Case) -> Result<Answer> {
    let fields: Vec<&str> = line.split('\t').collect();
    match fields[..] {
        [label, taken, at_0, at_2, words_0, words_2] if label == case.label => Ok(Answer {
            any_usable: taken != "0",
            verdicts: [
                (at_0.parse()?, words_0.to_owned()),
                (at_2.parse()?, words_2.to_owned()),
            ],
        }),
        _ => Err(Failure::new(format!("{}: {line:?}", case.label))),
    }
}
