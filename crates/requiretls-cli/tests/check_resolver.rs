//! `requiretls check-resolver`, run as a program against name servers on the loopback.

#![cfg(feature = "demo")]
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, WireFault, Zone};
use serde_json::Value;
use std::process::{Command, Output};

struct World {
    dns: DnsWorld,
    directory: tempfile::TempDir,
    _block: Block,
}

impl World {
    fn start() -> Self {
        let block = Block::claim().expect("addresses");
        let zone = |name: &str| Zone::from_text(name, "@ A 192.0.2.1\n").expect("a zone");
        let zones = vec![
            zone("test"),
            zone("u.test").unsigned(),
            zone("b.test").expired(),
        ];
        let dns = DnsWorld::start(DnsWorldSpec {
            zones,
            addresses: vec![(block.address(2), 0).into()],
            ..DnsWorldSpec::default()
        });
        Self {
            dns: dns.expect("a name server"),
            directory: tempfile::tempdir().expect("a directory"),
            _block: block,
        }
    }

    fn check(&self, settings: &str, further: &str, args: &[&str]) -> Output {
        let anchor = self.directory.path().join("root.key");
        std::fs::write(anchor, self.dns.trust_anchor()).expect("writable");
        let server = self.dns.address();
        let text = format!(
            "cache.directory = \"\"\n[dns]\nservers = [\"{server}\"{further}]\n{settings}\n\
             trust_anchor = \"root.key\"\nprobe_signed = [\".\", \"test\"]\n\
             probe_unsigned = [\"u.test\"]\nprobe_bogus = [\"b.test\"]"
        );
        let config = self.directory.path().join("x.conf");
        std::fs::write(&config, text).expect("writable");
        Command::new(env!("CARGO_BIN_EXE_requiretls"))
            .args(["check-resolver", "--timeout", "2", "--config"])
            .arg(config)
            .args(args)
            .output()
            .expect("the program runs")
    }
}

/// Label, mode, further servers, faults, exit status, words.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    Vec<WireFault>,
    i32,
    &'static str,
);

#[test]
fn what_each_resolver_is_good_for() {
    use WireFault::{ClearAd, Drop, StripSignatures};
    let (ad, validate) = ("mode = \"ad\"", "mode = \"validate\"");
    #[rustfmt::skip]
    let table: Vec<Row> = vec![
        ("validates",                ad,       "",                 vec![],                         0, ": it validates\n"),
        ("no mode",                  "",       "",                 vec![],                         0, "mode auto\n"),
        ("no AD",                    ad,       "",                 vec![ClearAd],                  1, "does not validate, but passes"),
        ("no AD, in validate",       validate, "",                 vec![ClearAd],                  0, "does not validate, but passes"),
        ("field report 22",          validate, "",                 vec![ClearAd, StripSignatures], 1, "strips signatures"),
        ("silence",                  ad,       "",                 vec![Drop],                     2, "it answers nothing"),
        ("one is elsewhere, auto",   "",       ", \"192.0.2.53\"", vec![],                         1, "is not trusted"),
        ("one is elsewhere, ad",     ad,       ", \"192.0.2.53\"", vec![],                         0, ": it validates\n"),
    ];
    for (label, settings, further, faults, code, words) in table {
        let world = World::start();
        for fault in faults {
            world.dns.faults().everywhere(fault);
        }
        let output = world.check(settings, further, &[]);
        let (told, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert_eq!(output.status.code(), Some(code), "{label}: {told}{errors}");
        assert!(told.contains(words), "{label}: {told}{errors}");
    }
}

#[test]
fn for_programs() {
    let world = World::start();
    let output = world.check("", "", &["--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let server = &told["servers"][0];
    assert_eq!(told["trusted"], true);
    assert_eq!(server["address"], world.dns.address().to_string());
    let halves = [&server["ad"], &server["signatures"], &server["bogus"]];
    assert_eq!(halves, ["right", "passes", "held"]);
    assert_eq!(server["fit"], "yes");
}
