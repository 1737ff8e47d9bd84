//! `requiretls exim-selftest`, run as a program against an Exim that is a script. What real ones answer is tried in ffi-tests.

#![cfg(feature = "demo")]
#![allow(missing_docs, clippy::expect_used, clippy::indexing_slicing)]

mod fake;

use fake::{Fake, Stock, selftest};
use requiretls_testbed::{
    Block, DnsWorld, DnsWorldSpec, Lax, Peer, Pki, SessionLog, SmtpPeer, Zone,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

/// A directory, name servers that validate, and configurations of the library.
struct Site {
    directory: tempfile::TempDir,
    dns: DnsWorld,
    _block: Block,
}

impl Site {
    fn new() -> Self {
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
            directory: tempfile::tempdir().expect("a directory"),
            dns: dns.expect("a name server"),
            _block: block,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn configure(&self, text: &str) -> std::path::PathBuf {
        let server = self.dns.address();
        let directory = self.path().display();
        let usual = format!(
            "cache.directory = \"{directory}\"\n[dns]\nmode = \"ad\"\nservers = [\"{server}\"]\ntrusted = true\n\
             probe_signed = [\".\", \"test\"]\nprobe_unsigned = [\"u.test\"]\nprobe_bogus = [\"b.test\"]\n"
        );
        let file = self.path().join("requiretls.conf");
        fs::write(&file, if text.is_empty() { &usual } else { text }).expect("a file");
        file
    }
}

fn serve(peer: Peer, log: &SessionLog) -> SmtpPeer {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let pki = Pki::new(now.as_secs()).expect("certificates");
    let address = "127.0.0.1:0".parse().expect("an address");
    SmtpPeer::start(address, "mx.a.test", "a.test", peer, &pki, log).expect("a peer")
}

/// Exit status, and all findings but those that hold.
fn found(output: &Output) -> (Option<i32>, BTreeSet<String>) {
    let told = serde_json::from_slice(&output.stdout);
    assert!(told.is_ok(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = told.expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = told["findings"].as_array().expect("findings").iter();
    let others = findings
        .filter(|finding| finding["verdict"] != "holds")
        .map(|finding| {
            // Each says how it was looked at, and what came.
            assert!(
                !text(&finding["asked"]).is_empty() && !text(&finding["said"]).is_empty(),
                "{finding}"
            );
            format!("{}: {}", text(&finding["verdict"]), text(&finding["check"]))
        })
        .collect();
    (output.status.code(), others)
}

/// What is changed in the configuration, what in the answers, and all that is found.
type Row = (
    &'static str,
    fn(&mut Stock),
    fn(&mut Fake),
    i32,
    &'static [&'static str],
);

fn answer(fake: &mut Fake, question: &str, text: &str) {
    let mut of = fake
        .answers
        .iter_mut()
        .filter(|(asked, _)| asked.contains(question));
    let (_, answer) = of.next().expect("a question that is asked");
    text.clone_into(answer);
}

const NOTHING: fn(&mut Fake) = |_| ();
const AS_SHIPPED: fn(&mut Stock) = |_| ();
const HERE: &str = "fault: Exim loads requiretls-exim.so, and it is what the shipped files ask for";
const POLICY: &str = "fault: the library finds the policy of a.test for Exim's user";
const NO_POLICY: &str = "unknown: the library finds the policy of a.test for Exim's user";
const READABLE: &str = "unknown: a message that asks for protection is taken in";
const UNREADABLE: &str = "fault: a message whose tag cannot be read waits at its sender";
const NOT_SENT: &str = "unknown: a message whose tag cannot be read waits at its sender";
const TRANSPORT: &str = "fault: the transport requiretls_smtp is otherwise as shipped";
const BOUND: &str = "fault: bound mail needs TLS, with the certificates of this very connection";
const JUDGED: &str = "fault: the library judges each step, and MAIL waits for it";
const REUSE: &str =
    "fault: a connection serves one message that is bound by a policy, and no other";
const FIRST: &str = "fault: tagged mail meets the router requiretls_tagged_plan first";

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        ("as shipped", AS_SHIPPED, NOTHING, 0, &[]),
        ("no functions at all", |s| s.supports = "GnuTLS DANE", NOTHING, 1, &["fault: Exim can load functions"]),
        ("the functions are gone", AS_SHIPPED, |f| answer(f, "requiretls_here", "Failed: dlopen \"x\" failed: no such file\n"), 1, &[HERE]),
        ("functions of another version", AS_SHIPPED, |f| answer(f, "requiretls_here", "no\n"), 1, &[HERE]),
        ("P6.15: a tag that is not understood", AS_SHIPPED, |f| answer(f, "{1.secure.onward}", "!\n"), 1, &["fault: a tag in $acl_m_requiretls is understood"]),
        ("P6.15: nonsense that is", AS_SHIPPED, |f| answer(f, "{1.nonsense}", "\n"), 1, &["fault: what is no tag is none"]),
        ("P6.15: an unreadable tag that does not wait", AS_SHIPPED, |f| answer(f, "requiretls_plan}{!}", "*\n"), 1, &["fault: mail whose tag cannot be read waits"]),
        ("P6.15: requiretls.conf cannot be read by Exim's user", AS_SHIPPED, |f| answer(f, "requiretls_plan}{}", ":defer: 451 4.3.5 x.conf, line 1: no\n"), 1,
            &[POLICY]),
        ("the name servers are silent", AS_SHIPPED, |f| answer(f, "requiretls_plan}{}", ":defer: 451 4.4.3 no answer\n"), 2,
            &[NO_POLICY]),
        ("the domain has no policy", AS_SHIPPED, |f| answer(f, "requiretls_plan}{}", "\n"), 2,
            &[NO_POLICY]),
        ("R28: bodies in bounces", |s| s.main[0].1 = String::from("true"), NOTHING, 1, &["fault: bounce_return_body is false"]),
        ("R28: bounces without the tag", AS_SHIPPED, |f| { f.files.insert("bounce".to_owned(), "Subject: x".to_owned()); }, 1,
            &["fault: what bounce_message_file names passes the tag on"]),
        ("R28: no text of bounces", |s| s.main[1].1 = String::new(), NOTHING, 1, &["fault: what bounce_message_file names passes the tag on"]),
        ("no ACL for what does not come by SMTP", |s| s.main[3].1 = String::new(), NOTHING, 1, &["fault: acl_not_smtp is requiretls_not_smtp"]),
        ("one of the site's own that does not ask", |s| { s.macros.push(("REQUIRETLS_OTHER_ACL", "1".to_owned())); s.main[3].1 = String::from("own"); },
            |f| answer(f, "-bP config", "begin acl\n  own:\n    accept\n  other:\n    warn\n    acl = requiretls_fields\n"), 1,
            &["fault: messages that do not come by SMTP, bounces among them, keep their tags"]),
        ("one of the site's own that asks", |s| { s.macros.push(("REQUIRETLS_OTHER_ACL", "1".to_owned())); s.main[3].1 = String::from("own"); },
            |f| answer(f, "-bP config", "begin acl\n  own:\n    warn\n    acl = requiretls_fields\n    accept\n"), 0, &[]),
        ("variables that must be set", |s| s.main[4].1 = String::from("true"), NOTHING, 1, &["fault: strict_acl_vars is false"]),
        ("a router before the tagged one", |s| s.routers.0.rotate_right(1), NOTHING, 1,
            &[FIRST, "fault: mail meets the router requiretls_policy before MX records are looked up"]),
        ("a router between", |s| s.routers.0.swap(2, 5), NOTHING, 1,
            &["fault: the router requiretls_tagged follows requiretls_tagged_plan at once", "fault: mail meets the router requiretls_policy before MX records are looked up"]),
        ("no routers for tagged mail", |s| { s.routers.0.drain(1..3); }, NOTHING, 1,
            &[FIRST, "fault: the router requiretls_tagged_plan is as shipped", "fault: the router requiretls_tagged is as shipped",
              "fault: the router requiretls_tagged follows requiretls_tagged_plan at once"]),
        ("tagged mail goes on where nobody answers", |s| s.set("requiretls_tagged", "more", "true"), NOTHING, 1, &["fault: the router requiretls_tagged is as shipped"]),
        ("a condition that asks the library", |s| s.set("requiretls_tagged_plan", "condition", "${dlfunc{x}{y}}"), NOTHING, 1,
            &["fault: the router requiretls_tagged_plan is as shipped"]),
        ("a smart host", |s| { s.routers.0.drain(3..5); }, NOTHING, 0, &["doubt: mail is bound by the policies of its recipients"]),
        ("half of the routers for bound mail", |s| { s.routers.0.remove(4); }, NOTHING, 1,
            &["fault: the router requiretls_bound is as shipped", "fault: the router requiretls_bound follows requiretls_policy at once"]),
        ("another router is met first", AS_SHIPPED, |f| answer(f, "-bt ", "postmaster@a.test\n  router = dnslookup, transport = remote_smtp\n"), 1,
            &["fault: mail to a.test goes by requiretls_smtp"]),
        ("issue 9: connections are used again", |s| s.set("requiretls_smtp", "connection_max_messages", "500"), NOTHING, 1, &[REUSE]),
        ("issue 9: several domains in one", |s| s.set("requiretls_smtp", "multi_domain", "true"), NOTHING, 1, &[REUSE]),
        ("TLS is not needed", |s| s.set("requiretls_smtp", "hosts_require_tls", ""), NOTHING, 1, &[BOUND]),
        ("Exim's own DANE in the way", |s| s.set("requiretls_smtp", "hosts_try_dane", "*"), NOTHING, 1, &[BOUND]),
        ("MAIL before the reply to EHLO", |s| s.set("requiretls_smtp", "hosts_pipe_connect", "*"), NOTHING, 1, &[BOUND]),
        ("nobody judges", |s| s.set("requiretls_smtp", "event_action", ""), NOTHING, 1, &[JUDGED]),
        ("the last gate is open", |s| s.set("requiretls_smtp", "authenticated_sender", ""), |f| answer(f, "-be ", "\n"), 1,
            &[JUDGED, "fault: MAIL waits on a connection that the library has not seen"]),
        ("another driver", |s| s.set("requiretls_smtp", "driver", "lmtp"), NOTHING, 1, &[TRANSPORT]),
        ("of no account", |s| { s.set("requiretls_smtp", "debug_print", ""); s.set("requiretls_lmtp", "timeout", "5m"); }, NOTHING, 0, &[]),
        ("the program is gone", |s| { s.macros[1].1 = String::from("/usr/bin/gone"); s.set("requiretls_lmtp", "command",
            "/usr/bin/gone lmtp \"--tag=${dlfunc{/usr/lib/exim4/requiretls-exim.so}{requiretls_tag}{$acl_m_requiretls}}\""); }, NOTHING, 1,
            &["fault: the program that carries tagged mail is there"]),
        ("its user is not there", |s| { s.macros[2].1 = String::from("nobody-at-all"); s.set("requiretls_lmtp", "user", "nobody-at-all"); }, NOTHING, 1,
            &["fault: the user it runs as is there"]),
        ("fields are not read", AS_SHIPPED, |f| { let text = f.answers["readable"].clone(); answer(f, "unreadable", &text); }, 1, &[UNREADABLE]),
        ("the site takes no mail", AS_SHIPPED, |f| answer(f, "plain", "220 h.test\n250 HELP\n250 OK\n550 not you\n503 no\n221 bye\n"), 2,
            &[READABLE, NOT_SENT]),
        ("nothing is included", |s| s.macros.clear(), NOTHING, 1, &["fault: the shipped files are included"]),
        ("a file of its configuration is missing", AS_SHIPPED, |f| { f.answers.remove("-bV"); }, 1, &["fault: Exim starts, and reads its configuration"]),
    ]
}

#[test]
fn each_fault_of_the_standard_files_is_found_and_nothing_else() {
    let (site, log) = (Site::new(), SessionLog::default());
    let server = serve(Peer::good().no_requiretls(), &log);
    let config = site.configure("");
    let mut wrong = Vec::new();
    for (label, change, falsify, status, expected) in rows() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut stock = Stock::new(directory.path(), false);
        change(&mut stock);
        let mut fake = stock.fake();
        falsify(&mut fake);
        let exim = fake.write(directory.path());
        let output = selftest(&exim, &server.address().to_string(), &config, &["--json"]);
        let expected: BTreeSet<String> = expected.iter().map(|&e| e.to_owned()).collect();
        let found = found(&output);
        if found != (Some(status), expected) {
            wrong.push((label, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_fault_of_the_full_files_is_found_and_nothing_else() {
    const LAX: &[&str] = &["fault: REQUIRETLS with a value is refused"];
    const REFUSED: &[&str] = &[
        "fault: MAIL with REQUIRETLS is understood",
        "fault: so is it behind another parameter",
        "fault: so is it from <>",
    ];
    let (site, log) = (Site::new(), SessionLog::default());
    let config = site.configure("");
    let full: fn() -> Peer = Peer::good;
    let lax: fn() -> Peer = || Peer::good().lax(Lax::Value);
    #[rustfmt::skip]
    let table: [(Row, fn() -> Peer); 6] = [
        (("as shipped", AS_SHIPPED, NOTHING, 0, &[]), full),
        (("the parameter is not understood", AS_SHIPPED, |f| answer(f, "parameter", "220 h\n250 HELP\n501 REQUIRETLS may not follow\n221 bye\n"), 1, REFUSED), full),
        (("the keyword is another", |s| s.authenticators.0[0].1[1].1 = "X-NONE".to_owned(), NOTHING, 1, &["fault: the authenticator requiretls_keyword is as shipped"]), full),
        (("there is an authenticator behind it", |s| s.authenticators.0.push(("plain".to_owned(), vec![])), NOTHING, 1, &["fault: the authenticator requiretls_keyword is the last one"]), full),
        (("MAIL is not judged", |s| { s.main.pop(); }, NOTHING, 1, &["fault: acl_smtp_mail is requiretls_mail"]), full),
        (("R2: the running server is lax", AS_SHIPPED, NOTHING, 1, LAX), lax),
    ];
    for ((label, change, falsify, status, expected), peer) in table {
        let directory = tempfile::tempdir().expect("a directory");
        let server = serve(peer(), &log);
        let mut stock = Stock::new(directory.path(), true);
        change(&mut stock);
        let mut fake = stock.fake();
        falsify(&mut fake);
        let exim = fake.write(directory.path());
        let output = selftest(&exim, &server.address().to_string(), &config, &["--json"]);
        let expected: BTreeSet<String> = expected.iter().map(|&e| e.to_owned()).collect();
        assert_eq!(found(&output), (Some(status), expected), "{label}");
    }
}

/// A server that offers REQUIRETLS while nothing keeps the promise; none; and what requiretls.conf says.
#[test]
fn what_is_around_exim() {
    let (site, log) = (Site::new(), SessionLog::default());
    let directory = tempfile::tempdir().expect("a directory");
    let exim = Stock::new(directory.path(), false)
        .fake()
        .write(directory.path());
    let (silent, offering) = (
        serve(Peer::good().no_requiretls(), &log),
        serve(Peer::good(), &log),
    );
    let (silent, offering) = (silent.address().to_string(), offering.address().to_string());
    let untrusted = "[dns]\nservers = [\"192.0.2.53\"]\ncache.directory = \"\"\n";
    #[rustfmt::skip]
    let table: [(&str, &str, &str, i32, &[&str]); 5] = [
        ("R10: it offers what it does not keep", &offering, "", 1, &["fault: REQUIRETLS is not offered, since nothing here keeps the promise"]),
        ("nobody listens", "127.0.0.1:1", "", 2, &["unknown: the server answers"]),
        ("P6.15: an unreadable configuration", &silent, "nonsense = 1\n", 1, &["fault: requiretls.conf can be read"]),
        ("RFC 7672 section 2.1: nobody validates", &silent, "cache.directory = \"/\"\n[dns]\nservers = [\"192.0.2.53\"]\n", 1,
            &["fault: the name servers can be relied on for DNSSEC"]),
        ("RFC 8461 section 10.2: no cache", &silent, untrusted, 1,
            &["fault: requiretls.conf can be read"]),
    ];
    for (label, server, text, status, expected) in table {
        let config = site.configure(text);
        let output = selftest(&exim, server, &config, &["--json"]);
        let expected: BTreeSet<String> = expected.iter().map(|&e| e.to_owned()).collect();
        assert_eq!(found(&output), (Some(status), expected), "{label}");
    }
}

#[test]
fn the_patched_build_is_known_and_its_guard_is_looked_for() {
    let (site, log) = (Site::new(), SessionLog::default());
    let config = site.configure("");
    let server = serve(Peer::good(), &log);
    let guard = include_str!("../../../requiretls-capi/hosts/exim/patch/guard.conf");
    for (label, routers, status, expected) in [
        ("with its guard", guard, 0, None),
        (
            "without",
            "begin routers\n",
            1,
            Some("fault: tagged mail waits where this Exim is replaced by its stock build"),
        ),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut stock = Stock::new(directory.path(), false);
        stock.supports = "GnuTLS REQUIRETLS";
        let mut fake = stock.fake();
        let file = directory.path().join("exim.conf");
        fs::write(&file, routers).expect("a file");
        let configuration = format!(
            "# Exim Configuration (4.98.2)\n# 1 \"{}\"\n",
            file.display()
        );
        answer(&mut fake, "-bP config", &configuration);
        let exim = fake.write(directory.path());
        let output = selftest(&exim, &server.address().to_string(), &config, &["--json"]);
        let expected: BTreeSet<String> = expected.iter().map(|&e: &&str| e.to_owned()).collect();
        assert_eq!(found(&output), (Some(status), expected), "{label}");
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(told["build"], "patched", "{label}");
    }
}

#[test]
fn for_people() {
    let (site, log) = (Site::new(), SessionLog::default());
    let server = serve(Peer::good().no_requiretls(), &log);
    let directory = tempfile::tempdir().expect("a directory");
    let mut stock = Stock::new(directory.path(), false);
    stock.set("requiretls_smtp", "connection_max_messages", "500");
    let exim = stock.fake().write(directory.path());
    let output = selftest(
        &exim,
        &server.address().to_string(),
        &site.configure(""),
        &[],
    );
    let told = String::from_utf8_lossy(&output.stdout);
    for part in [
        "Exim 4.96, stock build, standard files\n\n",
        "  holds    Exim can load functions\n",
        "  fault    a connection serves one message that is bound by a policy, and no other\n           \
         exim -bP transport requiretls_smtp: connection_max_messages is 500, not 1\n           include the file",
        " 0 in doubt, 0 unknown, 1 faults\n",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn usage() {
    let config = Path::new("/nonexistent");
    for (label, exim, domain, status, words) in [
        ("no domain", "/bin/true", "a b", 64, "--domain a b: "),
        ("no Exim there", "/nonexistent/exim", "a.test", 1, ""),
        ("it is none", "/bin/true", "a.test", 1, ""),
    ] {
        let output = selftest(
            Path::new(exim),
            "127.0.0.1:1",
            config,
            &["--domain", domain],
        );
        assert_eq!(output.status.code(), Some(status), "{label}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(words), "{label}: {errors}");
    }
}

/// Exim tells only root the values of its macros.
#[test]
fn what_exim_tells_nobody_is_not_known() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let mut fake = Stock::new(directory.path(), false).fake();
    fake.answers.remove("-bP macros");
    let exim = fake.write(directory.path());
    let output = selftest(&exim, "127.0.0.1:1", &site.configure(""), &["--json"]);
    let expected = BTreeSet::from(["unknown: the configuration can be asked about".to_owned()]);
    assert_eq!(found(&output), (Some(2), expected));
}
