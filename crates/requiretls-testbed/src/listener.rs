//! How does a server of the world listen, and how does it end?
//!
//! One thread waits for connections, each connection has its own: in a handler that blocks, every
//! defect is a pause, a return or a write, in the order of reading. To end, a flag is set, all
//! connections are shut down and one is made to the listener itself; then every thread is joined.

use crate::fault::locked;
use crate::stop::Stop;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A listening socket with its threads; dropping it ends them.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    connections: Arc<Connections>,
    thread: Option<JoinHandle<()>>,
}

/// The connections that are open, as long as there are to be any.
#[derive(Debug, Default)]
struct Connections {
    stop: Stop,
    open: Mutex<(u64, BTreeMap<u64, TcpStream>)>,
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
        let connections = Arc::new(Connections::default());
        let thread = {
            let (connections, name) = (Arc::clone(&connections), name.to_owned());
            std::thread::Builder::new()
                .name(name.clone())
                .stack_size(ACCEPT_STACK)
                .spawn(move || accept(&listener, &name, &connections, &Arc::new(serve)))?
        };
        Ok(Self {
            address,
            connections,
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.connections.end();
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits; an error when the end comes first.
pub(crate) fn pause(stop: &Stop, time: Duration) -> io::Result<()> {
    if stop.within(time) {
        return Err(ErrorKind::ConnectionAborted.into());
    }
    Ok(())
}

impl Connections {
    fn end(&self) {
        self.stop.now();
        for stream in locked(&self.open).1.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// `None`: it is over.
    fn add(&self, stream: &TcpStream) -> io::Result<Option<u64>> {
        let copy = stream.try_clone();
        let mut open = locked(&self.open);
        if self.stop.is_now() {
            return Ok(None);
        }
        let number = open.0.wrapping_add(1);
        open.0 = number;
        open.1.insert(number, copy?);
        Ok(Some(number))
    }

    fn remove(&self, number: u64) {
        locked(&self.open).1.remove(&number);
    }
}

/// Small stacks: a world has a hundred listeners.
const ACCEPT_STACK: usize = 128 * 1024;
const SERVE_STACK: usize = 256 * 1024;

/// Closes the copy of a connection's descriptor when its thread ends, however it ends.
struct Open<'a>(&'a Connections, u64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

fn accept<F>(listener: &TcpListener, name: &str, connections: &Arc<Connections>, serve: &Arc<F>)
where
    F: Fn(TcpStream, &Stop) + Send + Sync + 'static,
{
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            // No descriptor is left, say: it may be better soon.
            Err(_) if !connections.stop.within(Duration::from_millis(10)) => continue,
            Err(_) => break,
        };
        let _ = stream.set_nodelay(true);
        let number = match connections.add(&stream) {
            Ok(Some(number)) => number,
            Ok(None) => break,
            Err(_) => continue,
        };
        let (guarded, serve) = (Arc::clone(connections), Arc::clone(serve));
        let spawned = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(SERVE_STACK)
            .spawn(move || {
                let _open = Open(&guarded, number);
                serve(stream, &guarded.stop);
            });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(_) => connections.remove(number),
        }
        threads.retain(|thread| !thread.is_finished());
    }
    for thread in threads {
        let _ = thread.join();
    }
}
