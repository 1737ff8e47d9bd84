//! Does the page lead a packager to a Debian package with the library compiled in?
//!
//! Debian 12's own source package, in a clean Debian 12 with the page's lines; then it takes a stock Exim's place there, and its
//! program meets the peers that the other builds meet.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ffi_tests::{
    Debian, Failure, Identity, Result, bounded, built, commands, packages, target, workspace,
};
use tempfile::TempDir;

use crate::build::OLD;
use crate::outbound::{TAGGED, UNTAGGED, deliver};
use crate::scene::{Daemon, Scene};

const PAGE: &str = "crates/requiretls-capi/hosts/exim/patch/README.md";
/// Two daemons, their manual, and all that they are built with: minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(2400);
const LIMIT: Duration = Duration::from_secs(300);
const PRELUDE: &str = "set -e; export LC_ALL=C DEBIAN_FRONTEND=noninteractive DEBEMAIL=packager@host.test \
                       DEB_BUILD_OPTIONS=parallel=2; cd /usr/src\n";
/// What Debian asks when Exim is installed, answered beforehand.
const ANSWERS: &str = "\
exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP
exim4-config exim4/dc_other_hostnames string host.test
exim4-config exim4/dc_local_interfaces string 127.0.0.1
exim4-config exim4/mailname string host.test
";

/// What happens inside, in this order, without network; and what must be said.
#[rustfmt::skip]
const STEPS: [(&str, &str, &[&str]); 5] = [
    ("a stock Exim with a message in its queue",
        "useradd -m bob; exim4 -bV; printf 'Subject: x\\n\\nThe body.\\n' | exim4 -odq -f ann@host.test bob@host.test; exim4 -bp",
        &["Exim version 4.96", "bob@host.test"]),
    ("ours takes its place, and the queue",
        "dpkg -i exim4-base_*.deb exim4-daemon-heavy_*.deb >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }; \
         dpkg-query -W -f '${Version} ${Depends}\\n' exim4-daemon-heavy; exim4 -bp",
        &["+requiretls1 ", "librequiretls0", "bob@host.test"]),
    ("both daemons depend on the library",
        "for d in light heavy; do dpkg-deb -f exim4-daemon-${d}_*.deb Depends; done | grep -c librequiretls0",
        &["2\n"]),
    ("the message is delivered by it", "exim4 -qf; tail -n 3 /var/log/exim4/mainlog; test -z \"$(exim4 -bp)\"", &["=> bob", "Completed"]),
    ("TRYING", "", &["REQUIRETLS", "_HAVE_REQUIRETLS=y", "12 checks: 12 hold"]),
];

#[test]
#[ignore = "cargo xtask hosts"]
fn debian_12s_package_is_built_by_the_readme() -> Result<()> {
    let debian = Debian::make("bookworm")?;
    let room = TempDir::new_in(target())?;
    let up = room.path().join("up");
    prepare(&up)?;
    let run = |command: &mut Command, limit| bounded::output(command, limit);
    let page = commands(PAGE, "exim as a package")?.join("\n");
    let bash = Command::new("bash");
    run(
        &mut debian.joined(bash, room.path(), &build(&page)),
        BUILD_LIMIT,
    )?;

    fs::write(up.join("etc/resolv.conf"), "")?;
    fs::write(up.join("etc/hosts"), "127.0.0.1 host.test host localhost\n")?;
    let mut trying = commands(PAGE, "exim as a package: trying")?;
    // The last line is about a message that waits.
    trying.pop();
    let trying = trying.join("; ").replace("example.org", "host.test");
    let trying = format!("exim4 -bdf & sleep 1; {trying}");
    for (label, script, expected) in STEPS {
        let script = if label == "TRYING" { &trying } else { script };
        let mut command = debian.alone(room.path(), &format!("{PRELUDE}{script}"));
        let said =
            run(&mut command, LIMIT).map_err(|error| Failure::new(format!("{label}: {error}")))?;
        for words in expected {
            assert!(said.contains(words), "{label}: {words:?}: {said}");
        }
    }

    // The light daemon, which has less of everything, and the heavy one.
    for name in ["light", "heavy"] {
        let program = up.join(format!("usr/src/{name}/usr/sbin/exim4"));
        for rows in [&TAGGED[..], &UNTAGGED[..]] {
            let mut scene = Scene::open(&[OLD.root])?;
            scene.run(&Daemon::patched(&program, OLD))?;
            deliver(scene, rows)?;
        }
    }
    Ok(())
}

