//! Does a receiving server keep its side of RFC 8689?
//!
//! Each check is a connection of its own, for many servers hang up after a few errors, and ends
//! before DATA: no message is ever sent. What a server must do is a fault when it does not; where
//! the RFC leaves it open, what this project does otherwise is a doubt. A check that could not be
//! made, say because the server refuses the sender, says nothing about the server.

use crate::client::ClientError;
use crate::connection::{Broken, Connection};
use crate::path::Path;
use crate::reply::{Class, PeerReply};
use crate::timeouts::Timeouts;
use crate::tls;
use requiretls_core::delivery::TlsFailure;
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::EhloReply;
use rustls::ClientConfig;
use socket2::SockAddr;
use std::fmt;
use std::sync::Arc;

/// Asks receiving servers.
#[derive(Debug)]
pub struct ServerCheck {
    name: String,
    sender: Path,
    recipient: Path,
    timeouts: Timeouts,
    tls: Arc<ClientConfig>,
}

/// A server to be asked.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SockAddr,
    /// The name for SNI; none where it is known by an address alone.
    pub name: Option<Domain>,
}

/// One thing that is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Check {
    /// STARTTLS is offered, and leads to TLS 1.2 or later.
    StartTls,
    /// What was sent in clear behind STARTTLS is not obeyed inside TLS.
    Injection,
    /// REQUIRETLS is not offered in clear.
    KeywordInClear,
    /// MAIL with REQUIRETLS is refused in clear.
    ParameterInClear,
    /// REQUIRETLS is offered inside TLS.
    Keyword,
    /// MAIL with REQUIRETLS is taken inside TLS.
    Parameter,
    /// Also in lower case.
    LowerCase,
    /// Also before another parameter, and behind it.
    AmongOthers,
    /// Also with the null return path.
    NullPath,
    /// REQUIRETLS with a value is refused.
    Value,
    /// REQUIRETLS twice is refused.
    Twice,
    /// REQUIRETLS on RCPT is refused.
    Recipient,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// As it should be.
    Holds,
    /// Allowed, but not what this project does in its place.
    Doubt,
    /// It could not be found out.
    Unknown,
    /// Against an RFC.
    Fault,
}

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// By which check.
    pub check: Check,
    /// What came of it.
    pub verdict: Verdict,
    /// The server's reply, or why there is none.
    pub said: String,
}

