//! A transport as configured.

use std::fmt;
use std::path::{Path, PathBuf};

use super::datagram::{DatagramTransport, Socket};
use super::file::FileTransport;
use super::http::{elasticsearch, splunk, webhook};
use super::stdout::StdoutTransport;
use super::stream::{Framing, Peer, StreamTransport};
use super::{Context, StartError, Transport, file, kafka, nats, syslog};

/// Where an output sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file that rotates.
    File(file::Options),
    /// Standard output.
    Stdout,
    /// A Unix stream socket; records end with a line feed.
    UnixStream(PathBuf),
    /// A Unix datagram socket.
    UnixDatagram(PathBuf),
    /// A syslog server.
    Syslog(syslog::Options),
    /// Splunk's HTTP Event Collector.
    Splunk(splunk::Options),
    /// Elasticsearch or OpenSearch.
    Elasticsearch(elasticsearch::Options),
    /// A URL of the user's own.
    Webhook(webhook::Options),
    /// NATS JetStream.
    Nats(nats::Options),
    /// Apache Kafka.
    Kafka(kafka::Options),
}

/// Bytes of a record on a Unix stream at most.
const UNIX_STREAM_BYTES: usize = 1 << 20;
/// Bytes of a Unix datagram at most; the kernel's default buffer holds a few of them.
const UNIX_DATAGRAM_BYTES: usize = 64 << 10;

impl Target {
    /// Makes the transport: reads key files, connects to nobody.
    ///
    /// # Errors
    /// The key that is wrong.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Transport>, StartError> {
        Ok(match self {
            Target::File(options) => Box::new(FileTransport::new(options, &context.reopen)),
            Target::Stdout => Box::new(StdoutTransport),
            Target::UnixStream(path) => {
                let peer = Peer::Unix { path: path.clone() };
                Box::new(StreamTransport::new(peer, Framing::Newline, None, UNIX_STREAM_BYTES))
            }
            Target::UnixDatagram(path) => {
                Box::new(DatagramTransport::new(Socket::Unix(path.clone()), None, UNIX_DATAGRAM_BYTES))
            }
            Target::Syslog(options) => options.open(context)?,
            Target::Splunk(options) => options.open(context)?,
            Target::Elasticsearch(options) => options.open()?,
            Target::Webhook(options) => options.open(context)?,
            Target::Nats(options) => options.open()?,
            Target::Kafka(options) => options.open()?,
        })
    }

    /// The file it writes, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Target::File(options) => Some(&options.path),
            Target::Stdout
            | Target::UnixStream(_)
            | Target::UnixDatagram(_)
            | Target::Syslog(_)
            | Target::Splunk(_)
            | Target::Elasticsearch(_)
            | Target::Webhook(_)
            | Target::Nats(_)
            | Target::Kafka(_) => None,
        }
    }

    /// True where the peer is to be believed whoever it is.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        match self {
            Target::Syslog(options) => options.protocol == syslog::Protocol::Tls && options.tls.insecure,
            Target::Splunk(options) => options.http.tls.insecure,
            Target::Elasticsearch(options) => options.http.tls.insecure,
            Target::Webhook(options) => options.http.tls.insecure,
            Target::Nats(options) => options.tls.as_ref().is_some_and(|tls| tls.insecure),
            Target::File(_) | Target::Stdout | Target::UnixStream(_) | Target::UnixDatagram(_) | Target::Kafka(_) => {
                false
            }
        }
    }
}

impl fmt::Display for Target {
    /// In a few words, without a secret: of a URL only the origin, for its path may be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(options) => write!(f, "file {}", options.path.display()),
            Target::Stdout => f.write_str("standard output"),
            Target::UnixStream(path) => write!(f, "Unix stream socket {}", path.display()),
            Target::UnixDatagram(path) => write!(f, "Unix datagram socket {}", path.display()),
            Target::Syslog(options) => {
                let protocol = match options.protocol {
                    syslog::Protocol::Udp => "UDP",
                    syslog::Protocol::Tcp => "TCP",
                    syslog::Protocol::Tls => "TLS",
                };
                write!(f, "syslog over {protocol} to {}", options.address)
            }
            Target::Splunk(options) => write!(f, "Splunk at {}", options.http.origin()),
            Target::Elasticsearch(options) => {
                write!(f, "Elasticsearch at {}, index {}", options.http.origin(), options.index)
            }
            Target::Webhook(options) => write!(f, "webhook at {}", options.http.origin()),
            Target::Nats(options) => write!(f, "NATS at {}, subject {}", options.servers.join(", "), options.subject),
            Target::Kafka(options) => write!(f, "Kafka at {}, topic {}", options.brokers.join(", "), options.topic),
        }
    }
}
