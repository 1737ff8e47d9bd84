//! Is every cause told by words of its own, that a log and a reply can hold?
//!
//! E6: each refusal carries a sentence that names its cause. The tables say the words that matter,
//! not the sentences; what is told of two causes is never the same.

// A test's own faults end it.
#![allow(clippy::panic)]

use requiretls_core::authenticate::{CertFailure, CertUndecided};
use requiretls_core::dane::Unusable;
use requiretls_core::decision::{Row, Who};
use requiretls_core::domain::DomainError;
use requiretls_core::facts::{LookupCause, LookupFailure};
use requiretls_core::mail_param::{Keyword, Refusal};
use requiretls_core::mta_sts::fetch::FetchError;
use requiretls_core::mta_sts::{LineFault, Mode, PolicyError, PolicyKey, RecordError};
use requiretls_core::session::SessionError;
use requiretls_core::site_policy::{Discovery, HopMode, Key, PeerDialect, RuleError, Unreadable};
use requiretls_core::tag::TagError;
use requiretls_core::tlsrpt;

/// Each text has its words; all are different, and printable ASCII without `%`.
fn told<T: std::fmt::Display>(label: &str, rows: &[(T, &str)]) {
    let mut texts: Vec<String> = rows.iter().map(|(cause, _)| cause.to_string()).collect();
    for (text, (_, words)) in texts.iter().zip(rows) {
        assert!(text.contains(words), "{label}: {words:?} in {text:?}");
        let printable = text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'%');
        assert!(printable && !text.is_empty(), "{label}: {text:?}");
    }
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), rows.len(), "{label}: two are told alike");
}

#[test]
fn certificates_and_records() {
    told(
        "E6 row 12",
        &[
            (CertFailure::DaneMismatch, "TLSA"),
            (CertFailure::Expired, "expired"),
            (CertFailure::HostMismatch, "another name"),
            (CertFailure::NotApplicable, "vouches"),
            (CertFailure::NotTrusted, "not trusted"),
            (CertFailure::PinMismatch, "pinned"),
            (CertFailure::Weak, "weak"),
            (CertFailure::Malformed, "cannot be read"),
        ],
    );
    told(
        "E6 row 12a",
        &[
            (CertUndecided::NotSupplied, "not handed over"),
            (CertUndecided::NotYetValid, "not valid yet"),
            (CertUndecided::RootsNotLoaded, "not loaded"),
        ],
    );
    told(
        "D11",
        &[
            (Unusable::DigestLength, "as long as the digest"),
            (Unusable::MatchingType, "matching type"),
            (Unusable::Selector, "selector"),
            (Unusable::Undecodable, "neither a certificate"),
            (Unusable::Usage, "usage"),
        ],
    );
}

#[test]
fn lookups() {
    let failure = |cause| LookupFailure {
        cause,
        question: "MX example.com".to_owned(),
    };
    told(
        "E6 rows 1 and 6",
        &[
            (failure(LookupCause::Bogus), "MX example.com: DNSSEC"),
            (failure(LookupCause::Malformed), "MX example.com: malformed"),
            (failure(LookupCause::Refused), "MX example.com: refused"),
            (failure(LookupCause::ServFail), "MX example.com: SERVFAIL"),
            (failure(LookupCause::Timeout), "MX example.com: timed out"),
            (
                failure(LookupCause::PolicyInvalid),
                "MX example.com: policy is not valid",
            ),
            (
                failure(LookupCause::PolicyUntrusted),
                "MX example.com: policy host is not trusted",
            ),
            (
                failure(LookupCause::PolicyUnavailable),
                "MX example.com: policy",
            ),
        ],
    );
}

#[test]
fn names_tags_and_rules() {
    told(
        "P2",
        &[
            (DomainError::BadCharacter, "character"),
            (DomainError::Empty, "empty"),
            (DomainError::Hyphen, "hyphen"),
            (DomainError::NotIdna, "internationalized"),
            (DomainError::TooLong, "253"),
        ],
    );
    told(
        "P6.15",
        &[
            (TagError::Newer, "newer"),
            (TagError::Refused, "refused"),
            (TagError::Unreadable, "cannot be read"),
        ],
    );
    told("P9", &[(SessionError, "session text")]);
    told(
        "P12",
        &[
            (RuleError::Duplicate, "second rule"),
            (RuleError::LocalElsewhere, "loopback"),
        ],
    );
    told("P6.15", &[(Unreadable("line 3".to_owned()), "line 3")]);
    let keys: Vec<_> = ["*", ".example.com", "example.com", "[192.0.2.1]"]
        .map(|text| (Key::parse(text).expect(text), text))
        .into();
    told("P12", &keys);
}

