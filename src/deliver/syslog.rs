//! Syslog: what goes around a record (RFC 5424), and how records follow each other on a stream (RFC 6587, RFC 5425).
//!
//! Syslog has no acknowledgement. Over UDP, whatever the network or a full receive buffer drops is lost without a sign;
//! only a refusal that the peer's machine tells (ICMP) within milliseconds is seen and the batch sent again. Over TCP and
//! TLS, see [`super::stream`] for what is done and what can still be lost. Where nothing may be lost, use an output that
//! acknowledges: Elasticsearch, Splunk with acknowledgement, NATS, Kafka, or a file that an agent reads.

use std::io::Write as _;

use super::datagram::{DatagramTransport, Socket};
use super::stream::{Framing, Peer, StreamTransport};
use super::{Context, Message, StartError, TlsOptions, Transport};

/// What carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5426.
    Udp,
    /// RFC 6587.
    Tcp,
    /// RFC 5425.
    Tls,
}

/// A syslog output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `host:port`.
    pub address: String,
    /// What carries it.
    pub protocol: Protocol,
    /// How records follow each other on TCP; TLS always counts octets.
    pub framing: Framing,
    /// 0 to 23 (RFC 5424, section 6.2.1).
    pub facility: u8,
    /// `None`: the name of this machine.
    pub hostname: Option<String>,
    /// An SD-ID such as `borderflow@32473` under which id and severity are told as structured data; `None`: none is.
    pub structured_data: Option<String>,
    /// Whether records that are not plain ASCII begin with a byte order mark, by which a receiver may know that they are
    /// UTF-8 (RFC 5424, section 6.4). Many receivers of JSON do not expect one.
    pub bom: bool,
    /// Bytes of a whole syslog message at most, header included.
    pub max_bytes: usize,
    /// For TLS.
    pub tls: TlsOptions,
}

impl Options {
    pub(super) fn open(&self, context: &Context) -> Result<Box<dyn Transport>, StartError> {
        let header = Header::new(self, &context.hostname);
        let peer = match self.protocol {
            Protocol::Udp => {
                let socket = Socket::Udp(self.address.clone());
                return Ok(Box::new(DatagramTransport::new(socket, Some(header), self.max_bytes)));
            }
            Protocol::Tcp => Peer::Tcp { address: self.address.clone() },
            Protocol::Tls => Peer::tls(&self.address, &self.tls)?,
        };
        let framing = if self.protocol == Protocol::Tls { Framing::OctetCounting } else { self.framing };
        Ok(Box::new(StreamTransport::new(peer, framing, Some(header), self.max_bytes)))
    }
}

/// The constant parts of a syslog header.
pub(super) struct Header {
    facility: u8,
    hostname: String,
    process: u32,
    structured_data: Option<String>,
    bom: bool,
}

/// Longest MSGID (RFC 5424, section 6).
const MOST_MSGID: usize = 32;
/// What an id within structured data measures at most.
const MOST_ID: usize = 64;
const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Header {
    fn new(options: &Options, hostname: &str) -> Header {
        Header {
            facility: options.facility.min(23),
            hostname: field(options.hostname.as_deref().unwrap_or(hostname), 255),
            process: std::process::id(),
            structured_data: options.structured_data.as_ref().map(|name| field(name, 32)),
            bom: options.bom,
        }
    }

    /// Bytes it adds to a record at most.
    pub(super) fn most_bytes(&self) -> usize {
        let fixed = "<191>1 2025-09-03T08:15:00.000000Z  borderflow 4294967295   ".len() + BOM.len();
        let data = |name: &String| name.len() + "[ id=\"\" severity=\"100\"]".len() + MOST_ID;
        fixed + self.hostname.len() + MOST_MSGID + self.structured_data.as_ref().map_or(1, data)
    }

    /// Appends the whole syslog message: header, structured data, record.
    pub(super) fn write(&self, message: &Message, out: &mut Vec<u8>) {
        let priority = u16::from(self.facility) * 8 + u16::from(level(message.severity));
        let (year, month, day, hour, minute, second, nanos) = message.at.civil();
        let micros = nanos / 1_000;
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "<{priority}>1 {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z {} borderflow {} {} ",
            self.hostname,
            self.process,
            field(&message.kind, MOST_MSGID),
        );
        match &self.structured_data {
            Some(name) => {
                let id: String = message.id.chars().filter(|c| !matches!(c, '"' | '\\' | ']')).take(MOST_ID).collect();
                let _ = write!(out, "[{name} id=\"{}\" severity=\"{}\"] ", field(&id, MOST_ID), message.severity);
            }
            None => out.extend_from_slice(b"- "),
        }
        if self.bom && !message.bytes.is_ascii() {
            out.extend_from_slice(BOM);
        }
        out.extend_from_slice(&message.bytes);
    }
}

/// A header field: printable ASCII without spaces, `-` where nothing is left.
fn field(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

/// The syslog severity of an alert: critical 2, high 3 (error), medium 4 (warning), low 5 (notice), none at all 6.
fn level(severity: u8) -> u8 {
    match severity {
        0 => 6,
        1..30 => 5,
        30..60 => 4,
        60..80 => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Timestamp;

    fn written(structured_data: Option<&str>, bom: bool, bytes: &str) -> String {
        let options = Options {
            address: String::new(),
            protocol: Protocol::Udp,
            framing: Framing::OctetCounting,
            facility: 16,
            hostname: Some("sensor 1".to_owned()),
            structured_data: structured_data.map(str::to_owned),
            bom,
            max_bytes: 2_048,
            tls: TlsOptions::default(),
        };
        let mut header = Header::new(&options, "");
        header.process = 7;
        let message = Message {
            id: "a\"]b".to_owned(),
            asset: String::new(),
            jurisdiction: String::new(),
            kind: "egress".to_owned(),
            at: Timestamp::from_parts(1_756_887_300, 1_500),
            severity: 85,
            bytes: bytes.as_bytes().to_vec(),
        };
        let mut out = Vec::new();
        header.write(&message, &mut out);
        assert!(out.len() <= header.most_bytes() + bytes.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_has_the_header_of_rfc_5424_and_says_when_the_packet_was_not_when_it_was_sent() {
        assert_eq!(written(None, false, "{}"), "<130>1 2025-09-03T08:15:00.000001Z sensor1 borderflow 7 egress - {}");
    }

    #[test]
    fn structured_data_holds_the_id_and_nothing_can_break_out_of_it() {
        let text = written(Some("borderflow@32473"), false, "{}");
        assert!(text.ends_with("egress [borderflow@32473 id=\"ab\" severity=\"85\"] {}"), "{text}");
    }

    #[test]
    fn a_byte_order_mark_comes_only_where_asked_for_and_only_before_what_is_not_ascii() {
        assert!(written(None, true, "ž").ends_with(" - \u{feff}ž"));
        assert!(written(None, true, "z").ends_with(" - z"));
        assert!(written(None, false, "ž").ends_with(" - ž"));
    }
}
