//! Do the example programs build with pkg-config alone, and do what they show?

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ffi_tests::{
    Built, Change, EXAMPLES, Example, Installed, Linking, MilterClient, Result, Testbed, Verdict,
    bounded,
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// A configuration that asks no name server.
const NO_DNS: &str = "[dns]\nservers = [\"127.0.0.1:9\"]\n\n[cache]\ndirectory = \"\"\n";

#[test]
fn each_builds_in_its_languages_against_both_libraries() -> Result<()> {
    let installed = Installed::find()?;
    for example in &EXAMPLES {
        for language in example.languages() {
            for linking in [Linking::Shared, Linking::Static] {
                let label = format!("{} {language:?} {linking:?}", example.name);
                let built = example.build_as(&installed, language, linking);
                let built = built.map_err(|failure| failure.during(&label))?;
                let mut readelf = Command::new("readelf");
                let dynamic =
                    bounded::output(readelf.arg("--dynamic").arg(built.program()), LIMIT)?;
                let shared = dynamic.contains("[librequiretls.so.0]");
                assert_eq!(shared, linking == Linking::Shared, "{label}");
            }
        }
    }
    Ok(())
}

/// One session: what the client says, and the replies that are compared.
struct Session {
    label: &'static str,
    options: &'static [&'static str],
    says: &'static [&'static str],
    replies: &'static [&'static str],
}

const MESSAGE: [&str; 2] = ["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>"];

#[test]
fn inbound_asks_the_first_question() -> Result<()> {
    let rows = [
        Session {
            label: "R1: offered inside TLS, and the tag is kept",
            options: &["-t"],
            says: &[
                "EHLO x",
                "MAIL FROM:<a@b.example> SIZE=10 requiretls",
                MESSAGE[1],
                "DATA",
                "",
                ".",
            ],
            replies: &[
                "250-REQUIRETLS",
                "250 2.0.0 kept with tag \"1.secure.onward\"",
            ],
        },
        Session {
            label: "R4: not in clear text",
            options: &[],
            says: &["EHLO x", "MAIL FROM:<a@b.example> REQUIRETLS", MESSAGE[1]],
            replies: &["250 SIZE", "530 5.7.10 ", "503 5.5.1 "],
        },
        Session {
            label: "R2: no value; nothing of it is left for the next message",
            options: &["-t"],
            says: &[
                "MAIL FROM:<a@b.example> REQUIRETLS=x",
                MESSAGE[0],
                MESSAGE[1],
                "DATA",
                "",
                ".",
            ],
            replies: &["501 5.5.4 ", "250 2.0.0 kept with tag \"\""],
        },
        Session {
            label: "R8: the field lowers, folded too, and not behind the header section",
            options: &["-t"],
            says: &[
                MESSAGE[0],
                MESSAGE[1],
                "DATA",
                "Subject: x",
                "TLS-Required:",
                " No",
                "",
                ".",
                MESSAGE[0],
                MESSAGE[1],
                "DATA",
                "Subject: x",
                "",
                "TLS-Required: No",
                ".",
            ],
            replies: &[
                "250 2.0.0 kept with tag \"1.no\"",
                "250 2.0.0 kept with tag \"\"",
            ],
        },
        Session {
            label: "R8: a parameter overrules the field",
            options: &["-t"],
            says: &[
                "MAIL FROM:<a@b.example> REQUIRETLS",
                MESSAGE[1],
                "DATA",
                "TLS-Required: No",
                ".",
            ],
            replies: &["250 2.0.0 kept with tag \"1.secure.onward\""],
        },
        Session {
            label: "a rule of the site: the stricter wins",
            options: &["-t", "-T", "1.encrypt"],
            says: &[
                MESSAGE[0],
                MESSAGE[1],
                "DATA",
                "",
                ".",
                "MAIL FROM:<a@b.example> REQUIRETLS",
                MESSAGE[1],
                "DATA",
                "",
                ".",
            ],
            replies: &["tag \"1.encrypt\"", "tag \"1.secure.onward\""],
        },
        Session {
            label: "P6.15: a tag that cannot be read is never none",
            options: &["-t", "-T", "1.secret"],
            says: &[MESSAGE[0]],
            replies: &["451 4.3.0 "],
        },
        Session {
            label: "a parameter that nobody knows",
            options: &["-t"],
            says: &["MAIL FROM:<a@b.example> REQUIRETLS FOO=1"],
            replies: &["555 5.5.4 "],
        },
    ];
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    fs::write(&config, NO_DNS)?;
    for linking in [Linking::Shared, Linking::Static] {
        let inbound = Example::named("inbound").build_as(&installed, &["-std=c89"], linking)?;
        for Session {
            label,
            options,
            says,
            replies,
        } in &rows
        {
            let mut command = Command::new(inbound.program());
            command.arg("-c").arg(&config).args(*options);
            let input = says.join("\r\n") + "\r\nQUIT\r\n";
            let output = bounded::run(&mut command, input.as_bytes(), LIMIT)?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(0), "{label}: {said}");
            let mut lines = said.lines();
            for reply in *replies {
                assert!(
                    lines.any(|line| line.contains(reply)),
                    "{label}: {reply}: {said}"
                );
            }
            assert_eq!(lines.next_back(), Some("221 2.0.0 Bye"), "{label}: {said}");
        }
    }
    Ok(())
}

