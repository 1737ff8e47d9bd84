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

/// Addresses and digests are others in each world.
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
        words.collect::<Vec<_>>().join(" ")
    });
    lines.map(|line| line + "\n").collect()
}

const DANE: &str = "\
dane-ee.test, port 2525, a message that asks for nothing
DNSSEC: validated here, from our own trust anchor

  MX dane-ee.test                  signed    1 host
  TXT _mta-sts.dane-ee.test        signed    none

  A, AAAA mx.dane-ee.test          signed    ADDRESS
  TLSA _2525._tcp.mx.dane-ee.test  signed    3 1 1 DIGEST
  must prove                       secure    TLS, by DANE
  secure: the way to it            yes       its MX record is signed
  secure: the host itself          yes       by its TLSA records

may go, as far as is known before connecting
";

const UNSIGNED: &str = "\
unsigned.test, port 2525, a message with tag 1.secure.onward (R)
DNSSEC: validated here, from our own trust anchor

  MX unsigned.test                  unsigned  1 host
  TXT _mta-sts.unsigned.test        unsigned  none

  A, AAAA mx.unsigned.test          unsigned  ADDRESS
  TLSA _2525._tcp.mx.unsigned.test  -         none that counts
  must prove                        secure    TLS, by a certificate from a known authority
  secure: the way to it             missing   its MX record is not signed, and there is no MTA-STS policy
  secure: the host itself           yes       if its certificate is valid and for mx.unsigned.test

would be returned: 550 5.7.10 unsigned.test: nothing vouches for its MX records: neither DNSSEC nor MTA-STS (required by the sender)
";

const STS: &str = "\
sts-enforce.test, port 2525, a message with tag 1.secure.onward (R)
DNSSEC: validated here, from our own trust anchor

  MX sts-enforce.test                  unsigned  1 host
  TXT _mta-sts.sts-enforce.test        unsigned  v=STSv1; id=1;
  https://mta-sts.sts-enforce.test     HTTPS     mode enforce, mx mx.sts-enforce.test

  A, AAAA mx.sts-enforce.test          unsigned  ADDRESS
  TLSA _2525._tcp.mx.sts-enforce.test  -         none that counts
  must prove                           secure    TLS, by a certificate from a known authority
  secure: the way to it                yes       its MX record is not signed, but the MTA-STS policy names it
  secure: the host itself              yes       if its certificate is valid and for mx.sts-enforce.test

may go, as far as is known before connecting
";

const MISMATCH: &str = "\
sts-other-host.test, port 2525, a message that asks for nothing
DNSSEC: validated here, from our own trust anchor

  MX sts-other-host.test                  unsigned  1 host
  TXT _mta-sts.sts-other-host.test        unsigned  v=STSv1; id=1;
  https://mta-sts.sts-other-host.test     HTTPS     mode enforce, mx elsewhere.test

  A, AAAA mx.sts-other-host.test          unsigned  ADDRESS
  TLSA _2525._tcp.mx.sts-other-host.test  -         none that counts
  must prove                              refused   mx.sts-other-host.test: the MTA-STS policy of its domain does not name it (required by the recipient)
  secure: the way to it                   missing   its MX record is not signed, and the MTA-STS policy names other hosts
  secure: the host itself                 yes       if its certificate is valid and for mx.sts-other-host.test

would wait: 451 4.7.5 mx.sts-other-host.test: the MTA-STS policy of its domain does not name it (required by the recipient)
";

const NXDOMAIN: &str = "\
no-such-domain.test, port 2525, a message that asks for nothing
DNSSEC: validated here, from our own trust anchor

  MX no-such-domain.test   signed    there is no such domain

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
    let lines: [(&str, &[&str], &str, i32); 8] = [
        ("signature-altered.test", &[], "MX signature-altered.test  failed    DNSSEC validation failed", 75),
        ("tlsa-servfail.test", &[], "secure: the host itself                missing   lookup of TLSA _2525._tcp.mx.tlsa-servfail.test: SERVFAIL", 75),
        ("dane-unusable.test", &[], "must prove                             encrypt   TLS, with any certificate", 0),
        ("null-mx.test", &[], "would be returned: 556 5.1.10 null-mx.test: it takes no mail (null MX)", 69),
        ("sts-404.test", &["--tag", "R"], "missing   its MX record is not signed, and the MTA-STS policy could not be had", 75),
        ("cert-implicit.test", &["--tag", "R"], "secure: the way to it               yes       the domain is the host", 0),
        ("unsigned.test", &["--tag", "1.no"], "must prove                        may       nothing: TLS where it is offered", 0),
        ("smart-host.test", &["--tag", "R"], "yes       the site names the host", 0),
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
    let tlsa = told["hosts"][0]["facts"][1]["found"]
        .as_str()
        .expect("records");
    assert_eq!(tlsa.len(), "3 1 1 ".len() + 64, "the whole digest: {tlsa}");
    assert_eq!(told["hosts"][0]["secure"]["missing"], "nothing");
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
