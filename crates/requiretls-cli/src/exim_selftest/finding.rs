//! What was found?

use requiretls_transport::Verdict;
use serde::Serialize;
use std::io::{self, Write};

/// The outcome of one check.
#[derive(Serialize)]
pub(super) struct Finding {
    /// What should be so.
    pub(super) check: String,
    #[serde(serialize_with = "in_a_word")]
    pub(super) verdict: Verdict,
    /// How it was looked at.
    pub(super) asked: String,
    /// What came.
    pub(super) said: String,
    /// What to do about it; empty where it holds.
    #[serde(rename = "do")]
    pub(super) advice: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn in_a_word<S: serde::Serializer>(verdict: &Verdict, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(verdict.as_str())
}

impl Finding {
    /// It is as it should be.
    pub(super) fn holds(check: &str, asked: &str, said: &str) -> Self {
        Self::new(Verdict::Holds, check, asked, said, "")
    }

    /// It is not.
    pub(super) fn fault(check: &str, asked: &str, said: &str, advice: &str) -> Self {
        Self::new(Verdict::Fault, check, asked, said, advice)
    }

    /// It may be meant so.
    pub(super) fn doubt(check: &str, asked: &str, said: &str, advice: &str) -> Self {
        Self::new(Verdict::Doubt, check, asked, said, advice)
    }

    /// It could not be found out.
    pub(super) fn unknown(check: &str, asked: &str, said: &str, advice: &str) -> Self {
        Self::new(Verdict::Unknown, check, asked, said, advice)
    }

    /// With any verdict.
    pub(super) fn new(
        verdict: Verdict,
        check: &str,
        asked: &str,
        said: &str,
        advice: &str,
    ) -> Self {
        Self {
            check: check.to_owned(),
            verdict,
            asked: asked.to_owned(),
            said: said.to_owned(),
            advice: advice.to_owned(),
        }
    }
}

/// All of it.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) exim: String,
    pub(super) version: String,
    /// "stock" or "patched".
    pub(super) build: &'static str,
    /// "standard", "full" or "none".
    pub(super) files: &'static str,
    #[serde(serialize_with = "in_a_word")]
    pub(super) verdict: Verdict,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// For people, or one JSON object.
    pub(super) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
            return out.flush();
        }
        let Self {
            exim,
            version,
            build,
            files,
            ..
        } = self;
        writeln!(
            out,
            "{exim}: Exim {version}, {build} build, {files} files\n"
        )?;
        for finding in &self.findings {
            writeln!(out, "  {:8} {}", finding.verdict.as_str(), finding.check)?;
            if finding.verdict != Verdict::Holds {
                writeln!(out, "           {}: {}", finding.asked, finding.said)?;
                if !finding.advice.is_empty() {
                    writeln!(out, "           {}", finding.advice)?;
                }
            }
        }
        let count = |verdict| {
            let findings = self.findings.iter();
            findings
                .filter(|finding| finding.verdict == verdict)
                .count()
        };
        writeln!(
            out,
            "\n{} checks: {} hold, {} in doubt, {} unknown, {} faults",
            self.findings.len(),
            count(Verdict::Holds),
            count(Verdict::Doubt),
            count(Verdict::Unknown),
            count(Verdict::Fault)
        )?;
        out.flush()
    }
}
