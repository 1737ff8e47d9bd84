//! What did the peers receive?
//!
//! Written line by line while it happens, so that a session which is cut is seen too. Nothing is
//! taken from the client's word: what is here came over the wire, or was sent by the peer itself.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One connection to one peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The name of the peer's host.
    pub peer: String,
    /// The peer's address, for hosts with several.
    pub address: SocketAddr,
    /// The lines that came, bodies aside, each with whether it came inside TLS.
    pub lines: Vec<(bool, String)>,
    /// The server name that the client asked for, also where the handshake failed.
    pub sni: Option<String>,
    /// As in `TLS 1.3`; `None`: no handshake came to its end.
    pub tls_version: Option<String>,
    /// A session from before was taken up: no chain was shown.
    pub resumed: bool,
    /// Why there is no TLS, in the words of this side; the client's alert is named.
    pub handshake_failure: Option<String>,
    /// The chain that was shown, as DER.
    pub chain: Vec<Vec<u8>>,
    /// The keywords offered before TLS, each with its words.
    pub offered_in_clear: Vec<String>,
    /// The keywords offered inside TLS.
    pub offered_in_tls: Vec<String>,
    /// One per MAIL that was accepted.
    pub messages: Vec<Message>,
    /// A command came ahead of a reply that it had to wait for.
    pub ahead: bool,
    /// Nothing more will come.
    pub ended: bool,
}

/// What came of one message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// Whether it came inside TLS.
    pub in_tls: bool,
    /// What stood between `<` and `>`.
    pub return_path: String,
    /// The parameters of MAIL, as they came.
    pub mail_parameters: Vec<String>,
    /// The recipients that were accepted.
    pub recipients: Vec<String>,
    /// Header and body, as far as they came, without the doubled dots.
    pub body: Vec<u8>,
    /// The final dot came.
    pub complete: bool,
    /// The reply to it was sent, and takes the message.
    pub taken: bool,
}

/// A tag that its sender meant to be protected came where everybody could read it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leak {
    /// The host that received it.
    pub peer: String,
    /// The tag, or the parameter that asks for protection.
    pub tag: String,
    /// The line that it was seen in.
    pub line: String,
}

/// The field, in a message's header, that names its tag.
pub const TAG_FIELD: &str = "RequireTLS-Tag";

/// The sessions of all peers of a world. A clone is the same log.
#[derive(Clone, Debug, Default)]
pub struct SessionLog {
    shared: Arc<Shared>,
}

impl SessionLog {
    /// All sessions, in the order of their beginning.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.shared.lock().clone()
    }

    /// The sessions with one host.
    #[must_use]
    pub fn of(&self, peer: &str) -> Vec<Session> {
        let sessions = self.shared.lock();
        sessions
            .iter()
            .filter(|s| s.peer == peer)
            .cloned()
            .collect()
    }

    /// The sessions that began after the first `n`.
    #[must_use]
    pub fn since(&self, n: usize) -> Vec<Session> {
        self.shared.lock().iter().skip(n).cloned().collect()
    }

    /// Waits until so many sessions have ended, or the time is over: the sessions that have.
    #[must_use]
    pub fn ended(&self, n: usize, max: Duration) -> Vec<Session> {
        let deadline = Instant::now().checked_add(max);
        let mut sessions = self.shared.lock();
        loop {
            let ended = sessions.iter().filter(|s| s.ended);
            let left = deadline.and_then(|d| d.checked_duration_since(Instant::now()));
            let Some(left) = left.filter(|_| ended.clone().count() < n) else {
                return ended.cloned().collect();
            };
            let waited = self.shared.changed.wait_timeout(sessions, left);
            sessions = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What came outside TLS though its tag, its parameter or its address asks for protection.
    ///
    /// The tag is read from the field [`TAG_FIELD`], or from a detail of the return path
    /// (`anna+1.secure.onward@…`), which is there before the body is. A message that a weaker hop
    /// mode let go in clear is found as well: who allows that says so beside it.
    #[must_use]
    pub fn leaks(&self) -> Vec<Leak> {
        self.shared.lock().iter().flat_map(leaks).collect()
    }

    pub(crate) fn begin(&self, peer: &str, address: SocketAddr) -> Record {
        let mut sessions = self.shared.lock();
        sessions.push(Session::new(peer, address));
        Record {
            shared: Arc::clone(&self.shared),
            number: sessions.len().saturating_sub(1),
        }
    }
}

/// The pen of one session; when it is put down, by a panic too, the session has ended.
#[derive(Debug)]
pub(crate) struct Record {
    shared: Arc<Shared>,
    number: usize,
}

impl Record {
    pub(crate) fn write(&self, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.shared.lock().get_mut(self.number) {
            change(session);
        }
        self.shared.changed.notify_all();
    }

    /// Changes the message that is under way.
    pub(crate) fn message(&self, change: impl FnOnce(&mut Message)) {
        self.write(|session| {
            if let Some(message) = session.messages.last_mut() {
                change(message);
            }
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.write(|session| session.ended = true);
    }
}

impl Session {
    fn new(peer: &str, address: SocketAddr) -> Self {
        Self {
            peer: peer.to_owned(),
            address,
            lines: Vec::new(),
            sni: None,
            tls_version: None,
            resumed: false,
            handshake_failure: None,
            chain: Vec::new(),
            offered_in_clear: Vec::new(),
            offered_in_tls: Vec::new(),
            messages: Vec::new(),
            ahead: false,
            ended: false,
        }
    }
}

impl Message {
    /// The tag named by the message itself.
    #[must_use]
    pub fn tag(&self) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        let mut header = body.lines().take_while(|line| !line.is_empty());
        header
            .find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(TAG_FIELD)
                    .then(|| value.trim().to_owned())
            })
            .or_else(|| tag_in_path(&self.return_path))
    }
}

