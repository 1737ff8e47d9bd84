//! Which calls are drawn?

use super::draw_world::world;
use super::driver::Call;
use super::world::{Method, Tag, World};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use requiretls_core::delivery::{End, TlsFailure};

/// Often two plans that share hosts and facts, so that a session has a chance.
pub(crate) fn worlds() -> impl Strategy<Value = [World; 2]> {
    (world(), world(), 0..4u8).prop_map(|(first, second, shared)| {
        let mut second = second;
        if shared > 0 {
            second.hosts.clone_from(&first.hosts);
        }
        if shared > 1 {
            (second.next_hop, second.route) = (first.next_hop, first.route);
            second.sts = first.sts;
        }
        if shared > 2 {
            second = World {
                tag: first.tag,
                ..second
            };
            second.dnssec &= matches!(first.tag, Tag::F0 | Tag::FC | Tag::FD | Tag::FCD);
        }
        [first, second]
    })
}

/// Single calls, and whole tries in good order, cut off or interrupted by others.
pub(crate) fn calls() -> impl Strategy<Value = Vec<(usize, Call)>> {
    let one = (0..2usize, call()).prop_map(|(which, call)| vec![(which, call)]);
    let odd = (0..2usize, 0..2usize, prop::collection::vec(call(), 1..5)).prop_map(
        |(which, host, calls)| {
            [vec![Call::Host(host)], calls]
                .concat()
                .into_iter()
                .map(|call| (which, call))
                .collect()
        },
    );
    let part = prop_oneof![1 => one, 2 => odd, 3 => good_try(), 2 => handed_on()];
    prop::collection::vec(part, 1..10).prop_map(|parts| parts.concat())
}

/// What a connection shows, and in which order.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug)]
struct Shown {
    which: usize,
    host: usize,
    chain: Option<(Vec<Method>, bool)>,
    modern: bool,
    requiretls: bool,
    peer_first: bool,
    implicit: bool,
}

impl Shown {
    fn calls(self) -> Vec<Call> {
        let requiretls = self.requiretls;
        let ehlo = |starttls| Call::Ehlo {
            starttls,
            requiretls,
        };
        let mut calls = vec![Call::Host(self.host)];
        if !self.implicit {
            calls.push(ehlo(true));
        }
        let (peer, tls) = (Call::Peer(self.chain), Call::Tls(self.modern));
        calls.extend(if self.peer_first {
            [peer, tls]
        } else {
            [tls, peer]
        });
        calls.extend([ehlo(false), Call::Keep, Call::MailParams]);
        calls.push(Call::MailReply(250, "ok"));
        calls
    }
}

fn shown() -> impl Strategy<Value = Shown> {
    let good = prop::bool::weighted;
    let quality = (chain(), good(0.9), good(0.8), any::<bool>(), good(0.1));
    (0..2usize, 0..2usize, quality).prop_map(
        |(which, host, (chain, modern, requiretls, peer_first, implicit))| Shown {
            which,
            host,
            chain,
            modern,
            requiretls,
            peer_first,
            implicit,
        },
    )
}

fn good_try() -> impl Strategy<Value = Vec<(usize, Call)>> {
    (shown(), 3..9usize).prop_map(|(shown, length)| {
        let which = shown.which;
        let calls = shown.calls().into_iter().take(length);
        calls.map(|call| (which, call)).collect()
    })
}

/// The one delivery makes the connection, either one uses it.
fn handed_on() -> impl Strategy<Value = Vec<(usize, Call)>> {
    (shown(), 0..2usize, 0..30u64).prop_map(|(shown, to, later)| {
        let (from, host) = (shown.which, shown.host);
        let resumed = [
            Call::Resume(host, 0),
            Call::Later(later),
            Call::MailParams,
            Call::Keep,
        ];
        let made = shown.calls().into_iter().map(|call| (from, call));
        made.chain(resumed.map(|call| (to, call))).collect()
    })
}

fn chain() -> impl Strategy<Value = Option<(Vec<Method>, bool)>> {
    let all = || Method::ALL.to_vec();
    let all_but_one = select(all()).prop_map(move |not| {
        let proved = all().into_iter().filter(|method| *method != not);
        proved.collect::<Vec<_>>()
    });
    let proved = prop_oneof![
        1 => Just(all()),
        2 => all_but_one,
        1 => select(all()).prop_map(|method| vec![method]),
        1 => subsequence(all(), 0..=5),
    ];
    prop::option::weighted(0.95, (proved, any::<bool>()))
}

#[rustfmt::skip]
fn call() -> impl Strategy<Value = Call> {
    let how = select(vec![TlsFailure::Lost, TlsFailure::Rejected, TlsFailure::Reply(454), TlsFailure::Reply(502)]);
    let ends = vec![End::Lost, End::Closed, End::Reply(221), End::Reply(250), End::Reply(421), End::Reply(450), End::Reply(550)];
    let replies = vec![(250, "ok"), (555, "5.5.4 no"), (550, "5.7.1 no"), (530, "5.7.0 no"), (451, "4.7.1 later")];
    prop_oneof![
        2 => (0..3usize).prop_map(Call::Host),
        2 => Just(Call::Next),
        2 => (0..3usize, 0..4usize).prop_map(|(host, number)| Call::Resume(host, number)),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(starttls, requiretls)| Call::Ehlo { starttls, requiretls }),
        2 => how.prop_map(Call::TlsFailed),
        3 => chain().prop_map(Call::Peer),
        3 => any::<bool>().prop_map(Call::Tls),
        4 => Just(Call::MailParams),
        2 => select(replies).prop_map(|(code, text)| Call::MailReply(code, text)),
        2 => select(ends).prop_map(Call::Done),
        1 => Just(Call::Keep),
        1 => (0..60u64).prop_map(Call::Later),
    ]
}
