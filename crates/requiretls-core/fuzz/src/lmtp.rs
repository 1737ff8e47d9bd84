//! Is a conversation in LMTP read as a second, naive reader reads it?
//!
//! The first octet says in which pieces the client sends the others, which must change nothing. What
//! was a command and what a message is then read again with the replies at hand: behind 354
//! everything up to CRLF, dot, CRLF is the message, without the dots that were stuffed and without
//! the fields that are ours. That must have been carried, for the recipients that were noted, and
//! each of them must have its reply.

use requiretls_core::mail_param::{Dialects, TagTrust};
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::tag;
use requiretls_transport::Request;
use requiretls_transport::lmtp::{Drain, Limits, PostfixField, Server, TagField, Terms};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, send, shutdown, socketpair,
};
use std::fs::File;
use std::io::{Read, Seek};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the pieces are cut, and what a client says.
pub fn check(data: &[u8]) {
    let Some((&size, said)) = data.split_first() else {
        return;
    };
    let once = size % 2 == 1;
    let whole = converse(said, LARGEST_PIECE, once);
    let piece = usize::from(size).max(said.len() / MOST_PIECES + 1);
    let pieces = converse(said, piece, once);
    assert_eq!(whole, pieces, "the pieces count");
    Reader::new(&whole).read(said);
}

/// So many fit into a socket, each whole.
const MOST_PIECES: usize = 100;
const LARGEST_PIECE: usize = 2_000;

/// The largest message that is taken, in octets.
const MOST_OCTETS: usize = 500;

/// What came of it.
#[derive(Debug, Eq, PartialEq)]
struct Conversation {
    replies: String,
    carried: Vec<Carried>,
}

/// One message that was carried.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Carried {
    recipients: usize,
    content: Vec<u8>,
}

/// Each piece is one packet, and is read as such.
fn converse(said: &[u8], piece: usize, once: bool) -> Conversation {
    let (client, input) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    // Nobody reads them before all are there, and a socket has no room for many small ones.
    let replies = memfd_create("replies", MemfdFlags::CLOEXEC).unwrap();
    let mut replies = File::from(replies);
    for piece in said.chunks(piece.clamp(1, LARGEST_PIECE)) {
        let sent = send(&client, piece, SendFlags::DONTWAIT);
        assert_eq!(sent, Ok(piece.len()), "the socket has no room for it");
    }
    shutdown(&client, Shutdown::Write).unwrap();
    let carried = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&carried);
    let carry = move |request: &Request<'_>| carry(request, &all);
    let server = Server::new(Arc::new(carry), Drain::new().unwrap(), 1);
    server.pipe(&input, &replies, terms(once)).unwrap();
    replies.rewind().unwrap();
    let mut text = String::new();
    replies.read_to_string(&mut text).expect("UTF-8");
    let carried = carried.lock().unwrap().clone();
    Conversation {
        replies: text,
        carried,
    }
}

fn terms(once: bool) -> Terms {
    let long = Duration::from_secs(5);
    Terms {
        listener: "pipe".to_owned(),
        name: "lmtp.test".to_owned(),
        dialects: Dialects::default(),
        advertise: true,
        carry: true,
        tls: None,
        tag: None,
        tag_field: Some(TagField {
            name: "X-Tag".to_owned(),
            trust: TagTrust::RaiseOnly,
        }),
        postfix_field: PostfixField::Trusted,
        route: None,
        one_transaction: once,
        limits: Limits {
            message_size: Some(u64::try_from(MOST_OCTETS).unwrap()),
            recipients: 3,
            command: long,
            block: long,
            reply: long,
            ..Limits::default()
        },
    }
}

/// Each reply says which message it is for.
fn carry(request: &Request<'_>, all: &Mutex<Vec<Carried>>) -> Vec<Reply> {
    assert!(tag::parse(request.tag).is_ok(), "{}", request.tag);
    let mut content = Vec::new();
    request.content.reader().read_to_end(&mut content).unwrap();
    let recipients = request.envelope.recipients.len();
    let mut all = all.lock().unwrap();
    let text = format!("carried {}", all.len());
    all.push(Carried {
        recipients,
        content,
    });
    vec![Reply::new(250, Enhanced(2, 6, 0), text); recipients]
}

/// Reads a conversation again.
struct Reader<'a> {
    /// The last line of each reply.
    replies: std::vec::IntoIter<&'a str>,
    carried: &'a [Carried],
    /// Those that were noted for the message to come.
    recipients: usize,
    messages: usize,
}

