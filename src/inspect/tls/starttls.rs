//! TLS that begins inside another protocol: where in each direction.
//!
//! The client asks for it in its own protocol's words, the server agrees, and from there on both speak TLS. No word
//! need be known: a protocol that does so is text without control characters, so that its first byte 22 begins the
//! handshake, or it is binary and its messages tell their length. Where the client then says its hello, the server has
//! agreed.

use super::bytes::Bytes;
use super::message;
use super::record::Records;
use crate::inspect::Reading;

/// TLS that has not begun after this many bytes is not looked for.
const MOST_BYTES_BEFORE: usize = 8 * 1024;
const HANDSHAKE: u8 = 22;
const SOCKS4_REPLY_BYTES: usize = 8;

/// Where TLS begins in the client's and in the server's direction (bytes from the beginning of each), once it has begun
/// in the client's: after STARTTLS and its like in SMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP (RFC 4217), XMPP (RFC
/// 6120 section 5) or any other text, HTTP CONNECT (RFC 9110 section 9.3.6), LDAP (RFC 4511 section 4.14), PostgreSQL's
/// SSLRequest, SOCKS 4, 4A and 5 (RFC 1928), and RDP's negotiation (MS-RDPBCGR 5.4.2.1).
///
/// Where TLS is all there is, both are 0. Where it has not begun in the server's direction, that offset is the end of
/// its prefix; ask again when that has grown.
#[must_use]
pub fn after_starttls(prefix_client: &[u8], prefix_server: &[u8]) -> Option<(usize, usize)> {
    match prefix_client.first()? {
        0x00 => after_ssl_request(prefix_client, prefix_server),
        0x03 => after_messages(prefix_client, prefix_server, tpkt_len, tpkt_len),
        0x04 => after_messages(prefix_client, prefix_server, socks4_len, |_| Some(SOCKS4_REPLY_BYTES)),
        0x05 => after_messages(prefix_client, prefix_server, socks5_client_len, socks5_server_len),
        0x30 => after_ldap(prefix_client, prefix_server),
        _ => after_text(prefix_client, prefix_server),
    }
}

fn after_text(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    let begins = text_end(client);
    let (text, hello) = client.split_at_checked(begins)?;
    let is_text = text.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
    let server_begins = if begins == 0 { 0 } else { text_end(server) };
    (is_text && begins_hello(hello)).then_some((begins, server_begins))
}

/// Where the text ends: at the first byte of a handshake record, or with the bytes.
fn text_end(bytes: &[u8]) -> usize {
    let within = bytes.get(..MOST_BYTES_BEFORE).unwrap_or(bytes);
    within.iter().position(|&byte| byte == HANDSHAKE).unwrap_or(bytes.len())
}

fn begins_hello(bytes: &[u8]) -> bool {
    !bytes.is_empty() && Records::new(bytes).message_len(0, message::CLIENT_HELLO) != Reading::Other
}

/// PostgreSQL's SSLRequest, answered with one letter.
fn after_ssl_request(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let agreed = matches!(server.first(), None | Some(b'S'));
    let hello = client.strip_prefix(&SSL_REQUEST)?;
    (agreed && begins_hello(hello)).then(|| (SSL_REQUEST.len(), server.len().min(1)))
}

fn after_ldap(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
    let request = client.get(..ldap_len(client)?)?;
    let asked = request.windows(START_TLS.len()).any(|window| window == START_TLS);
    asked.then(|| after_messages(client, server, ldap_len, ldap_len)).flatten()
}

/// A length of messages in front of each direction, then TLS.
fn after_messages(
    client: &[u8],
    server: &[u8],
    client_len: fn(&[u8]) -> Option<usize>,
    server_len: fn(&[u8]) -> Option<usize>,
) -> Option<(usize, usize)> {
    let client_begins = client_len(client).filter(|&end| client.get(end..).is_some_and(begins_hello))?;
    let server_begins = server_len(server).map_or(server.len(), |end| end.min(server.len()));
    Some((client_begins, server_begins))
}

/// The length of a TPKT (RFC 1006 section 6).
fn tpkt_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = Bytes(bytes);
    (rest.u16()? == 0x0300).then(|| rest.u16()).flatten().map(usize::from)
}

/// The length of an LDAPMessage in BER: length in one byte, or in up to four after their number.
fn ldap_len(bytes: &[u8]) -> Option<usize> {
    const SEQUENCE: u8 = 0x30;
    let mut rest = Bytes(bytes);
    let is_sequence = rest.u8()? == SEQUENCE;
    let content = match rest.u8()? {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            rest.take((long & 0x7f).into())?.iter().fold(0, |len, &byte| len << 8 | usize::from(byte))
        }
        _ => return None,
    };
    let header = bytes.len() - rest.0.len();
    (is_sequence && content <= MOST_BYTES_BEFORE).then_some(header + content)
}

/// The length of a SOCKS 4 or 4A request: address 0.0.0.x stands for a name after the user's.
fn socks4_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = Bytes(bytes);
    let address = rest.take(8)?.get(4..)?;
    let has_name = address.starts_with(&[0, 0, 0]) && !address.ends_with(&[0]);
    for _ in 0..=usize::from(has_name) {
        let end = rest.0.iter().take(MOST_BYTES_BEFORE).position(|&byte| byte == 0)?;
        rest.take(end + 1)?;
    }
    Some(bytes.len() - rest.0.len())
}

/// The length of what a SOCKS 5 client says before its connection (RFC 1928, RFC 1929).
fn socks5_client_len(bytes: &[u8]) -> Option<usize> {
    const WITH_PASSWORD: u8 = 1;
    let mut rest = Bytes(bytes);
    rest.u8()?;
    let _methods = rest.vector8()?;
    if rest.0.first() == Some(&WITH_PASSWORD) {
        rest.u8()?;
        let _user = rest.vector8()?;
        let _password = rest.vector8()?;
    }
    skip_socks5_address(&mut rest)?;
    Some(bytes.len() - rest.0.len())
}

/// The length of what a SOCKS 5 server answers: the method, the password's verdict, the address it connects from.
fn socks5_server_len(bytes: &[u8]) -> Option<usize> {
    const PASSWORD: u8 = 2;
    let mut rest = Bytes(bytes);
    if rest.take(2)?.ends_with(&[PASSWORD]) {
        rest.take(2)?;
    }
    skip_socks5_address(&mut rest)?;
    Some(bytes.len() - rest.0.len())
}

/// Version, command or reply, a reserved byte, then an address and a port.
fn skip_socks5_address(rest: &mut Bytes<'_>) -> Option<()> {
    rest.take(3)?;
    match rest.u8()? {
        1 => rest.take(4)?,
        3 => rest.vector8()?.0,
        4 => rest.take(16)?,
        _ => return None,
    };
    rest.take(2).map(|_port| ())
}
