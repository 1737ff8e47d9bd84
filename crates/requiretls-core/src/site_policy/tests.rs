use super::*;

fn rule(hop: HopMode, port: u16) -> Rule {
    Rule {
        hop,
        port: Some(port),
        ..Rule::default()
    }
}

fn rules(table: &[(&str, HopMode, u16)]) -> Rules {
    let mut rules = Rules::default();
    for &(key, hop, port) in table {
        rules
            .insert(Key::parse(key).unwrap(), rule(hop, port))
            .unwrap();
    }
    rules
}

#[test]
fn the_longest_match_wins_alone() {
    use HopMode::{Encrypt, Enforce, Off, Opportunistic};
    let rules = rules(&[
        ("*", Enforce, 1),
        (".example", Encrypt, 2),
        (".b.example", Off, 3),
        ("A.B.Example.", Opportunistic, 4),
        ("b\u{fc}cher.example", Encrypt, 5),
        ("192.0.2.1", Off, 6),
        ("[IPv6:::1]", Encrypt, 7),
        ("unix:/run/lmtp", Encrypt, 8),
    ]);
    #[rustfmt::skip]
    let table = [
        ("exact",                     "a.b.example",                4, Some("a.b.example")),
        ("exact, other case and dot", "A.b.EXAMPLE.",               4, Some("a.b.example")),
        ("U-label key, A-label hop",  "xn--bcher-kva.example",      5, Some("xn--bcher-kva.example")),
        ("the longer parent",         "c.b.example",                3, Some(".b.example")),
        ("two labels below",          "d.c.b.example",              3, Some(".b.example")),
        ("a parent is not below itself", "b.example",               2, Some(".example")),
        ("nor the top",               "example",                    1, Some("*")),
        ("no part of a label",        "xexample",                   1, Some("*")),
        ("any",                       "other.test",                 1, Some("*")),
        ("literal",                   "[192.0.2.1]",                6, Some("[192.0.2.1]")),
        ("literal, mapped",           "[IPv6:::ffff:192.0.2.1]",    6, Some("[192.0.2.1]")),
        ("loopback with its own rule", "::1",                       7, Some("[IPv6:::1]")),
        ("another literal",           "192.0.2.2",                  1, Some("*")),
        ("socket with its own rule",  "unix:/run/lmtp",             8, Some("unix:/run/lmtp")),
    ];
    for (label, next_hop, port, key) in table {
        let next_hop = NextHop::parse(next_hop).unwrap();
        assert_eq!(
            rules.look_up(&next_hop).unwrap().port,
            Some(port),
            "{label}"
        );
        let found = rules.key(&next_hop).map(|key| key.to_string());
        assert_eq!(found.as_deref(), key, "{label}");
    }
}

#[test]
fn without_a_rule_there_are_the_defaults_and_one_preset() {
    use HopMode::{Enforce, Opportunistic};
    #[rustfmt::skip]
    let table = [ // P12
        ("R34: unix socket",      "unix:/run/lmtp",            Opportunistic),
        ("R34: 127.0.0.0/8",      "127.9.9.9",                 Opportunistic),
        ("::1",                   "[IPv6:::1]",                Opportunistic),
        ("mapped loopback",       "[IPv6:::ffff:127.0.0.1]",   Opportunistic),
        ("a name of a loopback",  "localhost",                 Enforce),
        ("VX35, R34: other literal", "10.0.0.5",                  Enforce),
        ("VX33: own domain",      "own.example",               Enforce),
    ];
    for (label, next_hop, hop) in table {
        let next_hop = NextHop::parse(next_hop).unwrap();
        let rules = Rules::default();
        assert_eq!(rules.look_up(&next_hop).unwrap().hop, hop, "{label}");
        assert_eq!(rules.key(&next_hop), None, "{label}");
    }
}

#[test]
fn any_rule_that_can_be_read_is_asked() {
    for (label, key, unreadable, expected) in [
        ("P13 exact", "a.example", false, true),
        ("P13 below", ".a.example", false, true),
        ("P13 any", "*", false, true),
        ("P6.15 unreadable", "a.example", true, false),
    ] {
        let key = Key::parse(key).unwrap();
        let mut rules = Rules::default();
        if unreadable {
            let why = Unreadable("line 3".to_owned());
            rules.insert_unreadable(key, why).unwrap();
        } else {
            rules.insert(key, rule(HopMode::Off, 1)).unwrap();
        }
        assert_eq!(rules.any(|r| r.hop == HopMode::Off), expected, "{label}");
        assert!(!rules.any(|r| r.hop == HopMode::Encrypt), "{label}");
    }
}

