//! Who is let in, and when is it over?
//!
//! A thread for each listener and one for each client, with little stack: none waits for another. As
//! the program is about to end the listeners close at once, clients without a message under way are
//! told so, and the others have the time that [`Server::run`] was given.

use super::connection::{Carry, Common, Connection};
use super::counters::Counters;
use super::drain::{Drain, Waited};
use super::terms::Terms;
use super::wire::Ends;
use rustix::event::PollFlags;
use std::fmt;
use std::io::{self, Write as _};
use std::net::{IpAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Serves LMTP clients.
#[derive(Clone)]
pub struct Server {
    carry: Arc<Carry>,
    counters: Arc<Counters>,
    drain: Drain,
    most: usize,
    open: Arc<Open>,
}

/// Where clients come in.
pub enum Listener {
    /// A unix socket; its permissions say who may connect.
    Unix(UnixListener),
    /// A TCP port, and who may connect.
    Tcp(TcpListener, Arc<dyn Fn(IpAddr) -> bool + Send + Sync>),
}

/// The connections that are open.
#[derive(Default)]
struct Open {
    count: Mutex<usize>,
    fewer: Condvar,
    numbers: AtomicU64,
}

impl Server {
    /// Carries what clients bring with `carry`, which is called by several threads at once, until
    /// the drain begins. More than `most` connections at once are turned away.
    #[must_use]
    pub fn new(carry: Arc<Carry>, drain: Drain, most: usize) -> Self {
        Self {
            carry,
            counters: Arc::default(),
            drain,
            most,
            open: Arc::default(),
        }
    }

    /// What has been done so far.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// What ends it.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Serves the one client at these two ends, on this thread.
    ///
    /// # Errors
    /// The ends cannot be had.
    pub fn pipe(&self, input: impl AsFd, output: impl AsFd, terms: Terms) -> io::Result<()> {
        let ends = Ends::Pair {
            input: input.as_fd().try_clone_to_owned()?,
            output: output.as_fd().try_clone_to_owned()?,
        };
        self.serve(&self.common(Arc::new(terms)), ends);
        Ok(())
    }

    /// Serves all clients of these listeners, and returns when the drain has begun and the last
    /// client is gone, or `patience` has passed since: then it tells how many there still were.
    ///
    /// # Errors
    /// A listener cannot be waited for, or has no thread.
    pub fn run(&self, listeners: Vec<(Listener, Terms)>, patience: Duration) -> io::Result<usize> {
        let mut threads = Vec::new();
        for (listener, terms) in listeners {
            listener.set_nonblocking()?;
            let (server, common) = (self.clone(), self.common(Arc::new(terms)));
            let thread = thread::Builder::new().stack_size(SHALLOW);
            threads.push(thread.spawn(move || server.accept(&listener, &common))?);
        }
        for thread in threads {
            if thread.join().is_err() {
                self.drain.begin();
            }
        }
        Ok(self.open.wait(patience))
    }

    fn common(&self, terms: Arc<Terms>) -> Common {
        Common {
            terms,
            carry: Arc::clone(&self.carry),
            counters: Arc::clone(&self.counters),
            drain: self.drain.clone(),
        }
    }

    /// Until the drain begins. A system without descriptors or memory for one more is no reason to
    /// stop: it may have some later.
    fn accept(&self, listener: &Listener, common: &Common) {
        let name = &common.terms.listener;
        loop {
            match self
                .drain
                .wait_for(listener.as_fd(), PollFlags::IN, true, None)
            {
                Ok(Waited::Ready) => {}
                Ok(Waited::TimedOut) => continue,
                Ok(Waited::Drained) => return,
                Err(error) => {
                    tracing::error!("listener={name}: {error}");
                    return;
                }
            }
            match listener.accept() {
                Ok(Some(socket)) => self.take(socket, common),
                Ok(None) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::warn!("listener={name}: no connection can be taken: {error}");
                    thread::sleep(PAUSE);
                }
            }
        }
    }

    fn take(&self, socket: OwnedFd, common: &Common) {
        let Some(place) = Open::take(&self.open, self.most) else {
            return self.turn_away(socket, common);
        };
        let (server, own) = (self.clone(), common.clone());
        let thread = thread::Builder::new().stack_size(SHALLOW);
        let spawned = thread.spawn(move || {
            let _place = place;
            server.serve(&own, Ends::Socket(socket));
        });
        if let Err(error) = spawned {
            // The socket went with the closure: the client sees it closed, and tries again.
            self.counters.refused();
            tracing::warn!("listener={}: no thread: {error}", common.terms.listener);
        }
    }

    fn turn_away(&self, socket: OwnedFd, common: &Common) {
        self.counters.refused();
        tracing::warn!("listener={}: too many connections", common.terms.listener);
        // A new socket has room for so little; if not, the client sees it closed.
        let mut socket = std::fs::File::from(socket);
        let _ = socket.write_all(b"421 4.3.2 too many connections\r\n");
    }

    fn serve(&self, common: &Common, ends: Ends) {
        let number = self.open.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let _open = self.counters.connected();
        Connection::new(common, ends, number).run();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("counters", &self.counters.read())
            .field("drain", &self.drain)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Listener {
    fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Unix(listener) => listener.set_nonblocking(true),
            Self::Tcp(listener, _) => listener.set_nonblocking(true),
        }
    }

    /// `None`: whoever it was may not connect.
    fn accept(&self) -> io::Result<Option<OwnedFd>> {
        match self {
            Self::Unix(listener) => {
                let (socket, _) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Some(socket.into()))
            }
            Self::Tcp(listener, may_connect) => {
                let (socket, peer) = listener.accept()?;
                if !may_connect(peer.ip().to_canonical()) {
                    tracing::warn!("{} may not connect", peer.ip());
                    return Ok(None);
                }
                socket.set_nonblocking(true)?;
                socket.set_nodelay(true)?;
                Ok(Some(socket.into()))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener, _) => listener.as_fd(),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(listener) => listener.fmt(f),
            Self::Tcp(listener, _) => listener.fmt(f),
        }
    }
}

/// One connection that counts as open.
struct Place(Arc<Open>);

impl Open {
    fn take(this: &Arc<Self>, most: usize) -> Option<Place> {
        let mut count = this.count.lock().unwrap_or_else(PoisonError::into_inner);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(Arc::clone(this)))
    }

    /// How many there are when the time is over.
    fn wait(&self, patience: Duration) -> usize {
        let until = Instant::now() + patience;
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.fewer.wait_timeout(count, left);
            (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *count
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.0.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.saturating_sub(1);
        drop(count);
        self.0.fewer.notify_all();
    }
}

/// Virtual memory: what is touched of it is what a waiting client costs.
const SHALLOW: usize = 256 * 1024;

/// Before the next try where the system has no room.
const PAUSE: Duration = Duration::from_millis(100);

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | Interrupted | WouldBlock)
}
