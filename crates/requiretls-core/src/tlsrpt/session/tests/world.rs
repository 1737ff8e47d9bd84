//! One host, what was found out about it, and what a connection to it shows.

use crate::authenticate::{Evidence, Method, Outcome};
use crate::dane::TlsaRecord;
use crate::delivery::{Action, Delivery, End, TlsFailure};
use crate::domain::Domain;
use crate::ehlo::EhloReply;
use crate::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Sts, Tlsa,
};
use crate::mta_sts::{Mode, Policy};
use crate::next_hop::{Host, NextHop};
use crate::plan::{InsecureMxDane, Message, Plan, Settings, Unreadable};
use crate::site_policy::{HopMode, Rule};
use crate::tag;
use std::net::Ipv4Addr;

/// The facts, the message and the rule; untagged, a secure MX and no policy until told otherwise.
pub(super) struct World {
    next_hop: NextHop,
    message: Message,
    rule: Rule,
    settings: Settings,
    facts: Facts,
    unreadable: Option<Unreadable>,
}

/// What every connection shows.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// No connection.
    Down,
    /// A greeting that refuses.
    Greeting(u16),
    /// No STARTTLS.
    Clear,
    /// No STARTTLS, and 530 to MAIL.
    Demanded,
    /// STARTTLS answered so; in clear it goes on.
    StarttlsReply(u16),
    /// TLS broke off.
    Lost,
    /// An alert.
    Rejected,
    /// TLS 1.1.
    OldTls,
    /// EHLO inside TLS answered so.
    InsideTls(u16),
    /// The connection broke inside TLS.
    DropInsideTls,
    /// No chain was handed over.
    NoChain,
    /// TLS, without REQUIRETLS.
    NoRequiretls,
    /// MAIL with our parameter refused.
    Refused,
    /// Everything holds, and this is the last reply.
    Answered(u16),
    /// What DANE and PKIX for the host come to; nothing else holds.
    Tls { dane: Outcome, host: Outcome },
}

impl Shown {
    pub(super) const fn tls(dane: Outcome, host: Outcome) -> Self {
        Self::Tls { dane, host }
    }

    fn evidence(self) -> Evidence {
        match self {
            Self::Tls { dane, host } => Evidence::new(|method| match method {
                Method::Dane => dane,
                _ => host,
            }),
            Self::NoChain => Evidence::not_supplied(),
            _ => Evidence::new(|_| Outcome::Holds),
        }
    }
}

pub(super) fn failed(cause: LookupCause) -> LookupFailure {
    LookupFailure {
        cause,
        question: "a question".to_owned(),
    }
}

/// A policy with this host in it, and a blank, an unknown field and a second pattern.
pub(super) fn policy(mode: Mode, host: &str) -> Sts {
    let body = format!(
        "version: STSv1\r\nmode: {mode} \nextra: x\nmx: {host}\r\nmx: *.far.test\nmax_age: 86400\n\n"
    );
    Sts::Live {
        policy: Policy::parse(body.as_bytes()).unwrap(),
        checked: true,
        refetch_failed: None,
    }
}

fn records(usage: u8) -> Tlsa {
    Tlsa::Found {
        base: Domain::known("base.d.test"),
        records: vec![TlsaRecord {
            usage,
            selector: 1,
            matching: 1,
            data: vec![0xaa; 32],
        }],
    }
}