#[test]
fn policy_tells_what_is_known_of_a_next_hop() -> Result<()> {
    let policy = Example::named("policy").build(&Installed::find()?)?;
    let world = Testbed::start()?;
    // Next hop, tag, exit status, what is told.
    let rows: [(&str, &str, i32, &[&str]); 7] = [
        (
            "dane-ee.test",
            "",
            0,
            &[
                "policy=tlsa",
                "level=secure method=dane sni=mx.dane-ee.test",
            ],
        ),
        (
            "sts-enforce.test",
            "",
            0,
            &[
                "policy=sts at=sts-enforce.test mx=mx.sts-enforce.test",
                "method=pkix",
            ],
        ),
        (
            "sts-404.test",
            "",
            0,
            &["failure=sts-policy-fetch-error", "level=may method=none"],
        ),
        (
            "hosts.test",
            "1.secure.onward",
            0,
            &[
                "host=mx1.hosts.test level=secure",
                "host=mx2.hosts.test level=secure",
            ],
        ),
        (
            "addresses.test",
            "1.may",
            0,
            &["host=mx.addresses.test level=may method=none"],
        ),
        // VX9: nothing vouches for the MX records.
        (
            "unsigned.test",
            "1.secure.onward",
            69,
            &["bounce 550 5.7.10 "],
        ),
        // P6 row 1: forged answers.
        ("zone-damaged.test", "", 75, &["defer 451 4.4.3 "]),
    ];
    for (next_hop, tag, status, expected) in rows {
        let mut command = Command::new(policy.program());
        command.arg("-c").arg(world.configuration());
        command.args(["-p", &world.port(next_hop)?, next_hop, tag]);
        let output = bounded::run(&mut command, b"", LIMIT)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{next_hop} {tag}: {said}"
        );
        for words in expected {
            assert!(said.contains(words), "{next_hop} {tag}: {words}: {said}");
        }
        if next_hop == "addresses.test" {
            let hosts = said
                .lines()
                .filter(|line| line.starts_with("host="))
                .count();
            assert_eq!(hosts, 1, "a host once, with both addresses: {said}");
            let addresses = said.rsplit("addresses=").next().unwrap_or_default();
            assert_eq!(addresses.split(',').count(), 2, "{said}");
        }
    }
    Ok(())
}

/// Half a second before every reply: one after the other a hundred messages would take ten minutes.
#[test]
fn the_event_loop_delivers_a_hundred_messages_at_once() -> Result<()> {
    for name in ["event_loop", "event_loop-gnutls"] {
        let event_loop = Example::named(name).build(&Installed::find()?)?;
        let world = Testbed::start()?;
        let port = world.port("slow.test")?;
        let list = |n: usize| format!("user{n}@slow.test {port} 1.secure.onward\n");
        let list: String = (0..100).map(list).collect();
        let said = deliver(&event_loop, &world, &list)?;
        for n in 0..100 {
            let line = format!("user{n}@slow.test 1.secure.onward go 250\n");
            assert!(said.contains(&line), "{name}: {line}{said}");
        }
        assert!(
            said.ends_with("\nmessages=100 connections_at_once=100\n"),
            "{name}: {said}"
        );
    }
    Ok(())
}

