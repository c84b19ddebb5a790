//! Records over a byte stream: TCP, TLS and Unix sockets.
//!
//! A stream acknowledges bytes to the kernel, never records to us: what was written may lie unread when the peer dies. What
//! is done about it:
//!
//! * Before and after each write the peer's side is read, so that a connection the peer closed is not written to.
//! * After connecting, a moment passes before the first write: a peer that refuses us (its access list, our certificate
//!   under TLS 1.3) says so within it.
//! * The last [`RESEND_BYTES`] written are kept until the connection has been quiet for [`SETTLED`]. Where it breaks
//!   earlier, they are sent again on the next connection, at once and without waiting for another alert. Records carry
//!   ids, so a consumer that honours them counts nothing twice.
//! * A peer that reads nothing for [`STUCK`] is left, and everything unconfirmed sent again.
//! * At the end our side is shut down, and the peer's end is waited for.
//!
//! What can still be lost: what a peer took into its own memory more than five seconds before it died; what lies unread in
//! the buffers when the peer and this process die together.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::syslog::Header;
use super::transport::Step;
use super::{Answer, Limits, Message, StartError, TlsOptions, Transport, Trouble};

/// What is kept to be sent again, at most.
pub const RESEND_BYTES: usize = 1 << 20;
/// Quiet after which a peer has read what was sent.
pub const SETTLED: Duration = Duration::from_secs(5);
/// Silence of a peer that does not read, after which it is left.
pub const STUCK: Duration = Duration::from_secs(60);
const CONNECTING: Duration = Duration::from_secs(10);
const REFUSAL: Duration = Duration::from_millis(100);
const CLOSING: Duration = Duration::from_secs(2);
/// Small, so that little lies between us and the peer. The kernel doubles it.
const SEND_BUFFER: u32 = 128 << 10;

/// How records follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The length in decimal and a space before each (RFC 6587, section 3.4.1; RFC 5425).
    OctetCounting,
    /// A line feed after each (RFC 6587, section 3.4.2). No record holds one.
    Newline,
}

/// Where to.
pub(super) enum Peer {
    Tcp { address: String },
    Tls { address: String, name: ServerName<'static>, connector: TlsConnector },
    Unix { path: PathBuf },
}

trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

type Connection = Box<dyn Duplex>;

impl Peer {
    /// At `host:port`, verified as `options` say.
    pub(super) fn tls(address: &str, options: &TlsOptions) -> Result<Peer, StartError> {
        let config = options.client_config()?;
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let written = options.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(written.to_owned()).map_err(|_| {
            StartError::new("server_name", format!("{written:?} is neither a host name nor an address"))
        })?;
        Ok(Peer::Tls { address: address.to_owned(), name, connector: TlsConnector::from(Arc::new(config)) })
    }

    async fn connect(&self) -> io::Result<Connection> {
        Ok(match self {
            Peer::Tcp { address } => Box::new(tcp(address).await?),
            Peer::Tls { address, name, connector } => {
                Box::new(connector.connect(name.clone(), tcp(address).await?).await?)
            }
            Peer::Unix { path } => Box::new(UnixStream::connect(path).await?),
        })
    }