impl<'a> Reader<'a> {
    fn new(conversation: &'a Conversation) -> Self {
        let text = conversation.replies.strip_suffix("\r\n");
        let lines: Vec<&str> = text.expect("whole lines").split("\r\n").collect();
        for line in &lines {
            let (code, rest) = line.split_at(3);
            assert!(code.bytes().all(|b| b.is_ascii_digit()), "{line:?}");
            assert!(rest.starts_with([' ', '-']), "{line:?}");
            assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line:?}");
            assert!(line.len() <= 510, "{line:?}");
        }
        let last = lines.into_iter().filter(|line| &line[3..4] == " ");
        Self {
            replies: last.collect::<Vec<_>>().into_iter(),
            carried: &conversation.carried,
            recipients: 0,
            messages: 0,
        }
    }

    fn read(mut self, said: &[u8]) {
        assert!(self.next().starts_with("220 "), "no greeting");
        let mut rest = said;
        let mut closed = false;
        while let Some(end) = rest.iter().position(|b| *b == b'\n').filter(|_| !closed) {
            let (line, behind) = rest.split_at(end + 1);
            let reply = self.next();
            let verb = String::from_utf8_lossy(line).to_ascii_uppercase();
            rest = behind;
            match &reply[..3] {
                "221" | "421" => closed = true,
                "354" => match message(rest) {
                    Some((message, length)) => {
                        rest = &rest[length..];
                        self.answers(&message);
                    }
                    // The client is gone before its end.
                    None => break,
                },
                "250" if verb.starts_with("LHLO") || verb.starts_with("RSET") => {
                    self.recipients = 0;
                }
                "250" if verb.starts_with("MAIL") => self.recipients = 0,
                "250" if verb.starts_with("RCPT") => self.recipients += 1,
                _ => {}
            }
        }
        assert_eq!(self.replies.next(), None, "a reply to nothing");
        assert_eq!(self.messages, self.carried.len(), "nobody has sent it");
    }

    fn next(&mut self) -> &'a str {
        self.replies.next().expect("a reply is missing")
    }

    /// Behind a message there is one for each recipient, and all say the same.
    fn answers(&mut self, message: &[u8]) {
        let (content, asks) = without_ours(message);
        let recipients = std::mem::take(&mut self.recipients);
        assert!(recipients > 0, "354 for nobody");
        let first = self.next();
        for _ in 1..recipients {
            assert_eq!(self.next(), first);
        }
        let too_large = message.len() > MOST_OCTETS;
        if first == format!("250 2.6.0 carried {}", self.messages) {
            let carried = &self.carried[self.messages];
            assert_eq!(
                (carried.recipients, &carried.content),
                (recipients, &content)
            );
            assert!(!too_large, "a message that is too large was carried");
            self.messages += 1;
        } else {
            assert!(first.starts_with(['4', '5']), "{first}");
            assert!(too_large || asks, "refused for nothing: {first}");
        }
    }
}

/// The message at the beginning, and where what follows it begins.
fn message(sent: &[u8]) -> Option<(Vec<u8>, usize)> {
    let with_start = [b"\r\n", sent].concat();
    let end = with_start.windows(5).position(|w| w == b"\r\n.\r\n")?;
    let text = &with_start[..end + 2];
    let stuffed = |at: usize| text[at] == b'.' && text[..at].ends_with(b"\r\n");
    let kept = (2..text.len()).filter(|at| !stuffed(*at));
    Some((kept.map(|at| text[at]).collect(), end + 3))
}

/// The message without the fields that are ours, and whether one of them, or the author's, is there.
fn without_ours(message: &[u8]) -> (Vec<u8>, bool) {
    let (mut kept, mut asks) = (Vec::new(), false);
    let (mut over, mut ours) = (false, false);
    for line in message.split_inclusive(|b| *b == b'\n') {
        over |= matches!(line, b"\n" | b"\r\n");
        if over {
            ours = false;
        } else if !matches!(line[0], b' ' | b'\t') {
            let name = line.iter().position(|b| *b == b':');
            let name = name.map_or(&b""[..], |colon| line[..colon].trim_ascii_end());
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            ours = is(b"X-Tag") || is(b"Require-TLS-ESMTP");
            asks |= ours || is(b"TLS-Required");
        }
        if !ours {
            kept.extend_from_slice(line);
        }
    }
    (kept, asks)
}
