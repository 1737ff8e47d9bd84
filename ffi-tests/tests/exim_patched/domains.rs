//! Which domain is judged, where there are several, or another name for one? (P2, P9, RFC 5321 section 5.1)

use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Domain, Peer, Sts, catalogue};

use crate::build::Build;
use crate::elsewhere;
use crate::scene::{Daemon, LIMIT, Scene};

on_every_build!(
    a_domain_is_judged_by_the_name_that_the_recipient_has,
    each_recipient_of_one_message_has_its_own_end,
    a_domain_that_is_refused_as_a_whole_waits_where_that_may_heal,
    hosts_for_when_all_others_fail_are_the_sites_own,
    an_address_literal_is_a_next_hop,
    a_host_that_was_not_found_is_no_way_around_a_policy,
);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";

fn aliases() -> Vec<Domain> {
    let good = || Peer::good();
    vec![
        Domain::new("signed.test").signed().mx("mx").peer(good()),
        // VX46: nothing vouches for the way from one name to the other.
        Domain::new("unsigned-alias.test").record("to CNAME signed.test."),
        Domain::new("signed-alias.test")
            .signed()
            .record("to CNAME signed.test."),
        // VX45: what is behind the host's name has a certificate of its own.
        Domain::new("host-alias.test")
            .signed()
            .mx("mx")
            .record("mx CNAME mx.signed.test."),
        // S21: the policy of the name that the recipient has, whatever is behind it.
        Domain::new("bound.test")
            .mx("mx")
            .peer(good().no_starttls())
            .sts(Sts::enforce()),
        Domain::new("free-alias.test").record("to CNAME bound.test."),
    ]
}

