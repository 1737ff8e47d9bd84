//! Does `requiretls exim-selftest` find what does not hold, and nothing else? Issue 9, item 3.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use ffi_tests::{Failure, Result, bounded};
use requiretls_testbed::{Domain, Peer, Sts, Zone};
use serde_json::Value;

use crate::scene::{ADDRESS, Scene, Setting};

on_every_exim!(
    the_shipped_files_hold,
    what_does_not_hold_is_found,
    a_site_that_wants_variables_to_be_set_is_told,
);

const LIMIT: Duration = Duration::from_secs(120);
const CONF: &str = "requiretls/requiretls.conf";

fn domains() -> Vec<Domain> {
    vec![
        Domain::new("good.test")
            .mx("mx")
            .peer(Peer::good())
            .sts(Sts::enforce()),
        Domain::new("bogus.test").zone(Zone::wrong_ds),
    ]
}

/// What the scene does without: names to test the name servers by, and Exim's user in the group of the cache, as the package
/// lets it in.
fn complete(scene: &Scene<'_>) -> Result<()> {
    let join = "sed -i 's/^requiretls:x:208:/&Debian-exim/' /etc/group";
    scene.servers.inside("host", &["sh", "-ec", join])?;
    let conf = fs::read_to_string(scene.shared(CONF))?;
    let probes = "[dns]\nprobe_signed = [\".\", \"test\"]\nprobe_unsigned = [\"good.test\"]\nprobe_bogus = [\"bogus.test\"]";
    Ok(fs::write(
        scene.shared(CONF),
        conf.replacen("[dns]", probes, 1),
    )?)
}

/// The exit status, which files it found, and all findings that do not hold, each with what was said.
struct Told {
    status: Option<i32>,
    build: String,
    files: String,
    others: Vec<(String, String)>,
}

fn selftest(scene: &Scene<'_>) -> Result<Told> {
    let mut command = scene.servers.command_inside("host");
    command.args([
        "requiretls",
        "exim-selftest",
        "--json",
        "--domain",
        "good.test",
    ]);
    command.args(["--timeout", "5", "--server", ADDRESS]);
    let output = bounded::run(&mut command, b"", LIMIT)?;
    let read: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        Failure::new(format!("{error}: {said}"))
    })?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let findings = read.get("findings").and_then(Value::as_array);
    let findings = findings.cloned().unwrap_or_default();
    let others = findings
        .iter()
        .filter(|one| one["verdict"] != "holds")
        .map(|one| {
            let what = format!("{}: {}", text(one, "verdict"), text(one, "check"));
            (
                what,
                format!("{}: {}", text(one, "asked"), text(one, "said")),
            )
        });
    Ok(Told {
        status: output.status.code(),
        build: text(&read, "build"),
        files: text(&read, "files"),
        others: others.collect(),
    })
}

fn the_shipped_files_hold(exim: &str) -> Result<()> {
    for (full, files) in [(false, "standard"), (true, "full")] {
        let setting = Setting {
            full,
            cache: true,
            ..Setting::default()
        };
        Scene::run(exim, &setting, domains(), |scene| {
            complete(scene)?;
            let told = selftest(scene)?;
            assert!(told.others.is_empty(), "{files}: {:#?}", told.others);
            assert_eq!(told.status, Some(0), "{files}");
            assert_eq!((told.build.as_str(), told.files.as_str()), ("stock", files));
            Ok(())
        })?;
    }
    Ok(())
}

/// What is done to a site, and what undoes it.
enum Deed {
    /// By a shell inside, to the files that Exim reads: they are put back afterwards.
    Inside(&'static str),
    Outside(fn(&Scene<'_>) -> Result<()>, fn(&Scene<'_>) -> Result<()>),
}

/// The label, the deed, whether the running server shows it too, all else that is found, and a part of what is said.
type Row = (
    &'static str,
    Deed,
    bool,
    &'static [&'static str],
    &'static str,
);

