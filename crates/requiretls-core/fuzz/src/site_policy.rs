//! Which of a site's rules is for a next hop, by a linear search?
//!
//! The input is lines: a letter and a key make a rule, `?` and a next hop a look-up, once all rules
//! are there. Names are read a second time as well: a name that is not found again under its own
//! spelling is a rule that does not hold.

#[path = "naive_rules.rs"]
mod naive_rules;

use naive_rules::{Written, assert_found, is_local, key_text};
use requiretls_core::domain::Domain;
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::site_policy::{HopMode, Key, Rule, RuleError, Rules, Unreadable};
use requiretls_core::tls_level::TlsLevel;

/// Rules and look-ups, one a line.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        name(data);
        return;
    };
    let mut rules = Rules::default();
    let mut written = Vec::new();
    for (number, line) in (1..).zip(text.lines().take(64)) {
        let mut letters = line.chars();
        let letter = letters.next();
        name(letters.as_str().as_bytes());
        if let (Some(letter), Some(key)) = (letter.filter(|l| *l != '?'), key(letters.as_str())) {
            insert(&mut rules, &mut written, letter, &key, number);
        }
    }
    for line in text.lines() {
        if let Ok(next_hop) = NextHop::parse(line.strip_prefix('?').unwrap_or(line)) {
            assert_found(&rules, &written, &next_hop);
            other_hosts(&rules, &next_hop);
        }
    }
    for rule in &written {
        if let Ok(next_hop) = NextHop::parse(&rule.key) {
            assert_found(&rules, &written, &next_hop);
        }
        let below = format!("a.{}", rule.key.trim_start_matches('.'));
        if let Ok(next_hop) = NextHop::parse(&below) {
            assert_found(&rules, &written, &next_hop);
        }
    }
}

/// A key and its one spelling, which reads as the same key.
fn key(text: &str) -> Option<Key> {
    let read = Key::parse(text);
    assert_eq!(
        read.as_ref().ok().map(Key::to_string),
        key_text(text),
        "{text}"
    );
    let key = read.ok()?;
    // The spelling of a socket's path is its own, and that of all others reads again.
    assert_eq!(Key::parse(&key.to_string()).as_ref(), Ok(&key));
    Some(key)
}

fn insert(rules: &mut Rules, written: &mut Vec<Written>, letter: char, key: &Key, port: u16) {
    let hop = match letter {
        'n' => HopMode::Encrypt,
        'o' => HopMode::Opportunistic,
        'f' => HopMode::Off,
        'l' => HopMode::Local,
        'c' => HopMode::LocalCarry,
        _ => HopMode::Enforce,
    };
    let floor = if letter.is_uppercase() {
        TlsLevel::Encrypt
    } else {
        TlsLevel::May
    };
    let rule = Rule {
        hop,
        floor,
        port: Some(port),
        smarthost: (letter == 's').then(|| "relay.example".to_owned()),
        ..Rule::default()
    };
    let readable = letter != 'u';
    let text = key.to_string();
    let repeated = written.iter().any(|rule| rule.key == text);
    let elsewhere = matches!(hop, HopMode::Local | HopMode::LocalCarry)
        && !matches!(key, Key::Exact(next_hop) if is_local(next_hop));
    let result = if readable {
        rules.insert(key.clone(), rule)
    } else {
        rules.insert_unreadable(key.clone(), Unreadable(format!("line {port}")))
    };
    let expected = if elsewhere {
        Err(RuleError::LocalElsewhere)
    } else if repeated {
        Err(RuleError::Duplicate)
    } else {
        Ok(())
    };
    assert_eq!(result, expected, "{letter}{text}");
    if result.is_ok() {
        written.push(Written {
            key: text,
            rule: readable.then_some((hop, floor, Some(port))),
        });
    }
}

/// P12: what leaves the machine does not go by the preset for what stays.
fn other_hosts(rules: &Rules, next_hop: &NextHop) {
    let Ok(rule) = rules.look_up(next_hop) else {
        return;
    };
    let elsewhere = [Host::parse("mx.example.com").unwrap()];
    let changed = rule.clone().with_hosts(next_hop, &elsewhere);
    if is_local(next_hop) && rule.smarthost.is_none() {
        let weak = [HopMode::Opportunistic, HopMode::Local, HopMode::LocalCarry];
        assert!(
            !weak.contains(&changed.hop),
            "{next_hop}: {:?}",
            changed.hop
        );
    }
    assert_eq!((changed.floor, changed.port), (rule.floor, rule.port));
    let local = [Host::parse("unix:/run/s").unwrap()];
    assert_eq!(rule.clone().with_hosts(next_hop, &local), *rule);
    assert_eq!(rule.clone().with_hosts(next_hop, &[]), *rule);
}

/// A name is itself again when it is read again, and so is every name above it.
fn name(text: &[u8]) {
    let read = Domain::parse(text);
    let ascii = text.is_ascii() && !text.to_ascii_lowercase().windows(4).any(|w| w == b"xn--");
    if ascii && text.len() <= 1024 {
        let lower: String = text
            .iter()
            .map(|b| char::from(b.to_ascii_lowercase()))
            .collect();
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        let expected = is_name(name).then(|| name.to_owned());
        assert_eq!(read.as_ref().ok().map(ToString::to_string), expected);
    }
    let Ok(domain) = read else {
        return;
    };
    assert!(is_name(domain.as_str()), "{domain}");
    assert!(
        !domain.as_str().bytes().any(|b| b.is_ascii_uppercase()),
        "{domain}"
    );
    assert_eq!(
        Domain::parse(domain.as_str().as_bytes()).as_ref(),
        Ok(&domain)
    );
    let mut above = domain.parent().map(str::to_owned);
    while let Some(parent) = above {
        let again = Domain::parse(parent.as_bytes());
        assert_eq!(
            again.as_ref().map(Domain::as_str),
            Ok(parent.as_str()),
            "above {domain}"
        );
        above = again.ok().and_then(|d| d.parent().map(str::to_owned));
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}
