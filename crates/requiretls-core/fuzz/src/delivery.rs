//! Does the gate of a delivery open only for what was shown, whatever is called in which order?
//!
//! The input is read as choices: two worlds, and calls on the deliveries of both. They are made and
//! judged by what also judges the random sequences of the test `call_sequences`.

#[path = "../../tests/call_sequences/checker.rs"]
mod checker;
#[path = "../../tests/call_sequences/driver.rs"]
mod driver;
#[path = "../../tests/call_sequences/replay.rs"]
mod replay;
#[path = "../../tests/call_sequences/world.rs"]
mod world;

use arbitrary::{Result, Unstructured};
use checker::M;
use driver::{Call, Gate, Try};
use requiretls_core::delivery::{End, TlsFailure};
use requiretls_core::facts::Security;
use world::{Hop, Method, Records, StsFact, Tag, World, WorldHost};

/// Choices.
pub fn check(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let Ok(worlds) = worlds(&mut choices) else {
        return;
    };
    let mut run = Try::new(&worlds);
    for _ in 0..60 {
        // What the bytes do not say is not done.
        let Ok(calls) = calls(&mut choices) else {
            return;
        };
        for (which, call) in calls {
            let is_open = run.call(which, &call) != Gate::Shut;
            if is_open {
                let compared = replay::agrees(run.delivery(which), is_open);
                assert!(compared.is_ok(), "{call:?}: {compared:?}");
            }
        }
    }
}

/// Often two that share hosts and facts, so that a session has a chance.
fn worlds(u: &mut Unstructured<'_>) -> Result<[World; 2]> {
    let (first, mut second) = (world(u)?, world(u)?);
    let shared = u.int_in_range(0..=3)?;
    if shared > 0 {
        second.hosts.clone_from(&first.hosts);
    }
    if shared > 1 {
        (second.next_hop, second.route) = (first.next_hop, first.route);
        second.sts = first.sts;
    }
    if shared > 2 {
        (second.tag, second.dnssec) = (first.tag, first.dnssec);
    }
    Ok([first, second])
}

fn world(u: &mut Unstructured<'_>) -> Result<World> {
    let tag = *u.choose(&[
        Tag::R,
        Tag::LS,
        Tag::LE,
        Tag::F0,
        Tag::FC,
        Tag::FD,
        Tag::FCD,
        Tag::None,
        Tag::H,
        Tag::LM,
    ])?;
    let draft = matches!(tag, Tag::F0 | Tag::FC | Tag::FD | Tag::FCD);
    let route = *u.choose(&[M::S, M::I, M::I, M::V, M::N(Security::Secure), M::C, M::A])?;
    let route = match route {
        M::N(_) => M::N(security(u)?),
        other => other,
    };
    Ok(World {
        next_hop: u.choose(&["d.test", "e.test"])?,
        tag,
        dnssec: u.ratio(1, 4)? && draft,
        null_path: u.ratio(1, 5)?,
        auth: u.ratio(1, 8)?,
        hop: *u.choose(&[
            Hop::Enforce,
            Hop::Enforce,
            Hop::Enforce,
            Hop::Encrypt,
            Hop::Opportunistic,
            Hop::Off,
            Hop::Local,
            Hop::LocalCarry,
        ])?,
        floor: *u.choose(&[0, 0, 0, 1, 2])?,
        site_dane: u.ratio(1, 4)?,
        site_pkix: u.ratio(1, 4)?,
        site_pin: u.ratio(1, 4)?,
        discovery_on: !u.ratio(1, 5)?,
        peer_is_draft: u.ratio(1, 2)?,
        null_path_floor: u.int_in_range(0..=2)?,
        insecure_mx_dane: u.choose(&["dane", "encrypt", "may"])?,
        route,
        sts: *u.choose(&[
            StsFact::None,
            StsFact::Enforce,
            StsFact::Testing,
            StsFact::Unknown,
        ])?,
        hosts: vec![host(u)?, host(u)?],
        expires: if u.ratio(3, 4)? {
            Some(u.int_in_range(20..=200)?)
        } else {
            None
        },
    })
}

