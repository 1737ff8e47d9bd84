//! What does the mail filter do with a message, by itself and in a real server?

use std::fs;
use std::process::{Child, Command};

use ffi_tests::{Change, Example, Installed, MilterClient, Result, Sender, Verdict, World};
use tempfile::TempDir;

/// A configuration that asks no name server.
const NO_DNS: &str = "[dns]\nservers = [\"127.0.0.1:9\"]\n\n[cache]\ndirectory = \"\"\n";

/// The filter's process, until it is dropped.
struct Running(Child);

impl Drop for Running {
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
    let _running = Running(command.spawn()?);
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

/// Postfix passes the parameters of MAIL on to its filters, and TLS by a macro of its own.
#[test]
fn postfix_keeps_the_tag_that_the_filter_adds() -> Result<()> {
    let installed = Installed::find()?;
    let (milter, sender) = (
        Example::named("milter").build(&installed)?,
        Sender::build(&installed)?,
    );
    let world = World::start()?;
    let mut command = world.command([milter.program()]);
    command.arg("-c").arg(world.configuration());
    let _running = Running(command.arg(world.filter_socket()).spawn()?);
    world.wait_for_filter()?;
    let mut kept: Vec<String> = Vec::new();
    for (mail_from, tag) in [
        (
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            Some("1.secure.onward"),
        ),
        ("MAIL FROM:<ann@client.test>", None),
        ("MAIL FROM:<> REQUIRETLS", Some("1.secure.onward")),
    ] {
        let answer = sender.send(&world, &[], mail_from, "user@filtered.signed.test")?;
        assert_eq!(answer.brief(), "go 250 2.0.0", "{mail_from}: {answer:?}");
        let queue_id = answer
            .text
            .strip_prefix("Ok: queued as ")
            .unwrap_or_default();
        // Where it went on to is logged after what the filter did.
        world.onward(queue_id)?;
        kept.extend(tag.map(|tag| format!("RequireTLS-Tag: {tag}")));
        let added = world.added_fields()?;
        assert_eq!(added, kept, "{mail_from}: {}", world.postfix_log()?);
    }
    Ok(())
}
