//! Where do core and OpenSSL part, and why?

use crate::case::Verdict::{self, Holds, Refused, Unusable};
use Level::{Debian, Postfix};

/// OpenSSL's security level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    /// 0: as Postfix sets it.
    Postfix,
    /// 2: what a program has on Debian that sets none.
    Debian,
}

impl Level {
    /// In the order of the oracle's answers.
    pub(crate) const ALL: [Self; 2] = [Self::Postfix, Self::Debian];
}

/// Cases in which the verdicts are not the same, for one reason.
pub(crate) struct Difference {
    /// Why.
    pub(crate) reason: &'static str,
    /// Core's verdict.
    pub(crate) ours: Verdict,
    /// OpenSSL's verdict.
    pub(crate) theirs: Verdict,
    /// At which levels.
    pub(crate) levels: &'static [Level],
    /// Which cases.
    pub(crate) labels: &'static [&'static str],
}

const BOTH: &[Level] = &Level::ALL;

/// All of them: first those in which core is the one that accepts.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "D12: DANE-EE is about the leaf's key, whatever its strength, and the domain has \
                 published this one. OpenSSL at level 2 would not have ended the handshake; Postfix \
                 takes it.",
        ours: Holds,
        theirs: Refused,
        levels: &[Debian],
        labels: &["D12 RSA 1024 leaf, DANE-EE"],
    },
    Difference {
        reason: "D12, D13: the handshake is the TLS library's, and OpenSSL ends it over such a \
                 certificate. Where another hands the chain over, what cannot be read is nothing to \
                 DANE-EE, and leads nowhere in a path that holds without it.",
        ours: Holds,
        theirs: Refused,
        levels: BOTH,
        labels: &[
            "D12 no certificate among them, 3 1 1",
            "D12 no certificate behind it, 3 1 1",
            "D13 no certificate among them, 2 1 1",
            "D13 no certificate behind it, 2 1 1",
        ],
    },
    Difference {
        reason: "D13, RFC 5280 section 6.1: there is a path to the authority that the record names, \
                 and every signature on it holds. OpenSSL takes the first issuer of the right name, \
                 and looks for no other.",
        ours: Holds,
        theirs: Refused,
        levels: BOTH,
        labels: &[
            "D13 cross-signed, to the other",
            "D13 namesake of the root beside it",
        ],
    },
    Difference {
        reason: "D11, RFC 7672 section 3.1.3: the PKIX usages cannot be used in SMTP. OpenSSL knows \
                 them, and leaves it to the mail server to keep them away.",
        ours: Unusable,
        theirs: Refused,
        levels: BOTH,
        labels: &[
            "VD2 0 0 0",
            "VD2 0 0 1",
            "VD2 0 0 2",
            "VD2 0 1 0",
            "VD2 0 1 1",
            "VD2 0 1 2",
            "VD2 1 0 0",
            "VD2 1 0 1",
            "VD2 1 0 2",
            "VD2 1 1 0",
            "VD2 1 1 1",
            "VD2 1 1 2",
        ],
    },
    Difference {
        reason: "R23, RFC 9325 section 4.5: no RSA key under 2048 bits, and no SHA-1. Postfix sets \
                 level 0 for the sake of mail that needs no authentication.",
        ours: Refused,
        theirs: Holds,
        levels: &[Postfix],
        labels: &[
            "R23 RSA 1024 anchor",
            "R23 RSA 1024 issuer",
            "R23 RSA 1024 leaf",
            "R23 RSA 1024 root",
            "R23 SHA-1",
        ],
    },
    Difference {
        reason: "D13: the dates of the authority count. OpenSSL looks at those of a self-signed one \
                 alone.",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &[
            "D13 anchor expired, intermediate on top, 2 0 1",
            "D13 anchor expired, intermediate, 2 1 1",
            "D13 anchor not yet valid, intermediate on top, 2 0 1",
            "D13 anchor not yet valid, intermediate, 2 1 1",
            "D13 expired anchor alone",
        ],
    },
    Difference {
        reason: "D13, RFC 5280 section 6.1.4 (k): an authority of version 3 says so in its basic \
                 constraints. Key usage is enough for OpenSSL.",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &[
            "D13 anchor that does not say it is one, 2 0 0 not sent",
            "D13 anchor that does not say it is one, 2 1 1",
            "D13 anchor that does not say it is one, intermediate on top, 2 0 1",
            "D13 anchor that does not say it is one, intermediate, 2 1 1",
        ],
    },
    Difference {
        reason: "D14: a wildcard is the whole of the first label (RFC 9525 section 6.3 too).",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &[
            "D14 part of a label, begin, DANE-TA",
            "D14 part of a label, end, DANE-TA",
        ],
    },
    Difference {
        reason: "D14: where an authority constrains names, a common name is none. OpenSSL holds it \
                 against the constraints as if it were a DNS-ID, which RFC 5280 does not ask for.",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &[
            "D14 issuer for all but another domain, CN",
            "D14 issuer for the domain with a dot, CN",
            "D14 issuer for the domain, CN",
            "D14 issuer for this name, CN",
            "D14 issuer for two domains, CN",
        ],
    },
    Difference {
        reason: "A limit of webpki: it takes no authority for a server. DANE-EE is open to such a \
                 certificate.",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &["D13 leaf is an authority, DANE-TA"],
    },
    Difference {
        reason: "A limit of webpki: no more than six issuers between leaf and authority.",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &["D13 8 issuers", "D13 9 issuers"],
    },
    Difference {
        reason: "A limit of webpki: no date before 1970.",
        ours: Refused,
        theirs: Holds,
        levels: BOTH,
        labels: &["D12 D13 since 1950, DANE-TA"],
    },
];
