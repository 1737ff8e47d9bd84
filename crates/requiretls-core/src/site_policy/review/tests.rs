use super::{Key, RemarkKind, Rule, Rules};
use crate::domain::Domain;
use crate::site_policy::{Discovery, HopMode, Methods, PeerDialect};
use crate::tls_level::TlsLevel;

fn review(table: &[(&str, Rule)]) -> Vec<String> {
    let mut rules = Rules::default();
    for (key, rule) in table {
        rules
            .insert(Key::parse(key).unwrap(), rule.clone())
            .unwrap();
    }
    let mut told: Vec<String> = rules
        .review()
        .into_iter()
        .map(|remark| {
            let other = remark.other.map(|key| format!(" by {key}"));
            format!(
                "{} {} {}{}",
                remark.key,
                remark.kind.as_str(),
                remark.setting.unwrap_or("-"),
                other.unwrap_or_default()
            )
        })
        .collect();
    told.sort();
    told
}

/// A rule that has an effect, and is otherwise nothing to remark on.
fn plain() -> Rule {
    Rule {
        floor: TlsLevel::Encrypt,
        ..Rule::default()
    }
}

fn hop(hop: HopMode) -> Rule {
    Rule { hop, ..plain() }
}

/// P12, P13: what is weaker than the default, and where a floor of secure makes up for it.
#[test]
fn settings_that_protect_less() {
    use HopMode::{Encrypt, Local, Off, Opportunistic};
    let secure = |rule: Rule| Rule {
        floor: TlsLevel::Secure,
        ..rule
    };
    let discovery = |discovery| Rule {
        discovery,
        ..plain()
    };
    let to = |host: &str, rule: Rule| Rule {
        smarthost: Some(host.to_owned()),
        ..rule
    };
    let clear = Rule {
        floor: TlsLevel::May,
        ..hop(Opportunistic)
    };
    #[rustfmt::skip]
    let table = [
        ("nothing",             "a.example",   plain(),                       &[][..]),
        ("off",                 "a.example",   hop(Off),                      &["hop"][..]),
        ("off, floor secure",   "a.example",   secure(hop(Off)),              &["hop"][..]),
        ("off, a socket",       "unix:/run/s", hop(Off),                      &["hop"][..]),
        ("opportunistic",       "a.example",   hop(Opportunistic),            &["hop"][..]),
        ("and clear text",      "a.example",   clear.clone(),                 &["hop"][..]),
        ("and floor secure",    "a.example",   secure(hop(Opportunistic)),    &[][..]),
        ("on a socket",         "unix:/run/s", hop(Opportunistic),            &[][..]),
        ("on a loopback",       "127.0.0.1",   hop(Opportunistic),            &[][..]),
        ("but not to there",    "127.0.0.1",   to("r.example", hop(Opportunistic)), &["hop"][..]),
        ("to a socket",         "a.example",   to("unix:/run/s", hop(Opportunistic)), &[][..]),
        ("local",               "unix:/run/s", hop(Local),                    &[][..]),
        ("encrypt",             "a.example",   hop(Encrypt),                  &[][..]),
        ("encrypt everywhere",  "*",           hop(Encrypt),                  &["hop"][..]),
        ("secure everywhere",   "*",           secure(hop(Encrypt)),          &[][..]),
        ("discovery off",       "a.example",   discovery(Discovery::Off),     &["discovery"][..]),
        ("audit",               "a.example",   discovery(Discovery::Audit),   &["discovery"][..]),
        ("off, floor secure",   "a.example",   secure(discovery(Discovery::Off)), &[][..]),
        ("off, a socket",       "unix:/run/s", discovery(Discovery::Off),     &[][..]),
    ];
    for (label, key, rule, settings) in table {
        let canonical = Key::parse(key).unwrap();
        let expected: Vec<String> = settings
            .iter()
            .map(|setting| format!("{canonical} weak {setting}"))
            .collect();
        assert_eq!(review(&[(key, rule)]), expected, "{label}");
    }
}

