//! What is told about one domain, to people and to programs?

use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::Mode;
use requiretls_engine::Cache;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// All that is kept for a domain.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) domain: String,
    /// `in force`, `none` (mode none), `expired`, `ignored`, or `-`: only a failure is kept.
    pub(super) state: &'static str,
    /// Why it is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ignored: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Policy>,
    /// The latest fetch, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<Failed>,
    /// Questions that DNS did not answer within the last hour.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unanswered: Vec<String>,
    /// A message waits until the policy was fetched again.
    pub(super) recheck: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Policy {
    pub(super) mode: String,
    pub(super) mx: Vec<String>,
    pub(super) max_age: u32,
    pub(super) id: String,
    pub(super) fetched: String,
    pub(super) expires: String,
    /// As served.
    pub(super) lines: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Failed {
    pub(super) at: String,
    pub(super) id: String,
    pub(super) why: String,
}

impl Told {
    pub(super) fn about(domain: &Domain, cache: &Cache, now: u64) -> Self {
        let memory = cache.memory(domain);
        let (kept, ignored) = match cache.read(domain) {
            Ok(kept) => (kept, None),
            Err(why) => (None, Some(why.to_string())),
        };
        let state = match &kept {
            _ if ignored.is_some() => "ignored",
            None => "-",
            Some(kept) if !kept.kept().is_live(now) => "expired",
            Some(kept) if kept.policy.mode() == Mode::None => "none",
            Some(_) => "in force",
        };
        Self {
            domain: domain.to_string(),
            state,
            ignored,
            policy: kept.map(|kept| Policy {
                mode: kept.policy.mode().to_string(),
                mx: kept.policy.mx().map(str::to_owned).collect(),
                max_age: kept.policy.max_age(),
                fetched: date(kept.fetched),
                expires: date(kept.kept().expires()),
                lines: kept.policy.lines().to_vec(),
                id: kept.id,
            }),
            failed: memory.fetch.map(|failed| Failed {
                at: date(failed.at),
                id: failed.id,
                why: failed.why,
            }),
            unanswered: memory.questions.into_iter().map(|q| q.question).collect(),
            recheck: memory.recheck.is_some(),
        }
    }

    /// What an administrator should know beside the state.
    pub(super) fn remark(&self) -> String {
        let failed = self.failed.as_ref();
        let failed = failed.map(|failed| format!("fetch failed: {}", failed.why));
        let recheck = self.recheck.then(|| "to be fetched again".to_owned());
        let unanswered = (!self.unanswered.is_empty())
            .then(|| format!("no answer: {}", self.unanswered.join(", ")));
        let remarks = [self.ignored.clone(), failed, recheck, unanswered];
        remarks.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// UTC, to the second.
fn date(seconds: u64) -> String {
    let date = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|date| date.format(&Rfc3339).ok());
    date.unwrap_or_else(|| seconds.to_string())
}
