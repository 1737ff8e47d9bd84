//! What does a report call a failure?
//!
//! RFC 8460 section 4.3 has a word for some causes; the others are `validation-failure`, or
//! `certificate-not-trusted`, with a reason of our own beside it (T3 to T5).

use crate::authenticate::CertFailure;
use crate::decision::Row;
use crate::facts::LookupCause;
use std::fmt;

/// The result types of RFC 8460 section 4.3.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ResultType {
    /// The host does not offer STARTTLS.
    StarttlsNotSupported,
    /// Its certificate is for another name.
    CertificateHostMismatch,
    /// Its certificate has expired.
    CertificateExpired,
    /// Its certificate does not lead to a trusted root, or cannot be used.
    CertificateNotTrusted,
    /// Everything that has no word of its own.
    ValidationFailure,
    /// None of the TLSA records can be used, or they could not be had.
    TlsaInvalid,
    /// DNSSEC validation of the TLSA records failed.
    DnssecInvalid,
    /// The site requires DANE, and there are no TLSA records.
    DaneRequired,
    /// The MTA-STS policy could not be had.
    StsPolicyFetchError,
    /// The MTA-STS policy is none.
    StsPolicyInvalid,
    /// The host of the MTA-STS policy could not be authenticated.
    StsWebpkiInvalid,
}

/// A failure as a report tells it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Failure {
    /// Its type.
    pub result: ResultType,
    /// The `failure-reason-code`, where the type alone does not say it.
    pub reason: Option<&'static str>,
}

impl ResultType {
    /// In the order of RFC 8460.
    pub const ALL: [Self; 11] = [
        Self::StarttlsNotSupported,
        Self::CertificateHostMismatch,
        Self::CertificateExpired,
        Self::CertificateNotTrusted,
        Self::ValidationFailure,
        Self::TlsaInvalid,
        Self::DnssecInvalid,
        Self::DaneRequired,
        Self::StsPolicyFetchError,
        Self::StsPolicyInvalid,
        Self::StsWebpkiInvalid,
    ];

    /// The word of RFC 8460.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }

    /// Of TLSA records that could not be looked up (T4, row 6).
    pub(crate) const fn of_tlsa_lookup(cause: LookupCause) -> Self {
        match cause {
            LookupCause::Bogus => Self::DnssecInvalid,
            _ => Self::TlsaInvalid,
        }
    }

    /// Of a policy that was not had (T5); `None` where the failure was not in its fetch, so that
    /// it is not known whether there is one.
    pub(crate) const fn of_policy(cause: LookupCause) -> Option<Self> {
        match cause {
            LookupCause::PolicyInvalid => Some(Self::StsPolicyInvalid),
            LookupCause::PolicyUnavailable => Some(Self::StsPolicyFetchError),
            LookupCause::PolicyUntrusted => Some(Self::StsWebpkiInvalid),
            LookupCause::Bogus
            | LookupCause::Malformed
            | LookupCause::Refused
            | LookupCause::ServFail
            | LookupCause::Timeout => None,
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Failure {
    /// No TLS of today was offered or agreed on.
    pub(crate) const OLD_TLS: Self = Self::because("tls-too-old");
    /// The host is not among those that the MTA-STS policy names (row 7).
    pub(crate) const MX_MISMATCH: Self = Self::because("mtasts-policy-mx-mismatch");

    const fn because(reason: &'static str) -> Self {
        Self {
            result: ResultType::ValidationFailure,
            reason: Some(reason),
        }
    }

    /// Of a connection that has no TLS (T4, rows 9 to 11b); `None` for other rows.
    pub(crate) const fn of_row(row: Row) -> Option<Self> {
        match row {
            Row::NoStarttls => Some(Self {
                result: ResultType::StarttlsNotSupported,
                reason: None,
            }),
            Row::TlsLost => Some(Self::because("tls-broke-off")),
            Row::StarttlsRefused => Some(Self::because("starttls-refused")),
            Row::Handshake => Some(Self::because("tls-handshake-failed")),
            _ => None,
        }
    }

    /// Of a certificate chain (T4, row 12).
    pub(crate) const fn of_chain(cause: CertFailure) -> Self {
        match cause {
            CertFailure::DaneMismatch => Self::because("dane-no-match"),
            CertFailure::Expired => Self::plain(ResultType::CertificateExpired),
            CertFailure::HostMismatch => Self::plain(ResultType::CertificateHostMismatch),
            CertFailure::NotTrusted => Self::plain(ResultType::CertificateNotTrusted),
            CertFailure::Weak => Self::untrusted("weak-algorithm-or-key"),
            CertFailure::Malformed => Self::untrusted("certificate-malformed"),
            CertFailure::NotApplicable | CertFailure::PinMismatch => {
                Self::plain(ResultType::ValidationFailure)
            }
        }
    }

    const fn untrusted(reason: &'static str) -> Self {
        Self {
            result: ResultType::CertificateNotTrusted,
            reason: Some(reason),
        }
    }

    pub(crate) const fn plain(result: ResultType) -> Self {
        Self {
            result,
            reason: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, ResultType};
    use crate::authenticate::CertFailure;
    use crate::facts::LookupCause;

    #[test]
    fn t3_the_words_are_those_of_the_rfc() {
        let words = ResultType::ALL.map(ResultType::as_str);
        let expected = [
            "starttls-not-supported",
            "certificate-host-mismatch",
            "certificate-expired",
            "certificate-not-trusted",
            "validation-failure",
            "tlsa-invalid",
            "dnssec-invalid",
            "dane-required",
            "sts-policy-fetch-error",
            "sts-policy-invalid",
            "sts-webpki-invalid",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn t4_causes_of_row_12() {
        for (cause, result, reason) in [
            (CertFailure::Expired, "certificate-expired", None),
            (CertFailure::HostMismatch, "certificate-host-mismatch", None),
            (CertFailure::NotTrusted, "certificate-not-trusted", None),
            (
                CertFailure::Weak,
                "certificate-not-trusted",
                Some("weak-algorithm-or-key"),
            ),
            (
                CertFailure::Malformed,
                "certificate-not-trusted",
                Some("certificate-malformed"),
            ),
            (
                CertFailure::DaneMismatch,
                "validation-failure",
                Some("dane-no-match"),
            ),
        ] {
            let failure = Failure::of_chain(cause);
            assert_eq!(
                (failure.result.as_str(), failure.reason),
                (result, reason),
                "T4 {cause:?}"
            );
        }
    }

    #[test]
    fn t5_stages_of_a_fetch_and_t4_row_6() {
        for (cause, of_policy, of_tlsa) in [
            (
                LookupCause::PolicyUntrusted,
                Some("sts-webpki-invalid"),
                "tlsa-invalid",
            ),
            (
                LookupCause::PolicyInvalid,
                Some("sts-policy-invalid"),
                "tlsa-invalid",
            ),
            (
                LookupCause::PolicyUnavailable,
                Some("sts-policy-fetch-error"),
                "tlsa-invalid",
            ),
            (LookupCause::Bogus, None, "dnssec-invalid"),
            (LookupCause::Malformed, None, "tlsa-invalid"),
            (LookupCause::Refused, None, "tlsa-invalid"),
            (LookupCause::ServFail, None, "tlsa-invalid"),
            (LookupCause::Timeout, None, "tlsa-invalid"),
        ] {
            let found = ResultType::of_policy(cause).map(ResultType::as_str);
            assert_eq!(found, of_policy, "T5 {cause:?}");
            let found = ResultType::of_tlsa_lookup(cause).as_str();
            assert_eq!(found, of_tlsa, "T4, row 6, {cause:?}");
        }
    }
}
