//! Whose policy counts where a name is an alias of another?

use std::fs;

use ffi_tests::Result;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

use crate::elsewhere;
use crate::scene::{Scene, Setting};

on_every_exim!(
    an_alias_is_followed_by_the_statements,
    a_host_that_was_not_found_is_no_way_around_a_policy,
);

/// What is there, the log's sign, and what the log says; the first domain is the recipient's.
type Row = (
    &'static str,
    fn() -> Vec<Domain>,
    &'static str,
    &'static str,
);

fn self_signed() -> Peer {
    Peer::good().certificate(Certificate::SelfSigned)
}

/// A domain whose MX host is an alias of another domain's host.
fn host_alias(name: &str, signed: bool, peer: Peer) -> Vec<Domain> {
    let (own, target) = (format!("{name}.test"), format!("{name}-target.test"));
    let own = Domain::new(&own)
        .mx("mx")
        .record(&format!("mx CNAME host.{target}."));
    let target = Domain::new(&target).host("host").peer(peer);
    if signed {
        vec![own.signed(), target.signed()]
    } else {
        vec![own, target]
    }
}

/// A domain that is an alias of another one.
fn domain_alias(name: &str, target: impl FnOnce(Domain) -> Domain) -> Vec<Domain> {
    let (own, other) = (format!("{name}.test"), format!("{name}-target.test"));
    let own = Domain::new(&own).record(&format!("@ CNAME {other}."));
    vec![own, target(Domain::new(&other).mx("mx"))]
}

const ROWS: [Row; 11] = [
    (
        "D9 TLSA at the end of a signed alias",
        || host_alias("dane", true, self_signed().dane_ee()),
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "D9, D18 the same, another key",
        || host_alias("dane-wrong", true, self_signed().dane_ee_wrong()),
        "==",
        "no TLSA record matches its certificate (required by the recipient)",
    ),
    (
        "D9 the same, no STARTTLS",
        || host_alias("dane-clear", true, Peer::good().dane_ee().no_starttls()),
        "==",
        "a TLS session is required",
    ),
    (
        "no policy",
        || host_alias("free", false, Peer::good().no_starttls()),
        "=>",
        "T=remote_smtp",
    ),
    (
        "S15 the policy names the alias, the certificate the host",
        || {
            let mut domains = host_alias("sts", false, Peer::good()).into_iter();
            let own = domains.next().map(|own| own.sts(Sts::enforce()));
            own.into_iter().chain(domains).collect()
        },
        "==",
        "its certificate is for another name (required by the recipient)",
    ),
    (
        "S15 the same, and the host shows the alias's certificate to who asks for that one",
        || {
            let peer = Peer::good().also_named("mx.sts-sni.test");
            let mut domains = host_alias("sts-sni", false, peer).into_iter();
            let own = domains.next().map(|own| own.sts(Sts::enforce()));
            own.into_iter().chain(domains).collect()
        },
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "one host bound and down, the other an alias of one in clear",
        || {
            let own = Domain::new("mixed.test")
                .signed()
                .mx("mx1")
                .peer(self_signed().dane_ee().no_starttls());
            let own = own.mx("mx2").record("mx2 CNAME host.mixed-target.test.");
            let target = Domain::new("mixed-target.test").signed().host("host");
            vec![own, target.peer(Peer::good().no_starttls())]
        },
        "=>",
        "T=requiretls_smtp H=host.mixed-target.test",
    ),
    (
        "an alias without a policy of its own",
        || {
            domain_alias("alias", |target| {
                target.peer(self_signed()).sts(Sts::enforce())
            })
        },
        "=>",
        "T=remote_smtp",
    ),
    (
        "S2 an alias with a policy of its own",
        || {
            let mut domains =
                domain_alias("alias-sts", |target| target.peer(self_signed())).into_iter();
            let policy = Sts::enforce().mx("mx.alias-sts-target.test");
            let own = domains.next().map(|own| own.sts(policy));
            own.into_iter().chain(domains).collect()
        },
        "==",
        "its certificate is not trusted (required by the recipient)",
    ),
    (
        "D9 a signed alias of a signed domain",
        || {
            let domains = domain_alias("alias-dane", |target| target.peer(self_signed().dane_ee()))
                .into_iter();
            domains.map(Domain::signed).collect()
        },
        "=>",
        "T=requiretls_smtp",
    ),
    (
        "D9, D18 the same, another key",
        || {
            let domains = domain_alias("alias-wrong", |target| {
                target.peer(self_signed().dane_ee_wrong())
            })
            .into_iter();
            domains.map(Domain::signed).collect()
        },
        "==",
        "no TLSA record matches its certificate (required by the recipient)",
    ),
];