impl ServerCheck {
    /// Greets with this name; MAIL and RCPT name these two.
    ///
    /// # Errors
    /// [`ClientError`]: the name cannot stand behind EHLO, or there is no TLS to be had.
    pub fn new(
        name: &str,
        sender: Path,
        recipient: Path,
        timeouts: Timeouts,
    ) -> Result<Self, ClientError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ClientError::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            sender,
            recipient,
            timeouts,
            tls: tls::config().map_err(|error| ClientError::Tls(error.to_string()))?,
        })
    }

    /// Makes one check.
    #[must_use]
    pub fn check(&self, check: Check, server: &Server) -> Finding {
        let found = match check {
            Check::StartTls => self.starttls(server),
            Check::Injection => self.injection(server),
            Check::KeywordInClear => self.keyword_in_clear(server),
            Check::ParameterInClear => self.parameter_in_clear(server),
            Check::Keyword => self.keyword(server),
            Check::Parameter => self.taken(server, " REQUIRETLS"),
            Check::LowerCase => self.taken(server, " requiretls"),
            Check::AmongOthers => self.among_others(server),
            Check::NullPath => self.taken_from(server, &Path::null(), " REQUIRETLS"),
            Check::Value => self.refused(server, " REQUIRETLS=x", Verdict::Fault),
            // R6: the RFC does not say.
            Check::Twice => self.refused(server, " REQUIRETLS REQUIRETLS", Verdict::Doubt),
            Check::Recipient => self.recipient(server),
        };
        let (verdict, said) = found.unwrap_or_else(|NotMade(why)| (Verdict::Unknown, why));
        Finding {
            check,
            verdict,
            said,
        }
    }

    fn starttls(&self, server: &Server) -> Made {
        let (mut connection, offer, reply) = self.greet(server)?;
        if !offer.starttls {
            connection.quit();
            return Ok((Verdict::Fault, format!("not offered: {reply}")));
        }
        accepted(connection.command("STARTTLS")?, "STARTTLS")?;
        let connection = match connection.start_tls(&self.tls, server.name.as_ref()) {
            Ok((connection, _)) => connection,
            Err((TlsFailure::Rejected, why)) => return Ok((Verdict::Fault, why)),
            Err((TlsFailure::Lost | TlsFailure::Reply(_), why)) => return Err(NotMade(why)),
        };
        let said = connection.tls().map_or_else(String::new, |tls| {
            format!("{} {}", tls.protocol, tls.cipher)
        });
        connection.quit();
        Ok((Verdict::Holds, said))
    }

    /// The two commands go in one write. A server that obeys NOOP inside TLS answers it before the
    /// EHLO that comes there; so the replies are counted, and nothing depends on the time.
    fn injection(&self, server: &Server) -> Made {
        let (mut connection, offer, _) = self.greet(server)?;
        if !offer.starttls {
            return Err(NotMade("STARTTLS is not offered".to_owned()));
        }
        let reply = match connection.start_tls_and("NOOP") {
            Ok(reply) => reply,
            Err(broken) => return Ok((Verdict::Holds, format!("hangs up: {broken}"))),
        };
        if reply.class() != Class::Positive {
            connection.quit();
            return Ok((Verdict::Holds, reply.to_string()));
        }
        let mut inside = match connection.start_tls(&self.tls, server.name.as_ref()) {
            Ok((inside, _)) => inside,
            Err((_, why)) => return Ok((Verdict::Holds, format!("no handshake: {why}"))),
        };
        let first = inside.command(&format!("EHLO {}", self.name));
        let second = inside.command("QUIT");
        match (first, second) {
            (Ok(first), Ok(second)) if second.code != 221 => Ok((
                Verdict::Fault,
                format!("obeyed inside TLS: {first}, then {second}"),
            )),
            (Ok(_), _) => Ok((Verdict::Holds, "not obeyed".to_owned())),
            (Err(broken), _) => Ok((Verdict::Holds, format!("hangs up: {broken}"))),
        }
    }

    fn keyword_in_clear(&self, server: &Server) -> Made {
        let (connection, offer, _) = self.greet(server)?;
        connection.quit();
        // R5: practice, not a rule.
        Ok(if offer.offer.requiretls {
            (Verdict::Doubt, "offered in clear".to_owned())
        } else {
            (Verdict::Holds, "not offered in clear".to_owned())
        })
    }

    fn parameter_in_clear(&self, server: &Server) -> Made {
        let (mut connection, ..) = self.greet(server)?;
        let reply = mail(&mut connection, &self.sender, " REQUIRETLS")?;
        connection.quit();
        Ok(refusal(&reply, Verdict::Fault))
    }

    fn keyword(&self, server: &Server) -> Made {
        let (connection, offer) = self.inside(server)?;
        connection.quit();
        Ok(if offer.offer.requiretls {
            (Verdict::Holds, "offered inside TLS".to_owned())
        } else {
            (Verdict::Fault, "not offered inside TLS".to_owned())
        })
    }

    fn taken(&self, server: &Server, parameters: &str) -> Made {
        self.taken_from(server, &self.sender, parameters)
    }

    /// A refusal counts only where the same command without the parameter is taken.
    fn taken_from(&self, server: &Server, sender: &Path, parameters: &str) -> Made {
        let mut connection = self.offering(server)?;
        let reply = mail(&mut connection, sender, parameters)?;
        if reply.class() != Class::Positive {
            accepted(mail(&mut connection, sender, "")?, "MAIL")?;
        }
        connection.quit();
        Ok(match reply.class() {
            Class::Positive => (Verdict::Holds, reply.to_string()),
            Class::Transient => (Verdict::Unknown, reply.to_string()),
            Class::Intermediate | Class::Permanent => (Verdict::Fault, reply.to_string()),
        })
    }

    fn among_others(&self, server: &Server) -> Made {
        let mut connection = self.offering(server)?;
        if !connection.extensions().eight_bit {
            connection.quit();
            return Err(NotMade("no other parameter is offered".to_owned()));
        }
        let orders = [" REQUIRETLS BODY=8BITMIME", " BODY=8BITMIME REQUIRETLS"];
        let mut said = String::new();
        for order in orders {
            let reply = mail(&mut connection, &self.sender, order)?;
            if reply.class() != Class::Positive {
                accepted(
                    mail(&mut connection, &self.sender, " BODY=8BITMIME")?,
                    "MAIL",
                )?;
                connection.quit();
                let verdict = match reply.class() {
                    Class::Transient => Verdict::Unknown,
                    _ => Verdict::Fault,
                };
                return Ok((verdict, format!("{}: {reply}", order.trim_start())));
            }
            said = reply.to_string();
            reset(&mut connection)?;
        }
        connection.quit();
        Ok((Verdict::Holds, said))
    }

    /// A refusal counts only where the same command without the parameter is taken.
    fn refused(&self, server: &Server, parameters: &str, otherwise: Verdict) -> Made {
        let mut connection = self.offering(server)?;
        let reply = mail(&mut connection, &self.sender, parameters)?;
        if reply.class() != Class::Positive {
            accepted(mail(&mut connection, &self.sender, "")?, "MAIL")?;
        }
        connection.quit();
        Ok(refusal(&reply, otherwise))
    }

    /// A refusal counts only where the same recipient without the parameter is taken.
    fn recipient(&self, server: &Server) -> Made {
        let mut connection = self.offering(server)?;
        accepted(mail(&mut connection, &self.sender, "")?, "MAIL")?;
        let rcpt = format!("RCPT TO:{}", self.recipient);
        let reply = connection.command(&format!("{rcpt} REQUIRETLS"))?;
        if reply.class() != Class::Positive {
            accepted(connection.command(&rcpt)?, "RCPT")?;
        }
        connection.quit();
        Ok(refusal(&reply, Verdict::Fault))
    }

    /// A connection inside TLS whose server offers REQUIRETLS.
    fn offering(&self, server: &Server) -> Result<Connection, NotMade> {
        let (connection, offer) = self.inside(server)?;
        if offer.offer.requiretls {
            return Ok(connection);
        }
        connection.quit();
        Err(NotMade("REQUIRETLS is not offered".to_owned()))
    }

    fn inside(&self, server: &Server) -> Result<(Connection, EhloReply), NotMade> {
        let (connection, offer, _) = self.greet(server)?;
        if !offer.starttls {
            connection.quit();
            return Err(NotMade("STARTTLS is not offered".to_owned()));
        }
        let mut connection = self.secure(server, connection)?;
        let (offer, _) = self.hello(&mut connection)?;
        Ok((connection, offer))
    }

    fn greet(&self, server: &Server) -> Result<(Connection, EhloReply, PeerReply), NotMade> {
        let mut connection = Connection::connect(&server.address, None, self.timeouts, None, None)
            .map_err(|error| NotMade(format!("no connection: {error}")))?;
        accepted(connection.greeting()?, "the greeting")?;
        let (offer, reply) = self.hello(&mut connection)?;
        Ok((connection, offer, reply))
    }

    fn hello(&self, connection: &mut Connection) -> Result<(EhloReply, PeerReply), NotMade> {
        let reply = accepted(connection.ehlo(&self.name)?, "EHLO")?;
        Ok((EhloReply::parse(reply.raw()), reply))
    }

    fn secure(&self, server: &Server, mut connection: Connection) -> Result<Connection, NotMade> {
        accepted(connection.command("STARTTLS")?, "STARTTLS")?;
        match connection.start_tls(&self.tls, server.name.as_ref()) {
            Ok((connection, _)) => Ok(connection),
            Err((_, why)) => Err(NotMade(format!("no TLS: {why}"))),
        }
    }
}

