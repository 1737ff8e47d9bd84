//! Which case decides as this delivery did?
//!
//! The way back: from a plan, and what its hosts have shown, to a case that `explain` decides in
//! the same way. The hosts of the case are the tries in their order, then what is untried; a host
//! that was left for another and tried again comes twice. Names, addresses and certificates are not
//! in it, only what became of them. What a peer says in its replies is not either: where row 16
//! passes on the peer's own reply, the case has `530 5.7.0`.

use super::shown_words::{
    EndWord, MailWord, OfferWord, ProofWord, StarttlsWord, TcpWord, VersionWord, WorkedWord,
};
use super::tag_word::TagWord;
use super::words::{
    AddressWord, CnameWord, DialectWord, DiscoveryWord, HopWord, KnobWord, LevelWord, MethodWord,
    RecordWord, RouteWord, SecurityWord, StsWord,
};
use super::{Case, CaseAddress, CaseHost, Further, NullPathFloor};
use crate::authenticate::{Method, Outcome};
use crate::connection::Connection;
use crate::dane;
use crate::decision::{RULE_UNREADABLE, Row};
use crate::delivery::{Delivery, Ended, Tried, Try};
use crate::ehlo::Offer;
use crate::facts::{Addresses, HostFacts, Route, Security, Sts, Tlsa};
use crate::mta_sts::Mode;
use crate::plan::Plan;
use crate::tls_level::TlsLevel;
use serde::Serialize;
use serde_json::{Map, Value};

impl Case {
    /// The case of what [`Delivery::outcome`] says. `None`: the delivery was not
    /// [told to record](Delivery::recording), or something happened that no case can say.
    #[must_use]
    pub fn of_verdict(delivery: &Delivery) -> Option<Self> {
        let record = delivery.recorded().filter(|record| record.is_complete())?;
        let tries = record.tries();
        // What comes after a host has settled the message is for other recipients.
        let tries = match tries.iter().position(|t| t.ended == Ended::Settled) {
            Some(last) => tries.get(..=last)?,
            None => tries,
        };
        Some(Self::of_tries(delivery, tries.iter()))
    }

    /// The case of a message for which the gate has just opened. `None`: as above, but what was
    /// wrong with other hosts does not matter.
    #[must_use]
    pub fn of_message(delivery: &Delivery) -> Option<Self> {
        let tries = delivery.recorded()?.tries();
        let current = delivery.current_try()?;
        // What a host took before was for other recipients.
        let others = tries.iter().filter(|t| t.ended != Ended::Settled);
        Some(Self::of_tries(delivery, others.chain([&current])))
    }

    /// The case of what was refused before there was a plan: an unreadable rule, or anything else.
    #[must_use]
    pub fn of_unreadable(rule: bool) -> Self {
        Self {
            tag_readable: rule,
            rule_readable: !rule,
            hosts: Vec::new(),
            ..Self::default()
        }
    }

    /// One line of JSON; what has its default is left out.
    #[must_use]
    pub fn line(&self) -> String {
        let mut case = object(self);
        for_each_of(&mut case, "hosts", |host| {
            let shown = object(&CaseAddress::default());
            for_each_of(host, "addrs", |address| drop_defaults(address, &shown));
            drop_defaults(host, &with_one_of(&CaseHost::default(), "addrs"));
        });
        let message = object(&Further::default());
        for_each_of(&mut case, "then", |further| {
            drop_defaults(further, &message);
        });
        drop_defaults(&mut case, &with_one_of(&Self::default(), "hosts"));
        Value::Object(case).to_string()
    }

