//! How does a server of the world listen, and how does it end?
//!
//! One thread waits for connections, each connection has its own: in a handler that blocks, every
//! defect is a pause, a return or a write, in the order of reading. To end, a flag is set, all
//! connections are shut down and one is made to the listener itself; then every thread is joined.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A listening socket with its threads; dropping it ends them.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// Whether the end has come.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    over: bool,
    next: u64,
    open: BTreeMap<u64, TcpStream>,
}

impl Listener {
    /// Serves every connection to an address; port 0 takes any that is free.
    pub(crate) fn start(
        address: SocketAddr,
        name: &str,
        serve: impl Fn(TcpStream, &Stop) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).map_err(|e| {
            io::Error::new(e.kind(), format!("{name} cannot listen on {address}: {e}"))
        })?;
        let address = listener.local_addr()?;
        let stop = Arc::new(Stop::default());
        let thread = {
            let (stop, name) = (Arc::clone(&stop), name.to_owned());
            std::thread::Builder::new()
                .name(name.clone())
                .stack_size(ACCEPT_STACK)
                .spawn(move || accept(&listener, &name, &stop, &Arc::new(serve)))?
        };
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.end();
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Stop {
    /// Waits; an error when the end comes first.
    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        let deadline = Instant::now().checked_add(time);
        let mut state = self.lock();
        loop {
            if state.over {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            let left = deadline.and_then(|d| d.checked_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                return Ok(());
            };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        for stream in state.open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// `None`: it is over.
    fn open(&self, stream: &TcpStream) -> io::Result<Option<u64>> {
        let copy = stream.try_clone();
        let mut state = self.lock();
        if state.over {
            return Ok(None);
        }
        state.next = state.next.wrapping_add(1);
        let number = state.next;
        state.open.insert(number, copy?);
        Ok(Some(number))
    }

    fn close(&self, number: u64) {
        self.lock().open.remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Small stacks: a world has a hundred listeners.
const ACCEPT_STACK: usize = 128 * 1024;
const SERVE_STACK: usize = 256 * 1024;

/// Closes the copy of a connection's descriptor when its thread ends, however it ends.
struct Open<'a>(&'a Stop, u64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.close(self.1);
    }
}

fn accept<F>(listener: &TcpListener, name: &str, stop: &Arc<Stop>, serve: &Arc<F>)
where
    F: Fn(TcpStream, &Stop) + Send + Sync + 'static,
{
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            // No descriptor is left, say: it may be better soon.
            Err(_) if stop.pause(Duration::from_millis(10)).is_ok() => continue,
            Err(_) => break,
        };
        let _ = stream.set_nodelay(true);
        let number = match stop.open(&stream) {
            Ok(Some(number)) => number,
            Ok(None) => break,
            Err(_) => continue,
        };
        let (guarded, serve) = (Arc::clone(stop), Arc::clone(serve));
        let spawned = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(SERVE_STACK)
            .spawn(move || {
                let _open = Open(&guarded, number);
                serve(stream, &guarded);
            });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(_) => stop.close(number),
        }
        threads.retain(|thread| !thread.is_finished());
    }
    for thread in threads {
        let _ = thread.join();
    }
}