fn a_domain_is_judged_by_the_name_that_the_recipient_has(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::with_domains(&[build.root], aliases())?;
    scene.run(&Daemon::patched(&program, build))?;
    for (label, mail, domain, expected) in [
        ("P2a", R, "signed.test", "=>"),
        ("P2a, all signed", R, "to.signed-alias.test", "=>"),
        (
            "VX46",
            R,
            "to.unsigned-alias.test",
            "requiretls: 550 5.7.10 ",
        ),
        ("VX46, none", NONE, "to.unsigned-alias.test", "=>"),
        ("VX45", R, "host-alias.test", "requiretls: 550 5.7.10 "),
        ("VX45, none", NONE, "host-alias.test", "=>"),
        ("S21", NONE, "bound.test", "requiretls: 451 4.7.4 "),
        ("S21, alias", NONE, "to.free-alias.test", "=>"),
    ] {
        let recipient = format!("bob@{domain}");
        let id = scene.submit(mail, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(
            line.contains(expected),
            "{label}: {line}\n{}",
            scene.log("exim")
        );
    }
    scene.finish().map(drop)
}

/// R24, P5: what is certain for one is nothing to the others.
fn each_recipient_of_one_message_has_its_own_end(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    let expected = [
        ("bob@good.test", "=>", "H=mx.good.test"),
        ("eve@good.test", "->", "H=mx.good.test"),
        ("bob@hosts.test", "=>", "H=mx2.hosts.test"),
        ("bob@dane-ee.test", "=>", "CV=dane"),
        ("bob@no-requiretls.test", "**", "requiretls: 550 5.7.30 "),
        ("bob@no-starttls.test", "**", "requiretls: 550 5.7.10 "),
        ("bob@dane-ee-wrong.test", "==", "requiretls: 451 4.7.10 "),
        ("bob@tls-close.test", "==", "requiretls: 451 4.7.10 "),
    ];
    let recipients = expected.map(|(recipient, _, _)| recipient);
    let id = scene.submit(R, "", &recipients)?;
    for (recipient, mark, words) in expected {
        let line = scene.outcome(&id, recipient)?;
        assert!(
            line.contains(&format!(" {mark} ")) && line.contains(words),
            "{line}"
        );
    }
    // Those that wait are in the queue, with the tag; the others are done with.
    let spool = scene.queued(&id, "-H")?;
    assert!(
        spool.contains("-aclm _requiretls 15\n1.secure.onward\n"),
        "{spool}"
    );
    let waiting = || -> Result<Vec<&str>> {
        let listed = scene.inside("exim", &["exim4", "-bp"])?;
        let mut messages = listed.split("\n\n");
        let of_message = messages.find(|text| text.contains(&id)).unwrap_or_default();
        let waits = |recipient: &&str| of_message.contains(&format!("          {recipient}"));
        Ok(recipients.into_iter().filter(waits).collect())
    };
    let deferred = expected.iter().filter(|(_, mark, _)| *mark == "==");
    let deferred: Vec<&str> = deferred.map(|(recipient, _, _)| *recipient).collect();
    // Exim writes down who is done with after it has sent the bounce.
    let end = Instant::now() + LIMIT;
    while waiting()? != deferred {
        assert!(Instant::now() < end, "{:?}", waiting()?);
        std::thread::sleep(Duration::from_millis(50));
    }
    let received = scene.finish()?;
    let both = received.of("mx.good.test");
    assert_eq!(both.len(), 1, "{}", received.0);
    assert_eq!(received.0.matches(": MAIL ").count(), 3, "{}", received.0);
    Ok(())
}

/// P5: no connection is made for such a domain, alone or beside others that have the same hosts, and so are of the same
/// run of the transport: Exim puts signed and unsigned ones into two.
fn a_domain_that_is_refused_as_a_whole_waits_where_that_may_heal(build: Build) -> Result<()> {
    const UNREADABLE: &str = "MAIL FROM:<ann+9.secure@client.test>";
    let program = build.program()?;
    let host = "mx.vouched.test.";
    let mut scene = Scene::with_domains(
        &[build.root],
        vec![
            Domain::new("vouched.test")
                .mx("mx")
                .peer(Peer::good())
                .sts(Sts::enforce()),
            Domain::new("doubt.test").mx(host),
            Domain::new("open.test").mx(host),
        ],
    )?;
    let faults = scene.world()?.dns().faults();
    faults
        .authority(
            "_mta-sts.doubt.test",
            RecordType::TXT,
            AuthorityFault::ServFail,
        )
        .map_err(|error| Failure::new(error.to_string()))?;
    // Nor is a host held against the next message.
    scene.run(&Daemon {
        transport: "  serialize_hosts = *\n",
        ..Daemon::patched(&program, build)
    })?;
    let vouched = ("bob@vouched.test", " => ", "H=mx.vouched.test");
    let doubt = ("bob@doubt.test", " == ", "requiretls: 451 4.7.10 ");
    let open = ("bob@open.test", " ** ", "requiretls: 550 5.7.10 ");
    let unreadable = ("bob@vouched.test", " == ", "requiretls: 451 4.3.0 ");
    for (label, mail, expected) in [
        ("P6.4", R, &[doubt][..]),
        ("P6.4 before one that goes", R, &[doubt, vouched]),
        ("P6.4 behind one that goes", R, &[vouched, doubt]),
        ("P6.4 beside P6.3", R, &[open, doubt]),
        ("P6.3, P6.4 and one that goes", R, &[doubt, open, vouched]),
        ("P6.15", UNREADABLE, &[unreadable]),
        (
            "P6.4 untagged",
            NONE,
            &[("bob@doubt.test", " => ", "H=mx.vouched.test")],
        ),
    ] {
        let recipients: Vec<&str> = expected
            .iter()
            .map(|(recipient, _, _)| *recipient)
            .collect();
        let id = scene.submit(mail, "", &recipients)?;
        for (recipient, mark, words) in expected {
            let line = scene.outcome(&id, recipient)?;
            assert!(
                line.contains(mark) && line.contains(words),
                "{label}: {line}\n{}",
                scene.log("exim")
            );
        }
    }
    let received = scene.finish()?;
    let tagged = "TLS <ann@client.test> REQUIRETLS RET=HDRS";
    assert_eq!(
        received.mail("mx.vouched.test"),
        [tagged, tagged, tagged, "TLS <ann@client.test>"]
    );
    Ok(())
}

/// `fallback_hosts` are named by the site: they are judged by their own names, and are its last word.
fn hosts_for_when_all_others_fail_are_the_sites_own(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut domains = catalogue();
    domains.push(
        Domain::new("other-down.test")
            .signed()
            .mx("mx")
            .peer(Peer::good().down()),
    );
    let mut scene = Scene::with_domains(&[build.root], domains)?;
    scene.run(&Daemon {
        routers: Some(
            "good:\n  driver = dnslookup\n  domains = down.test\n  transport = smtp\n  self = send\n  fallback_hosts = mx.good.test\n\
             lacks:\n  driver = dnslookup\n  domains = other-down.test\n  transport = smtp\n  self = send\n  \
             fallback_hosts = mx.no-requiretls.test\n",
        ),
        ..Daemon::patched(&program, build)
    })?;
    for (mail, domain, expected) in [
        (R, "down.test", "H=mx.good.test"),
        (R, "other-down.test", "requiretls: 550 5.7.30 "),
        (NONE, "other-down.test", "H=mx.no-requiretls.test"),
    ] {
        let recipient = format!("bob@{domain}");
        let id = scene.submit(mail, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(
            line.contains(expected),
            "{mail} {domain}: {line}\n{}",
            scene.log("exim")
        );
    }
    let received = scene.finish()?;
    assert_eq!(
        received.mail("mx.good.test"),
        ["TLS <ann@client.test> REQUIRETLS RET=HDRS"]
    );
    assert_eq!(
        received.mail("mx.no-requiretls.test"),
        ["TLS <ann@client.test>"]
    );
    Ok(())
}

/// P12: an address of this machine, as it stands in the recipient's. Nothing is enforced there, and headers alone come back.
fn an_address_literal_is_a_next_hop(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    scene.run(&Daemon {
        main: "allow_domain_literals\n",
        routers: Some("literal:\n  driver = ipliteral\n  transport = smtp\n  self = send\n"),
        ..Daemon::patched(&program, build)
    })?;
    let address = scene.address("mx.no-requiretls.test")?;
    let recipient = format!("bob@[{address}]");
    for mail in [R, NONE] {
        let id = scene.submit(mail, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(line.contains(" => "), "{mail}: {line}");
    }
    let received = scene.finish()?;
    assert_eq!(
        received.mail("mx.no-requiretls.test"),
        ["TLS <ann@client.test> RET=HDRS", "TLS <ann@client.test>"]
    );
    Ok(())
}

/// RFC 7672 section 2.2: TLSA records bind a host. Exim comes to one under a name and an address that the library has not seen.
fn a_host_that_was_not_found_is_no_way_around_a_policy(build: Build) -> Result<()> {
    const STRANGE: &str = "it is not among the hosts that were found for the next hop";
    const FOUND: [&str; 5] = [
        "tlsa.test",
        "mixed.test",
        "doubt.test",
        "sts.test",
        "free.test",
    ];
    let good = || Peer::good();
    let program = build.program()?;
    let mut scene = Scene::with_domains(
        &[build.root],
        vec![
            Domain::new("tlsa.test")
                .signed()
                .mx("mx")
                .peer(good().dane_ee()),
            Domain::new("mixed.test")
                .signed()
                .mx("mx1")
                .peer(good())
                .mx("mx2")
                .peer(good().dane_ee()),
            Domain::new("doubt.test")
                .signed()
                .mx("mx1")
                .peer(good())
                .mx("mx2")
                .peer(good()),
            Domain::new("sts.test")
                .mx("mx")
                .peer(good())
                .sts(Sts::enforce()),
            Domain::new("free.test").mx("mx").peer(good()),
            Domain::new("elsewhere.test").host("host").peer(good()),
        ],
    )?;
    let faults = scene.world()?.dns().faults();
    faults
        .authority(
            "_25._tcp.mx2.doubt.test",
            RecordType::TLSA,
            AuthorityFault::ServFail,
        )
        .map_err(|error| Failure::new(error.to_string()))?;
    let names = scene
        .servers
        .within(|| elsewhere::start(scene.world()?, &FOUND))??;
    // It ends by calls to its own address, which go nowhere outside its network: a test that fails leaves it.
    let names = ManuallyDrop::new(names);
    scene.run(&Daemon {
        resolver: Some(elsewhere::ADDRESS),
        ..Daemon::patched(&program, build)
    })?;
    for (label, mail, header, domains) in [
        ("D9 the host has TLSA", NONE, "", &["tlsa.test"][..]),
        ("D9 another host has", NONE, "", &["mixed.test"]),
        ("P6.6 nobody knows", NONE, "", &["doubt.test"]),
        ("S22 a policy is enforced", NONE, "", &["sts.test"]),
        ("R18", R, "", &["tlsa.test"]),
        ("R14", NONE, "TLS-Required: No", &["tlsa.test"]),
        ("no policy", NONE, "", &["free.test"]),
        (
            "P9 beside one without",
            NONE,
            "",
            &["tlsa.test", "free.test"],
        ),
        (
            "P9 the other way round",
            NONE,
            "",
            &["free.test", "tlsa.test"],
        ),
    ] {
        let recipients: Vec<String> = domains.iter().map(|name| format!("bob@{name}")).collect();
        let words: Vec<&str> = recipients.iter().map(String::as_str).collect();
        let before = scene.received()?.of(elsewhere::HOST).concat();
        let id = scene.submit(mail, header, &words)?;
        for recipient in words {
            let goes = mail == NONE && (recipient == "bob@free.test" || !header.is_empty());
            let line = scene.outcome(&id, recipient)?;
            let expected = if goes { " => " } else { " == " };
            assert!(
                line.contains(expected),
                "{label}: {line}\n{}",
                scene.log("exim")
            );
            if goes {
                continue;
            }
            scene.logged("exim", &[&id, elsewhere::HOST, STRANGE])?;
            let after = scene.received()?.of(elsewhere::HOST).concat();
            let new = after.replacen(&before, "", 1);
            assert!(!new.contains(recipient), "{label}: {new}");
        }
    }
    let names = ManuallyDrop::into_inner(names);
    scene.servers.within(|| drop(names))?;
    scene.finish().map(drop)
}