/// One line for the session, and one for each line that came.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = self.tls_version.as_deref().unwrap_or("no TLS");
        writeln!(f, "{} {}: {tls}", self.peer, self.address)?;
        if let Some(failure) = &self.handshake_failure {
            writeln!(f, "  handshake: {failure}")?;
        }
        for (in_tls, line) in &self.lines {
            let place = if *in_tls { "TLS" } else { "clear" };
            writeln!(f, "  {place}: {}", line.escape_debug())?;
        }
        for message in &self.messages {
            let (length, tag) = (message.body.len(), message.tag().unwrap_or_default());
            let end = if message.taken { "taken" } else { "not taken" };
            writeln!(f, "  message of {length} octets, {end}, tag: {tag}")?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Shared {
    sessions: Mutex<Vec<Session>>,
    changed: Condvar,
}

impl Shared {
    /// What a panicking thread has written is still what it received.
    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leaks(session: &Session) -> Vec<Leak> {
    let leak = |tag: String, line: &str| Leak {
        peer: session.peer.clone(),
        tag,
        line: line.to_owned(),
    };
    let mut found = Vec::new();
    // The lines first: a MAIL that was refused has been read by everybody all the same.
    for (_, line) in session.lines.iter().filter(|(in_tls, _)| !in_tls) {
        let Some(argument) = strip_verb(line, "MAIL FROM:") else {
            continue;
        };
        let (path, parameters) = split_path(argument);
        let asked = parameters.iter().find(|p| asks_protection(p));
        let tag = asked
            .cloned()
            .or_else(|| tag_in_path(&path).filter(|tag| needs_protection(tag)));
        found.extend(tag.map(|tag| leak(tag, line)));
    }
    for message in session.messages.iter().filter(|m| !m.in_tls) {
        if let Some(tag) = message.tag().filter(|tag| needs_protection(tag))
            && !message.body.is_empty()
        {
            found.push(leak(tag, "DATA"));
        }
    }
    found
}

/// What follows `MAIL FROM:` or `RCPT TO:`, in any case.
pub(crate) fn strip_verb<'a>(line: &'a str, verb: &str) -> Option<&'a str> {
    let (start, argument) = line.split_at_checked(verb.len())?;
    start.eq_ignore_ascii_case(verb).then_some(argument)
}

/// The path between `<` and `>`, and the parameters behind it. A quoted local part may hold both
/// signs and spaces (RFC 5321 section 4.1.2).
pub(crate) fn split_path(argument: &str) -> (String, Vec<String>) {
    let (mut quoted, mut escaped) = (false, false);
    let end = argument.find(|c| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == '>' && !quoted
    });
    let (path, rest) = argument.split_at(end.unwrap_or(argument.len()));
    let path = path.trim_start().trim_start_matches('<').to_owned();
    let rest = rest.trim_start_matches('>');
    (path, rest.split_whitespace().map(str::to_owned).collect())
}

/// Parameters that are sent for tags that require TLS.
fn asks_protection(parameter: &str) -> bool {
    let upper = parameter.to_ascii_uppercase();
    match upper.split_once('=') {
        Some(("TLSPOLICY" | "TLS", level)) => level != "MAY",
        Some((keyword, _)) => keyword == "REQUIRETLS",
        None => upper == "REQUIRETLS",
    }
}

/// Every tag but none and the two that ask for less: one that cannot be read as well.
fn needs_protection(tag: &str) -> bool {
    !matches!(tag, "" | "1.no" | "1.may")
}

fn tag_in_path(path: &str) -> Option<String> {
    let (local, _) = path.rsplit_once('@')?;
    let (_, detail) = local.split_once('+')?;
    detail.starts_with("1.").then(|| detail.to_owned())
}

#[cfg(test)]
mod tests;
