//! `requiretls cache`, run as a program over a cache and in a mail world of its own.

#![cfg(feature = "demo")]
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::Policy;
use requiretls_engine::Cache;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::config;
use requiretls_testbed::{DnsMode, Domain as World, Sts, World as Testbed};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_requiretls");
const DAY: u64 = 86_400;

/// A configuration with a cache, and whoever asks there.
struct Site {
    directory: TempDir,
    cache: Cache,
    now: u64,
}

impl Site {
    /// In this world, or where nobody answers.
    fn new(world: Option<&Testbed>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let kept = path.join("kept");
        fs::create_dir(&kept).expect("a directory");
        let text = match world {
            Some(world) => {
                world.write(path, DnsMode::Ad).expect("files");
                let text = fs::read_to_string(path.join("requiretls.conf")).expect("a file");
                text.replace("directory = \"\"", "directory = \"KEPT\"")
            }
            None => {
                "[dns]\nservers = [\"127.0.0.1:9\"]\n[cache]\ndirectory = \"KEPT\"\n".to_owned()
            }
        };
        let text = text.replace("KEPT", kept.to_str().expect("UTF-8"));
        fs::write(path.join("requiretls.conf"), text).expect("a file");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            cache: Cache::open(&config::Cache {
                directory: Some(kept),
                owners: Vec::new(),
            }),
            directory,
            now: now.expect("a clock").as_secs(),
        }
    }

    /// A policy of mode and host, fetched so long ago and good for a week.
    fn keep(&self, name: &str, mode: &str, host: &str, age: u64) {
        let mx = if mode == "none" {
            String::new()
        } else {
            format!("mx: {host}\n")
        };
        let text = format!("version: STSv1\nmode: {mode}\n{mx}max_age: 604800\n");
        let kept = KeptPolicy {
            policy: Policy::parse(text.as_bytes()).expect("a policy"),
            id: "0".to_owned(),
            fetched: self.now - age,
        };
        assert!(self.cache.keep(&domain(name), &kept, self.now));
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(PROGRAM)
            .arg("cache")
            .args(args)
            .arg("--config")
            .arg(self.directory.path().join("requiretls.conf"))
            .output()
            .expect("the program runs")
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(&[args, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).expect("a name")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn list_and_show_tell_what_is_kept() {
    let site = Site::new(None);
    site.keep("live.test", "enforce", "mx.live.test", 10);
    site.keep("none.test", "none", "", 10);
    site.keep("over.test", "testing", "mx.over.test", 8 * DAY);
    site.keep("torn.test", "enforce", "mx.torn.test", 10);
    let buckets = fs::read_dir(site.directory.path().join("kept")).expect("a directory");
    let torn = buckets
        .map(|entry| entry.expect("an entry").path().join("torn.test"))
        .find(|path| path.exists())
        .expect("a file");
    fs::write(torn, "x").expect("a file");
    site.cache.amend(&domain("live.test"), site.now, |memory| {
        memory.recheck = Some(site.now);
    });

    let listed: Vec<(String, String)> = site
        .json(&["list"])
        .iter()
        .map(|told| (told["domain"].to_string(), told["state"].to_string()))
        .collect();
    let expected = [
        ("\"live.test\"", "\"in force\""),
        ("\"none.test\"", "\"none\""),
        ("\"over.test\"", "\"expired\""),
        ("\"torn.test\"", "\"ignored\""),
    ];
    assert_eq!(listed, expected.map(|(d, s)| (d.to_owned(), s.to_owned())));
    let output = site.run(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    let listed = text(&output);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 5, "{listed}");
    assert!(lines[0].starts_with("domain"), "{listed}");
    assert!(
        lines[1].contains("in force") && lines[1].ends_with("to be fetched again"),
        "{listed}"
    );
    assert!(lines[4].contains("its content is damaged"), "{listed}");

    for (name, status, contains) in [
        (
            "Live.Test.",
            0,
            "\nversion: STSv1\nmode: enforce\nmx: mx.live.test\nmax_age: 604800\n",
        ),
        ("over.test", 0, "state     expired\n"),
        ("torn.test", 65, "state     ignored\n"),
        ("absent.test", 1, "state     no policy is kept\n"),
    ] {
        let output = site.run(&["show", name]);
        assert_eq!(output.status.code(), Some(status), "{name}");
        assert!(
            text(&output).contains(contains),
            "{name}: {}",
            text(&output)
        );
    }
    let shown = site.json(&["show", "live.test"]);
    assert_eq!(shown[0]["policy"]["lines"][1], "mode: enforce");
    assert_eq!(shown[0]["recheck"], true);
}

#[test]
fn purge_forgets_what_it_is_told_to() {
    let site = Site::new(None);
    let fill = || {
        site.keep("live.test", "enforce", "mx.live.test", 10);
        site.keep("note.test", "enforce", "mx.note.test", 8 * DAY);
        site.keep("over.test", "enforce", "mx.over.test", 38 * DAY);
    };
    #[rustfmt::skip]
    let table: [(&[&str], i32, &[&str]); 6] = [
        (&["--expired"],                0,  &["live.test", "note.test"]),
        (&["live.test"],                0,  &["note.test", "over.test"]),
        (&["live.test", "absent.test"], 1,  &["note.test", "over.test"]),
        (&["--all"],                    0,  &[]),
        (&[],                           64, &["live.test", "note.test", "over.test"]),
        (&["--all", "live.test"],       64, &["live.test", "note.test", "over.test"]),
    ];
    for (args, status, left) in table {
        fill();
        let output = site.run(&[&["purge"], args].concat());
        assert_eq!(output.status.code(), Some(status), "{args:?}");
        let domains = site.cache.domains().expect("a directory");
        let domains: Vec<String> = domains.iter().map(ToString::to_string).collect();
        assert_eq!(domains, left, "{args:?}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let site = Site::new(None);
    let conf = site.directory.path().join("requiretls.conf");
    let none = |text: &str| fs::write(&conf, text).expect("a file");
    for (label, text, status, says) in [
        (
            "no directory",
            "[cache]\ndirectory = \"\"\n",
            78,
            "no directory in [cache]",
        ),
        (
            "missing",
            "[cache]\ndirectory = \"/nonexistent/kept\"\n",
            74,
            "/nonexistent/kept",
        ),
        ("unreadable", "[cache]\ndir = 1\n", 78, "line 2"),
    ] {
        none(text);
        for task in [&["list"][..], &["refresh"], &["purge", "--all"]] {
            let output = site.run(task);
            assert_eq!(output.status.code(), Some(status), "{label} {task:?}");
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(error.contains(says), "{label} {task:?}: {error}");
        }
    }
    let output = site.run(&["show", "no name"]);
    assert_eq!(output.status.code(), Some(64));
}

/// Field reports 10, 11 and 25: what stands against the domain's hosts is fetched again.
#[test]
fn s19_refresh_fetches_what_is_a_day_old() {
    let world = Testbed::builder()
        .domain(World::new("moved.test").mx("new").sts(Sts::enforce()))
        .domain(World::new("same.test").mx("mx").sts(Sts::enforce()))
        .domain(World::new("young.test").mx("mx").sts(Sts::enforce()))
        .domain(
            World::new("broken.test")
                .mx("mx")
                .sts(Sts::enforce().status(404)),
        )
        .domain(World::new("gone.test").mx("mx"))
        .domain(
            World::new("silent.test")
                .mx("mx")
                .sts(Sts::enforce().without_txt()),
        )
        .start()
        .expect("a world");
    let site = Site::new(Some(&world));
    let old = 3 * DAY;
    site.keep("moved.test", "enforce", "old.moved.test", old);
    site.keep("same.test", "enforce", "mx.same.test", old);
    site.keep("young.test", "enforce", "old.young.test", 1_000);
    site.keep("silent.test", "testing", "old.silent.test", old);
    site.keep("gone.test", "none", "", old);

    let output = site.run(&["refresh"]);
    let told = text(&output);
    let expected = "\
gone.test: failed: DNS: the policy host has no address
moved.test: changed: mode enforce, mx new.moved.test
same.test: unchanged: mode enforce, mx mx.same.test
silent.test: changed: mode enforce, mx mx.silent.test
";
    assert_eq!(told, expected);
    assert_eq!(
        output.status.code(),
        Some(0),
        "S19: mode none is missed by nobody"
    );
    let fetched = |name: &str| site.cache.policy(&domain(name)).expect("kept").fetched;
    for name in ["moved.test", "same.test", "silent.test"] {
        assert!(fetched(name) >= site.now, "{name}");
    }
    assert_eq!(fetched("young.test"), site.now - 1_000);

    // Now that they are young, only those that are named, and what has failed.
    let again = text(&site.run(&["refresh"]));
    assert_eq!(
        again,
        "gone.test: failed: DNS: the policy host has no address\n"
    );
    site.keep("broken.test", "enforce", "mx.broken.test", old);
    #[rustfmt::skip]
    let table = [
        ("young.test",  0, "young.test: changed: mode enforce, mx mx.young.test\n"),
        ("broken.test", 1, "broken.test: failed: HTTP 404\n"),
        ("absent.test", 1, "absent.test: failed: no policy is announced, and none is kept\n"),
    ];
    for (name, status, expected) in table {
        let output = site.run(&["refresh", name]);
        assert_eq!(text(&output), expected, "{name}");
        assert_eq!(output.status.code(), Some(status), "{name}");
    }
    assert_eq!(fetched("broken.test"), site.now - old, "S17: it stays");
    let shown = site.json(&["show", "broken.test"]);
    assert_eq!(shown[0]["failed"]["why"], "HTTP 404");
}

#[test]
fn ten_thousand_policies_are_listed() {
    let site = Site::new(None);
    let memory = std::path::Path::new("/dev/shm");
    let directory = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    let directory = directory.expect("a directory");
    let settings = format!("[cache]\ndirectory = {:?}\n", directory.path());
    fs::write(site.directory.path().join("requiretls.conf"), settings).expect("a file");
    let site = Site {
        cache: Cache::open(&config::Cache {
            directory: Some(directory.path().to_owned()),
            owners: Vec::new(),
        }),
        ..site
    };
    for n in 0..10_000 {
        site.keep(&format!("n{n}.test"), "enforce", "mx.n.test", 10);
    }
    let start = Instant::now();
    let output = site.run(&["list"]);
    println!("10,000 policies are listed in {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(text(&output).lines().count(), 10_001);
    assert!(output.stderr.is_empty(), "no bar where nobody looks");
}

/// Field report 25: the kept policy beside the one that is served.
#[test]
fn check_shows_what_is_kept_beside_what_is_served() {
    let world = Testbed::builder()
        .domain(World::new("moved.test").mx("new").sts(Sts::enforce()))
        .start()
        .expect("a world");
    let site = Site::new(Some(&world));
    site.keep("moved.test", "enforce", "old.moved.test", 1_000);
    let check = || {
        let output = Command::new(PROGRAM)
            .args(["check", "moved.test", "--port", "2525", "--config"])
            .arg(site.directory.path().join("requiretls.conf"))
            .output()
            .expect("the program runs");
        text(&output)
    };
    let first = check();
    assert!(
        first.contains("policy kept         in force   id 0, mode enforce, mx old.moved.test ["),
        "{first}"
    );
    assert!(
        first.contains("policy served       HTTPS      mode enforce, mx new.moved.test ["),
        "{first}"
    );
    assert!(
        check().contains("policy kept         in force   id 1, mode enforce, mx new.moved.test [")
    );
}

/// What the units run is what this program takes.
#[test]
fn the_units_name_a_command_that_there_is() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/systemd/requiretls-cache-refresh"
    );
    let service = fs::read_to_string(format!("{path}.service")).expect("a file");
    let command = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/requiretls "));
    let args = command.expect("a command").split(' ');
    let status = Command::new(PROGRAM)
        .args(args)
        .arg("--help")
        .output()
        .expect("it runs")
        .status;
    assert!(status.success());
    assert!(
        fs::read_to_string(format!("{path}.timer"))
            .expect("a file")
            .contains("OnCalendar=")
    );
}
