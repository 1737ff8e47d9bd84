//! Which worlds are drawn?

use super::checker::M;
use super::world::{Hop, Records, StsFact, Tag, World, WorldHost};
use proptest::prelude::*;
use proptest::sample::select;
use requiretls_core::facts::Security;

#[rustfmt::skip]
pub(crate) fn world() -> impl Strategy<Value = World> {
    use Tag as T;
    let tags = vec![T::None, T::H, T::LM, T::LE, T::LS, T::LS, T::R, T::R, T::R, T::F0, T::FC, T::FD, T::FCD];
    let security = || select(vec![Security::Secure, Security::Insecure, Security::Unknown]);
    let routes = prop_oneof![
        3 => Just(M::S), 4 => Just(M::I), 1 => Just(M::V), 2 => security().prop_map(M::N), 2 => Just(M::C), 1 => Just(M::A),
    ];
    let hops = vec![Hop::Enforce, Hop::Enforce, Hop::Enforce, Hop::Enforce, Hop::Encrypt, Hop::Opportunistic, Hop::Off, Hop::Local, Hop::LocalCarry];
    let message = (select(tags), prop::bool::weighted(0.3), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let bools = prop::array::uniform3(prop::bool::weighted(0.25));
    let site = (select(hops), select(vec![0, 0, 0, 1, 2]), bools, prop::bool::weighted(0.8), any::<bool>(), 0..=2u8, select(vec!["dane", "encrypt", "may"]));
    let sts = select(vec![StsFact::None, StsFact::None, StsFact::Testing, StsFact::Enforce, StsFact::Enforce, StsFact::Unknown]);
    let expires = prop::option::weighted(0.8, 20..200u64);
    let facts = (select(vec!["d.test", "e.test"]), routes, sts, prop::collection::vec(host(), 2), expires);
    (message, site, facts).prop_map(|((tag, dnssec, null_path, auth), site, facts)| {
        let (hop, floor, [site_dane, site_pkix, site_pin], discovery_on, peer_is_draft, null_path_floor, insecure_mx_dane) = site;
        let (next_hop, route, sts, hosts, expires) = facts;
        let dnssec = dnssec && matches!(tag, T::F0 | T::FC | T::FD | T::FCD);
        World {
            next_hop, tag, dnssec, null_path, auth, hop, floor, site_dane, site_pkix, site_pin, discovery_on,
            peer_is_draft, null_path_floor, insecure_mx_dane, route, sts, hosts, expires,
        }
    })
}

#[rustfmt::skip]
fn host() -> impl Strategy<Value = WorldHost> {
    let records = prop_oneof![
        3 => Just(Records::None), 3 => (2..=3u8, 0..=1u8).prop_map(|(usage, number)| Records::Usable(usage, number)),
        1 => Just(Records::Unusable), 1 => Just(Records::Failed),
    ];
    let cname = select(vec![None, None, None, Some(Security::Secure), Some(Security::Insecure), Some(Security::Unknown)]);
    (records, prop::bool::weighted(0.7), cname, select(vec![0, 1, 2, 3, 3, 3]))
        .prop_map(|(records, matches, cname, addresses)| WorldHost { records, matches, cname, addresses })
}