fn host(u: &mut Unstructured<'_>) -> Result<WorldHost> {
    let records = match u.int_in_range(0..=7)? {
        0..=2 => Records::None,
        3..=5 => Records::Usable(u.int_in_range(2..=3)?, u.int_in_range(0..=1)?),
        6 => Records::Unusable,
        _ => Records::Failed,
    };
    Ok(WorldHost {
        records,
        matches: !u.ratio(1, 4)?,
        cname: if u.ratio(1, 3)? {
            Some(security(u)?)
        } else {
            None
        },
        addresses: *u.choose(&[3, 2, 1, 0])?,
    })
}

fn security(u: &mut Unstructured<'_>) -> Result<Security> {
    let all = [Security::Secure, Security::Insecure, Security::Unknown];
    u.choose(&all).copied()
}

/// One call; or a whole try, after which the other message may use the connection.
fn calls(u: &mut Unstructured<'_>) -> Result<Vec<(usize, Call)>> {
    if u.is_empty() {
        return Err(arbitrary::Error::NotEnoughData);
    }
    let kind = u.int_in_range(0..=7)?;
    if kind < 5 {
        return Ok(vec![call(u)?]);
    }
    let which = u.int_in_range(0..=1)?;
    let host = u.int_in_range(0..=1)?;
    let requiretls = !u.ratio(1, 4)?;
    let ehlo = |starttls| Call::Ehlo {
        starttls,
        requiretls,
    };
    let tls = Call::Tls(!u.ratio(1, 8)?);
    let peer = Call::Peer(chain(u)?);
    let made = [
        Call::Host(host),
        ehlo(true),
        tls,
        peer,
        ehlo(false),
        Call::Keep,
        Call::MailParams,
    ];
    let mut calls: Vec<_> = made.into_iter().map(|call| (which, call)).collect();
    if kind > 5 {
        let other = u.int_in_range(0..=1)?;
        calls.push((other, Call::Resume(host, 0)));
        calls.push((other, Call::Later(u.int_in_range(0..=60)?)));
        calls.push((other, Call::MailParams));
        calls.push((other, Call::Keep));
    }
    Ok(calls)
}

/// The delivery and the call.
fn call(u: &mut Unstructured<'_>) -> Result<(usize, Call)> {
    if u.is_empty() {
        return Err(arbitrary::Error::NotEnoughData);
    }
    let which = u.int_in_range(0..=1)?;
    let call = match u.int_in_range(0..=15)? {
        0 | 1 => Call::Host(u.int_in_range(0..=2)?),
        2 => Call::Next,
        3 => Call::Resume(u.int_in_range(0..=2)?, u.int_in_range(0..=3)?),
        4..=6 => Call::Ehlo {
            starttls: u.ratio(1, 2)?,
            requiretls: u.ratio(1, 2)?,
        },
        7 => Call::TlsFailed(*u.choose(&[
            TlsFailure::Lost,
            TlsFailure::Rejected,
            TlsFailure::Reply(454),
            TlsFailure::Reply(502),
        ])?),
        8 => Call::Peer(chain(u)?),
        9 => Call::Tls(!u.ratio(1, 4)?),
        10 | 11 => Call::MailParams,
        12 => {
            let replies = [
                (250, "ok"),
                (555, "5.5.4 no"),
                (550, "5.7.1 no"),
                (530, "5.7.0 no"),
                (451, "4.7.1 later"),
            ];
            let (code, text) = *u.choose(&replies)?;
            Call::MailReply(code, text)
        }
        13 => Call::Done(*u.choose(&[
            End::Closed,
            End::Lost,
            End::Reply(221),
            End::Reply(250),
            End::Reply(421),
            End::Reply(450),
            End::Reply(550),
        ])?),
        14 => Call::Keep,
        _ => Call::Later(u.int_in_range(0..=60)?),
    };
    Ok((which, call))
}

/// What a chain proves, one bit a method; and whether its key is the pinned one.
fn chain(u: &mut Unstructured<'_>) -> Result<Option<(Vec<Method>, bool)>> {
    let bits: u8 = u.arbitrary()?;
    let proved = Method::ALL.into_iter().enumerate();
    let proved = proved.filter(|(at, _)| bits & (1 << at) != 0);
    let proved = proved.map(|(_, method)| method).collect();
    Ok((bits & 0xc0 != 0xc0).then_some((proved, bits & 0x20 != 0)))
}
