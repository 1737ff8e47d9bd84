//! What is said in a session?
//!
//! The same for clear text and TLS: RFC 5321 as far as a client of this project goes, strict about
//! parameters that were not offered. What came is written down before it is answered.

use super::lines::Lines;
use crate::listener::pause;
use crate::peer::{Break, Lax, Peer, Step, Tls};
use crate::session_log::{Message, Record, split_path, strip_verb};
use crate::stop::Stop;
use std::io::{self, ErrorKind, Read, Write};

/// The words of one session, outside TLS and then inside.
pub(super) struct Talk<'a> {
    host: &'a str,
    pub(super) peer: &'a Peer,
    pub(super) record: &'a Record,
    stop: &'a Stop,
    pub(super) in_tls: bool,
    greeted: Greeted,
    /// Of the message under way.
    pub(super) recipients: Option<usize>,
    /// What came with STARTTLS and has not been looked at.
    behind_starttls: Lines,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Greeted {
    No,
    Helo,
    Ehlo,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    StartTls,
    Over,
}

pub(super) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

impl<'a> Talk<'a> {
    pub(super) fn new(host: &'a str, peer: &'a Peer, record: &'a Record, stop: &'a Stop) -> Self {
        Self {
            host,
            peer,
            record,
            stop,
            in_tls: false,
            greeted: Greeted::No,
            recipients: None,
            behind_starttls: Lines::default(),
        }
    }

    /// All that was said before is void (RFC 3207 section 4.2).
    pub(super) fn enter_tls(&mut self) {
        self.in_tls = true;
        self.greeted = Greeted::No;
        self.recipients = None;
        if !self.peer.lets_pass(Lax::BehindStartTls) {
            self.behind_starttls = Lines::default();
        }
    }

    /// Until QUIT, the end of the connection, or a STARTTLS that was taken.
    pub(super) fn talk(&mut self, wire: &mut dyn Wire) -> io::Result<End> {
        let mut lines = std::mem::take(&mut self.behind_starttls);
        while let Some(line) = lines.next(wire)? {
            let in_tls = self.in_tls;
            self.record.write(|s| s.lines.push((in_tls, line.clone())));
            let verb = line.split(' ').next().unwrap_or_default();
            let verb = verb.to_ascii_uppercase();
            match verb.as_str() {
                _ if self.is_ahead(&lines, &verb) => {
                    self.record.write(|s| s.ahead = true);
                    self.reply(wire, "503 5.5.0 Not before my reply")?;
                }
                "EHLO" | "LHLO" => self.ehlo(wire)?,
                "HELO" => {
                    self.greeted = Greeted::Helo;
                    self.recipients = None;
                    self.reply(wire, &format!("250 {}", self.host))?;
                }
                "STARTTLS" => {
                    if self.start_tls(wire)? {
                        self.behind_starttls = lines;
                        return Ok(End::StartTls);
                    }
                }
                "MAIL" => self.mail(wire, &line)?,
                "RCPT" => self.rcpt(wire, &line)?,
                "DATA" => self.data(wire, &mut lines)?,
                "BDAT" => self.bdat(wire, &mut lines, &line)?,
                "RSET" => {
                    self.recipients = None;
                    self.reply(wire, "250 2.0.0 Ok")?;
                }
                "NOOP" => self.reply(wire, "250 2.0.0 Ok")?,
                "QUIT" => {
                    self.reply(wire, "221 2.0.0 Bye")?;
                    return Ok(End::Over);
                }
                _ => self.reply(wire, "500 5.5.1 Unknown command")?,
            }
        }
        Ok(End::Over)
    }

    /// What came before the reply to this command, though it has to wait for it (RFC 2920).
    fn is_ahead(&self, lines: &Lines, verb: &str) -> bool {
        let may_follow = matches!(verb, "MAIL" | "RCPT" | "RSET") && self.offers("PIPELINING");
        // A chunk follows its command, and what follows STARTTLS is forgotten.
        let takes_more = may_follow || matches!(verb, "BDAT" | "STARTTLS");
        !takes_more && lines.has_more()
    }

    /// After a 5yz banner: nothing but QUIT (RFC 5321 section 3.1).
    pub(super) fn refuse_all(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        let mut lines = Lines::default();
        while let Some(line) = lines.next(wire)? {
            self.record.write(|s| s.lines.push((false, line.clone())));
            if line.eq_ignore_ascii_case("QUIT") {
                return self.reply(wire, "221 2.0.0 Bye");
            }
            self.reply(wire, "503 5.5.1 No service here")?;
        }
        Ok(())
    }

