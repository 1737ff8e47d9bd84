//! Is the next hop as a whole refused? Rows 1 to 4 of P6, which no host can mend.

use super::Plan;
use crate::decision::{
    Class, DNSSEC_NEEDED, ENCRYPTION_NEEDED, Objection, Objections, Refusal, Row, Who,
};
use crate::facts::{LookupFailure, Route, Security, Sts};
use crate::reply::{Enhanced, Reply};
use crate::requirement::Proof;
use crate::tls_level::TlsLevel;

impl Plan {
    /// What becomes of a message all of whose hosts are unusable (row 2).
    pub(crate) fn no_host_left(&self) -> Refusal {
        let insecure = match self.facts.route {
            Route::Mx(security) | Route::Implicit(security) => security != Security::Secure,
            _ => false,
        };
        self.no_host(
            insecure,
            550,
            Enhanced(5, 4, 4),
            "no host of it has an address",
        )
    }

    /// Rows 1 to 4, which no host can mend.
    pub(super) fn judge_next_hop(&self) -> Option<Refusal> {
        match &self.facts.route {
            Route::Failed(failure) => return Some(self.lookup_failed(failure)),
            Route::NullMx(security) => {
                let insecure = *security != Security::Secure;
                let cause = "it takes no mail (null MX)";
                return Some(self.no_host(insecure, 556, Enhanced(5, 1, 10), cause));
            }
            Route::NoDomain(security) => {
                let insecure = *security != Security::Secure;
                let cause = "there is no such domain";
                return Some(self.no_host(insecure, 550, Enhanced(5, 1, 2), cause));
            }
            Route::Mx(_) | Route::Implicit(_) | Route::Configured | Route::Literal => {}
        }
        self.path().or_else(|| self.sts_unknown())
    }

    fn lookup_failed(&self, failure: &LookupFailure) -> Refusal {
        let text = format!("{}: {failure}", self.next_hop);
        let reply = Reply::new(451, Enhanced(4, 4, 3), text);
        Refusal::of_nobody(Row::MxFailed, Class::Transient, reply)
    }

    /// Row 2. An unsigned answer that contradicts a live policy may be forged (RFC 8461 section 5).
    fn no_host(&self, insecure: bool, code: u16, enhanced: Enhanced, cause: &str) -> Refusal {
        let text = format!("{}: {cause}", self.next_hop);
        if insecure && self.live_enforce() {
            let text = format!("{text}, says an unsigned answer against its MTA-STS policy");
            return Refusal {
                row: Row::NoHost,
                class: Class::Committed,
                who: Who::Recipient,
                reply: Reply::new(451, Enhanced(4, 7, 5), text),
            };
        }
        let reply = Reply::new(code, enhanced, text);
        Refusal::of_nobody(Row::NoHost, Class::Unusable, reply)
    }

    /// Row 3: what this way to the hosts can never give, or cannot give now.
    fn path(&self) -> Option<Refusal> {
        let methods = &self.rule.methods;
        let only_dane = methods.dane && methods.pkix_names.is_empty() && methods.pins.is_empty();
        let site = self.rule.floor == TlsLevel::Secure
            && ((only_dane && !self.vouched_route())
                || (methods.is_empty() && self.facts.route == Route::Literal));
        let (sender, code) = self.sender_on_path();
        let objections = Objections {
            recipient: false,
            site,
            sender,
        };
        if !objections.any() {
            return None;
        }
        let cause = match (&self.facts.route, code == DNSSEC_NEEDED) {
            (Route::Literal, _) => "an address literal cannot be authenticated",
            (_, true) => "its MX or CNAME records are not signed (DNSSEC)",
            (Route::Mx(Security::Unknown), _) => {
                "nothing vouches for its MX records, for want of a validating resolver"
            }
            _ => "nothing vouches for its MX records: neither DNSSEC nor MTA-STS",
        };
        Some(
            self.grounds(Row::Path, objections, code)
                .refuse(&self.next_hop, cause),
        )
    }

    fn sender_on_path(&self) -> (Option<Objection>, (u16, Enhanced)) {
        let Some(tag) = self.demand.strict() else {
            return (None, ENCRYPTION_NEEDED);
        };
        let route = &self.facts.route;
        let dnssec = match route {
            _ if !tag.dnssec() => None,
            Route::Mx(Security::Insecure) | Route::Implicit(Security::Insecure) => {
                Some(Objection::Definite)
            }
            Route::Mx(Security::Unknown) | Route::Implicit(Security::Unknown) => {
                Some(Objection::Transient)
            }
            _ => None,
        };
        if let Some(objection) = dnssec {
            return (Some(self.demand.soften(objection)), DNSSEC_NEEDED);
        }
        let objection = match (route, &self.facts.sts) {
            _ if self.goes_on() => None,
            (Route::Literal, _)
                if tag.level() == TlsLevel::Secure || tag.proof() != Proof::Unnamed =>
            {
                Some(Objection::Definite)
            }
            _ if !self.demand.needs_vouched_path() => None,
            (Route::Mx(Security::Insecure), Sts::None) => Some(Objection::Definite),
            (Route::Mx(Security::Unknown), Sts::None | Sts::Unknown(_)) => {
                Some(Objection::Transient)
            }
            _ => None,
        };
        (objection.map(|o| self.demand.soften(o)), ENCRYPTION_NEEDED)
    }

    /// Row 4: an MTA-STS policy could vouch for the path, if it could be had.
    fn sts_unknown(&self) -> Option<Refusal> {
        let Sts::Unknown(failure) = &self.facts.sts else {
            return None;
        };
        if self.facts.route != Route::Mx(Security::Insecure)
            || !self.demand.needs_vouched_path()
            || self.goes_on()
        {
            return None;
        }
        let cause = format!(
            "its MTA-STS policy could not be had, and nothing else vouches for its MX records: \
             {failure}"
        );
        let grounds = self.sender_refuses(Row::StsUnknown, Objection::Transient, ENCRYPTION_NEEDED);
        Some(grounds.refuse(&self.next_hop, cause))
    }
}
