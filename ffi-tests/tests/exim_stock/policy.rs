//! Untagged mail: does it follow the policy of its domain, and go as in stock Exim where there is none?

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Step, Sts};

use crate::scene::{Scene, Setting};

on_every_exim!(
    each_policy_is_followed,
    recipients_of_one_message_go_their_own_ways,
    the_next_host_is_tried,
    a_host_without_a_policy_is_no_reason_for_tls,
    a_stock_configuration_ignores_the_policy,
);

fn signed(name: &str, peer: Peer) -> Domain {
    Domain::new(&format!("{name}.test"))
        .signed()
        .mx("mx")
        .peer(peer)
}

fn sts(name: &str, peer: Peer) -> Domain {
    let domain = Domain::new(&format!("{name}.test")).mx("mx").peer(peer);
    domain.sts(Sts::enforce())
}

fn self_signed() -> Peer {
    Peer::good().certificate(Certificate::SelfSigned)
}

/// What becomes of a message to a domain: the log's sign, and what its line or another one says.
type Row = (&'static str, fn() -> Domain, &'static str, &'static str);

const ROWS: [Row; 17] = [
    (
        "none, TLS",
        || signed("free", Peer::good()),
        "=>",
        "T=remote_smtp",
    ),
    (
        "none, self-signed",
        || signed("free-self", self_signed()),
        "=>",
        "T=remote_smtp",
    ),
    (
        "VX1 none, in clear",
        || signed("free-clear", Peer::good().no_starttls()),
        "=>",
        "T=remote_smtp",
    ),
    (
        "VD8 DANE is the only proof",
        || signed("dane", self_signed().dane_ee()),
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "D13 a trust anchor",
        || signed("dane-ta", Peer::good().dane_ta()),
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "D18 DANE, another key",
        || signed("dane-wrong", Peer::good().dane_ee_wrong()),
        "==",
        "no TLSA record matches its certificate (required by the recipient)",
    ),
    (
        "VX2 DANE, no STARTTLS",
        || signed("dane-clear", self_signed().dane_ee().no_starttls()),
        "==",
        "a TLS session is required",
    ),
    (
        "VD5 unusable TLSA, self-signed",
        || signed("unusable", self_signed().tlsa(1, 1, 1)),
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "D19 unusable TLSA, no STARTTLS",
        || signed("unusable-clear", Peer::good().tlsa(1, 1, 1).no_starttls()),
        "==",
        "a TLS session is required",
    ),
    (
        "VX5 enforce",
        || sts("sts", Peer::good()),
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "S15 enforce, self-signed",
        || sts("sts-self", self_signed()),
        "==",
        "its certificate is not trusted (required by the recipient)",
    ),
    (
        "S15 enforce, another name",
        || sts("sts-name", Peer::good().certificate(Certificate::WrongName)),
        "==",
        "depth=0: mx.sts-name.test: its certificate is for another name (required by the recipient)",
    ),
    (
        "S16 enforce, no STARTTLS",
        || sts("sts-clear", Peer::good().no_starttls()),
        "==",
        "a TLS session is required",
    ),
    (
        "S16 enforce, STARTTLS fails",
        || {
            sts(
                "sts-454",
                Peer::good().starttls_refused("454 4.7.0 Not now"),
            )
        },
        "==",
        "a TLS session is required",
    ),
    (
        "P6.7 enforce, another host",
        || sts_for_another("sts-other", Sts::enforce()),
        "==",
        "R=requiretls_policy defer: 451 4.7.5 mx.sts-other.test: the MTA-STS policy of its domain does not name it",
    ),
    (
        "S16 testing, another host",
        || sts_for_another("sts-testing", Sts::testing()),
        "=>",
        "T=remote_smtp",
    ),
    (
        "VX22 bogus",
        || {
            Domain::new("bogus.test")
                .mx("mx")
                .peer(Peer::good())
                .zone(requiretls_testbed::Zone::wrong_ds)
        },
        "==",
        "R=requiretls_policy defer: 451 4.4.3",
    ),
];

fn sts_for_another(name: &str, policy: Sts) -> Domain {
    let domain = Domain::new(&format!("{name}.test"));
    domain
        .mx("mx")
        .peer(Peer::good())
        .sts(policy.mx("elsewhere.test"))
}

fn each_policy_is_followed(exim: &str) -> Result<()> {
    let domains = ROWS.map(|(_, domain, ..)| domain()).to_vec();
    Scene::run(exim, &Setting::default(), domains, |scene| {
        let recipients = ROWS.map(|(_, domain, ..)| format!("bob@{}", domain().name()));
        for recipient in &recipients {
            scene.submit(&[recipient], "")?;
        }
        for ((label, _, kind, said), recipient) in ROWS.iter().zip(&recipients) {
            let (found, line) = scene.outcome(recipient)?;
            assert_eq!(found, *kind, "{label}: {line}");
            let told = scene
                .told(&line)?
                .replace(" DT=0s", "")
                .replace(" (-1)", "");
            assert!(told.contains(said), "{label}: {told}");
            // A message is at the peer where Exim says so, and nowhere else.
            let taken = scene.taken(recipient);
            assert_eq!(taken.len(), usize::from(*kind == "=>"), "{label}: {line}");
            let queued = scene.exim(&["-bp"])?.contains(recipient);
            assert_eq!(queued, *kind == "==", "{label}");
            if line.contains("requiretls_smtp") {
                assert!(taken.iter().all(|(_, message)| message.in_tls), "{label}");
                let named = taken
                    .iter()
                    .all(|(session, _)| session.sni.as_ref() == Some(&session.peer));
                assert!(named, "{label}: {taken:?}");
            }
        }
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}

/// The table above has teeth: without the shipped files the same mail goes.
fn a_stock_configuration_ignores_the_policy(exim: &str) -> Result<()> {
    let setting = Setting {
        without: true,
        ..Setting::default()
    };
    let domains = vec![
        sts("sts-clear", Peer::good().no_starttls()),
        sts("sts-self", self_signed()),
    ];
    Scene::run(exim, &setting, domains, |scene| {
        for recipient in ["bob@sts-clear.test", "bob@sts-self.test"] {
            scene.submit(&[recipient], "")?;
            let line = scene.wait_for(recipient, "=>")?;
            assert!(line.contains("T=remote_smtp"), "{line}");
        }
        Ok(())
    })
}

fn recipients_of_one_message_go_their_own_ways(exim: &str) -> Result<()> {
    let domains = vec![
        signed("free", Peer::good().no_starttls()),
        signed("dane", self_signed().dane_ee()),
        signed("dane-wrong", Peer::good().dane_ee_wrong()),
        sts(
            "sts",
            Peer::good().refuses_recipient("nobody", "550 5.1.1 There is nobody here"),
        ),
    ];
    Scene::run(exim, &Setting::default(), domains, |scene| {
        let recipients = [
            "bob@free.test",
            "eve@free.test",
            "bob@dane.test",
            "bob@dane-wrong.test",
            "bob@sts.test",
            "eve@sts.test",
            "nobody@sts.test",
        ];
        scene.submit(&recipients, "")?;
        for recipient in recipients {
            let (kind, line) = scene.outcome(recipient)?;
            let (expected, copies) = match recipient {
                "bob@dane-wrong.test" => ("==", 0),
                "nobody@sts.test" => ("**", 0),
                _ => ("=>", 1),
            };
            assert_eq!(kind.replace("->", "=>"), expected, "{line}");
            assert_eq!(scene.taken(recipient).len(), copies, "{line}");
        }
        Ok(())
    })
}

fn the_next_host_is_tried(exim: &str) -> Result<()> {
    let backup = |name: &str, first: Peer| {
        let domain = Domain::new(&format!("{name}.test")).mx("mx1").peer(first);
        domain.mx("mx2").peer(Peer::good()).sts(Sts::enforce())
    };
    let domains = vec![
        backup("sts-self", self_signed()),
        backup("sts-clear", Peer::good().no_starttls()),
        backup(
            "sts-454",
            Peer::good().starttls_refused("454 4.7.0 Not now"),
        ),
        backup("sts-ehlo", Peer::good().drops(Step::EhloInTls)),
        backup("sts-down", Peer::good().down()),
        Domain::new("sts-first.test")
            .mx("mx1")
            .peer(Peer::good())
            .mx("mx2")
            .peer(Peer::good())
            .sts(Sts::enforce().mx("mx2.sts-first.test")),
    ];
    Scene::run(exim, &Setting::default(), domains, |scene| {
        for name in [
            "sts-self",
            "sts-clear",
            "sts-454",
            "sts-ehlo",
            "sts-down",
            "sts-first",
        ] {
            let recipient = format!("bob@{name}.test");
            scene.submit(&[&recipient], "")?;
            let (kind, line) = scene.outcome(&recipient)?;
            assert_eq!(kind, "=>", "{line}");
            let taken = scene.taken(&recipient);
            let peers: Vec<&str> = taken
                .iter()
                .map(|(session, _)| session.peer.as_str())
                .collect();
            assert_eq!(peers, [format!("mx2.{name}.test")], "{line}");
        }
        // The host that the policy does not name was not even connected to.
        let sessions = scene.world.sessions().sessions();
        assert!(
            !sessions
                .iter()
                .any(|session| session.peer == "mx1.sts-first.test")
        );
        Ok(())
    })
}

/// One host of a domain has TLSA records, the other has none, so that nothing is asked there; both lack STARTTLS.
fn a_host_without_a_policy_is_no_reason_for_tls(exim: &str) -> Result<()> {
    let clear = || Peer::good().no_starttls();
    let domain = |name: &str, second: Peer| {
        let domain = Domain::new(&format!("{name}.test")).signed();
        domain
            .mx("mx1")
            .peer(clear().dane_ee())
            .mx("mx2")
            .peer(second)
    };
    let domains = vec![
        domain("mixed", clear()),
        domain("broken", Peer::good().starttls_refused("454 4.7.0 Not now")),
    ];
    Scene::run(exim, &Setting::default(), domains, |scene| {
        for name in ["mixed", "broken"] {
            let recipient = format!("bob@{name}.test");
            scene.submit(&[&recipient], "")?;
            let (kind, line) = scene.outcome(&recipient)?;
            assert_eq!(kind, "=>", "{line}");
            let taken = scene.taken(&recipient);
            assert!(taken.iter().all(|(session, message)| session.peer
                == format!("mx2.{name}.test")
                && !message.in_tls));
            assert_eq!(taken.len(), 1, "{line}");
        }
        Ok(())
    })
}
