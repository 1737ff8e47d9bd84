// A table is as long as it has rows.
#![allow(clippy::too_many_lines)]

use super::{Answer, Dialects, MailParams, Refusal, TagTrust, rcpt_param};
use crate::requirement::Requirement;
use crate::requirement::tests::all;
use crate::tag::{self, TagError};

mod lines;

const RFC8689: Dialects = Dialects {
    rfc8689: true,
    ..Dialects::NONE
};
const DRAFT: Dialects = Dialects {
    draft_fenton: true,
    ..Dialects::NONE
};
const LEVEL: Dialects = Dialects {
    tls_level: true,
    ..Dialects::NONE
};
const ALL: Dialects = Dialects {
    rfc8689: true,
    draft_fenton: true,
    tls_level: true,
};

/// The word of the requirement, or code and enhanced code of the refusal; `-`: nothing of ours.
fn outcome(mail: &MailParams, answer: Answer) -> String {
    match mail.end() {
        Ok(requirement) if answer == Answer::NotOurs => {
            assert_eq!(requirement, Requirement::None);
            "-".to_owned()
        }
        Ok(requirement) => tag::word(requirement),
        Err(refusal) => {
            assert_eq!(answer, Answer::Refused(refusal));
            let reply = refusal.reply();
            assert_eq!(
                reply.text,
                refusal.sentence(),
                "a sentence needs no mending"
            );
            format!("{} {}", reply.code, reply.enhanced)
        }
    }
}

fn line(dialects: Dialects, tls: bool, line: &[u8]) -> String {
    let mut mail = MailParams::new(dialects, true, tls);
    let answer = mail.line(line);
    outcome(&mail, answer)
}

#[test]
fn parameters_by_dialect() {
    for (label, dialects, parameters, expected) in [
        ("VF1, R7", RFC8689, "REQUIRETLS", "R"),
        ("VF2, R2", RFC8689, "requiretls SIZE=10", "R"),
        (
            "VF2 in any order",
            RFC8689,
            "SIZE=10 ReQuireTLS BODY=8BITMIME",
            "R",
        ),
        ("VF3, R2, E2", RFC8689, "REQUIRETLS=", "501 5.5.4"),
        ("VF3", RFC8689, "REQUIRETLS=CHAIN", "501 5.5.4"),
        ("VF4, R6", RFC8689, "REQUIRETLS REQUIRETLS", "501 5.5.4"),
        (
            "VF4 apart",
            RFC8689,
            "REQUIRETLS SIZE=1 requiretls",
            "501 5.5.4",
        ),
        ("VF9", DRAFT, "REQUIRETLS=chain,Dane", "FCD"),
        ("VF9 order", DRAFT, "REQUIRETLS=DANE,CHAIN", "FCD"),
        ("VF9", ALL, "REQUIRETLS=CHAIN", "FC"),
        ("F3", DRAFT, "REQUIRETLS=DANE", "FD"),
        ("F3", DRAFT, "REQUIRETLS=DNSSEC", "F0+DNSSEC"),
        ("F3", DRAFT, "REQUIRETLS=DNSSEC,dane,CHAIN", "FCD+DNSSEC"),
        ("VF11", DRAFT, "REQUIRETLS=CHAIN,", "501 5.5.4"),
        ("VF11", DRAFT, "REQUIRETLS=,CHAIN", "501 5.5.4"),
        ("VF11", DRAFT, "REQUIRETLS=CHAIN,CHAIN", "501 5.5.4"),
        ("VF11", DRAFT, "REQUIRETLS=PKIX", "501 5.5.4"),
        ("F3 empty list", DRAFT, "REQUIRETLS=", "501 5.5.4"),
        (
            "F3 empty item",
            DRAFT,
            "REQUIRETLS=CHAIN,,DANE",
            "501 5.5.4",
        ),
        ("F3 a second =", DRAFT, "REQUIRETLS=CHAIN=DANE", "501 5.5.4"),
        ("F3 a second =", DRAFT, "REQUIRETLS==CHAIN", "501 5.5.4"),
        ("VF12, F4", DRAFT, "REQUIRETLS=NO", "501 5.5.4"),
        ("VF12, F4", ALL, "REQUIRETLS=NO,CHAIN", "501 5.5.4"),
        ("VF13, F12", ALL, "REQUIRETLS", "R"),
        ("VF13, F13", DRAFT, "REQUIRETLS", "F0"),
        ("VF14, L1", LEVEL, "TLSPOLICY=SECURE", "LS"),
        ("VF14", LEVEL, "tlspolicy=encrypt", "LE"),
        ("VF14, L1, L7", LEVEL, "TLS=MAY", "LM"),
        ("VF15", LEVEL, "TLSPOLICY", "501 5.5.4"),
        ("VF15", LEVEL, "TLSPOLICY=", "501 5.5.4"),
        ("VF15", LEVEL, "TLSPOLICY=MAY,ENCRYPT", "501 5.5.4"),
        ("VF15", LEVEL, "TLSPOLICY=NONE", "501 5.5.4"),
        ("L2", LEVEL, "TLS", "501 5.5.4"),
        ("L3", LEVEL, "TLSPOLICY=DANE", "501 5.5.4"),
        ("VF17", RFC8689, "TLSPOLICY=MAY", "-"),
        ("VF17", DRAFT, "TLS=MAY", "-"),
        ("REQUIRETLS off", LEVEL, "REQUIRETLS", "-"),
        ("nothing on", Dialects::NONE, "REQUIRETLS=x TLSPOLICY", "-"),
        ("L11", ALL, "REQUIRETLS TLSPOLICY=MAY", "501 5.5.4"),
        (
            "L11 in the other order",
            ALL,
            "TLS=SECURE REQUIRETLS",
            "501 5.5.4",
        ),
        (
            "L11 alias and name",
            ALL,
            "TLS=MAY TLSPOLICY=MAY",
            "501 5.5.4",
        ),
        ("VF20", RFC8689, "RET=FULL REQUIRETLS", "R"),
        (
            "others' parameters",
            ALL,
            "SIZE=1 XREQUIRETLS REQUIRETLS2 AUTH=<>",
            "-",
        ),
        ("none", ALL, "", "-"),
    ] {
        let command = format!("MAIL FROM:<a@b.example> {parameters}\r\n");
        assert_eq!(
            line(dialects, true, command.as_bytes()),
            expected,
            "{label} {parameters}"
        );
    }
}

