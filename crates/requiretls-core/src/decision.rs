//! When somebody refuses, who is it, and may it heal?
//!
//! Three judges look at every step: the recipient's domain (its DANE and MTA-STS promises), the
//! site (its floor) and the sender (the tag). The rows are those of table P6; what a refusal
//! amounts to is P5's: only a definite refusal by the sender's tag, beside no promise of the
//! destination, may end in a bounce.

use crate::reply::{Enhanced, Reply};
use std::fmt;

/// A row of table P6, in the order in which a try is judged (P5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Row {
    /// 15: unreadable tag or rule, internal error, deadline.
    Unreadable,
    /// 1: the MX lookup failed.
    MxFailed,
    /// 2: NXDOMAIN, null MX, or every host unusable.
    NoHost,
    /// 3: the path is refused.
    Path,
    /// 4: there may be an MTA-STS policy that could not be had.
    StsUnknown,
    /// 5: no address, and a family failed.
    AddressFailed,
    /// 5a: no address in any family.
    NoAddress,
    /// 6: the TLSA lookup failed.
    TlsaFailed,
    /// 6a: the draft's DANE or DNSSEC option cannot be met at this host.
    DraftOption,
    /// 7: the MTA-STS policy names other hosts.
    StsOtherHost,
    /// 8: no connection, or it broke.
    Connect,
    /// 8a: greeted with 5yz.
    Greeting,
    /// 9: no STARTTLS.
    NoStarttls,
    /// 10: STARTTLS answered 4yz, TLS I/O, EHLO inside TLS answered 4yz.
    TlsLost,
    /// 11a: STARTTLS answered 5yz.
    StarttlsRefused,
    /// 11b: the handshake failed, or gave less than TLS 1.2.
    Handshake,
    /// 12a: the chain cannot be judged now.
    ChainUndecided,
    /// 12: the chain does not authenticate the host.
    Chain,
    /// 13: no REQUIRETLS inside TLS.
    NoRequiretls,
    /// 14: MAIL with our parameter refused.
    ParameterRefused,
    /// 16: 530 in clear under a downgrade tag.
    TlsDemanded,
}

/// What a refusal amounts to (P5); the order is the one in which they are taken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// Against the destination's own authenticated promise: it may heal.
    Committed,
    /// The site's floor refuses: the site may change it.
    Site,
    /// It may heal by itself.
    Transient,
    /// The host has no address: as if it were not there.
    Unusable,
    /// The tag refuses by definite facts.
    Sender,
}

/// Who imposed it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Who {
    /// Nobody in particular: the network, say.
    #[default]
    Nobody,
    /// The destination, by DANE or MTA-STS.
    Recipient,
    /// The sender, by the tag.
    Sender,
    /// The site's rule.
    Site,
}

/// Why one host, or the whole next hop, was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The deciding row.
    pub row: Row,
    /// What it amounts to.
    pub class: Class,
    /// Who imposed it.
    pub who: Who,
    /// The reply if this were the end: 4yz for what may heal, 5yz for what is certain.
    pub reply: Reply,
}

/// The sender's word on one step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Objection {
    /// The tag refuses, by definite facts.
    Definite,
    /// The tag refuses, and that may change.
    Transient,
}

/// The words of all three judges on one step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Objections {
    /// The destination's own promise is not met.
    pub(crate) recipient: bool,
    /// The site's floor, taken alone, is not met.
    pub(crate) site: bool,
    /// The tag's demand is not met.
    pub(crate) sender: Option<Objection>,
}

impl Objections {
    pub(crate) fn any(self) -> bool {
        self.recipient || self.site || self.sender.is_some()
    }
}

/// Everything that P5 weighs at one step where somebody objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grounds {
    pub(crate) row: Row,
    pub(crate) objections: Objections,
    /// The destination has made an authenticated promise that is in force.
    pub(crate) promise: bool,
    /// The code if the sender's refusal is definite.
    pub(crate) definite: (u16, Enhanced),
    /// The code in every other case.
    pub(crate) deferral: (u16, Enhanced),
    /// Who is named for a refusal that may heal by itself.
    pub(crate) transient_who: Who,
}

