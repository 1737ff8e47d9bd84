use super::*;
use crate::discovery::Question;
use crate::discovery::term::Term;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::mta_sts::{Mode, Policy};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::site_policy::Rule;
use std::time::Instant;

const NOW: u64 = 1_800_000_000;

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

fn with_key<T>(next_hop: &str, use_it: impl FnOnce(Key<'_>) -> T) -> T {
    use_it(Key::of(&Question {
        next_hop: &NextHop::parse(next_hop).unwrap(),
        hosts: &[],
        port: 25,
        rule: &Rule::default(),
        requiring: false,
    }))
}

fn facts(hosts: usize) -> Facts {
    let host = |n| HostFacts {
        host: Host::Name(domain(&format!("mx{n}.d.test"))),
        addresses: Addresses::Found(vec![[192, 0, 2, 1].into()]),
        cname: None,
        tlsa: Tlsa::None,
    };
    Facts {
        route: Route::Mx(Security::Secure),
        expanded: None,
        hosts: (0..hosts).map(host).collect(),
        sts: Sts::Live {
            policy: Policy::from_parts(Mode::Enforce, &["*.d.test"], 86_400).unwrap(),
            checked: true,
            refetch_failed: None,
        },
        expires: Some(NOW + 3_600),
    }
}

/// What was found at this time and lives so many seconds; its policy is of `d.test`.
fn entry(next_hop: &str, facts: Facts, since: u64, life: u32) -> Entry {
    let term = Term::default();
    term.lives(life);
    let window = term.window(since, Instant::now());
    let policy = Some(domain("d.test"));
    with_key(next_hop, |key| {
        Entry::new(key, Arc::new(facts), window, Vec::new(), policy)
    })
}

fn find(kept: &KeptFacts, next_hop: &str, now: u64) -> Option<Discovered> {
    with_key(next_hop, |key| kept.find(&key, now, &Lots::default()))
}

#[test]
fn what_is_kept_is_bounded_in_number_and_size() {
    let kept = KeptFacts::with_slots(MOST_KEPT);
    for n in 0..10_000 {
        let ticket = kept.ticket();
        kept.keep(entry(&format!("d{n}.test"), facts(2), NOW, 60), ticket, NOW);
    }
    let full = kept.slots.iter().filter(|slot| slot.load().is_some());
    let full = full.count();
    assert!(full > MOST_KEPT * 9 / 10, "both slots are used: {full}");
    let found = (0..10_000).filter(|n| find(&kept, &format!("d{n}.test"), NOW).is_some());
    assert_eq!(
        found.count(),
        full,
        "each is found where it is, and no other"
    );

    let nothing = KeptFacts::with_slots(0);
    nothing.keep(entry("d.test", facts(1), NOW, 60), nothing.ticket(), NOW);
    assert!(find(&nothing, "d.test", NOW).is_none());

    let size = |hosts| entry("d.test", facts(hosts), NOW, 60).octets();
    let most = (1..1_000)
        .take_while(|n| size(*n) <= MOST_OCTETS_KEPT)
        .last();
    let most = most.unwrap();
    for (label, hosts, is_kept) in [("the largest", most, true), ("larger", most + 1, false)] {
        let kept = KeptFacts::with_slots(2);
        kept.keep(entry("d.test", facts(hosts), NOW, 60), kept.ticket(), NOW);
        assert_eq!(find(&kept, "d.test", NOW).is_some(), is_kept, "{label}");
    }
}

#[test]
fn who_gives_way() {
    /// Label, what is there (name, since, life), what comes, who is there after.
    type Row<'a> = (
        &'a str,
        &'a [(&'a str, u64, u32)],
        (&'a str, u64, u32),
        &'a [&'a str],
    );
    #[rustfmt::skip]
    let table: [Row<'_>; 4] = [
        ("its own older one",   &[("a.test", NOW, 60)],                          ("a.test", NOW, 90),   &["a.test"]),
        ("nobody",              &[],                                             ("a.test", NOW, 60),   &["a.test"]),
        ("whoever is there",    &[("a.test", NOW, 60)],                          ("b.test", NOW, 30),   &["b.test"]),
        ("what holds no longer is not kept", &[("a.test", NOW, 60)],             ("b.test", NOW - 9, 9), &["a.test"]),
    ];
    for (label, before, (name, since, life), after) in table {
        let kept = KeptFacts::with_slots(1);
        for (name, since, life) in before {
            kept.keep(entry(name, facts(1), *since, *life), kept.ticket(), NOW);
        }
        kept.keep(entry(name, facts(1), since, life), kept.ticket(), NOW);
        for name in ["a.test", "b.test"] {
            let is_there = find(&kept, name, NOW).is_some();
            assert_eq!(is_there, after.contains(&name), "{label}: {name}");
        }
    }
    // Names without hosts replace each other, and give way.
    let kept = KeptFacts::with_slots(1);
    for (label, name, hosts, there) in [
        ("the first", "x.test", 0, true),
        ("another", "y.test", 0, true),
        ("one with hosts", "a.test", 1, true),
        ("one without them", "z.test", 0, false),
        ("one more with hosts", "b.test", 1, true),
    ] {
        kept.keep(entry(name, facts(hosts), NOW, 60), kept.ticket(), NOW);
        assert_eq!(find(&kept, name, NOW).is_some(), there, "{label}");
    }
    // Of two slots the one that was not used for longer, or is over.
    let kept = KeptFacts::with_slots(2);
    let mut names = (0..).map(|n| format!("n{n}.test")).filter(|name| {
        with_key(name, |key| {
            let [one, other] =
                [0, 1].map(|n| std::ptr::from_ref(kept.places(&key).nth(n).unwrap()));
            one != other
        })
    });
    let [long, short, new] = [(); 3].map(|()| names.next().unwrap());
    kept.keep(entry(&long, facts(1), NOW, 900), kept.ticket(), NOW);
    kept.keep(entry(&short, facts(1), NOW, 600), kept.ticket(), NOW);
    assert!(find(&kept, &long, NOW).is_some());
    kept.keep(entry(&new, facts(1), NOW, 60), kept.ticket(), NOW);
    let there = [&long, &short, &new].map(|name| find(&kept, name, NOW).is_some());
    assert_eq!(there, [true, false, true], "the unused gives way");
    let later = NOW + 100;
    kept.keep(entry(&short, facts(1), later, 60), kept.ticket(), later);
    let there = [&long, &short, &new].map(|name| find(&kept, name, later).is_some());
    assert_eq!(there, [true, true, false], "what is over gives way");
}

