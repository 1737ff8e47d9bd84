//! What must a connection to this host prove, and for whom?

use super::Plan;
use super::demand::{Demand, InsecureMxDane};
use crate::authenticate::Method;
use crate::facts::{Route, Security, Sts, Tlsa};
use crate::mta_sts::Mode;
use crate::need::{MethodSet, Need};
use crate::next_hop::Host;
use crate::requirement::Proof;
use crate::site_policy::PeerDialect;
use crate::tls_level::TlsLevel;

/// What a connection to one host must prove: three judges, each by itself (P1).
#[derive(Clone, Debug)]
pub struct Terms {
    pub(crate) host: Host,
    pub(crate) recipient: Side,
    pub(crate) site: Side,
    pub(crate) sender: Side,
    /// A promise of the destination is in force (P2d, P5).
    pub(crate) promise: bool,
    /// The tag's refusals in rows 9, 11a and 12 may heal: M=V, or the null path (P5).
    pub(crate) in_doubt: bool,
    /// So may the refusal of R or LS in row 12: M=I with T=? (P4a).
    pub(crate) chain_in_doubt: bool,
    pub(crate) demand: Demand,
    /// What the tag's own row asks, where the hop mode or the null path asks less: for the log.
    pub(crate) own_row: Option<OwnRow>,
    pub(crate) peer_dialect: PeerDialect,
}

/// What one judge asks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Side {
    pub(crate) level: TlsLevel,
    pub(crate) need: Need,
}

/// What a requiring tag asks by itself (P12: evaluated for the log).
#[derive(Clone, Debug)]
pub(crate) struct OwnRow {
    pub(crate) path_unmet: bool,
    pub(crate) need: Need,
    pub(crate) onward: bool,
}

/// D of P2b, after the knobs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Records {
    None,
    Usable,
    Unusable,
    Failed,
}

/// T of P2c for one host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StsMatch {
    None,
    Testing,
    TestingOther,
    Enforce,
    EnforceOther,
    Unknown,
}

impl Terms {
    /// The effective level: the highest of the three (P1).
    #[must_use]
    pub fn level(&self) -> TlsLevel {
        self.recipient
            .level
            .max(self.site.level)
            .max(self.sender.level)
    }

    /// The methods that may authenticate the host, in the words of the C API: "none", "dane",
    /// "pkix", "pin", or "dane+pkix" where both must hold.
    #[must_use]
    pub fn method(&self) -> &'static str {
        let asked = [&self.recipient, &self.site, &self.sender];
        let clauses: Vec<MethodSet> = asked.iter().flat_map(|s| s.need.clauses()).collect();
        let only = |m| clauses.iter().any(|c| *c == MethodSet::only(m));
        let any = |m| clauses.iter().any(|c| c.contains(m));
        let pkix_alone = [Method::PkixHost, Method::PkixNextHop, Method::SitePkix]
            .into_iter()
            .any(only);
        if clauses.is_empty() {
            "none"
        } else if only(Method::Dane) && pkix_alone {
            "dane+pkix"
        } else if any(Method::Dane) {
            "dane"
        } else if only(Method::SitePin) {
            "pin"
        } else {
            "pkix"
        }
    }

    /// Whether the method is among those that may authenticate the host.
    #[must_use]
    pub fn asks_for(&self, method: Method) -> bool {
        [&self.recipient, &self.site, &self.sender]
            .iter()
            .flat_map(|side| side.need.clauses())
            .any(|clause| clause.contains(method))
    }
}

impl Plan {
    pub(super) fn terms(&self, host: &Host, records: Records, sts: StsMatch) -> Terms {
        let demand = self.demand;
        let promised = matches!(records, Records::Usable | Records::Unusable)
            || matches!(sts, StsMatch::Enforce | StsMatch::EnforceOther);
        // An authenticated policy contradicts the unsigned MX records (P4a, CHOICE for t-).
        let contradicted = demand.needs_vouched_path()
            && self.facts.route == Route::Mx(Security::Insecure)
            && sts == StsMatch::TestingOther;
        Terms {
            host: host.clone(),
            recipient: self.recipient(records, sts),
            site: self.site(records, sts),
            sender: self.sender(records, sts),
            promise: (promised || contradicted) && self.promises_hold(),
            in_doubt: demand.null_path || self.facts.route == Route::Mx(Security::Unknown),
            // To the draft's tags an unknown policy is none (P2c).
            chain_in_doubt: demand.needs_vouched_path()
                && self.facts.route == Route::Mx(Security::Insecure)
                && sts == StsMatch::Unknown,
            demand,
            own_row: None,
            peer_dialect: self.rule.peer_dialect,
        }
    }

    /// P3. What it refuses outright is in rows 6 and 7.
    fn recipient(&self, records: Records, sts: StsMatch) -> Side {
        if !self.dest_rules() {
            return Side::default();
        }
        let dane = MethodSet::only(Method::Dane);
        let pkix = MethodSet::only(Method::PkixHost);
        let secure = |need| Side {
            level: TlsLevel::Secure,
            need,
        };
        match (records, sts) {
            (Records::Usable, _) if self.vouched_route() => secure(Need::any_of(dane)),
            // DANE through an insecure MX does not vouch for the path (RFC 7672 section 2.2.1).
            (Records::Usable, StsMatch::Enforce) => secure(Need::any_of(dane).and(pkix)),
            (Records::Usable, _) => secure(Need::any_of(dane)),
            (_, StsMatch::Enforce) => secure(Need::any_of(pkix)),
            (Records::Unusable, _) => Side {
                level: TlsLevel::Encrypt,
                need: Need::NOTHING,
            },
            (Records::None | Records::Failed, _) => Side::default(),
        }
    }

