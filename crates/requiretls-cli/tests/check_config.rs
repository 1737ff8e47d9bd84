//! `requiretls check-config`, run as a program.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_requiretls");

const CONFIG: &str = r#"[sending]
site_policy = "rules"
insecure_mx_dane = "encrypt"

[next_hop."*"]
floor = "encrypt"
smarthost = "relay.example"
port = 587

[next_hop.".partner.example"]
floor = "secure"
methods = ["pin"]
pins = ["00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]

[next_hop."Mail.Partner.example."]
hop = "off"
discovery = "off"
"#;

const RULES: &str = r#"[next_hop."192.0.2.256"]
floor = "secure"
[next_hop."unix:/run/lmtp"]
hop = "local carry"
port = 24
[next_hop."bücher.example"]
floor = "encrypt"
smarthost = "relay.example"
port = 587
"#;

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new(config: &str, rules: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("writable");
        };
        write("requiretls.conf", config);
        write("rules", rules);
        Self { directory }
    }

    fn check(&self, args: &[&str]) -> Output {
        check(self.directory.path(), "requiretls.conf", args)
    }
}

fn check(directory: &Path, config: &str, args: &[&str]) -> Output {
    Command::new(PROGRAM)
        .current_dir(directory)
        .args(["check-config", "--config", config])
        .args(args)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

const TOLD: &str = "\
read requiretls.conf
read rules
6 rules

mail.partner.example: next_hop \"mail.partner.example\" at requiretls.conf, line 15, the rule for exactly this
  floor         may      default
  methods       none     default
  pkix_names    none     default
  pins          none     default
  ca_file       none     default
  hop           off      set at requiretls.conf, line 16
  discovery     off      set at requiretls.conf, line 17
  peer_dialect  rfc8689  default
  smarthost     none     default
  port          25       default

note: requiretls.conf, line 10: next_hop \".partner.example\": a rule is one whole table: it does not take smarthost, port from the one that it overrides: next_hop \"*\" at requiretls.conf, line 5
note: requiretls.conf, line 15: next_hop \"mail.partner.example\": a rule is one whole table: it does not take methods from the one that it overrides: next_hop \".partner.example\" at requiretls.conf, line 10
note: rules, line 5: next_hop \"unix:/run/lmtp\", port: a socket has none
note: rules, line 6: next_hop \"xn--bcher-kva.example\": it changes nothing: the same holds without it: next_hop \"*\" at requiretls.conf, line 5
";

const WARNED: &str = "\
requiretls: warning: requiretls.conf, line 3: sending.insecure_mx_dane: the TLSA records of hosts that an unsigned MX record names are not obeyed
requiretls: warning: requiretls.conf, line 15: next_hop \"mail.partner.example\", floor: the floor is may; without this rule it would be secure: next_hop \".partner.example\" at requiretls.conf, line 10
requiretls: warning: requiretls.conf, line 16: next_hop \"mail.partner.example\", hop: a tag ends here: it demands nothing, and is not passed on
requiretls: warning: requiretls.conf, line 17: next_hop \"mail.partner.example\", discovery: DANE and MTA-STS are not obeyed
requiretls: warning: rules, line 1: next_hop \"192.0.2.256\": no domain name ends in a number, and an address it is not
";

#[test]
fn everything_is_told_with_file_and_line() {
    let output = Site::new(CONFIG, RULES).check(&["--for", "mail.PARTNER.example"]);
    assert_eq!(text(&output.stdout), TOLD);
    assert_eq!(text(&output.stderr), WARNED);
    assert_eq!(output.status.code(), Some(0), "warnings do not refuse");
}

/// P12, P13, and the forms that `rtls_plan_new` takes.
#[test]
fn the_rule_that_wins() {
    let site = Site::new(CONFIG, RULES);
    #[rustfmt::skip]
    let table = [
        ("exact",            "mail.partner.example.",   "exact",  Some("mail.partner.example"), "hop",   "off",           "set",     Some(16)),
        ("U-label",          "B\u{dc}CHER.example",     "exact",  Some("xn--bcher-kva.example"), "port", "587",           "set",     Some(9)),
        ("A-label",          "xn--bcher-kva.example",   "exact",  Some("xn--bcher-kva.example"), "hop",  "enforce",       "default", None),
        ("parent",           "a.b.partner.example",     "parent", Some(".partner.example"),     "floor", "secure",        "set",     Some(11)),
        ("not inherited",    "a.b.partner.example",     "parent", Some(".partner.example"),     "port",  "25",            "default", None),
        ("not its own parent", "partner.example",       "any",    Some("*"),                    "floor", "encrypt",       "set",     Some(6)),
        ("any",              "192.0.2.1",               "any",    Some("*"),                    "smarthost", "relay.example", "set", Some(7)),
        ("any, port",        "a.example",               "any",    Some("*"),                    "port",  "587",           "set",     Some(8)),
        ("given port",       "a.example:2525",          "any",    Some("*"),                    "port",  "2525",          "given",   None),
        ("IPv6 and port",    "[IPv6:2001:db8::1]:24",   "any",    Some("*"),                    "port",  "24",            "given",   None),
        ("IPv6",             "2001:db8::1",             "any",    Some("*"),                    "port",  "587",           "set",     Some(8)),
        ("socket",           "unix:/run/lmtp",          "exact",  Some("unix:/run/lmtp"),       "hop",   "local carry",   "set",     Some(4)),
        ("P12: preset",      "unix:/run/other:24",      "preset", None,                         "hop",   "opportunistic", "preset",  None),
        ("P1: floor of any", "[127.0.0.1]",             "preset", None,                         "floor", "encrypt",       "set",     Some(6)),
        ("not the port",     "::1",                     "preset", None,                         "port",  "25",            "default", None),
    ];
    for (label, next_hop, why, rule, setting, value, from, line) in table {
        let output = site.check(&["--json", "--for", next_hop]);
        assert_eq!(output.status.code(), Some(0), "{label}");
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let told = &told["for"];
        assert_eq!(told["why"], why, "{label}");
        assert_eq!(told["rule"]["key"].as_str(), rule, "{label}");
        let settings = told["settings"].as_array().expect("a list");
        let found = settings.iter().find(|found| found["name"] == setting);
        let found = found.expect("every setting");
        assert_eq!(found["value"], value, "{label}");
        assert_eq!(found["from"], from, "{label}");
        assert_eq!(found["line"].as_u64(), line, "{label}");
    }
}

#[test]
fn for_programs() {
    let output = Site::new(CONFIG, RULES).check(&["--json"]);
    assert_eq!(text(&output.stderr), "", "the warnings are in the object");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        told["files"],
        serde_json::json!(["requiretls.conf", "rules"])
    );
    assert_eq!(told["rules"], 6);
    assert_eq!(told.get("for"), None, "nothing was asked");
    let remarks = told["remarks"].as_array().expect("a list");
    assert_eq!(remarks.len(), 9);
    let lowers = remarks.iter().find(|told| told["kind"] == "lowers-floor");
    let lowers = lowers.expect("it does");
    assert_eq!(lowers["warning"], true);
    assert_eq!(lowers["rule"], "mail.partner.example");
    assert_eq!(
        (&lowers["file"], &lowers["line"]),
        (&"requiretls.conf".into(), &15.into())
    );
    assert_eq!(
        (&lowers["other"]["key"], &lowers["other"]["line"]),
        (&".partner.example".into(), &10.into())
    );
}

