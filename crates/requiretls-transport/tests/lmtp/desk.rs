//! Who is at both ends?

use requiretls_core::mail_param::Dialects;
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_transport::lmtp::{Drain, Limits, PostfixField, Server, Terms};
use requiretls_transport::{Envelope, Request};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What was to be carried.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    pub(crate) envelope: Envelope,
    pub(crate) tag: String,
    pub(crate) content: Vec<u8>,
    pub(crate) is_spilled: bool,
    pub(crate) route: Option<String>,
}

/// Everything that was carried.
pub(crate) type Notes = Arc<Mutex<Vec<Carried>>>;

/// A server for one client, and the client's end.
pub(crate) struct Desk {
    pub(crate) client: Client,
    pub(crate) drain: Drain,
    pub(crate) notes: Notes,
    pub(crate) server: JoinHandle<()>,
}

/// Who speaks LMTP to the server.
pub(crate) struct Client<S = UnixStream>(pub(crate) S);

pub(crate) fn terms() -> Terms {
    Terms {
        listener: "pipe".to_owned(),
        name: "lmtp.test".to_owned(),
        dialects: Dialects::default(),
        advertise: true,
        carry: true,
        tls: None,
        tag: None,
        tag_field: None,
        postfix_field: PostfixField::Ignored,
        route: None,
        one_transaction: false,
        limits: Limits {
            command: Duration::from_secs(20),
            block: Duration::from_secs(20),
            spill_directory: std::env::temp_dir(),
            ..Limits::default()
        },
    }
}

/// What becomes of a recipient is in its local part: `451-4.7.5@…`; of any other it is 250.
pub(crate) fn carry(request: &Request<'_>, notes: &Notes) -> Vec<Reply> {
    let mut content = Vec::new();
    request.content.reader().read_to_end(&mut content).unwrap();
    notes.lock().unwrap().push(Carried {
        envelope: request.envelope.clone(),
        tag: request.tag.to_owned(),
        content,
        is_spilled: request.content.is_spilled(),
        route: request.route.map(ToString::to_string),
    });
    let of = |path: &str| {
        let local = path.split('@').next().unwrap();
        let (code, enhanced) = local.split_once('-').unwrap_or(("250", "2.1.5"));
        let enhanced = Enhanced::parse(enhanced).unwrap_or(Enhanced(2, 1, 5));
        Reply::new(code.parse().unwrap_or(250), enhanced, path)
    };
    let recipients = &request.envelope.recipients;
    recipients.iter().map(|r| of(r.path.as_str())).collect()
}

impl Desk {
    pub(crate) fn open(terms: Terms) -> Self {
        let notes = Notes::default();
        let own = Arc::clone(&notes);
        Self::with(terms, notes, move |request| carry(request, &own))
    }

    /// Another one carries.
    pub(crate) fn with(
        terms: Terms,
        notes: Notes,
        carry: impl Fn(&Request<'_>) -> Vec<Reply> + Send + Sync + 'static,
    ) -> Self {
        let drain = Drain::new().unwrap();
        let server = Server::new(Arc::new(carry), drain.clone(), 1);
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let server = std::thread::spawn(move || server.pipe(&theirs, &theirs, terms).unwrap());
        let client = Client(ours);
        Self {
            client,
            drain,
            notes,
            server,
        }
    }

    /// With the greeting read and LHLO said.
    pub(crate) fn greeted(terms: Terms) -> Self {
        let mut desk = Self::open(terms);
        assert_eq!(desk.client.reply(), "220 lmtp.test LMTP");
        desk.client.say("LHLO client.test");
        desk
    }

    pub(crate) fn carried(&self) -> Vec<Carried> {
        self.notes.lock().unwrap().clone()
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.0.write_all(octets.as_ref()).unwrap();
    }

    /// One reply, its lines joined by LF; empty when the server has closed.
    pub(crate) fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                let mut octet = [0];
                if self.0.read(&mut octet).unwrap() == 0 {
                    assert!(line.is_empty(), "closed within a line: {line:?}");
                    return reply;
                }
                line.push(octet[0]);
            }
            line.truncate(line.len() - 2);
            let line = String::from_utf8(line).unwrap();
            let is_last = line.as_bytes().get(3) == Some(&b' ');
            reply += &line;
            if is_last {
                return reply;
            }
            reply.push('\n');
        }
    }

    /// A command and its reply.
    pub(crate) fn say(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n"));
        self.reply()
    }

    /// A command and its code, with the enhanced one if there is one.
    pub(crate) fn code(&mut self, command: &str) -> String {
        code(&self.say(command))
    }

    /// MAIL and RCPT, all taken.
    pub(crate) fn envelope(&mut self, mail: &str, recipients: &[&str]) {
        let reply = self.say(&format!("MAIL FROM:{mail}"));
        assert!(reply.starts_with("250 "), "{reply}");
        for recipient in recipients {
            let reply = self.say(&format!("RCPT TO:<{recipient}>"));
            assert!(reply.starts_with("250 "), "{reply}");
        }
    }

    /// A message for one recipient; the reply after the final dot.
    pub(crate) fn message(&mut self, mail: &str, recipient: &str, content: &str) -> String {
        self.envelope(mail, &[recipient]);
        let reply = self.say("DATA");
        assert!(reply.starts_with("354 "), "{reply}");
        self.send(format!("{content}.\r\n"));
        self.reply()
    }
}

/// `250 2.1.0`; without an enhanced one `354`.
pub(crate) fn code(reply: &str) -> String {
    let last = reply.lines().last().unwrap_or_default();
    let mut words = last.split(' ');
    let code = words.next().unwrap_or_default();
    match words.next().and_then(Enhanced::parse) {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.to_owned(),
    }
}
