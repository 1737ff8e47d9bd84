//! What does a policy file say, and which hosts are in it, by a naive reading?
//!
//! The input is the body as served. Errors must name a line of it; hosts are made out of the
//! policy's own patterns, so that matching is asked where it is close.

use super::texts::lines;
use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::freshness::{Kept, NOTE, State, settle};
use requiretls_core::mta_sts::{Announcement, MAX_AGE_LIMIT, Mode, Policy, PolicyError};

/// The body of a policy file.
pub fn check(data: &[u8]) {
    let expected = naive(data);
    match Policy::parse(data) {
        Ok(policy) => {
            let (mode, mx, max_age) = expected.expect("no policy, by the naive reading");
            assert_eq!(policy.mode().to_string(), mode);
            assert_eq!(policy.mx().collect::<Vec<_>>(), mx);
            assert_eq!(u64::from(policy.max_age()), max_age);
            assert!(policy.max_age() <= MAX_AGE_LIMIT);
            assert!(policy.mode() == Mode::None || policy.mx().len() > 0);
            written_again(&policy);
            // Each is compared with every pattern: a few of a long list do.
            for pattern in mx.iter().take(12) {
                hosts(&policy, pattern);
            }
            kept(&policy);
        }
        Err(error) => {
            assert_eq!(expected, None, "{error}");
            if let PolicyError::Line { number, .. } = error {
                assert!((1..=lines(data).len()).contains(&number), "{error}");
            }
        }
    }
}

/// Mode, patterns and age; the first of every field that may stand once.
fn naive(data: &[u8]) -> Option<(String, Vec<String>, u64)> {
    let mut lines = lines(data);
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let (mut version, mut mode, mut age) = (None, None, None);
    let mut mx = Vec::new();
    for line in lines {
        let (key, value) = pair(line)?;
        let first = match key.as_str() {
            "version" => &mut version,
            "mode" => &mut mode,
            "max_age" => &mut age,
            "mx" => {
                if !is_pattern(&value) {
                    return None;
                }
                mx.push(value);
                continue;
            }
            _ => {
                if !is_text(&value) {
                    return None;
                }
                continue;
            }
        };
        if first.is_some() {
            // A repetition is read over like a field of another name.
            if !is_text(&value) {
                return None;
            }
        } else {
            *first = Some(value);
        }
    }
    let mode = mode.filter(|m| ["enforce", "testing", "none"].contains(&m.as_str()))?;
    let age =
        age.filter(|a| (1..=10).contains(&a.len()) && a.chars().all(|c| c.is_ascii_digit()))?;
    let seconds: u64 = age.parse().ok()?;
    let complete = version.as_deref() == Some("STSv1") && (mode == "none" || !mx.is_empty());
    complete.then_some((mode, mx, seconds.min(31_557_600)))
}

/// `key ":" *WSP value *WSP`; a key is one to 32 letters, digits and `_-.`, none of these first.
fn pair(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|&b| b == b':')?;
    let key: String = line[..colon].iter().map(|&b| char::from(b)).collect();
    let holds = !key.is_empty()
        && key.len() <= 32
        && key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let value = String::from_utf8(line[colon + 1..].to_vec()).unwrap_or_default();
    holds.then(|| (key, value.trim_matches([' ', '\t']).to_owned()))
}

fn is_text(value: &str) -> bool {
    !value.is_empty() && !value.chars().any(|c| c < ' ' || c == '\u{7f}')
}

/// S13.
fn is_pattern(value: &str) -> bool {
    let name = value.strip_prefix("*.").unwrap_or(value);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let four_numbers = name.split('.').count() == 4
        && name
            .split('.')
            .all(|part| part.parse::<u8>().is_ok_and(|n| n.to_string() == part));
    name.len() <= 253 && name.split('.').all(label) && !four_numbers
}

/// S26: the lines as they came make the policy anew, and so do its parts.
fn written_again(policy: &Policy) {
    for end in ["\n", "\r\n"] {
        let again = Policy::parse(policy.lines().join(end).as_bytes());
        assert_eq!(again.as_ref(), Ok(policy));
    }
    let patterns: Vec<&str> = policy.mx().collect();
    let again = Policy::from_parts(policy.mode(), &patterns, policy.max_age()).unwrap();
    assert_eq!(again.mode(), policy.mode());
    assert_eq!(again.max_age(), policy.max_age());
    assert!(again.mx().eq(policy.mx()));
}

/// Names on both sides of the edge of a pattern.
fn hosts(policy: &Policy, pattern: &str) {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let parent = name.split_once('.').map_or("", |(_, rest)| rest);
    for host in [
        name.to_owned(),
        name.to_ascii_uppercase(),
        format!("{name}."),
        format!("a.{name}"),
        format!("a.b.{name}"),
        format!("a{name}"),
        format!("{name}.a"),
        format!("a.{parent}"),
        parent.to_owned(),
    ] {
        // A host that is no name, or not one in ASCII, is not asked about.
        if let Ok(domain) = Domain::parse(host.as_bytes()) {
            let expected = policy.mx().any(|pattern| fits(pattern, &host));
            assert_eq!(policy.matches(&domain), expected, "{host} in {pattern}");
        }
    }
}

/// S14, label by label: a star stands for exactly one.
fn fits(pattern: &str, host: &str) -> bool {
    let labels = |name: &str| -> Vec<String> {
        let name = name.strip_suffix('.').unwrap_or(name);
        name.split('.').map(str::to_ascii_lowercase).collect()
    };
    let (pattern, host) = (labels(pattern), labels(host));
    pattern.len() == host.len()
        && pattern
            .iter()
            .zip(&host)
            .enumerate()
            .all(|(at, (p, h))| p == h || (at == 0 && p == "*"))
}

/// S17: it lives for its age, and neither the absence of a record nor a failed fetch ends it.
fn kept(policy: &Policy) {
    let fetched = 1_800_000_000;
    let kept = Kept {
        policy,
        id: "a",
        fetched,
        failed: None,
    };
    let age = u64::from(policy.max_age());
    let live = match policy.mode() {
        Mode::None => State::None,
        Mode::Enforce | Mode::Testing => State::Live(policy),
    };
    for txt in [
        None,
        Some(&Announcement::Absent),
        Some(&Announcement::Several(2)),
    ] {
        let at = |now| settle(txt, Some(&kept), None, now);
        if age > 0 {
            assert_eq!(at(fetched), live);
            assert_eq!(at(fetched + age - 1), live);
            assert_eq!(at(0), live, "a clock that was set back ends nothing");
        }
        assert!(!matches!(at(fetched + age), State::Live(_)));
        let noted = txt.is_none() || policy.mode() != Mode::None;
        let noted = if noted { State::Unknown } else { State::None };
        assert_eq!(at(fetched + age + NOTE - 1), noted);
    }
}
