//! What does a peer say, and when does it break off?
//!
//! One thread per connection, one [`talk`] for clear text and TLS: RFC 5321 as far as a client of
//! this project goes, strict about parameters that were not offered, and the defects of
//! [`Peer`] at the places where they belong.
//!
//! [`talk`]: Talk::talk

use crate::listener::{Listener, pause};
use crate::peer::{Break, Peer, Step, Tls};
use crate::pki::{Certificate, Credential, Pki};
use crate::session_log::{Message, Record, SessionLog, split_path};
use crate::stop::Stop;
use crate::tls::{self, Shown};
use rustls::server::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

/// A peer that listens; dropping it ends it.
#[derive(Debug)]
pub struct SmtpPeer {
    listener: Listener,
    credential: Credential,
}

impl SmtpPeer {
    /// Listens on an address as a host that receives for a next-hop domain; port 0 takes any that
    /// is free.
    ///
    /// # Errors
    /// The address is taken, or a certificate cannot be made.
    pub fn start(
        address: SocketAddr,
        host: &str,
        next_hop: &str,
        peer: Peer,
        pki: &Pki,
        log: &SessionLog,
    ) -> io::Result<Self> {
        let credential = pki.issue(peer.certificate, host, next_hop)?;
        Self::start_with(address, host, credential, peer, pki, log)
    }

