//! What happens to a queue when the other build of Exim takes it over?

use ffi_tests::Result;

use crate::build::Build;
use crate::scene::{Daemon, Scene};

on_every_build!(a_queue_goes_from_stock_to_patched_and_back,);

/// The router for a server that is put back to its stock build.
const GUARD: &str = include_str!("../../../crates/requiretls-capi/hosts/exim/patch/guard.conf");
const ROUTER: &str = "dns:\n  driver = dnslookup\n  transport = smtp\n  self = send\n  no_more\n";

fn a_queue_goes_from_stock_to_patched_and_back(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    let guarded = format!("{GUARD}{ROUTER}");
    let usual = Daemon {
        routers: Some(&guarded),
        ..Daemon::patched(&program, build)
    };
    let stock = Daemon {
        name: "stock",
        octet: 61,
        program: None,
        main: "queue_only = true",
        ..usual
    };
    scene.run(&stock)?;
    scene.run(&Daemon {
        main: "queue_only = true",
        ..usual
    })?;

    // A stock queue, taken over by the patched build.
    let plain = scene.submit_to(61, "MAIL FROM:<ann@client.test>", "", &["bob@good.test"])?;
    let by_acl = scene.submit_to(
        61,
        "MAIL FROM:<ann+1.secure.onward@client.test>",
        "",
        &["bob@no-requiretls.test"],
    )?;
    // In the other direction.
    let tagged = scene.submit(
        "MAIL FROM:<ann@client.test> REQUIRETLS",
        "",
        &["bob@good.test"],
    )?;
    let untagged = scene.submit("MAIL FROM:<ann@client.test>", "", &["bob@dane-ee.test"])?;

    // R14: a sender who asks for less asks nothing of a stock build.
    let lowered = scene.submit(
        "MAIL FROM:<ann@client.test>",
        "TLS-Required: No",
        &["bob@no-starttls.test"],
    )?;

    let listed = scene.inside("stock", &["exim4", "-bp"])?;
    for id in [&plain, &by_acl, &tagged, &untagged, &lowered] {
        assert!(listed.contains(id.as_str()), "{listed}");
    }
    scene.inside("exim", &["exim4", "-M", &plain, &by_acl])?;
    let line = scene.outcome(&plain, "bob@good.test")?;
    assert!(line.contains("=>"), "{line}");
    let line = scene.outcome(&by_acl, "bob@no-requiretls.test")?;
    assert!(
        line.contains("**") && line.contains("requiretls: 550 5.7.30 "),
        "{line}"
    );

    assert!(
        scene
            .queued(&lowered, "-H")?
            .contains("-aclm _requiretls 4\n1.no\n")
    );
    scene.inside("stock", &["exim4", "-M", &tagged, &untagged, &lowered])?;
    scene.logged("stock", &[&lowered, "=> bob@no-starttls.test"])?;
    let line = scene.logged("stock", &[&tagged, "== bob@good.test"])?;
    assert!(
        line.contains("4.7.10 this Exim is built without REQUIRETLS"),
        "{line}"
    );
    let line = scene.logged("stock", &[&untagged, "=> bob@dane-ee.test"])?;
    assert!(!line.contains("requiretls"), "{line}");
    // It has been written by the stock build in between, and has lost nothing.
    assert!(
        scene
            .queued(&tagged, "-H")?
            .contains("-aclm _requiretls 15\n1.secure.onward\n")
    );
    scene.inside("exim", &["exim4", "-M", &tagged])?;
    let line = scene.outcome(&tagged, "bob@good.test")?;
    assert!(line.contains("=>") && line.contains("CV=yes"), "{line}");
    let received = scene.finish()?;
    let commands = received.mail("mx.good.test");
    assert!(
        commands.contains(&"TLS <ann@client.test> REQUIRETLS RET=HDRS".to_owned()),
        "{commands:?}"
    );
    Ok(())
}
