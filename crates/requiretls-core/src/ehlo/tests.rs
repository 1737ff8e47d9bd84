// A table is as long as it has rows.
#![allow(clippy::too_many_lines)]

use super::{EhloReply, Encoding, MAX_REPLY, Offer, ReplyClass, TlsPolicy};
use super::{encode, keywords, parameters};
use crate::mail_param::Dialects;
use crate::requirement::tests::all;
use crate::requirement::{Requirement, Requiring};
use crate::site_policy::PeerDialect;
use crate::tag;
use crate::tls_level::TlsLevel;

const ALL_VALUES: TlsPolicy = TlsPolicy {
    may: true,
    encrypt: true,
    secure: true,
};

#[test]
fn keywords_inside_tls_only() {
    let dialects = |rfc8689, draft_fenton, tls_level| Dialects {
        rfc8689,
        draft_fenton,
        tls_level,
    };
    let rows: &[(&str, Dialects, bool, bool, &[&str])] = &[
        (
            "R1",
            dialects(true, false, false),
            true,
            true,
            &["REQUIRETLS"],
        ),
        (
            "F12",
            dialects(false, true, false),
            true,
            true,
            &["REQUIRETLS"],
        ),
        (
            "L7",
            dialects(false, false, true),
            true,
            true,
            &["TLSPOLICY MAY ENCRYPT SECURE"],
        ),
        (
            "all",
            dialects(true, true, true),
            true,
            true,
            &["REQUIRETLS", "TLSPOLICY MAY ENCRYPT SECURE"],
        ),
        ("R5 in clear", dialects(true, true, true), true, false, &[]),
        (
            "R10 not advertised",
            dialects(true, true, true),
            false,
            true,
            &[],
        ),
        ("no dialect", dialects(false, false, false), true, true, &[]),
    ];
    for (label, dialects, advertise, tls, lines) in rows {
        let told: Vec<_> = keywords(*dialects, *advertise, *tls).collect();
        assert_eq!(told, *lines, "{label}");
    }
}

#[test]
fn replies() {
    let offer = |requiretls, dsn, tls_policy| Offer {
        requiretls,
        tls_policy,
        dsn,
    };
    let nothing = Offer::default();
    let none = TlsPolicy::default();
    let rows: &[(&str, &[u8], ReplyClass, bool, Offer)] = &[
        (
            "with codes",
            b"250-mx.example\r\n250-STARTTLS\r\n250-DSN\r\n250 REQUIRETLS\r\n",
            ReplyClass::Ok,
            true,
            offer(true, true, none),
        ),
        (
            "without codes, LF, mixed case",
            b"mx.example Hello\nStartTLS\ndsn\nRequireTls",
            ReplyClass::Ok,
            true,
            offer(true, true, none),
        ),
        (
            "R1 arguments ignored",
            b"250-x\r\n250 REQUIRETLS CHAIN DANE\r\n",
            ReplyClass::Ok,
            false,
            offer(true, false, none),
        ),
        (
            "L7",
            b"250-x\r\n250 TLSPOLICY may ENCRYPT Secure later\r\n",
            ReplyClass::Ok,
            false,
            offer(false, false, ALL_VALUES),
        ),
        (
            "L13 one value",
            b"250-x\r\n250 TLSPOLICY  SECURE\r\n",
            ReplyClass::Ok,
            false,
            offer(
                false,
                false,
                TlsPolicy {
                    secure: true,
                    ..none
                },
            ),
        ),
        (
            "the greeting is no keyword",
            b"250-REQUIRETLS\r\n250 SIZE\r\n",
            ReplyClass::Ok,
            false,
            nothing,
        ),
        (
            "one line",
            b"250 STARTTLS\r\n",
            ReplyClass::Ok,
            false,
            nothing,
        ),
        (
            "no keyword",
            b"250-x\r\n250-XREQUIRETLS\r\n250-REQUIRETLS2\r\n250-SIZE REQUIRETLS\r\n250 REQUIRETLS=X",
            ReplyClass::Ok,
            false,
            nothing,
        ),
        (
            "NUL, 8-bit and bare CR are no keyword",
            b"250-x\r\n250-REQUIRETLS\0\r\n250-REQUIRETLS\xff\r\n250 REQUIRETLS\rX\r\n",
            ReplyClass::Ok,
            false,
            nothing,
        ),
        ("HELO only", b"", ReplyClass::HeloOnly, false, nothing),
        ("HELO only, blank", b"\r\n \r\n", ReplyClass::HeloOnly, false, nothing),
        ("4yz", b"421 4.3.2 later\r\n", ReplyClass::Transient, false, nothing),
        (
            "4yz offers nothing",
            b"450-x\r\n450 STARTTLS\r\n",
            ReplyClass::Transient,
            false,
            nothing,
        ),
        ("5yz", b"502 5.5.1 what?\r\n", ReplyClass::Permanent, false, nothing),
        ("3yz", b"354 go on\r\n", ReplyClass::Transient, false, nothing),
        (
            "two codes",
            b"250-x\r\n550 REQUIRETLS\r\n",
            ReplyClass::Transient,
            false,
            nothing,
        ),
        ("code alone", b"250", ReplyClass::Ok, false, nothing),
        ("5yz code alone", b"502", ReplyClass::Permanent, false, nothing),
        (
            "a greeting that begins like a code",
            b"5500.example\r\nSTARTTLS\r\n",
            ReplyClass::Ok,
            true,
            nothing,
        ),
        (
            "empty line first",
            b"\r\n250-x\r\n250 STARTTLS",
            ReplyClass::Ok,
            true,
            nothing,
        ),
    ];
    for (label, reply, class, starttls, offer) in rows {
        let read = EhloReply::parse(reply);
        assert_eq!(read.class, *class, "{label}");
        assert_eq!(read.starttls, *starttls, "{label}");
        assert_eq!(read.offer, *offer, "{label}");
    }
}