#[test]
fn how_it_ends() {
    let plain = "[next_hop.\"a.example\"]\nfloor = \"secure\"\n";
    let redundant = "[next_hop.\"a.example\"]\nfloor = \"may\"\n";
    let weak = "[cache]\ndirectory = \"\"\n";
    #[rustfmt::skip]
    let table: [(&str, &str, &[&str], i32, &str); 10] = [
        ("good",                  plain,                 &["--strict"],          0,  ""),
        ("a note is no warning",  redundant,             &["--strict"],          0,  ""),
        ("a warning",             weak,                  &[],                    0,  "line 2: cache.directory"),
        ("a warning, strictly",   weak,                  &["--strict"],          1,  "line 2: cache.directory"),
        ("unknown key",           "\n[dns]\nserver = 1", &[],                    78, "requiretls.conf, line 3: unknown field `server`"),
        ("a second rule",         "[next_hop.\"a\"]\n[next_hop.\"A.\"]", &[],    78, "requiretls.conf, line 2: "),
        ("no such file",          "[sending]\nsite_policy = \"none\"", &[],      78, "requiretls.conf, line 2: none"),
        ("no next hop",           plain,                 &["--for", "a..b"],     64, "a..b"),
        ("no port",               plain,                 &["--for", "a.b:0"],    64, "a.b:0"),
        ("no number",             plain,                 &["--for", "a.b:+25"],  64, "a.b:+25"),
    ];
    for (label, config, args, code, error) in table {
        let output = Site::new(config, "").check(args);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{label}: {errors}");
        assert!(errors.contains(error), "{label}: {errors}");
        assert_eq!(errors.is_empty(), error.is_empty(), "{label}: {errors}");
    }
    let site = Site::new("[sts]\nport = 0\n", "");
    let output = site.check(&["--json"]);
    assert_eq!(output.status.code(), Some(78));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&told["error"]["file"], &told["error"]["line"]),
        (&"requiretls.conf".into(), &2.into())
    );
    let missing = check(site.directory.path(), "missing.conf", &[]);
    assert_eq!(missing.status.code(), Some(78));
    assert!(text(&missing.stderr).contains("missing.conf"));
}

/// Many rules, none of which is remarked on: the review itself does not take the square of them.
#[test]
fn many_rules_are_reviewed() {
    let mut rules = String::new();
    for n in 0..10_000 {
        let rule = format!("floor = \"secure\"\nsmarthost = \"r{n}.example\"");
        writeln!(rules, "[next_hop.\"partner{n}.example\"]\n{rule}").expect("memory");
    }
    let output = Site::new("[sending]\nsite_policy = \"rules\"\n", &rules).check(&[]);
    assert_eq!(
        text(&output.stdout),
        "read requiretls.conf\nread rules\n10000 rules\n"
    );
    assert_eq!(output.status.code(), Some(0));
}
