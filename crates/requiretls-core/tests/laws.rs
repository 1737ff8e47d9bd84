//! What holds for every world: laws over thousands of random cases.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use requiretls_core::case::{
    AddressWord, Case, CaseAddress, CaseHost, CnameWord, DialectWord, DiscoveryWord, HopWord,
    KnobWord, LevelWord, MailWord, MethodWord, NullPathFloor, OfferWord, ProofWord, RecordWord,
    RouteWord, SecondEhloWord, SecurityWord, StarttlsWord, StsWord, TagWord, TcpWord, VersionWord,
    WorkedWord,
};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        max_global_rejects: 40_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The rule above all: what is demanded was shown on the connection that got the message.
    #[test]
    fn no_message_goes_below_its_demand(case in case()) {
        let answer = case.decide();
        if answer.action == "go" {
            let shown = shown(&case, answer.host, answer.addr);
            let strict = case.hop == HopWord::Enforce && !case.null_path;
            let least = match case.tag {
                TagWord::None | TagWord::H | TagWord::LM => 0,
                _ if !strict => 0,
                TagWord::LE | TagWord::F0 => 1,
                TagWord::LS | TagWord::R | TagWord::FC | TagWord::FD | TagWord::FCD => 2,
                TagWord::Merged(_) => unreachable!("is not drawn"),
            };
            let floor = match case.floor {
                LevelWord::May => 0,
                LevelWord::Encrypt => 1,
                LevelWord::Secure => 2,
            };
            if least.max(floor) >= 1 {
                prop_assert_eq!(answer.tls, Some(true));
                prop_assert!(shown.starttls == StarttlsWord::Yes && shown.hs == WorkedWord::Ok);
                prop_assert!(shown.tls != VersionWord::V11);
            }
            if least.max(floor) == 2 {
                prop_assert!(shown.chain && !shown.auth.is_empty());
            }
            let onward = !matches!(
                case.tag,
                TagWord::None | TagWord::H | TagWord::LM | TagWord::LE | TagWord::LS
            );
            if strict && onward {
                prop_assert!(shown.offers.contains(&OfferWord::Requiretls));
                prop_assert!(answer.sends.starts_with("REQUIRETLS"));
            }
            if case.auth_credentials {
                prop_assert_eq!(answer.tls, Some(true), "P10: credentials never go in clear");
            }
        }
    }

    /// Less proof never helps.
    #[test]
    fn taking_proof_away_never_makes_it_go(case in case(), host in 0..3usize, addr in 0..3usize, what in 0..9usize) {
        prop_assume!(case.decide().action != "go");
        let mut less = case.clone();
        let Some(h) = less.hosts.get_mut(host) else { return Ok(()) };
        if what == 0 {
            h.records = RecordWord::Failed;
        } else if let Some(a) = h.addrs.get_mut(addr) {
            match what {
                1 => a.starttls = StarttlsWord::No,
                2 => a.hs = WorkedWord::Fail,
                3 => a.tls = VersionWord::V11,
                4 => a.chain = false,
                5 => { a.auth.pop(); }
                6 => { a.offers.pop(); }
                7 if a.ehlo2 == SecondEhloWord::Ok => a.ehlo2 = SecondEhloWord::Permanent,
                _ => a.tcp = TcpWord::Fail,
            }
        }
        let answer = less.decide();
        prop_assert!(answer.action != "go", "{:?} became {:?}", case.decide(), answer);
    }

    #[test]
    fn removing_a_host_never_makes_it_go(case in case(), host in 0..3usize) {
        prop_assume!(case.decide().action != "go" && host < case.hosts.len());
        let mut less = case.clone();
        less.hosts.remove(host);
        prop_assert_ne!(less.decide().action, "go");
    }

    /// P12: a weaker hop mode never refuses what a stronger one accepts.
    #[test]
    fn a_weaker_hop_mode_never_refuses_more(case in case()) {
        let order = [HopWord::Enforce, HopWord::Encrypt, HopWord::Opportunistic, HopWord::Off];
        let actions = order.map(|hop| Case { hop, ..case.clone() }.decide().action);
        let first_go = actions.iter().position(|a| *a == "go");
        if let Some(first) = first_go {
            prop_assert!(actions.iter().skip(first).all(|a| *a == "go"), "{:?}", actions);
        }
    }

    /// P1: a downgrade never lowers a site floor: it is refused nothing less than an untagged
    /// message is by the site alone.
    #[test]
    fn a_downgrade_never_lowers_the_site_floor(case in case()) {
        let site_alone =
            Case { tag: TagWord::None, discovery: DiscoveryWord::Off, ..case.clone() };
        for tag in [TagWord::H, TagWord::LM] {
            let answer = Case { tag, ..case.clone() }.decide();
            if answer.action == "go" {
                prop_assert_eq!(site_alone.decide().action, "go", "{:?}", tag);
            }
        }
    }

    /// P5: a bounce is certain, and by the sender's own wish, unless there is no host at all.
    #[test]
    fn a_bounce_has_no_open_end(case in case()) {
        let answer = case.decide();
        if answer.action == "bounce" && answer.row != "2" {
            prop_assert_eq!(answer.who, "sender");
            prop_assert!(!case.null_path || answer.row == "16", "the null path is never returned");
            let unresolved = case.hosts.iter().any(|h| h.addr == AddressWord::Err);
            prop_assert!(!unresolved || answer.row == "3", "{:?}", answer);
        }
    }
}