fn an_alias_is_followed_by_the_statements(exim: &str) -> Result<()> {
    let domains: Vec<Vec<Domain>> = ROWS.iter().map(|(_, there, ..)| there()).collect();
    let names: Vec<String> = domains
        .iter()
        .filter_map(|all| Some(all.first()?.name().to_owned()))
        .collect();
    Scene::run(exim, &Setting::default(), domains.concat(), |scene| {
        for ((label, _, kind, said), name) in ROWS.iter().zip(&names) {
            let recipient = format!("bob@{name}");
            scene.submit(&[&recipient], "")?;
            let (found, line) = scene.outcome(&recipient)?;
            let told = scene
                .told(&line)?
                .replace(" DT=0s", "")
                .replace(" (-1)", "");
            assert_eq!(found, *kind, "{label}: {told}");
            assert!(told.contains(said), "{label}: {told}");
            assert_eq!(
                scene.taken(&recipient).len(),
                usize::from(*kind == "=>"),
                "{label}: {told}"
            );
        }
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}

/// RFC 7672 section 2.2: TLSA records bind a host. Exim comes to one under a name and an address that the library has not seen.
fn a_host_that_was_not_found_is_no_way_around_a_policy(exim: &str) -> Result<()> {
    // All that Exim says of a word against a connection; nothing but that word is asked for so early.
    const STRANGE: &str = "H=host.elsewhere.test [";
    const REFUSED: &str = "] Event requests alternate response";
    let domains = vec![
        Domain::new("tlsa.test")
            .signed()
            .mx("mx")
            .peer(self_signed().dane_ee()),
        Domain::new("free.test").mx("mx").peer(Peer::good()),
        Domain::new("elsewhere.test")
            .host("host")
            .peer(Peer::good()),
    ];
    Scene::run(exim, &Setting::default(), domains, |scene| {
        let _names = elsewhere::start(&scene.world, &["tlsa.test", "free.test"])?;
        fs::write(
            scene.shared("resolv.conf"),
            format!("nameserver {}\n", elsewhere::ADDRESS),
        )?;
        // A refusal while it connects is the host's own fault to some releases, for which other mail waits: it comes last.
        for (label, domain, kind, said) in [
            ("no policy", "free.test", "=>", "T=remote_smtp"),
            ("D9 one host has TLSA", "tlsa.test", "==", STRANGE),
        ] {
            let recipient = format!("bob@{domain}");
            scene.submit(&[&recipient], "")?;
            let (found, line) = scene.outcome(&recipient)?;
            let told = scene.told(&line)?;
            assert_eq!(found, kind, "{label}: {told}");
            assert!(told.contains(said), "{label}: {told}");
            assert_eq!(told.contains(REFUSED), kind == "==", "{label}: {told}");
            let hosts = scene.taken(&recipient).into_iter();
            let hosts: Vec<String> = hosts.map(|(session, _)| session.peer).collect();
            let expected: &[&str] = if kind == "=>" {
                &[elsewhere::HOST]
            } else {
                &[]
            };
            assert_eq!(hosts, expected, "{label}: {told}");
        }
        assert_eq!(scene.panics()?, "");
        Ok(())
    })
}