#[test]
fn one_method_is_enough() {
    let name = Domain::parse(b"mx.example").unwrap();
    #[rustfmt::skip]
    let table = [
        ("none", Methods::default(), true),
        ("dane", Methods { dane: true, ..Methods::default() }, false),
        ("pkix", Methods { pkix_names: vec![name], ..Methods::default() }, false),
        ("pin", Methods { pins: vec![[0; 32]], ..Methods::default() }, false),
    ];
    for (label, methods, empty) in table {
        assert_eq!(methods.is_empty(), empty, "P8 {label}");
    }
}

#[test]
fn the_preset_keeps_the_floor_of_any_but_not_its_route() {
    let methods = Methods {
        pins: vec![[0; 32]],
        ..Methods::default()
    };
    let any = |hop| Rule {
        floor: TlsLevel::Encrypt,
        methods: methods.clone(),
        hop,
        smarthost: Some("relay.example".to_owned()),
        port: Some(587),
        ..Rule::default()
    };
    for (hop, expected) in [
        (HopMode::Enforce, HopMode::Opportunistic),
        (HopMode::Off, HopMode::Off),
    ] {
        let mut rules = Rules::default();
        rules.insert(Key::Any, any(hop)).unwrap();
        let socket = NextHop::Socket("/run/lmtp".to_owned());
        let found = rules.look_up(&socket).unwrap();
        assert_eq!(found.hop, expected);
        assert_eq!(found.floor, TlsLevel::Encrypt, "P1: never lowered");
        assert_eq!(found.methods, methods, "P8");
        assert_eq!((found.smarthost.as_deref(), found.port), (None, None));
        assert_eq!(rules.key(&socket), None, "a preset has no key");
    }
}

#[test]
fn what_cannot_be_one_rule_is_refused() {
    use HopMode::{Encrypt, Local, LocalCarry};
    use RuleError::{Duplicate, LocalElsewhere};
    #[rustfmt::skip]
    let table = [ // P12
        ("same key",               "a.example", "a.example",             Encrypt,    Some(Duplicate)),
        ("case and dot",           "a.example", "A.Example.",            Encrypt,    Some(Duplicate)),
        ("labels",                 "xn--bcher-kva.example", "B\u{dc}CHER.example", Encrypt, Some(Duplicate)),
        ("parents",                ".a.example", ".A.example",           Encrypt,    Some(Duplicate)),
        ("any",                    "*",         "*",                     Encrypt,    Some(Duplicate)),
        ("literal forms",          "192.0.2.1", "[::ffff:192.0.2.1]",    Encrypt,    Some(Duplicate)),
        ("name and its parents",   "a.example", ".a.example",            Encrypt,    None),
        ("local for a socket",     "a.example", "unix:/run/lmtp",        Local,      None),
        ("local for a loopback",   "a.example", "127.0.0.1",             LocalCarry, None),
        ("local for a name",       "a.example", "localhost",             Local,      Some(LocalElsewhere)),
        ("local for any",          "a.example", "*",                     LocalCarry, Some(LocalElsewhere)),
        ("local for a literal",    "a.example", "10.0.0.5",              Local,      Some(LocalElsewhere)),
    ];
    for (label, first, second, hop, error) in table {
        let mut rules = rules(&[(first, Encrypt, 1)]);
        let second = Key::parse(second).unwrap();
        assert_eq!(rules.insert(second, rule(hop, 2)).err(), error, "{label}");
    }
}

/// P12: judged by the endpoint that is connected to.
#[test]
fn local_is_refused_for_what_leaves_by_a_smart_host() {
    for (smarthost, error) in [
        ("relay.example", Some(RuleError::LocalElsewhere)),
        ("203.0.113.5", Some(RuleError::LocalElsewhere)),
        ("unix:/run/other", None),
        ("[::1]", None),
    ] {
        let rule = Rule {
            hop: HopMode::Local,
            smarthost: Some(smarthost.to_owned()),
            ..Rule::default()
        };
        let key = Key::parse("unix:/run/lmtp").unwrap();
        let found = Rules::default().insert(key, rule).err();
        assert_eq!(found, error, "{smarthost}");
    }
}

/// P12: hosts that a server gives for a local next hop are not local by that.
#[test]
fn the_preset_is_for_the_endpoint_that_is_connected_to() {
    use HopMode::{Encrypt, Enforce, Local, LocalCarry, Opportunistic};
    #[rustfmt::skip]
    let table = [
        ("no hosts of its own",    "127.0.0.1",     &[][..],                       Opportunistic, Opportunistic),
        ("local hosts",            "127.0.0.1",     &["[::1]", "unix:/run/s"][..], Opportunistic, Opportunistic),
        ("another machine",        "127.0.0.1",     &["203.0.113.5"][..],          Opportunistic, Enforce),
        ("one of two",             "127.0.0.1",     &["127.0.0.2", "mx.test"][..], Opportunistic, Enforce),
        ("local, a name",          "unix:/run/s",   &["mx.test"][..],              Local,         Enforce),
        ("carry, a name",          "unix:/run/s",   &["mx.test"][..],              LocalCarry,    Enforce),
        ("the site's own word",    "127.0.0.1",     &["mx.test"][..],              Encrypt,       Encrypt),
        ("not a local next hop",   "relay.example", &["mx.test"][..],              Opportunistic, Opportunistic),
    ];
    for (label, next_hop, hosts, hop, expected) in table {
        let rule = Rule {
            hop,
            ..Rule::default()
        };
        let hosts: Vec<Host> = hosts.iter().map(|h| Host::parse(h).unwrap()).collect();
        let next_hop = NextHop::parse(next_hop).unwrap();
        assert_eq!(rule.with_hosts(&next_hop, &hosts).hop, expected, "{label}");
    }
}

