//! A mail host on loopback, and what it saw.

use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is particular about a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    /// Keywords in clear, separated by commas.
    pub(crate) clear: &'static str,
    /// Keywords inside TLS.
    pub(crate) tls: &'static str,
    /// The name in its certificate.
    pub(crate) certificate: &'static str,
    /// The key that it signs the handshake with.
    pub(crate) key: Key,
    pub(crate) only_tls_1_2: bool,
    /// Further keywords, in clear and inside TLS.
    pub(crate) more: &'static str,
    /// Other answers: the start of a command, or one of the words below, and what comes instead.
    /// With `2:` before it, for the second message on a connection alone.
    pub(crate) instead: &'static [(&'static str, &'static str)],
}

/// A peer's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    /// The one in its certificate.
    ItsOwn,
    /// Another one: the certificate was copied from somewhere.
    AnotherOne,
}

/// In place of a command: what is sent on connection.
pub(crate) const GREETING: &str = "(greeting)";
/// In place of a command: the answer to the message.
pub(crate) const MESSAGE: &str = "(message)";
/// In place of a command: the TLS handshake; what comes instead of it ends the connection.
pub(crate) const HANDSHAKE: &str = "(handshake)";
/// In place of an answer, or at the end of one: the connection is dropped.
pub(crate) const DROP: &str = "(drop)";
/// In place of an answer: nothing, with the connection left open.
pub(crate) const SILENCE: &str = "(silence)";
/// In place of an answer: one octet of a reply at a time, without end.
pub(crate) const DRIP: &str = "(drip)";
/// In place of an answer: one line of a reply at a time, without end.
pub(crate) const LINES: &str = "(lines)";
/// In place of an answer: lines of a reply, as fast as they go, without end.
pub(crate) const FLOOD: &str = "(flood)";

impl Traits {
    /// STARTTLS, REQUIRETLS inside TLS, a good certificate.
    pub(crate) const GOOD: Self = Self {
        clear: "STARTTLS,DSN,8BITMIME",
        tls: "REQUIRETLS,DSN,8BITMIME",
        certificate: "",
        key: Key::ItsOwn,
        only_tls_1_2: false,
        more: "",
        instead: &[],
    };
    /// No TLS.
    pub(crate) const CLEAR: Self = Self {
        clear: "DSN,8BITMIME",
        ..Self::GOOD
    };

    pub(crate) const fn offers(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    pub(crate) const fn with(self, instead: &'static [(&'static str, &'static str)]) -> Self {
        Self { instead, ..self }
    }
}

/// A running peer.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

/// One connection as the peer saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Each command; those inside TLS begin with `*`.
    pub(crate) commands: Vec<String>,
    /// What came after DATA, with the final dot.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) sni: Option<String>,
    pub(crate) handshake: Option<HandshakeKind>,
}

impl Peer {
    pub(crate) fn start(traits: Traits, config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (record, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut talks = Vec::new();
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let mut all = record.lock().unwrap();
                all.push(Seen::default());
                let talk = Talk {
                    traits,
                    wire: Wire::Clear(stream.unwrap()),
                    index: all.len() - 1,
                    nth: 1,
                    record: Arc::clone(&record),
                    stopped: Arc::clone(&stopped),
                };
                let config = Arc::clone(&config);
                talks.push(thread::spawn(move || talk.run(&config)));
            }
            for talk in talks {
                let _ = talk.join().unwrap();
            }
        });
        Self {
            address,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The commands of all connections.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.seen().into_iter().flat_map(|s| s.commands).collect()
    }

    /// Those that are not a lone dot.
    pub(crate) fn messages(&self) -> Vec<Vec<u8>> {
        let all = self.seen().into_iter().flat_map(|s| s.messages);
        all.filter(|message| message != b".\r\n").collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let ended = self.thread.take().unwrap().join();
        if !thread::panicking() {
            ended.expect("the peer's own checks");
        }
    }
}

struct Talk {
    traits: Traits,
    wire: Wire,
    index: usize,
    /// Which message of the connection is next.
    nth: usize,
    record: Arc<Mutex<Vec<Seen>>>,
    stopped: Arc<AtomicBool>,
}

enum Wire {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Gone,
}

impl Talk {
    /// Until the client has left; an error is one way to leave.
    fn run(mut self, config: &Arc<ServerConfig>) -> io::Result<()> {
        if let Wire::Clear(stream) = &self.wire {
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.set_write_timeout(Some(Duration::from_secs(20)))?;
            stream.set_nodelay(true)?;
        }
        self.answer(GREETING, "220 peer.test ESMTP\r\n")?;
        loop {
            let line = self.line()?;
            let verb = line.split([' ', ':']).next().unwrap().to_owned();
            match verb.as_str() {
                "EHLO" => {
                    let keywords = match self.wire {
                        Wire::Tls(_) => self.traits.tls,
                        _ => self.traits.clear,
                    };
                    let all = keywords.split(',').chain(self.traits.more.split(','));
                    let all = all.filter(|k| !k.is_empty());
                    let lines = all.map(|k| ["250-", k, "\r\n"].concat());
                    let lines: String = lines.collect();
                    self.answer(&line, &format!("250-peer.test\r\n{lines}250 HELP\r\n"))?;
                }
                "STARTTLS" => {
                    self.answer(&line, "220 2.0.0 go ahead\r\n")?;
                    self.handshake(config)?;
                }
                "DATA" => {
                    self.answer(&line, "354 go ahead\r\n")?;
                    if self.declines("DATA", "354") {
                        continue;
                    }
                    self.message()?;
                    self.answer(MESSAGE, "250 2.0.0 taken\r\n")?;
                }
                "BDAT" => {
                    let length = line.split(' ').nth(1).unwrap().parse().unwrap();
                    self.chunk(length)?;
                    self.answer(MESSAGE, "250 2.0.0 taken\r\n")?;
                }
                "QUIT" => {
                    self.answer(&line, "221 2.0.0 bye\r\n")?;
                    return Ok(());
                }
                _ => self.answer(&line, "250 2.1.0 ok\r\n")?,
            }
        }
    }

