//! The ServerHello (RFC 8446 section 4.1.3) and, where it still is in the clear, the certificate after it
//! (RFC 5246 section 7.4.2).

use std::borrow::Cow;

use super::bytes::{Bytes, extensions, protocol_names};
use super::certificate::Certificate;
use super::record::Records;
use super::text::clean;
use super::{MESSAGE_HEADER_BYTES, MOST_MESSAGE_BYTES, extension, message};
use crate::inspect::Reading;

const RANDOM_BYTES: usize = 32;
const TLS_1_2: u16 = 0x0303;

/// What a server says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its hello.
    pub hello: ServerHello,
    /// Its own certificate, not those of its issuers. None from TLS 1.3 on, where it is encrypted, in a resumed
    /// session, and where it cannot be read.
    pub certificate: Option<Certificate>,
}

/// What a server chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version negotiated, as on the wire: 0x0304 is TLS 1.3.
    pub version: u16,
    /// The cipher suite chosen (IANA, TLS Cipher Suites).
    pub cipher: u16,
    /// The application protocol chosen; encrypted from TLS 1.3 on.
    pub alpn: Option<String>,
}

pub(super) fn from_records(prefix: &[u8]) -> Reading<Server> {
    let (hello, end) = match hello_and_end(prefix) {
        Reading::Found(found) => found,
        Reading::More => return Reading::More,
        Reading::Other => return Reading::Other,
    };
    if hello.version > TLS_1_2 {
        return Reading::Found(Server { hello, certificate: None });
    }
    match own_certificate(Records::new(prefix), end) {
        Reading::Found(der) => Reading::Found(Server { hello, certificate: Certificate::read(&der) }),
        Reading::Other => Reading::Found(Server { hello, certificate: None }),
        Reading::More => Reading::More,
    }
}

pub(super) fn hello_from_records(prefix: &[u8]) -> Reading<ServerHello> {
    hello_and_end(prefix).map(|(hello, _)| hello)
}

/// The hello, and where in the handshake the message after it begins.
fn hello_and_end(prefix: &[u8]) -> Reading<(ServerHello, usize)> {
    match Records::new(prefix).message(0, message::SERVER_HELLO) {
        Reading::Found(message) => {
            let body = Bytes(message.get(MESSAGE_HEADER_BYTES..).unwrap_or_default());
            hello(body).map_or(Reading::Other, |hello| Reading::Found((hello, message.len())))
        }
        Reading::More => Reading::More,
        Reading::Other => Reading::Other,
    }
}

fn hello(mut body: Bytes<'_>) -> Option<ServerHello> {
    let legacy_version = body.u16().filter(|version| matches!(version >> 8, 0x03 | 0x7f))?;
    body.take(RANDOM_BYTES)?;
    let _session_id = body.vector8()?;
    let cipher = body.u16()?;
    let _compression_method = body.u8()?;
    let list = body.vector16().unwrap_or(body);
    let content = |number| extensions(list).find(|&(found, _)| found == number).map(|(_, content)| content);
    Some(ServerHello {
        version: content(extension::SUPPORTED_VERSIONS).and_then(|mut chosen| chosen.u16()).unwrap_or(legacy_version),
        cipher,
        alpn: content(extension::ALPN).and_then(|chosen| protocol_names(chosen).next()).map(clean),
    })
}

/// The first certificate of the message at `offset`, without waiting for those of the issuers.
fn own_certificate(records: Records<'_>, offset: usize) -> Reading<Cow<'_, [u8]>> {
    const LENGTH_BYTES: usize = 3;
    let chain = offset + MESSAGE_HEADER_BYTES + LENGTH_BYTES;
    match records.message_len(offset, message::CERTIFICATE) {
        Reading::Found(len) if len > MESSAGE_HEADER_BYTES + 2 * LENGTH_BYTES => {}
        Reading::Found(_) | Reading::Other => return Reading::Other,
        Reading::More => return Reading::More,
    }
    match records.read(chain, LENGTH_BYTES) {
        Reading::Found(length) => match Bytes(&length).u24() {
            Some(len) if len <= MOST_MESSAGE_BYTES => records.read(chain + LENGTH_BYTES, len),
            Some(_) | None => Reading::Other,
        },
        Reading::More => Reading::More,
        Reading::Other => Reading::Other,
    }
}
