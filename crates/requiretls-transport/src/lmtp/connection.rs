//! How is one client served, from the greeting to its end?
//!
//! Commands are answered as long as there are any, and only then is written: what came together is
//! answered together (RFC 2920). A message is acknowledged only by what the next hop said to it.
//!
//! A client that waits costs its thread's little stack. What needs more, to carry a message or to
//! make TLS, has a stack of its own for as long as it lasts.

use super::answers::Answers;
use super::counters::Counters;
use super::drain::Drain;
use super::input::Input;
use super::receipt::Receipt;
use super::session::{Next, Session};
use super::terms::Terms;
use super::transaction::Transaction;
use super::wire::{Drained, Ends, Stream, Wire};
use crate::carrier::Request;
use crate::content::Content;
use crate::envelope::Envelope;
use requiretls_core::log_line::{self, Answered, LogLine};
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::tag;
use rustls::ServerConnection;
use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread;

/// Carries a message; one reply for each recipient. [`crate::Carrier::carry`] for one.
pub type Carry = dyn Fn(&Request<'_>) -> Vec<Reply> + Send + Sync;

/// What all connections of a listener have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) terms: Arc<Terms>,
    pub(super) carry: Arc<Carry>,
    pub(super) counters: Arc<Counters>,
    pub(super) drain: Drain,
}

/// One client's connection.
pub(super) struct Connection<'a> {
    common: &'a Common,
    session: Session<'a>,
    stream: Stream,
    input: Input,
    answers: Answers,
    number: u64,
    messages: u64,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// It was closed by our own last reply.
    Closed,
    /// The program is about to end.
    Drained,
    /// The client is gone.
    Lost,
    /// The client said nothing for too long.
    TimedOut,
}

impl<'a> Connection<'a> {
    pub(super) fn new(common: &'a Common, ends: Ends, number: u64) -> Self {
        let terms = &common.terms;
        let wire = Wire::new(ends, common.drain.clone(), terms.limits.reply);
        Self {
            common,
            session: Session::new(terms),
            stream: Stream::new(wire),
            input: Input::default(),
            answers: Answers::default(),
            number,
            messages: 0,
        }
    }

    /// Serves it.
    pub(super) fn run(mut self) -> Ended {
        self.session.greeting(&mut self.answers);
        let ended = match self.commands() {
            Ok(()) => Ended::Closed,
            Err(error) => self.broken(&error),
        };
        self.stream.close();
        let line = LogLine::ended(&log_line::Ended {
            connection: self.number,
            listener: &self.common.terms.listener,
            tls: self.stream.protocol(),
            messages: self.messages,
            how: ended.as_str(),
        });
        tracing::info!("{}", line.text);
        ended
    }

    fn commands(&mut self) -> io::Result<()> {
        loop {
            if !self.input.has_line() {
                self.send()?;
            }
            let minds_drain = !self.session.is_under_way();
            let limit = self.common.terms.limits.command;
            self.stream.patience(limit, minds_drain);
            let Some(line) = self.input.line(&mut self.stream)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            match self.session.line(&line, &mut self.answers) {
                Next::Command => {}
                Next::Content => self.message()?,
                Next::StartTls => self.start_tls()?,
                Next::Close => return self.send(),
            }
        }
    }

    fn broken(&mut self, error: &io::Error) -> Ended {
        let (ended, last) = if error
            .get_ref()
            .is_some_and(<dyn Error + Send + Sync>::is::<Drained>)
        {
            (
                Ended::Drained,
                Some((Enhanced(4, 3, 2), "the server is about to end")),
            )
        } else if error.kind() == io::ErrorKind::TimedOut {
            (
                Ended::TimedOut,
                Some((Enhanced(4, 4, 2), "nothing came for too long")),
            )
        } else {
            (Ended::Lost, None)
        };
        tracing::debug!("connection={}: {error}", self.number);
        if let Some((enhanced, text)) = last {
            self.answers.own(421, enhanced, text);
            let _ = self.send();
        }
        ended
    }

    fn send(&mut self) -> io::Result<()> {
        if self.answers.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&self.answers.take())?;
        self.stream.flush()
    }

    fn start_tls(&mut self) -> io::Result<()> {
        // What came in clear must not count inside TLS (RFC 3207 section 4.2).
        if !self.input.is_empty() {
            self.answers.take();
            let text = "nothing may follow STARTTLS before its reply";
            self.answers.own(501, Enhanced(5, 5, 2), text);
            self.send()?;
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.send()?;
        let Some(config) = self.common.terms.tls.clone() else {
            return Ok(());
        };
        let tls = ServerConnection::new(config).map_err(io::Error::other)?;
        let limit = self.common.terms.limits.handshake;
        self.stream.patience(limit, true);
        let stream = &mut self.stream;
        let shaken = on_its_own_stack(|| stream.shake_hands(tls));
        shaken.unwrap_or_else(|| Err(io::Error::other("internal error")))?;
        self.session.secured();
        Ok(())
    }

    /// The message behind 354, and its replies.
    fn message(&mut self) -> io::Result<()> {
        let Some(Transaction { mail, envelope }) = self.session.take() else {
            return Ok(());
        };
        self.send()?;
        let terms = &self.common.terms;
        self.stream.patience(terms.limits.block, false);
        let received = Receipt::new(mail, terms).read(&mut self.input, &mut self.stream)?;
        self.messages += 1;
        self.common.counters.received(received.octets);
        let requirement = received.requirement.as_ref().ok().copied();
        let kept = received.requirement.and_then(|requirement| {
            let content = received.kept?;
            Ok((tag::write(requirement), content))
        });
        let replies = match kept {
            Err(refused) => vec![refused; envelope.recipients.len()],
            Ok((tag, content)) => self.carry(&envelope, &tag, &content),
        };
        for (recipient, reply) in envelope.recipients.iter().zip(&replies) {
            self.common.counters.answered(reply.code);
            let line = LogLine::answered(&Answered {
                message: (self.number, self.messages),
                from: envelope.return_path.as_str(),
                to: recipient.path.as_str(),
                octets: received.octets,
                requirement,
                reply,
            });
            tracing::info!("{}", line.text);
        }
        for reply in &replies {
            self.answers.reply(reply);
        }
        Ok(())
    }

    /// One reply for each recipient, whatever happens over there.
    fn carry(&self, envelope: &Envelope, tag: &str, content: &Content) -> Vec<Reply> {
        let request = Request {
            number: (self.number, self.messages),
            envelope,
            tag,
            content,
            route: self.common.terms.route.as_ref(),
        };
        let carry = &self.common.carry;
        let carried = on_its_own_stack(|| carry(&request));
        let count = envelope.recipients.len();
        carried
            .filter(|replies| replies.len() == count)
            .unwrap_or_else(|| {
                let text = "internal error while the message was carried";
                vec![Reply::new(451, Enhanced(4, 3, 0), text); count]
            })
    }
}

impl Ended {
    /// As the log has it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Drained => "drained",
            Self::Lost => "lost",
            Self::TimedOut => "timed_out",
        }
    }
}

/// The stack of what looks up, makes TLS and sends.
const DEEP: usize = 2 * 1024 * 1024;

/// `None`: there is no thread to be had, or it has panicked.
fn on_its_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(DEEP);
        worker.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
