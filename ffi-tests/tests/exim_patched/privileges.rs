//! Who reads what the network says?
//!
//! Exim's own routers look up MX records and addresses as root, as they always did; whatever the library reads for a plan,
//! by UDP as well, is read as Exim's user.

use ffi_tests::Result;
use ffi_tests::trace::{Watch, reads};
use requiretls_testbed::{Domain, HTTPS_PORT, Peer, Sts};

use crate::build::Build;
use crate::scene::{Daemon, EXIM, Scene};

on_every_build!(what_the_library_reads_is_read_as_exims_user);

const ROOT: &str = "0";
const EXIMS_OWN: [&str; 3] = ["UDP MX", "UDP A", "UDP AAAA"];

fn what_the_library_reads_is_read_as_exims_user(build: Build) -> Result<()> {
    let program = build.program()?;
    let good = Peer::good;
    let domains = vec![
        Domain::new("bound.test")
            .mx("mx")
            .peer(good())
            .sts(Sts::enforce()),
        Domain::new("dane.test")
            .signed()
            .mx("mx")
            .peer(good().dane_ee()),
    ];
    let mut scene = Scene::with_domains(&[build.root], domains)?;
    scene.run(&Daemon::patched(&program, build))?;
    let trace = scene.path("trace");
    // The daemon's own user: it needs to be root no more.
    let watch = Watch::begin(&scene.servers, &trace, &scene.daemon()?.to_string())?;
    for (mail, recipient) in [
        ("MAIL FROM:<ann@client.test> REQUIRETLS", "bob@bound.test"),
        ("MAIL FROM:<ann@client.test>", "bob@bound.test"),
        ("MAIL FROM:<ann@client.test> REQUIRETLS", "bob@dane.test"),
        // A callout is made by the process that takes the message in.
        (
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "callout@dane.test",
        ),
    ] {
        let id = scene.submit(mail, "", &[recipient])?;
        let line = scene.outcome(&id, recipient)?;
        assert!(line.contains(" => "), "{line}\n{}", scene.log("exim"));
    }
    drop(watch);
    let exim = EXIM.to_string();
    let found = reads(&trace, &exim)?;
    for (user, what) in &found {
        let may = *user == exim || user == ROOT && EXIMS_OWN.contains(&what.as_str());
        assert!(may, "{user} reads {what}: {found:?}");
    }
    for what in [
        "UDP TXT",
        "UDP TLSA",
        "UDP MX",
        "TCP 25",
        &format!("TCP {HTTPS_PORT}"),
    ] {
        let read = found.contains(&(exim.clone(), what.to_owned()));
        assert!(read, "{what}: {found:?}");
    }
    scene.finish().map(drop)
}
