//! `requiretls check` where a policy is kept already.

#![cfg(feature = "demo")]
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use requiretls_core::domain::Domain as Name;
use requiretls_core::mta_sts::Policy;
use requiretls_engine::Cache;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::config;
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, DnsMode, Domain, Peer, Sts, World};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use std::time::SystemTime;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_requiretls");

/// Whoever sends to `d.test`, and keeps policies.
struct Site {
    world: World,
    directory: TempDir,
    cache: Cache,
    now: u64,
}

impl Site {
    fn new(page: Sts) -> Self {
        let domain = Domain::new("d.test").mx("mx").peer(Peer::good()).sts(page);
        let world = World::builder().domain(domain).start().expect("a world");
        let directory = tempfile::tempdir().expect("a directory");
        let kept = directory.path().join("kept");
        fs::create_dir(&kept).expect("a directory");
        world.write(directory.path(), DnsMode::Ad).expect("files");
        let file = directory.path().join("requiretls.conf");
        let text = fs::read_to_string(&file).expect("a file");
        let text = text.replace(
            "directory = \"\"",
            &format!("directory = \"{}\"", kept.display()),
        );
        fs::write(file, text).expect("a file");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            cache: Cache::open(&config::Cache {
                directory: Some(kept),
                owners: Vec::new(),
            }),
            world,
            directory,
            now: now.expect("a clock").as_secs(),
        }
    }

    fn keep(&self, hosts: &[&str], id: &str, age: u64) -> KeptPolicy {
        let mx = hosts.join("\nmx: ");
        let text = format!("version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: 604800\n");
        let kept = KeptPolicy {
            policy: Policy::parse(text.as_bytes()).expect("a policy"),
            id: id.to_owned(),
            fetched: self.now - age,
        };
        assert!(self.cache.keep(&domain(), &kept, self.now));
        kept
    }

    fn check(&self, args: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(["check", "d.test", "--port", "2525", "--config"])
            .arg(self.directory.path().join("requiretls.conf"))
            .args(args)
            .output()
            .expect("the program runs")
    }
}

fn domain() -> Name {
    Name::parse(b"d.test").expect("a name")
}

/// The rows about policies: what, status, found.
fn policies(output: &Output) -> Vec<[String; 3]> {
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let way = told["way"].as_array().expect("facts");
    let text = |fact: &Value, key: &str| fact[key].as_str().expect("text").to_owned();
    way.iter()
        .filter(|fact| fact["what"] != "MX" && fact["what"] != "TXT _mta-sts")
        .map(|fact| ["what", "status", "found"].map(|key| text(fact, key)))
        .collect()
}

/// Label, what is served, what is kept (hosts, id, age), what is told, requests, whether the kept one
/// is as before.
type Row<'a> = (
    &'a str,
    Sts,
    (&'a [&'a str], &'a str, u64),
    Vec<[&'a str; 3]>,
    usize,
    bool,
);

/// Field report 25: what messages are judged by, beside what the domain serves now.
#[test]
fn the_kept_policy_and_the_one_that_is_served() {
    let own = || Sts::enforce();
    let replaced = "messages went by the kept one until now; this lookup has put the one that is served in its place";
    let stands = "messages go by the kept one; `requiretls cache refresh d.test` puts the one that is served in its place";
    let both: &[&str] = &["mx.d.test", "gone.test"];
    let (kept, served, differ) = ("policy kept", "policy served", "the two");
    let now = "mode enforce, mx mx.d.test";
    #[rustfmt::skip]
    let rows: Vec<Row<'_>> = vec![
        ("field report 25, another id", own(), (&["old.test"], "0", 1_000),
            vec![[kept, "in force", "id 0, mode enforce, mx old.test"], [served, "HTTPS", now], [differ, "differ", replaced]], 1, false),
        ("field report 25, the same id", own(), (both, "1", 1_000),
            vec![[kept, "in force", "id 1, mode enforce, mx mx.d.test, gone.test"], [served, "HTTPS", now], [differ, "differ", stands]], 1, true),
        ("the same policy", own(), (&["mx.d.test"], "1", 1_000),
            vec![[kept, "in force", "id 1, mode enforce, mx mx.d.test"], [served, "HTTPS", now]], 1, true),
        ("S17, gone: the kept one stays", own().status(404), (&["mx.d.test"], "1", 1_000),
            vec![[kept, "in force", "id 1, mode enforce, mx mx.d.test"], [served, "failed", "HTTP 404"]], 1, true),
        ("S17, another id, and gone", own().status(404), (&["mx.d.test"], "0", 1_000),
            vec![[kept, "in force", "id 0, mode enforce, mx mx.d.test"], [served, "failed", "HTTP 404"]], 1, true),
        ("P2c, expired, fetched anew", own(), (&["old.test"], "1", 700_000),
            vec![[kept, "expired", "id 1, mode enforce, mx old.test"], [served, "HTTPS", now], [differ, "differ", replaced]], 1, false),
    ];
    for (label, page, (hosts, id, age), expected, requests, stays) in rows {
        let site = Site::new(page);
        let before = site.keep(hosts, id, age);
        let output = site.check(&["--json"]);
        assert_eq!(policies(&output), expected, "{label}");
        assert_eq!(site.world.sts().requests().len(), requests, "{label}");
        let after = site.cache.policy(&domain());
        assert_eq!(after.as_ref() == Some(&before), stays, "{label}: {after:?}");
    }
}

/// Where the kept policy is, how old it is and when it ends; and a policy host that has just failed
/// is left alone (S9).
#[test]
fn age_and_end_of_what_is_kept() {
    let site = Site::new(Sts::enforce().status(404));
    site.keep(&["mx.d.test"], "0", 86_000);
    let kept = site.directory.path().join("kept");
    let row = format!(
        "  policy kept         in force   id 0, mode enforce, mx mx.d.test [from {}, 24 h ago, holds 6 days]\n",
        kept.display()
    );
    for again in ["HTTP 404\n", "HTTP 404, "] {
        let output = site.check(&[]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(&row), "no {row} in {text}");
        let failed = format!("  policy served       failed     {again}");
        assert!(text.contains(&failed), "S9, no {failed} in {text}");
        assert_eq!(site.world.sts().requests().len(), 1, "S9: {text}");
    }
}

/// Field report 4: which family failed, and that the other is enough.
#[test]
fn a_host_of_which_one_family_fails() {
    let site = Site::new(Sts::none());
    let faults = site.world.dns().faults();
    faults
        .authority("mx.d.test", RecordType::AAAA, AuthorityFault::ServFail)
        .expect("a name");
    let text = String::from_utf8(site.check(&[]).stdout).expect("UTF-8");
    let rows = [
        "  A                   unsigned   127.",
        "  AAAA                failed     SERVFAIL: IPv6 is not used, the other family is enough\n",
    ];
    for row in rows {
        assert!(text.contains(row), "field report 4: no {row} in {text}");
    }
}