#[test]
fn without_tls_and_without_advertising() {
    for (label, advertise, tls, parameters, expected) in [
        ("VF5, R4", true, false, "REQUIRETLS", "530 5.7.10"),
        ("F7", true, false, "REQUIRETLS=CHAIN", "530 5.7.10"),
        ("L7", true, false, "TLSPOLICY=MAY", "530 5.7.10"),
        ("L7 whatever its value", true, false, "TLS", "530 5.7.10"),
        ("VF7, R10", false, true, "REQUIRETLS", "555 5.5.4"),
        ("R10", false, true, "TLSPOLICY=SECURE", "555 5.5.4"),
        ("R10 in clear", false, false, "REQUIRETLS", "555 5.5.4"),
        ("others", false, false, "SIZE=1", "-"),
    ] {
        let mut mail = MailParams::new(ALL, advertise, tls);
        let answer = mail.line(format!("MAIL FROM:<> {parameters}").as_bytes());
        assert_eq!(outcome(&mail, answer), expected, "{label} {parameters}");
    }
}

#[test]
fn one_by_one_as_handed_in() {
    type Row = (
        &'static str,
        &'static [u8],
        Option<&'static [u8]>,
        &'static str,
    );
    let rows: &[Row] = &[
        ("X without =", b"REQUIRETLS", None, "R"),
        ("X= is not X", b"REQUIRETLS", Some(b""), "501 5.5.4"),
        ("CR in the name", b"REQUIRETLS\r", None, "501 5.5.4"),
        ("NUL in the name", b"REQUIRE\0TLS", None, "501 5.5.4"),
        ("8-bit in the name", b"REQUIRETLS\xa0", None, "501 5.5.4"),
        (
            "127 in the name",
            b"\x7fTLSPOLICY",
            Some(b"MAY"),
            "501 5.5.4",
        ),
        (
            "CR in the value",
            b"REQUIRETLS",
            Some(b"CHAIN\r"),
            "501 5.5.4",
        ),
        ("LF in the value", b"TLS", Some(b"MAY\n"), "501 5.5.4"),
        (
            "NUL in the value",
            b"TLSPOLICY",
            Some(b"MAY\0"),
            "501 5.5.4",
        ),
        (
            "8-bit in the value",
            b"TLSPOLICY",
            Some(b"M\xc3\xa4Y"),
            "501 5.5.4",
        ),
        (
            "blank in the value",
            b"TLSPOLICY",
            Some(b" MAY"),
            "501 5.5.4",
        ),
        (
            "4,096 octets of value",
            b"TLS",
            Some(&[b'a'; 4_096]),
            "501 5.5.4",
        ),
        ("not ours", b"SIZE", Some(b"10"), "-"),
        ("not ours, 8-bit", b"S\xefZE", Some(b"\0"), "-"),
        ("no name", b"", None, "-"),
    ];
    for (label, name, value, expected) in rows {
        let mut mail = MailParams::new(ALL, true, true);
        let answer = mail.param(name, *value);
        assert_eq!(outcome(&mail, answer), *expected, "{label}");
    }
}

