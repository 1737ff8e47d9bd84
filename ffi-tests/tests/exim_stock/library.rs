//! What if the library is gone, is another one, or cannot read its configuration?

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Step, Sts};

use crate::scene::{LOG, Scene, Setting};

on_every_exim!(
    without_the_library_only_what_needs_it_waits,
    what_is_bound_waits_where_the_functions_fail_later,
    the_library_may_go_while_a_message_is_under_way,
    a_broken_configuration_holds_the_mail_until_it_is_mended,
    a_cache_of_root_is_no_hindrance,
);

const HERE: &str = "requiretls-exim.so";
const BELOW: &str = "librequiretls.so.0";

fn domains() -> Vec<Domain> {
    let self_signed = || Peer::good().certificate(Certificate::SelfSigned);
    let signed = |name: &str, peer| {
        Domain::new(&format!("{name}.test"))
            .signed()
            .mx("mx")
            .peer(peer)
    };
    vec![
        signed("free", Peer::good()),
        signed("dane", self_signed().dane_ee()),
        signed("dane-wrong", Peer::good().dane_ee_wrong()),
        signed("dane-clear", self_signed().dane_ee().no_starttls()),
        Domain::new("sts.test")
            .mx("mx")
            .peer(self_signed())
            .sts(Sts::enforce()),
    ]
}

/// How the library can be missing, and how many lines a message is worth to Exim then: it tells of dlopen by itself.
type Loss = (&'static str, usize, fn(&Scene<'_>) -> Result<()>);

const LOSSES: [Loss; 5] = [
    ("no library below them", 2, |scene| {
        Ok(fs::rename(scene.shared(BELOW), scene.shared("elsewhere"))?)
    }),
    ("an older library, which lacks a call", 2, |scene| {
        scene.build_old_library()
    }),
    ("no functions", 1, |scene| {
        fs::rename(scene.shared("elsewhere"), scene.shared(BELOW))?;
        Ok(fs::remove_file(scene.shared(HERE))?)
    }),
    ("a file that is none", 2, |scene| {
        Ok(fs::write(scene.shared(HERE), "not a library\n")?)
    }),
    ("functions of another version", 1, |scene| {
        scene.build_old_functions()
    }),
];

fn without_the_library_only_what_needs_it_waits(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        for (n, (label, expected, lose)) in LOSSES.iter().enumerate() {
            lose(scene)?;
            let before = scene.panics()?.lines().count();
            let free = format!("free-{n}@free.test");
            let sts = format!("sts-{n}@sts.test");
            let tagged = format!("tagged-{n}@free.test");
            scene.submit(&[&free], "")?;
            scene.wait_for(&free, "=>")?;
            let lines = scene.panics()?.lines().count() - before;
            assert_eq!(lines, *expected, "{label}: {}", scene.panics()?);
            // Nobody can know of the policy.
            scene.submit(&[&sts], "")?;
            let line = scene.wait_for(&sts, "=>")?;
            assert!(
                line.contains("R=dnslookup T=remote_smtp"),
                "{label}: {line}"
            );
            scene.submit(&[&tagged], "X-Site-Tag: 1.secure.onward\r\n")?;
            scene.wait_for(&tagged, "==")?;
            assert!(scene.taken(&tagged).is_empty(), "{label}");
            // What must be understood first is not taken in.
            assert!(
                scene
                    .submit(&[&tagged], "RequireTLS-Tag: 1.secure\r\n")
                    .is_err(),
                "{label}"
            );
        }
        // With both again nothing that was queued meanwhile is lost, and nothing goes twice.
        scene.install_functions()?;
        scene.exim(&["-qff"])?;
        for n in 0..LOSSES.len() {
            let tagged = format!("tagged-{n}@free.test");
            let line = scene.wait_for(&tagged, "=>")?;
            assert!(line.contains("T=requiretls_lmtp"), "{line}");
            for recipient in [
                tagged,
                format!("free-{n}@free.test"),
                format!("sts-{n}@sts.test"),
            ] {
                assert_eq!(scene.taken(&recipient).len(), 1, "{recipient}");
            }
        }
        Ok(())
    })
}