/// What the system has beside its own: our packages, the tool that makes the diff, and a way to Debian's mirror.
fn prepare(up: &Path) -> Result<()> {
    for directory in [
        "packages",
        "usr/src",
        "etc/apt/apt.conf.d",
        "etc/dpkg/dpkg.cfg.d",
        "etc/exim4",
        "usr/sbin",
    ] {
        fs::create_dir_all(up.join(directory))?;
    }
    for package in packages()? {
        fs::copy(
            &package,
            up.join("packages")
                .join(package.file_name().unwrap_or_default()),
        )?;
    }
    let xtask = up.join("usr/bin/xtask");
    fs::create_dir_all(up.join("usr/bin"))?;
    fs::copy(built("xtask")?, &xtask)?;
    // Where the tool has it from.
    let patch = workspace().join("crates/requiretls-capi/hosts/exim");
    let inside: PathBuf = patch.strip_prefix("/").unwrap_or(&patch).to_owned();
    fs::create_dir_all(up.join(&inside))?;
    let mut copy = Command::new("cp");
    copy.arg("-a")
        .arg(patch.join("patch"))
        .arg(up.join(&inside));
    bounded::output(&mut copy, LIMIT)?;
    for name in ["resolv.conf", "hosts"] {
        fs::copy(Path::new("/etc").join(name), up.join("etc").join(name))?;
    }
    let identity = Identity::new("host.test")?;
    for (name, text) in [
        (
            "etc/apt/apt.conf.d/99test",
            "APT::Get::Assume-Yes true;\nAPT::Install-Recommends false;\nAcquire::Retries 3;\n",
        ),
        // What is thrown away in the end need not be safe on the disk.
        ("etc/dpkg/dpkg.cfg.d/test", "force-unsafe-io\n"),
        // No service manager is there.
        ("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"),
        ("packages/answers", ANSWERS),
        ("packages/tls.pem", &identity.pem),
    ] {
        fs::write(up.join(name), text)?;
    }
    let policy = up.join("usr/sbin/policy-rc.d");
    Ok(fs::set_permissions(
        policy,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// All that needs the mirror: the page's lines, and a stock Exim whose place the package is to take.
fn build(page: &str) -> String {
    let page = page
        .replace("(cd LIBREQUIRETLS && cargo xtask ", "(cd /tmp && xtask ")
        .replace("4.98.2", OLD.version);
    format!(
        "{PRELUDE}sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/sources.list\n\
         apt-get update -qq\n\
         debconf-set-selections </packages/answers\n\
         apt-get install /packages/librequiretls*.deb /packages/requiretls_*.deb exim4-daemon-heavy\n\
         mkdir -p /etc/exim4/conf.d/main; echo MAIN_TLS_ENABLE = yes >/etc/exim4/conf.d/main/000_localmacros\n\
         echo MAIN_TLS_ENABLE = yes >/etc/exim4/exim4.conf.localmacros\n\
         install -o root -g Debian-exim -m 640 /packages/tls.pem /etc/exim4/exim.crt\n\
         install -o root -g Debian-exim -m 640 /packages/tls.pem /etc/exim4/exim.key\n\
         update-exim4.conf\n\
         {page}\n\
         cd ..; for d in light heavy; do dpkg-deb -x exim4-daemon-${{d}}_*.deb $d; done\n"
    )
}
