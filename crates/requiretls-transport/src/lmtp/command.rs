//! Which command is it?
//!
//! RFC 5321 section 4.1 and RFC 2033. A line ends with CRLF; one that ends with a bare LF, or holds
//! a CR, LF or NUL, is refused whole, since another reader may see two commands in it. Where the path
//! of MAIL and RCPT ends is core's word.

use requiretls_core::mail_param::{MAX_LINE, PathCommand, Refusal};
use requiretls_core::reply::{Enhanced, Reply};

/// A line of the client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Line {
    /// As it came, with its LF.
    Whole(Vec<u8>),
    /// Longer than [`MAX_LINE`]; it was read over up to its LF.
    TooLong,
}

/// A command of the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command<'a> {
    Data,
    /// EHLO or HELO, which are no LMTP (RFC 2033 section 4.1).
    Hello,
    Help,
    Lhlo,
    Mail(PathCommand<'a>),
    Noop,
    Quit,
    Rcpt(PathCommand<'a>),
    Rset,
    StartTls,
    Vrfy,
}

impl<'a> Command<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// The reply to what is no command.
    pub(super) fn parse(line: &'a Line) -> Result<Self, Reply> {
        let text = match line {
            Line::TooLong => return Err(refused(500, 2, "line too long")),
            Line::Whole(text) => text,
        };
        let is_broken = |b: &u8| matches!(b, b'\r' | b'\n' | 0);
        let text = text
            .strip_suffix(b"\r\n")
            .filter(|text| !text.iter().any(is_broken))
            .ok_or_else(|| {
                refused(
                    500,
                    2,
                    "a line ends with CRLF, and has no CR, LF or NUL in it",
                )
            })?;
        let end = text.iter().position(|b| matches!(b, b' ' | b'\t'));
        let (verb, rest) = text
            .split_at_checked(end.unwrap_or(text.len()))
            .unwrap_or((text, &[]));
        let rest = rest.trim_ascii();
        let alone = |command| match rest {
            [] => Ok(command),
            _ => Err(refused(501, 4, "this command has no argument")),
        };
        match verb.to_ascii_uppercase().as_slice() {
            b"LHLO" if is_host_name(rest) => Ok(Self::Lhlo),
            b"LHLO" => Err(refused(501, 4, "LHLO needs a host name")),
            b"MAIL" => PathCommand::mail(text)
                .map(Self::Mail)
                .map_err(Refusal::reply),
            b"RCPT" => PathCommand::rcpt(text)
                .map(Self::Rcpt)
                .map_err(|_| refused(501, 2, "RCPT command cannot be read")),
            b"DATA" => alone(Self::Data),
            b"RSET" => alone(Self::Rset),
            b"QUIT" => alone(Self::Quit),
            b"STARTTLS" => alone(Self::StartTls),
            b"NOOP" => Ok(Self::Noop),
            b"HELP" => Ok(Self::Help),
            b"VRFY" => Ok(Self::Vrfy),
            b"EHLO" | b"HELO" => Ok(Self::Hello),
            b"AUTH" | b"BDAT" | b"EXPN" | b"ETRN" | b"TURN" => {
                Err(refused(502, 1, "command not implemented"))
            }
            _ => Err(refused(500, 2, "no such command")),
        }
    }
}

/// No line is longer, in octets with its LF.
pub(super) const MAX_COMMAND: usize = MAX_LINE;

/// 5.5.detail.
pub(super) fn refused(code: u16, detail: u16, text: &str) -> Reply {
    Reply::new(code, Enhanced(5, 5, detail), text)
}

/// What the client calls itself is not looked up; an argument there must be.
fn is_host_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() || !b.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::{Command, Line};

    fn read(line: &[u8]) -> String {
        let line = Line::Whole(line.to_vec());
        match Command::parse(&line) {
            Ok(Command::Mail(mail)) => format!("mail {}", String::from_utf8_lossy(mail.path)),
            Ok(Command::Rcpt(rcpt)) => format!("rcpt {}", String::from_utf8_lossy(rcpt.path)),
            Ok(command) => format!("{command:?}").to_ascii_lowercase(),
            Err(reply) => format!("{} {}", reply.code, reply.enhanced),
        }
    }

    #[test]
    fn lines() {
        #[rustfmt::skip]
        let rows: [(&str, &[u8], &str); 34] = [
            ("LHLO", b"LHLO mail.test\r\n", "lhlo"),
            ("any case, blanks", b"lhlo  mail.test \r\n", "lhlo"),
            ("LHLO alone", b"LHLO\r\n", "501 5.5.4"),
            ("LHLO with two words", b"LHLO a b\r\n", "501 5.5.4"),
            ("EHLO is no LMTP", b"EHLO a\r\n", "hello"),
            ("HELO neither", b"HELO a\r\n", "hello"),
            ("MAIL", b"MAIL FROM:<a@b.test>\r\n", "mail a@b.test"),
            ("MAIL, null path", b"mail from:<>\r\n", "mail "),
            ("MAIL, blank behind the colon", b"MAIL FROM: <a@b.test>\r\n", "mail a@b.test"),
            ("MAIL, quoted bracket", b"MAIL FROM:<\"a>\"@b.test> SIZE=1\r\n", "mail \"a>\"@b.test"),
            ("MAIL without brackets", b"MAIL FROM:a@b.test SIZE=1\r\n", "mail a@b.test"),
            ("MAIL, open bracket", b"MAIL FROM:<a@b.test\r\n", "501 5.5.2"),
            ("MAIL TO", b"MAIL TO:<a@b.test>\r\n", "501 5.5.2"),
            ("MAIL alone", b"MAIL\r\n", "501 5.5.2"),
            ("RCPT", b"RCPT TO:<a@b.test> NOTIFY=NEVER\r\n", "rcpt a@b.test"),
            ("RCPT FROM", b"RCPT FROM:<a@b.test>\r\n", "501 5.5.2"),
            ("RCPT, open quote", b"RCPT TO:<\"a@b.test>\r\n", "501 5.5.2"),
            ("DATA", b"DATA\r\n", "data"),
            ("DATA with a blank", b"DATA \r\n", "data"),
            ("DATA with an argument", b"DATA x\r\n", "501 5.5.4"),
            ("QUIT with an argument", b"QUIT x\r\n", "501 5.5.4"),
            ("RSET with an argument", b"RSET x\r\n", "501 5.5.4"),
            ("STARTTLS with an argument", b"STARTTLS x\r\n", "501 5.5.4"),
            ("NOOP with an argument", b"NOOP x\r\n", "noop"),
            ("VRFY", b"VRFY a\r\n", "vrfy"),
            ("BDAT is not offered", b"BDAT 1 LAST\r\n", "502 5.5.1"),
            ("AUTH neither", b"AUTH PLAIN\r\n", "502 5.5.1"),
            ("unknown", b"XYZZY\r\n", "500 5.5.2"),
            ("empty", b"\r\n", "500 5.5.2"),
            ("bare LF", b"QUIT\n", "500 5.5.2"),
            ("bare LF within", b"QUIT\nQUIT\r\n", "500 5.5.2"),
            ("bare CR within", b"NOOP \rQUIT\r\n", "500 5.5.2"),
            ("NUL", b"QUIT\0\r\n", "500 5.5.2"),
            ("a verb runs on", b"DATAX\r\n", "500 5.5.2"),
        ];
        for (label, line, expected) in rows {
            assert_eq!(read(line), expected, "{label}");
        }
        let reply = Command::parse(&Line::TooLong).map_err(|r| r.code);
        assert_eq!(reply, Err(500));
    }
}
