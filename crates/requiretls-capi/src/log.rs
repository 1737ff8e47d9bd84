//! Where do log lines go?
//!
//! To the function that the server named for its context, on the thread of the call that they are
//! about. The subscriber is set for the length of one call and never for the process. There is one
//! of it: a second one would be put into a list of tracing's under a lock, which a child would find
//! taken for ever if it was forked meanwhile.

use crate::abi::rtls_log_fn;
use crate::ctx::rtls_ctx;
use crate::text::Line;
use crate::{guard, handle};
use core::ffi::{CStr, c_char, c_int, c_void};
use requiretls_core::case::Case;
use requiretls_core::log_line::{LogLine, Severity};
use std::cell::Cell;
use std::ffi::CString;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Sends the log lines of one context, and of the plans made with it from now on, to fn; without this call
/// there are none, and nothing is spent on them. The lines of rtls_open come at once.
/// ctx: from rtls_open, and not yet shared with other threads; NULL is harmless.
/// fn: NULL: no more lines, for plans made from now on.
/// arg: passed on to fn as it is and never looked at. fn and what arg points to must live until another fn,
///   NULL too, was set or ctx was closed, and until every plan that was made meanwhile is freed.
/// When: right after rtls_open, before other threads know the context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_set_log(ctx: *mut rtls_ctx, r#fn: rtls_log_fn, arg: *mut c_void) {
    guard::run(|| {
        // SAFETY: by the header NULL or what rtls_open gave, used by this thread alone.
        if let Some(ctx) = unsafe { handle::exclusive(ctx) } {
            let level = INFO;
            ctx.set_log(r#fn.map(|function| Log {
                function,
                arg,
                level,
            }));
        }
    });
}

/// How much is told: lines of a higher number than level are not passed on. It is for plans made from now on.
/// ctx: as for rtls_set_log.
/// level: a syslog level from 3 to 7. It is 6 without this call. With 7 a plan keeps what it is told, and a
///   line case={...} stands behind that of each verdict and of each message that goes: "requiretls explain"
///   reads it and decides the same.
/// When: after rtls_set_log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_set_log_level(ctx: *mut rtls_ctx, level: c_int) {
    guard::run(|| {
        // SAFETY: by the header NULL or what rtls_open gave, used by this thread alone.
        if let Some(ctx) = unsafe { handle::exclusive(ctx) } {
            ctx.set_log_level(level);
        }
    });
}

/// A place for log lines.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    function: unsafe extern "C" fn(*mut c_void, c_int, *const c_char),
    arg: *mut c_void,
    /// The highest number that it takes.
    level: c_int,
}

const INFO: c_int = Severity::Info as c_int;
const DEBUG: c_int = Severity::Debug as c_int;

// SAFETY: the header says that the function may be called by several threads at the same time, and
// arg is only passed on to it.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

impl Log {
    /// The same place for lines up to this level.
    pub(crate) fn up_to(self, level: c_int) -> Self {
        Self { level, ..self }
    }

    /// Whether somebody reads the cases of decisions.
    pub(crate) fn takes_cases(&self) -> bool {
        self.level >= DEBUG
    }

    /// Runs a part of a call whose events are to become log lines.
    pub(crate) fn during<T>(log: Option<&Self>, part: impl FnOnce() -> T) -> T {
        let Some(log) = log else {
            return part();
        };
        let _before = Listening(LISTENER.replace(Some(*log)));
        tracing::dispatcher::with_default(SUBSCRIBER.get_or_init(|| Dispatch::new(Lines)), part)
    }

    /// One line, without allocating.
    pub(crate) fn line(&self, severity: Severity, text: fmt::Arguments<'_>) {
        let mut line = Line::new();
        let _ = line.write_fmt(text);
        self.send(c_int::from(severity as u8), line.finish());
    }

    /// A line that core has made.
    pub(crate) fn decision(&self, line: &LogLine) {
        self.line(line.severity, format_args!("{}", line.text));
    }

    /// The case of a decision, whole or not at all: it is to be read again.
    pub(crate) fn case(&self, case: Option<Case>) {
        let Some(case) = case.filter(|_| self.takes_cases()) else {
            return;
        };
        let line = LogLine::case(&case);
        if line.text.len() > MAX_CASE {
            let size = line.text.len();
            self.line(
                line.severity,
                format_args!("the case of this decision has {size} octets, too many for a line"),
            );
        } else if let Ok(text) = CString::new(line.text) {
            self.send(DEBUG, &text);
        }
    }

    /// A line that was kept.
    pub(crate) fn again(&self, kept: &Kept) {
        self.send(kept.level, &kept.line);
    }

    fn send(&self, level: c_int, line: &CStr) {
        if level > self.level {
            return;
        }
        // SAFETY: the header asks for a function that may be called in this way, on the thread of
        // the call, and that returns normally; the line lives until it has returned.
        unsafe { (self.function)(self.arg, level, line.as_ptr()) }
    }
}

/// What all events are given to. It is made by the first `rtls_open`, when by the header nobody forks.
static SUBSCRIBER: OnceLock<Dispatch> = OnceLock::new();

thread_local! {
    /// Where the events of the part of a call that is on its way go.
    static LISTENER: Cell<Option<Log>> = const { Cell::new(None) };
}

/// Who listened before listens again, also after a panic.
struct Listening(Option<Log>);

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENER.set(self.0);
    }
}

/// Syslog daemons take lines of 8 KiB, with what they put before them.
const MAX_CASE: usize = 8_000;

/// A line that was to be logged when there was nowhere to log to.
pub(crate) struct Kept {
    level: c_int,
    line: CString,
}

impl Kept {
    /// No call has more to say than this.
    const MOST: usize = 32;

    /// Runs a part of a call and keeps the lines of its events.
    pub(crate) fn during<T>(part: impl FnOnce() -> T) -> (T, Vec<Self>) {
        let mut lines = Vec::new();
        let log = Log {
            function: keep,
            arg: (&raw mut lines).cast(),
            level: DEBUG,
        };
        let result = Log::during(Some(&log), part);
        (result, lines)
    }
}

/// A log function for [`Kept::during`].
unsafe extern "C" fn keep(lines: *mut c_void, level: c_int, line: *const c_char) {
    // SAFETY: during names its own lines, which nothing else uses until it returns; the text of a
    // log line ends with its NUL.
    let (kept, line) = unsafe { (&mut *lines.cast::<Vec<Kept>>(), CStr::from_ptr(line)) };
    if kept.len() < Kept::MOST {
        let line = line.to_owned();
        kept.push(Kept { level, line });
    }
}

/// Makes lines of our own crates' events; those of other libraries are none of the server's
/// business.
struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Not only events: who asks whether anybody hears one before making it gets the same answer.
        !metadata.is_span()
            && metadata.target().starts_with("requiretls")
            && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(listener) = LISTENER.get() else {
            return;
        };
        let mut words = Words(Line::new());
        event.record(&mut words);
        let level = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        listener.send(level, words.0.finish());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message first, as it comes; every other field as name=value.
struct Words(Line);

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
mod tests {
    use super::*;

    /// The cache complains once, and must not think that it has where nobody was there to hear it.
    #[test]
    fn who_asks_before_an_event_is_told_whether_somebody_hears_it() {
        let asks = || tracing::enabled!(target: "requiretls_engine", Level::WARN);
        let (heard, kept) = Kept::during(asks);
        assert!(heard && kept.is_empty());
        assert!(!Log::during(None, asks));
        let other = || tracing::enabled!(target: "rustls", Level::WARN);
        assert!(!Kept::during(other).0);
    }
}
