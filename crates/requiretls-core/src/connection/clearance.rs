//! The last gate: everything is judged again, and only then is there anything to send.
//!
//! Nothing but [`Clearance::grant`] makes a [`Clearance`], and nothing but a clearance yields MAIL
//! FROM parameters, so a host that lacks what one of the judges asks cannot be written to.

use super::Connection;
use crate::authenticate::{Evidence, Method, Outcome};
use crate::decision::{Refusal, Row, Who};
use crate::ehlo::{Lost, Offer, lost, parameters};
use crate::need::{Met, MethodSet};
use crate::negotiated::Negotiated;
use crate::plan::Terms;
use crate::requirement::Requirement;
use crate::site_policy::HopMode;
use crate::tls_level::TlsLevel;

/// Everything that is asked of a connection has been shown: MAIL FROM may be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clearance {
    parameter: Option<&'static str>,
    ret_hdrs: bool,
    tls: Option<Negotiated>,
    held: MethodSet,
    level: TlsLevel,
    who: Who,
    unmet: Vec<Unmet>,
    lost: Vec<Lost>,
}

/// What a requiring tag asks by itself and this hop lacks, where the site's hop mode or the empty
/// return path lets the message go on all the same (P12).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Unmet {
    /// Nothing vouches for the way to the host (rows 3, 4, 6a, 7).
    Mx,
    /// No TLS.
    Starttls,
    /// The certificate does not authenticate the host (rows 12, 12a).
    Cert,
    /// The peer does not offer REQUIRETLS (row 13).
    NoRequiretls,
    /// The peer's dialect cannot say all of it (F12).
    Downcast,
    /// The peer refused the parameter (row 14).
    Refused,
}

impl Clearance {
    /// The last gate: judges rows 9 to 13 anew, from what was seen alone.
    ///
    /// # Errors
    /// The refusal by the first row that is not passed.
    pub fn grant(terms: &Terms, seen: &Connection) -> Result<Self, Refusal> {
        let tls = match (seen.tls, seen.clear) {
            (Some(tls), None) => {
                terms.negotiated(tls)?;
                terms.chain(seen.evidence.as_ref())?;
                true
            }
            (None, Some(row)) => {
                terms.clear_text(row)?;
                false
            }
            // Neither TLS nor a reason to be in clear: no EHLO was read.
            _ => return Err(terms.lost(Row::Connect, "no EHLO reply was read")),
        };
        let Some(offer) = seen.offer else {
            return Err(terms.lost(Row::Connect, "no EHLO reply was read"));
        };
        terms.requiretls(offer, tls)?;
        let parameter = terms.parameter(offer, tls, seen.without_parameter);
        let ret_hdrs =
            offer.dsn && parameter.is_none() && terms.wants_ret_hdrs(seen.without_parameter);
        Ok(Self {
            ret_hdrs,
            tls: seen.tls,
            held: seen.held(),
            level: terms.level(),
            who: terms.imposed_by(),
            unmet: terms.unmet(seen, tls),
            lost: lost(
                terms.demand.requirement,
                terms.peer_dialect,
                parameter.is_some(),
            ),
            parameter,
        })
    }

    /// What to append to MAIL FROM, with the blank before it; empty where nothing is to be sent.
    #[must_use]
    pub fn mail_params(&self) -> &'static str {
        self.parameter.unwrap_or("")
    }

    /// Whether the server's own RET must be HDRS (RFC 8689 section 5).
    #[must_use]
    pub fn ret_hdrs(&self) -> bool {
        self.ret_hdrs
    }

    /// Whether the message goes over TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What was negotiated; `None` in clear text.
    #[must_use]
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.tls
    }

    /// The methods that authenticate the peer on this connection, asked for or not.
    #[must_use]
    pub fn held(&self) -> MethodSet {
        self.held
    }

    /// The level that was demanded.
    #[must_use]
    pub fn level(&self) -> TlsLevel {
        self.level
    }

    /// Who demanded it.
    #[must_use]
    pub fn who(&self) -> Who {
        self.who
    }

    /// What the tag asks by itself and did not get.
    #[must_use]
    pub fn unmet(&self) -> &[Unmet] {
        &self.unmet
    }

    /// What the next hop is not told of the tag (F12, L13).
    #[must_use]
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }
}

impl Unmet {
    /// Every one, in the order in which they are named.
    pub const ALL: [Self; 6] = [
        Self::Mx,
        Self::Starttls,
        Self::Cert,
        Self::NoRequiretls,
        Self::Downcast,
        Self::Refused,
    ];

    /// The token of the log line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Starttls => "starttls",
            Self::Cert => "cert",
            Self::NoRequiretls => "norequiretls",
            Self::Downcast => "downcast",
            Self::Refused => "refused",
        }
    }
}

impl Connection {
    fn held(&self) -> MethodSet {
        let Some(evidence) = &self.evidence else {
            return MethodSet::NONE;
        };
        Method::ALL
            .into_iter()
            .fold(MethodSet::NONE, |held, method| {
                held.or(method, evidence.outcome(method) == Outcome::Holds)
            })
    }
}

impl Terms {
    /// P4: what is sent. Parameters go inside TLS only, but for `local carry` (P12).
    fn parameter(&self, offer: Offer, tls: bool, refused: bool) -> Option<&'static str> {
        // A hop mode acts on requiring tags alone (P12).
        let requiring = matches!(self.demand.requirement, Requirement::Requiring(_));
        let in_scope = tls || (requiring && self.demand.hop == HopMode::LocalCarry);
        let muted = requiring && self.demand.hop == HopMode::Off;
        if refused || muted || !in_scope {
            return None;
        }
        parameters(self.encoding(), offer)
    }

    fn wants_ret_hdrs(&self, refused: bool) -> bool {
        self.demand.requirement.requiring().is_some()
            && (refused || self.demand.strict().is_none() || self.demand.null_path)
    }

    fn unmet(&self, seen: &Connection, tls: bool) -> Vec<Unmet> {
        let Some(own) = &self.own_row else {
            return Vec::new();
        };
        let absent = Evidence::not_supplied();
        let evidence = seen.evidence.as_ref().unwrap_or(&absent);
        let offered = seen.offer.as_ref().is_some_and(|offer| offer.requiretls);
        let mut unmet = Vec::new();
        let mut note = |token, holds: bool| {
            if holds {
                unmet.push(token);
            }
        };
        // Path and dialect are nothing to a hop that never leaves the machine (P12).
        let leaves = !self.demand.hop.is_local();
        note(Unmet::Mx, leaves && own.path_unmet);
        // Less than TLS 1.2 is as no TLS (R23).
        note(Unmet::Starttls, !tls || seen.tls == Some(Negotiated::Weak));
        note(Unmet::Cert, tls && own.need.met_by(evidence) != Met::Yes);
        note(Unmet::NoRequiretls, tls && own.onward && !offered);
        note(
            Unmet::Downcast,
            leaves && tls && own.onward && offered && self.inexpressible(),
        );
        note(Unmet::Refused, seen.without_parameter);
        unmet
    }
}
