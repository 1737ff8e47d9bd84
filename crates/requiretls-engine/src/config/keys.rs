//! Is every key of the file told of, and is what is told true?
//!
//! `keys.toml` is what requiretls.conf(5) is made of. Here each of its sentences that a test can
//! hold is held: which keys there are, what they are without being set, and which words they take.

use super::tests::{parse, parse_in};
use super::{Endpoint, LmtpListener};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    table: Vec<Table>,
    key: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    about: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    table: String,
    name: String,
    kind: String,
    default: String,
    about: String,
    #[serde(default)]
    words: Vec<(String, String)>,
    /// What else a table must have, for its words to make sense.
    #[serde(default)]
    needs: Vec<String>,
    /// Words that are for certain next hops alone.
    #[serde(default)]
    name_for_words: BTreeMap<String, String>,
}

fn keys() -> Keys {
    toml::from_str(include_str!("keys.toml")).unwrap()
}

impl Key {
    fn heading(&self, word: Option<&str>) -> String {
        if self.table == "lmtp_listener" {
            return "[lmtp_listener.\"127.0.0.1:2424\"]\n".to_owned();
        }
        if self.table != "next_hop" {
            return format!("[{}]\n", self.table);
        }
        let name = word.and_then(|word| self.name_for_words.get(word));
        format!(
            "[next_hop.{:?}]\n",
            name.map_or("a.example", |n| n.as_str())
        )
    }

    /// A file that sets the key alone, with what it cannot be without.
    fn file(&self, value: &str, word: Option<&str>) -> String {
        let more = self.needs.join("\n");
        format!("{}{} = {value}\n{more}\n", self.heading(word), self.name)
    }
}

/// What the parser says it would have taken instead of a key that there is none of.
fn known_in(heading: &str) -> BTreeSet<String> {
    let error = parse(&format!("{heading}no_such_key = 1\n")).unwrap_err();
    let quoted = error.what.split('`').skip(1).step_by(2);
    let mut known: BTreeSet<String> = quoted.map(str::to_owned).collect();
    assert!(known.remove("no_such_key"), "{error}");
    known
}

#[test]
fn each_key_that_is_read_is_told_of_and_no_other() {
    let Keys { table, key } = keys();
    let tables: BTreeSet<String> = table
        .iter()
        .map(|t| t.name.split('.').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(known_in(""), tables);
    for table in &tables {
        let of_table: Vec<&Key> = key.iter().filter(|k| k.table == *table).collect();
        let names: BTreeSet<String> = of_table.iter().map(|k| k.name.clone()).collect();
        assert_eq!(names.len(), of_table.len(), "[{table}] has a key twice");
        let heading = of_table.first().unwrap().heading(None);
        assert_eq!(known_in(&heading), names, "[{table}]");
    }
    assert!(key.iter().all(|k| tables.contains(&k.table)));
    let told = table.iter().map(|t| &t.about);
    for about in told.chain(key.iter().map(|k| &k.about)) {
        assert!(about.ends_with('.'), "{about:?} is no sentence");
    }
}

#[test]
fn the_defaults_are_those_that_are_told() {
    let mut file = String::new();
    let mut table = String::new();
    for key in keys().key {
        if key.table != table {
            table.clone_from(&key.table);
            file += &key.heading(None);
        }
        writeln!(file, "{} = {}", key.name, key.default).unwrap();
    }
    let (set, unset) = (parse(&file).unwrap(), parse("").unwrap());
    assert_eq!(set.receiving, unset.receiving);
    assert_eq!(set.sending, unset.sending);
    assert_eq!(set.dns, unset.dns);
    assert_eq!(set.sts, unset.sts);
    assert_eq!(set.cache, unset.cache);
    assert_eq!(set.lmtp, unset.lmtp);
    let listener = LmtpListener::at(Endpoint::Tcp("127.0.0.1:2424".parse().unwrap()));
    assert_eq!(set.lmtp_listeners, [listener]);
    let rule = |text: &str| {
        let text = text.replace("port = 25\n", "");
        let config = parse(&text).unwrap();
        let next_hop = requiretls_core::next_hop::NextHop::parse("a.example").unwrap();
        config.rules.look_up(&next_hop).unwrap().clone()
    };
    assert_eq!(rule(&file), rule("[next_hop.\"a.example\"]\n"));
    // A port of 25 that is set is a port that is set: what it is without that is the caller's.
    assert!(file.contains("port = 25\n"));
}

#[test]
fn the_words_are_those_that_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let anchor = ". 3600 IN DNSKEY 257 3 13 \
                  mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";
    std::fs::write(directory.path().join("anchor.key"), anchor).unwrap();
    for key in keys().key {
        let list = key.kind == "words";
        assert_eq!(
            key.words.is_empty(),
            !list && key.kind != "word",
            "{}",
            key.name
        );
        let written = |word: &str| {
            let text = format!("{word:?}");
            if list { format!("[{text}]") } else { text }
        };
        for (word, about) in &key.words {
            assert!(!about.is_empty() && !about.ends_with('.'), "{about:?}");
            let file = key.file(&written(word), Some(word));
            let file = without_what_others_need(&file, word);
            if let Err(error) = parse_in(directory.path(), &file) {
                panic!("{} = {word:?}: {error}\n{file}", key.name);
            }
        }
        if let Some((first, _)) = key.words.first() {
            let other = key.file(&written(&format!("{first}x")), None);
            let error = parse_in(directory.path(), &other).unwrap_err().what;
            for (word, _) in &key.words {
                assert!(error.contains(word.as_str()), "{}: {error}", key.name);
            }
            let named = error.matches('`').count() / 2;
            assert!(
                named == 0 || named == key.words.len() + 1,
                "{}: {error}",
                key.name
            );
        }
        let nonsense = match key.kind.as_str() {
            "boolean" | "number" => "\"x\"",
            "word" | "text" => "1",
            "words" | "texts" => "\"x\"",
            other => panic!("{}: no kind {other:?}", key.name),
        };
        let file = key.file(nonsense, None);
        assert!(
            parse_in(directory.path(), &file).is_err(),
            "{} = {nonsense}",
            key.name
        );
    }
}

#[test]
fn the_example_of_the_manual_page_can_be_read() {
    let config = parse(include_str!("example.toml")).unwrap();
    let relayed = requiretls_core::next_hop::NextHop::parse("any.example").unwrap();
    assert!(config.rules.look_up(&relayed).unwrap().smarthost.is_some());
}

/// A method without its names is an error, and so are names without their method.
fn without_what_others_need(file: &str, word: &str) -> String {
    let needed = |line: &&str| match line.split(' ').next() {
        Some("pkix_names") => word == "pkix",
        Some("pins") => word == "pin",
        _ => true,
    };
    file.lines().filter(needed).collect::<Vec<_>>().join("\n")
}