/// What a message or a command meets that needs the library.
const SESSIONS: [&str; 5] = [
    "fault: a message that asks for protection is taken in",
    "fault: a message whose tag cannot be read waits at its sender",
    "fault: MAIL with REQUIRETLS is understood",
    "fault: so is it behind another parameter",
    "fault: so is it from <>",
];
const POLICY: &str = "fault: the library finds the policy of good.test for Exim's user";
const ROUTE: &str = "fault: mail to good.test goes by requiretls_smtp";
const GONE: &[&str] = &[
    "fault: Exim loads requiretls-exim.so, and it is what the shipped files ask for",
    POLICY,
    SESSIONS[0],
    SESSIONS[1],
    SESSIONS[2],
    SESSIONS[3],
    SESSIONS[4],
];

fn away(scene: &Scene<'_>, name: &str) -> Result<()> {
    Ok(fs::rename(scene.shared(name), scene.shared("away"))?)
}

fn back(scene: &Scene<'_>, name: &str) -> Result<()> {
    Ok(fs::rename(scene.shared("away"), scene.shared(name))?)
}

fn cache(scene: &Scene<'_>, owner: u32, mode: u32) -> Result<()> {
    let directory = scene.shared("cache");
    chown(&directory, Some(owner), Some(owner))?;
    Ok(fs::set_permissions(
        directory,
        fs::Permissions::from_mode(mode),
    )?)
}

#[rustfmt::skip]
const ROWS: [Row; 11] = [
    ("issue 9, item 5: the functions are gone",
        Deed::Outside(|s| away(s, "requiretls-exim.so"), |s| back(s, "requiretls-exim.so")), true,
        GONE, "requiretls-exim.so: cannot open shared object file"),
    ("issue 9, item 5: the library is gone",
        Deed::Outside(|s| away(s, "librequiretls.so.0"), |s| back(s, "librequiretls.so.0")), true,
        GONE, "librequiretls.so.0: cannot open shared object file"),
    ("issue 9, item 5: the functions are older",
        Deed::Outside(|s| { fs::copy(s.shared("requiretls-exim.so"), s.shared("away"))?; s.build_old_functions() }, |s| back(s, "requiretls-exim.so")), true,
        GONE, "\"no\", not \"yes\""),
    ("P6.15: requiretls.conf cannot be read",
        Deed::Outside(|s| { fs::copy(s.shared(CONF), s.shared("away"))?; s.configure("\n[next_hop.\"free.test\"]\nfloor = \"encript\"\n") }, |s| back(s, CONF)), true,
        &["fault: requiretls.conf can be read", "fault: a tag in $acl_m_requiretls is understood", "fault: mail whose tag cannot be read waits",
          POLICY, SESSIONS[0], SESSIONS[1], SESSIONS[2], SESSIONS[3], SESSIONS[4]], "line 16: "),
    ("RFC 8461 section 10.2: the cache is root's",
        Deed::Outside(|s| cache(s, 0, 0o700), |s| cache(s, 208, 0o2775)), false,
        &["fault: Exim's user can keep policies in the cache"], "user 202 may not"),
    ("issue 9, item 2: another router takes tagged mail",
        Deed::Inside("sed -i 's|^.include REQUIRETLS_FILES/routers-tagged.conf|early:\\n  driver = dnslookup\\n  domains = ! +local_domains\\n  transport = remote_smtp\\n&|' /etc/exim4/exim4.conf"), false,
        &["fault: tagged mail meets the router requiretls_tagged_plan first",
          "fault: mail meets the router requiretls_policy before MX records are looked up", ROUTE], "the router early comes before it"),
    ("issue 9, item 2: connections are used again",
        Deed::Inside("sed -i 's/connection_max_messages = 1/connection_max_messages = 500/' /usr/share/requiretls/exim/standard/transports.conf"), false,
        &["fault: a connection serves one message that is bound by a policy, and no other"], "connection_max_messages is 500, not 1"),
    ("issue 9, item 2: the last gate is open",
        Deed::Inside("sed -i '/^  authenticated_sender/d' /usr/share/requiretls/exim/standard/transports.conf"), false,
        &["fault: the library judges each step, and MAIL waits for it", "fault: MAIL waits on a connection that the library has not seen"],
        "authenticated_sender is not set"),
    ("issue 9, item 2: the program is gone",
        Deed::Inside("sed -i 's|^.include REQUIRETLS_FILES/main.conf|REQUIRETLS_PROGRAM = /usr/bin/gone\\n&|' /etc/exim4/exim4.conf"), false,
        &["fault: the program that carries tagged mail is there"], "/usr/bin/gone --version: No such file"),
    ("issue 9, item 2: nobody reads the fields",
        Deed::Inside("sed -i '/acl-data.conf/d' /etc/exim4/exim4.conf"), false, &[SESSIONS[1]], "250 OK id="),
    ("issue 9, item 2: the trick with the parameter has stopped",
        Deed::Inside("sed -i '/rewrite.conf/d' /etc/exim4/exim4.conf"), false, &[SESSIONS[2], SESSIONS[3], SESSIONS[4]], "malformed address"),
];