/// The same answers as from the sender that waits for each reply.
#[test]
fn the_event_loop_does_as_each_plan_says() -> Result<()> {
    let rows = [
        ("dane-ee.test", "1.secure.onward", "go 250"),
        ("dane-ee-wrong.test", "-", "defer 451"),
        ("sts-enforce.test", "1.secure.onward", "go 250"),
        ("no-starttls.test", "1.secure.onward", "bounce 550"),
        ("no-starttls.test", "-", "go 250"),
        ("hosts.test", "1.secure.onward", "go 250"),
        ("addresses.test", "1.may", "go 250"),
        ("unsigned.test", "1.secure.onward", "bounce 550"),
        ("zone-damaged.test", "-", "defer 451"),
        ("starttls-454.test", "-", "go 250"),
        ("starttls-454.test", "1.secure.onward", "defer 451"),
        ("tls-garbage.test", "-", "go 250"),
        ("tls-alert.test", "1.secure.onward", "defer 451"),
        ("injects.test", "-", "go 250"),
        ("injects.test", "1.secure.onward", "defer 451"),
        ("ehlo-502.test", "-", "go 250"),
        ("ehlo-in-tls-451.test", "-", "go 250"),
        ("mail-555.test", "1.secure.onward", "bounce 550"),
        ("insists.test", "1.may", "go 250"),
        ("rcpt-550.test", "-", "bounce 550"),
        ("data-451.test", "-", "defer 451"),
        ("greets-421.test", "-", "defer 421"),
        ("drops-dot.test", "-", "defer 451"),
        ("down.test", "-", "defer 451"),
    ];
    let world = Testbed::start()?;
    let mut list = String::new();
    for (domain, tag, _) in rows {
        // Nobody listens for this one, so the world has no place of it.
        let listens = if domain == "down.test" {
            "good.test"
        } else {
            domain
        };
        list += &format!("user@{domain} {} {tag}\n", world.port(listens)?);
    }
    for name in ["event_loop", "event_loop-gnutls"] {
        let event_loop = Example::named(name).build(&Installed::find()?)?;
        let said = deliver(&event_loop, &world, &list)?;
        for (domain, tag, outcome) in rows {
            let line = format!("user@{domain} {tag} {outcome}\n");
            assert!(said.contains(&line), "{name}: {line}{said}");
        }
    }
    Ok(())
}