#[test]
fn a_reply_is_bounded() {
    let mut reply = b"250-x\r\n".to_vec();
    while reply.len() + 38 < MAX_REPLY {
        reply.extend_from_slice(b"250-SIZE 1\r\n");
    }
    reply.extend_from_slice(b"250-STARTTLS\r\n250 ");
    reply.resize(MAX_REPLY, b'x');
    assert!(EhloReply::parse(&reply).starttls);
    reply.resize(MAX_REPLY + 1, b'x');
    let read = EhloReply::parse(&reply);
    assert_eq!((read.class, read.starttls), (ReplyClass::Transient, false));
}

/// Label, tag, what an RFC 8689 peer is told, what a peer of the draft is told. `~` marks a
/// downcast, `!` what goes only where the mail goes anyway.
#[test]
fn the_sends_column() {
    for (label, word, rfc8689, draft) in [
        ("P4", "none", "", ""),
        ("P4", "H", "", ""),
        ("P4", "LM", " TLSPOLICY=MAY", " TLSPOLICY=MAY"),
        ("P4", "LE", " TLSPOLICY=ENCRYPT", " TLSPOLICY=ENCRYPT"),
        ("P4", "LS", " TLSPOLICY=SECURE", " TLSPOLICY=SECURE"),
        ("P4, F12", "R", " REQUIRETLS", "~ REQUIRETLS=CHAIN,DANE"),
        ("F12", "F0", "~ REQUIRETLS", " REQUIRETLS"),
        ("F12", "F0+DNSSEC", "! REQUIRETLS", " REQUIRETLS=DNSSEC"),
        ("F12", "FC", "~ REQUIRETLS", " REQUIRETLS=CHAIN"),
        ("F12", "FCD", "~ REQUIRETLS", " REQUIRETLS=CHAIN,DANE"),
        ("F12, VX36, VX77", "FD", "! REQUIRETLS", " REQUIRETLS=DANE"),
        (
            "VX37",
            "FC+DNSSEC",
            "! REQUIRETLS",
            " REQUIRETLS=CHAIN,DNSSEC",
        ),
        (
            "F12",
            "FD+DNSSEC",
            "! REQUIRETLS",
            " REQUIRETLS=DANE,DNSSEC",
        ),
        (
            "L15",
            "FCD+DNSSEC",
            "! REQUIRETLS",
            " REQUIRETLS=CHAIN,DANE,DNSSEC",
        ),
        (
            "R and FC",
            "1.secure.onward.chain",
            "~ REQUIRETLS",
            "~ REQUIRETLS=CHAIN",
        ),
        (
            "R and FCD",
            "1.secure.onward.either",
            "~ REQUIRETLS",
            "~ REQUIRETLS=CHAIN,DANE",
        ),
        (
            "R and F0+DNSSEC",
            "1.secure.onward.dnssec",
            "! REQUIRETLS",
            " REQUIRETLS=CHAIN,DANE,DNSSEC",
        ),
        (
            "FC and FD",
            "1.secure.onward.both",
            "! REQUIRETLS",
            "! REQUIRETLS=DANE",
        ),
        (
            "FC and FD+DNSSEC",
            "1.secure.onward.both.dnssec",
            "! REQUIRETLS",
            "! REQUIRETLS=DANE,DNSSEC",
        ),
    ] {
        let requirement = tag::parse_word(word).expect(word);
        for (dialect, told) in [(PeerDialect::Rfc8689, rfc8689), (PeerDialect::Draft, draft)] {
            let written = match encode(requirement, dialect) {
                Encoding::Nothing => String::new(),
                Encoding::Requiretls { text, downcast } => {
                    format!("{}{text}", if downcast { "~" } else { "" })
                }
                Encoding::TlsPolicy { text, .. } => text.to_owned(),
                Encoding::Inexpressible { fallback } => format!("!{fallback}"),
            };
            assert_eq!(written, told, "{label} {word} {dialect:?}");
        }
    }
}