#[test]
fn an_unreadable_rule_is_never_no_rule() {
    for key in ["a.b.example", ".b.example", ".example", "*"] {
        let mut rules = Rules::default();
        let why = Unreadable("rules, line 1".to_owned());
        rules
            .insert_unreadable(Key::parse(key).unwrap(), why.clone())
            .unwrap();
        let next_hop = NextHop::parse("a.b.example").unwrap();
        assert_eq!(rules.look_up(&next_hop), Err(&why), "row 15, {key}");
    }
    let mut rules = Rules::default();
    let why = Unreadable("rules, line 1".to_owned());
    rules.insert_unreadable(Key::Any, why.clone()).unwrap();
    let socket = NextHop::Socket("/run/lmtp".to_owned());
    assert_eq!(
        rules.look_up(&socket),
        Err(&why),
        "what a floor says is not known"
    );
}

/// What a look-up asks for comes from the next hop alone, whatever rules there are, and each is
/// asked once of a hash map: that is why its time does not grow with their number.
#[test]
fn a_look_up_asks_for_no_more_than_the_names_above() {
    let deepest = vec!["a"; 127].join(".");
    #[rustfmt::skip]
    let table = [
        ("a name and its parents", "a.b.example",   &["a.b.example", ".b.example", ".example", "*"][..]),
        ("a top-level name",       "example",       &["example", "*"][..]),
        ("a literal",              "192.0.2.1",     &["[192.0.2.1]", "*"][..]),
        ("a socket",               "unix:/run/s",   &["unix:/run/s"][..]),
        ("a loopback literal",     "::1",           &["[IPv6:::1]"][..]),
    ];
    for (label, next_hop, keys) in table {
        let next_hop = NextHop::parse(next_hop).unwrap();
        let asked = matching::places(&next_hop).filter_map(Match::key);
        let asked: Vec<String> = asked.map(|key| key.to_string()).collect();
        assert_eq!(asked, keys, "{label}");
    }
    let next_hop = NextHop::parse(&deepest).unwrap();
    assert_eq!(
        matching::places(&next_hop).count(),
        128,
        "127 labels, and *"
    );
}

#[test]
fn what_would_hold_without_a_rule() {
    use HopMode::Encrypt;
    let rules = rules(&[
        ("*", Encrypt, 1),
        (".example", Encrypt, 2),
        (".b.example", Encrypt, 3),
        ("a.b.example", Encrypt, 4),
        ("192.0.2.1", Encrypt, 5),
        ("127.0.0.1", Encrypt, 6),
    ]);
    #[rustfmt::skip]
    let table = [ // P12
        ("a.b.example", "parent", Some(3)),
        (".b.example",  "parent", Some(2)),
        (".example",    "any",    Some(1)),
        ("192.0.2.1",   "any",    Some(1)),
        ("127.0.0.1",   "preset", None),
        ("*",           "none",   None),
    ];
    for (key, why, port) in table {
        let key = Key::parse(key).unwrap();
        let (place, rule) = rules.find_without(&key);
        assert_eq!((place.as_str(), rule.unwrap().port), (why, port), "{key}");
    }
}

/// P12, P13: the words that the configuration has for them.
#[test]
fn words_of_the_configuration() {
    #[rustfmt::skip]
    let table = [
        (HopMode::Enforce.as_str(),      "enforce"),
        (HopMode::Encrypt.as_str(),      "encrypt"),
        (HopMode::Opportunistic.as_str(), "opportunistic"),
        (HopMode::Off.as_str(),          "off"),
        (HopMode::Local.as_str(),        "local"),
        (HopMode::LocalCarry.as_str(),   "local carry"),
        (Discovery::On.as_str(),         "on"),
        (Discovery::Audit.as_str(),      "audit"),
        (Discovery::Off.as_str(),        "off"),
        (PeerDialect::Rfc8689.as_str(),  "rfc8689"),
        (PeerDialect::Draft.as_str(),    "draft"),
    ];
    for (word, expected) in table {
        assert_eq!(word, expected);
    }
}