impl World {
    pub(super) fn new() -> Self {
        let host = HostFacts {
            host: Host::Name(Domain::known("mx.d.test")),
            addresses: Addresses::Found(vec![Ipv4Addr::new(192, 0, 2, 1).into()]),
            cname: None,
            tlsa: Tlsa::None,
        };
        Self {
            next_hop: NextHop::Domain(Domain::known("d.test")),
            message: Message::default(),
            rule: Rule::default(),
            settings: Settings::default(),
            facts: Facts {
                route: Route::Mx(Security::Secure),
                expanded: None,
                hosts: vec![host],
                sts: Sts::None,
                expires: None,
            },
            unreadable: None,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn host(self, change: impl FnOnce(&mut HostFacts)) -> Self {
        self.with(|world| change(world.facts.hosts.first_mut().unwrap()))
    }

    pub(super) fn route(self, route: Route) -> Self {
        self.with(|world| world.facts.route = route)
    }

    pub(super) fn sts(self, sts: Sts) -> Self {
        self.with(|world| world.facts.sts = sts)
    }

    pub(super) fn tag(self, word: &str) -> Self {
        self.with(|world| world.message.requirement = tag::parse_word(word).unwrap())
    }

    pub(super) fn null_path(self) -> Self {
        self.with(|world| world.message.null_path = true)
    }

    pub(super) fn rule(self, rule: Rule) -> Self {
        self.with(|world| world.rule = rule)
    }

    pub(super) fn hop(self, hop: HopMode) -> Self {
        self.with(|world| world.rule.hop = hop)
    }

    pub(super) fn knob(self, knob: InsecureMxDane) -> Self {
        self.with(|world| world.settings.insecure_mx_dane = knob)
    }

    pub(super) fn unreadable(self, what: Unreadable) -> Self {
        self.with(|world| world.unreadable = Some(what))
    }

    pub(super) fn usable(self) -> Self {
        self.host(|host| host.tlsa = records(3))
    }

    pub(super) fn unusable(self) -> Self {
        self.host(|host| host.tlsa = records(0))
    }

    pub(super) fn tlsa_failed(self, cause: LookupCause) -> Self {
        self.host(|host| host.tlsa = Tlsa::Failed(failed(cause)))
    }

    pub(super) fn addresses(self, addresses: Addresses) -> Self {
        self.host(|host| host.addresses = addresses)
    }

    pub(super) fn two_addresses(self) -> Self {
        let two = [1, 2].map(|last| Ipv4Addr::new(192, 0, 2, last).into());
        self.addresses(Addresses::Found(two.to_vec()))
    }

    pub(super) fn literal(self) -> Self {
        let address = Ipv4Addr::new(192, 0, 2, 1).into();
        self.route(Route::Literal)
            .host(|host| host.host = Host::Literal(address))
            .with(|world| world.next_hop = NextHop::Literal(address))
    }

    fn plan(&self) -> Plan {
        let next_hop = self.next_hop.clone();
        match self.unreadable {
            Some(what) => Plan::unreadable(next_hop, what, "it cannot be read"),
            None => Plan::new(
                next_hop,
                self.message,
                self.rule.clone(),
                self.settings,
                self.facts.clone(),
            ),
        }
    }

    /// Every address is tried until one settles the message.
    pub(super) fn deliver(&self, shown: Shown) -> Delivery {
        let mut delivery = Delivery::new(self.plan());
        while delivery.next_host_to_try().is_ok() {
            if connect(&mut delivery, shown) {
                let last = match shown {
                    Shown::Answered(code) => code,
                    _ => 250,
                };
                if delivery.done(End::Reply(last)) == Action::Go {
                    break;
                }
            }
        }
        delivery
    }
}

fn ehlo(keywords: &str) -> EhloReply {
    EhloReply::parse(format!("250-mx.d.test\r\n{keywords}250 SIZE\r\n").as_bytes())
}

/// Whether MAIL was accepted.
fn connect(delivery: &mut Delivery, shown: Shown) -> bool {
    let end = match shown {
        Shown::Down => Some(End::Lost),
        Shown::Greeting(code) => Some(End::Reply(code)),
        _ => None,
    };
    if let Some(end) = end {
        delivery.done(end);
        return false;
    }
    let clear = matches!(shown, Shown::Clear | Shown::Demanded);
    let keywords = if clear { "" } else { "250-STARTTLS\r\n" };
    let mut action = delivery.ehlo(&ehlo(keywords));
    if action == Action::StartTls {
        let failure = match shown {
            Shown::StarttlsReply(code) => Some(TlsFailure::Reply(code)),
            Shown::Lost => Some(TlsFailure::Lost),
            Shown::Rejected => Some(TlsFailure::Rejected),
            _ => None,
        };
        action = match failure {
            Some(failure) => match delivery.tls_failed(failure) {
                Action::Go => delivery.ehlo(&ehlo(keywords)),
                other => other,
            },
            None => inside_tls(delivery, shown),
        };
    }
    action == Action::Go && mail(delivery, shown)
}

fn inside_tls(delivery: &mut Delivery, shown: Shown) -> Action {
    let protocol = match shown {
        Shown::OldTls => "TLSv1.1",
        _ => "TLSv1.3",
    };
    let action = delivery.tls(Some(protocol), Some("TLS_AES_128_GCM_SHA256"));
    if action != Action::Go {
        return action;
    }
    let action = delivery.peer(shown.evidence());
    if action != Action::Go {
        return action;
    }
    match shown {
        Shown::InsideTls(code) => delivery.tls_failed(TlsFailure::Reply(code)),
        Shown::DropInsideTls => delivery.done(End::Lost),
        Shown::NoRequiretls => delivery.ehlo(&ehlo("")),
        _ => delivery.ehlo(&ehlo("250-REQUIRETLS\r\n")),
    }
}

fn mail(delivery: &mut Delivery, shown: Shown) -> bool {
    if delivery.mail_params(0).is_err() {
        return false;
    }
    let (code, text) = match shown {
        Shown::Refused => (555, "5.5.4 unknown parameter"),
        Shown::Demanded => (530, "5.7.0 STARTTLS first"),
        _ => (250, "2.1.0 ok"),
    };
    delivery.mail_reply(code, text) == Action::Go
}
