//! What of mail that is to wait: how long does it, for what, and what if the library cannot do its part meanwhile?

use std::fs;
use std::os::unix::fs::chown;

use ffi_tests::{Failure, Result, bounded, compiler};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Domain, Peer, Sts};

use crate::build::Build;
use crate::scene::{Daemon, EXIM, LIMIT, Scene};

on_every_build!(
    mail_waits_for_a_library_that_is_away_or_too_old,
    mail_waits_for_a_configuration_that_can_be_read,
    a_cache_that_cannot_be_written_costs_a_lookup_and_no_mail,
    what_waits_for_a_domain_is_returned_when_its_time_is_over,
);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";
const BOTH: [&str; 2] = ["bob@good.test", "bob@no-starttls.test"];

/// Nothing of a delivery runs without the library: the program does not even start. The daemon that runs already takes
/// mail in, and what it took is delivered when the library is there again.
fn mail_waits_for_a_library_that_is_away_or_too_old(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    let library = scene.shared("librequiretls.so.0");
    let older = older_library(&scene)?;
    for too_old in [false, true] {
        fs::remove_file(&library)?;
        if too_old {
            fs::copy(&older, &library)?;
        }
        let tagged = scene.submit(R, "", &[BOTH[0]])?;
        let untagged = scene.submit(NONE, "", &[BOTH[1]])?;
        // With lazy binding a program starts with the older one, and ends where it looks for what is not there.
        let started = scene.inside("exim", &["exim4", "-qff"]);
        assert!(started.is_err() || too_old, "it started: {started:?}");
        let before = scene.received()?;
        scene.install_library()?;
        scene.inside("exim", &["exim4", "-qff"])?;
        for (id, recipient) in [(&tagged, BOTH[0]), (&untagged, BOTH[1])] {
            let delivered = scene.delivered(id, recipient)?;
            assert!(delivered, "{}", scene.log("exim"));
        }
        // In the first round nothing had come, in the second one what the first had sent.
        assert_eq!(
            before.0.matches(": MAIL ").count(),
            usize::from(too_old) * 2,
            "{}",
            before.0
        );
    }
    let received = scene.finish()?;
    let mail = received.mail("mx.good.test");
    assert_eq!(mail, ["TLS <ann@client.test> REQUIRETLS RET=HDRS"; 2]);
    assert_eq!(
        received.mail("mx.no-starttls.test"),
        ["clear <ann@client.test>"; 2]
    );
    Ok(())
}

/// The same name, and not one function but the first.
fn older_library(scene: &Scene) -> Result<std::path::PathBuf> {
    let (source, library) = (scene.shared("older.c"), scene.shared("older.so"));
    fs::write(
        &source,
        "const char *rtls_version(void);\nconst char *rtls_version(void) { return \"0.0.1\"; }\n",
    )?;
    let map = scene.shared("older.map");
    fs::write(&map, "REQUIRETLS_0 { global: rtls_version; local: *; };\n")?;
    let mut compile = compiler()?;
    compile
        .args(["-fPIC", "-shared", "-Wl,-soname,librequiretls.so.0"])
        .arg(format!("-Wl,--version-script={}", map.display()))
        .arg("-o")
        .args([&library, &source]);
    bounded::output(&mut compile, LIMIT)?;
    Ok(library)
}

/// P6.15: without its configuration the site's own rules are not known, so nothing goes anywhere, and nothing is returned.
fn mail_waits_for_a_configuration_that_can_be_read(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    let world = scene.world()?.config_toml(requiretls_testbed::DnsMode::Ad);
    for text in [
        "[sending]\nnull_path_flor = \"may\"\n",
        "\u{0}",
        "[next_hop.\"good.test\"]\nhop = \"opportunistik\"\n",
    ] {
        scene.write_configuration("exim", &format!("{world}\n{text}"))?;
        let tagged = scene.submit(R, "", &[BOTH[0]])?;
        let untagged = scene.submit(NONE, "", &[BOTH[1]])?;
        for (id, recipient) in [(&tagged, BOTH[0]), (&untagged, BOTH[1])] {
            let line = scene.outcome(id, recipient)?;
            assert!(
                line.contains(" == ") && line.contains("requiretls: 451 4.3.0 "),
                "{text}: {line}"
            );
            // The sentence tells the postmaster where to look.
            assert!(
                line.contains("/etc/requiretls/requiretls.conf"),
                "{text}: {line}"
            );
        }
        assert_eq!(scene.received()?.0, "", "{text}");
        scene.inside("exim", &["exim4", "-Mrm", &tagged, &untagged])?;
    }
    scene.write_configuration("exim", "[sending]\nnull_path_flor = \"may\"\n")?;
    let tagged = scene.submit(R, "", &[BOTH[0]])?;
    let untagged = scene.submit(NONE, "", &[BOTH[1]])?;
    scene.outcome(&tagged, BOTH[0])?;
    scene.outcome(&untagged, BOTH[1])?;
    scene.configure("exim", "")?;
    scene.inside("exim", &["exim4", "-qff"])?;
    for (id, recipient) in [(&tagged, BOTH[0]), (&untagged, BOTH[1])] {
        let delivered = scene.delivered(id, recipient)?;
        assert!(delivered, "{}", scene.log("exim"));
    }
    scene.finish().map(drop)
}

