//! Does the page lead a postmaster from nothing to enforced policies, with what Debian's package manager installs?
//!
//! In a clean Debian, where nobody has heard of Exim: its packages, and ours, are in an archive of their own. The commands are
//! those of the page.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ffi_tests::{Debian, Failure, Result, Servers, bounded, commands, packages, target};
use requiretls_testbed::{DnsMode, World};

use crate::debian::{domains, policies_are_enforced};
use crate::scene::{ADDRESS, Scene};

const LIMIT: Duration = Duration::from_secs(600);
/// What Debian asks when Exim is installed, answered beforehand.
const ANSWERS: &str = "\
exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP
exim4-config exim4/dc_other_hostnames string host.test
exim4-config exim4/dc_local_interfaces string 127.25.0.21
exim4-config exim4/dc_relay_domains string *
exim4-config exim4/dc_relay_nets string 127.0.0.0/8
exim4-config exim4/mailname string host.test
";

#[test]
fn the_readme_leads_from_nothing_to_enforced_policies_in_bookworm() -> Result<()> {
    from_nothing("bookworm", "exim96")
}

#[test]
fn the_readme_leads_from_nothing_to_enforced_policies_in_trixie() -> Result<()> {
    from_nothing("trixie", "exim98")
}

fn from_nothing(suite: &str, exim: &str) -> Result<()> {
    let page = commands(
        "crates/requiretls-capi/hosts/exim/README.md",
        "exim from nothing",
    )?;
    assert_eq!(
        page,
        commands("README.md", "exim from nothing")?,
        "both pages say the same"
    );
    assert_eq!(page.len(), 5, "{page:#?}");
    let servers = Servers::open(&[exim])?;
    let room = servers.path().join("host");
    let up = room.join("up");
    archive(suite, &up.join("packages"))?;
    // Only outside the network of the servers can it be made.
    let system = Debian::make(suite)?;
    let tried = servers.within(|| {
        let world = World::builder()
            .smtp_port(25)
            .dns_port(53)
            .domains(domains())
            .start();
        let world = world.map_err(|error| Failure::new(error.to_string()))?;
        let scene = Scene {
            world,
            servers: &servers,
        };
        prepare(&scene, &up)?;
        // Where the scene looks for Exim's log.
        symlink(up.join("var/log"), room.join("log"))?;
        let said = fs::File::create(room.join("said"))?;
        let mut debian = system
            .joined(servers.command(["bash"]), &room, &script(&page))
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()?;
        let answers = wait_for_exim(&mut debian);
        let said = fs::read_to_string(room.join("said")).unwrap_or_default();
        answers.map_err(|error| Failure::new(format!("{suite}: {error}: {said}")))?;
        let routed = fs::read_to_string(up.join("tmp/routed"))?;
        assert!(
            routed.contains("router = requiretls_bound, transport = requiretls_smtp"),
            "{routed}"
        );
        let enforced = policies_are_enforced(&scene);
        drop(debian.kill());
        drop(debian.wait());
        enforced?;
        let leaks = scene.world.stop();
        assert!(leaks.is_empty(), "{leaks:?}");
        Ok(())
    });
    tried?
}

/// What the network of a server says, and what a test needs that a server does not.
fn prepare(scene: &Scene<'_>, up: &Path) -> Result<()> {
    let resolver = scene.world.dns().address().ip();
    for (name, text) in [
        (
            "etc/resolv.conf",
            format!("nameserver {resolver}\noptions edns0 trust-ad timeout:2 attempts:2\n"),
        ),
        ("etc/hosts", "127.0.0.1 localhost\n".to_owned()),
        (
            "etc/apt/sources.list",
            "deb [trusted=yes] file:/packages ./\n".to_owned(),
        ),
        (
            "etc/apt/apt.conf.d/99test",
            "APT::Get::Assume-Yes true;\nAPT::Install-Recommends false;\n".to_owned(),
        ),
        // What is thrown away in the end need not be safe on the disk.
        ("etc/dpkg/dpkg.cfg.d/test", "force-unsafe-io\n".to_owned()),
        // Debian takes no address of the loopback for a mail host's.
        (
            "etc/exim4/conf.d/main/000_localmacros",
            "REQUIRETLS_IGNORED_HOSTS = 255.255.255.255\n".to_owned(),
        ),
        // No service manager is there; Exim starts when the page's commands are over.
        ("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n".to_owned()),
        ("tmp/answers", ANSWERS.to_owned()),
    ] {
        scene.servers.write(&format!("host/up/{name}"), &text)?;
    }
    fs::set_permissions(
        up.join("usr/sbin/policy-rc.d"),
        fs::Permissions::from_mode(0o755),
    )?;
    fs::set_permissions(up.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::create_dir_all(up.join("etc/requiretls"))?;
    Ok(scene.world.write(&up.join("etc/requiretls"), DnsMode::Ad)?)
}

/// The page's commands; in the place of a service manager Exim itself starts behind them.
fn script(page: &[String]) -> String {
    let mut script = String::from(
        "set -e; export LC_ALL=C DEBIAN_FRONTEND=noninteractive\n\
         debconf-set-selections </tmp/answers; apt-get update -qq\n",
    );
    for command in page {
        let command = command.replace("systemctl restart exim4", "true");
        script.push_str(
            &command.replace("postmaster@gmail.com", "postmaster@good.test >/tmp/routed"),
        );
        script.push('\n');
    }
    script.push_str("exim4 -bdf & wait\n");
    script
}

fn wait_for_exim(debian: &mut Child) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while TcpStream::connect((ADDRESS, 25)).is_err() {
        if let Some(status) = debian.try_wait()? {
            return Err(Failure::new(format!("the commands have ended: {status}")));
        }
        if Instant::now() > end {
            return Err(Failure::new("Exim does not answer"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Our packages, and all that were fetched of the suite, with a list of them.
fn archive(suite: &str, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let fetched = target().join(format!("real-servers/apt/{suite}/cache/archives"));
    let entries = fs::read_dir(&fetched)
        .map_err(|error| Failure::new(format!("{}: {error}", fetched.display())))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let fetched = paths.filter(|path| path.extension().is_some_and(|end| end == "deb"));
    for package in packages()?.into_iter().chain(fetched) {
        let link = to.join(package.file_name().unwrap_or_default());
        if fs::hard_link(&package, &link).is_err() {
            fs::copy(&package, &link)?;
        }
    }
    let mut scan = Command::new("dpkg-scanpackages");
    let list = bounded::output(scan.args(["--multiversion", "."]).current_dir(to), LIMIT)?;
    Ok(fs::write(to.join("Packages"), list)?)
}