impl Check {
    /// All of them, in the order to make them in.
    pub const ALL: [Self; 12] = [
        Self::StartTls,
        Self::Injection,
        Self::KeywordInClear,
        Self::ParameterInClear,
        Self::Keyword,
        Self::Parameter,
        Self::LowerCase,
        Self::AmongOthers,
        Self::NullPath,
        Self::Value,
        Self::Twice,
        Self::Recipient,
    ];

    /// What should be so.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "STARTTLS leads to TLS 1.2 or later",
            Self::Injection => "clear text behind STARTTLS is not obeyed inside TLS",
            Self::KeywordInClear => "REQUIRETLS is not offered in clear",
            Self::ParameterInClear => "MAIL with REQUIRETLS is refused in clear",
            Self::Keyword => "REQUIRETLS is offered inside TLS",
            Self::Parameter => "MAIL with REQUIRETLS is taken inside TLS",
            Self::LowerCase => "so is it in lower case",
            Self::AmongOthers => "so is it before and behind another parameter",
            Self::NullPath => "so is it from <>",
            Self::Value => "REQUIRETLS with a value is refused",
            Self::Twice => "REQUIRETLS twice is refused",
            Self::Recipient => "REQUIRETLS on RCPT is refused",
        }
    }

    /// Where that is written.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::StartTls => "RFC 8689 section 2, RFC 9325 section 3.1",
            Self::Injection => "RFC 3207 section 4.2",
            Self::KeywordInClear => "RFC 8689 appendix A.1",
            Self::ParameterInClear | Self::Keyword => "RFC 8689 section 2",
            Self::Parameter | Self::AmongOthers => "RFC 8689 section 2, RFC 5321 section 4.1.1.11",
            Self::LowerCase => "RFC 5321 section 2.4",
            Self::NullPath => "RFC 8689 section 5",
            Self::Value => "RFC 8689 section 2",
            Self::Twice => "left open by RFC 8689",
            Self::Recipient => "RFC 5321 section 4.1.1.11",
        }
    }
}

