//! What do the order rules say, and does core keep to them?
//!
//! Two messages, their deliveries and the sessions of both are driven by the same calls, wherever
//! the calls come from. A record of the calls, kept by the order rules, says what the current
//! connection has shown; the [`checker`](super::checker), a second reading of the tables, says
//! whether that is enough. What does not fit is a panic.

use super::checker::{M, may_be_a_stranger, may_send, must_advertise};
use super::world::{Conn, HOSTS, Hop, Method, Records, World, domain, ehlo};
use requiretls_core::authenticate::Evidence;
use requiretls_core::delivery::{Action, Delivery, End, TlsFailure};
use requiretls_core::next_hop::Host;
use requiretls_core::session::Session;

/// One call on one of the two deliveries, or something beside it.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Host(usize),
    Next,
    /// The host, and which session, counted from the latest one.
    Resume(usize, usize),
    Ehlo {
        starttls: bool,
        requiretls: bool,
    },
    TlsFailed(TlsFailure),
    Peer(Option<(Vec<Method>, bool)>),
    Tls(bool),
    MailParams,
    MailReply(u16, &'static str),
    Done(End),
    /// The session text is kept for later.
    Keep,
    /// Time goes on.
    Later(u64),
}

/// The states of the order rules. A chain may also be told after TLS, and TLS that was up may fail
/// until EHLO: both as the header has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    Looked,
    Host,
    Clear,
    Tls,
    Ready,
    Sent,
    Done,
}

/// What the calls since the last host, next or resume have shown.
#[derive(Clone, Debug)]
struct Record {
    at: At,
    /// In [`HOSTS`]; the last one is in no plan.
    host: usize,
    conn: Conn,
    told_chain: bool,
    clear_for_good: bool,
    /// From a session that is good until then.
    resumed: Option<u64>,
}

/// What became of the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gate {
    Shut,
    Opened,
    /// On a connection that was made for another message.
    OpenedAfterResume,
}

/// What core said to a call, whether the order rules allow it there, and what it has shown.
struct Said {
    action: Action,
    after: Record,
    in_order: bool,
}

/// A session text and what its connection had shown, in which world.
struct Kept {
    text: String,
    world: usize,
    record: Record,
}

pub(crate) struct Try<'a> {
    worlds: &'a [World; 2],
    deliveries: [Delivery; 2],
    records: [Record; 2],
    kept: Vec<Kept>,
    now: u64,
}

impl Record {
    fn none() -> Self {
        Self {
            at: At::Looked,
            host: 0,
            conn: Conn::default(),
            told_chain: false,
            clear_for_good: false,
            resumed: None,
        }
    }

    fn of(host: usize) -> Self {
        Self {
            at: At::Host,
            host,
            ..Self::none()
        }
    }
}

impl<'a> Try<'a> {
    pub(crate) fn new(worlds: &'a [World; 2]) -> Self {
        Self {
            deliveries: [0, 1].map(|i: usize| Delivery::new(worlds[i].plan()).recording()),
            worlds,
            records: [Record::none(), Record::none()],
            kept: Vec::new(),
            now: 0,
        }
    }

    pub(crate) fn delivery(&self, which: usize) -> &Delivery {
        &self.deliveries[which]
    }

    /// One call.
    pub(crate) fn call(&mut self, which: usize, call: &Call) -> Gate {
        let before = self.records[which].clone();
        let said = match call {
            Call::Later(seconds) => {
                self.now += seconds;
                return Gate::Shut;
            }
            Call::Keep => {
                self.keep(which);
                return Gate::Shut;
            }
            Call::Host(_) | Call::Next | Call::Resume(..) => self.choose(which, call),
            Call::MailParams | Call::MailReply(..) | Call::Done(_) => self.send(which, call),
            _ => self.show(which, call),
        };
        let action = said.action;
        assert!(
            said.in_order || action == Action::Defer,
            "{call:?} at {before:?}: {action:?}"
        );
        if matches!(action, Action::Go | Action::StartTls | Action::Again) {
            self.records[which] = said.after;
            return match (call, self.records[which].resumed) {
                (Call::MailParams, None) => Gate::Opened,
                (Call::MailParams, Some(_)) => Gate::OpenedAfterResume,
                _ => Gate::Shut,
            };
        }
        self.records[which] = Record::none();
        let delivery = &self.deliveries[which];
        assert!(
            delivery.current().is_none(),
            "{call:?} at {before:?} leaves the host"
        );
        assert!(delivery.session().is_none());
        Gate::Shut
    }

