//! One record per datagram: UDP (syslog) and Unix datagram sockets.
//!
//! UDP acknowledges nothing. Between groups of datagrams there is a short pause, for a burst overruns the buffer of the
//! receiver; after a batch the socket is watched for a few milliseconds, for a peer that is not there is told by ICMP.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::{UdpSocket, UnixDatagram, lookup_host};
use tokio::time::{sleep, timeout};

use super::syslog::Header;
use super::transport::Step;
use super::{Answer, Limits, Message, Transport, Trouble};

/// Datagrams sent without a pause.
const GROUP: usize = 16;
const BETWEEN_GROUPS: Duration = Duration::from_millis(1);
/// How long a refusal of the peer's machine is waited for.
const REFUSAL: Duration = Duration::from_millis(5);
/// How long a Unix socket may be full before the peer counts as stuck.
const STUCK: Duration = Duration::from_secs(30);

/// Where to.
pub(super) enum Socket {
    /// `host:port`.
    Udp(String),
    /// A path.
    Unix(PathBuf),
}

enum Connected {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

pub(super) struct DatagramTransport {
    socket: Socket,
    connected: Option<Connected>,
    header: Option<Header>,
    max_bytes: usize,
}

impl DatagramTransport {
    /// Datagrams of `max_bytes` at most, each with `header` where there is one.
    pub(super) fn new(socket: Socket, header: Option<Header>, max_bytes: usize) -> Self {
        DatagramTransport { socket, connected: None, header, max_bytes }
    }

    async fn connect(&self) -> io::Result<Connected> {
        match &self.socket {
            Socket::Udp(address) => {
                let Some(peer) = lookup_host(address).await?.next() else {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
                };
                let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(peer).await?;
                Ok(Connected::Udp(socket))
            }
            Socket::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Connected::Unix(socket))
            }
        }
    }

    fn name(&self) -> String {
        match &self.socket {
            Socket::Udp(address) => address.clone(),
            Socket::Unix(path) => path.display().to_string(),
        }
    }

    /// Sends all; says which were too large for the socket.
    async fn send_all(&self, connected: &Connected, batch: &[Message]) -> io::Result<Vec<(usize, String)>> {
        let (mut refused, mut datagram) = (Vec::new(), Vec::new());
        for (place, message) in batch.iter().enumerate() {
            datagram.clear();
            match &self.header {
                Some(header) => header.write(message, &mut datagram),
                None => datagram.extend_from_slice(&message.bytes),
            }
            match connected.send(&datagram).await {
                Err(error) if error.raw_os_error() == Some(EMSGSIZE) => {
                    refused.push((place, format!("{} bytes: {error}", datagram.len())));
                }
                other => drop(other?),
            }
            if place % GROUP == GROUP - 1 {
                sleep(BETWEEN_GROUPS).await;
            }
        }
        connected.refusal().await?;
        Ok(refused)
    }
}

/// Linux, FreeBSD and macOS differ; the larger buffer is what helps on each.
const EMSGSIZE: i32 = if cfg!(target_os = "linux") { 90 } else { 40 };

impl Connected {
    async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        match self {
            Connected::Udp(socket) => socket.send(datagram).await,
            Connected::Unix(socket) => match timeout(STUCK, socket.send(datagram)).await {
                Ok(sent) => sent,
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")),
            },
        }
    }

    /// An error where the peer's machine said that nobody listens.
    async fn refusal(&self) -> io::Result<()> {
        let Connected::Udp(socket) = self else { return Ok(()) };
        match timeout(REFUSAL, socket.recv(&mut [0; 16])).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }
}

impl Transport for DatagramTransport {
    fn limits(&self) -> Limits {
        let header = self.header.as_ref().map_or(0, Header::most_bytes);
        Limits { message_bytes: self.max_bytes.saturating_sub(header), batch_messages: 4 * GROUP, ..Limits::STREAM }
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(async {
            let sent = async {
                let connected = match self.connected.take() {
                    Some(connected) => connected,
                    None => self.connect().await?,
                };
                let refused = self.send_all(&connected, batch).await?;
                self.connected = Some(connected);
                Ok(refused)
            };
            let refused =
                sent.await.map_err(|error: io::Error| Trouble::later(format_args!("{}: {error}", self.name())))?;
            let said = match &self.socket {
                Socket::Udp(_) => "sent; UDP gives no answer, and the peer's machine did not refuse it".to_owned(),
                Socket::Unix(_) => "the socket took it".to_owned(),
            };
            Ok(Answer { refused, ..Answer::taken(said) })
        })
    }
}