/// P2, P12: what no routing gives.
#[test]
fn keys_that_never_win() {
    let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
    let below = |last: usize| format!(".{long}.{}", "d".repeat(last));
    let socket = |len: usize| format!("unix:/{}", "s".repeat(len - 1));
    let (fits, too_long) = (below(59), below(60));
    let (path, long_path) = (socket(107), socket(108));
    #[rustfmt::skip]
    let table = [
        ("a name",              "a.example",         false),
        ("a number in front",   "1.example",         false),
        ("digits and a letter", "1.1a",              false),
        ("an address too many", "192.0.2.256",       true),
        ("a port behind it",    "192.0.2.1.25",      true),
        ("below an address",    ".192.0.2",          true),
        ("multicast",           "224.0.0.1",         true),
        ("multicast, IPv6",     "[IPv6:ff02::1]",    true),
        ("broadcast",           "255.255.255.255",   true),
        ("unspecified",         "::",                true),
        ("unicast",             "192.0.2.1",         false),
        ("251 octets",          &fits,               false),
        ("252 octets",          &too_long,           true),
        ("a path of 107",       &path,               false),
        ("a path of 108",       &long_path,          true),
        ("a directory",         "unix:/run/",        true),
        ("any",                 "*",                 false),
    ];
    for (label, key, never) in table {
        let canonical = Key::parse(key).unwrap();
        let expected = never.then(|| format!("{canonical} never-wins -"));
        let expected: Vec<String> = expected.into_iter().collect();
        assert_eq!(review(&[(key, plain())]), expected, "{label}");
    }
}

/// A rule is one whole table: what it overrides is gone.
#[test]
fn what_a_rule_does_to_the_one_below_it() {
    use TlsLevel::{Encrypt, May, Secure};
    let floor = |floor| Rule {
        floor,
        ..Rule::default()
    };
    let port = |port| Rule { port, ..plain() };
    let rich = Rule {
        methods: Methods {
            pkix_names: vec![Domain::known("a.example"), Domain::known("b.example")],
            ..Methods::default()
        },
        peer_dialect: PeerDialect::Draft,
        smarthost: Some("[192.0.2.1]".to_owned()),
        port: Some(587),
        ..plain()
    };
    let mut reordered = rich.clone();
    reordered.methods.pkix_names.reverse();
    reordered.smarthost = Some("192.0.2.1".to_owned());
    #[rustfmt::skip]
    let table = [
        ("lower than a parent",    vec![("a.example", floor(May)), (".example", floor(Secure))],
            &["a.example lowers-floor floor by .example"][..]),
        ("higher than a parent",   vec![("a.example", floor(Secure)), (".example", floor(Encrypt))], &[]),
        ("lower than any",         vec![(".example", floor(Encrypt)), ("*", floor(Secure))],
            &[".example lowers-floor floor by *"]),
        ("not beside a parent",    vec![("example", floor(Encrypt)), (".example", floor(Secure))], &[]),
        ("a socket under any",     vec![("unix:/run/s", port(Some(1))), ("*", floor(Secure))],
            &["unix:/run/s without-effect port"]),
        ("as without a rule",      vec![("a.example", floor(May))], &["a.example changes-nothing -"]),
        ("as the parent",          vec![("a.example", plain()), (".example", plain())],
            &["a.example changes-nothing - by .example"]),
        ("port 25 is no port",     vec![("a.example", port(Some(25))), ("*", plain())],
            &["a.example changes-nothing - by *"]),
        ("as the preset",          vec![("::1", Rule { floor: May, ..hop(HopMode::Opportunistic) })],
            &["[IPv6:::1] changes-nothing -"]),
        ("otherwise written",      vec![("a.example", reordered), ("*", rich.clone())],
            &["a.example changes-nothing - by *"]),
        ("takes nothing over",     vec![("a.example", floor(Secure)), ("*", rich.clone())],
            &["a.example not-inherited - by *"]),
        ("smart host of another",  vec![("r.example", floor(Secure)),
                ("c.example", Rule { smarthost: Some("R.example".to_owned()), ..plain() }),
                ("b.example", Rule { smarthost: Some("r.example.".to_owned()), ..plain() })],
            &["r.example smarthost - by b.example"]),
        ("local, discovery off",   vec![("::1", Rule { discovery: Discovery::Off, ..hop(HopMode::Local) })],
            &["[IPv6:::1] without-effect discovery"]),
        ("never, and nothing more", vec![("0.0.0.0", hop(HopMode::Off)), ("*", plain())],
            &["[0.0.0.0] never-wins -"]),
        ("off, a dialect",         vec![("a.example", Rule { peer_dialect: PeerDialect::Draft, ..hop(HopMode::Off) })],
            &["a.example weak hop", "a.example without-effect peer_dialect"]),
    ];
    for (label, rules, expected) in table {
        assert_eq!(review(&rules), expected, "{label}");
    }
}