    /// The same with a certificate that is there already.
    pub(crate) fn start_with(
        address: SocketAddr,
        host: &str,
        credential: Credential,
        peer: Peer,
        pki: &Pki,
        log: &SessionLog,
    ) -> io::Result<Self> {
        let shown = if peer.needs_sni {
            let other = pki.issue(Certificate::WrongName, host, host)?;
            let shown = Shown::always(&other)?;
            shown.for_name(host, &credential)?;
            shown
        } else {
            Shown::always(&credential)?
        };
        let shown = Arc::new(shown);
        let versions: &[_] = match peer.tls {
            Tls::Version12 => &tls::ONLY_12,
            _ => &tls::MODERN,
        };
        let server = Server {
            host: host.to_owned(),
            config: tls::config(Arc::clone(&shown), versions, peer.resumes)?,
            shown,
            peer,
            log: log.clone(),
        };
        let listener = Listener::start(address, host, move |stream, stop| {
            // How it ended is in the log.
            let _ = server.serve(stream, stop);
        })?;
        Ok(Self {
            listener,
            credential,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What it shows.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

#[derive(Debug)]
struct Server {
    host: String,
    peer: Peer,
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    log: SessionLog,
}

impl Server {
    fn serve(&self, mut stream: TcpStream, stop: &Stop) -> io::Result<()> {
        let record = self.log.begin(&self.host, stream.local_addr()?);
        let mut talk = Talk {
            host: &self.host,
            peer: &self.peer,
            record: &record,
            stop,
            in_tls: false,
            greeted: Greeted::No,
            recipients: None,
        };
        talk.breaks(&mut stream, Step::Connection)?;
        let banner = format!("220 {} ESMTP test world", self.host);
        let banner = self.peer.reply(Step::Banner, false).unwrap_or(&banner);
        talk.reply(&mut stream, banner)?;
        talk.breaks(&mut stream, Step::Banner)?;
        match banner.get(..1) {
            Some("2") => {}
            _ if banner.starts_with("421") => return Ok(()),
            _ => return talk.refuse_all(&mut stream),
        }
        let end = talk.talk(&mut stream)?;
        if end == End::Over {
            return Ok(());
        }
        talk.breaks(&mut stream, Step::StartTls)?;
        let mut connection = match self.handshake(&mut stream, &record, &mut talk) {
            Ok(connection) => connection,
            Err(e) => {
                record.write(|s| s.handshake_failure = Some(e.to_string()));
                return Err(e);
            }
        };
        talk.in_tls = true;
        talk.greeted = Greeted::No;
        talk.recipients = None;
        let mut wire = rustls::Stream::new(&mut connection, &mut stream);
        talk.talk(&mut wire)?;
        wire.conn.send_close_notify();
        wire.flush()
    }

    fn handshake(
        &self,
        stream: &mut TcpStream,
        record: &Record,
        talk: &mut Talk<'_>,
    ) -> io::Result<ServerConnection> {
        if let Some((Step::Handshake, _)) = self.peer.breaks {
            let name = tls::half_handshake(&self.config, stream)?;
            record.write(|s| s.sni = name);
            talk.breaks(stream, Step::Handshake)?;
        }
        let instead: &[u8] = match self.peer.tls {
            Tls::Alert => &tls::ALERT,
            Tls::Close => &[],
            Tls::Garbage => b"220 this is not what TLS looks like\r\n",
            Tls::Version11 => &tls::HELLO_11,
            Tls::Good | Tls::NotOffered | Tls::Stripped | Tls::Version12 => {
                return self.full_handshake(stream, record);
            }
        };
        tls::read_record(stream)?;
        stream.write_all(instead)?;
        // Whoever would wait for more learns that there is none.
        stream.shutdown(Shutdown::Write)?;
        let what = match tls::read_alert(stream) {
            Ok(alert) => format!("{:?}: the client sent alert {alert}", self.peer.tls),
            Err(_) => format!("{:?}: the client said no more", self.peer.tls),
        };
        Err(io::Error::new(ErrorKind::ConnectionAborted, what))
    }

    fn full_handshake(
        &self,
        stream: &mut TcpStream,
        record: &Record,
    ) -> io::Result<ServerConnection> {
        let (connection, end) = tls::handshake(&self.config, stream);
        let connection = connection.ok_or(ErrorKind::Other)?;
        let resumed = tls::resumed(&connection);
        record.write(|session| {
            session.sni = connection.server_name().map(str::to_owned);
            session.resumed = resumed;
            if end.is_ok() {
                session.tls_version = tls::version(&connection);
            }
            if !resumed {
                session.chain = self.shown.chain(connection.server_name());
            }
        });
        end.map(|()| connection)
    }
}

/// The words of one session, outside TLS and then inside.
struct Talk<'a> {
    host: &'a str,
    peer: &'a Peer,
    record: &'a Record,
    stop: &'a Stop,
    in_tls: bool,
    greeted: Greeted,
    /// Of the message under way.
    recipients: Option<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Greeted {
    No,
    Helo,
    Ehlo,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    StartTls,
    Over,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

impl Talk<'_> {
    fn talk(&mut self, wire: &mut dyn Wire) -> io::Result<End> {
        let mut lines = Lines::default();
        while let Some(line) = lines.next(wire)? {
            let in_tls = self.in_tls;
            self.record.write(|s| s.lines.push((in_tls, line.clone())));
            let verb = line.split(' ').next().unwrap_or_default();
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" | "LHLO" => self.ehlo(wire)?,
                "HELO" => {
                    self.greeted = Greeted::Helo;
                    self.recipients = None;
                    self.reply(wire, &format!("250 {}", self.host))?;
                }
                "STARTTLS" => {
                    if self.start_tls(wire)? {
                        return Ok(End::StartTls);
                    }
                }
                "MAIL" => self.mail(wire, &line)?,
                "RCPT" => self.rcpt(wire, &line)?,
                "DATA" => self.data(wire, &mut lines)?,
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

    /// After a 5yz banner: nothing but QUIT (RFC 5321 section 3.1).
    fn refuse_all(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
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
        let (return_path, parameters) = split_path(line.get(10..).unwrap_or_default());
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
    }

    /// Only what was offered, here and to this client, is taken.
    fn parameter_refusal(&self, parameter: &str) -> Option<String> {
        let (name, value) = split(parameter);
        let (keyword, fits) = match name.as_str() {
            "BODY" => ("8BITMIME", value.is_some()),
            "ENVID" | "RET" => ("DSN", value.is_some()),
            "REQUIRETLS" => ("REQUIRETLS", value.is_none() || self.peer.draft),
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
            return Some(format!("530 5.7.10 {name}: only inside TLS"));
        }
        Some(format!("555 5.5.4 {name}: not offered"))
    }

    fn rcpt(&mut self, wire: &mut dyn Wire, line: &str) -> io::Result<()> {
        let (recipient, parameters) = split_path(line.get(8..).unwrap_or_default());
        let known = |p: &String| matches!(split(p).0.as_str(), "NOTIFY" | "ORCPT");
        let refusal = match self.recipients {
            None => Some("503 5.5.1 MAIL first"),
            Some(_) if !parameters.iter().all(|p| known(p) && self.offers("DSN")) => {
                Some("555 5.5.4 Parameter not offered")
            }
            Some(taken) if taken >= self.peer.recipient_limit => {
                Some("452 4.5.3 Too many recipients")
            }
            Some(_) => self.peer.reply(Step::Rcpt, self.in_tls),
        };
        if refusal.is_none() {
            self.recipients = self.recipients.map(|n| n.saturating_add(1));
            self.record.message(|m| m.recipients.push(recipient));
        }
        self.reply(wire, refusal.unwrap_or("250 2.1.5 Ok"))?;
        self.breaks(wire, Step::Rcpt)
    }

    fn data(&mut self, wire: &mut dyn Wire, lines: &mut Lines) -> io::Result<()> {
        match self.recipients {
            None => return self.reply(wire, "503 5.5.1 MAIL first"),
            Some(0) => return self.reply(wire, "554 5.5.1 No valid recipients"),
            Some(_) => {}
        }
        if let Some(reply) = self.peer.reply(Step::Data, self.in_tls) {
            return self.reply(wire, reply);
        }
        self.reply(wire, "354 Go ahead")?;
        loop {
            let line = lines.next_octets(wire)?.ok_or(ErrorKind::UnexpectedEof)?;
            if line == b"." {
                break;
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            self.record.message(|message| {
                message.body.extend_from_slice(line);
                message.body.extend_from_slice(b"\r\n");
            });
            self.breaks(wire, Step::Data)?;
        }
        self.record.message(|m| m.complete = true);
        self.recipients = None;
        self.breaks(wire, Step::Dot)?;
        let reply = self.peer.reply(Step::Dot, self.in_tls);
        let reply = reply.unwrap_or("250 2.0.0 Taken");
        self.reply(wire, reply)?;
        let taken = reply.starts_with('2');
        self.record.message(|m| m.taken = taken);
        Ok(())
    }

    fn reply(&self, wire: &mut dyn Wire, text: &str) -> io::Result<()> {
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
    fn breaks(&self, wire: &mut dyn Wire, step: Step) -> io::Result<()> {
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

    fn offers(&self, keyword: &str) -> bool {
        has(self.offered(), keyword)
    }
}

/// Lines from a connection; clients that send several at once are understood (RFC 2920).
#[derive(Debug, Default)]
struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    fn next(&mut self, wire: &mut dyn Wire) -> io::Result<Option<String>> {
        let line = self.next_octets(wire)?;
        Ok(line.map(|octets| String::from_utf8_lossy(&octets).into_owned()))
    }

    /// Without CR and LF; `None` at the end. What is left of a line then is none.
    fn next_octets(&mut self, wire: &mut dyn Wire) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let rest = self.buffer.split_off(end.saturating_add(1));
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut more = [0; 4096];
            let length = match wire.read(&mut more) {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            self.buffer.extend(more.iter().take(length));
        }
    }
}

const LONGEST_LINE: usize = 64 * 1024;

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