/// As far as a router got, the transport gets nothing out of the library.
fn what_is_bound_waits_where_the_functions_fail_later(exim: &str) -> Result<()> {
    let setting = Setting {
        transports: "REQUIRETLS_LIBRARY == /usr/lib/exim4/gone.so",
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        for name in ["dane", "dane-wrong", "dane-clear", "sts"] {
            let recipient = format!("bob@{name}.test");
            scene.submit(&[&recipient], "")?;
            let (kind, line) = scene.outcome(&recipient)?;
            assert_eq!(kind, "==", "{line}");
        }
        scene.submit(&["bob@free.test"], "")?;
        scene.wait_for("bob@free.test", "=>")?;
        // No MAIL went out at all.
        let sessions = scene.world.sessions().sessions();
        let began = sessions
            .iter()
            .filter(|s| s.lines.iter().any(|(_, line)| line.starts_with("MAIL")));
        assert_eq!(began.count(), 1, "{sessions:#?}");
        Ok(())
    })
}

/// The handle that the router has is the transport's too.
fn the_library_may_go_while_a_message_is_under_way(exim: &str) -> Result<()> {
    let slow = |peer: Peer| peer.slow(std::time::Duration::from_millis(400));
    let self_signed = || Peer::good().certificate(Certificate::SelfSigned);
    let signed = |name: &str, peer| {
        Domain::new(&format!("{name}.test"))
            .signed()
            .mx("mx")
            .peer(slow(peer))
    };
    let domains = vec![
        signed("dane", self_signed().dane_ee()),
        signed("dane-wrong", Peer::good().dane_ee_wrong()),
    ];
    Scene::run(exim, &Setting::default(), domains, |scene| {
        scene.submit(&["bob@dane.test"], "")?;
        scene.submit(&["bob@dane-wrong.test"], "")?;
        scene
            .servers
            .watch(LOG, "both peers are connected to", || {
                Ok((scene.world.sessions().sessions().len() == 2).then_some(()))
            })?;
        fs::remove_file(scene.shared(HERE))?;
        fs::remove_file(scene.shared(BELOW))?;
        scene.wait_for("bob@dane.test", "=>")?;
        scene.wait_for("bob@dane-wrong.test", "==")?;
        assert_eq!(scene.taken("bob@dane.test").len(), 1);
        assert!(scene.taken("bob@dane-wrong.test").is_empty());
        Ok(())
    })
}

/// P6.15: the floor of a site cannot be known then.
fn a_broken_configuration_holds_the_mail_until_it_is_mended(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        scene.configure("\n[next_hop.\"free.test\"]\nfloor = \"encript\"\n")?;
        scene.submit(&["bob@free.test"], "")?;
        let line = scene.wait_for("bob@free.test", "==")?;
        assert!(line.contains("451 4.3.5 "), "{line}");
        assert!(
            line.contains("requiretls.conf, line 16: ") && line.contains("encript"),
            "{line}"
        );
        scene.configure("")?;
        scene.exim(&["-qff"])?;
        scene.wait_for("bob@free.test", "=>")?;
        Ok(())
    })
}

/// A look-up that cannot write its cache is a look-up all the same.
fn a_cache_of_root_is_no_hindrance(exim: &str) -> Result<()> {
    let mut domains = domains();
    domains.push(
        Domain::new("drops.test")
            .mx("mx")
            .peer(Peer::good().drops(Step::Mail))
            .sts(Sts::enforce()),
    );
    domains.push(
        Domain::new("good.test")
            .mx("mx")
            .peer(Peer::good())
            .sts(Sts::enforce()),
    );
    let setting = Setting {
        cache: true,
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains, |scene| {
        let directory = scene.shared("cache");
        std::os::unix::fs::chown(&directory, Some(0), Some(0))?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        scene.submit(&["bob@good.test"], "")?;
        scene.wait_for("bob@good.test", "=>")?;
        scene.submit(&["bob@sts.test"], "")?;
        scene.wait_for("bob@sts.test", "==")?;
        assert!(scene.taken("bob@sts.test").is_empty());
        // Nothing was written in there by root.
        assert_eq!(fs::read_dir(directory)?.count(), 0);
        Ok(())
    })
}
