//! Does a real Postfix 3.11 understand it, as the next hop and as the one before?

use ffi_tests::{Identity, POSTFIX, Result, master_cf};

use crate::build::Build;
use crate::scene::{Daemon, Scene};

on_every_build!(requiretls_goes_to_postfix_and_comes_from_it,);

/// Takes everything for `taken.example`, and sends everything else to Exim, whose certificate it knows.
fn start_postfix(scene: &mut Scene, own: &Identity, exim: &Identity) -> Result<()> {
    let main = format!(
        "compatibility_level = 3.6\nmyhostname = post.example\nmydestination =\ninet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\nmaillog_file = /var/log/postfix.log\nalias_maps =\nrelay_domains = taken.example\n\
         transport_maps = inline:{{ {{ taken.example = discard: }} }}\nsmtpd_relay_restrictions = reject_unauth_destination\n\
         smtpd_peername_lookup = no\nsmtpd_tls_security_level = may\nsmtpd_tls_chain_files = /etc/rq/post.pem\n\
         debug_peer_list = 127.0.0.1\ndebug_peer_level = 1\nrelayhost = [127.25.0.60]:25\n\
         smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_digest = sha256\n\
         smtp_tls_fingerprint_cert_match = {}\nsmtp_tls_loglevel = 1\n",
        exim.fingerprint
    );
    let master = master_cf("127.25.0.70:25 inet n - n - - smtpd");
    scene.write("postfix", "up/etc/postfix/main.cf", &main)?;
    scene.write("postfix", "up/etc/postfix/master.cf", &master)?;
    scene.write("postfix", "up/etc/rq/post.pem", &own.pem)?;
    scene.write("postfix", "up/etc/hosts", "127.0.0.1 localhost\n")?;
    scene.write("postfix", "cmd", POSTFIX)?;
    scene
        .servers
        .start("postfix", "postfix311", "127.25.0.70", 25)
}

fn requiretls_goes_to_postfix_and_comes_from_it(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root, "postfix311"])?;
    let exim = scene.run(&Daemon {
        routers: Some(
            "held:\n  driver = redirect\n  domains = held.example\n  allow_defer\n  data = :defer: later\n\
             post:\n  driver = manualroute\n  domains = *.example\n  route_list = * 127.25.0.70\n  \
             transport = smtp25\n  self = send\n  no_more\n",
        ),
        transport: "smtp25:\n  driver = smtp\n  allow_localhost\n",
        ..Daemon::patched(&program, build)
    })?;
    let postfix = Identity::new("post.example")?;
    start_postfix(&mut scene, &postfix, &exim)?;

    // Exim to Postfix. The route is a loopback address, where nothing is enforced unless the site says so.
    let rule = |pin: &str| {
        format!(
            "[next_hop.\"127.25.0.70\"]\nfloor = \"secure\"\nmethods = [\"pin\"]\nhop = \"enforce\"\npins = [\"{pin}\"]\n"
        )
    };
    scene.configure("exim", &rule(&postfix.pin))?;
    let id = scene.submit(
        "MAIL FROM:<ann@client.test> REQUIRETLS",
        "",
        &["bob@taken.example"],
    )?;
    let line = scene.outcome(&id, "bob@taken.example")?;
    assert!(
        line.contains("=>") && line.contains("CV=yes"),
        "{line}\n{}",
        scene.log("exim")
    );
    let log = std::fs::read_to_string(scene.path("postfix").join("log/postfix.log"))?;
    let read = "< unknown[127.0.0.1]: MAIL FROM:<ann@client.test>";
    let command = log
        .lines()
        .find(|line| line.contains(read))
        .unwrap_or_default();
    assert!(command.contains(" REQUIRETLS"), "{log}");
    // Another key: the site's own rule holds it back, tagged or not.
    scene.configure("exim", &rule(&exim.pin))?;
    let id = scene.submit("MAIL FROM:<ann@client.test>", "", &["bob@taken.example"])?;
    let line = scene.outcome(&id, "bob@taken.example")?;
    assert!(
        line.contains("==") && line.contains("requiretls: 451 4.7.5 "),
        "{line}"
    );

    // Postfix to Exim: it has seen the keyword inside TLS, and sends the parameter.
    let send = "printf 'Subject: x\\n\\nbody\\n' | sendmail -O requiretls=yes -f carl@post.example dora@held.example";
    scene.inside("postfix", &["sh", "-c", send])?;
    let line = scene.logged("exim", &["<= carl@post.example"])?;
    let id = Scene::id_in(&line);
    let spool = scene.queued(id, "-H")?;
    assert!(
        spool.contains("-aclm _requiretls 15\n1.secure.onward\n"),
        "{spool}"
    );
    scene.finish().map(drop)
}