    fn of_tries<'a>(delivery: &Delivery, tries: impl Iterator<Item = &'a Try>) -> Self {
        let plan = delivery.plan();
        let mut case = Self::of_plan(plan);
        let mut latest = None;
        for tried in tries {
            let again = latest == Some(&tried.host);
            latest = Some(&tried.host);
            let refused_unasked = match &tried.host {
                Tried::Candidate(index) => {
                    let candidate = plan.candidates().get(*index);
                    candidate.is_some_and(|candidate| candidate.refused.is_some())
                }
                Tried::Stranger(_) => false,
            };
            let shown = (!refused_unasked).then(|| CaseAddress::of(tried));
            match case.hosts.last_mut().filter(|_| again) {
                Some(host) => host.addrs.extend(shown),
                None => case.hosts.push(CaseHost {
                    addrs: shown.into_iter().collect(),
                    ..CaseHost::of_tried(plan, &tried.host)
                }),
            }
        }
        for index in 0..plan.candidates().len() {
            let left = delivery.untried(index);
            if left > 0 {
                case.hosts.push(CaseHost {
                    addrs: vec![CaseAddress::default(); left],
                    untried: true,
                    ..CaseHost::of_tried(plan, &Tried::Candidate(index))
                });
            }
        }
        case
    }

    /// Everything but the hosts.
    fn of_plan(plan: &Plan) -> Self {
        if let Some(refusal) = plan.refused().filter(|r| r.row == Row::Unreadable) {
            return Self::of_unreadable(refusal.reply.enhanced == RULE_UNREADABLE.1);
        }
        let (message, settings, rule) = (plan.message(), plan.settings(), plan.rule());
        let (tag, dnssec) = TagWord::of(message.requirement);
        let methods = [
            (MethodWord::Dane, rule.methods.dane),
            (MethodWord::Pkix, !rule.methods.pkix_names.is_empty()),
            (MethodWord::Pin, !rule.methods.pins.is_empty()),
        ];
        let (route, msec) = route(&plan.facts().route);
        let (sts, sts_checked) = sts(&plan.facts().sts);
        Self {
            tag,
            dnssec,
            null_path: message.null_path,
            hop: HopWord::of(rule.hop),
            floor: LevelWord::of(rule.floor),
            methods: chosen(methods),
            discovery: DiscoveryWord::of(rule.discovery),
            peer_dialect: DialectWord::of(rule.peer_dialect),
            route,
            msec,
            sts,
            sts_checked,
            hosts: Vec::new(),
            then: Vec::new(),
            auth_credentials: message.auth,
            tag_readable: true,
            rule_readable: true,
            null_path_floor: match settings.null_path_floor {
                TlsLevel::Encrypt => NullPathFloor::Encrypt,
                TlsLevel::May => NullPathFloor::May,
                TlsLevel::Secure => NullPathFloor::Secure,
            },
            insecure_mx_dane: KnobWord::of(settings.insecure_mx_dane),
        }
    }
}

impl CaseHost {
    /// What was found out about a host, without its addresses.
    fn of_tried(plan: &Plan, tried: &Tried) -> Self {
        let facts = match tried {
            Tried::Candidate(index) => plan.facts().hosts.get(*index),
            Tried::Stranger(_) => None,
        };
        facts.map_or_else(
            || Self {
                stranger: true,
                addrs: Vec::new(),
                ..Self::default()
            },
            |facts| Self::of_facts(plan, facts),
        )
    }

    fn of_facts(plan: &Plan, facts: &HostFacts) -> Self {
        Self {
            records: match &facts.tlsa {
                Tlsa::None => RecordWord::None,
                Tlsa::Failed(_) => RecordWord::Failed,
                Tlsa::Found { records, .. } if dane::any_usable(records) => RecordWord::Usable,
                Tlsa::Found { .. } => RecordWord::Unusable,
            },
            matches: match (&plan.facts().sts, facts.host.name()) {
                (Sts::Live { policy, .. }, Some(name)) => policy.matches(name),
                (Sts::Live { .. }, None) => false,
                (Sts::None | Sts::Unknown(_), _) => true,
            },
            addr: match facts.addresses {
                Addresses::Found(_) => AddressWord::Ok,
                Addresses::Denied(Security::Secure) => AddressWord::None,
                Addresses::Denied(_) => AddressWord::NoneInsec,
                Addresses::Failed(_) => AddressWord::Err,
            },
            cname: CnameWord::of(facts.cname),
            addrs: Vec::new(),
            stranger: false,
            untried: false,
        }
    }
}

impl CaseAddress {
    fn of(tried: &Try) -> Self {
        let Try { seen, ended, .. } = tried;
        let (starttls, hs) = match seen.clear {
            Some(Row::NoStarttls) => (StarttlsWord::No, WorkedWord::Ok),
            Some(Row::StarttlsRefused) => (StarttlsWord::Permanent, WorkedWord::Ok),
            Some(Row::Handshake) => (StarttlsWord::Yes, WorkedWord::Fail),
            Some(_) => (StarttlsWord::Yes, WorkedWord::Lost),
            None => (StarttlsWord::Yes, WorkedWord::Ok),
        };
        let (tcp, end) = match ended {
            Ended::NoConnection => (TcpWord::Fail, EndWord::Ok),
            Ended::NotReady => (TcpWord::Transient, EndWord::Ok),
            Ended::Unwelcome => (TcpWord::Permanent, EndWord::Ok),
            Ended::AfterEhlo => (TcpWord::Ok, EndWord::Ehlo),
            Ended::InsideTls => (TcpWord::Ok, EndWord::Tls),
            Ended::AtMail => (TcpWord::Ok, EndWord::Mail),
            Ended::Deferred => (TcpWord::Ok, EndWord::Deferred),
            Ended::Expired => (TcpWord::Ok, EndWord::Expired),
            Ended::Internal => (TcpWord::Ok, EndWord::Internal),
            Ended::Settled | Ended::Judged | Ended::ParameterRefused | Ended::TlsDemanded => {
                (TcpWord::Ok, EndWord::Ok)
            }
        };
        let mail = match ended {
            Ended::TlsDemanded => MailWord::TlsDemanded,
            Ended::ParameterRefused => MailWord::Param,
            _ if seen.without_parameter => MailWord::Param,
            _ => MailWord::Ok,
        };
        let (chain, auth, undecided) = proofs(seen);
        Self {
            tcp,
            starttls,
            hs,
            tls: seen.tls.map_or(VersionWord::V13, VersionWord::of),
            chain,
            auth,
            undecided,
            offers: seen.offer.map_or_else(Vec::new, offers),
            dsn: seen.offer.is_none_or(|offer| offer.dsn),
            mail,
            end,
            ..Self::default()
        }
    }
}

