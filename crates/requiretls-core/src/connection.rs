//! What has this connection shown, and may MAIL FROM follow on it?
//!
//! Rows 9 to 13 of P6, judged from a record of what was seen. The steps of a delivery ask early,
//! so that a hopeless connection is left at once; the last gate asks everything again.

use crate::authenticate::{Evidence, Outcome};
use crate::decision::{
    Class, ENCRYPTION_NEEDED, Grounds, Objection, Objections, REQUIRETLS_NEEDED, Refusal, Row, Who,
};
use crate::ehlo::{Encoding, Offer, encode};
use crate::need::Met;
use crate::negotiated::Negotiated;
use crate::plan::{Side, Terms};
use crate::reply::{Enhanced, Reply};
use crate::tls_level::TlsLevel;

mod clearance;

pub use clearance::{Clearance, Unmet};

/// What one connection has shown so far.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// TLS is up, and what was negotiated.
    pub(crate) tls: Option<Negotiated>,
    /// What the certificate chain came to, once it was handed over.
    pub(crate) evidence: Option<Evidence>,
    /// Why it is in clear, where it is: row 9, 10, 11a or 11b.
    pub(crate) clear: Option<Row>,
    /// The EHLO reply that precedes MAIL.
    pub(crate) offer: Option<Offer>,
    /// The peer has refused our parameter once (row 14).
    pub(crate) without_parameter: bool,
    /// When a fact expires that a resumed connection's proof rests on (P9).
    pub(crate) until: Option<u64>,
}

impl Terms {
    /// Rows 9 and 11a, and staying in clear after rows 10 and 11b (P10).
    pub(crate) fn clear_text(&self, row: Row) -> Result<(), Refusal> {
        let cause = match row {
            Row::NoStarttls => "it offers no STARTTLS",
            Row::StarttlsRefused => "it refused STARTTLS",
            Row::Handshake => "the TLS handshake failed",
            _ => "the connection failed at STARTTLS",
        };
        if self.level() == TlsLevel::May {
            // AUTH credentials never go in clear (P10).
            return if self.demand.auth {
                Err(self.lost(
                    row,
                    &format!("{cause}, and credentials are not sent in clear"),
                ))
            } else {
                Ok(())
            };
        }
        let objections = self.objections(|side| side.level > TlsLevel::May);
        Err(self.grounds(row, objections).refuse(&self.host, cause))
    }

    /// Row 11b: TLS below 1.2, or a cipher that does not encrypt, at encrypt or secure (P10).
    pub(crate) fn negotiated(&self, tls: Negotiated) -> Result<(), Refusal> {
        if tls.is_modern() || self.level() == TlsLevel::May {
            return Ok(());
        }
        let cause = "neither TLS 1.2 nor 1.3 with encryption was negotiated";
        // It may heal, whoever objects.
        Err(self
            .grounds(Row::Handshake, Objections::default())
            .refuse(&self.host, cause))
    }

    /// Rows 12a and 12. `None`: no chain was handed over.
    pub(crate) fn chain(&self, evidence: Option<&Evidence>) -> Result<(), Refusal> {
        let absent = Evidence::not_supplied();
        let evidence = evidence.unwrap_or(&absent);
        let met = |side: &Side| side.need.met_by(evidence);
        let undecided = self.objections(|side| met(side) == Met::Undecided);
        let mut objections = self.objections(|side| met(side) == Met::No);
        if self.chain_in_doubt && objections.sender.is_some() {
            objections.sender = Some(Objection::Transient);
        }
        let grounds = if undecided.any() {
            self.grounds(Row::ChainUndecided, undecided)
        } else if objections.any() {
            self.grounds(Row::Chain, objections)
        } else {
            return Ok(());
        };
        Err(grounds.refuse(&self.host, self.why_not(evidence)))
    }

    /// Row 13.
    pub(crate) fn requiretls(&self, offer: Offer, tls: bool) -> Result<(), Refusal> {
        if !self.demand.needs_requiretls() {
            return Ok(());
        }
        let cause = match (tls && offer.requiretls, self.inexpressible()) {
            (true, false) => return Ok(()),
            (false, _) => "it does not support REQUIRETLS",
            (true, true) => "its REQUIRETLS cannot express what the sender asked",
        };
        Err(self.sender_refuses(Row::NoRequiretls, cause))
    }

