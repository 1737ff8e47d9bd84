//! May this host be tried at all? Rows 5 to 7 of P6, which need no connection.

use super::terms::{Records, StsMatch};
use super::{Candidate, Plan, Terms};
use crate::decision::{
    Class, DNSSEC_NEEDED, ENCRYPTION_NEEDED, Grounds, Objection, Objections, Refusal, Row, Who,
};
use crate::facts::{Addresses, HostFacts, Route, Security, Tlsa};
use crate::reply::{Enhanced, Reply};
use crate::requirement::Proof;
use crate::tls_level::TlsLevel;

impl Plan {
    pub(super) fn candidate(&self, facts: &HostFacts) -> Candidate {
        let records = self.records(&facts.tlsa);
        let sts = self.sts_match(&facts.host);
        let terms = self.terms(&facts.host, records, sts);
        let refused = self
            .no_address(facts)
            .or_else(|| self.tlsa_failed(facts, records))
            .or_else(|| self.draft_option(facts, records))
            .or_else(|| self.other_host(facts, records, sts, &terms));
        let addresses = match &facts.addresses {
            Addresses::Found(found) => found.clone(),
            Addresses::Denied(_) | Addresses::Failed(_) => Vec::new(),
        };
        Candidate {
            host: facts.host.clone(),
            addresses,
            terms,
            refused,
        }
    }

    /// Rows 5 and 5a.
    fn no_address(&self, facts: &HostFacts) -> Option<Refusal> {
        let host = &facts.host;
        let (row, class, text) = match &facts.addresses {
            Addresses::Found(_) => return None,
            Addresses::Failed(failure) => (
                Row::AddressFailed,
                Class::Transient,
                format!("{host}: {failure}"),
            ),
            // Such a denial can be forged and must not complete a bounce.
            Addresses::Denied(security) if *security != Security::Secure && self.live_enforce() => {
                let text = format!("{host}: it has no address, says an unsigned answer");
                (Row::AddressFailed, Class::Transient, text)
            }
            Addresses::Denied(_) => (
                Row::NoAddress,
                Class::Unusable,
                format!("{host}: it has no address"),
            ),
        };
        Some(Refusal::of_nobody(
            row,
            class,
            Reply::new(451, Enhanced(4, 4, 3), text),
        ))
    }

    /// Row 6: a host whose TLSA lookup failed must not be delivered to (D2).
    fn tlsa_failed(&self, facts: &HostFacts, records: Records) -> Option<Refusal> {
        let (Records::Failed, Tlsa::Failed(failure)) = (records, &facts.tlsa) else {
            return None;
        };
        let methods = &self.rule.methods;
        let sender = self.demand.strict().is_some_and(|tag| {
            tag.level() == TlsLevel::Secure
                || matches!(tag.proof(), Proof::Either | Proof::Dane | Proof::Both)
        });
        let objections = Objections {
            recipient: self.dest_rules(),
            site: self.rule.floor == TlsLevel::Secure && (methods.dane || methods.is_empty()),
            sender: sender.then_some(Objection::Transient),
        };
        let transient_who = if objections.recipient {
            Who::Recipient
        } else if self.rule.floor > TlsLevel::May {
            Who::Site
        } else {
            Who::Sender
        };
        let grounds = self.grounds(Row::TlsaFailed, objections, ENCRYPTION_NEEDED);
        objections.any().then(|| {
            Grounds {
                transient_who,
                ..grounds
            }
            .refuse(&facts.host, failure)
        })
    }

    /// Row 6a: what FD and +DNSSEC ask of this host's own records.
    fn draft_option(&self, facts: &HostFacts, records: Records) -> Option<Refusal> {
        let tag = self.demand.strict()?;
        let cname = match facts.cname {
            Some(Security::Insecure) if tag.dnssec() => Some(Objection::Definite),
            Some(Security::Unknown) if tag.dnssec() => Some(Objection::Transient),
            _ => None,
        };
        let wants_dane = matches!(tag.proof(), Proof::Dane | Proof::Both);
        let dane = match (&self.facts.route, records) {
            _ if !wants_dane => None,
            (Route::Mx(Security::Unknown), _) => Some(Objection::Transient),
            (Route::Mx(Security::Insecure), _) | (_, Records::None | Records::Unusable) => {
                Some(Objection::Definite)
            }
            (_, Records::Usable | Records::Failed) => None,
        };
        // An unsigned CNAME comes first, also where both fit (P6.6a), and what may still heal comes
        // before what is certain.
        let (sender, code, cause) = match (cname, dane) {
            (Some(Objection::Definite), _) => (
                Objection::Definite,
                DNSSEC_NEEDED,
                "its name is an unsigned CNAME",
            ),
            (Some(Objection::Transient), _) => {
                let cause = "its name is a CNAME of unknown DNSSEC status";
                (Objection::Transient, DNSSEC_NEEDED, cause)
            }
            (None, Some(objection)) => (
                objection,
                ENCRYPTION_NEEDED,
                "DANE does not vouch for it and its MX record",
            ),
            (None, None) => return None,
        };
        Some(
            self.sender_refuses(Row::DraftOption, sender, code)
                .refuse(&facts.host, cause),
        )
    }

    /// Row 7: the MTA-STS policy does not have this host.
    fn other_host(
        &self,
        facts: &HostFacts,
        records: Records,
        sts: StsMatch,
        terms: &Terms,
    ) -> Option<Refusal> {
        let recipient = self.dest_rules()
            && sts == StsMatch::EnforceOther
            && !(records == Records::Usable && self.vouched_route());
        let other = matches!(sts, StsMatch::EnforceOther | StsMatch::TestingOther);
        let sender = match &self.facts.route {
            _ if !other || !self.demand.needs_vouched_path() || self.goes_on() => None,
            Route::Mx(Security::Insecure) => Some(Objection::Definite),
            Route::Mx(Security::Unknown) => Some(Objection::Transient),
            _ => None,
        };
        let objections = Objections {
            recipient,
            site: false,
            sender,
        };
        let grounds = self.grounds(Row::StsOtherHost, objections, ENCRYPTION_NEEDED);
        let cause = "the MTA-STS policy of its domain does not name it";
        objections.any().then(|| {
            Grounds {
                promise: terms.promise,
                ..grounds
            }
            .refuse(&facts.host, cause)
        })
    }
}
