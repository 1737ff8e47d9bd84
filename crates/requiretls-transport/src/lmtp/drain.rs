//! Is the program about to end?
//!
//! A pipe that is empty until then. Whoever waits for a descriptor waits for this one too, so that no
//! thread has to be interrupted; and a signal handler can write to it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Says when no more mail is to be taken. A clone says the same.
#[derive(Clone)]
pub struct Drain(Arc<Ends>);

struct Ends {
    reader: PipeReader,
    writer: PipeWriter,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Waited {
    /// The descriptor is ready, or at its end.
    Ready,
    /// No more mail is to be taken.
    Drained,
    /// The time is over.
    TimedOut,
}

impl Drain {
    /// Nothing is about to end.
    ///
    /// # Errors
    /// There is no descriptor to be had.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self(Arc::new(Ends { reader, writer })))
    }

    /// From now on no connection is taken, those without a message under way end, and the others
    /// end when their message has its answers.
    pub fn begin(&self) {
        // What is in there already says the same.
        let _ = (&self.0.writer).write_all(b"!");
    }

    /// Another way to begin: an octet that is written here, by a signal handler for one.
    ///
    /// # Errors
    /// There is no descriptor to be had.
    pub fn writer(&self) -> io::Result<PipeWriter> {
        self.0.writer.try_clone()
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.wait_until(Some(Instant::now()))
    }

    /// Waits until it begins.
    pub fn wait(&self) {
        while !self.wait_until(None) {}
    }

    /// Waits for a descriptor to be ready for this, and for the drain where the caller minds it.
    pub(super) fn wait_for(
        &self,
        descriptor: BorrowedFd<'_>,
        events: PollFlags,
        minded: bool,
        until: Option<Instant>,
    ) -> io::Result<Waited> {
        let mut both = [
            PollFd::from_borrowed_fd(descriptor, events),
            PollFd::from_borrowed_fd(self.0.reader.as_fd(), PollFlags::IN),
        ];
        let (ready, drained) = if minded {
            let ready = wait(&mut both, until)?;
            let [_, drain] = &both;
            (ready, !drain.revents().is_empty())
        } else {
            let [own, _] = &mut both;
            (wait(std::slice::from_mut(own), until)?, false)
        };
        Ok(match (drained, ready) {
            (true, _) => Waited::Drained,
            (false, true) => Waited::Ready,
            (false, false) => Waited::TimedOut,
        })
    }

    fn wait_until(&self, until: Option<Instant>) -> bool {
        let reader = self.0.reader.as_fd();
        let waited = self.wait_for(reader, PollFlags::IN, false, until);
        matches!(waited, Ok(Waited::Ready))
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain").field(&self.has_begun()).finish()
    }
}

/// Whether one of them is ready before the time is over.
fn wait(descriptors: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map(timespec);
        match poll(descriptors, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(0) if left.is_none_or(|left| !left.is_zero()) => {}
            Ok(ready) => return Ok(ready > 0),
        }
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}