#[test]
fn policies_and_reports() {
    let line = |number, fault| PolicyError::Line { number, fault };
    told(
        "S10 to S13",
        &[
            (line(7, LineFault::BadAge), "line 7: max_age"),
            (line(2, LineFault::BadMode), "line 2: the mode"),
            (line(3, LineFault::BadPattern), "line 3: the mx pattern"),
            (line(4, LineFault::BadValue), "line 4: the value"),
            (line(1, LineFault::BadVersion), "line 1: the version"),
            (line(5, LineFault::NoKey), "key and a colon"),
            (
                PolicyError::Missing(PolicyKey::MaxAge),
                "max_age is missing",
            ),
            (PolicyError::Missing(PolicyKey::Mode), "mode is missing"),
            (PolicyError::Missing(PolicyKey::Mx), "mx is missing"),
            (
                PolicyError::Missing(PolicyKey::Version),
                "version is missing",
            ),
        ],
    );
    told(
        "S10",
        &[
            (Mode::Enforce, "enforce"),
            (Mode::Testing, "testing"),
            (Mode::None, "none"),
        ],
    );
    told(
        "S2 to S4",
        &[
            (RecordError::BadId, "letters or digits"),
            (RecordError::IdMissing, "no id"),
            (RecordError::Malformed, "grammar"),
            (RecordError::NotSts, "MTA-STS"),
        ],
    );
    told(
        "S6 to S9",
        &[
            (FetchError::MediaType, "text/plain"),
            (FetchError::Status(301), "301"),
            (FetchError::TooLarge, "64 KiB"),
        ],
    );
    told(
        "T1",
        &[
            (tlsrpt::RecordError::BadUri, "URIs"),
            (tlsrpt::RecordError::Malformed, "grammar"),
            (tlsrpt::RecordError::NotTlsrpt, "TLSRPT"),
            (tlsrpt::RecordError::RuaMissing, "no rua"),
        ],
    );
}

#[test]
fn words_of_the_configuration() {
    use HopMode::{Encrypt, Enforce, Local, LocalCarry, Off, Opportunistic};
    told(
        "P12",
        &[
            (Enforce.as_str(), "enforce"),
            (Encrypt.as_str(), "encrypt"),
            (Opportunistic.as_str(), "opportunistic"),
            (Off.as_str(), "off"),
            (Local.as_str(), "local"),
            (LocalCarry.as_str(), "local carry"),
        ],
    );
    told(
        "P13",
        &[
            (Discovery::On.as_str(), "on"),
            (Discovery::Audit.as_str(), "audit"),
            (Discovery::Off.as_str(), "off"),
            (PeerDialect::Rfc8689.as_str(), "rfc8689"),
            (PeerDialect::Draft.as_str(), "draft"),
        ],
    );
}

#[test]
fn refusals_at_mail() {
    use Keyword::{Requiretls, Tls, TlsPolicy};
    told(
        "E1 and E2",
        &[
            (Refusal::BadValue(Requiretls), "501 5.5.4 REQUIRETLS"),
            (Refusal::BadValue(TlsPolicy), "501 5.5.4 TLSPOLICY"),
            (Refusal::LineTooLong, "500 5.5.2 MAIL command too long"),
            (Refusal::LineMalformed, "501 5.5.2 MAIL command"),
            (Refusal::Misuse, "451 4.3.0 internal error"),
            (Refusal::NotAdvertised(Requiretls), "555 5.5.4 REQUIRETLS"),
            (Refusal::NotAdvertised(Tls), "555 5.5.4 TLSPOLICY"),
            (Refusal::OnRcpt(Tls), "555 5.5.4 this parameter"),
            (Refusal::Repeated, "501 5.5.4 more than one"),
            (Refusal::Tag(TagError::Newer), "451 4.3.0"),
            (Refusal::WithoutTls(Requiretls), "530 5.7.10 REQUIRETLS"),
            (Refusal::WithoutTls(Tls), "530 5.7.10 TLSPOLICY"),
        ],
    );
}

#[test]
fn who_and_which_row() {
    told(
        "P5",
        &[
            (Who::Nobody, "nobody"),
            (Who::Recipient, "recipient"),
            (Who::Sender, "sender"),
            (Who::Site, "site"),
        ],
    );
    told(
        "P6",
        &[
            (Row::Unreadable, "15"),
            (Row::MxFailed, "1"),
            (Row::NoHost, "2"),
            (Row::Path, "3"),
            (Row::StsUnknown, "4"),
            (Row::AddressFailed, "5"),
            (Row::NoAddress, "5a"),
            (Row::TlsaFailed, "6"),
            (Row::DraftOption, "6a"),
            (Row::StsOtherHost, "7"),
            (Row::Connect, "8"),
            (Row::Greeting, "8a"),
            (Row::NoStarttls, "9"),
            (Row::TlsLost, "10"),
            (Row::StarttlsRefused, "11a"),
            (Row::Handshake, "11b"),
            (Row::ChainUndecided, "12a"),
            (Row::Chain, "12"),
            (Row::NoRequiretls, "13"),
            (Row::ParameterRefused, "14"),
            (Row::TlsDemanded, "16"),
        ],
    );
}
