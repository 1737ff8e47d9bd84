//! How is it written down?
//!
//! A line of fields with a checksum over everything, then the text: the policy line by line as
//! served (S26), or one line for each thing that failed. A file is read by writing it anew: unless
//! that gives the same octets it is none of ours, so there is one way to write each thing and no
//! way to write half of it. The name of the domain is in it, so that a file under another name
//! counts for nobody.

use crate::dns::self_test::{Finding, Tested};
use requiretls_core::domain::Domain;
use requiretls_core::facts::LookupCause;
use requiretls_core::mta_sts::Policy;
use requiretls_core::mta_sts::freshness::Kept;
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Stands behind the name of the file with what failed; no domain name has it.
pub const MEMORY_MARK: char = '!';

/// Stands behind the address of a name server in the name of the file about its test.
pub const SERVER_MARK: char = '@';

/// A policy, and when and for what it was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptPolicy {
    /// The policy.
    pub policy: Policy,
    /// The id of the TXT record that it was fetched for.
    pub id: String,
    /// When it was last fetched, in seconds since 1970.
    pub fetched: u64,
}

/// What has failed at a domain lately. It makes the same failure cheaper to meet again; it never
/// takes the place of an answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// The latest fetch of the policy, if it failed.
    pub fetch: Option<FailedFetch>,
    /// Questions that DNS did not answer.
    pub questions: Vec<FailedQuestion>,
    /// A message waits until the policy was fetched again (S20): since when.
    pub recheck: Option<u64>,
}

/// A fetch that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedFetch {
    /// When.
    pub at: u64,
    /// The id that it was for; empty: none was announced.
    pub id: String,
    /// As facts tell it (T5).
    pub cause: LookupCause,
    /// Stage and cause, in words.
    pub why: String,
}

/// A question that was not answered, and not for lack of time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedQuestion {
    /// When.
    pub at: u64,
    /// "MX example.com".
    pub question: String,
}

impl KeptPolicy {
    /// As the rules for kept policies want it.
    #[must_use]
    pub fn kept(&self) -> Kept<'_> {
        Kept {
            policy: &self.policy,
            id: &self.id,
            fetched: self.fetched,
            failed: None,
        }
    }

    pub(super) fn encode(&self, domain: &Domain) -> Vec<u8> {
        let Self { id, fetched, .. } = self;
        let expires = self.kept().expires();
        let fields = format!("policy domain={domain} id={id} fetched={fetched} expires={expires}");
        let mut text = String::new();
        for line in self.policy.lines() {
            text.push_str(line);
            text.push('\n');
        }
        sealed(&fields, &text)
    }

    /// `None`: torn, or not the policy of this domain.
    pub(super) fn decode(domain: &Domain, octets: &[u8]) -> Option<Self> {
        let (fields, text) = opened(octets)?;
        let mut fields = fields.split(' ');
        let mut field = |name| fields.by_ref().find_map(|f| f.strip_prefix(name));
        let id = field("id=")?.to_owned();
        let fetched = field("fetched=")?.parse().ok()?;
        let policy = Policy::parse(text.as_bytes()).ok()?;
        let kept = Self {
            policy,
            id,
            fetched,
        };
        (kept.encode(domain) == octets).then_some(kept)
    }
}

impl Memory {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The time of the latest thing in it.
    pub(super) fn latest(&self) -> u64 {
        let fetch = self.fetch.as_ref().map(|fetch| fetch.at);
        let questions = self.questions.iter().map(|question| question.at);
        let all = fetch.into_iter().chain(questions).chain(self.recheck);
        all.max().unwrap_or_default()
    }

    pub(super) fn encode(&self, domain: &Domain) -> Vec<u8> {
        let mut text = String::new();
        if let Some(FailedFetch { at, id, cause, why }) = &self.fetch {
            let (cause, why) = (word(*cause), plain(why));
            let _ = writeln!(text, "fetch {at} {cause} {id} {why}");
        }
        if let Some(since) = self.recheck {
            let _ = writeln!(text, "recheck {since}");
        }
        for FailedQuestion { at, question } in self.questions.iter().take(MOST_QUESTIONS) {
            let _ = writeln!(text, "question {at} {}", plain(question));
        }
        sealed(&format!("memory domain={domain}"), &text)
    }