/// P12: of many rules with one smart host the first by name is told, and the remarks are in the
/// order of the names too.
#[test]
fn remarks_are_the_same_each_time() {
    let to_one = Rule {
        smarthost: Some("r.example".to_owned()),
        ..hop(HopMode::Off)
    };
    let names = [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "e.example",
        "f.example",
    ];
    let mut rules = Rules::default();
    for name in names.iter().rev() {
        rules
            .insert(Key::parse(name).unwrap(), to_one.clone())
            .unwrap();
    }
    rules
        .insert(Key::parse("r.example").unwrap(), plain())
        .unwrap();
    let remarks = rules.review();
    let keys: Vec<String> = remarks
        .iter()
        .map(|remark| remark.key.to_string())
        .collect();
    assert_eq!(keys, [&names[..], &["r.example"]].concat());
    let last = remarks.last().expect("a remark");
    assert_eq!(last.kind, RemarkKind::SmartHost);
    assert_eq!(last.other, Some(Key::parse("a.example").unwrap()));
}

#[test]
fn no_rules_no_remarks() {
    assert_eq!(review(&[]), [""; 0]);
}

/// The texts of one kind about this key.
fn texts(kind: RemarkKind, about: &str, table: &[(&str, Rule)]) -> Vec<String> {
    let mut rules = Rules::default();
    for (key, rule) in table {
        let key = Key::parse(key).unwrap();
        rules.insert(key, rule.clone()).unwrap();
    }
    let about = Key::parse(about).unwrap();
    let remarks = rules.review().into_iter();
    remarks
        .filter(|remark| remark.kind == kind && remark.key == about)
        .map(|remark| remark.text)
        .collect()
}

/// P12: what is not taken from the rule that is overridden, and only that.
#[test]
fn what_is_not_inherited_is_named() {
    let secure = Rule {
        floor: TlsLevel::Secure,
        ..Rule::default()
    };
    let dane = Methods {
        dane: true,
        ..Methods::default()
    };
    let methods = |rule: &Rule| Rule {
        methods: dane.clone(),
        ..rule.clone()
    };
    let draft = |rule: &Rule| Rule {
        peer_dialect: PeerDialect::Draft,
        ..rule.clone()
    };
    let smarthost = |rule: &Rule| Rule {
        smarthost: Some("r.example".to_owned()),
        ..rule.clone()
    };
    let port = |rule: &Rule, port| Rule {
        port: Some(port),
        ..rule.clone()
    };
    let all = port(&smarthost(&draft(&methods(&plain()))), 587);
    #[rustfmt::skip]
    let table = [
        ("methods", secure.clone(), methods(&plain()), Some("take methods from")),
        ("dialect", secure.clone(), draft(&plain()), Some("take peer_dialect from")),
        ("smart host", secure.clone(), smarthost(&plain()), Some("take smarthost from")),
        ("port", secure.clone(), port(&plain(), 587), Some("take port from")),
        ("all", secure.clone(), all, Some("take methods, peer_dialect, smarthost, port from")),
        ("nothing", secure.clone(), plain(), None),
        ("own methods", methods(&secure), methods(&plain()), None),
        ("own dialect", draft(&secure), draft(&plain()), None),
        ("own smart host", smarthost(&secure), smarthost(&plain()), None),
        ("own port", port(&secure, 26), port(&plain(), 587), None),
        ("the default port", port(&secure, 25), port(&plain(), 587), Some("take port from")),
        ("more than that one", draft(&secure), plain(), None),
    ];
    for (label, own, overridden, expected) in table {
        let rules = [("a.example", own), ("*", overridden)];
        let told = texts(RemarkKind::NotInherited, "a.example", &rules);
        assert_eq!(told.len(), usize::from(expected.is_some()), "{label}");
        let said = told.first().map_or("", String::as_str);
        assert!(said.contains(expected.unwrap_or("")), "{label}: {said}");
    }
}

/// P12: what an opportunistic hop gives up depends on the floor beside it.
#[test]
fn an_opportunistic_hop_gives_up_what_the_floor_leaves() {
    for (floor, expected) in [
        (TlsLevel::May, "clear text is allowed"),
        (TlsLevel::Encrypt, "any certificate will do"),
    ] {
        let rule = Rule {
            floor,
            ..hop(HopMode::Opportunistic)
        };
        let told = texts(RemarkKind::Weak, "a.example", &[("a.example", rule)]);
        assert_eq!(told.len(), 1, "{floor}");
        assert!(told[0].contains(expected), "{floor}: {}", told[0]);
    }
}

#[test]
fn warnings_and_notes() {
    use RemarkKind::{
        ChangesNothing, LowersFloor, NeverWins, NotInherited, SmartHost, Weak, WithoutEffect,
    };
    for (kind, warning) in [
        (NeverWins, true),
        (Weak, true),
        (LowersFloor, true),
        (NotInherited, false),
        (ChangesNothing, false),
        (WithoutEffect, false),
        (SmartHost, false),
    ] {
        assert_eq!(kind.is_warning(), warning, "P12 {kind:?}");
    }
}
