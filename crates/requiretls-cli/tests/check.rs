//! `requiretls check`, run as a program in the world that `requiretls demo --keep` leaves running.

#![cfg(feature = "demo")]
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_requiretls");

/// A world in another process, which ends with its standard input.
struct World {
    process: Child,
    stdin: Option<ChildStdin>,
    config: String,
}

impl World {
    fn start() -> Self {
        let mut process = Command::new(PROGRAM)
            .args(["demo", "--keep", "--filter", "in-requiretls"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let stdin = process.stdin.take();
        let stderr = process.stderr.take().expect("a pipe");
        let told: Vec<String> = BufReader::new(stderr)
            .lines()
            .map(|line| line.expect("UTF-8"))
            .take_while(|line| !line.contains("Enter ends it"))
            .collect();
        let config = told
            .iter()
            .find_map(|line| Some(line.split_once("--config ")?.1.to_owned()))
            .expect("how to use it");
        Self {
            process,
            stdin,
            config,
        }
    }

    fn check(&self, args: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(["check", "--port", "2525", "--config", &self.config])
            .args(args)
            .output()
            .expect("the program runs")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// Addresses and digests are others in each world, and so is the width of a column of addresses.
fn told(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let lines = text.lines().map(|line| {
        let words = line.split(' ').map(|word| {
            if word.starts_with("127.") {
                "ADDRESS"
            } else if word.ends_with("...") {
                "DIGEST"
            } else {
                word
            }
        });
        let line = words.collect::<Vec<_>>().join(" ");
        match line.split_once("ADDRESS  ") {
            Some((before, after)) => format!("{before}ADDRESS  {}", after.trim_start()),
            None => line,
        }
    });
    lines.map(|line| line + "\n").collect()
}

const DANE: &str = "\
dane-ee.test, port 2525, a message that asks for nothing

name servers; DNSSEC validated here, from our own trust anchor
  ADDRESS  fit        it validates [just now, holds 10 min]

the way to the hosts
  MX                  signed     mx.dane-ee.test (10) [holds 5 min]
  TXT _mta-sts        signed     none: there is no such name [holds 5 min]

host mx.dane-ee.test
  A                   signed     ADDRESS [holds 5 min]
  AAAA                signed     none [holds 5 min]
  TLSA _2525._tcp     signed     3 1 1 DIGEST [holds 5 min]
  must prove          secure     TLS, by DANE
  secure: the way     yes        its MX record is signed
  secure: the host    yes        by its TLSA records

may go, as far as is known before connecting; that holds for 5 min
";

const UNSIGNED: &str = "\
unsigned.test, port 2525, a message with tag 1.secure.onward (R)

name servers; DNSSEC validated here, from our own trust anchor
  ADDRESS  fit        it validates [just now, holds 10 min]

the way to the hosts
  MX                  unsigned   mx.unsigned.test (10) [holds 5 min]
  TXT _mta-sts        unsigned   none: there is no such name [holds 5 min]

host mx.unsigned.test
  A                   unsigned   ADDRESS [holds 5 min]
  AAAA                unsigned   none [holds 5 min]
  TLSA _2525._tcp     not asked  no address is signed, so no TLSA record would count (RFC 7672 2.2.2)
  must prove          secure     TLS, by a certificate from a known authority
  secure: the way     missing    its MX record is not signed, and there is no MTA-STS policy
  secure: the host    yes        if its certificate is valid and for mx.unsigned.test

would be returned: 550 5.7.10 unsigned.test: nothing vouches for its MX records: neither DNSSEC nor MTA-STS (required by the sender)
";

const STS: &str = "\
sts-enforce.test, port 2525, a message with tag 1.secure.onward (R)

name servers; DNSSEC validated here, from our own trust anchor
  ADDRESS  fit        it validates [just now, holds 10 min]

the way to the hosts
  MX                  unsigned   mx.sts-enforce.test (10) [holds 5 min]
  TXT _mta-sts        unsigned   v=STSv1; id=1; [holds 5 min]
  policy served       HTTPS      mode enforce, mx mx.sts-enforce.test [from https://mta-sts.sts-enforce.test, holds 7 days]

host mx.sts-enforce.test
  A                   unsigned   ADDRESS [holds 5 min]
  AAAA                unsigned   none [holds 5 min]
  TLSA _2525._tcp     not asked  no address is signed, so no TLSA record would count (RFC 7672 2.2.2)
  must prove          secure     TLS, by a certificate from a known authority
  secure: the way     yes        its MX record is not signed, but the MTA-STS policy names it
  secure: the host    yes        if its certificate is valid and for mx.sts-enforce.test

may go, as far as is known before connecting; that holds for 5 min
";

const MISMATCH: &str = "\
sts-other-host.test, port 2525, a message that asks for nothing

name servers; DNSSEC validated here, from our own trust anchor
  ADDRESS  fit        it validates [just now, holds 10 min]

the way to the hosts
  MX                  unsigned   mx.sts-other-host.test (10) [holds 5 min]
  TXT _mta-sts        unsigned   v=STSv1; id=1; [holds 5 min]
  policy served       HTTPS      mode enforce, mx elsewhere.test [from https://mta-sts.sts-other-host.test, holds 7 days]

host mx.sts-other-host.test
  A                   unsigned   ADDRESS [holds 5 min]
  AAAA                unsigned   none [holds 5 min]
  TLSA _2525._tcp     not asked  no address is signed, so no TLSA record would count (RFC 7672 2.2.2)
  must prove          refused    mx.sts-other-host.test: the MTA-STS policy of its domain does not name it (required by the recipient)
  secure: the way     missing    its MX record is not signed, and the MTA-STS policy names other hosts
  secure: the host    yes        if its certificate is valid and for mx.sts-other-host.test

would wait: 451 4.7.5 mx.sts-other-host.test: the MTA-STS policy of its domain does not name it (required by the recipient)
";

const NXDOMAIN: &str = "\
no-such-domain.test, port 2525, a message that asks for nothing

name servers; DNSSEC validated here, from our own trust anchor
  ADDRESS  fit        it validates [just now, holds 10 min]

the way to the hosts
  MX                  signed     there is no such domain [holds 5 min]

would be returned: 550 5.1.2 no-such-domain.test: there is no such domain
";

#[test]
fn golden_plans() {
    let world = World::start();
    let r = ["--tag", "1.secure.onward"];
    let rows: [(&str, &[&str], &str, i32); 5] = [
        ("dane-ee.test", &[], DANE, 0),
        ("unsigned.test", &r, UNSIGNED, 69),
        ("sts-enforce.test", &r, STS, 0),
        ("sts-other-host.test", &[], MISMATCH, 75),
        ("no-such-domain.test", &[], NXDOMAIN, 69),
    ];
    for (domain, args, expected, code) in rows {
        let output = world.check(&[&[domain], args].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told(&output), expected, "{domain}: {errors}");
        assert_eq!(output.status.code(), Some(code), "{domain}");
    }
    // What decides stands in single lines.
    #[rustfmt::skip]
    let lines: [(&str, &[&str], &str, i32); 12] = [
        ("signature-altered.test", &[], "  MX                  failed     DNSSEC validation failed", 75),
        ("tlsa-servfail.test", &[], "  TLSA _2525._tcp     failed     SERVFAIL", 75),
        ("tlsa-servfail.test", &[], "  secure: the host    missing    lookup of TLSA _2525._tcp.mx.tlsa-servfail.test: SERVFAIL", 75),
        ("dane-unusable.test", &[], "  must prove          encrypt    TLS, with any certificate", 0),
        ("dane-unusable.test", &[], "(unusable: certificate usage is not DANE-TA or DANE-EE)", 0),
        ("null-mx.test", &[], "would be returned: 556 5.1.10 null-mx.test: it takes no mail (null MX)", 69),
        ("sts-404.test", &["--tag", "R"], "missing    its MX record is not signed, and the MTA-STS policy could not be had", 75),
        ("sts-404.test", &[], "  policy served       failed     HTTP 404", 0),
        ("cert-implicit.test", &["--tag", "R"], "  secure: the way     yes        the domain is the host", 0),
        ("unsigned.test", &["--tag", "1.no"], "  must prove          may        nothing: TLS where it is offered", 0),
        ("smart-host.test", &["--tag", "R"], "  secure: the way     yes        the site names the host", 0),
        ("[192.0.2.1]", &[], "  hosts               site       the next hop is an address: nothing is looked up", 0),
    ];
    for (domain, args, expected, code) in lines {
        let output = world.check(&[&[domain], args].concat());
        let text = told(&output);
        assert!(text.contains(expected), "{domain}: {text}");
        assert_eq!(output.status.code(), Some(code), "{domain}");
    }
}

#[test]
fn for_programs() {
    let world = World::start();
    let output = world.check(&["sts-other-host.test", "--json"]);
    assert_eq!(output.status.code(), Some(75));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["answer"]["action"], "defer");
    assert_eq!(told["answer"]["enhanced"], "4.7.5");
    assert_eq!(told["answer"]["who"], "recipient");
    assert_eq!(told["hosts"][0]["secure"]["missing"], "the way");
    assert_eq!(told["way"][0]["status"], "unsigned");

    let output = world.check(&["dane-ee.test", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let facts = told["hosts"][0]["facts"].as_array().expect("facts");
    let tlsa = facts.last().expect("TLSA")["found"]
        .as_str()
        .expect("records");
    assert_eq!(tlsa.len(), "3 1 1 ".len() + 64, "the whole digest: {tlsa}");
    assert_eq!(told["hosts"][0]["secure"]["missing"], "nothing");
    // Each record set has its own status, its name server, and for how long it may be used.
    let server = &told["servers"][0]["what"];
    for fact in facts.iter().chain(told["way"].as_array().expect("facts")) {
        assert_eq!(fact["status"], "signed", "{fact}");
        assert_eq!(fact["from"], *server, "{fact}");
        let holds = fact["holds"].as_u64().expect("seconds");
        assert!((1..=3_600).contains(&holds), "{fact}");
    }
}

/// The line of the file that names a smart host.
#[test]
fn what_the_site_says_is_told_with_its_line() {
    let world = World::start();
    let file = std::fs::read_to_string(&world.config).expect("a file");
    let line = file.lines().position(|line| line.contains("smarthost"));
    let place = format!(
        "[from {}, line {}]",
        world.config,
        line.expect("a rule") + 1
    );
    let text = told(&world.check(&["smart-host.test"]));
    let found = text
        .lines()
        .any(|line| line.starts_with("  hosts ") && line.ends_with(&place));
    assert!(found, "no {place} in {text}");
}

/// What the program writes to a terminal of this width.
fn on_terminal(world: &World, width: usize, args: &str) -> Vec<String> {
    let config = &world.config;
    let command = format!(
        "stty cols {width} rows 24; exec {PROGRAM} check --port 2525 --config {config} {args}"
    );
    let output = Command::new("script")
        .args(["-qc", &command, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("script runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// On a terminal nothing is wider than it is, nothing is lost, and the columns stand.
#[test]
fn on_terminals_of_80_and_120_columns() {
    let world = World::start();
    let words = |lines: &[String]| -> Vec<String> {
        let words = lines.iter().flat_map(|line| line.split_whitespace());
        words.map(str::to_owned).collect()
    };
    for args in [
        "dane-ee.test",
        "sts-other-host.test",
        "unsigned.test --tag R",
    ] {
        let whole = on_terminal(&world, 1_000, args);
        for width in [80, 120] {
            let lines = on_terminal(&world, width, args);
            let widest = lines.iter().max_by_key(|line| line.len()).expect("lines");
            assert!(widest.len() <= width, "{args}: {widest}");
            assert_eq!(words(&lines), words(&whole), "{args}, {width}");
            if width == 80 && args != "dane-ee.test" {
                let under = " ".repeat(33);
                let hangs = lines.iter().any(|line| line.starts_with(&under));
                assert!(hangs, "{args}, {width}: {lines:#?}");
            }
        }
    }
}

#[test]
fn how_else_it_ends() {
    let directory = tempfile::tempdir().expect("a directory");
    // A name server that answers nothing.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let server = silent.local_addr().expect("an address");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path.to_str().expect("UTF-8").to_owned()
    };
    let mute = file("mute.conf", &format!("[dns]\nservers = [\"{server}\"]\n"));
    let wrong = file("wrong.conf", "[dns]\nserver = 1\n");
    let rows: [(&str, &[&str], i32, &str); 5] = [
        ("no domain", &[], 64, "DOMAIN"),
        ("no name", &["a..b"], 64, "a..b"),
        ("no tag", &["a.test", "--tag", "2.x"], 64, "2.x"),
        ("unreadable", &["a.test", "--config", &wrong], 78, "line 2"),
        (
            "silence",
            &["a.test", "--timeout", "1", "--config", &mute],
            2,
            "",
        ),
    ];
    for (label, args, code, error) in rows {
        let output = Command::new(PROGRAM)
            .arg("check")
            .args(args)
            .output()
            .expect("the program runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{label}: {errors}");
        assert!(errors.contains(error), "{label}: {errors}");
    }
}
