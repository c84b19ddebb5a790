//! The ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2).

use super::bytes::{Bytes, extensions, protocol_names};
use super::record::Records;
use super::text::{clean, host_name};
use super::{MESSAGE_HEADER_BYTES, MOST_MESSAGE_BYTES, extension, is_grease, ja4, message};
use crate::inspect::Reading;

/// Names of application protocols that are kept.
const MOST_PROTOCOLS: usize = 16;
const RANDOM_BYTES: usize = 32;

/// What a client says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// Server name indication (RFC 6066 section 3): lower case, no trailing dot. With [`ClientHello::ech`] the name of
    /// the outer hello.
    pub server_name: Option<String>,
    /// Application protocols offered (RFC 7301), the preferred first; at most 16, reserved values left out.
    pub alpn: Vec<String>,
    /// JA4 fingerprint (FoxIO, JA4 technical details), for example `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    pub ja4: String,
    /// Whether an Encrypted Client Hello is offered, real or as GREASE (RFC 9849): the two look the same.
    pub ech: bool,
    /// Highest version offered, as on the wire: 0x0303 is TLS 1.2, 0xfefd DTLS 1.2.
    pub version: u16,
}

/// What carries a handshake; decides JA4's first letter, and DTLS's hello has a field more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS over TCP, or any other stream.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS.
    Dtls,
}

/// A hello as its parts on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) transport: Transport,
    pub(super) legacy_version: u16,
    pub(super) ciphers: Bytes<'a>,
    /// The list of extensions, without its length; empty where there is none.
    pub(super) extensions: Bytes<'a>,
}

pub(super) fn from_records(prefix: &[u8]) -> Reading<ClientHello> {
    match Records::new(prefix).message(0, message::CLIENT_HELLO) {
        Reading::Found(message) => from_message(&message, Transport::Tcp),
        Reading::More => Reading::More,
        Reading::Other => Reading::Other,
    }
}

pub(super) fn from_message(handshake: &[u8], transport: Transport) -> Reading<ClientHello> {
    let mut rest = Bytes(handshake);
    match rest.u8() {
        None => return Reading::More,
        Some(message::CLIENT_HELLO) => {}
        Some(_) => return Reading::Other,
    }
    let Some(len) = rest.u24() else { return Reading::More };
    if len > MOST_MESSAGE_BYTES - MESSAGE_HEADER_BYTES {
        return Reading::Other;
    }
    rest.take(len).map_or(Reading::More, |body| from_body(body, transport))
}

/// The hello out of a complete message without its header.
pub(super) fn from_body(body: &[u8], transport: Transport) -> Reading<ClientHello> {
    Parts::read(Bytes(body), transport).map_or(Reading::Other, |parts| Reading::Found(parts.hello()))
}

impl<'a> Parts<'a> {
    fn read(mut body: Bytes<'a>, transport: Transport) -> Option<Parts<'a>> {
        let legacy_version = body.u16()?;
        body.take(RANDOM_BYTES)?;
        let _session_id = body.vector8()?;
        if transport == Transport::Dtls {
            let _cookie = body.vector8()?;
        }
        let ciphers = body.vector16()?;
        let _compression_methods = body.vector8()?;
        let extensions = body.vector16().unwrap_or(body);
        let is_version = matches!(legacy_version >> 8, 0x03 | 0x7f | 0xfe) || legacy_version == 0x0100;
        is_version.then_some(Parts { transport, legacy_version, ciphers, extensions })
    }

    fn hello(&self) -> ClientHello {
        ClientHello {
            server_name: self.extension(extension::SERVER_NAME).and_then(server_name),
            alpn: self.protocols().take(MOST_PROTOCOLS).map(clean).collect(),
            ja4: ja4::fingerprint(self),
            ech: self.extension(extension::ENCRYPTED_CLIENT_HELLO).is_some(),
            version: self.version(),
        }
    }

    /// The content of the first extension of this number.
    pub(super) fn extension(&self, number: u16) -> Option<Bytes<'a>> {
        extensions(self.extensions).find(|&(found, _)| found == number).map(|(_, content)| content)
    }

    /// The application protocols offered, without reserved values.
    pub(super) fn protocols(&self) -> impl Iterator<Item = &'a [u8]> {
        let content = self.extension(extension::ALPN).unwrap_or(Bytes(&[]));
        protocol_names(content).filter(|name| name.len() != 2 || !Bytes(name).words().any(is_grease))
    }

    /// The highest version offered: of the supported_versions extension where there is one (RFC 8446 section 4.2.1).
    pub(super) fn version(&self) -> u16 {
        let offered = self.extension(extension::SUPPORTED_VERSIONS).and_then(|mut content| content.vector8());
        offered
            .and_then(|list| list.words().filter(|&version| !is_grease(version)).max_by_key(|&version| age(version)))
            .unwrap_or(self.legacy_version)
    }
}

/// Orders versions from old to new: DTLS counts downwards from 0xfeff.
fn age(version: u16) -> u16 {
    if version >> 8 == 0xfe { 0xfe00 | (0xff - (version & 0xff)) } else { version }
}

/// The first name of type host_name (RFC 6066 section 3).
fn server_name(mut content: Bytes<'_>) -> Option<String> {
    const HOST_NAME: u8 = 0;
    let mut list = content.vector16()?;
    loop {
        let kind = list.u8()?;
        let name = list.vector16()?;
        if kind == HOST_NAME {
            return host_name(name.0);
        }
    }
}
