//! Who reads what the network says?

use std::time::Duration;

use ffi_tests::trace::{Reads, Watch, reads, strace};
use ffi_tests::{Installed, Result, bounded};
use requiretls_testbed::{Domain, HTTPS_PORT, Peer, Sts};

use crate::scene::{Scene, Setting};

on_every_exim!(
    no_byte_of_the_network_comes_to_root,
    a_look_up_that_stays_root_is_noticed
);

/// For the root of 4.96 to 4.100 alike.
const EXIM: &str = "202";
const ROOT: &str = "0";
const LIMIT: Duration = Duration::from_secs(60);
/// What Exim's own routers ask, as root.
const EXIMS_OWN: [&str; 3] = ["UDP MX", "UDP A", "UDP AAAA"];

fn domains() -> Vec<Domain> {
    let domain = Domain::new("read.test").mx("mx").peer(Peer::good());
    vec![domain.sts(Sts::enforce())]
}

/// A router's question alone: Exim itself asks nothing.
fn asked(scene: &Scene<'_>) -> Result<Reads> {
    let trace = scene.servers.path().join("asked");
    let call = format!(
        "${{dlfunc{{/usr/lib/exim4/requiretls-exim.so}}{{requiretls_plan}}{{}}{{read.test}}{{}}{{}}{{{EXIM}}}{{{EXIM}}}}}"
    );
    let exec = scene.servers.command_inside("host");
    let mut command = strace(scene.servers, &trace, &[])?;
    command
        .arg(exec.get_program())
        .args(exec.get_args())
        .args(["exim4", "-be", &call]);
    let said = bounded::output(&mut command, LIMIT)?;
    assert_eq!(said.trim(), "*", "a policy is found");
    reads(&trace, ROOT)
}

/// A whole message.
fn sent(scene: &Scene<'_>) -> Result<Reads> {
    let trace = scene.servers.path().join("sent");
    let watch = Watch::begin(scene.servers, &trace, &scene.daemon()?.to_string())?;
    scene.submit(&["bob@read.test"], "")?;
    let line = scene.wait_for("bob@read.test", "=>")?;
    assert!(line.contains("T=requiretls_smtp"), "{line}");
    drop(watch);
    reads(&trace, EXIM)
}

fn of<'a>(reads: &'a Reads, user: &str) -> Vec<&'a str> {
    let theirs = reads.iter().filter(|(reader, _)| reader == user);
    theirs.map(|(_, what)| what.as_str()).collect()
}

fn has_all(reads: &Reads, user: &str, expected: &[String]) -> bool {
    let theirs = of(reads, user);
    expected.iter().all(|what| theirs.contains(&what.as_str()))
}

fn no_byte_of_the_network_comes_to_root(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        let policy = ["UDP TXT".to_owned(), format!("TCP {HTTPS_PORT}")];
        let asked = asked(scene)?;
        assert!(of(&asked, ROOT).is_empty(), "{asked:?}");
        assert!(has_all(&asked, EXIM, &policy), "{asked:?}");
        let sent = sent(scene)?;
        let roots = of(&sent, ROOT);
        assert!(
            roots.iter().all(|what| EXIMS_OWN.contains(what)),
            "{sent:?}"
        );
        assert!(has_all(&sent, EXIM, &policy), "{sent:?}");
        assert!(has_all(&sent, EXIM, &["TCP 25".to_owned()]), "{sent:?}");
        // Nobody else is there to read.
        assert_eq!(
            of(&sent, ROOT).len() + of(&sent, EXIM).len(),
            sent.len(),
            "{sent:?}"
        );
        Ok(())
    })
}

/// With a child that looks up and does not become Exim's user the same watch finds what it looks for.
fn a_look_up_that_stays_root_is_noticed(exim: &str) -> Result<()> {
    Scene::run(exim, &Setting::default(), domains(), |scene| {
        let line = "if (!leave_root(uid, gid)) _exit(1);";
        let planted = "(void) leave_root; (void) uid; (void) gid;";
        scene.install_altered_functions(&Installed::find()?, "router.c", line, planted)?;
        let asked = asked(scene)?;
        assert!(has_all(&asked, ROOT, &["UDP TXT".to_owned()]), "{asked:?}");
        let sent = sent(scene)?;
        let beyond = |what: &&str| !EXIMS_OWN.contains(what);
        assert!(of(&sent, ROOT).iter().any(beyond), "{sent:?}");
        Ok(())
    })
}