    /// `None`: torn, or not this domain's.
    pub(super) fn decode(domain: &Domain, octets: &[u8]) -> Option<Self> {
        let (_, text) = opened(octets)?;
        let mut memory = Self::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ')?;
            let (at, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let at = at.parse().ok()?;
            match word {
                "fetch" => {
                    let (cause, rest) = rest.split_once(' ')?;
                    let (id, why) = rest.split_once(' ')?;
                    memory.fetch = Some(FailedFetch {
                        at,
                        id: id.to_owned(),
                        cause: cause_of(cause),
                        why: why.to_owned(),
                    });
                }
                "recheck" => memory.recheck = Some(at),
                "question" => memory.questions.push(FailedQuestion {
                    at,
                    question: rest.to_owned(),
                }),
                _ => return None,
            }
        }
        (memory.encode(domain) == octets).then_some(memory)
    }
}

/// The file with what failed.
pub(super) fn memory_name(domain: &Domain) -> String {
    format!("{domain}{MEMORY_MARK}")
}

pub(super) fn encode_tested(server: SocketAddr, tested: Tested) -> Vec<u8> {
    let Tested {
        at,
        finding,
        passed,
    } = tested;
    let (ad, signatures) = (finding.ad.as_str(), finding.signatures.as_str());
    let mut text = format!("tested {at} {ad} {signatures}\n");
    if let Some(passed) = passed {
        let _ = writeln!(text, "passed {passed}");
    }
    sealed(&format!("server address={server}"), &text)
}

/// `None`: torn, or not this server's.
pub(super) fn decode_tested(server: SocketAddr, octets: &[u8]) -> Option<Tested> {
    let (_, text) = opened(octets)?;
    let (first, second) = text.split_once('\n')?;
    let mut words = first.strip_prefix("tested ")?.split(' ');
    let at = words.next()?.parse().ok()?;
    let finding = Finding::from_words(words.next()?, words.next()?)?;
    let passed = match second.strip_suffix('\n') {
        Some(line) => Some(line.strip_prefix("passed ")?.parse().ok()?),
        None => None,
    };
    let tested = Tested {
        at,
        finding,
        passed,
    };
    (encode_tested(server, tested) == octets).then_some(tested)
}

/// The file about a name server's test.
pub(super) fn server_name(server: SocketAddr) -> String {
    format!("{server}{SERVER_MARK}")
}

/// The first words of every file; another format has another number.
const FORMAT: &str = "requiretls-cache 1";

/// So many hosts and families no lookup has.
const MOST_QUESTIONS: usize = 64;

fn sealed(fields: &str, text: &str) -> Vec<u8> {
    let start = format!("{FORMAT} {fields}");
    let mut seal = String::new();
    for octet in digest(&SHA256, format!("{start}\n{text}").as_bytes()).as_ref() {
        let _ = write!(seal, "{octet:02x}");
    }
    format!("{start} sha256={seal}\n{text}").into_bytes()
}

/// Fields and text; whether the seal holds is seen when it is written anew.
fn opened(octets: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(octets).ok()?;
    let (head, text) = text.split_once('\n')?;
    let fields = head.strip_prefix(FORMAT)?.strip_prefix(' ')?;
    Some((fields, text))
}

fn word(cause: LookupCause) -> &'static str {
    match cause {
        LookupCause::PolicyInvalid => "invalid",
        LookupCause::PolicyUntrusted => "untrusted",
        _ => "unavailable",
    }
}

fn cause_of(word: &str) -> LookupCause {
    match word {
        "invalid" => LookupCause::PolicyInvalid,
        "untrusted" => LookupCause::PolicyUntrusted,
        _ => LookupCause::PolicyUnavailable,
    }
}

