//! TLS: what the two hellos and the server's certificate say.
//!
//! A direction of TLS (RFC 8446 section 5.1, RFC 5246 section 6.2) is a row of records; a handshake message may lie in
//! one record or be cut over several, and one record may hold several messages. `record` makes the messages
//! contiguous (borrowed as a rule, copied only where a message is cut), [`client`] and [`server`] read them, `ja4`
//! condenses the client's hello. Nothing is decided before its bytes are there, and once it is decided no further byte
//! changes it: a reader may be asked again whenever the prefix has grown.
//!
//! Bounds: a handshake message of more than 16 KiB is no hello that anybody sends and is [`Reading::Other`]; lists of
//! names hold at most the numbers stated at their fields.

use super::Reading;

mod bytes;
mod certificate;
mod client;
mod dtls;
mod ja4;
mod record;
mod server;
mod starttls;
#[cfg(test)]
mod tests;
mod text;

pub use certificate::Certificate;
pub use client::{ClientHello, Transport};
pub use server::{Server, ServerHello};
pub use starttls::after_starttls;

/// Extension numbers (IANA, TLS ExtensionType Values).
mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(super) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

/// Handshake message types (RFC 8446 section 4, RFC 5246 section 7.4).
mod message {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const CERTIFICATE: u8 = 11;
}

/// The longest handshake message that is waited for, header included.
const MOST_MESSAGE_BYTES: usize = 16 * 1024;
/// Type and length of a handshake message.
const MESSAGE_HEADER_BYTES: usize = 4;

/// The ClientHello at the beginning of the client's direction.
#[must_use]
pub fn client(prefix: &[u8]) -> Reading<ClientHello> {
    client::from_records(prefix)
}

/// The ClientHello in a handshake message without records around it, or in its beginning: what QUIC carries in CRYPTO
/// frames (RFC 9001 section 4.1.3).
#[must_use]
pub fn client_hello_message(handshake: &[u8], transport: Transport) -> Reading<ClientHello> {
    client::from_message(handshake, transport)
}

/// The ClientHello in a DTLS datagram (RFC 6347, RFC 9147), or in several of the same sender one after the other: a
/// hello that does not fit one datagram is cut over several.
#[must_use]
pub fn dtls_client(datagrams: &[u8]) -> Reading<ClientHello> {
    dtls::client(datagrams)
}

/// The ServerHello at the beginning of the server's direction, and up to TLS 1.2 the server's own certificate: found
/// once that is complete or cannot follow any more.
#[must_use]
pub fn server(prefix: &[u8]) -> Reading<Server> {
    server::from_records(behind_warnings(prefix))
}

/// The ServerHello alone, found before its certificate has arrived.
#[must_use]
pub fn server_hello(prefix: &[u8]) -> Reading<ServerHello> {
    server::hello_from_records(behind_warnings(prefix))
}

/// What follows warnings: a server that does not know the name asked for may say so before its hello (RFC 6066,
/// section 3).
fn behind_warnings(prefix: &[u8]) -> &[u8] {
    match prefix {
        [21, 3, _, 0, 2, 1, _, rest @ ..] => behind_warnings(rest),
        _ => prefix,
    }
}

/// A reserved value that clients sprinkle in lists (RFC 8701): both bytes equal, low nibbles `a`.
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}