fn shown(case: &Case, host: Option<usize>, addr: Option<usize>) -> CaseAddress {
    let host = host.and_then(|h| case.hosts.get(h));
    host.zip(addr)
        .and_then(|(h, a)| h.addrs.get(a))
        .cloned()
        .unwrap_or_default()
}

#[rustfmt::skip]
fn case() -> impl Strategy<Value = Case> {
    use TagWord as T;
    let tags = vec![T::None, T::H, T::LM, T::LE, T::LS, T::R, T::R, T::F0, T::FC, T::FD, T::FCD];
    let routes = vec![RouteWord::S, RouteWord::S, RouteWord::I, RouteWord::V, RouteWord::N, RouteWord::C, RouteWord::A];
    let hops = vec![HopWord::Enforce, HopWord::Enforce, HopWord::Encrypt, HopWord::Opportunistic, HopWord::Off];
    let message = (select(tags), any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let site = (
        select(hops),
        select(vec![LevelWord::May, LevelWord::May, LevelWord::Encrypt, LevelWord::Secure]),
        subsequence(vec![MethodWord::Dane, MethodWord::Pkix, MethodWord::Pin], 0..=2),
        select(vec![DiscoveryWord::On, DiscoveryWord::On, DiscoveryWord::Audit, DiscoveryWord::Off]),
        select(vec![DialectWord::Rfc8689, DialectWord::Draft]),
        select(vec![NullPathFloor::Encrypt, NullPathFloor::May, NullPathFloor::Secure]),
        select(vec![KnobWord::Dane, KnobWord::Encrypt, KnobWord::May]),
    );
    let facts = (
        select(routes),
        select(vec![SecurityWord::Sec, SecurityWord::Insec, SecurityWord::Unk]),
        select(vec![StsWord::None, StsWord::Testing, StsWord::Enforce, StsWord::Unknown]),
        prop::collection::vec(host(), 1..=3),
    );
    (message, site, facts).prop_map(|((tag, dnssec, null_path, auth_credentials), site, facts)| {
        let draft = matches!(tag, T::F0 | T::FC | T::FD | T::FCD);
        let (hop, floor, methods, discovery, peer_dialect, null_path_floor, insecure_mx_dane) = site;
        let (route, msec, sts, hosts) = facts;
        Case {
            tag, dnssec: dnssec && draft, null_path, hop, floor, methods, discovery, peer_dialect,
            route, msec, sts, hosts, auth_credentials, tag_readable: true, rule_readable: true,
            null_path_floor, insecure_mx_dane, ..Case::default()
        }
    })
}

#[rustfmt::skip]
fn host() -> impl Strategy<Value = CaseHost> {
    (
        select(vec![RecordWord::None, RecordWord::Usable, RecordWord::Unusable, RecordWord::Failed]),
        any::<bool>(),
        select(vec![AddressWord::Ok, AddressWord::Ok, AddressWord::Ok, AddressWord::None, AddressWord::NoneInsec, AddressWord::Err]),
        select(vec![CnameWord::No, CnameWord::No, CnameWord::Sec, CnameWord::Insec, CnameWord::Unk]),
        prop::collection::vec(address(), 1..=3),
    )
        .prop_map(|(records, matches, addr, cname, addrs)| CaseHost { records, matches, addr, cname, addrs, ..CaseHost::default() })
}

#[rustfmt::skip]
fn address() -> impl Strategy<Value = CaseAddress> {
    let proofs = vec![ProofWord::Dane, ProofWord::PkixHost, ProofWord::PkixNextHop, ProofWord::SitePkix, ProofWord::SitePin];
    (
        select(vec![TcpWord::Ok, TcpWord::Ok, TcpWord::Ok, TcpWord::Ok, TcpWord::Fail, TcpWord::Transient, TcpWord::Permanent]),
        select(vec![StarttlsWord::Yes, StarttlsWord::Yes, StarttlsWord::Yes, StarttlsWord::No, StarttlsWord::Transient, StarttlsWord::Permanent]),
        prop::bool::weighted(0.9),
        select(vec![VersionWord::V13, VersionWord::V12, VersionWord::V11]),
        select(vec![SecondEhloWord::Ok, SecondEhloWord::Ok, SecondEhloWord::Ok, SecondEhloWord::Transient, SecondEhloWord::Permanent]),
        prop::bool::weighted(0.9),
        subsequence(proofs, 0..=5),
        subsequence(vec![OfferWord::Requiretls, OfferWord::TlsPolicy], 0..=2),
        any::<bool>(),
        select(vec![MailWord::Ok, MailWord::Ok, MailWord::Ok, MailWord::Param, MailWord::TlsDemanded, MailWord::Other]),
    )
        .prop_map(|(tcp, starttls, hs, tls, ehlo2, chain, auth, offers, dsn, mail)| CaseAddress {
            tcp, starttls, hs: if hs { WorkedWord::Ok } else { WorkedWord::Fail }, tls, ehlo2,
            chain, auth, offers, dsn, mail, ..CaseAddress::default()
        })
}
