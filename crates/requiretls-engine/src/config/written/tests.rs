use crate::config::{Config, Place, Written};
use requiretls_core::site_policy::Key;
use std::path::Path;
use std::sync::Arc;

fn load(text: &str, rules: &str) -> (Written, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("requiretls.conf");
    std::fs::write(&path, text).unwrap();
    std::fs::write(dir.path().join("rules"), rules).unwrap();
    (Config::load_written(Some(&path)).unwrap().1, dir)
}

#[test]
fn every_rule_and_setting_has_its_line() {
    let (written, dir) = load(
        "[sending]\nsite_policy = \"rules\"\n\n[next_hop.\"B\u{fc}cher.example.\"]\nfloor = \"may\"\n\
         methods = [\n  \"dane\",\n]\nhop = \"off\"\n",
        "next_hop.\"*\".port = 587\n[next_hop.\".example\"]\n# nothing\n\n[next_hop.'unix:/run/s']\nhop='local'\n",
    );
    let main = Arc::from(dir.path().join("requiretls.conf"));
    let further = Arc::from(dir.path().join("rules"));
    assert_eq!(
        written.files(),
        [Arc::clone(&main), Arc::clone(&further)].map(|f: Arc<Path>| f.to_path_buf())
    );
    assert_eq!(written.rule_count(), 4);
    #[rustfmt::skip]
    let table = [
        ("the rule",            "xn--bcher-kva.example", "",         Some((&main, 4))),
        ("a setting",           "xn--bcher-kva.example", "floor",    Some((&main, 5))),
        ("of several lines",    "xn--bcher-kva.example", "methods",  Some((&main, 6))),
        ("the one behind it",   "xn--bcher-kva.example", "hop",      Some((&main, 9))),
        ("not set",             "xn--bcher-kva.example", "port",     None),
        ("dotted",              "*",                     "port",     Some((&further, 1))),
        ("dotted, the rule",    "*",                     "",         Some((&further, 1))),
        ("without settings",    ".example",              "",         Some((&further, 2))),
        ("a socket",            "unix:/run/s",           "hop",      Some((&further, 6))),
        ("no such rule",        "a.example",             "",         None),
    ];
    for (label, key, setting, expected) in table {
        let rule = written.rule(&Key::parse(key).unwrap());
        let found = match setting {
            "" => rule.map(super::WrittenRule::place),
            name => rule.and_then(|rule| rule.setting(name)),
        };
        let expected = expected.map(|(file, line)| Place {
            file: Arc::clone(file),
            line,
        });
        assert_eq!(found, expected.as_ref(), "{label}");
    }
    let line = written.setting("sending", "site_policy").map(|at| at.line);
    assert_eq!(line, Some(2));
    assert_eq!(written.setting("sending", "own_names"), None);
}

#[test]
fn the_meaning_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("requiretls.conf");
    for text in ["[sts]\nport = 8443\n", "[sts]\nport = 0\n"] {
        std::fs::write(&path, text).unwrap();
        let plain = Config::load(Some(&path)).map(|config| config.sts);
        let written = Config::load_written(Some(&path)).map(|(config, _)| config.sts);
        assert_eq!(plain, written, "{text}");
    }
}
