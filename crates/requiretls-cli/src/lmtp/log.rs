//! Where do log lines go?
//!
//! To syslog as mail, or to standard error, where systemd takes them with their severity. Whatever
//! the crates of this project tell by `tracing` becomes a line too. A log that cannot be written is
//! no reason to stop: the mail server's own log has every reply.

use requiretls_core::log_line::Severity;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Takes log lines. A clone writes to the same place.
#[derive(Clone, Debug)]
pub(super) struct Log(Arc<Place>);

/// Where the log goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Destination {
    /// syslog(3), facility mail
    Syslog,
    /// Standard error
    Stderr,
}

#[derive(Debug)]
enum Place {
    /// `None`: no daemon is there to listen.
    Syslog(Option<UnixDatagram>),
    /// With a severity before each line, where systemd reads them (sd-daemon(3)).
    Stderr { severities: bool },
}

impl Log {
    pub(super) fn open(destination: Destination) -> Self {
        Self(Arc::new(match destination {
            Destination::Syslog => Place::Syslog(syslog(DAEMON).ok()),
            Destination::Stderr => Place::Stderr {
                severities: std::env::var_os("JOURNAL_STREAM").is_some(),
            },
        }))
    }

    /// From now on what our crates tell goes here too.
    pub(super) fn take_events(&self) {
        // There is one, and this is its only call.
        let _ = tracing::subscriber::set_global_default(Events(self.clone()));
    }

    /// One line.
    pub(super) fn line(&self, severity: Severity, text: &str) {
        if severity as u8 > MOST {
            return;
        }
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        let number = severity as u8;
        // Nobody is left to be told that this fails.
        let _ = match &*self.0 {
            Place::Syslog(Some(socket)) => {
                let pid = std::process::id();
                let line = format!("<{}>requiretls[{pid}]: {text}", MAIL + number);
                socket.send(line.as_bytes()).map(drop)
            }
            Place::Syslog(None) => Ok(()),
            Place::Stderr { severities: true } => writeln!(io::stderr(), "<{number}>{text}"),
            Place::Stderr { severities: false } => writeln!(io::stderr(), "{text}"),
        };
    }
}

/// Lines of a higher number are for those who look for a fault.
const MOST: u8 = Severity::Info as u8;

/// `LOG_MAIL`.
const MAIL: u8 = 2 << 3;

/// Where the daemon listens.
const DAEMON: &str = "/dev/log";

/// Never waits: a daemon that does not read must not stop mail.
fn syslog(daemon: impl AsRef<Path>) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(daemon)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

struct Events(Log);

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("requiretls")
            && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            Level::INFO => Severity::Info,
            _ => Severity::Debug,
        };
        self.0.line(severity, &words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message first, as it comes; every other field as name=value.
struct Words(String);

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Log, Place, syslog};
    use requiretls_core::log_line::Severity;
    use std::os::unix::net::UnixDatagram;
    use std::sync::Arc;

    #[test]
    fn what_syslog_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        daemon.set_nonblocking(true).unwrap();
        let log = Log(Arc::new(Place::Syslog(syslog(&path).ok())));
        let pid = std::process::id();
        for (label, severity, text, told) in [
            (
                "mail.err",
                Severity::Error,
                "no file",
                Some(format!("<19>requiretls[{pid}]: no file")),
            ),
            (
                "mail.info",
                Severity::Info,
                "a=b",
                Some(format!("<22>requiretls[{pid}]: a=b")),
            ),
            (
                "two lines",
                Severity::Notice,
                "a\nb\0",
                Some(format!("<21>requiretls[{pid}]: a?b?")),
            ),
            ("for who looks for a fault", Severity::Debug, "a", None),
        ] {
            log.line(severity, text);
            let mut buf = [0; 200];
            let read = daemon.recv(&mut buf).ok();
            let line = read.map(|n| String::from_utf8_lossy(&buf[..n]).into_owned());
            assert_eq!(line, told, "{label}");
        }
        // Nobody reads any more, and nobody is there: mail goes on.
        for _ in 0..10_000 {
            log.line(Severity::Info, "a");
        }
        drop(daemon);
        log.line(Severity::Info, "a");
    }
}
