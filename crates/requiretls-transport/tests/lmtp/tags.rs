//! Which tag does a message get?

use crate::desk::{Desk, code, terms};
use requiretls_core::mail_param::{Dialects, TagTrust};
use requiretls_core::tag;
use requiretls_transport::lmtp::{PostfixField, TagField, Terms};

/// The tag's word in the tables, or the code that refuses the message, and where: at MAIL or behind
/// its end.
fn tag_of(terms: Terms, mail: &str, header: &str) -> String {
    let mut desk = Desk::greeted(terms);
    let reply = desk.client.code(&format!("MAIL FROM:<a@b.test>{mail}"));
    if reply != "250 2.1.0" {
        return format!("MAIL {reply}");
    }
    desk.client.say("RCPT TO:<c@d.test>");
    desk.client.say("DATA");
    desk.client.send(format!("{header}\r\nbody\r\n.\r\n"));
    let reply = code(&desk.client.reply());
    match desk.carried().first() {
        Some(carried) => tag::word(tag::parse(&carried.tag).unwrap()),
        None => reply,
    }
}

#[test]
fn all_sources_together() {
    let field = |trust| {
        Some(TagField {
            name: "RequireTLS-Tag".to_owned(),
            trust,
        })
    };
    let plain = terms();
    let clear = Terms {
        carry: false,
        ..terms()
    };
    let argument = |tag: &str| Terms {
        tag: Some(tag.to_owned()),
        ..terms()
    };
    let raising = Terms {
        tag_field: field(TagTrust::RaiseOnly),
        ..terms()
    };
    let trusted = Terms {
        tag_field: field(TagTrust::Full),
        ..terms()
    };
    let postfix = Terms {
        postfix_field: PostfixField::Trusted,
        ..terms()
    };
    let level = Terms {
        dialects: Dialects {
            tls_level: true,
            ..Dialects::default()
        },
        ..terms()
    };
    let both = Terms {
        tag: Some("1.encrypt.onward.chain".to_owned()),
        ..trusted.clone()
    };
    let no = "TLS-Required: No\r\n";
    #[rustfmt::skip]
    let rows = [
        ("nothing", &plain, "", "", "none"),
        ("R7: the parameter", &plain, " REQUIRETLS", "", "R"),
        ("R4: without TLS", &clear, " REQUIRETLS", "", "MAIL 530 5.7.10"),
        ("R10: not promised", &Terms { advertise: false, ..terms() }, " REQUIRETLS", "", "MAIL 555 5.5.4"),
        ("R8: the author's field", &plain, "", no, "H"),
        ("R8: overruled", &plain, " REQUIRETLS", no, "R"),
        ("R12: void", &plain, "", "TLS-Required: No\r\nTLS-Required: Yes\r\n", "none"),
        ("L12: the parameter overrules", &level, " TLSPOLICY=ENCRYPT", no, "LE"),
        ("the argument", &argument("1.secure.onward"), "", "", "R"),
        ("the argument counts as it stands", &argument("1.may"), "", "", "LM"),
        ("the argument and the author's field", &argument("1.secure"), "", no, "LS"),
        ("P6.15: an argument that cannot be read", &argument("1.high"), "", "", "MAIL 451 4.3.0"),
        ("P6.15: a newer one", &argument("2.x"), "", "", "MAIL 451 4.3.0"),
        ("P6.15: a refused one", &argument("!"), "", "", "MAIL 451 4.3.0"),
        ("an empty one", &argument(""), "", "", "none"),
        ("a field", &raising, "", "RequireTLS-Tag: 1.secure.onward\r\n", "R"),
        ("RAISE_ONLY: it lowers nothing", &raising, "", "RequireTLS-Tag: 1.no\r\n", "none"),
        ("the listener trusts it", &trusted, "", "RequireTLS-Tag: 1.no\r\n", "H"),
        ("P6.15: a field that cannot be read", &raising, "", "RequireTLS-Tag: x\r\n", "451 4.3.0"),
        ("P6.15: beside a good parameter", &raising, " REQUIRETLS", "RequireTLS-Tag: x\r\n", "451 4.3.0"),
        ("no field is named", &plain, "", "RequireTLS-Tag: 1.secure\r\n", "none"),
        ("R13: in the body", &raising, "", "\r\nRequireTLS-Tag: 1.secure\r\n", "none"),
        ("Postfix", &postfix, "", "Require-TLS-ESMTP: yes\r\n", "R"),
        ("Postfix, any case", &postfix, "", "require-tls-esmtp: YES\r\n", "R"),
        ("Postfix, and the author's field", &postfix, "", "TLS-Required: No\r\nRequire-TLS-ESMTP: yes\r\n", "R"),
        ("Postfix, not trusted", &plain, "", "Require-TLS-ESMTP: yes\r\n", "none"),
        ("three merge", &both, "", "RequireTLS-Tag: 1.encrypt.onward.chain.dnssec\r\n", "FC+DNSSEC"),
        ("the stricter of two", &both, " REQUIRETLS", "", "1.secure.onward.chain"),
    ];
    for (label, terms, mail, header, expected) in rows {
        assert_eq!(tag_of(terms.clone(), mail, header), expected, "{label}");
    }
}

/// What is ours goes, what is the author's stays (R8).
#[test]
fn fields_that_are_ours_are_taken_out() {
    let terms = Terms {
        tag_field: Some(TagField {
            name: "X-Tag".to_owned(),
            trust: TagTrust::RaiseOnly,
        }),
        postfix_field: PostfixField::Trusted,
        ..terms()
    };
    let mut desk = Desk::greeted(terms);
    let content = "Subject: x\r\nX-Tag: 1.secure\r\nTLS-Required: No\r\n\
                   Require-TLS-ESMTP: yes\r\nTo: y\r\n\r\nX-Tag: 1.secure\r\n";
    desk.client.message("<a@b.test>", "c@d.test", content);
    let carried = desk.carried();
    let left = "Subject: x\r\nTLS-Required: No\r\nTo: y\r\n\r\nX-Tag: 1.secure\r\n";
    assert_eq!(String::from_utf8_lossy(&carried[0].content), left);
}