#[test]
fn dialects_have_words() {
    let mut dialects = Dialects::NONE;
    for word in Dialects::WORDS {
        assert!(dialects.enable(word), "{word}");
    }
    assert_eq!(dialects, ALL);
    assert!(!dialects.enable("rfc8690"));
    assert_eq!(Dialects::default(), RFC8689, "P13: the default");
}

#[test]
fn on_rcpt() {
    for (label, dialects, name, refused) in [
        ("VF6, E2", RFC8689, "REQUIRETLS", true),
        ("VF6 any case", DRAFT, "requiretls", true),
        ("L7", LEVEL, "TLSPOLICY", true),
        ("not on", RFC8689, "TLS", false),
        ("others", ALL, "NOTIFY", false),
    ] {
        let told = rcpt_param(dialects, name.as_bytes()).map(|r| r.reply().to_string());
        let expected = "555 5.5.4 this parameter belongs to MAIL FROM";
        assert_eq!(told.as_deref(), refused.then_some(expected), "{label}");
    }
}

/// What is handed in, in the order given: `param`, `No` or `Yes` in the header field, or a tag.
enum Given {
    Param(&'static str, Option<&'static str>),
    Header(&'static str),
    Tag(&'static str, TagTrust),
}

fn give(mail: &mut MailParams, given: &Given) -> Answer {
    match given {
        Given::Param(name, value) => mail.param(name.as_bytes(), value.map(str::as_bytes)),
        Given::Header(value) => mail.header(b"TLS-Required", value.as_bytes()),
        Given::Tag(text, trust) => mail.earlier_tag(text.as_bytes(), *trust),
    }
}

#[test]
fn sources_together_in_any_order() {
    use Given::{Header, Param, Tag};
    const R: Given = Param("REQUIRETLS", None);
    const LE: Given = Param("TLSPOLICY", Some("ENCRYPT"));
    const LM: Given = Param("TLSPOLICY", Some("MAY"));
    const FULL: TagTrust = TagTrust::Full;
    const RAISE: TagTrust = TagTrust::RaiseOnly;
    let rows: &[(&str, &[Given], &str)] = &[
        ("VH1, R8", &[Header("No")], "H"),
        ("VH2", &[Header("Yes")], "none"),
        ("R12", &[Header("No"), Header("Yes")], "none"),
        ("VH4, R8", &[Header("No"), R], "R"),
        ("VH4, L12", &[Header("No"), LE], "LE"),
        ("L12 MAY too", &[Header("No"), LM], "LM"),
        ("a tag alone", &[Tag("1.secure.onward", FULL)], "R"),
        ("an empty tag", &[Tag("", FULL)], "none"),
        ("a downgrade tag", &[Tag("1.may", FULL)], "LM"),
        ("raised from outside", &[Tag("1.secure", RAISE)], "LS"),
        ("not lowered from outside", &[Tag("1.may", RAISE)], "none"),
        ("nor by the header's tag", &[Tag("1.no", RAISE)], "none"),
        ("stricter wins", &[LE, Tag("1.secure", FULL)], "LS"),
        (
            "the tag beats a downgrade",
            &[LM, Tag("1.encrypt", RAISE)],
            "LE",
        ),
        (
            "the tag beats the header",
            &[Header("No"), Tag("1.encrypt", FULL)],
            "LE",
        ),
        (
            "R keeps, a downgrade tag adds nothing",
            &[R, Tag("1.no", FULL)],
            "R",
        ),
        (
            "two tags are merged",
            &[Tag("1.encrypt.onward", FULL), Tag("1.secure", FULL)],
            "R",
        ),
        ("VX24", &[R, Tag("1.secure.onwar", FULL)], "451 4.3.0"),
        ("newer", &[Tag("2.x", RAISE)], "451 4.3.0"),
        ("refused before", &[Tag("!", FULL)], "451 4.3.0"),
    ];
    for (label, given, expected) in rows {
        for reversed in [false, true] {
            let mut mail = MailParams::new(ALL, true, true);
            let mut given: Vec<_> = given.iter().collect();
            if reversed {
                given.reverse();
            }
            for one in given {
                let _ = give(&mut mail, one);
            }
            let told = mail.end().map_or_else(
                |refusal| format!("{} {}", refusal.code(), refusal.enhanced()),
                tag::word,
            );
            assert_eq!(told, *expected, "{label}, reversed: {reversed}");
        }
    }
}

#[test]
fn answers_tell_what_was_kept() {
    let mut mail = MailParams::new(ALL, true, true);
    assert_eq!(mail.header(b"Subject", b"No"), Answer::NotOurs);
    assert_eq!(mail.header(b"TLS-Required", b"Yes"), Answer::NotOurs);
    assert_eq!(mail.header(b"TLS-Required", b"No"), Answer::Taken);
    assert_eq!(mail.earlier_tag(b"", TagTrust::Full), Answer::NotOurs);
    assert_eq!(
        mail.earlier_tag(b"1.no", TagTrust::RaiseOnly),
        Answer::NotOurs
    );
    assert_eq!(mail.earlier_tag(b"1.no", TagTrust::Full), Answer::Taken);
    assert_eq!(mail.param(b"REQUIRETLS", None), Answer::Taken);
    assert_eq!(mail.end(), Ok(Requirement::R));
}

#[test]
fn a_refusal_sticks() {
    let mut mail = MailParams::new(ALL, true, true);
    assert_eq!(
        mail.earlier_tag(b"!", TagTrust::Full),
        Answer::Refused(Refusal::Tag(TagError::Refused))
    );
    let first = Refusal::Tag(TagError::Refused);
    assert_eq!(mail.param(b"SIZE", None), Answer::Refused(first));
    assert_eq!(mail.header(b"Subject", b""), Answer::Refused(first));
    assert_eq!(mail.line(b"MAIL FROM:<>"), Answer::Refused(first));
    assert_eq!(
        mail.earlier_tag(b"", TagTrust::Full),
        Answer::Refused(first)
    );
    assert_eq!(mail.misuse(), Answer::Refused(first));
    assert_eq!(mail.end(), Err(first));
    let mut mail = MailParams::new(ALL, true, true);
    assert_eq!(mail.misuse(), Answer::Refused(Refusal::Misuse));
    assert_eq!(mail.end(), Err(Refusal::Misuse));
}

#[test]
fn every_tag_comes_back_in() {
    for requirement in all() {
        let mut mail = MailParams::new(Dialects::default(), true, false);
        let text = tag::write(requirement);
        let _ = mail.earlier_tag(text.as_bytes(), TagTrust::Full);
        assert_eq!(mail.end(), Ok(requirement), "{text}");
    }
}

mod properties {
    use super::{ALL, Answer, MailParams};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_line_is_answered(command in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut mail = MailParams::new(ALL, true, true);
            let answer = mail.line(&command);
            prop_assert_eq!(matches!(answer, Answer::Refused(_)), mail.end().is_err());
        }

        #[test]
        fn our_parameter_is_never_overlooked(
            local in "[a-z\" <>\\\\@:,]{0,12}",
            others in proptest::collection::vec("[A-Z]{1,4}(=[!-~]{0,4})?", 0..4),
            place in 0_usize..5,
        ) {
            let mut words = others;
            words.retain(|word| !word.starts_with("TLS"));
            // Here the quotes that the path has opened may end: all before them is its local part.
            words.retain(|word| !word.contains("\"@"));
            words.insert(place.min(words.len()), "REQUIRETLS".to_owned());
            let command = format!("MAIL FROM:<{local}> {}", words.join(" "));
            let mut mail = MailParams::new(ALL, true, true);
            prop_assert_ne!(mail.line(command.as_bytes()), Answer::NotOurs);
        }

        #[test]
        fn parameter_order_never_matters(
            order in Just(vec!["REQUIRETLS", "SIZE=1", "TLS=MAY", "RET=FULL"]).prop_shuffle(),
            taken in 0_usize..=4,
        ) {
            let mut chosen: Vec<_> = order.into_iter().take(taken).collect();
            let end = |words: &[&str]| {
                let mut mail = MailParams::new(ALL, true, true);
                let _ = mail.line(format!("MAIL FROM:<> {}", words.join(" ")).as_bytes());
                mail.end().map_err(super::Refusal::code)
            };
            let forward = end(&chosen);
            chosen.reverse();
            prop_assert_eq!(forward, end(&chosen));
        }
    }
}

/// A keyword is known by its letters, whatever a client puts between them: every name of up to six
/// bytes out of some, against what that says.
#[test]
fn a_name_with_rubbish_in_it_is_its_keyword() {
    let bytes = [b'T', b'l', b'S', 0, 0xff, b'x'];
    let mut names: Vec<Vec<u8>> = vec![Vec::new()];
    let mut same = 0;
    for _ in 0..6 {
        let longer = |name: &Vec<u8>| bytes.map(|byte| [name.as_slice(), &[byte]].concat());
        names = names.iter().flat_map(longer).collect();
        for name in &names {
            let letters: Vec<u8> = name.iter().copied().filter(u8::is_ascii_graphic).collect();
            let expected = letters.eq_ignore_ascii_case(b"TLS");
            assert_eq!(
                super::eq_without_rubbish(name, b"TLS"),
                expected,
                "{name:?}"
            );
            same += usize::from(expected);
        }
    }
    // So many ways there are to put up to three bytes of two kinds around three letters.
    assert_eq!(same, 1 + 4 * 2 + 10 * 4 + 20 * 8);
}
