//! Does a real Postfix 3.11 understand it, as the next hop and as the one before?

use std::fs;

use ffi_tests::{Failure, Identity, POSTFIX, Result, fingerprint, master_cf};
use requiretls_testbed::{Domain, Peer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::scene::{ADDRESS, Scene, Setting};

on_every_exim!(requiretls_goes_to_postfix, requiretls_comes_from_postfix);

const NEXT_HOP: &str = "127.25.0.70";
const LOG: &str = "postfix/log/postfix.log";
fn setting() -> Setting {
    Setting {
        beside: &["postfix311"],
        ..Setting::default()
    }
}

/// Takes mail for post.test into files, and has further lines in its configuration.
fn start(scene: &Scene<'_>, identity: &Identity, lines: &str) -> Result<()> {
    let main = format!(
        "compatibility_level = 3.6\nmyhostname = mx.post.test\nmydestination =\ninet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\nmaillog_file = /var/log/postfix.log\nalias_maps =\nsmtpd_peername_lookup = no\n\
         smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_tls_security_level = may\n\
         smtpd_tls_chain_files = /etc/rq/key.pem\nsmtpd_tls_loglevel = 1\nsmtp_tls_loglevel = 1\n\
         virtual_mailbox_domains = post.test\nvirtual_mailbox_maps = static:box/\n\
         virtual_mailbox_base = /mnt/received\nvirtual_uid_maps = static:8\nvirtual_gid_maps = static:8\n\
         virtual_minimum_uid = 1\ndebug_peer_list = 127.0.0.1\ndebug_peer_level = 1\n{lines}"
    );
    let master = master_cf(&format!("{NEXT_HOP}:25 inet n - n - - smtpd"));
    for (name, text) in [
        ("postfix/main.cf", main.as_str()),
        ("postfix/master.cf", &master),
        ("rq/key.pem", &identity.pem),
        ("hosts", "127.0.0.1 localhost\n"),
    ] {
        scene
            .servers
            .write(&format!("postfix/up/etc/{name}"), text)?;
    }
    let command = format!("install -d -o mail /mnt/received; {POSTFIX}");
    scene.servers.write("postfix/cmd", &command)?;
    scene.servers.start("postfix", "postfix311", NEXT_HOP, 25)
}

/// The messages in its mailbox.
fn received(scene: &Scene<'_>) -> Result<Vec<String>> {
    let mut messages = Vec::new();
    for entry in fs::read_dir(scene.shared("received/box/new"))
        .into_iter()
        .flatten()
    {
        messages.push(fs::read_to_string(entry?.path())?);
    }
    Ok(messages)
}

/// A domain whose mail Postfix takes, and the key that DNS names for it.
fn domain(name: &str, key: &str) -> Domain {
    Domain::new(name)
        .signed()
        .record("@ MX 10 mx")
        .record(&format!("mx A {NEXT_HOP}"))
        .record(&format!("_25._tcp.mx TLSA 3 1 1 {key}"))
}

/// By the standard files: `requiretls lmtp` sends what an ACL has tagged, Exim itself the rest, and DANE is the proof.
fn requiretls_goes_to_postfix(exim: &str) -> Result<()> {
    let (postfix, other) = (
        Identity::new("mx.post.test")?,
        Identity::new("mx.post.test")?,
    );
    let domains = vec![
        domain("post.test", &postfix.pin),
        domain("wrong.test", &other.pin),
    ];
    Scene::run(exim, &setting(), domains, |scene| {
        start(scene, &postfix, "")?;
        let rows = [
            ("X-Site-Tag: 1.secure.onward\r\n", "T=requiretls_lmtp", true),
            ("", "T=requiretls_smtp", false),
        ];
        for (n, (tag, transport, required)) in rows.into_iter().enumerate() {
            let (sender, recipient) = (format!("ann-{n}@host.test"), format!("bob-{n}@post.test"));
            scene.submit_from(&sender, &[&recipient], tag)?;
            let line = scene.wait_for(&recipient, "=>")?;
            assert!(line.contains(transport), "{line}");
            let log = scene.servers.log(LOG)?;
            let read = format!("MAIL FROM:<{sender}>");
            let command = log
                .lines()
                .find(|line| line.contains("< ") && line.contains(&read));
            let command = command.ok_or_else(|| Failure::new(format!("no {read} in {log}")))?;
            assert_eq!(command.contains(" REQUIRETLS"), required, "{command}");
            let arrived = || Ok((received(scene)?.len() == n + 1).then_some(()));
            scene
                .servers
                .watch(LOG, "the message is in its mailbox", arrived)?;
            let all = received(scene)?;
            let mine: Vec<&String> = all.iter().filter(|text| text.contains(&sender)).collect();
            assert!(
                mine.len() == 1 && mine.iter().all(|text| text.contains("The body.")),
                "{all:?}"
            );
            // Postfix's own word for it.
            assert!(
                mine.iter()
                    .all(|text| text.contains("Require-TLS-ESMTP: yes") == required),
                "{all:?}"
            );
        }
        // The same host by another key: neither the one nor the other goes there.
        for (n, tag) in ["X-Site-Tag: 1.secure.onward\r\n", ""]
            .into_iter()
            .enumerate()
        {
            let recipient = format!("eve-{n}@wrong.test");
            scene.submit(&[&recipient], tag)?;
            scene.wait_for(&recipient, "==")?;
            assert!(scene.exim(&["-bp"])?.contains(&recipient));
        }
        assert_eq!(received(scene)?.len(), rows.len());
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}

/// By the full files: Exim offers it, Postfix sends it where its own sender asks, and Exim keeps it for the next hop.
fn requiretls_comes_from_postfix(exim: &str) -> Result<()> {
    let postfix = Identity::new("mx.post.test")?;
    let signed = |name: &str, peer| Domain::new(name).signed().mx("mx").peer(peer);
    let domains = vec![
        signed("good.test", Peer::good()),
        signed("clear.test", Peer::good().no_starttls()),
        domain("post.test", &postfix.pin),
    ];
    let setting = Setting {
        full: true,
        ..setting()
    };
    Scene::run(exim, &setting, domains, |scene| {
        let pem = fs::read_to_string(scene.shared("server.pem"))?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| Failure::new(format!("server.pem: {error}")))?;
        let lines = format!(
            "relayhost = [{ADDRESS}]:25\nsmtp_tls_security_level = fingerprint\n\
             smtp_tls_fingerprint_digest = sha256\nsmtp_tls_fingerprint_cert_match = {}\n\
             smtp_requiretls_policy = enforce\n",
            fingerprint(&certificate)
        );
        start(scene, &postfix, &lines)?;
        let rows = [
            ("-O requiretls=yes", "bob-0@good.test", "=>", true),
            ("", "bob-1@good.test", "=>", false),
            ("-O requiretls=yes", "bob-2@clear.test", "**", true),
            ("", "bob-3@clear.test", "=>", false),
        ];
        for (option, recipient, kind, required) in rows {
            let command = format!(
                "printf 'Subject: x\\n\\nThe body.\\n' | sendmail {option} -f carl@post.test {recipient}"
            );
            scene.servers.inside("postfix", &["sh", "-c", &command])?;
            let (found, line) = scene.outcome(recipient)?;
            assert_eq!(found, kind, "{line}");
            let taken = scene.taken(recipient);
            assert_eq!(taken.len(), usize::from(kind == "=>"), "{line}");
            for (_, message) in taken {
                let sent = message
                    .mail_parameters
                    .iter()
                    .any(|parameter| parameter == "REQUIRETLS");
                assert_eq!(sent, required, "{line}");
                assert!(message.in_tls || !required, "{line}");
            }
            let log = scene.servers.log(LOG)?;
            let to = format!("to=<{recipient}>, ");
            let relayed = log
                .lines()
                .find(|line| line.contains(&to))
                .unwrap_or_default();
            assert!(relayed.contains("status=sent"), "{relayed}");
            assert_eq!(relayed.contains("/requiretls"), required, "{relayed}");
        }
        // What could not go on comes back to Postfix, with what it required, and without its body.
        let arrived = || Ok((received(scene)?.len() == 1).then_some(()));
        scene
            .servers
            .watch(LOG, "the bounce is in its mailbox", arrived)?;
        let bounces = received(scene)?.concat();
        assert!(
            bounces.contains("bob-2@clear.test") && bounces.contains("5.7.10"),
            "{bounces}"
        );
        assert!(
            !bounces.contains("The body.") && bounces.contains("Require-TLS-ESMTP: yes"),
            "{bounces}"
        );
        Ok(())
    })
}
