//! Do the example programs build with pkg-config alone, and do what they show?

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ffi_tests::{EXAMPLES, Example, Installed, Linking, Result, Testbed, bounded};
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

const SESSIONS: [Session; 8] = [
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

#[test]
fn inbound_asks_the_first_question() -> Result<()> {
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
        } in SESSIONS
        {
            let mut command = Command::new(inbound.program());
            command.arg("-c").arg(&config).args(options);
            let input = says.join("\r\n") + "\r\nQUIT\r\n";
            let output = bounded::run(&mut command, input.as_bytes(), LIMIT)?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(0), "{label}: {said}");
            let mut lines = said.lines();
            for reply in replies {
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
