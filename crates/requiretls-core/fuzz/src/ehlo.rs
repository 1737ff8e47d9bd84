//! What does a reply to EHLO offer, and is anything said that was not offered?
//!
//! The input is the reply. A second, naive reading says which keywords its lines have; what is sent
//! for any requirement must be among them, and what is cut out of the reply must be gone.

use super::texts::{TAGS, lines};
use requiretls_core::ehlo::{
    EhloReply, Encoding, Offer, ReplyClass, TlsPolicy, encode, parameters,
};
use requiretls_core::mail_param::{Answer, Dialects, MailParams};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::PeerDialect;
use requiretls_core::tag;

/// All lines of a reply.
pub fn check(data: &[u8]) {
    let reply = EhloReply::parse(data);
    assert_eq!(reply, naive(data));
    if reply.class != ReplyClass::Ok {
        assert!(!reply.starttls && reply.offer == Offer::default());
    }
    stripped(data, reply);
    added(data, reply);
    for tag in TAGS {
        let requirement = tag::parse(tag).unwrap();
        for dialect in [PeerDialect::Rfc8689, PeerDialect::Draft] {
            said(requirement, dialect, reply.offer);
        }
    }
}

/// The words of one line in upper case, behind its code, and what its code says.
fn words(line: &[u8]) -> (Option<ReplyClass>, Vec<String>) {
    // Byte by byte: what is no ASCII belongs to no keyword, and must not fall together with any.
    let text: String = line.iter().map(|&b| char::from(b)).collect();
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let is_code = digits == 3
        && matches!(text.chars().next(), Some('2'..='5'))
        && matches!(text.chars().nth(3), None | Some(' ' | '-' | '\t'));
    let class = is_code.then(|| match &text[..1] {
        "2" => ReplyClass::Ok,
        "5" => ReplyClass::Permanent,
        _ => ReplyClass::Transient,
    });
    let behind: String = text.chars().skip(if is_code { 4 } else { 0 }).collect();
    let words = behind
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect();
    (class, words)
}

fn naive(data: &[u8]) -> EhloReply {
    let nothing = |class| EhloReply {
        class,
        starttls: false,
        offer: Offer::default(),
    };
    if data.len() > 65_536 {
        return nothing(ReplyClass::Transient);
    }
    let lines = lines(data);
    let Some(greeting) = lines.iter().position(|line| !is_blank(line)) else {
        return nothing(ReplyClass::HeloOnly);
    };
    let class = words(lines[greeting]).0.unwrap_or(ReplyClass::Ok);
    let read: Vec<_> = lines[greeting + 1..].iter().map(|l| words(l)).collect();
    if read
        .iter()
        .any(|(own, _)| own.is_some_and(|own| own != class))
    {
        return nothing(ReplyClass::Transient);
    }
    if class != ReplyClass::Ok {
        return nothing(class);
    }
    let has = |keyword: &str| {
        read.iter()
            .any(|(_, w)| w.first().is_some_and(|w| w == keyword))
    };
    let lists = |value: &str| {
        read.iter()
            .filter(|(_, w)| w.first().is_some_and(|w| w == "TLSPOLICY"))
            .any(|(_, w)| w[1..].iter().any(|w| w == value))
    };
    EhloReply {
        class,
        starttls: has("STARTTLS"),
        offer: Offer {
            requiretls: has("REQUIRETLS"),
            tls_policy: TlsPolicy {
                may: lists("MAY"),
                encrypt: lists("ENCRYPT"),
                secure: lists("SECURE"),
            },
            dsn: has("DSN"),
        },
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// Whoever cuts out the lines of a keyword takes that away and nothing else.
fn stripped(data: &[u8], reply: EhloReply) {
    if data.len() > 30_000 {
        return;
    }
    let lines = lines(data);
    let greeting = lines.iter().position(|line| !is_blank(line)).unwrap_or(0);
    for keyword in ["STARTTLS", "REQUIRETLS", "DSN", "TLSPOLICY"] {
        let kept = lines.iter().enumerate().filter(|(at, line)| {
            *at <= greeting || words(line).1.first().is_none_or(|word| word != keyword)
        });
        // Each with its own end: a bare CR at the end of the last one is a part of its keyword.
        let kept: Vec<u8> = kept
            .flat_map(|(_, line)| [*line, b"\r\n"].concat())
            .collect();
        let less = EhloReply::parse(&kept);
        let mut expected = reply;
        match keyword {
            "STARTTLS" => expected.starttls = false,
            "REQUIRETLS" => expected.offer.requiretls = false,
            "DSN" => expected.offer.dsn = false,
            _ => expected.offer.tls_policy = TlsPolicy::default(),
        }
        // A line that is cut out may have been the one with another code, or the one too many.
        if reply.class == ReplyClass::Ok {
            assert_eq!(less, expected, "without {keyword}");
        }
    }
}

/// A further line adds what it says, and takes nothing back.
fn added(data: &[u8], reply: EhloReply) {
    if reply.class != ReplyClass::Ok || data.len() > 65_000 {
        return;
    }
    let more = EhloReply::parse(&[data, b"\n250 requiretls x"].concat());
    let mut expected = reply;
    expected.offer.requiretls = true;
    assert_eq!(more, expected);
    let spoilt = EhloReply::parse(&[data, b"\r\n451 later"].concat());
    assert_eq!(spoilt.class, ReplyClass::Transient);
    assert!(!spoilt.starttls && spoilt.offer == Offer::default());
}

/// What is sent was offered, and says what was asked to a server that reads it (F12, L13).
fn said(requirement: Requirement, dialect: PeerDialect, offer: Offer) {
    let encoding = encode(requirement, dialect);
    let Some(text) = parameters(encoding, offer) else {
        return;
    };
    let parameter = text.strip_prefix(' ').expect("a blank before it");
    let (name, value) = match parameter.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (parameter, None),
    };
    let offered = match (name, value) {
        ("REQUIRETLS", _) => offer.requiretls,
        ("TLSPOLICY", Some("MAY")) => offer.tls_policy.may,
        ("TLSPOLICY", Some("ENCRYPT")) => offer.tls_policy.encrypt,
        ("TLSPOLICY", Some("SECURE")) => offer.tls_policy.secure,
        _ => false,
    };
    assert!(offered, "{text} to {offer:?}");
    assert_ne!(requirement, Requirement::None, "nothing was asked");
    let dialects = Dialects {
        rfc8689: dialect == PeerDialect::Rfc8689,
        draft_fenton: dialect == PeerDialect::Draft,
        tls_level: true,
    };
    let mut read = MailParams::new(dialects, true, true);
    let answer = read.param(name.as_bytes(), value.map(str::as_bytes));
    assert_eq!(answer, Answer::Taken, "{text}");
    let exact = match encoding {
        Encoding::Nothing => panic!("{text}"),
        Encoding::TlsPolicy { .. } => true,
        Encoding::Requiretls { downcast, .. } => !downcast,
        Encoding::Inexpressible { .. } => false,
    };
    let understood = read.end().map(|r| judged(&tag::write(r))).unwrap();
    let asked = tag::write(requirement);
    assert_eq!(exact, understood == judged(&asked), "{text} for {asked}");
}

/// P4: DNSSEC beside a proof is judged as level secure, and at that level any proof will do.
fn judged(tag: &str) -> String {
    match tag {
        "1.secure.onward.dnssec" | "1.secure.onward.either.dnssec" => {
            "1.encrypt.onward.either.dnssec".to_owned()
        }
        "1.secure.onward.chain.dnssec" => "1.encrypt.onward.chain.dnssec".to_owned(),
        other => other.to_owned(),
    }
}