    /// The usual answer, or what the traits have instead.
    fn answer(&mut self, to: &str, usual: &str) -> io::Result<()> {
        let marked = match self.wire {
            Wire::Tls(_) => format!("*{to}"),
            _ => to.to_owned(),
        };
        let nth = format!("{}:{to}", self.nth);
        let instead = self.traits.instead.iter();
        let instead = instead.map(|(start, text)| (*start, *text));
        let mut instead = instead.filter(|(start, _)| {
            to.starts_with(start) || marked.starts_with(start) || nth.starts_with(start)
        });
        let instead = instead.next();
        if to == MESSAGE {
            self.nth += 1;
        }
        match instead.map(|(_, text)| text) {
            None => self.send(usual),
            Some(DROP) => Err(io::ErrorKind::BrokenPipe.into()),
            Some(SILENCE) => self.until_stopped("", Duration::from_millis(5)),
            Some(DRIP) => self.until_stopped("2", Duration::from_millis(20)),
            Some(LINES) => self.until_stopped("250-more\r\n", Duration::from_millis(20)),
            Some(FLOOD) => {
                let lines = "250-more\r\n".repeat(1_000);
                self.until_stopped(&lines, Duration::ZERO)
            }
            Some(text) => {
                let dropped = text.strip_suffix(DROP);
                self.send(dropped.unwrap_or(text))?;
                if dropped.is_some() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                // A peer that has declined STARTTLS goes on in clear, one that closes closes.
                if text.starts_with("421") {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Ok(())
            }
        }
    }

    fn declines(&self, command: &str, usual: &str) -> bool {
        let mut instead = self.traits.instead.iter();
        instead.any(|(to, text)| *to == command && !text.starts_with(usual))
    }

    fn until_stopped(&mut self, text: &str, pause: Duration) -> io::Result<()> {
        while !self.stopped.load(Ordering::Relaxed) {
            self.send(text)?;
            thread::sleep(pause);
        }
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn handshake(&mut self, config: &Arc<ServerConfig>) -> io::Result<()> {
        let declined = self.declines("STARTTLS", "220");
        if !declined && self.traits.instead.iter().any(|(to, _)| *to == HANDSHAKE) {
            // The client speaks first.
            if let Wire::Clear(stream) = &mut self.wire {
                stream.read_exact(&mut [0])?;
            }
            self.answer(HANDSHAKE, "")?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let Wire::Clear(stream) = std::mem::replace(&mut self.wire, Wire::Gone) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if declined {
            self.wire = Wire::Clear(stream);
            return Ok(());
        }
        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
        let mut tls = StreamOwned::new(connection, stream);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        let sni = tls.conn.server_name().map(str::to_owned);
        let mut record = self.record.lock().unwrap();
        record[self.index].sni = sni;
        record[self.index].handshake = tls.conn.handshake_kind();
        drop(record);
        self.wire = Wire::Tls(Box::new(tls));
        Ok(())
    }

    fn message(&mut self) -> io::Result<()> {
        let mut message = Vec::new();
        while message != b".\r\n" && !message.ends_with(b"\r\n.\r\n") {
            message.extend(self.octets()?);
        }
        self.record.lock().unwrap()[self.index]
            .messages
            .push(message);
        Ok(())
    }

    fn chunk(&mut self, length: usize) -> io::Result<()> {
        let mut chunk = vec![0; length];
        match &mut self.wire {
            Wire::Clear(stream) => stream.read_exact(&mut chunk)?,
            Wire::Tls(stream) => stream.read_exact(&mut chunk)?,
            Wire::Gone => return Err(io::ErrorKind::NotConnected.into()),
        }
        self.record.lock().unwrap()[self.index].messages.push(chunk);
        Ok(())
    }

    fn line(&mut self) -> io::Result<String> {
        let line = self.octets()?;
        let line = String::from_utf8(line).unwrap();
        let line = line.strip_suffix("\r\n").expect("CRLF").to_owned();
        let star = if matches!(self.wire, Wire::Tls(_)) {
            "*"
        } else {
            ""
        };
        self.record.lock().unwrap()[self.index]
            .commands
            .push(format!("{star}{line}"));
        Ok(line)
    }

    fn octets(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut octet = [0];
            match &mut self.wire {
                Wire::Clear(stream) => stream.read_exact(&mut octet)?,
                Wire::Tls(stream) => stream.read_exact(&mut octet)?,
                Wire::Gone => return Err(io::ErrorKind::NotConnected.into()),
            }
            line.push(octet[0]);
        }
        Ok(line)
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        match &mut self.wire {
            Wire::Clear(stream) => stream.write_all(text.as_bytes()),
            Wire::Tls(stream) => stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush()),
            Wire::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
