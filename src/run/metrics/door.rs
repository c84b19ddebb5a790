//! Connections, so bounded that nobody keeps the endpoint from the others: each has a time and so many bytes for its one
//! request, and where too many are open, the oldest makes room. A request that comes whole is answered at once, so who
//! makes room is who sends slowly or does not read.

use std::collections::VecDeque;
use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

const MOST_CONNECTIONS: usize = 32;
const MOST_BYTES: usize = 8 << 10;
const MOST_TIME: Duration = Duration::from_secs(5);
/// Until the system is asked again after it gave no connection for want of descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Where connections come in.
pub(super) struct Door {
    listener: TcpListener,
    /// One for each connection, oldest first; dropped, it closes it.
    open: VecDeque<oneshot::Sender<()>>,
}

impl Door {
    pub(super) const fn new(listener: TcpListener) -> Self {
        Door { listener, open: VecDeque::new() }
    }

    fn admit(&mut self, stream: TcpStream) -> Guest {
        self.open.retain(|connection| !connection.is_closed());
        if self.open.len() >= MOST_CONNECTIONS {
            self.open.pop_front();
        }
        let (open, shown_out) = oneshot::channel();
        self.open.push_back(open);
        Guest { stream, shown_out, deadline: Box::pin(sleep(MOST_TIME)), bytes_left: MOST_BYTES, is_over: false }
    }
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => return (self.admit(stream), address),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection.
pub(super) struct Guest {
    stream: TcpStream,
    shown_out: oneshot::Receiver<()>,
    deadline: Pin<Box<Sleep>>,
    bytes_left: usize,
    is_over: bool,
}

impl Guest {
    /// An error once the connection is over, whatever the other side does.
    fn stay(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let is_late = self.deadline.as_mut().poll(context).is_ready();
        self.is_over = self.is_over || is_late || Pin::new(&mut self.shown_out).poll(context).is_ready();
        if self.is_over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stay(cx)?;
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        match self.bytes_left.checked_sub(into.filled().len() - before) {
            Some(left) => self.bytes_left = left,
            None => return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into())),
        }
        polled
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stay(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stay(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
