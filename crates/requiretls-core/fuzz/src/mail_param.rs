//! What does a MAIL command ask, read a second time and naively?
//!
//! The input is the whole command. It is read under every choice of dialects, inside and outside
//! TLS, advertised or not; the order of its parameters must not matter, and no tag may come of a
//! command in clear.

use super::texts::assert_sayable;
use requiretls_core::mail_param::{Answer, Dialects, MailParams, Refusal, TagTrust, rcpt_param};
use requiretls_core::requirement::Requirement;
use requiretls_core::tag;

type Param<'a> = (&'a [u8], Option<&'a [u8]>);

/// The tag, or the code and the enhanced code of the refusal.
type Expected = Result<&'static str, (u16, &'static str)>;

/// A MAIL command, with or without its CRLF.
pub fn check(data: &[u8]) {
    let params = behind_the_path(data).map(split);
    for bits in 0..8_u8 {
        let dialects = Dialects {
            rfc8689: bits & 1 != 0,
            draft_fenton: bits & 2 != 0,
            tls_level: bits & 4 != 0,
        };
        for (advertise, tls) in [(true, true), (true, false), (false, true), (false, false)] {
            let server = Server {
                dialects,
                advertise,
                tls,
            };
            server.command(data, params.as_ref().map_err(|code| *code));
        }
        for (name, _) in params.iter().flatten() {
            on_rcpt(dialects, name);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Server {
    dialects: Dialects,
    advertise: bool,
    tls: bool,
}

impl Server {
    fn params(self) -> MailParams {
        MailParams::new(self.dialects, self.advertise, self.tls)
    }

    fn command(self, line: &[u8], params: Result<&Vec<Param<'_>>, (u16, &'static str)>) {
        let mut read = self.params();
        let answer = read.line(line);
        let expected = params.and_then(|params| self.asked(params));
        assert_eq!(said(&read), expected, "{self:?}");
        match answer {
            Answer::Refused(refusal) => {
                assert_eq!(read.end(), Err(refusal));
                assert_sayable(&refusal.reply());
            }
            Answer::Taken => assert!(read.end().is_ok_and(|r| r != Requirement::None)),
            Answer::NotOurs => assert_eq!(read.end(), Ok(Requirement::None)),
        }
        assert!(
            self.tls || read.end().is_err() || read.end() == Ok(Requirement::None),
            "a tag without TLS: {self:?}"
        );
        if let Ok(params) = params {
            self.in_any_order(params, &expected);
            beside_other_sources(read, answer);
        }
    }

    /// One by one, backwards, and from every place in turn.
    fn in_any_order(self, params: &[Param<'_>], expected: &Expected) {
        let mut order = params.to_vec();
        for turn in 0..params.len().min(3) {
            for backwards in [false, true] {
                if backwards {
                    order.reverse();
                }
                let mut read = self.params();
                for (name, value) in &order {
                    read.param(name, *value);
                }
                assert_eq!(said(&read), *expected, "{self:?}, {turn} {backwards}");
            }
            order.rotate_left(1);
        }
    }

    /// Codes of R2 to R10, F3, L2 and L11, for all parameters of ours together.
    fn asked(self, params: &[Param<'_>]) -> Expected {
        let ours: Vec<_> = params
            .iter()
            .filter_map(|(name, value)| Some((ours(self.dialects, name)?, name, value)))
            .collect();
        let Some((keyword, _, value)) = ours.first() else {
            return Ok("");
        };
        let clean = |bytes: &[u8]| bytes.iter().all(|b| (b'!'..=b'~').contains(b));
        if !self.advertise {
            Err((555, "5.5.4"))
        } else if !self.tls {
            Err((530, "5.7.10"))
        } else if ours.len() > 1 || !ours.iter().all(|(_, n, v)| clean(n) && v.is_none_or(clean)) {
            Err((501, "5.5.4"))
        } else {
            let value = value.map(|v| String::from_utf8_lossy(v).to_ascii_uppercase());
            match (*keyword, value) {
                ("REQUIRETLS", None) if self.dialects.rfc8689 => Ok("1.secure.onward"),
                ("REQUIRETLS", None) => Ok("1.encrypt.onward"),
                ("REQUIRETLS", Some(list)) if self.dialects.draft_fenton => options(&list),
                ("TLS" | "TLSPOLICY", Some(level)) => match level.as_str() {
                    "MAY" => Ok("1.may"),
                    "ENCRYPT" => Ok("1.encrypt"),
                    "SECURE" => Ok("1.secure"),
                    _ => Err((501, "5.5.4")),
                },
                _ => Err((501, "5.5.4")),
            }
        }
    }
}

/// R8, L12: the parameter overrules the header field, and a refusal stays one.
fn beside_other_sources(read: MailParams, answer: Answer) {
    let before = read.end();
    let mut with_field = read;
    with_field.header(b"TLS-Required", b" No\r\n");
    let field_alone = tag::parse("1.no").map_err(Refusal::Tag);
    let expected = match answer {
        Answer::NotOurs => field_alone,
        Answer::Taken | Answer::Refused(_) => before,
    };
    assert_eq!(with_field.end(), expected);
    let mut with_tag = read;
    with_tag.earlier_tag(b"1.may", TagTrust::RaiseOnly);
    assert_eq!(with_tag.end(), before, "a tag from anybody lowers nothing");
    let mut with_damage = read;
    with_damage.earlier_tag(b"1.secure.onwar", TagTrust::Full);
    assert!(with_damage.end().is_err());
}

/// F3: every list that is allowed, in every order of its words.
fn options(list: &str) -> Expected {
    let mut words: Vec<&str> = list.split(',').collect();
    words.sort_unstable();
    Ok(match words.as_slice() {
        ["CHAIN"] => "1.encrypt.onward.chain",
        ["DANE"] => "1.secure.onward.dane",
        ["DNSSEC"] => "1.encrypt.onward.dnssec",
        ["CHAIN", "DANE"] => "1.encrypt.onward.either",
        ["CHAIN", "DNSSEC"] => "1.encrypt.onward.chain.dnssec",
        ["DANE", "DNSSEC"] => "1.secure.onward.dane.dnssec",
        ["CHAIN", "DANE", "DNSSEC"] => "1.encrypt.onward.either.dnssec",
        _ => return Err((501, "5.5.4")),
    })
}

/// The keyword, where it is one of ours; bytes that no keyword has do not hide it.
fn ours(dialects: Dialects, name: &[u8]) -> Option<&'static str> {
    let printable: String = name
        .iter()
        .filter(|b| (b'!'..=b'~').contains(*b))
        .map(|&b| char::from(b).to_ascii_uppercase())
        .collect();
    match printable.as_str() {
        "REQUIRETLS" if dialects.rfc8689 || dialects.draft_fenton => Some("REQUIRETLS"),
        "TLSPOLICY" if dialects.tls_level => Some("TLSPOLICY"),
        "TLS" if dialects.tls_level => Some("TLS"),
        _ => None,
    }
}

fn said(read: &MailParams) -> Result<&'static str, (u16, &'static str)> {
    match read.end() {
        Ok(requirement) => {
            let text = tag::write(requirement);
            let known = super::texts::TAGS.iter().find(|tag| **tag == text);
            Ok(known.expect("a tag of the list"))
        }
        Err(refusal) => {
            let enhanced = refusal.enhanced().to_string();
            let known = ["4.3.0", "5.5.2", "5.5.4", "5.7.10"];
            let known = known.into_iter().find(|code| *code == enhanced);
            Err((refusal.code(), known.expect("a code of ours")))
        }
    }
}

/// R2: on RCPT ours is refused with 555, and others' are not.
fn on_rcpt(dialects: Dialects, name: &[u8]) {
    let refusal = rcpt_param(dialects, name);
    assert_eq!(refusal.is_some(), ours(dialects, name).is_some());
    if let Some(refusal) = refusal {
        assert_eq!(refusal.code(), 555);
        assert_sayable(&refusal.reply());
    }
}

/// Which bytes stand for themselves: not in a quoted string, and not behind a backslash; and
/// whether the quoting is complete at the end.
fn unquoted(text: &[u8]) -> (Vec<bool>, bool) {
    let mut plain = vec![true; text.len()];
    let (mut inside, mut escaped) = (false, false);
    for (at, &byte) in text.iter().enumerate() {
        if escaped {
            (plain[at], escaped) = (false, false);
        } else if byte == b'\\' {
            (plain[at], escaped) = (false, true);
        } else if byte == b'"' {
            (plain[at], inside) = (false, !inside);
        } else if inside {
            plain[at] = false;
        }
    }
    (plain, !inside && !escaped)
}

fn behind_the_path(line: &[u8]) -> Result<&[u8], (u16, &'static str)> {
    let malformed = (501, "5.5.2");
    if line.len() > 8192 {
        return Err((500, "5.5.2"));
    }
    let line = if line.ends_with(b"\r\n") {
        &line[..line.len() - 2]
    } else {
        line
    };
    if line.contains(&b'\r') || line.contains(&b'\n') || line.contains(&0) {
        return Err(malformed);
    }
    let colon = line.iter().position(|&b| b == b':').ok_or(malformed)?;
    let head = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
    let words: Vec<&str> = head.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
    if words != ["mail", "from"] || !head.starts_with('m') {
        return Err(malformed);
    }
    let blanks = |b: &&u8| matches!(**b, b' ' | b'\t');
    let path = &line[colon + 1..];
    let path = &path[path.iter().take_while(blanks).count()..];
    let (plain, complete) = unquoted(path);
    let bracketed = path.starts_with(b"<");
    let end = (usize::from(bracketed)..path.len())
        .find(|&at| plain[at] && matches!(path[at], b'<' | b'>' | b' ' | b'\t'));
    let rest = match (end, end.map(|at| path[at])) {
        (Some(at), Some(b'>')) if bracketed => &path[at + 1..],
        (Some(at), Some(b' ' | b'\t')) if !bracketed => &path[at..],
        (None, _) if !bracketed && complete && !path.is_empty() => &[],
        _ => return Err(malformed),
    };
    match rest.first() {
        None | Some(b' ' | b'\t') => Ok(rest),
        Some(_) => Err(malformed),
    }
}

fn split(rest: &[u8]) -> Vec<Param<'_>> {
    let mut params = Vec::new();
    let mut at = 0;
    while at < rest.len() {
        let length = rest[at..]
            .iter()
            .take_while(|b| !matches!(**b, b' ' | b'\t'))
            .count();
        if length > 0 {
            let word = &rest[at..at + length];
            params.push(match word.iter().position(|&b| b == b'=') {
                Some(equals) => (&word[..equals], Some(&word[equals + 1..])),
                None => (word, None),
            });
        }
        at += length + 1;
    }
    params
}