impl Grounds {
    pub(crate) fn refuse(&self, subject: impl fmt::Display, cause: impl fmt::Display) -> Refusal {
        let class = self.class();
        let who = match class {
            Class::Committed if self.objections.recipient => Who::Recipient,
            Class::Committed | Class::Site if self.objections.site => Who::Site,
            Class::Transient => self.transient_who,
            Class::Committed | Class::Sender | Class::Site | Class::Unusable => Who::Sender,
        };
        let (code, enhanced) = if class == Class::Sender {
            self.definite
        } else {
            self.deferral
        };
        let text = format!("{subject}: {cause} (required by the {who})");
        Refusal {
            row: self.row,
            class,
            who,
            reply: Reply::new(code, enhanced, text),
        }
    }

    fn class(&self) -> Class {
        let Self {
            row,
            objections,
            promise,
            ..
        } = *self;
        if row.heals_by_itself() {
            return Class::Transient;
        }
        let may_be_committed = matches!(
            row,
            Row::StsOtherHost | Row::NoStarttls | Row::StarttlsRefused | Row::Chain
        );
        // Row 7 at M=V: only the destination's refusal is committed, the tag's is transient.
        let only_in_doubt = row == Row::StsOtherHost
            && !objections.recipient
            && objections.sender == Some(Objection::Transient);
        if may_be_committed && promise && !only_in_doubt {
            Class::Committed
        } else if objections.site {
            Class::Site
        } else if objections.sender == Some(Objection::Definite) {
            Class::Sender
        } else {
            Class::Transient
        }
    }
}

impl Refusal {
    /// What the network or our own side did, which nobody in particular imposes.
    pub(crate) fn of_nobody(row: Row, class: Class, reply: Reply) -> Self {
        Self {
            row,
            class,
            who: Who::Nobody,
            reply,
        }
    }

    /// Whether the message may be returned on this refusal.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        self.class == Class::Sender
    }
}

/// The code of a final refusal for lack of protection (E1).
pub(crate) const ENCRYPTION_NEEDED: (u16, Enhanced) = (550, Enhanced(5, 7, 10));
/// The peer does not support REQUIRETLS (RFC 8689 section 7).
pub(crate) const REQUIRETLS_NEEDED: (u16, Enhanced) = (550, Enhanced(5, 7, 30));
/// The draft's DNSSEC option is not met (F9).
pub(crate) const DNSSEC_NEEDED: (u16, Enhanced) = (550, Enhanced(5, 7, 5));
/// An internal fault, an unreadable tag.
pub(crate) const INTERNAL: (u16, Enhanced) = (451, Enhanced(4, 3, 0));
/// An unreadable site rule.
pub(crate) const RULE_UNREADABLE: (u16, Enhanced) = (451, Enhanced(4, 3, 5));

impl Row {
    /// P5: the rows whose refusals are transient, whoever refuses.
    const fn heals_by_itself(self) -> bool {
        matches!(
            self,
            Self::Unreadable
                | Self::MxFailed
                | Self::StsUnknown
                | Self::AddressFailed
                | Self::TlsaFailed
                | Self::Connect
                | Self::Greeting
                | Self::TlsLost
                | Self::Handshake
                | Self::ChainUndecided
        )
    }

    /// The row's number in P6.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "15",
            Self::MxFailed => "1",
            Self::NoHost => "2",
            Self::Path => "3",
            Self::StsUnknown => "4",
            Self::AddressFailed => "5",
            Self::NoAddress => "5a",
            Self::TlsaFailed => "6",
            Self::DraftOption => "6a",
            Self::StsOtherHost => "7",
            Self::Connect => "8",
            Self::Greeting => "8a",
            Self::NoStarttls => "9",
            Self::TlsLost => "10",
            Self::StarttlsRefused => "11a",
            Self::Handshake => "11b",
            Self::ChainUndecided => "12a",
            Self::Chain => "12",
            Self::NoRequiretls => "13",
            Self::ParameterRefused => "14",
            Self::TlsDemanded => "16",
        }
    }
}

impl Who {
    /// As in sentences and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Recipient => "recipient",
            Self::Sender => "sender",
            Self::Site => "site",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
