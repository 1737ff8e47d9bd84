//! What is kept comes back, and what somebody else has put there does not count.

use crate::shelf::{NOW, Shelf, cache_in, domain, files_in, kept};
use requiretls_core::facts::LookupCause;
use requiretls_core::mta_sts::Policy;
use requiretls_engine::cache::{
    Cache, Disbelief, FailedFetch, FailedQuestion, KeptPolicy, MOST_FILES, Memory,
};
use requiretls_engine::config;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

const DAY: u64 = 86_400;

/// What somebody does to a file.
type Plant = fn(&Path);

fn set_bits(path: &Path, bits: u32) {
    fs::set_permissions(path, Permissions::from_mode(bits)).unwrap();
}

#[test]
fn s17_what_is_kept_comes_back() {
    let shelf = Shelf::new();
    let names = ["d.test", "_x.d.test", "xn--tda.example", "a"];
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    for (n, name) in names.iter().chain([&longest.as_str()]).enumerate() {
        let policy = kept(&format!("mx{n}.test"), NOW);
        assert_eq!(shelf.cache.read(&domain(name)), Ok(None), "{name}");
        assert!(shelf.cache.keep(&domain(name), &policy, NOW), "{name}");
        assert_eq!(shelf.cache.policy(&domain(name)), Some(policy), "{name}");
    }
    let again = kept("new.test", NOW + 1);
    assert!(shelf.cache.keep(&domain("d.test"), &again, NOW));
    assert_eq!(shelf.cache.policy(&domain("D.test.")), Some(again));
    assert_eq!(files_in(shelf.path()).len(), 5, "and nothing else");
    assert_eq!(shelf.cache.domains().unwrap().len(), 5);

    let memory = Memory {
        fetch: Some(FailedFetch {
            at: NOW,
            id: "1".to_owned(),
            cause: LookupCause::PolicyUnavailable,
            why: "HTTP 301".to_owned(),
        }),
        questions: vec![FailedQuestion {
            at: NOW,
            question: "MX d.test".to_owned(),
        }],
        recheck: Some(NOW),
    };
    shelf
        .cache
        .amend(&domain(&longest), NOW, |m| *m = memory.clone());
    assert_eq!(shelf.cache.memory(&domain(&longest)), memory);
    assert_eq!(shelf.cache.memory(&domain("d.test")), Memory::default());
    shelf
        .cache
        .amend(&domain(&longest), NOW, |m| *m = Memory::default());
    assert_eq!(shelf.cache.memory(&domain(&longest)), Memory::default());
    assert_eq!(files_in(shelf.path()).len(), 5, "an empty one is no file");

    assert!(shelf.cache.forget(&domain("d.test")).unwrap());
    assert!(!shelf.cache.forget(&domain("d.test")).unwrap());
    assert_eq!(shelf.cache.policy(&domain("d.test")), None);
}

#[test]
fn a_planted_file_is_not_believed() {
    const OTHER: u32 = 65_533;
    let is_root = rustix::process::geteuid().is_root();
    #[rustfmt::skip]
    let table: [(&str, Plant, Option<Disbelief>); 13] = [
        ("as it is",              |_| {},                                   None),
        ("readable for us alone", |p| set_bits(p, 0o600),                   None),
        ("writable by all",       |p| set_bits(p, 0o666),                   Some(Disbelief::Shared)),
        ("writable by the group", |p| set_bits(p, 0o664),                   Some(Disbelief::Shared)),
        ("under a second name",   |p| fs::hard_link(p, p.with_extension("second")).unwrap(), Some(Disbelief::Shared)),
        ("a link to it",          |p| { fs::rename(p, p.with_extension("x")).unwrap(); symlink(p.with_extension("x"), p).unwrap(); }, Some(Disbelief::NotAFile)),
        ("a directory",           |p| { fs::remove_file(p).unwrap(); fs::create_dir(p).unwrap(); }, Some(Disbelief::NotAFile)),
        ("a pipe",                |p| { fs::remove_file(p).unwrap(); pipe(p); }, Some(Disbelief::NotAFile)),
        ("empty",                 |p| fs::write(p, "").unwrap(),            Some(Disbelief::Torn)),
        ("cut",                   |p| { let t = fs::read(p).unwrap(); fs::write(p, &t[..t.len() - 1]).unwrap(); }, Some(Disbelief::Torn)),
        ("a policy alone",        |p| fs::write(p, "version: STSv1\nmode: none\nmax_age: 1\n").unwrap(), Some(Disbelief::Torn)),
        ("endless",               |p| fs::write(p, vec![b'x'; 1 << 20]).unwrap(), Some(Disbelief::TooLarge)),
        ("by another user",       |p| chown(p, Some(OTHER), None).unwrap(), Some(Disbelief::Owner(OTHER))),
    ];
    for (label, plant, expected) in table {
        if label == "by another user" && !is_root {
            continue;
        }
        let shelf = Shelf::new();
        let name = domain("d.test");
        let policy = kept("mx.d.test", NOW);
        assert!(shelf.cache.keep(&name, &policy, NOW), "{label}");
        plant(&shelf.file("d.test"));
        let found = shelf.cache.read(&name);
        match expected {
            None => assert_eq!(found, Ok(Some(policy.clone())), "{label}"),
            Some(why) => assert_eq!(found, Err(why), "{label}"),
        }
        assert_eq!(
            shelf.cache.policy(&name).is_some(),
            expected.is_none(),
            "{label}"
        );
        // The next good fetch takes its place, but not that of a directory.
        let replaced = shelf.cache.keep(&name, &policy, NOW);
        assert_eq!(replaced, label != "a directory", "{label}");
        assert_eq!(
            shelf.cache.policy(&name),
            replaced.then_some(policy),
            "{label}"
        );
    }
}

