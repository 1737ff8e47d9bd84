//! What of the two short cuts that Exim takes to a host that it knows: a TLS session from before, and MAIL before EHLO is answered?
//!
//! The host is another stock Exim of the same release, which offers both.

use std::fs;

use ffi_tests::{Failure, Identity, Result};
use requiretls_testbed::Domain;

use crate::scene::{Scene, Setting};

on_every_exim!(no_short_cut_is_taken_with_bound_mail);

const HOST: &str = "127.25.0.80";
const LOG: &str = "receiver/log/exim4/mainlog";
const RECEIVER: &str = "\
primary_hostname = mx.host.test
local_interfaces = 127.25.0.80
disable_ipv6 = true
keep_environment =
log_file_path = /var/log/exim4/%slog
log_selector = +pipelining +tls_resumption +received_recipients
tls_advertise_hosts = *
tls_certificate = /mnt/receiver.pem
tls_resumption_hosts = *
pipelining_connect_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = accept
begin acl
begin routers
all:
  driver = redirect
  data = :blackhole:
";

/// How a message came: by a session from before, and ahead of the greeting.
fn arrival(scene: &Scene<'_>, recipient: &str) -> Result<(bool, bool)> {
    let to = format!(" for {recipient}");
    let what = format!("{recipient} has come");
    let line = scene.servers.watch(LOG, &what, || {
        let log = scene.servers.log(LOG)?;
        let found = log
            .lines()
            .find(|line| line.contains(" <= ") && line.contains(&to));
        Ok(found.map(str::to_owned))
    })?;
    let field = |name: &str| line.split(' ').find(|word| word.starts_with(name));
    let cipher = field("X=TLS").ok_or_else(|| Failure::new(format!("no TLS: {line}")))?;
    Ok((
        cipher.ends_with('*'),
        field("L").is_some_and(|word| word == "L*"),
    ))
}

fn no_short_cut_is_taken_with_bound_mail(exim: &str) -> Result<()> {
    let domain = |name: &str| Domain::new(name).record("@ MX 10 mx.host.test.");
    let domains = vec![
        Domain::new("host.test").record(&format!("mx A {HOST}")),
        domain("free.test"),
        domain("bound.test"),
    ];
    let setting = Setting {
        main: &["SITE_EARLY = yes"],
        ..Setting::default()
    };
    let (identity, other) = (
        Identity::new("mx.host.test")?,
        Identity::new("mx.host.test")?,
    );
    let pinned = |key: &str| {
        format!(
            "\n[next_hop.\"bound.test\"]\nfloor = \"secure\"\nmethods = [\"pin\"]\npins = [\"{key}\"]\n"
        )
    };
    Scene::run(exim, &setting, domains, |scene| {
        fs::write(scene.shared("receiver.pem"), &identity.pem)?;
        scene
            .servers
            .write("receiver/up/etc/exim4/exim4.conf", RECEIVER)?;
        scene
            .servers
            .write("receiver/up/etc/hosts", "127.0.0.1 localhost\n")?;
        scene.servers.write(
            "receiver/cmd",
            "install -d -o Debian-exim /var/log/exim4; exec exim4 -bdf",
        )?;
        scene.servers.start("receiver", exim, HOST, 25)?;
        scene.configure(&pinned(&identity.pin))?;

        let go = |recipient: &str, transport: &str| -> Result<(bool, bool)> {
            scene.submit(&[recipient], "")?;
            let line = scene.wait_for(recipient, "=>")?;
            assert!(line.contains(transport), "{line}");
            arrival(scene, recipient)
        };
        // Exim learns what the host offers, and then does use it.
        assert_eq!(go("one@free.test", "T=remote_smtp")?, (false, false));
        assert_eq!(go("two@free.test", "T=remote_smtp")?, (true, true));
        for recipient in ["one@bound.test", "two@bound.test"] {
            assert_eq!(
                go(recipient, "T=requiretls_smtp")?,
                (false, false),
                "{recipient}"
            );
        }
        assert_eq!(go("three@free.test", "T=remote_smtp")?, (true, true));
        // By another key it is not the host that is meant, whatever was proved before.
        scene.configure(&pinned(&other.pin))?;
        scene.submit(&["three@bound.test"], "")?;
        scene.wait_for("three@bound.test", "==")?;
        assert!(scene.exim(&["-bp"])?.contains("three@bound.test"));
        let log = scene.servers.log(LOG)?;
        assert!(!log.contains("three@bound.test"), "{log}");
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}
