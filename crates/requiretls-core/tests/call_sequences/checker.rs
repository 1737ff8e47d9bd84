//! What must a connection have shown before MAIL FROM? A second reading of tables P1 to P12.
//!
//! Written from the statements alone; it knows core's types for facts and calls, and none of its
//! judges. It answers yes or no: rows and codes are the decision cases' business.

use super::world::{Conn, Hop, Method, Records, StsFact, Tag, World};
use requiretls_core::facts::Security;

/// M of P2a, where there are hosts to try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum M {
    S,
    I,
    V,
    N(Security),
    C,
    A,
}

/// T of P2c for one host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum T {
    No,
    Maybe,
    Testing(bool),
    Enforce(bool),
}

/// What the message asks of this hop, after P12 and the null path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Demand {
    Nothing,
    AnyTls,
    OwnRow,
}

/// Whether MAIL FROM may be sent to this host on this connection.
pub(crate) fn may_send(world: &World, host: usize, conn: &Conn) -> bool {
    // P10: never in clear with credentials.
    (conn.tls.is_some() || !world.auth)
        && dest(world, host, conn)
        && floor(world, host, conn)
        && tag(world, host, conn)
}

/// Whether a host that the facts do not have may be used: only where nothing is asked of it.
pub(crate) fn may_be_a_stranger(world: &World) -> bool {
    let promised = dest_counts(world) && world.sts == StsFact::Enforce && m(world) != M::A;
    let local = matches!(world.hop, Hop::Local | Hop::LocalCarry);
    (!promised || local) && world.floor == 0 && demand(world) == Demand::Nothing
}

/// P12: the words `local` and `local carry` stand for a configured endpoint without discovery.
fn m(world: &World) -> M {
    match world.hop {
        Hop::Local | Hop::LocalCarry => M::C,
        _ => world.route,
    }
}

fn vouched(world: &World) -> bool {
    matches!(m(world), M::S | M::N(_) | M::C)
}

fn d(world: &World, host: usize) -> Records {
    let found = world.hosts[host].records;
    if matches!(world.hop, Hop::Local | Hop::LocalCarry) {
        return Records::None;
    }
    match (m(world), world.insecure_mx_dane) {
        (M::V | M::A, _) | (M::I, "may") => Records::None,
        (M::I, "encrypt") if matches!(found, Records::Usable(..)) => Records::Unusable,
        _ => found,
    }
}

fn t(world: &World, host: usize) -> T {
    if matches!(world.hop, Hop::Local | Hop::LocalCarry) || m(world) == M::A {
        return T::No;
    }
    match world.sts {
        StsFact::None => T::No,
        StsFact::Unknown => T::Maybe,
        StsFact::Testing => T::Testing(world.hosts[host].matches),
        StsFact::Enforce => T::Enforce(world.hosts[host].matches),
    }
}

fn usable(world: &World, host: usize) -> bool {
    matches!(d(world, host), Records::Usable(..))
}

fn dest_counts(world: &World) -> bool {
    !matches!(world.tag, Tag::H | Tag::LM) && world.discovery_on
}

/// P3.
fn dest(world: &World, host: usize, conn: &Conn) -> bool {
    if !dest_counts(world) {
        return true;
    }
    let pkix = conn.modern() && conn.holds(Method::PkixHost);
    let dane = conn.modern() && conn.holds(Method::Dane);
    match (d(world, host), t(world, host)) {
        (Records::Failed, _) => false,
        (Records::Usable(..), _) if vouched(world) => dane,
        (_, T::Enforce(false)) => false,
        (Records::Usable(..), T::Enforce(true)) => dane && pkix,
        (Records::Usable(..), _) => dane,
        (_, T::Enforce(true)) => pkix,
        (Records::Unusable, _) => conn.modern(),
        (Records::None, _) => true,
    }
}

/// P8.
fn floor(world: &World, host: usize, conn: &Conn) -> bool {
    let failed = d(world, host) == Records::Failed;
    match world.floor {
        0 => true,
        1 => conn.modern(),
        _ if !conn.modern() => false,
        _ if world.site_methods().is_empty() => !failed && like_ls(world, host, conn),
        _ => !(failed && world.site_dane) && by_site_method(world, host, conn),
    }
}