fn pipe(path: &Path) {
    let bits = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, bits, 0).unwrap();
}

/// A file under another's name is nobody's policy.
#[test]
fn a_policy_is_not_anothers() {
    let shelf = Shelf::new();
    for name in ["weak.test", "d.test"] {
        assert!(shelf.cache.keep(&domain(name), &kept(name, NOW), NOW));
    }
    let (weak, target) = (shelf.file("weak.test"), shelf.file("d.test"));
    fs::rename(weak, target).unwrap();
    assert_eq!(shelf.cache.read(&domain("d.test")), Err(Disbelief::Torn));
}

#[test]
fn owners_are_believed() {
    const OWNER: u32 = 65_532;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let shelf = Shelf::new();
    let name = domain("d.test");
    assert!(shelf.cache.keep(&name, &kept("mx.d.test", NOW), NOW));
    chown(shelf.file("d.test"), Some(OWNER), None).unwrap();
    for (label, owners, believed) in [
        ("nobody", &[][..], false),
        ("by number", &["65532"], true),
        ("another", &["daemon", "7"], false),
    ] {
        let cache = cache_in(shelf.path(), owners);
        assert_eq!(cache.policy(&name).is_some(), believed, "{label}");
    }
}

/// Users of one group share it, whatever their umask is.
#[test]
fn the_group_can_write_where_it_may() {
    for bits in [0o2775, 0o755] {
        let shelf = Shelf::new();
        set_bits(shelf.path(), bits);
        assert!(shelf.cache.keep(&domain("d.test"), &kept("a", NOW), NOW));
        let file = shelf.file("d.test");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(file.parent().unwrap()), bits);
        assert_eq!(mode(&file), 0o644);
    }
}

/// Who may write into the directory must not lead us elsewhere.
#[test]
fn no_link_is_followed_below_the_directory() {
    let (shelf, elsewhere) = (Shelf::new(), Shelf::new());
    let name = domain("d.test");
    for shelf in [&shelf, &elsewhere] {
        assert!(shelf.cache.keep(&name, &kept("a", NOW), NOW));
    }
    let bucket = shelf.file("d.test").parent().unwrap().to_owned();
    fs::remove_dir_all(&bucket).unwrap();
    symlink(elsewhere.file("d.test").parent().unwrap(), &bucket).unwrap();
    assert_eq!(shelf.cache.policy(&name), None);
    assert!(!shelf.cache.keep(&name, &kept("b", NOW), NOW));
    assert_eq!(elsewhere.cache.policy(&name), Some(kept("a", NOW)));
}

#[test]
fn without_a_directory_nothing_is_kept_and_nothing_fails() {
    let shelf = Shelf::new();
    let name = domain("d.test");
    let file = shelf.path().join("file");
    fs::write(&file, "").unwrap();
    let none = Cache::open(&config::Cache {
        directory: None,
        owners: Vec::new(),
    });
    let missing = cache_in(&shelf.path().join("missing"), &[]);
    let no_directory = cache_in(&file, &[]);
    for (label, cache) in [
        ("none", none),
        ("missing", missing),
        ("a file", no_directory),
    ] {
        assert!(!cache.keep(&name, &kept("a", NOW), NOW), "{label}");
        cache.amend(&name, NOW, |m| m.recheck = Some(1));
        assert_eq!(cache.policy(&name), None, "{label}");
        assert_eq!(cache.memory(&name), Memory::default(), "{label}");
    }
}

