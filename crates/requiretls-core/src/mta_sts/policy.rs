//! What does the policy file say?
//!
//! RFC 8461 sections 3.2 and 4.1 with errata 6253 (mixed line ends) and 7282 (large ages).

use crate::domain::Domain;
use std::fmt;
use std::net::IpAddr;

/// The longest `max_age` that counts, in seconds: one year; a larger one is cut to it (S12).
pub const MAX_AGE_LIMIT: u32 = 31_557_600;

/// A valid MTA-STS policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    mode: Mode,
    mx: Vec<String>,
    max_age: u32,
    lines: Vec<String>,
}

/// The mode of a policy (RFC 8461 section 5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mode {
    /// Hosts that fail must not be delivered to.
    Enforce,
    /// Failures are reported only.
    Testing,
    /// As if there were no policy.
    None,
}

impl Policy {
    /// Reads a policy file as served.
    ///
    /// Unknown fields are read over; of a field that may stand once, the first counts (S5).
    ///
    /// # Errors
    /// [`PolicyError`] names the line, or the field that is missing.
    pub fn parse(body: &[u8]) -> Result<Self, PolicyError> {
        let lines = lines(body);
        let mut fields = Fields::default();
        for (index, line) in lines.iter().enumerate() {
            fields.add(line).map_err(|fault| PolicyError::Line {
                number: index.saturating_add(1),
                fault,
            })?;
        }
        fields.finish(
            lines
                .iter()
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect(),
        )
    }

    /// A policy from its fields, with lines as a server might send them.
    ///
    /// # Errors
    /// [`PolicyError`], when a policy file with these fields would not be valid.
    pub fn from_parts(mode: Mode, mx: &[&str], max_age: u32) -> Result<Self, PolicyError> {
        let mut body = format!("version: STSv1\nmode: {mode}\n");
        for pattern in mx {
            // A pattern with a line end in it is a bad pattern, not a further line.
            if pattern.bytes().any(|b| matches!(b, b'\r' | b'\n')) {
                return Err(PolicyError::Line {
                    number: body.lines().count().saturating_add(1),
                    fault: LineFault::BadPattern,
                });
            }
            body.push_str("mx: ");
            body.push_str(pattern);
            body.push('\n');
        }
        body.push_str("max_age: ");
        body.push_str(&max_age.to_string());
        Self::parse(body.as_bytes())
    }

    /// The policy's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How long the policy may be kept, in seconds: at most [`MAX_AGE_LIMIT`]. 0 means for the
    /// present delivery only (S12).
    #[must_use]
    pub fn max_age(&self) -> u32 {
        self.max_age
    }

    /// The patterns of the `mx` fields, as published.
    pub fn mx(&self) -> impl ExactSizeIterator<Item = &str> {
        self.mx.iter().map(String::as_str)
    }

    /// The file's lines as received, without their ends and without blank lines at the end
    /// (S26). Joined with line ends they parse to an equal policy.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether the host matches one of the policy's patterns (S14, VM1 to VM4).
    ///
    /// `host` is the name in the MX record, never what a CNAME leads to.
    #[must_use]
    pub fn matches(&self, host: &Domain) -> bool {
        self.mx
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(rest) => host.parent().is_some_and(|p| p.eq_ignore_ascii_case(rest)),
                None => host.as_str().eq_ignore_ascii_case(pattern),
            })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        })
    }
}

/// Why a policy file is no policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyError {
    /// A line is at fault.
    Line {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// A field is missing.
    Missing(PolicyKey),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineFault {
    /// The age is not 1 to 10 digits.
    BadAge,
    /// The mode is none of the three.
    BadMode,
    /// The `mx` pattern is not a host name or `*.` and one.
    BadPattern,
    /// The value is empty or has characters that the grammar does not allow.
    BadValue,
    /// The version is not `STSv1`.
    BadVersion,
    /// A blank line, or no `key:` at its beginning.
    NoKey,
}

/// The fields that a policy must have (S11).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyKey {
    /// `max_age`.
    MaxAge,
    /// `mode`.
    Mode,
    /// `mx`, unless the mode is none.
    Mx,
    /// `version`.
    Version,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { number, fault } => write!(f, "line {number}: {fault}"),
            Self::Missing(key) => write!(f, "{key} is missing"),
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadAge => "max_age is not a number of 1 to 10 digits",
            Self::BadMode => "the mode is not enforce, testing or none",
            Self::BadPattern => "the mx pattern is not a host name or *. and a host name",
            Self::BadValue => "the value is empty or has a character that is not allowed",
            Self::BadVersion => "the version is not STSv1",
            Self::NoKey => "it does not begin with a key and a colon",
        })
    }
}

impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxAge => "max_age",
            Self::Mode => "mode",
            Self::Mx => "mx",
            Self::Version => "version",
        })
    }
}

impl std::error::Error for PolicyError {}

/// The fields met so far.
#[derive(Default)]
struct Fields {
    version: bool,
    mode: Option<Mode>,
    max_age: Option<u32>,
    mx: Vec<String>,
}

impl Fields {
    fn add(&mut self, line: &[u8]) -> Result<(), LineFault> {
        let (key, value) = split_line(line).ok_or(LineFault::NoKey)?;
        match key {
            "version" if !self.version => {
                self.version = true;
                (value == "STSv1")
                    .then_some(())
                    .ok_or(LineFault::BadVersion)
            }
            "mode" if self.mode.is_none() => {
                self.mode = Some(read_mode(value).ok_or(LineFault::BadMode)?);
                Ok(())
            }
            "max_age" if self.max_age.is_none() => {
                self.max_age = Some(read_age(value).ok_or(LineFault::BadAge)?);
                Ok(())
            }
            "mx" if is_pattern(value) => {
                self.mx.push(value.to_owned());
                Ok(())
            }
            "mx" => Err(LineFault::BadPattern),
            _ => is_extension_value(value)
                .then_some(())
                .ok_or(LineFault::BadValue),
        }
    }

    fn finish(self, lines: Vec<String>) -> Result<Policy, PolicyError> {
        if !self.version {
            return Err(PolicyError::Missing(PolicyKey::Version));
        }
        let mode = self.mode.ok_or(PolicyError::Missing(PolicyKey::Mode))?;
        let max_age = self
            .max_age
            .ok_or(PolicyError::Missing(PolicyKey::MaxAge))?;
        if self.mx.is_empty() && mode != Mode::None {
            return Err(PolicyError::Missing(PolicyKey::Mx));
        }
        Ok(Policy {
            mode,
            mx: self.mx,
            max_age,
            lines,
        })
    }
}

/// The lines without their ends, LF or CRLF; blank ones at the end are left out (S10).
fn lines(body: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = body
        .split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// Key and value; the blanks around the value are not part of it. A key has the grammar of an
/// extension's name, so nothing can stand before it or between it and the colon.
fn split_line(line: &[u8]) -> Option<(&str, &str)> {
    let at = line.iter().position(|&b| b == b':')?;
    let key = line.get(..at)?;
    let holds = (1..=32).contains(&key.len())
        && key.first().is_some_and(u8::is_ascii_alphanumeric)
        && key
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if !holds {
        return None;
    }
    // What is not UTF-8 is left as an empty value, which no field may have.
    let value = std::str::from_utf8(line.get(at.checked_add(1)?..)?).unwrap_or_default();
    Some((
        std::str::from_utf8(key).ok()?,
        value.trim_matches([' ', '\t']),
    ))
}

fn read_mode(value: &str) -> Option<Mode> {
    match value {
        "enforce" => Some(Mode::Enforce),
        "testing" => Some(Mode::Testing),
        "none" => Some(Mode::None),
        _ => None,
    }
}

fn read_age(value: &str) -> Option<u32> {
    let digits = (1..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let age: u64 = digits.then(|| value.parse().ok()).flatten()?;
    Some(u32::try_from(age).unwrap_or(u32::MAX).min(MAX_AGE_LIMIT))
}

/// RFC 5321's Domain, perhaps with `*.` before it (S13). Narrower than [`Domain`]: no U-label, no
/// final dot, no underscore, no address.
fn is_pattern(value: &str) -> bool {
    let name = value.strip_prefix("*.").unwrap_or(value);
    name.len() <= 253
        && name.parse::<IpAddr>().is_err()
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

/// Visible characters, UTF-8 beyond ASCII included, and blanks between them.
fn is_extension_value(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b >= b' ' && b != 127)
}

#[cfg(test)]
mod tests;