    fn name(&self) -> String {
        match self {
            Peer::Tcp { address } | Peer::Tls { address, .. } => address.clone(),
            Peer::Unix { path } => path.display().to_string(),
        }
    }
}

/// The first address that answers.
async fn tcp(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for peer in lookup_host(address).await? {
        let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.set_keepalive(true)?;
        match socket.connect(peer).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(super) struct StreamTransport {
    peer: Peer,
    framing: Framing,
    header: Option<Header>,
    max_bytes: usize,
    connection: Option<Connection>,
    /// Frames written that the peer may not have read.
    window: VecDeque<Vec<u8>>,
    window_bytes: usize,
    /// Whether the window must go over a new connection first.
    lost: bool,
}

impl StreamTransport {
    /// Records of `max_bytes` at most, `header` included.
    pub(super) fn new(peer: Peer, framing: Framing, header: Option<Header>, max_bytes: usize) -> Self {
        StreamTransport {
            peer,
            framing,
            header,
            max_bytes,
            connection: None,
            window: VecDeque::new(),
            window_bytes: 0,
            lost: false,
        }
    }

    fn frame(&self, message: &Message) -> Vec<u8> {
        let mut record = Vec::with_capacity(message.bytes.len() + 160);
        match &self.header {
            Some(header) => header.write(message, &mut record),
            None => record.extend_from_slice(&message.bytes),
        }
        match self.framing {
            Framing::Newline => {
                record.push(b'\n');
                record
            }
            Framing::OctetCounting => [format!("{} ", record.len()).as_bytes(), &record].concat(),
        }
    }

    /// Takes the connection, so that a future that is dropped in the middle of a frame leaves none behind.
    async fn write(&mut self, batch: &[Message]) -> io::Result<()> {
        let mut connection = match self.alive().await {
            Some(connection) => connection,
            None => self.connected().await?,
        };
        let frames: Vec<Vec<u8>> = batch.iter().map(|message| self.frame(message)).collect();
        let resent = if self.lost { self.window.iter() } else { Default::default() };
        let bytes: Vec<u8> = resent.chain(&frames).flatten().copied().collect();
        self.lost = true;
        write_all(&mut connection, &bytes).await?;
        if let Some(end) = ended(&mut connection).await {
            return Err(end);
        }
        self.lost = false;
        self.connection = Some(connection);
        self.keep(frames);
        Ok(())
    }

    /// The connection, where the peer has not ended it.
    async fn alive(&mut self) -> Option<Connection> {
        let mut connection = self.connection.take()?;
        let is_ended = ended(&mut connection).await.is_some();
        self.lost |= is_ended;
        (!is_ended).then_some(connection)
    }

    async fn connected(&self) -> io::Result<Connection> {
        let mut connection = match timeout(CONNECTING, self.peer.connect()).await {
            Ok(connected) => connected?,
            Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no connection within 10 s")),
        };
        match timeout(REFUSAL, end(&mut connection)).await {
            Ok(end) => Err(end),
            Err(_) => Ok(connection),
        }
    }

    fn keep(&mut self, frames: Vec<Vec<u8>>) {
        for frame in frames {
            self.window_bytes += frame.len();
            self.window.push_back(frame);
        }
        while self.window_bytes > RESEND_BYTES {
            let Some(settled) = self.window.pop_front() else { break };
            self.window_bytes -= settled.len();
        }
    }

    fn settle(&mut self) {
        self.window.clear();
        self.window_bytes = 0;
    }

    async fn lost(&mut self) -> Trouble {
        let Some(connection) = &mut self.connection else { return std::future::pending().await };
        let problem = match timeout(SETTLED, end(connection)).await {
            Ok(problem) => problem,
            Err(_) => {
                self.settle();
                let Some(connection) = &mut self.connection else { return std::future::pending().await };
                end(connection).await
            }
        };
        self.connection = None;
        if self.window.is_empty() {
            return std::future::pending().await;
        }
        self.lost = true;
        Trouble::later(format_args!("{}: {problem}; what it may not have read is sent again", self.peer.name()))
    }

    async fn finish(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let shut = timeout(CLOSING, connection.shutdown()).await;
        let answer = timeout(CLOSING, end(&mut connection)).await;
        let is_broken = matches!(answer, Ok(problem) if problem.kind() != io::ErrorKind::UnexpectedEof);
        if matches!(shut, Ok(Err(_))) || is_broken {
            self.lost = true;
            let _ = timeout(CLOSING, self.write(&[])).await;
        }
    }
}

/// Writes all, as long as the peer goes on reading.
async fn write_all(connection: &mut Connection, mut bytes: &[u8]) -> io::Result<()> {
    let stuck = || io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing");
    while !bytes.is_empty() {
        let written = timeout(STUCK, connection.write(bytes)).await.map_err(|_| stuck())??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    timeout(STUCK, connection.flush()).await.map_err(|_| stuck())?
}

/// Waits for the peer to end the connection. What it says is not for us.
async fn end(connection: &mut Connection) -> io::Error {
    let mut said = [0; 256];
    loop {
        match connection.read(&mut said).await {
            Ok(0) => return io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection"),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// The end of the connection, where it is known already.
async fn ended(connection: &mut Connection) -> Option<io::Error> {
    let mut said = [0; 256];
    poll_fn(|context| {
        loop {
            let mut buffer = ReadBuf::new(&mut said);
            return Poll::Ready(match Pin::new(&mut *connection).poll_read(context, &mut buffer) {
                Poll::Pending => None,
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => Some(io::ErrorKind::UnexpectedEof.into()),
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(error)) => Some(error),
            });
        }
    })
    .await
}

impl Transport for StreamTransport {
    fn limits(&self) -> Limits {
        let header = self.header.as_ref().map_or(0, Header::most_bytes);
        Limits { message_bytes: self.max_bytes.saturating_sub(header), ..Limits::STREAM }
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(async {
            let written = self.write(batch).await;
            written.map_err(|error| Trouble::later(format_args!("{}: {error}", self.peer.name())))?;
            Ok(Answer::taken("written, and the peer keeps the connection open; it acknowledges nothing"))
        })
    }

    fn idle(&mut self) -> Step<'_, Trouble> {
        Box::pin(self.lost())
    }

    fn close(&mut self) -> Step<'_, ()> {
        Box::pin(self.finish())
    }
}