fn deliver(event_loop: &Built, world: &Testbed, list: &str) -> Result<String> {
    let mut command = Command::new(event_loop.program());
    command.arg("-c").arg(world.configuration());
    let output = bounded::run(&mut command, list.as_bytes(), LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{stderr}");
    Ok(said)
}

#[test]
fn a_plan_goes_on_under_the_configuration_that_it_was_made_from() -> Result<()> {
    let reload = Example::named("reload").build(&Installed::find()?)?;
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    let rule = |floor: &str| {
        format!(
            "{NO_DNS}\n[next_hop.\"partner.example\"]\nfloor = \"{floor}\"\ndiscovery = \"off\"\n"
        )
    };
    fs::write(&config, rule("encrypt"))?;
    let mut command = Command::new(reload.program());
    command
        .arg(&config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = Ending(command.spawn()?);
    let mut input = child.0.stdin.take();
    let output = child.0.stdout.take();
    let mut lines = output
        .into_iter()
        .flat_map(|pipe| BufReader::new(pipe).lines());
    let mut next = || -> Result<String> { Ok(lines.next().transpose()?.unwrap_or_default()) };
    assert_eq!(next()?, "started: encrypt");
    let rows: [(&str, &[&str]); 3] = [
        (&rule("may"), &["old plan: encrypt", "new plan: may"]),
        ("no TOML", &["kept: ", "old plan: may", "new plan: may"]),
        (&rule("encrypt"), &["old plan: may", "new plan: encrypt"]),
    ];
    for (text, expected) in rows {
        fs::write(&config, text)?;
        if let Some(input) = &mut input {
            input.write_all(b"read it anew\n")?;
        }
        for line in expected {
            let said = next()?;
            assert!(said.starts_with(line), "{said} instead of {line}");
        }
    }
    drop(input.take());
    assert_eq!(child.0.wait()?.code(), Some(0));
    Ok(())
}

/// A process that does not outlive the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

const FIELD: &str = "RequireTLS-Tag";

/// One message: what it is, inside TLS, the server's own tag, parameters, fields; the tag that is added to it and how many
/// fields of ours go, or the beginning of the reply that refuses it.
type Row = (
    &'static str,
    bool,
    Option<&'static str>,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
    std::result::Result<(&'static str, u32), &'static str>,
);

const REQUIRED: &str = "1.secure.onward";

const MESSAGES: [Row; 14] = [
    ("R1", true, None, &["REQUIRETLS"], &[], Ok((REQUIRED, 0))),
    (
        "R1 among others",
        true,
        None,
        &["SIZE=1", "requiretls"],
        &[("Subject", "x")],
        Ok((REQUIRED, 0)),
    ),
    (
        "nothing asked",
        true,
        None,
        &["SIZE=1"],
        &[("Subject", "x")],
        Ok(("", 0)),
    ),
    (
        "R4 in clear text",
        false,
        None,
        &["REQUIRETLS"],
        &[],
        Err("530 5.7.10 "),
    ),
    (
        "R2 a value",
        true,
        None,
        &["REQUIRETLS=x"],
        &[],
        Err("501 5.5.4 "),
    ),
    (
        "R2 an empty value",
        true,
        None,
        &["REQUIRETLS="],
        &[],
        Err("501 5.5.4 "),
    ),
    (
        "R6 twice",
        true,
        None,
        &["REQUIRETLS", "REQUIRETLS"],
        &[],
        Err("501 5.5.4 "),
    ),
    (
        "R8 a field",
        false,
        None,
        &[],
        &[("TLS-Required", "No")],
        Ok(("1.no", 0)),
    ),
    (
        "R8 overruled",
        true,
        None,
        &["REQUIRETLS"],
        &[("TLS-Required", "No")],
        Ok((REQUIRED, 0)),
    ),
    (
        "raised by anybody",
        true,
        None,
        &[],
        &[(FIELD, REQUIRED)],
        Ok((REQUIRED, 1)),
    ),
    (
        "lowered by nobody",
        true,
        None,
        &[],
        &[(FIELD, "1.no")],
        Ok(("", 1)),
    ),
    (
        "replaced, all of them",
        true,
        None,
        &["REQUIRETLS"],
        &[
            (FIELD, "1.encrypt"),
            ("requiretls-tag", "1.no"),
            ("RequireTLS-Tags", "x"),
        ],
        Ok((REQUIRED, 2)),
    ),
    (
        "P6.15 not to be read",
        true,
        None,
        &[],
        &[(FIELD, "2.later")],
        Err("451 4.3.0 "),
    ),
    (
        "the server's own",
        true,
        Some("1.encrypt"),
        &[],
        &[],
        Ok(("1.encrypt", 0)),
    ),
];

#[test]
fn the_mail_filter_keeps_the_tag_as_a_field() -> Result<()> {
    let milter = Example::named("milter").build(&Installed::find()?)?;
    let dir = TempDir::new()?;
    let (config, socket) = (
        dir.path().join("requiretls.conf"),
        dir.path().join("socket"),
    );
    fs::write(&config, NO_DNS)?;
    let mut command = Command::new(milter.program());
    command.arg("-c").arg(&config);
    command.arg(format!("unix:{}", socket.display()));
    let _running = Ending(command.spawn()?);
    for (label, tls, known, parameters, fields, expected) in MESSAGES {
        let mut server = MilterClient::connect(&socket)?;
        let version: &[_] = if tls {
            &[("{tls_version}", "TLSv1.3")]
        } else {
            &[]
        };
        server.macros(b'H', version)?;
        assert_eq!(server.helo()?, Verdict::Continue, "{label}");
        let known: Vec<_> = known.iter().map(|tag| ("{requiretls}", *tag)).collect();
        server.macros(b'M', &known)?;
        let mut last = server.mail(parameters)?;
        let mut changes = Vec::new();
        if last == Verdict::Continue {
            (changes, last) = server.message(fields)?;
        } else {
            // Nothing of it is left for the next message on the connection.
            server.abort()?;
            server.macros(b'M', &[])?;
            assert_eq!(server.mail(&[])?, Verdict::Continue, "{label}");
            assert_eq!(
                server.message(&[])?,
                (Vec::new(), Verdict::Continue),
                "{label}"
            );
        }
        match (expected, &last) {
            (Ok((tag, gone)), Verdict::Continue) => {
                // The last one first, since the numbers of the others stay as they are then.
                let mut wanted: Vec<_> = (1..=gone)
                    .rev()
                    .map(|n| Change::Delete(FIELD.to_owned(), n))
                    .collect();
                if !tag.is_empty() {
                    wanted.push(Change::Add(FIELD.to_owned(), tag.to_owned()));
                }
                assert_eq!(changes, wanted, "{label}");
            }
            (Err(start), Verdict::Reply(reply)) => {
                assert!(reply.starts_with(start), "{label}: {reply}");
                assert_eq!(changes, [], "{label}");
            }
            _ => panic!("{label}: {last:?}"),
        }
    }
    Ok(())
}