    /// Row 14 under a tag that must not go without its parameter.
    pub(crate) fn parameter_refused(&self, peer: &str) -> Refusal {
        let cause = format!("it refused the REQUIRETLS parameter: {peer}");
        self.sender_refuses(Row::ParameterRefused, &cause)
    }

    /// Row 16: the peer insists on TLS that could not be made (R15).
    pub(crate) fn tls_demanded(&self, code: u16, enhanced: Enhanced, peer: &str) -> Refusal {
        let reply = Reply::new(code, enhanced, format!("{}: {peer}", self.host));
        Refusal {
            row: Row::TlsDemanded,
            class: Class::Sender,
            who: Who::Sender,
            reply,
        }
    }

    /// Rows 8, 8a and 10: what the network did.
    pub(crate) fn lost(&self, row: Row, cause: &str) -> Refusal {
        let (code, enhanced) = match row {
            Row::Connect => (451, Enhanced(4, 4, 1)),
            Row::Greeting => (451, Enhanced(4, 3, 2)),
            _ => self.demand.deferral(row),
        };
        let reply = Reply::new(code, enhanced, format!("{}: {cause}", self.host));
        let who = match row {
            Row::Connect | Row::Greeting => Who::Nobody,
            _ => self.first_above_may(),
        };
        Refusal {
            row,
            class: Class::Transient,
            who,
            reply,
        }
    }

    fn sender_refuses(&self, row: Row, cause: &str) -> Refusal {
        let sender = Some(Objection::Definite);
        let objections = Objections {
            sender,
            ..Objections::default()
        };
        let grounds = self.grounds(row, objections);
        Grounds {
            definite: REQUIRETLS_NEEDED,
            ..grounds
        }
        .refuse(&self.host, cause)
    }

    fn objections(&self, refuses: impl Fn(&Side) -> bool) -> Objections {
        let objection = if self.in_doubt {
            Objection::Transient
        } else {
            Objection::Definite
        };
        let sender = refuses(&self.sender).then_some(objection);
        Objections {
            recipient: refuses(&self.recipient),
            site: refuses(&self.site),
            sender,
        }
    }

    fn grounds(&self, row: Row, objections: Objections) -> Grounds {
        let softened = self.demand.null_path
            && objections.sender.is_some()
            && matches!(row, Row::NoStarttls | Row::StarttlsRefused | Row::Chain);
        Grounds {
            row,
            objections,
            promise: self.promise,
            definite: ENCRYPTION_NEEDED,
            deferral: self.demand.deferral(row),
            // What the null path has softened is the tag's own refusal.
            transient_who: if softened {
                Who::Sender
            } else {
                self.first_above_may()
            },
        }
    }

    /// P5, "who" of a transient refusal.
    fn first_above_may(&self) -> Who {
        [
            (self.recipient.level, Who::Recipient),
            (self.site.level, Who::Site),
            (self.sender.level, Who::Sender),
        ]
        .into_iter()
        .find(|(level, _)| *level > TlsLevel::May)
        .map_or(Who::Nobody, |(_, who)| who)
    }

    /// P5, "who" on go.
    fn imposed_by(&self) -> Who {
        let level = self.level();
        if level == TlsLevel::May {
            return Who::Nobody;
        }
        [
            (self.site.level, Who::Site),
            (self.sender.level, Who::Sender),
            (self.recipient.level, Who::Recipient),
        ]
        .into_iter()
        .find(|(own, _)| *own == level)
        .map_or(Who::Nobody, |(_, who)| who)
    }

    fn why_not(&self, evidence: &Evidence) -> String {
        let sides = [&self.recipient, &self.site, &self.sender];
        let unmet = sides
            .into_iter()
            .flat_map(|side| side.need.clauses())
            .filter(|clause| crate::need::Need::any_of(*clause).met_by(evidence) != Met::Yes)
            .flat_map(crate::need::MethodSet::iter)
            .map(|method| evidence.outcome(method));
        let mut cause = None;
        for outcome in unmet {
            match outcome {
                Outcome::Undecided(why) => return why.to_string(),
                Outcome::Fails(why) => cause = cause.or(Some(why.to_string())),
                Outcome::Holds => {}
            }
        }
        cause.unwrap_or_else(|| "nothing could vouch for its certificate".to_owned())
    }

    pub(super) fn encoding(&self) -> Encoding {
        encode(self.demand.requirement, self.peer_dialect)
    }

    pub(super) fn inexpressible(&self) -> bool {
        matches!(self.encoding(), Encoding::Inexpressible { .. })
    }
}
