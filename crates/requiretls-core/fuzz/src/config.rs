//! Does a configuration file mean the rules that are written in it?
//!
//! The input is the file. What TOML says by itself is searched linearly for every key; an error
//! must name a line of the file. Files that name others are left alone: nothing is opened here.

#[path = "naive_rules.rs"]
mod naive_rules;

use naive_rules::{Written, assert_found, key_text};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::HopMode;
use requiretls_core::tls_level::TlsLevel;
use requiretls_engine::config::Config;
use std::path::Path;

/// What would be opened, in any spelling that TOML has for it: an escape needs a backslash.
const NAMES_A_FILE: [&str; 4] = ["ca_file", "site_policy", "trust_anchor", "\\"];

/// A configuration file.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if NAMES_A_FILE.iter().any(|named| text.contains(named)) {
        return;
    }
    match Config::parse(data, Path::new("requiretls.conf")) {
        Ok(config) => {
            let file: toml::Table = text.parse().expect("not TOML");
            let written = written(&file);
            for rule in &written {
                for next_hop in [rule.key.clone(), format!("a.b{}", rule.key)] {
                    if let Ok(next_hop) = NextHop::parse(&next_hop) {
                        assert_found(&config.rules, &written, &next_hop);
                    }
                }
            }
            for next_hop in ["elsewhere.test", "127.0.0.1", "unix:/run/s"] {
                let next_hop = NextHop::parse(next_hop).unwrap();
                assert_found(&config.rules, &written, &next_hop);
            }
            assert_settings(&config, &file);
        }
        Err(error) => {
            let lines = data.split(|b| *b == b'\n').count();
            let line = error.line.expect("an error without a line");
            assert!((1..=lines).contains(&line), "{error}");
            assert!(!error.what.is_empty());
            assert!(!error.what.contains('\n'), "{error}");
        }
    }
}

/// The rules by their keys, each key once.
fn written(file: &toml::Table) -> Vec<Written> {
    let tables = file.get("next_hop").and_then(toml::Value::as_table);
    let mut written: Vec<Written> = Vec::new();
    for (key, rule) in tables.into_iter().flatten() {
        let key = key_text(key).expect("a key that is none");
        assert!(written.iter().all(|other| other.key != key), "{key} twice");
        let word = |name: &str| rule.get(name).and_then(toml::Value::as_str);
        let hop = match word("hop") {
            None | Some("enforce") => HopMode::Enforce,
            Some("encrypt") => HopMode::Encrypt,
            Some("opportunistic") => HopMode::Opportunistic,
            Some("off") => HopMode::Off,
            Some("local") => HopMode::Local,
            Some("local carry") => HopMode::LocalCarry,
            Some(other) => panic!("hop {other}"),
        };
        let floor = match word("floor") {
            None | Some("may") => TlsLevel::May,
            Some("encrypt") => TlsLevel::Encrypt,
            Some("secure") => TlsLevel::Secure,
            Some(other) => panic!("floor {other}"),
        };
        let port = rule.get("port").and_then(toml::Value::as_integer);
        let port = port.map(|port| u16::try_from(port).unwrap());
        assert_ne!(port, Some(0));
        written.push(Written {
            key,
            rule: Some((hop, floor, port)),
        });
    }
    written
}

/// What decides beside the rules is as it is written, and nothing is read over.
fn assert_settings(config: &Config, file: &toml::Table) {
    let table = |name: &str| file.get(name).and_then(toml::Value::as_table);
    let sending = table("sending");
    let floor = sending.and_then(|t| t.get("null_path_floor")?.as_str());
    let settings = config.sending.settings;
    assert_eq!(
        settings.null_path_floor.as_str(),
        floor.unwrap_or("encrypt")
    );
    let advertise = table("receiving").and_then(|t| t.get("advertise")?.as_bool());
    assert_eq!(config.receiving.advertise, advertise.unwrap_or(true));
    let known = ["receiving", "sending", "next_hop", "dns", "sts", "cache"];
    assert!(file.keys().all(|key| known.contains(&key.as_str())));
}