fn proofs(seen: &Connection) -> (bool, Vec<ProofWord>, Vec<ProofWord>) {
    let Some(evidence) = &seen.evidence else {
        // Where EHLO inside TLS was answered, a chain was due.
        let missing = seen.tls.is_some() && seen.offer.is_some();
        return (!missing, Vec::new(), Vec::new());
    };
    let all = |wanted: fn(Outcome) -> bool| -> Vec<ProofWord> {
        let methods = Method::ALL.into_iter();
        methods
            .filter(|method| wanted(evidence.outcome(*method)))
            .map(ProofWord::of)
            .collect()
    };
    let undecided = all(|outcome| matches!(outcome, Outcome::Undecided(_)));
    if undecided.len() == Method::ALL.len() {
        return (false, Vec::new(), Vec::new());
    }
    (true, all(|outcome| outcome == Outcome::Holds), undecided)
}

fn offers(offer: Offer) -> Vec<OfferWord> {
    let listed = offer.tls_policy;
    let all = listed.may && listed.encrypt && listed.secure;
    chosen([
        (OfferWord::Requiretls, offer.requiretls),
        (OfferWord::TlsPolicy, all),
        (OfferWord::TlsPolicyMay, listed.may && !all),
        (OfferWord::TlsPolicyEncrypt, listed.encrypt && !all),
        (OfferWord::TlsPolicySecure, listed.secure && !all),
    ])
}

fn route(route: &Route) -> (RouteWord, SecurityWord) {
    match route {
        Route::Mx(Security::Secure) => (RouteWord::S, SecurityWord::Sec),
        Route::Mx(Security::Insecure) => (RouteWord::I, SecurityWord::Sec),
        Route::Mx(Security::Unknown) => (RouteWord::V, SecurityWord::Sec),
        Route::Implicit(security) => (RouteWord::N, SecurityWord::of(*security)),
        Route::Configured => (RouteWord::C, SecurityWord::Sec),
        Route::Literal => (RouteWord::A, SecurityWord::Sec),
        Route::Failed(_) => (RouteWord::E, SecurityWord::Sec),
        Route::NullMx(security) => (RouteWord::Z, SecurityWord::of(*security)),
        Route::NoDomain(security) => (RouteWord::X, SecurityWord::of(*security)),
    }
}

fn sts(sts: &Sts) -> (StsWord, bool) {
    match sts {
        Sts::None => (StsWord::None, true),
        Sts::Unknown(_) => (StsWord::Unknown, true),
        Sts::Live {
            policy, checked, ..
        } => match policy.mode() {
            Mode::None => (StsWord::None, true),
            Mode::Testing => (StsWord::Testing, *checked),
            Mode::Enforce => (StsWord::Enforce, *checked),
        },
    }
}

fn chosen<T>(words: impl IntoIterator<Item = (T, bool)>) -> Vec<T> {
    let chosen = words.into_iter().filter(|(_, chosen)| *chosen);
    chosen.map(|(word, _)| word).collect()
}

fn object(fields: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// The defaults, where the one element of a list has lost all of its own.
fn with_one_of(defaults: &impl Serialize, list: &str) -> Map<String, Value> {
    let mut defaults = object(defaults);
    let one = Value::Array(vec![Value::Object(Map::new())]);
    defaults.insert(list.to_owned(), one);
    defaults
}

fn for_each_of(
    object: &mut Map<String, Value>,
    list: &str,
    change: impl Fn(&mut Map<String, Value>),
) {
    if let Some(Value::Array(elements)) = object.get_mut(list) {
        let elements = elements.iter_mut().filter_map(Value::as_object_mut);
        elements.for_each(change);
    }
}

fn drop_defaults(object: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    object.retain(|field, value| defaults.get(field) != Some(value));
}
