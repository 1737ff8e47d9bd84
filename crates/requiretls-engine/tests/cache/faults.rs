//! Processes that are killed, a full disk, users who may not write: a policy is whole or not there.
//!
//! The children are tests of this program that do nothing unless they are told a directory. The
//! long run is one of `cargo xtask soak`.

use crate::heard::lines;
use crate::scene::{Scene, told};
use crate::shelf::{NOW, Shelf, cache_in, domain, files_in};
use requiretls_core::facts::Addresses;
use requiretls_core::mta_sts::Policy;
use requiretls_engine::cache::{Cache, KeptPolicy};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const DIRECTORY: &str = "REQUIRETLS_TEST_DIRECTORY";
const NUMBER: &str = "REQUIRETLS_TEST_NUMBER";

const NAMES: [&str; 3] = ["a.test", "b.test", "c.test"];

/// A policy whose lines all say the same number; longer than what a file system writes at once.
fn numbered(number: u64) -> KeptPolicy {
    let line = format!("x{number}: {number}\n");
    let lines = line.repeat(30_000 / line.len());
    let text =
        format!("version: STSv1\nmode: enforce\nmx: mx{number}.test\n{lines}max_age: 86400\n");
    KeptPolicy {
        policy: Policy::parse(text.as_bytes()).unwrap(),
        id: number.to_string(),
        fetched: NOW + number,
    }
}

/// This program as a child, which runs one of the tests below.
fn child(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", &format!("faults::{test}")])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null());
    command
}

fn told_directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Everything that is there is whole: the number in it is one.
fn all_whole(cache: &Cache) -> usize {
    let found = NAMES.iter().filter_map(|name| {
        let kept = cache
            .read(&domain(name))
            .unwrap_or_else(|why| panic!("{name}: {why}"))?;
        let number = kept.id.parse().unwrap();
        assert_eq!(kept, numbered(number), "{name}");
        Some(kept)
    });
    found.count()
}

#[test]
#[ignore = "a child of other tests"]
fn writes_until_it_is_killed() {
    let Some(directory) = told_directory() else {
        return;
    };
    let first = std::env::var(NUMBER).map_or(0, |number| number.parse().unwrap());
    let cache = cache_in(&directory, &[]);
    for number in first.. {
        for name in NAMES {
            assert!(cache.keep(&domain(name), &numbered(number), NOW));
        }
    }
}

fn writer(directory: &Path, number: u64) -> Child {
    let mut command = child("writes_until_it_is_killed", directory);
    command.env(NUMBER, number.to_string()).spawn().unwrap()
}

fn kill(times: u64) {
    let shelf = Shelf::new();
    for round in 0..times {
        let mut writer = writer(shelf.path(), round * 1_000);
        let deadline = Instant::now() + Duration::from_secs(20);
        // Not before it writes, and at another moment each time.
        let begun = || {
            let newest = shelf.cache.policy(&domain(NAMES[0]));
            newest.is_some_and(|kept| kept.fetched >= NOW + round * 1_000)
        };
        while !begun() {
            assert!(
                Instant::now() < deadline,
                "round {round}: nothing is written"
            );
            std::thread::sleep(Duration::from_micros(500));
        }
        std::thread::sleep(Duration::from_micros(round * 797 % 9_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let found = all_whole(&shelf.cache);
        assert!(found >= 1, "round {round}");
    }
    let is_left = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(".new-")
    };
    let left: Vec<PathBuf> = files_in(shelf.path()).into_iter().filter(is_left).collect();
    println!(
        "soak: {times} kills: no policy is torn, {} temporary files were left",
        left.len()
    );
    for path in &left {
        fs::File::open(path)
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
    }
    assert_eq!(shelf.cache.sweep(NOW).unwrap(), left.len());
    assert_eq!(files_in(shelf.path()).len(), NAMES.len());
}

#[test]
fn killed_100_times_no_policy_is_torn() {
    kill(100);
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_killed_1000_times_no_policy_is_torn() {
    let times = std::env::var("REQUIRETLS_SOAK_TIMES");
    kill(1_000 * times.map_or(1, |times| times.parse().expect("a number")));
}

#[test]
fn several_processes_write_at_once() {
    let shelf = Shelf::new();
    let mut writers: Vec<Child> = (1..=4)
        .map(|n| writer(shelf.path(), n * 1_000_000))
        .collect();
    let end = Instant::now() + Duration::from_secs(3);
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(all_whole(&shelf.cache));
    }
    for writer in &mut writers {
        assert_eq!(writer.try_wait().unwrap(), None, "it still writes");
        writer.kill().unwrap();
        writer.wait().unwrap();
    }
    assert_eq!(most, NAMES.len());
}

#[test]
#[ignore = "a child of other tests"]
fn fills_the_disk() {
    let Some(directory) = told_directory() else {
        return;
    };
    let cache = cache_in(&directory, &[]);
    let first = domain(NAMES[0]);
    assert!(
        cache.keep(&first, &numbered(1), NOW),
        "there is room for one"
    );
    let full = (0..50).find(|n| !cache.keep(&domain(&format!("n{n}.test")), &numbered(2), NOW));
    let full = full.expect("the disk is full at some time");
    assert_eq!(cache.policy(&domain(&format!("n{full}.test"))), None);
    for _ in 0..20 {
        assert!(!cache.keep(&first, &numbered(3), NOW), "it does not fit");
    }
    assert_eq!(cache.policy(&first), Some(numbered(1)), "the old one stays");
    let is_left = |path: &PathBuf| path.to_str().unwrap().contains(".new-");
    assert!(
        !files_in(&directory).iter().any(is_left),
        "nothing half is left"
    );
    assert!(cache.forget(&domain("n0.test")).unwrap());
    assert!(cache.keep(&first, &numbered(4), NOW), "there is room again");
    assert_eq!(cache.policy(&first), Some(numbered(4)));
}

#[test]
fn a_full_disk_changes_nothing() {
    if !is_root("no file system can be mounted") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=160k none \"$0\" && exec \"$@\"";
    command
        .args(["-m", "sh", "-c", script])
        .arg(directory.path());
    let fills = child("fills_the_disk", directory.path());
    command.arg(fills.get_program()).args(fills.get_args());
    command
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::null());
    assert!(command.status().unwrap().success());
}