    fn ehlo(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        let step = if self.in_tls {
            Step::EhloInTls
        } else {
            Step::Ehlo
        };
        self.recipients = None;
        if let Some(reply) = self.peer.reply(step, self.in_tls) {
            self.greeted = Greeted::No;
            self.reply(wire, reply)?;
            return self.breaks(wire, step);
        }
        self.greeted = Greeted::Ehlo;
        let mut keywords = self.offered().to_vec();
        if !self.in_tls {
            keywords.extend(self.peer.starttls_keyword().map(str::to_owned));
        }
        let mut lines = vec![self.host.to_owned()];
        lines.extend(keywords.iter().cloned());
        let in_tls = self.in_tls;
        self.record.write(|session| {
            if in_tls {
                session.offered_in_tls = keywords;
            } else {
                session.offered_in_clear = keywords;
            }
        });
        let last = lines.len().saturating_sub(1);
        let coded = lines.iter().enumerate().map(|(n, line)| {
            let sign = if n == last { ' ' } else { '-' };
            format!("250{sign}{line}")
        });
        let text = coded.collect::<Vec<_>>().join("\n");
        self.reply(wire, &text)?;
        self.breaks(wire, step)
    }

    /// Whether TLS begins.
    fn start_tls(&mut self, wire: &mut dyn Wire) -> io::Result<bool> {
        let refusal = match self.peer.tls {
            _ if self.in_tls => Some("503 5.5.1 TLS is on already"),
            Tls::NotOffered => Some("502 5.5.1 Not here"),
            Tls::Stripped => Some("500 5.5.1 Unknown command"),
            _ => self.peer.reply(Step::StartTls, false),
        };
        if let Some(refusal) = refusal {
            self.reply(wire, refusal)?;
            return Ok(false);
        }
        match &self.peer.injected {
            // One write, so that it comes with the reply.
            Some(text) => {
                pause(self.stop, self.peer.delay)?;
                wire.write_all(format!("220 2.0.0 Go ahead\r\n{text}").as_bytes())?;
            }
            None => self.reply(wire, "220 2.0.0 Go ahead")?,
        }
        Ok(true)
    }

    fn mail(&mut self, wire: &mut dyn Wire, line: &str) -> io::Result<()> {
        let Some(argument) = strip_verb(line, "MAIL FROM:").filter(|a| a.contains('<')) else {
            return self.reply(wire, "501 5.5.4 MAIL FROM:<path>");
        };
        let (return_path, parameters) = split_path(argument);
        let refusal = self.mail_refusal(&parameters);
        let taken = refusal.is_none();
        if taken {
            self.recipients = Some(0);
            let in_tls = self.in_tls;
            self.record.write(|session| {
                session.messages.push(Message {
                    in_tls,
                    return_path,
                    mail_parameters: parameters,
                    ..Message::default()
                });
            });
        }
        self.reply(wire, refusal.as_deref().unwrap_or("250 2.1.0 Ok"))?;
        self.breaks(wire, Step::Mail)
    }

    fn mail_refusal(&self, parameters: &[String]) -> Option<String> {
        if self.greeted == Greeted::No || self.recipients.is_some() {
            return Some("503 5.5.1 Not now".to_owned());
        }
        let about_tls = parameters.iter().any(|p| is_about_tls(p));
        self.peer
            .parameter_refusal
            .clone()
            .filter(|_| about_tls)
            .or_else(|| {
                let reply = self.peer.reply(Step::Mail, self.in_tls);
                reply.map(str::to_owned)
            })
            .or_else(|| parameters.iter().find_map(|p| self.parameter_refusal(p)))
            .or_else(|| {
                let named = parameters.iter().filter(|p| is_about_tls(p)).count();
                let twice = named > 1 && !self.peer.lets_pass(Lax::Twice);
                twice.then(|| "501 5.5.4 More than one parameter about TLS".to_owned())
            })
            .or_else(|| {
                let sizes = parameters.iter().filter_map(|p| p.strip_prefix("SIZE="));
                let too_large = sizes
                    .filter_map(|n| n.parse().ok())
                    .any(|n| self.is_too_large(n));
                too_large.then(|| TOO_LARGE.to_owned())
            })
    }