#[test]
fn p2c_what_is_over_is_swept() {
    let shelf = Shelf::new();
    let put = |name: &str, policy: &KeptPolicy| {
        assert!(shelf.cache.keep(&domain(name), policy, NOW), "{name}");
    };
    let none = b"version: STSv1\nmode: none\nmax_age: 86400\n";
    let none = |fetched| KeptPolicy {
        policy: Policy::parse(none).unwrap(),
        ..kept("a", fetched)
    };
    put("live.test", &kept("a", NOW));
    put("note.test", &kept("a", NOW - 30 * DAY));
    put("over.test", &kept("a", NOW - 31 * DAY - 1));
    put("none.test", &none(NOW - 10));
    put("none-over.test", &none(NOW - 2 * DAY));
    put("torn.test", &kept("a", NOW));
    fs::write(shelf.file("torn.test"), "x").unwrap();
    let recheck = |name: &str, at| {
        shelf
            .cache
            .amend(&domain(name), NOW, |m| m.recheck = Some(at));
    };
    recheck("live.test", NOW - 10);
    recheck("note.test", NOW - 4_000);
    let bucket = shelf.file("live.test").parent().unwrap().to_owned();
    let old = fs::File::create(bucket.join(".new-1")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::write(bucket.join(".new-2"), "being written").unwrap();
    fs::write(bucket.join("Not_Ours"), "x").unwrap();
    fs::write(shelf.path().join("README"), "x").unwrap();

    assert_eq!(shelf.cache.sweep(NOW).unwrap(), 5);
    let mut left: Vec<String> = files_in(shelf.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    left.sort();
    let expected = [
        ".new-2",
        "Not_Ours",
        "live.test",
        "live.test!",
        "none.test",
        "note.test",
    ];
    assert_eq!(left, expected);
    assert!(shelf.path().join("README").exists());
}

/// The limit is reached: what is over makes room, what is in force does not.
#[test]
fn the_cache_is_bounded() {
    let shelf = Shelf::new();
    assert!(shelf.cache.keep(&domain("d.test"), &kept("a", NOW), NOW));
    let bucket = shelf.file("d.test").parent().unwrap().to_owned();
    // Domains that belong into the same directory.
    let mut others = (0..).map(|n| format!("n{n}.test")).filter(|name| {
        let probe = Shelf::new();
        probe
            .cache
            .amend(&domain(name), NOW, |m| m.recheck = Some(NOW));
        let place = files_in(probe.path())[0].parent().unwrap().to_owned();
        place.file_name() == bucket.file_name()
    });
    let (note, new) = (others.next().unwrap(), others.next().unwrap());
    assert!(
        shelf
            .cache
            .keep(&domain(&note), &kept("a", NOW - 2 * DAY), NOW)
    );
    for n in 2..MOST_FILES {
        fs::write(bucket.join(format!("Foreign{n}")), "x").unwrap();
    }
    assert_eq!(fs::read_dir(&bucket).unwrap().count(), MOST_FILES);
    // It replaces its own file.
    assert!(shelf.cache.keep(&domain("d.test"), &kept("b", NOW), NOW));
    assert!(shelf.cache.policy(&domain(&note)).is_some(), "a note");
    assert!(shelf.cache.keep(&domain(&new), &kept("a", NOW), NOW));
    assert_eq!(shelf.cache.policy(&domain(&note)), None, "gave way");
    assert!(shelf.cache.policy(&domain(&new)).is_some());
    assert!(
        !shelf.cache.keep(&domain(&note), &kept("a", NOW), NOW),
        "full"
    );
    assert!(shelf.cache.policy(&domain("d.test")).is_some(), "in force");

    // Octets are bounded too.
    fs::remove_file(bucket.join("Foreign2")).unwrap();
    assert!(shelf.cache.keep(&domain(&note), &kept("a", NOW), NOW));
    fs::write(bucket.join("Foreign3"), vec![b'x'; 4 << 20]).unwrap();
    assert!(!shelf.cache.keep(&domain("d.test"), &kept("c", NOW), NOW));
    assert_eq!(shelf.cache.policy(&domain("d.test")), Some(kept("b", NOW)));
}
