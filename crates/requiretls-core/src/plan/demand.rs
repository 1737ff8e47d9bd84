//! What does the tag ask of this hop?
//!
//! The hop mode (P12) and the empty return path (P4, R29) change what a requiring tag asks of one
//! hop; the kept tag stays as it is.

use crate::decision::{Objection, Row};
use crate::reply::Enhanced;
use crate::requirement::{Proof, Requirement, Requiring};
use crate::site_policy::{HopMode, Rule};
use crate::tls_level::TlsLevel;

/// What the message brings along.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// From its tag.
    pub requirement: Requirement,
    /// Whether its return path is empty (RFC 8689 section 5).
    pub null_path: bool,
    /// Whether AUTH credentials will be sent to the next hop: never in clear (P10).
    pub auth: bool,
}

/// The site's settings for all next hops (P13).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// What a requiring tag with an empty return path asks at most.
    pub null_path_floor: TlsLevel,
    /// What becomes of TLSA records behind insecure MX records (D7).
    pub insecure_mx_dane: InsecureMxDane,
}

/// D7: what becomes of TLSA records behind insecure MX records.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum InsecureMxDane {
    /// As found.
    #[default]
    Dane,
    /// Usable records ask for encryption alone.
    Encrypt,
    /// They are not looked up.
    May,
}

/// What the tag asks of this hop.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Demand {
    pub(crate) requirement: Requirement,
    pub(crate) level: TlsLevel,
    pub(crate) null_path: bool,
    pub(crate) auth: bool,
    pub(crate) hop: HopMode,
    pub(crate) insecure_mx_dane: InsecureMxDane,
    as_own_row: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            null_path_floor: TlsLevel::Encrypt,
            insecure_mx_dane: InsecureMxDane::Dane,
        }
    }
}

impl Demand {
    pub(crate) fn on_this_hop(message: Message, rule: &Rule, settings: Settings) -> Self {
        let requiring = message.requirement.requiring();
        let own = requiring.map_or(TlsLevel::May, own_level);
        let by_hop = match rule.hop {
            HopMode::Enforce => own,
            HopMode::Encrypt => own.min(TlsLevel::Encrypt),
            HopMode::Opportunistic | HopMode::Off | HopMode::Local | HopMode::LocalCarry => {
                TlsLevel::May
            }
        };
        let level = if message.null_path {
            by_hop.min(settings.null_path_floor)
        } else {
            by_hop
        };
        let relaxed_path = message.null_path && level < TlsLevel::Secure;
        Self {
            requirement: message.requirement,
            level,
            null_path: message.null_path && requiring.is_some(),
            auth: message.auth,
            hop: rule.hop,
            insecure_mx_dane: settings.insecure_mx_dane,
            as_own_row: rule.hop == HopMode::Enforce && !relaxed_path,
        }
    }

    /// H and LM: the destination's promises do not bind (P1).
    pub(crate) fn is_downgrade(&self) -> bool {
        self.requirement.is_downgrade()
    }

    /// The requiring tag, where it is judged by its own row of P4.
    pub(crate) fn strict(&self) -> Option<Requiring> {
        self.requirement.requiring().filter(|_| self.as_own_row)
    }

    /// The tag by its own row of P4, for the log of a hop that asks less (P12); `None` where its
    /// own row rules anyway, or the site has said that it is not evaluated.
    pub(crate) fn own_row(&self) -> Option<Self> {
        let requiring = self.requirement.requiring()?;
        if self.as_own_row && !self.null_path || self.hop == HopMode::Off {
            return None;
        }
        Some(Self {
            level: own_level(requiring),
            null_path: false,
            as_own_row: true,
            ..*self
        })
    }

    /// Whether P4a applies: R, LS and what was merged from them.
    pub(crate) fn needs_vouched_path(&self) -> bool {
        self.strict().is_some_and(|tag| {
            tag.level() == TlsLevel::Secure && !matches!(tag.proof(), Proof::Dane | Proof::Both)
        })
    }

    /// Whether the peer must advertise REQUIRETLS (P4).
    pub(crate) fn needs_requiretls(&self) -> bool {
        !self.null_path && self.strict().is_some_and(Requiring::onward)
    }

    /// On the null path a definite refusal never bounces (P4).
    pub(crate) fn soften(&self, objection: Objection) -> Objection {
        if self.null_path {
            Objection::Transient
        } else {
            objection
        }
    }

    /// P5: the code of a deferral for lack of protection.
    pub(crate) fn deferral(&self, row: Row) -> (u16, Enhanced) {
        if self.level >= TlsLevel::Encrypt {
            (451, Enhanced(4, 7, 10))
        } else if row == Row::NoStarttls {
            (451, Enhanced(4, 7, 4))
        } else {
            (451, Enhanced(4, 7, 5))
        }
    }
}

/// P4: the DNSSEC option makes FC and FCD secure.
fn own_level(tag: Requiring) -> TlsLevel {
    if tag.dnssec() && tag.proof() != Proof::Unnamed {
        TlsLevel::Secure
    } else {
        tag.level()
    }
}
