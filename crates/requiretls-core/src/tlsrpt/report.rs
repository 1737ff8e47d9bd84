//! What does a report look like?
//!
//! RFC 8460 section 4.4 (T6): the object that is written as JSON. It is written as the RFC has it,
//! and read leniently, because what others send lacks members or has one string where a list
//! belongs; what cannot be told from others' reports is absent, never an error.

use super::day::Day;
use super::session::{Judged, Policy, Session};
use serde::{Deserialize, Deserializer, Serialize};
use std::net::IpAddr;

/// A report.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Report {
    /// Who reports.
    #[serde(deserialize_with = "or_default")]
    pub organization_name: String,
    /// The day.
    #[serde(deserialize_with = "or_default")]
    pub date_range: DateRange,
    /// Whom to ask about it: an address.
    #[serde(deserialize_with = "or_default")]
    pub contact_info: String,
    /// Unique for the reporter.
    #[serde(deserialize_with = "or_default")]
    pub report_id: String,
    /// One for each policy that was met with.
    #[serde(deserialize_with = "or_default")]
    pub policies: Vec<PolicyReport>,
}

/// The day of a report (RFC 3339).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DateRange {
    /// Its first second.
    #[serde(deserialize_with = "or_default")]
    pub start_datetime: String,
    /// Its last second.
    #[serde(deserialize_with = "or_default")]
    pub end_datetime: String,
}

/// One policy, and what the sessions under it came to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct PolicyReport {
    /// The policy.
    #[serde(deserialize_with = "or_default")]
    pub policy: PolicyBlock,
    /// The counts.
    #[serde(deserialize_with = "or_default")]
    pub summary: Summary,
    /// The failures, one for each kind and host.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub failure_details: Vec<FailureDetails>,
}

/// The policy as it was applied.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct PolicyBlock {
    /// `tlsa`, `sts` or `no-policy-found`; others' words are kept as they are.
    #[serde(deserialize_with = "or_default")]
    pub policy_type: String,
    /// TLSA records or lines of an MTA-STS policy.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub policy_string: Vec<String>,
    /// Written without a policy as well.
    #[serde(deserialize_with = "or_default")]
    pub policy_domain: String,
    /// The patterns of an MTA-STS policy; a list (erratum 6241), which some write as one string.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub mx_host: Vec<String>,
}

/// How many sessions there were.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Summary {
    /// Those with TLS as the policy has it.
    #[serde(deserialize_with = "or_default")]
    pub total_successful_session_count: u64,
    /// The others.
    #[serde(deserialize_with = "or_default")]
    pub total_failure_session_count: u64,
}

/// Failures of one kind.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct FailureDetails {
    /// A word of [`super::ResultType`]; others' words are kept as they are.
    #[serde(deserialize_with = "or_default")]
    pub result_type: String,
    /// The address that was sent from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_mta_ip: Option<String>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_mx_hostname: Option<String>,
    /// What it said in its greeting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_mx_helo: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<String>,
    /// How many there were.
    #[serde(deserialize_with = "or_default")]
    pub failed_session_count: u64,
    /// Where more is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_information: Option<String>,
    /// A cause that the type does not name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason_code: Option<String>,
}

impl Report {
    /// A report of one day without sessions.
    #[must_use]
    pub fn new(organization_name: &str, contact_info: &str, report_id: &str, day: Day) -> Self {
        let (start_datetime, end_datetime) = day.datetimes();
        Self {
            organization_name: organization_name.to_owned(),
            date_range: DateRange {
                start_datetime,
                end_datetime,
            },
            contact_info: contact_info.to_owned(),
            report_id: report_id.to_owned(),
            policies: Vec::new(),
        }
    }

    /// Counts a session. That it is of this day, and of the domain that is told, is for the caller
    /// to see to. `sender`: the address that was sent from.
    pub fn add(&mut self, session: &Session, sender: Option<IpAddr>) {
        for Judged { policy, failure } in &session.policies {
            let policy = block(policy);
            let new = PolicyReport {
                policy: policy.clone(),
                ..PolicyReport::default()
            };
            let same = |known: &PolicyReport| known.policy == policy;
            let failure = failure.map(|failure| FailureDetails {
                result_type: failure.result.as_str().to_owned(),
                sending_mta_ip: sender.map(|ip| ip.to_string()),
                receiving_mx_hostname: Some(session.host.to_string()),
                receiving_ip: session.address.map(|ip| ip.to_string()),
                failure_reason_code: failure.reason.map(str::to_owned),
                ..FailureDetails::default()
            });
            change(&mut self.policies, same, new, |counted| {
                counted.add(failure);
            });
        }
    }
}

impl PolicyReport {
    /// `failure` counts nothing yet.
    fn add(&mut self, failure: Option<FailureDetails>) {
        let Some(failure) = failure else {
            add_one(&mut self.summary.total_successful_session_count);
            return;
        };
        add_one(&mut self.summary.total_failure_session_count);
        let same = |known: &FailureDetails| {
            FailureDetails {
                failed_session_count: 0,
                ..known.clone()
            } == failure
        };
        change(&mut self.failure_details, same, failure.clone(), |known| {
            add_one(&mut known.failed_session_count);
        });
    }
}

fn block(policy: &Policy) -> PolicyBlock {
    PolicyBlock {
        policy_type: policy.kind.as_str().to_owned(),
        policy_string: policy.strings.clone(),
        policy_domain: policy.domain.to_string(),
        mx_host: policy.mx_hosts.clone(),
    }
}

/// Changes the item that is wanted; where there is none, a new one.
fn change<T>(items: &mut Vec<T>, is: impl Fn(&T) -> bool, new: T, how: impl FnOnce(&mut T)) {
    if let Some(known) = items.iter_mut().find(|item| is(item)) {
        how(known);
    } else {
        let mut new = new;
        how(&mut new);
        items.push(new);
    }
}

fn add_one(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// `null` is as absent.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A list, one string, or `null`.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Lines {
        Many(Vec<String>),
        One(String),
    }
    Ok(match Option::deserialize(from)? {
        None => Vec::new(),
        Some(Lines::Many(lines)) => lines,
        Some(Lines::One(line)) => vec![line],
    })
}

#[cfg(test)]
mod tests;