/// Where nothing new can be kept, lookups go on, what is kept is used, and one line says so.
#[test]
#[ignore = "a child of other tests"]
fn looks_up_where_nothing_can_be_written() {
    let Some(directory) = told_directory() else {
        return;
    };
    let scene = Scene::for_reading(&directory.join("cache"), Some("a"));
    let (facts, heard) = lines(|| scene.facts_of_one_process(3));
    for facts in facts {
        let found = matches!(facts.hosts[0].addresses, Addresses::Found(_));
        assert!(found, "{facts:?}");
        // The one that is kept is a day old: it is fetched each time, and used.
        assert_eq!(told(&facts.sts), "enforce mx.d.test");
    }
    let warnings: Vec<&String> = heard
        .iter()
        .filter(|line| line.starts_with("nothing new is kept in "))
        .collect();
    assert_eq!(warnings.len(), 1, "{heard:?}");
}

/// A cache with one policy in it, a day old.
fn kept_for_a_day(directory: &Path) -> PathBuf {
    let path = directory.join("cache");
    fs::create_dir(&path).unwrap();
    let kept = crate::shelf::kept("mx.d.test", NOW - 86_000);
    assert!(cache_in(&path, &[]).keep(&domain("d.test"), &kept, NOW));
    path
}

#[test]
fn lookups_go_on_where_the_cache_cannot_be_written() {
    if !is_root("there is one user only") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let path = kept_for_a_day(directory.path());
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    let test = "looks_up_where_nothing_can_be_written";
    let status = run_as(USERS[0], GROUP, test, directory.path());
    assert!(status.success());
}

#[test]
fn lookups_go_on_where_the_disk_is_full() {
    if !is_root("no file system can be mounted") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    kept_for_a_day(kept.path());
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=64k none \"$0\" && cp -a \"$1\"/cache \"$0\" && \
                  { cat /dev/zero > \"$0\"/full 2>/dev/null || true; } && shift && exec \"$@\"";
    command
        .args(["-m", "sh", "-c", script])
        .args([directory.path(), kept.path()]);
    let looks_up = child("looks_up_where_nothing_can_be_written", directory.path());
    command
        .arg(looks_up.get_program())
        .args(looks_up.get_args());
    command
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::null());
    assert!(command.status().unwrap().success());
}

fn is_root(otherwise: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("not root: {otherwise}");
    }
    is_root
}

/// As this user of this group, with a umask that shares nothing.
fn run_as(user: u32, group: u32, test: &str, directory: &Path) -> ExitStatus {
    let mut command = Command::new("sh");
    let run = child(test, directory);
    command.args(["-c", "umask 077 && exec \"$0\" \"$@\""]);
    command.arg(run.get_program()).args(run.get_args());
    command.env(DIRECTORY, directory).stdout(Stdio::null());
    command
        .uid(user)
        .gid(group)
        .current_dir("/")
        .status()
        .unwrap()
}