    /// A session is to be had where the gate may open, and nowhere else.
    fn keep(&mut self, which: usize) {
        let record = self.records[which].clone();
        let open = matches!(record.at, At::Ready | At::Sent | At::Done);
        let session = self.deliveries[which].session();
        assert_eq!(session.is_some(), open);
        self.kept.extend(session.map(|session| Kept {
            text: session.to_string(),
            world: which,
            record,
        }));
    }

    /// The calls that leave the host before, whatever they answer.
    fn choose(&mut self, which: usize, call: &Call) -> Said {
        let now = self.now;
        let delivery = &mut self.deliveries[which];
        let (action, after) = match call {
            Call::Host(host) => (delivery.host(&host_name(*host)), Record::of(*host)),
            Call::Resume(host, number) if !self.kept.is_empty() => {
                let kept = &self.kept[self.kept.len() - 1 - number % self.kept.len()];
                let session = Session::parse(&kept.text).unwrap();
                let action = delivery.resume(&host_name(*host), &session, now);
                (action, self.carried(which, *host, kept))
            }
            _ => match delivery.next_host_to_try() {
                Ok(candidate) => {
                    let found = (0..HOSTS.len()).find(|i| host_name(*i) == candidate.host);
                    (Action::Go, Record::of(found.unwrap()))
                }
                Err(action) => (action, Record::none()),
            },
        };
        Said {
            action,
            after,
            in_order: true,
        }
    }

    /// What the connection shows.
    fn show(&mut self, which: usize, call: &Call) -> Said {
        let world = &self.worlds[which];
        let delivery = &mut self.deliveries[which];
        let before = &self.records[which];
        let mut after = before.clone();
        let before_tls = matches!(before.at, At::Host | At::Clear) && !before.clear_for_good;
        let (action, in_order) = match call {
            Call::Ehlo {
                starttls,
                requiretls,
            } => {
                let action = delivery.ehlo(&ehlo(*starttls, *requiretls));
                let due = *starttls && !before.clear_for_good && before.at == At::Host;
                assert!(action != Action::StartTls || due, "not offered, or over");
                assert!(action != Action::Go || !due, "STARTTLS left out");
                if action == Action::StartTls {
                    after.at = At::Clear;
                } else {
                    after.conn.requiretls = *requiretls;
                    after.at = At::Ready;
                }
                let in_clear = before.at == At::Host && !before.told_chain;
                (action, in_clear || before.at == At::Tls)
            }
            Call::TlsFailed(how) => {
                after = Record::of(before.host);
                after.clear_for_good = true;
                let in_order = matches!(before.at, At::Host | At::Clear | At::Tls);
                (delivery.tls_failed(*how), in_order)
            }
            Call::Peer(chain) => {
                let evidence = chain
                    .as_ref()
                    .map_or_else(Evidence::not_supplied, |(proved, pinned)| {
                        world.evidence(proved, *pinned)
                    });
                let (proved, pinned) = chain.clone().unwrap_or_default();
                after.conn.proved = world.held(&proved, pinned);
                after.conn.pinned = pinned;
                after.told_chain = true;
                (delivery.peer(evidence), before_tls || before.at == At::Tls)
            }
            Call::Tls(modern) => {
                let protocol = if *modern { "TLSv1.3" } else { "TLSv1.1" };
                after.conn.tls = Some(*modern);
                after.at = At::Tls;
                (delivery.tls(Some(protocol), Some("AES")), before_tls)
            }
            other => unreachable!("{other:?}"),
        };
        Said {
            action,
            after,
            in_order,
        }
    }

