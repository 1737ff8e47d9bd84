//! What does Exim say to a client?
//!
//! `exim -bh` is the whole server with its ACLs and its rewrite rules, of which nothing is real: no message is kept, and the
//! log goes to standard error. So it tells what the daemon would do that is started next.

use super::exim::Exim;
use super::finding::Finding;

/// Plays a client.
pub(super) struct Client<'a> {
    pub(super) exim: &'a Exim,
    /// An address of this server.
    pub(super) address: &'a str,
}

const ASKED: &str = "exim -bh 127.0.0.1";

/// What came of a message: the reply to its end; the error: it did not come so far.
type Sent = Result<String, String>;

impl Client<'_> {
    /// Whether the header section is asked for a tag.
    pub(super) fn fields(&self) -> Vec<Finding> {
        let asked = |field: &str| format!("{ASKED}, a message with \"{field}\"");
        let advice = "have acl-data.conf in the ACL for DATA before its \"accept\", and acl.conf among the ACLs";
        let readable = "a message that asks for protection is taken in";
        let unreadable = "a message whose tag cannot be read waits at its sender";
        let plain = self.send("");
        if !matches!(&plain, Ok(reply) if reply.starts_with('2')) {
            let (Ok(said) | Err(said)) = plain;
            let advice = "not even a message without such a field: --to names a recipient that this server takes";
            return vec![
                Finding::unknown(readable, ASKED, &said, advice),
                Finding::unknown(unreadable, ASKED, &said, advice),
            ];
        }
        let look = |check: &str, field: &str, expected: &str| match self.send(field) {
            Ok(reply) if reply.starts_with(expected) => {
                Finding::holds(check, &asked(field), &reply)
            }
            Ok(reply) => Finding::fault(check, &asked(field), &reply, advice),
            Err(why) => Finding::unknown(check, &asked(field), &why, ""),
        };
        vec![
            look(readable, "RequireTLS-Tag: 1.secure.onward", "250"),
            look(unreadable, "RequireTLS-Tag: 1.nonsense", "451 4.3.0"),
        ]
    }

    fn send(&self, field: &str) -> Sent {
        let (mail, rcpt) = (
            format!("MAIL FROM:<{}>", self.address),
            format!("RCPT TO:<{}>", self.address),
        );
        let mut lines = vec!["EHLO localhost", &mail, &rcpt, "DATA"];
        if !field.is_empty() {
            lines.push(field);
        }
        lines.extend([
            "Subject: exim-selftest",
            "",
            "This is not sent.",
            ".",
            "QUIT",
        ]);
        let replies = self.exim.session(&lines)?;
        // The greeting, EHLO, MAIL, RCPT, DATA and the end of the message.
        let early = replies
            .iter()
            .take(5)
            .find(|reply| !reply.starts_with(['2', '3']));
        match (early, replies.get(5)) {
            (Some(refused), _) => Err(refused.clone()),
            (None, Some(reply)) => Ok(reply.clone()),
            (None, None) => Err(format!("it breaks off after {} replies", replies.len())),
        }
    }

    /// Whether MAIL is understood with the parameter: it is refused in clear, by the library's words.
    pub(super) fn parameter(&self, advice: &str) -> Vec<Finding> {
        let own = format!("<{}>", self.address);
        let mail = |path: &str, parameters: &str| format!("MAIL FROM:{path} {parameters}");
        [
            (
                "MAIL with REQUIRETLS is understood",
                mail(&own, "REQUIRETLS"),
            ),
            (
                "so is it behind another parameter",
                mail(&own, "SIZE=100 REQUIRETLS"),
            ),
            ("so is it from <>", mail("<>", "REQUIRETLS")),
        ]
        .iter()
        .map(|(check, line)| self.refused_in_clear(check, line, advice))
        .collect()
    }

    fn refused_in_clear(&self, check: &str, line: &str, advice: &str) -> Finding {
        let asked = format!("{ASKED}, {line}");
        let said = match self.exim.session(&["EHLO localhost", line, "QUIT"]) {
            Ok(replies) => replies.get(2).cloned().unwrap_or_default(),
            Err(why) => return Finding::unknown(check, &asked, &why, ""),
        };
        if said.starts_with("530 5.7.10 ") {
            Finding::holds(check, &asked, &said)
        } else {
            Finding::fault(
                check,
                &asked,
                &format!("\"{said}\", not \"530 5.7.10\""),
                advice,
            )
        }
    }
}
