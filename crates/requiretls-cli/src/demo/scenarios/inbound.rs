//! What does a mail server hear, and what does it keep?

use crate::demo::describe::heard;
use crate::demo::scenario::Scenario;

#[rustfmt::skip]
pub(super) fn scenarios() -> Vec<Scenario> {
    const DRAFT: &[&str] = &["rfc8689", "draft-fenton"];
    const LEVEL: &[&str] = &["rfc8689", "tls-level"];
    vec![
        heard("in-requiretls", "VF1", "MAIL FROM:<anna@sender.test> REQUIRETLS",
            "REQUIRETLS inside TLS")
            .taken("1.secure.onward"),
        heard("in-lower-case", "VF2", "mail from:<anna@sender.test> size=10 requiretls",
            "the same in lower case, beside another parameter")
            .taken("1.secure.onward"),
        heard("in-nothing", "R8", "MAIL FROM:<anna@sender.test> SIZE=10",
            "nothing is asked"),
        heard("in-clear", "R4, VF5", "MAIL FROM:<anna@sender.test> REQUIRETLS",
            "REQUIRETLS without TLS")
            .in_clear().refused(530, "5.7.10"),
        heard("in-value", "R2, VF3", "MAIL FROM:<anna@sender.test> REQUIRETLS=CHAIN",
            "REQUIRETLS with a value, which the RFC does not have")
            .refused(501, "5.5.4"),
        heard("in-empty-value", "R2, VF3", "MAIL FROM:<anna@sender.test> REQUIRETLS=",
            "REQUIRETLS with an empty value")
            .refused(501, "5.5.4"),
        heard("in-repeated", "R6, VF4", "MAIL FROM:<anna@sender.test> REQUIRETLS REQUIRETLS",
            "REQUIRETLS twice")
            .refused(501, "5.5.4"),
        heard("in-rcpt", "R2, VF6", "RCPT TO:<bert@good.test> REQUIRETLS",
            "REQUIRETLS on RCPT")
            .refused(555, "5.5.4"),
        heard("in-not-offered", "R10, VF7", "MAIL FROM:<anna@sender.test> REQUIRETLS",
            "REQUIRETLS to a server that does not offer it")
            .not_advertised().refused(555, "5.5.4"),
        heard("in-null-path", "R30, VF8", "MAIL FROM:<> REQUIRETLS",
            "a bounce that asks for REQUIRETLS")
            .taken("1.secure.onward"),
        heard("in-quoted-path", "R2", "MAIL FROM:<\"a> REQUIRETLS\"@sender.test> SIZE=10",
            "the word REQUIRETLS within a quoted address asks for nothing"),
        heard("in-quoted-bracket", "R2", "MAIL FROM:<\"a>b\"@sender.test> REQUIRETLS",
            "REQUIRETLS behind a quoted address with > in it")
            .taken("1.secure.onward"),
        heard("in-header-no", "R8, VH1", "MAIL FROM:<anna@sender.test>",
            "the header says TLS-Required: No")
            .header(&[("Subject", " x"), ("tls-required", " No")]).taken("1.no"),
        heard("in-header-against", "R8, VH4", "MAIL FROM:<anna@sender.test> REQUIRETLS",
            "the header says No, the parameter says REQUIRETLS: the parameter wins")
            .header(&[("TLS-Required", " No")]).taken("1.secure.onward"),
        heard("in-header-other", "R11, VH2", "MAIL FROM:<anna@sender.test>",
            "the header says TLS-Required: Yes, which means nothing")
            .header(&[("TLS-Required", " Yes")]),
        heard("in-header-twice", "R12", "MAIL FROM:<anna@sender.test>",
            "two fields that contradict each other mean nothing")
            .header(&[("TLS-Required", " No"), ("TLS-Required", " Yes")]),
        heard("in-tag-damaged", "P6.15", "MAIL FROM:<anna@sender.test>",
            "a tag from before that cannot be read is never no tag")
            .earlier("1.secure.onwar", true).refused(451, "4.3.0"),
        heard("in-tag-newer", "P6.15", "MAIL FROM:<anna@sender.test>",
            "a tag of a later version")
            .earlier("2.secure", true).refused(451, "4.3.0"),
        heard("in-tag-stricter", "R9", "MAIL FROM:<anna@sender.test> TLSPOLICY=ENCRYPT",
            "the stricter of a tag from before and a parameter counts")
            .dialects(LEVEL).earlier("1.secure.onward", false).taken("1.secure.onward"),
        heard("in-tag-untrusted", "R8", "MAIL FROM:<anna@sender.test>",
            "a tag that anybody may have written raises, but lowers nothing")
            .earlier("1.no", false),
        heard("in-draft", "F3, VF9", "MAIL FROM:<anna@sender.test> REQUIRETLS=chain,Dane",
            "the draft's options")
            .dialects(DRAFT).taken("1.encrypt.onward.either"),
        heard("in-draft-repeated", "F3, VF11", "MAIL FROM:<anna@sender.test> REQUIRETLS=CHAIN,CHAIN",
            "one of the draft's options twice")
            .dialects(DRAFT).refused(501, "5.5.4"),
        heard("in-draft-no", "F4, VF12", "MAIL FROM:<anna@sender.test> REQUIRETLS=NO",
            "a value of a later draft")
            .dialects(DRAFT).refused(501, "5.5.4"),
        heard("in-level", "L1, VF14", "MAIL FROM:<anna@sender.test> TLSPOLICY=SECURE",
            "the level SECURE")
            .dialects(LEVEL).taken("1.secure"),
        heard("in-level-unknown", "L2, VF15", "MAIL FROM:<anna@sender.test> TLSPOLICY=NONE",
            "a level that does not exist")
            .dialects(LEVEL).refused(501, "5.5.4"),
        heard("in-two-ways", "L11", "MAIL FROM:<anna@sender.test> REQUIRETLS TLSPOLICY=MAY",
            "two ways of asking at once")
            .dialects(LEVEL).refused(501, "5.5.4"),
    ]
}