    /// The gate, and what comes behind it.
    fn send(&mut self, which: usize, call: &Call) -> Said {
        let world = &self.worlds[which];
        let delivery = &mut self.deliveries[which];
        let before = &self.records[which];
        let mut after = before.clone();
        let (action, in_order) = match call {
            Call::MailParams => {
                let in_order = matches!(before.at, At::Ready | At::Sent);
                let may = in_order && may_open(world, before, self.now);
                let result = delivery.mail_params(self.now);
                assert_eq!(result.is_ok(), may, "{before:?}");
                if let Ok(clearance) = &result {
                    let parameter = clearance.mail_params();
                    let carried = world.hop == Hop::LocalCarry;
                    assert_eq!(clearance.tls(), before.conn.tls.is_some());
                    assert!(parameter.is_empty() || clearance.tls() || carried);
                    assert!(!must_advertise(world) || parameter.starts_with(" REQUIRETLS"));
                }
                after.at = At::Sent;
                (
                    result.map_or_else(|action| action, |_| Action::Go),
                    in_order,
                )
            }
            Call::MailReply(code, text) => {
                let action = delivery.mail_reply(*code, text);
                assert!(action != Action::Again || !must_advertise(world));
                after.at = if action == Action::Again {
                    At::Ready
                } else {
                    At::Sent
                };
                (action, before.at == At::Sent)
            }
            Call::Done(end) => {
                let settles = matches!(
                    (before.at, end),
                    (At::Done, _)
                        | (At::Sent, End::Reply(250 | 550) | End::Closed)
                        | (At::Ready, End::Closed)
                );
                let action = delivery.done(*end);
                assert_eq!(action == Action::Go, settles);
                after.at = At::Done;
                (action, settles || !matches!(end, End::Reply(250)))
            }
            other => unreachable!("{other:?}"),
        };
        Said {
            action,
            after,
            in_order,
        }
    }

    /// P9: what a session's connection has shown counts here where it was shown about the same.
    fn carried(&self, which: usize, host: usize, kept: &Kept) -> Record {
        let (from, to) = (&self.worlds[kept.world], &self.worlds[which]);
        let same_hop = next_hop(from) == next_hop(to);
        let records = |world: &World| world.hosts.get(host).map(|host| host.records);
        let proved = |method: &Method| {
            let before = kept.record.conn.holds(*method);
            before
                && match method {
                    Method::PkixHost => true,
                    Method::PkixNextHop => same_hop,
                    Method::SitePkix => to.site_pkix,
                    Method::SitePin => to.site_pin,
                    Method::Dane if records(from) != records(to) => false,
                    Method::Dane => match records(to) {
                        Some(Records::Usable(3, _) | Records::Unusable) => true,
                        Some(Records::Usable(..)) => names(from) == names(to),
                        _ => false,
                    },
                }
        };
        let names_the_host =
            kept.record.conn.holds(Method::PkixHost) || kept.record.conn.holds(Method::Dane);
        let mut conn = kept.record.conn.clone();
        conn.proved = Method::ALL.into_iter().filter(|m| proved(m)).collect();
        if to.site_pin && conn.pinned && conn.tls.is_some() {
            conn.proved.push(Method::SitePin);
        }
        let until = [kept.record.resumed, from.expires];
        let until = until.into_iter().flatten().min().unwrap_or(u64::MAX);
        let usable = host == kept.record.host && (same_hop || names_the_host);
        Record {
            at: At::Ready,
            conn,
            // A connection that is not to be used is over already.
            resumed: Some(if usable { until } else { 0 }),
            ..Record::of(host)
        }
    }
}

fn may_open(world: &World, record: &Record, now: u64) -> bool {
    let ends = [world.expires, record.resumed];
    let fresh = ends.into_iter().flatten().all(|end| now < end);
    let may = match world.hosts.get(record.host) {
        Some(host) => host.addresses > 0 && may_send(world, record.host, &record.conn),
        None => may_be_a_stranger(world) && (record.conn.tls.is_some() || !world.auth),
    };
    fresh && may
}

/// D13: which names DANE-TA may prove on the way to a host.
fn names(world: &World) -> (&'static str, Option<&'static str>) {
    match (world.hop, world.route) {
        (Hop::Local | Hop::LocalCarry, _) | (_, M::N(_) | M::C | M::A) => ("no MX", None),
        (_, M::S) => ("secure MX", Some(world.next_hop)),
        (_, M::I | M::V) => ("insecure MX", None),
    }
}

fn next_hop(world: &World) -> &'static str {
    match (world.hop, world.route) {
        (Hop::Local | Hop::LocalCarry, _) => "unix",
        (_, M::A) => "literal",
        _ => world.next_hop,
    }
}

fn host_name(index: usize) -> Host {
    host_name_of(HOSTS[index])
}

fn host_name_of(name: &str) -> Host {
    Host::Name(domain(name))
}
