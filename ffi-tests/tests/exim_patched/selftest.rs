//! Does `requiretls exim-selftest` know this build, and find what does not hold in it? Issue 9, item 3.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ffi_tests::{Failure, Result, bounded, built};
use serde_json::Value;

use crate::build::{Build, NEWEST, STABLE};
use crate::scene::{Daemon, Scene};

const GUARD: &str = include_str!("../../../crates/requiretls-capi/hosts/exim/patch/guard.conf");
const ROUTER: &str = "dns:\n  driver = dnslookup\n  transport = smtp\n  self = send\n  no_more\n";
const LIMIT: Duration = Duration::from_secs(120);

/// The exit status, and what was found: of the program and its files, and of the running server.
struct Told {
    status: Option<i32>,
    build: String,
    others: BTreeSet<String>,
    of_server: BTreeSet<String>,
}

fn selftest(scene: &Scene, name: &str, octet: u8) -> Result<Told> {
    let mut command = scene.servers.command_inside(name);
    command
        .args(["requiretls", "exim-selftest", "--json"])
        .args(["--timeout", "5", "--server"])
        .arg(format!("127.25.0.{octet}"));
    let output = bounded::run(&mut command, b"", LIMIT)?;
    let read: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        Failure::new(format!("{error}: {said}"))
    })?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let findings = read.get("findings").and_then(Value::as_array);
    let findings = findings.cloned().unwrap_or_default();
    let (of_server, others): (Vec<_>, Vec<_>) = findings
        .iter()
        .filter(|one| one["verdict"] != "holds")
        .partition(|one| text(one, "asked").starts_with("requiretls check-server"));
    let short = |list: Vec<&Value>| -> BTreeSet<String> {
        let told = list
            .into_iter()
            .map(|one| format!("{}: {}", text(one, "verdict"), text(one, "check")));
        told.collect()
    };
    Ok(Told {
        status: output.status.code(),
        build: text(&read, "build"),
        others: short(others),
        of_server: short(of_server),
    })
}

fn conf(scene: &Scene, name: &str) -> PathBuf {
    scene.shared(&format!("requiretls-{name}/requiretls.conf"))
}

fn words(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn holds_and_is_found_wanting(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    let guarded = format!("{GUARD}{ROUTER}");
    for (name, octet, routers) in [
        ("exim", 60, Some(guarded.as_str())),
        ("unguarded", 61, None),
    ] {
        let bin = scene.path(name).join("up/usr/bin");
        fs::create_dir_all(&bin)?;
        fs::copy(built("requiretls")?, bin.join("requiretls"))?;
        scene.run(&Daemon {
            name,
            octet,
            routers,
            ..Daemon::patched(&program, build)
        })?;
        let path = conf(&scene, name);
        let text = fs::read_to_string(&path)?;
        let probes = "[dns]\nprobe_signed = [\".\", \"test\"]\nprobe_unsigned = [\"sts-enforce.test\"]\nprobe_bogus = [\"zone-wrong-ds.test\"]";
        fs::write(path, text.replacen("[dns]", probes, 1))?;
    }
    // The testbed's library keeps no cache.
    let cache = "doubt: Exim's user can keep policies in the cache";
    let guard = "fault: tagged mail waits where this Exim is replaced by its stock build";

    let told = selftest(&scene, "exim", 60)?;
    assert_eq!((told.others, told.of_server), (words(&[cache]), words(&[])));
    assert_eq!((told.status, told.build.as_str()), (Some(0), "patched"));

    let told = selftest(&scene, "unguarded", 61)?;
    assert_eq!(
        (told.others, told.of_server),
        (words(&[cache, guard]), words(&[]))
    );
    assert_eq!(told.status, Some(1));

    // P6.15.
    let path = conf(&scene, "exim");
    let text = fs::read_to_string(&path)?;
    let broken = format!("{text}\n[next_hop.\"free.test\"]\nfloor = \"encript\"\n");
    fs::write(&path, broken)?;
    let told = selftest(&scene, "exim", 60)?;
    let unreadable = [
        "fault: MAIL with REQUIRETLS is understood",
        "fault: requiretls.conf can be read",
        "fault: so is it behind another parameter",
        "fault: so is it from <>",
    ];
    assert_eq!(told.others, words(&unreadable));
    assert_eq!(told.status, Some(1));
    fs::write(&path, text)?;

    scene.inside(
        "exim",
        &["mv", "/usr/lib/librequiretls.so.0", "/usr/lib/away"],
    )?;
    let told = selftest(&scene, "exim", 60)?;
    assert_eq!(
        told.others,
        words(&["fault: Exim starts, and reads its configuration"])
    );
    assert_eq!(told.status, Some(1));
    Ok(())
}

#[test]
fn stable_holds_and_is_found_wanting() -> Result<()> {
    holds_and_is_found_wanting(STABLE)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn newest_holds_and_is_found_wanting() -> Result<()> {
    holds_and_is_found_wanting(NEWEST)
}