impl Verdict {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Doubt => "doubt",
            Self::Unknown => "unknown",
            Self::Fault => "fault",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({})",
            self.verdict.as_str(),
            self.check.as_str(),
            self.said
        )
    }
}

/// A check's outcome, or why it could not be made.
type Made = Result<(Verdict, String), NotMade>;

/// Nothing can be said about the server.
#[derive(Debug)]
struct NotMade(String);

impl From<Broken> for NotMade {
    fn from(broken: Broken) -> Self {
        Self(format!("the connection is lost: {broken}"))
    }
}

fn mail(connection: &mut Connection, sender: &Path, parameters: &str) -> Result<PeerReply, Broken> {
    connection.command(&format!("MAIL FROM:{sender}{parameters}"))
}

fn reset(connection: &mut Connection) -> Result<(), NotMade> {
    accepted(connection.command("RSET")?, "RSET").map(|_| ())
}

/// What is not about REQUIRETLS must be taken, or the check is none.
fn accepted(reply: PeerReply, to: &str) -> Result<PeerReply, NotMade> {
    match reply.class() {
        Class::Positive => Ok(reply),
        _ => Err(NotMade(format!("{to}: {reply}"))),
    }
}

/// For a command that must be refused; one that is merely put off is not known about.
fn refusal(reply: &PeerReply, otherwise: Verdict) -> (Verdict, String) {
    let verdict = match reply.class() {
        Class::Permanent => Verdict::Holds,
        Class::Transient | Class::Intermediate => Verdict::Unknown,
        Class::Positive => otherwise,
    };
    (verdict, reply.to_string())
}
