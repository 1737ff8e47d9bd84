//! What becomes of a message when everything around it is real?
//!
//! The C sender, the shared object, nsd, unbound and Postfix. Postfix' own log is read beside our verdict: what it took
//! in it relays, and it logs whether REQUIRETLS went on with it.

use ffi_tests::{Answer, Installed, Result, Sender, World};

const REQUIRETLS: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const UNTAGGED: &str = "MAIL FROM:<ann@client.test>";

/// What the receiving side must have seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    /// Nothing was accepted; connections are not looked at.
    Nothing,
    /// Not even a connection.
    NoConnection,
    /// A message without the requirement.
    Mail,
    /// A message with REQUIRETLS in its MAIL FROM.
    Required,
}

impl Seen {
    fn by_postfix(self) -> bool {
        matches!(self, Self::Mail | Self::Required)
    }
}

/// One row: domain, MAIL FROM, action with codes, what Postfix saw.
type Row = (&'static str, &'static str, &'static str, Seen);

fn deliver_all(rows: &[Row]) -> Result<()> {
    let sender = Sender::build(&Installed::find()?)?;
    let world = World::start()?;
    for (domain, mail_from, expected, seen) in rows {
        let before = world.connections(domain)?;
        let answer = sender.send(&world, &[], mail_from, &format!("user@{domain}"))?;
        let label = format!("{mail_from} to {domain}: {answer:?}");
        assert_eq!(answer.brief(), *expected, "{label}");
        let status = match answer.action.as_str() {
            "go" => 0,
            "defer" => 75,
            "bounce" => 69,
            _ => 65,
        };
        assert_eq!(answer.status, Some(status), "{label}");
        if seen.by_postfix() {
            check_onward(&world, &answer, *seen, &label)?;
        } else if *seen == Seen::NoConnection {
            assert_eq!(world.connections(domain)?, before, "{label}");
        }
        if answer.host.contains("several") {
            let refused = answer
                .stderr
                .contains("mx.several.signed.test [127.25.0.10]: 0\n");
            assert!(refused, "{label}");
        }
    }
    Ok(())
}

/// Postfix names the message in its reply, and logs under that name what it sent on and how.
fn check_onward(world: &World, answer: &Answer, seen: Seen, label: &str) -> Result<()> {
    let queue_id = answer
        .text
        .strip_prefix("Ok: queued as ")
        .unwrap_or_default();
    assert!(!queue_id.is_empty(), "{label}");
    let line = world.onward(queue_id)?;
    assert!(line.contains("status=sent"), "{label}: {line}");
    assert_eq!(
        line.contains("/requiretls,"),
        seen == Seen::Required,
        "{label}: {line}"
    );
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
        Seen::Required,
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
            Seen::Nothing,
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
            Seen::Nothing,
        ),
        (
            "plain-tls.signed.test",
            REQUIRETLS,
            "bounce 550 5.7.30",
            Seen::Nothing,
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
            Seen::Required,
        ),
        // The first address refuses: all addresses of a host are tried (P5).
        (
            "several.signed.test",
            REQUIRETLS,
            "go 250 2.0.0",
            Seen::Required,
        ),
    ])
}

#[test]
fn an_untagged_message_is_delivered_where_the_destination_allows_it() -> Result<()> {
    deliver_all(&[
        ("dane.signed.test", UNTAGGED, "go 250 2.0.0", Seen::Mail),
        ("unsigned.test", UNTAGGED, "go 250 2.0.0", Seen::Mail),
        // DANE is the recipient's word, whatever the sender asked (P3, D = U; P6 row 12 by dest).
        (
            "mismatch.signed.test",
            UNTAGGED,
            "defer 451 4.7.5",
            Seen::Nothing,
        ),
        (
            "bogus.test",
            UNTAGGED,
            "defer 451 4.4.3",
            Seen::NoConnection,
        ),
        ("clear.signed.test", UNTAGGED, "go 250 2.0.0", Seen::Mail),
        (
            "plain-tls.signed.test",
            UNTAGGED,
            "go 250 2.0.0",
            Seen::Mail,
        ),
        ("pkix.signed.test", UNTAGGED, "go 250 2.0.0", Seen::Mail),
        ("several.signed.test", UNTAGGED, "go 250 2.0.0", Seen::Mail),
    ])
}

#[test]
fn a_mail_from_line_that_asks_wrongly_is_refused() -> Result<()> {
    deliver_all(&[
        (
            "dane.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS=yes",
            "refused 501 5.5.4",
            Seen::NoConnection,
        ),
        (
            "dane.signed.test",
            "MAIL FROM:<ann@client.test> REQUIRETLS REQUIRETLS",
            "refused 501 5.5.4",
            Seen::NoConnection,
        ),
    ])
}