fn by_site_method(world: &World, host: usize, conn: &Conn) -> bool {
    world.site_methods().into_iter().any(|method| {
        conn.holds(method) && (method != Method::Dane || (usable(world, host) && vouched(world)))
    })
}

fn like_ls(world: &World, host: usize, conn: &Conn) -> bool {
    p4a(world, host, conn) || (m(world) != M::A && conn.holds(Method::PkixNextHop))
}

/// P4a, cell by cell.
fn p4a(world: &World, host: usize, conn: &Conn) -> bool {
    let dane = conn.holds(Method::Dane);
    let pkix = conn.holds(Method::PkixHost);
    let u = usable(world, host);
    match (m(world), t(world, host)) {
        _ if d(world, host) == Records::Failed => false,
        (M::S | M::N(_) | M::C, _) if u => dane,
        (M::S | M::C, _) => pkix,
        (M::N(_), _) => conn.holds(Method::PkixNextHop),
        (M::I | M::V, T::Enforce(true)) => pkix,
        (M::I | M::V, T::Testing(true)) => pkix || (u && dane),
        (M::I | M::V | M::A, _) => false,
    }
}

/// P4, its last rows first.
fn demand(world: &World) -> Demand {
    let own = match (world.tag, world.dnssec) {
        (Tag::None | Tag::H | Tag::LM, _) => return Demand::Nothing,
        (Tag::R | Tag::LS | Tag::FD, _) | (Tag::FC | Tag::FCD, true) => 2,
        (Tag::LE | Tag::F0 | Tag::FC | Tag::FCD, _) => 1,
    };
    let hop = match world.hop {
        Hop::Enforce => own,
        Hop::Encrypt => own.min(1),
        Hop::Opportunistic | Hop::Off | Hop::Local | Hop::LocalCarry => 0,
    };
    let level = if world.null_path {
        hop.min(world.null_path_floor)
    } else {
        hop
    };
    match (level, world.hop) {
        (0, _) => Demand::Nothing,
        (2, Hop::Enforce) => Demand::OwnRow,
        (_, Hop::Enforce) if !world.null_path => Demand::OwnRow,
        _ => Demand::AnyTls,
    }
}

fn tag(world: &World, host: usize, conn: &Conn) -> bool {
    match demand(world) {
        Demand::Nothing => true,
        Demand::AnyTls => conn.modern(),
        Demand::OwnRow => {
            conn.modern()
                && own_proof(world, host, conn)
                && (!world.dnssec || signed(world, host))
                && (!must_advertise(world) || (conn.requiretls && expressible(world)))
        }
    }
}

fn own_proof(world: &World, host: usize, conn: &Conn) -> bool {
    let failed = d(world, host) == Records::Failed;
    let literal = m(world) == M::A;
    let chain = conn.holds(Method::PkixHost);
    let dane = usable(world, host) && vouched(world) && conn.holds(Method::Dane);
    match world.tag {
        Tag::None | Tag::H | Tag::LM | Tag::LE | Tag::F0 => true,
        Tag::FC => chain && !literal,
        Tag::FD => dane && !failed && !literal,
        Tag::FCD => (chain || dane) && !failed && !literal,
        Tag::R => !failed && (p4a(world, host, conn) || by_site_method(world, host, conn)),
        Tag::LS => !failed && (like_ls(world, host, conn) || by_site_method(world, host, conn)),
    }
}

/// +DNSSEC of P4.
fn signed(world: &World, host: usize) -> bool {
    let path = matches!(m(world), M::S | M::N(Security::Secure) | M::C | M::A);
    path && matches!(world.hosts[host].cname, None | Some(Security::Secure))
}

/// P4: whether the peer's REQUIRETLS is needed.
pub(crate) fn must_advertise(world: &World) -> bool {
    demand(world) == Demand::OwnRow
        && !world.null_path
        && matches!(world.tag, Tag::R | Tag::F0 | Tag::FC | Tag::FD | Tag::FCD)
}

/// F12.
fn expressible(world: &World) -> bool {
    world.peer_is_draft || !(world.dnssec || world.tag == Tag::FD)
}