/// One line of printable ASCII.
fn plain(text: &str) -> String {
    let shown = text.chars().take(300);
    shown
        .map(|c| if matches!(c, ' '..='~') { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use requiretls_core::mta_sts::Mode;

    fn domain(name: &str) -> Domain {
        Domain::parse(name.as_bytes()).unwrap()
    }

    fn kept() -> KeptPolicy {
        let text = b"version: STSv1\r\nmode: testing\nmx: *.d.test\nmax_age: 86400\nx: \xc3\xa9 y";
        KeptPolicy {
            policy: Policy::parse(text).unwrap(),
            id: "20240101".to_owned(),
            fetched: 1_800_000_000,
        }
    }

    fn memory() -> Memory {
        Memory {
            fetch: Some(FailedFetch {
                at: 1_800_000_001,
                id: String::new(),
                cause: LookupCause::PolicyUntrusted,
                why: "TLS: certificate for another name".to_owned(),
            }),
            questions: vec![FailedQuestion {
                at: 1_800_000_002,
                question: "MX d.test".to_owned(),
            }],
            recheck: Some(1_800_000_003),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let d = domain("d.test");
        let written = kept().encode(&d);
        let text = String::from_utf8(written.clone()).unwrap();
        let start = "requiretls-cache 1 policy domain=d.test id=20240101 fetched=1800000000 \
                     expires=1800086400 sha256=";
        assert!(text.starts_with(start), "{text}");
        let lines = "\nversion: STSv1\nmode: testing\nmx: *.d.test\nmax_age: 86400\nx: \u{e9} y\n";
        assert!(text.ends_with(lines), "S26: {text}");
        let read = KeptPolicy::decode(&d, &written).unwrap();
        assert_eq!(read, kept());
        assert_eq!(read.policy.mode(), Mode::Testing);
        assert_eq!(KeptPolicy::decode(&domain("e.test"), &written), None);

        assert_eq!(
            Memory::decode(&d, &memory().encode(&d)),
            Some(memory()),
            "{}",
            String::from_utf8_lossy(&memory().encode(&d))
        );
        assert_eq!(Memory::decode(&d, &written), None, "a policy");
        assert_eq!(KeptPolicy::decode(&d, &memory().encode(&d)), None);
        let broken = Memory {
            fetch: Some(FailedFetch {
                why: "two\nlines %\u{7f}".to_owned(),
                ..memory().fetch.unwrap()
            }),
            ..memory()
        };
        let read = Memory::decode(&d, &broken.encode(&d)).unwrap();
        assert_eq!(read.fetch.unwrap().why, "two?lines %?");
    }

    #[test]
    fn what_a_test_found_is_read_by_its_server_alone() {
        let server = "192.0.2.1:53".parse().unwrap();
        let other = "192.0.2.2:53".parse().unwrap();
        for passed in [None, Some(1_799_999_999)] {
            let tested = Tested {
                at: 1_800_000_000,
                finding: Finding::from_words("never", "strips").unwrap(),
                passed,
            };
            let written = encode_tested(server, tested);
            assert_eq!(decode_tested(server, &written), Some(tested));
            assert_eq!(decode_tested(other, &written), None);
            for place in 0..written.len() {
                let mut changed = written.clone();
                changed[place] ^= 1;
                assert_eq!(decode_tested(server, &changed), None, "changed at {place}");
                assert_eq!(
                    decode_tested(server, &written[..place]),
                    None,
                    "cut at {place}"
                );
            }
        }
    }

    /// Whatever is missing, added or changed: nobody's policy.
    #[test]
    fn what_is_torn_is_nothing() {
        let d = domain("d.test");
        for written in [kept().encode(&d), memory().encode(&d)] {
            let is_nothing = |octets: &[u8], what: &str| {
                assert_eq!(KeptPolicy::decode(&d, octets), None, "{what}");
                assert_eq!(Memory::decode(&d, octets), None, "{what}");
            };
            for length in 0..written.len() {
                is_nothing(&written[..length], &format!("cut at {length}"));
            }
            for place in 0..written.len() {
                let mut changed = written.clone();
                changed[place] ^= 1;
                is_nothing(&changed, &format!("changed at {place}"));
            }
            is_nothing(&[&written[..], b"x: y\n"].concat(), "longer");
            is_nothing(&[&written[..], &written[..]].concat(), "twice");
            is_nothing(&vec![0; written.len()], "empty blocks");
            let newer = String::from_utf8(written).unwrap();
            is_nothing(newer.replacen(" 1 ", " 2 ", 1).as_bytes(), "newer");
        }
    }
}