fn what_does_not_hold_is_found(exim: &str) -> Result<()> {
    let setting = Setting {
        full: true,
        cache: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        complete(scene)?;
        for (label, deed, in_server, expected, words) in &ROWS {
            match deed {
                Deed::Inside(script) => {
                    let script = format!(
                        "cp -a /etc/exim4 /tmp/etc; cp -a /usr/share/requiretls /tmp/share; {script}"
                    );
                    scene.servers.inside("host", &["sh", "-ec", &script])?;
                }
                Deed::Outside(change, _) => change(scene)?,
            }
            let told = selftest(scene)?;
            match deed {
                Deed::Inside(_) => {
                    let script = "cp -a /tmp/etc/. /etc/exim4/; cp -a /tmp/share/. /usr/share/requiretls/; rm -r /tmp/etc /tmp/share";
                    scene.servers.inside("host", &["sh", "-ec", script])?;
                }
                Deed::Outside(_, undo) => undo(scene)?,
            }
            let (server, others): (Vec<_>, Vec<_>) = told
                .others
                .into_iter()
                .partition(|(_, said)| said.starts_with("requiretls check-server"));
            let found: BTreeSet<&str> = others.iter().map(|(what, _)| what.as_str()).collect();
            let expected: BTreeSet<&str> = expected.iter().copied().collect();
            assert_eq!(found, expected, "{label}: {others:#?}");
            assert_eq!(!server.is_empty(), *in_server, "{label}: {server:#?}");
            assert_eq!(told.status, Some(1), "{label}");
            assert!(
                others.iter().any(|(_, said)| said.contains(words)),
                "{label}: {others:#?}"
            );
        }
        Ok(())
    })
}

/// Exim 4.100 takes the last of two settings, the others do not start with two.
fn a_site_that_wants_variables_to_be_set_is_told(exim: &str) -> Result<()> {
    let setting = Setting {
        cache: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        complete(scene)?;
        let behind = "sed -i '/^.include REQUIRETLS_FILES.main.conf/a strict_acl_vars = true' /etc/exim4/exim4.conf";
        scene.servers.inside("host", &["sh", "-ec", behind])?;
        let told = selftest(scene)?;
        let (fault, words) = if exim == "exim100" {
            ("fault: strict_acl_vars is false", "strict_acl_vars: true")
        } else {
            (
                "fault: Exim starts, and reads its configuration",
                "\"strict_acl_vars\" option set for the second time",
            )
        };
        let found = told
            .others
            .iter()
            .any(|(what, said)| what == fault && said.contains(words));
        assert!(found, "{:#?}", told.others);
        assert_eq!(told.status, Some(1));
        Ok(())
    })
}