    /// Only what was offered, here and to this client, is taken.
    fn parameter_refusal(&self, parameter: &str) -> Option<String> {
        let (name, value) = split(parameter);
        let (keyword, fits) = match name.as_str() {
            "BODY" => ("8BITMIME", value.is_some()),
            "ENVID" | "RET" => ("DSN", value.is_some()),
            "REQUIRETLS" => {
                let any_value = self.peer.draft || self.peer.lets_pass(Lax::Value);
                ("REQUIRETLS", value.is_none() || any_value)
            }
            "SIZE" => ("SIZE", value.is_some()),
            "SMTPUTF8" => ("SMTPUTF8", value.is_none()),
            "TLS" | "TLSPOLICY" => ("TLSPOLICY", value.is_some()),
            _ => ("", false),
        };
        if self.greeted == Greeted::Ehlo && self.offers(keyword) {
            return (!fits).then(|| format!("501 5.5.4 {name}: wrong value"));
        }
        // R4: known, but not here.
        if !self.in_tls && is_about_tls(parameter) && has(&self.peer.in_tls, keyword) {
            if self.peer.lets_pass(Lax::InClear) {
                return None;
            }
            return Some(format!("530 5.7.10 {name}: only inside TLS"));
        }
        Some(format!("555 5.5.4 {name}: not offered"))
    }

    fn rcpt(&mut self, wire: &mut dyn Wire, line: &str) -> io::Result<()> {
        let Some(argument) = strip_verb(line, "RCPT TO:").filter(|a| a.contains('<')) else {
            return self.reply(wire, "501 5.5.4 RCPT TO:<path>");
        };
        let (recipient, parameters) = split_path(argument);
        let known = |p: &String| match split(p).0.as_str() {
            "NOTIFY" | "ORCPT" => self.offers("DSN"),
            "REQUIRETLS" => self.peer.lets_pass(Lax::OnRcpt),
            _ => false,
        };
        let refusal = match self.recipients {
            None => Some("503 5.5.1 MAIL first"),
            Some(_) if !parameters.iter().all(known) => Some("555 5.5.4 Parameter not offered"),
            Some(taken) if taken >= self.peer.recipient_limit => {
                Some("452 4.5.3 Too many recipients")
            }
            Some(_) => self
                .peer
                .recipient_refusal(&recipient)
                .or_else(|| self.peer.reply(Step::Rcpt, self.in_tls)),
        };
        if refusal.is_none() {
            self.recipients = self.recipients.map(|n| n.saturating_add(1));
            self.record.message(|m| m.recipients.push(recipient));
        }
        self.reply(wire, refusal.unwrap_or("250 2.1.5 Ok"))?;
        self.breaks(wire, Step::Rcpt)
    }

    pub(super) fn reply(&self, wire: &mut dyn Wire, text: &str) -> io::Result<()> {
        pause(self.stop, self.peer.delay)?;
        let mut reply = text.replace('\n', "\r\n");
        reply.push_str("\r\n");
        if self.in_tls || self.peer.octet_gap.is_zero() {
            wire.write_all(reply.as_bytes())?;
        } else {
            for octet in reply.as_bytes() {
                wire.write_all(&[*octet])?;
                wire.flush()?;
                pause(self.stop, self.peer.octet_gap)?;
            }
        }
        wire.flush()
    }

    /// Ends the session here, if this is where it ends.
    pub(super) fn breaks(&self, wire: &mut dyn Wire, step: Step) -> io::Result<()> {
        match self.peer.breaks {
            Some((at, Break::Drop)) if at == step => Err(ErrorKind::ConnectionAborted.into()),
            Some((at, Break::Hang)) if at == step => {
                // Until the client has enough of it, or the world ends.
                let mut ignored = [0; 512];
                while wire.read(&mut ignored)? > 0 {}
                Err(ErrorKind::ConnectionAborted.into())
            }
            _ => Ok(()),
        }
    }

    fn offered(&self) -> &[String] {
        if self.in_tls {
            &self.peer.in_tls
        } else {
            &self.peer.in_clear
        }
    }

    pub(super) fn is_too_large(&self, length: usize) -> bool {
        length > self.peer.size_limit && self.offers("SIZE")
    }

    pub(super) fn offers(&self, keyword: &str) -> bool {
        has(self.offered(), keyword)
    }
}

pub(super) const TOO_LARGE: &str = "552 5.3.4 Too large";

fn has(keywords: &[String], keyword: &str) -> bool {
    let mut names = keywords.iter().map(|k| k.split(' ').next());
    names.any(|name| name == Some(keyword))
}

fn is_about_tls(parameter: &str) -> bool {
    matches!(
        split(parameter).0.as_str(),
        "REQUIRETLS" | "TLS" | "TLSPOLICY"
    )
}

/// The name in upper case, and the value.
fn split(parameter: &str) -> (String, Option<&str>) {
    match parameter.split_once('=') {
        Some((name, value)) => (name.to_ascii_uppercase(), Some(value)),
        None => (parameter.to_ascii_uppercase(), None),
    }
}