#[test]
fn a_parameter_goes_only_to_a_peer_that_offers_it() {
    let everything = Offer {
        requiretls: true,
        tls_policy: ALL_VALUES,
        dsn: true,
    };
    for requirement in all() {
        for dialect in [PeerDialect::Rfc8689, PeerDialect::Draft] {
            let encoding = encode(requirement, dialect);
            assert_eq!(
                parameters(encoding, Offer::default()),
                None,
                "{requirement:?}"
            );
            let text = parameters(encoding, everything);
            assert_eq!(
                text.is_none(),
                encoding == Encoding::Nothing,
                "{requirement:?}"
            );
            let text = text.unwrap_or_default();
            // RTLS_PARAMS_SIZE is 64; L15 names the longest.
            assert!(text.len() <= 29, "{text}");
            let onward = requirement.requiring().is_some_and(Requiring::onward);
            assert_eq!(
                text.starts_with(" REQUIRETLS"),
                onward,
                "L13: {requirement:?}"
            );
        }
    }
    let may_alone = Offer {
        tls_policy: TlsPolicy {
            may: true,
            ..TlsPolicy::default()
        },
        ..Offer::default()
    };
    let le = tag::parse_word("LE").expect("LE");
    let encoding = encode(le, PeerDialect::Rfc8689);
    assert_eq!(
        parameters(encoding, may_alone),
        None,
        "L13: v must be listed"
    );
    assert!(may_alone.tls_policy.lists(TlsLevel::May));
}

/// What the draft's options say is read back as what was asked, so a relay of the draft keeps it.
#[test]
fn the_draft_forms_survive_a_hop() {
    use crate::mail_param::MailParams;
    let dialects = Dialects {
        draft_fenton: true,
        ..Dialects::NONE
    };
    for word in [
        "F0",
        "FC",
        "FD",
        "FCD",
        "F0+DNSSEC",
        "FC+DNSSEC",
        "FD+DNSSEC",
        "FCD+DNSSEC",
    ] {
        let asked = tag::parse_word(word).expect(word);
        let Encoding::Requiretls { text, .. } = encode(asked, PeerDialect::Draft) else {
            panic!("{word} is expressible");
        };
        let mut mail = MailParams::new(dialects, true, true);
        let line = format!("MAIL FROM:<a@b.example>{text}");
        let _ = mail.line(line.as_bytes());
        assert_eq!(mail.end(), Ok(asked), "{word}");
        assert_ne!(asked, Requirement::None);
    }
}