const USERS: [u32; 2] = [65_001, 65_002];
const GROUP: u32 = 65_100;

#[test]
#[ignore = "a child of other tests"]
fn reads_and_writes_as_one_of_several() {
    let Some(directory) = told_directory() else {
        return;
    };
    let cache = cache_in(&directory, &["65001", "65002"]);
    let own = u64::from(rustix::process::geteuid().as_raw());
    for name in NAMES {
        let before = cache
            .policy(&domain(name))
            .expect("of whoever was here before");
        assert_ne!(before.fetched, NOW + own);
        assert!(cache.keep(&domain(name), &numbered(own), NOW));
        assert_eq!(cache.policy(&domain(name)), Some(numbered(own)));
        cache.amend(&domain(name), NOW, |memory| memory.recheck = Some(own));
        assert_eq!(cache.memory(&domain(name)).recheck, Some(own));
    }
    // In a directory that none of the others has made.
    assert!(cache.keep(&domain(&format!("u{own}.test")), &numbered(1), NOW));
}

/// 2775, as packages make it.
#[test]
fn several_users_share_a_directory() {
    if !is_root("there is one user only") {
        return;
    }
    let shelf = Shelf::new();
    chown(shelf.path(), Some(USERS[0]), Some(GROUP)).unwrap();
    fs::set_permissions(shelf.path(), Permissions::from_mode(0o2775)).unwrap();
    let names: Vec<_> = NAMES.map(domain).into();
    for name in &names {
        assert!(shelf.cache.keep(name, &numbered(0), NOW));
        chown(shelf.file(name.as_str()), Some(USERS[1]), None).unwrap();
    }
    for user in [USERS[0], USERS[1], USERS[0]] {
        let status = run_as(
            user,
            GROUP,
            "reads_and_writes_as_one_of_several",
            shelf.path(),
        );
        assert!(status.success(), "{user}");
    }
    let cache = cache_in(shelf.path(), &["65001"]);
    assert!(cache.policy(&names[0]).is_some());
    assert!(
        shelf.cache.policy(&names[0]).is_none(),
        "not for whoever does not trust them"
    );
}

#[test]
#[ignore = "a child of other tests"]
fn reads_what_it_cannot_write() {
    let Some(directory) = told_directory() else {
        return;
    };
    let cache = cache_in(&directory, &["root"]);
    assert!(!cache.keep(&domain(NAMES[0]), &numbered(2), NOW));
    assert!(!cache.keep(&domain("new.test"), &numbered(2), NOW));
    cache.amend(&domain(NAMES[0]), NOW, |memory| memory.recheck = Some(NOW));
    assert!(cache.memory(&domain(NAMES[0])).is_empty());
    assert_eq!(cache.policy(&domain(NAMES[0])), Some(numbered(1)));
    let distrustful = cache_in(&directory, &[]);
    assert_eq!(distrustful.policy(&domain(NAMES[0])), None);
}

#[test]
fn a_directory_that_cannot_be_written_is_read() {
    if !is_root("there is one user only") {
        return;
    }
    let shelf = Shelf::new();
    fs::set_permissions(shelf.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(shelf.cache.keep(&domain(NAMES[0]), &numbered(1), NOW));
    let status = run_as(USERS[0], GROUP, "reads_what_it_cannot_write", shelf.path());
    assert!(status.success());
}

/// On a file system in memory, where there is one: it is the listing that counts.
#[test]
fn ten_thousand_policies_are_listed() {
    let memory = Path::new("/dev/shm");
    let directory = tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let cache = cache_in(directory.path(), &[]);
    let policy = crate::shelf::kept("mx.d.test", NOW);
    let start = Instant::now();
    for n in 0..10_000 {
        assert!(
            cache.keep(&domain(&format!("n{n}.test")), &policy, NOW),
            "{n}"
        );
    }
    let written = start.elapsed();
    let start = Instant::now();
    let domains = cache.domains().unwrap();
    assert_eq!(domains.len(), 10_000);
    let listed = start.elapsed();
    let start = Instant::now();
    assert!(domains.iter().all(|domain| cache.policy(domain).is_some()));
    let read = start.elapsed();
    assert_eq!(cache.sweep(NOW).unwrap(), 0);
    println!("10,000 policies: written in {written:?}, listed in {listed:?}, read in {read:?}");
}
