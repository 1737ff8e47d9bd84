//! What of mail that the site itself routes: to a smart host, or to its own people?

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

use crate::scene::{Scene, Setting};

on_every_exim!(
    a_smart_host_gets_what_is_untagged_as_ever,
    mail_for_the_own_people_goes_by_lmtp_as_ever,
);

const TAGGED: &str = "X-Site-Tag: 1.secure.onward\r\n";

/// Header, recipient, sign, and what the log says; the host that has it, and whether REQUIRETLS came with it.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
);

/// The table of requiretls.conf that a site has for its smart host, and what happens with it.
const SITES: [(&str, &[Row]); 4] = [
    (
        "",
        &[
            (
                "",
                "a@sts.test",
                "=>",
                "R=smarthost T=remote_smtp",
                "mx.smart.test",
                false,
            ),
            (
                "",
                "a@free.test",
                "=>",
                "R=smarthost T=remote_smtp",
                "mx.smart.test",
                false,
            ),
            // Tagged mail finds its own way.
            (
                TAGGED,
                "b@good.test",
                "=>",
                "T=requiretls_lmtp",
                "mx.good.test",
                true,
            ),
            (TAGGED, "b@free.test", "**", "550 5.7.10", "", false),
        ],
    ),
    (
        "\n[next_hop.\"*\"]\nsmarthost = \"mx.smart.test\"\n",
        &[
            (
                TAGGED,
                "c@good.test",
                "=>",
                "T=requiretls_lmtp",
                "mx.smart.test",
                true,
            ),
            (
                TAGGED,
                "c@free.test",
                "=>",
                "T=requiretls_lmtp",
                "mx.smart.test",
                true,
            ),
            (
                "",
                "c@sts.test",
                "=>",
                "R=smarthost T=remote_smtp",
                "mx.smart.test",
                false,
            ),
        ],
    ),
    (
        "\n[next_hop.\"*\"]\nsmarthost = \"mx.plain.test\"\n",
        &[(TAGGED, "d@good.test", "**", "550 5.7.30", "", false)],
    ),
    (
        "\n[next_hop.\"*\"]\nsmarthost = \"mx.clear.test\"\n",
        &[(TAGGED, "e@good.test", "**", "550 5.7.10", "", false)],
    ),
];

fn a_smart_host_gets_what_is_untagged_as_ever(exim: &str) -> Result<()> {
    let host = |name: &str, peer| Domain::new(name).signed().host("mx").peer(peer);
    let domains = vec![
        host("smart.test", Peer::good()),
        host("plain.test", Peer::good().no_requiretls()),
        host("clear.test", Peer::good().no_starttls()),
        Domain::new("good.test")
            .signed()
            .mx("mx")
            .peer(Peer::good()),
        Domain::new("free.test")
            .mx("mx")
            .peer(Peer::good().no_starttls()),
        Domain::new("sts.test")
            .mx("mx")
            .peer(Peer::good().certificate(Certificate::SelfSigned))
            .sts(Sts::enforce()),
    ];
    let setting = Setting {
        main: &["SITE_SMARTHOST = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains, |scene| {
        for (table, rows) in SITES {
            scene.configure(table)?;
            for (header, recipient, kind, said, host, required) in rows {
                scene.submit(&[recipient], header)?;
                let (found, line) = scene.outcome(recipient)?;
                assert_eq!(found, *kind, "{table}: {line}");
                assert!(line.contains(said), "{table}: {line}");
                let taken = scene.taken(recipient);
                let hosts: Vec<&str> = taken
                    .iter()
                    .map(|(session, _)| session.peer.as_str())
                    .collect();
                let expected = if host.is_empty() { vec![] } else { vec![*host] };
                assert_eq!(hosts, expected, "{table}: {line}");
                for (_, message) in taken {
                    let sent = message
                        .mail_parameters
                        .iter()
                        .any(|parameter| parameter == "REQUIRETLS");
                    assert_eq!(sent, *required, "{table}: {line}");
                }
            }
        }
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}

/// Final delivery is the site's own matter (R34): neither a tag nor a policy is asked for.
fn mail_for_the_own_people_goes_by_lmtp_as_ever(exim: &str) -> Result<()> {
    let domains = vec![
        Domain::new("box.test")
            .host("mx")
            .peer(Peer::good().no_starttls()),
    ];
    let setting = Setting {
        main: &["SITE_LMTP = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains, |scene| {
        for (recipient, header) in [
            ("a@host.test", ""),
            ("b@host.test", "X-Site-Tag: 1.encrypt\r\n"),
            ("c@host.test", TAGGED),
        ] {
            scene.submit(&[recipient], header)?;
            let line = scene.wait_for(recipient, "=>")?;
            assert!(line.contains("R=local T=lmtp"), "{line}");
            let taken = scene.taken(recipient);
            assert_eq!(taken.len(), 1, "{line}");
            for (session, message) in taken {
                assert!(
                    session
                        .lines
                        .iter()
                        .any(|(_, line)| line.starts_with("LHLO")),
                    "{session}"
                );
                assert!(
                    !message
                        .mail_parameters
                        .iter()
                        .any(|parameter| parameter == "REQUIRETLS"),
                    "{session}"
                );
            }
        }
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}
