//! What hickory asks of a runtime: here, the time.
//!
//! Its handle is generic over one. Ours has no sockets, timers or tasks: questions travel in
//! [`Flight`](super::super::flight::Flight), and nothing but the clock is ever called.

use futures_io::{AsyncRead, AsyncWrite};
use hickory_resolver::net::runtime::{DnsTcpStream, DnsUdpSocket, RuntimeProvider, Spawn, Time};
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Calls something that takes `now`, in seconds since 1970, for the time: hickory has no other way
/// to be told.
pub(super) fn at<T>(now: u64, call: impl FnOnce() -> T) -> T {
    let before = NOW.replace(now);
    let value = call();
    NOW.set(before);
    value
}

thread_local! {
    /// 0 outside of [`at`]: no signature holds then.
    static NOW: Cell<u64> = const { Cell::new(0) };
}

#[derive(Clone, Copy, Debug)]
pub(super) struct NoRuntime;

/// No value: there are no sockets.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoSocket {}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Time for NoRuntime {
    fn delay_for<'a>(_: Duration) -> Later<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn timeout<'a, F>(_: Duration, _: F) -> Later<'a, io::Result<F::Output>>
    where
        F: Future + Send + 'static + 'a,
    {
        Box::pin(async { unsupported() })
    }

    fn current_time() -> u64 {
        NOW.get()
    }
}

impl Spawn for NoRuntime {
    fn spawn_bg(&mut self, _: impl Future<Output = ()> + Send + 'static) {}
}

impl RuntimeProvider for NoRuntime {
    type Handle = Self;
    type Timer = Self;
    type Udp = NoSocket;
    type Tcp = NoSocket;

    fn create_handle(&self) -> Self::Handle {
        *self
    }

    fn connect_tcp(
        &self,
        _: SocketAddr,
        _: Option<SocketAddr>,
        _: Option<Duration>,
    ) -> Later<'static, io::Result<Self::Tcp>> {
        Box::pin(async { unsupported() })
    }

    fn bind_udp(&self, _: SocketAddr, _: SocketAddr) -> Later<'static, io::Result<Self::Udp>> {
        Box::pin(async { unsupported() })
    }
}

impl DnsUdpSocket for NoSocket {
    type Time = NoRuntime;

    fn poll_recv_from(
        &self,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        match *self {}
    }

    fn poll_send_to(
        &self,
        _: &mut Context<'_>,
        _: &[u8],
        _: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }
}

impl DnsTcpStream for NoSocket {
    type Time = NoRuntime;
}

impl AsyncRead for NoSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }
}

impl AsyncWrite for NoSocket {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

fn unsupported<T>() -> io::Result<T> {
    Err(ErrorKind::Unsupported.into())
}