#[test]
fn s20_what_is_forgotten_stays_forgotten() {
    let kept = KeptFacts::with_slots(64);
    let other = |name| {
        let mut entry = entry(name, facts(1), NOW, 60);
        entry.policy_domain = Some(domain("other.test"));
        entry
    };
    let before = kept.ticket();
    kept.keep(entry("d.test", facts(1), NOW, 60), before, NOW);
    kept.keep(entry("by.other.ports.test", facts(1), NOW, 60), before, NOW);
    kept.keep(other("o.test"), before, NOW);
    let after = kept.forget_policy(&domain("d.test"));
    let there = |names: [&str; 3]| names.map(|name| find(&kept, name, NOW).is_some());
    let names = ["d.test", "by.other.ports.test", "o.test"];
    assert_eq!(there(names), [false, false, true]);
    kept.keep(entry("d.test", facts(1), NOW, 60), before, NOW);
    assert_eq!(there(names), [false, false, true], "found before it");
    kept.keep(entry("d.test", facts(1), NOW, 60), after, NOW);
    assert_eq!(there(names), [true, false, true], "found after it");
}

#[test]
fn what_is_told_is_what_a_lookup_would_find_now() {
    let told = |checked_until, expires, after| {
        let mut facts = facts(2);
        facts.expires = expires;
        let entry = entry("d.test", facts, NOW, 3_600).checked_until(checked_until);
        let told = entry.told(NOW + after, &Lots::default()).unwrap();
        assert_eq!((told.found_at(), told.is_kept()), (Some(NOW), true));
        let Sts::Live { checked, .. } = told.sts else {
            panic!("{told:?}");
        };
        (checked, told.expires)
    };
    let hour = Some(NOW + 3_600);
    // label, checked until, expires, after; checked, expires
    #[rustfmt::skip]
    let table = [
        ("S20 the last second",       Some(NOW + 300), hour, 299,   true,  hour),
        ("S20 five minutes",          Some(NOW + 300), hour, 300,   false, hour),
        ("as it was found",           None,            hour, 0,     true,  hour),
        ("RFC 1035 a delivery's time", None,           hour, 3_301, true,  Some(NOW + 3_601)),
        ("enough of it",              None,            hour, 3_300, true,  hour),
        ("nothing ends",              None,            None, 3_500, true,  None),
    ];
    for (label, checked_until, expires, after, checked, end) in table {
        assert_eq!(
            told(checked_until, expires, after),
            (checked, end),
            "{label}"
        );
    }
}