/// A policy is asked for once where it can be kept, and each time where it cannot.
fn a_cache_that_cannot_be_written_costs_a_lookup_and_no_mail(build: Build) -> Result<()> {
    let program = build.program()?;
    let domain = Domain::new("bound.test")
        .mx("mx")
        .peer(Peer::good())
        .sts(Sts::enforce());
    let mut scene = Scene::with_domains(&[build.root], vec![domain])?;
    scene.run(&Daemon::patched(&program, build))?;
    let world = scene.world()?.config_toml(requiretls_testbed::DnsMode::Ad);
    let cache = scene.shared("cache");
    fs::create_dir_all(&cache)?;
    let text = world.replace("directory = \"\"", "directory = \"/mnt/cache\"");
    scene.write_configuration("exim", &text)?;
    let fetched = || -> Result<usize> { Ok(scene.world()?.sts().requests().len()) };
    let mut before = 0;
    for (label, owner, expected) in [
        ("root's", Some(0), 2),
        ("Exim's", Some(EXIM), 1),
        // What is there is believed, though nothing can be added.
        ("root's again", Some(0), 0),
    ] {
        chown(&cache, owner, None)?;
        for mail in [R, NONE] {
            let id = scene.submit(mail, "", &["bob@bound.test"])?;
            let line = scene.outcome(&id, "bob@bound.test")?;
            assert!(
                line.contains(" => ") && line.contains("CV=yes"),
                "{label}: {line}\n{}",
                scene.log("exim")
            );
        }
        let now = fetched()?;
        assert_eq!(now - before, expected, "{label}: {}", scene.log("exim"));
        before = now;
    }
    // Each delivery that could not keep what it found says so, once.
    let log = scene.log("exim");
    let complaint = "requiretls: nothing new is kept in /mnt/cache: ";
    assert_eq!(log.matches(complaint).count(), 2, "{log}");
    scene.finish().map(drop)
}

/// P5: deferred now, and a notice at expiry. Nothing runs but what a queue run does, so each is over when it returns.
fn what_waits_for_a_domain_is_returned_when_its_time_is_over(build: Build) -> Result<()> {
    let program = build.program()?;
    let host = "mx.doubt.test.";
    let mut scene = Scene::with_domains(
        &[build.root],
        vec![
            Domain::new("doubt.test").mx("mx").peer(Peer::good()),
            Domain::new("other-doubt.test").mx(host),
        ],
    )?;
    let faults = scene.world()?.dns().faults();
    for domain in ["doubt.test", "other-doubt.test"] {
        let name = format!("_mta-sts.{domain}");
        faults
            .authority(&name, RecordType::TXT, AuthorityFault::ServFail)
            .map_err(|error| Failure::new(error.to_string()))?;
    }
    scene.run(&Daemon {
        main: "queue_only = true\n",
        ..Daemon::patched(&program, build)
    })?;
    let run = || scene.inside("exim", &["exim4", "-q"]);
    let both = ["bob@doubt.test", "bob@other-doubt.test"];
    for (label, recipients) in [
        ("P6.4", &both[..1]),
        // One run of the transport: retry.c sees them as one.
        ("P6.4 for two domains", &both[..]),
    ] {
        let id = scene.submit(R, "", recipients)?;
        run()?;
        // The same sender's, to the same recipient, from the queue as well.
        let untagged = scene.submit(NONE, "", &[both[0]])?;
        run()?;
        let log = scene.log("exim");
        let went = log.contains(&format!("{untagged} => {} ", both[0]));
        assert!(went, "{label}: {log}");
        for recipient in recipients {
            let waits = log.matches(&format!("{id} == {recipient} ")).count();
            assert_eq!(waits, 2, "{label}: {log}");
        }
        assert!(!log.contains(&format!("{id} ** ")), "{label}: {log}");
        grow_older(&scene, &id)?;
        // One after the other: the first address of a run is not to take along those whose own time is not over.
        for returned in 1..=recipients.len() {
            run()?;
            let log = scene.log("exim");
            let failed = log.matches(&format!("{id} ** ")).count();
            assert_eq!(failed, returned, "{label}: {log}");
        }
        let log = scene.log("exim");
        assert!(log.contains(&format!("{id} Completed")), "{label}: {log}");
        let about = format!(" R={id} ");
        let notices = log
            .lines()
            .filter(|line| line.contains(" <= <> ") && line.contains(&about));
        let mut told = String::new();
        for line in notices {
            told.push_str(&scene.queued(Scene::id_in(line), "-D")?);
        }
        for recipient in recipients {
            let expired = format!("{id} ** {recipient}: retry timeout exceeded");
            assert!(log.contains(&expired), "{label}: {log}");
            let named = format!("Final-Recipient: rfc822;{recipient}\nStatus: 5.7.10\n");
            assert!(told.contains(&named), "{label}: {told}");
        }
        let sentences = told.matches("requiretls: 451 4.7.10 ").count();
        assert_eq!(sentences, recipients.len(), "{label}: {told}");
    }
    let received = scene.finish()?;
    assert_eq!(received.mail("mx.doubt.test"), ["TLS <ann@client.test>"; 2]);
    Ok(())
}

/// A message in the queue is then three hours old; the retry rule gives it two.
fn grow_older(scene: &Scene, id: &str) -> Result<()> {
    let spool = scene.queued(id, "-H")?;
    let received = spool.lines().nth(3).unwrap_or_default();
    let (seconds, warnings) = received.split_once(' ').unwrap_or_default();
    let older = seconds.parse::<u64>()?.saturating_sub(3 * 60 * 60);
    let file = scene.path("share/spool/input").join(format!("{id}-H"));
    let text = spool.replacen(received, &format!("{older} {warnings}"), 1);
    Ok(fs::write(file, text)?)
}
