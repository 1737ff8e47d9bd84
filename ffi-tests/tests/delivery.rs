//! What becomes of a message when everything around it is real?
//!
//! The C sender, the shared object, nsd, unbound and Postfix. Postfix' own log is read beside our verdict: the MAIL
//! command that it was given, and whether the requirement went on from there when it relayed the message.

use ffi_tests::{Answer, Installed, Result, Sender, World};

const REQUIRETLS: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const UNTAGGED: &str = "MAIL FROM:<ann@client.test>";
const NOTICE: &str = "MAIL FROM:<> REQUIRETLS";

/// What the receiving side must have seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    /// Not even a connection.
    NoConnection,
    /// No MAIL command.
    NoMail,
    /// This command, by the host of the domain or by the one named.
    Mail(&'static str),
    MailAt(&'static str, &'static str),
}

/// One row: domain, what the sender's client said, action with codes, what Postfix saw.
type Row = (&'static str, &'static str, &'static str, Seen);

fn deliver_all(rows: &[Row]) -> Result<()> {
    let sender = Sender::build(&Installed::find()?)?;
    let world = World::start()?;
    for (domain, asked, expected, seen) in rows {
        let host = if let Seen::MailAt(host, _) = seen {
            host
        } else {
            domain
        };
        let (connections, commands) = (world.connections(host)?, world.mail_commands(host)?.len());
        let answer = sender.send(&world, &[], asked, &format!("user@{domain}"))?;
        let label = format!("{asked} to {domain}: {answer:?}");
        assert_eq!(answer.brief(), *expected, "{label}");
        assert_eq!(answer.status, Some(exit_status(&answer)), "{label}");
        if *seen == Seen::NoConnection {
            assert_eq!(
                (answer.host.as_str(), world.connections(host)?),
                ("-", connections),
                "{label}"
            );
            continue;
        }
        // What comes later is in the log later, so the commands are read last.
        if let Seen::Mail(command) | Seen::MailAt(_, command) = seen {
            check_onward(&world, &answer, command, &label)?;
        }
        world.wait_for_end(host, connections)?;
        let commands = world.mail_commands(host)?.split_off(commands);
        match seen {
            Seen::NoConnection | Seen::NoMail => assert_eq!(commands, [""; 0], "{label}"),
            Seen::Mail(command) | Seen::MailAt(_, command) => {
                assert_eq!(commands, [*command], "{label}");
            }
        }
        if domain.starts_with("several.") {
            let refused = "mx.several.signed.test [127.25.0.10]: 0\n";
            assert!(answer.stderr.contains(refused), "{label}");
        }
    }
    Ok(())
}

fn exit_status(answer: &Answer) -> i32 {
    match answer.action.as_str() {
        "go" => 0,
        "refused" => 65,
        "bounce" => 69,
        _ => 75,
    }
}

/// Postfix names the message in its reply, and logs under that name where it sent it on to and how.
fn check_onward(world: &World, answer: &Answer, command: &str, label: &str) -> Result<()> {
    let queue_id = answer
        .text
        .strip_prefix("Ok: queued as ")
        .unwrap_or_default();
    assert!(!queue_id.is_empty(), "{label}");
    let line = world.onward(queue_id)?;
    assert!(line.contains("status=sent"), "{label}: {line}");
    let required = command.ends_with(" REQUIRETLS");
    assert_eq!(line.contains("/requiretls,"), required, "{label}: {line}");
    Ok(())
}

/// The one delivery that the project begins with.
#[test]
fn a_message_with_requiretls_reaches_the_domain_secured_by_dane_and_goes_on_with_it() -> Result<()>
{
    deliver_all(&[(
        "dane.signed.test",
        REQUIRETLS,
        "go 250 2.0.0",
        Seen::Mail(REQUIRETLS),
    )])
}

#[test]
fn a_message_with_requiretls_goes_nowhere_else() -> Result<()> {
    deliver_all(&[
        // No DNSSEC, no MTA-STS: the path is refused before there is a connection (P6 row 3, P11b).
        (
            "unsigned.test",
            REQUIRETLS,
            "bounce 550 5.7.10",
            Seen::NoConnection,
        ),
        // The recipient promised another key: that may heal (P6 row 12, committed).
        (
            "mismatch.signed.test",
            REQUIRETLS,
            "defer 451 4.7.10",
            Seen::NoMail,
        ),
        // Forged answers never return a message (P6 row 1).
        (
            "bogus.test",
            REQUIRETLS,
            "defer 451 4.4.3",
            Seen::NoConnection,
        ),
        // Certain, and the sender's own demand (P6 rows 9 and 13).
        (
            "clear.signed.test",
            REQUIRETLS,
            "bounce 550 5.7.10",
            Seen::NoMail,
        ),
        (
            "plain-tls.signed.test",
            REQUIRETLS,
            "bounce 550 5.7.30",
            Seen::NoMail,
        ),
        // A handshake that fails may be an attack: it may heal (P6 row 11b).
        (
            "old-tls.signed.test",
            REQUIRETLS,
            "defer 451 4.7.10",
            Seen::NoMail,
        ),
    ])
}

#[test]
fn a_message_with_requiretls_finds_a_way_where_there_is_one() -> Result<()> {
    deliver_all(&[
        // A signed MX without TLSA: the certificate of a known authority counts (P4a, M = S, D = 0).
        (
            "pkix.signed.test",
            REQUIRETLS,
            "go 250 2.0.0",
            Seen::Mail(REQUIRETLS),
        ),
        // The first address refuses: all addresses of a host are tried (P5).
        (
            "several.signed.test",
            REQUIRETLS,
            "go 250 2.0.0",
            Seen::Mail(REQUIRETLS),
        ),
        // The better MX lacks it, the worse one has it (P7).
        (
            "choice.signed.test",
            REQUIRETLS,
            "go 250 2.0.0",
            Seen::MailAt("dane.signed.test", REQUIRETLS),
        ),
    ])
}

#[test]
fn an_untagged_message_is_delivered_where_the_destination_allows_it() -> Result<()> {
    deliver_all(&[
        (
            "dane.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
        (
            "unsigned.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
        // DANE is the recipient's word, whatever the sender asked (P3, D = U; P6 row 12 by dest).
        (
            "mismatch.signed.test",
            UNTAGGED,
            "defer 451 4.7.5",
            Seen::NoMail,
        ),
        (
            "bogus.test",
            UNTAGGED,
            "defer 451 4.4.3",
            Seen::NoConnection,
        ),
        (
            "clear.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
        (
            "plain-tls.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
        (
            "pkix.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
        (
            "several.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
        (
            "choice.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::MailAt("plain-tls.signed.test", UNTAGGED),
        ),
        // Where nothing was promised, a handshake that fails leads back to clear text (P6 row 11b).
        (
            "old-tls.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail(UNTAGGED),
        ),
    ])
}

/// RFC 8689 section 5: a bounce is to arrive, but not in clear text (P4, null path).
#[test]
fn a_notice_with_an_empty_return_path_needs_no_more_than_encryption() -> Result<()> {
    deliver_all(&[
        (
            "dane.signed.test",
            NOTICE,
            "go 250 2.0.0",
            Seen::Mail(NOTICE),
        ),
        // No REQUIRETLS there, so it goes without, and with the headers only (P6 row 13).
        (
            "plain-tls.signed.test",
            NOTICE,
            "go 250 2.0.0",
            Seen::Mail("MAIL FROM:<> RET=HDRS"),
        ),
        // Nothing vouches for the MX, but there is TLS (P6 row 3).
        ("unsigned.test", NOTICE, "go 250 2.0.0", Seen::Mail(NOTICE)),
        (
            "clear.signed.test",
            NOTICE,
            "defer 451 4.7.10",
            Seen::NoMail,
        ),
        (
            "mismatch.signed.test",
            NOTICE,
            "defer 451 4.7.10",
            Seen::NoMail,
        ),
    ])
}

#[test]
fn a_mail_from_line_that_asks_wrongly_is_refused() -> Result<()> {
    let rows = [
        "REQUIRETLS=yes",
        "REQUIRETLS=",
        "REQUIRETLS REQUIRETLS",
        "REQUIRETLS requiretls",
    ];
    let sender = Sender::build(&Installed::find()?)?;
    let world = World::start()?;
    for parameters in rows {
        let asked = format!("{UNTAGGED} {parameters}");
        let answer = sender.send(&world, &[], &asked, "user@dane.signed.test")?;
        assert_eq!(answer.brief(), "refused 501 5.5.4", "{asked}: {answer:?}");
        assert_eq!(
            answer.status,
            Some(exit_status(&answer)),
            "{asked}: {answer:?}"
        );
    }
    assert!(world.mail_commands("dane.signed.test")?.is_empty());
    Ok(())
}