    /// P8.
    fn site(&self, records: Records, sts: StsMatch) -> Side {
        let need = match self.rule.floor {
            TlsLevel::May | TlsLevel::Encrypt => Need::NOTHING,
            TlsLevel::Secure if self.rule.methods.is_empty() => {
                Need::any_of(self.like_ls(records, sts))
            }
            TlsLevel::Secure => Need::any_of(self.site_methods(records)),
        };
        Side {
            level: self.rule.floor,
            need,
        }
    }

    /// P4 and P4a.
    fn sender(&self, records: Records, sts: StsMatch) -> Side {
        let level = self.demand.level;
        let Some(tag) = self.demand.strict() else {
            return Side {
                level,
                need: Need::NOTHING,
            };
        };
        let mut need = Need::NOTHING;
        if self.demand.needs_vouched_path() {
            let own = if tag.onward() {
                self.p4a(records, sts)
            } else {
                self.like_ls(records, sts)
            };
            need = need.and(own.union(self.site_methods(records)));
        }
        let chain = MethodSet::only(Method::PkixHost);
        let dane = MethodSet::NONE.or(Method::Dane, self.dane_vouches(records));
        need = match tag.proof() {
            Proof::Unnamed => need,
            Proof::Either => need.and(chain.union(dane)),
            Proof::Chain => need.and(chain),
            Proof::Dane => need.and(dane),
            Proof::Both => need.and(chain).and(dane),
        };
        Side { level, need }
    }

    fn p4a(&self, records: Records, sts: StsMatch) -> MethodSet {
        let dane = MethodSet::only(Method::Dane);
        let host = MethodSet::only(Method::PkixHost);
        match (&self.facts.route, records, sts) {
            (_, Records::Failed, _) => MethodSet::NONE,
            (
                Route::Mx(Security::Secure) | Route::Implicit(_) | Route::Configured,
                Records::Usable,
                _,
            ) => dane,
            (Route::Mx(Security::Secure) | Route::Configured, _, _) => host,
            (Route::Implicit(_), _, _) => MethodSet::only(Method::PkixNextHop),
            (Route::Mx(_), _, StsMatch::Enforce) => host,
            (Route::Mx(_), Records::Usable, StsMatch::Testing) => dane.union(host),
            (Route::Mx(_), _, StsMatch::Testing) => host,
            _ => MethodSet::NONE,
        }
    }

    /// LS: P4a, or the next-hop domain's own name, which does not come from DNS (L9).
    fn like_ls(&self, records: Records, sts: StsMatch) -> MethodSet {
        let named = self.facts.route != Route::Literal;
        self.p4a(records, sts).or(Method::PkixNextHop, named)
    }

    fn site_methods(&self, records: Records) -> MethodSet {
        let methods = &self.rule.methods;
        MethodSet::NONE
            .or(Method::Dane, methods.dane && self.dane_vouches(records))
            .or(Method::SitePkix, !methods.pkix_names.is_empty())
            .or(Method::SitePin, !methods.pins.is_empty())
    }

    /// FD's condition: usable records, and the way to the host is vouched for.
    fn dane_vouches(&self, records: Records) -> bool {
        records == Records::Usable && self.vouched_route()
    }

    pub(crate) fn records(&self, tlsa: &Tlsa) -> Records {
        let insecure_mx = self.facts.route == Route::Mx(Security::Insecure);
        match (tlsa, self.demand.insecure_mx_dane) {
            // P2b: M=V and M=A have no TLSA answer to trust.
            _ if matches!(
                self.facts.route,
                Route::Literal | Route::Mx(Security::Unknown)
            ) =>
            {
                Records::None
            }
            (_, InsecureMxDane::May) if insecure_mx => Records::None,
            (Tlsa::None, _) => Records::None,
            (Tlsa::Failed(_), _) => Records::Failed,
            (Tlsa::Found { records, .. }, knob) => {
                let usable = crate::dane::any_usable(records);
                if usable && !(insecure_mx && knob == InsecureMxDane::Encrypt) {
                    Records::Usable
                } else {
                    Records::Unusable
                }
            }
        }
    }

    pub(crate) fn sts_match(&self, host: &Host) -> StsMatch {
        let (policy, named) = match &self.facts.sts {
            _ if self.facts.route == Route::Literal => return StsMatch::None,
            Sts::None => return StsMatch::None,
            Sts::Unknown(_) => return StsMatch::Unknown,
            Sts::Live { policy, .. } => {
                (policy, host.name().is_some_and(|name| policy.matches(name)))
            }
        };
        match (policy.mode(), named) {
            (Mode::Enforce, true) => StsMatch::Enforce,
            (Mode::Enforce, false) => StsMatch::EnforceOther,
            (Mode::Testing, true) => StsMatch::Testing,
            (Mode::Testing, false) => StsMatch::TestingOther,
            (Mode::None, _) => StsMatch::None,
        }
    }
}
