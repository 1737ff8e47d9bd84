//! Do the same rules hold where the hosts speak LMTP over TCP, or TLS from the first octet? (RFC 8689 section 2, P12)

use ffi_tests::{Identity, Result};
use requiretls_testbed::Domain;

use crate::build::Build;
use crate::scene::{Daemon, Scene};

on_every_build!(
    a_tagged_message_goes_by_lmtp_as_by_smtp,
    a_tagged_message_goes_where_there_is_no_starttls_but_tls_at_once,
);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";

fn a_tagged_message_goes_by_lmtp_as_by_smtp(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    let near = scene.address("mx.starttls-554.test")?;
    let route = |domain: &str, host: &str| {
        let name = domain.replace('.', "_");
        format!(
            "{name}:\n  driver = manualroute\n  domains = {domain}\n  route_list = * {host}\n  transport = lmtp\n  self = send\n"
        )
    };
    let routers = [
        route("good.example", "mx.good.test"),
        route("clear.example", "mx.no-starttls.test"),
        route("lacks.example", "mx.no-requiretls.test"),
        route("near.example", &near),
    ]
    .concat();
    scene.run(&Daemon {
        routers: Some(&routers),
        transport: "lmtp:\n  driver = smtp\n  protocol = lmtp\n  port = 25\n  allow_localhost\n",
        ..Daemon::patched(&program, build)
    })?;
    for (label, mail, domain, expected, host, seen) in [
        (
            "R2",
            R,
            "good.example",
            "=>",
            "mx.good.test",
            "TLS <ann@client.test> REQUIRETLS RET=HDRS",
        ),
        (
            "VX35",
            R,
            "clear.example",
            "requiretls: 550 5.7.10 ",
            "mx.no-starttls.test",
            "",
        ),
        (
            "P6.13",
            R,
            "lacks.example",
            "requiretls: 550 5.7.30 ",
            "mx.no-requiretls.test",
            "",
        ),
        // The site's own route to this machine: nothing is enforced, and no parameter goes in clear text.
        (
            "P12",
            R,
            "near.example",
            "=>",
            "mx.starttls-554.test",
            "clear <ann@client.test> RET=HDRS",
        ),
        (
            "P3",
            NONE,
            "clear.example",
            "=>",
            "mx.no-starttls.test",
            "clear <ann@client.test>",
        ),
    ] {
        let recipient = format!("bob@{domain}");
        let id = scene.submit(mail, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(
            line.contains(expected),
            "{label}: {line}\n{}",
            scene.log("exim")
        );
        let read = scene.received()?.mail(host);
        let mail = read.last().map(String::as_str).unwrap_or_default();
        assert_eq!(mail, seen, "{label}: {line}");
    }
    let received = scene.finish()?;
    assert!(received.0.contains(": LHLO relay.test"), "{}", received.0);
    assert!(!received.0.contains(": EHLO "), "{}", received.0);
    Ok(())
}

/// R4, RFC 8314: nothing is said in clear text at all.
fn a_tagged_message_goes_where_there_is_no_starttls_but_tls_at_once(build: Build) -> Result<()> {
    const OTHER: &str = "127.25.0.71";
    let program = build.program()?;
    let (right, wrong) = (
        Identity::new("mx.right.test")?,
        Identity::new("mx.wrong.test")?,
    );
    let domain = |name: &str, pin: &str| {
        Domain::new(name)
            .signed()
            .record(&format!("mx A {OTHER}"))
            .record(&format!("_465._tcp.mx TLSA 3 1 1 {pin}"))
    };
    let domains = vec![
        domain("right.test", &right.pin),
        domain("wrong.test", &wrong.pin),
    ];
    let mut scene = Scene::with_domains(&[build.root], domains)?;
    scene.run(&Daemon {
        name: "other",
        octet: 71,
        ports: "25 : 465",
        spool: "other",
        identity: Some(&right),
        main: "tls_on_connect_ports = 465\nqueue_only\n",
        ..Daemon::patched(&program, build)
    })?;
    scene.run(&Daemon {
        routers: Some(
            "there:\n  driver = manualroute\n  domains = right.test : wrong.test\n  route_data = mx.$domain\n  \
             transport = at_once\n  self = send\n",
        ),
        transport: "at_once:\n  driver = smtp\n  protocol = smtps\n  port = 465\n  allow_localhost\n",
        ..Daemon::patched(&program, build)
    })?;
    for (mail, domain, expected) in [
        (R, "right.test", "CV=dane"),
        (NONE, "right.test", "CV=dane"),
        (R, "wrong.test", "requiretls: 451 4.7.10 "),
        (NONE, "wrong.test", "requiretls: 451 4.7.5 "),
    ] {
        let recipient = format!("bob@{domain}");
        let id = scene.submit(mail, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(line.contains(expected), "{mail} {domain}: {line}");
    }
    let log = scene.log("other");
    assert_eq!(log.matches(" <= ann@client.test ").count(), 2, "{log}");
    Ok(())
}
