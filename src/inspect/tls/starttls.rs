//! TLS that begins inside another protocol: where in each direction.
//!
//! The client asks for it in its own protocol's words, the server agrees, and from there on both speak TLS. The
//! protocols before it are text without control characters, so that the server's TLS begins at the first byte of a
//! handshake record; or they are one message with its length in front.

use super::bytes::Bytes;

/// A command that has not come in this many bytes does not come.
const MOST_BYTES_BEFORE: usize = 8 * 1024;
const HANDSHAKE: u8 = 22;

/// Where TLS begins in the client's and in the server's direction (bytes from the beginning of each), once the client
/// has asked for it: SMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP (RFC 4217), XMPP (RFC 6120 section 5), LDAP
/// (RFC 4511 section 4.14), HTTP CONNECT (RFC 9110 section 9.3.6), PostgreSQL's SSLRequest, RDP (MS-RDPBCGR 5.4.2.1).
///
/// A direction in which TLS has not begun yet has the end of its prefix as its offset; ask again when it has grown.
#[must_use]
pub fn after_starttls(prefix_client: &[u8], prefix_server: &[u8]) -> Option<(usize, usize)> {
    match prefix_client.first()? {
        0x00 => after_ssl_request(prefix_client, prefix_server),
        0x03 => after_messages(prefix_client, prefix_server, tpkt_len),
        0x30 => after_ldap(prefix_client, prefix_server),
        _ => after_text(prefix_client, prefix_server),
    }
}

fn after_text(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    let end = text_end(client);
    let text = client.get(..end)?;
    let asked = if text.starts_with(b"CONNECT ") { text.ends_with(b"\r\n\r\n") } else { asks_last(text) };
    asked.then(|| (end, text_end(server)))
}

/// Where the text ends: at the first byte of a handshake record, or with the bytes.
fn text_end(bytes: &[u8]) -> usize {
    let within = bytes.get(..MOST_BYTES_BEFORE).unwrap_or(bytes);
    within.iter().position(|&byte| byte == HANDSHAKE).unwrap_or(bytes.len())
}

/// Whether the last line asks for TLS.
fn asks_last(text: &[u8]) -> bool {
    let Some(lines) = text.strip_suffix(b"\n") else { return asks_in_xml(text) };
    let line = lines.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is = |word: Option<&[u8]>, name: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let (first, second, third) = (words.next(), words.next(), words.next());
    let smtp_or_pop3 = second.is_none() && (is(first, "STARTTLS") || is(first, "STLS"));
    let ftp = is(first, "AUTH") && ["TLS", "TLS-C", "SSL"].iter().any(|kind| is(second, kind));
    let imap = is(second, "STARTTLS") && third.is_none();
    smtp_or_pop3 || ftp || imap || asks_in_xml(text)
}

/// XMPP's element is the last of its stream before TLS.
fn asks_in_xml(text: &[u8]) -> bool {
    let element = text.rsplit(|&byte| byte == b'<').find(|element| !element.starts_with(b"/"));
    element.is_some_and(|element| element.starts_with(b"starttls") && text.trim_ascii_end().ends_with(b">"))
}

/// PostgreSQL's SSLRequest, answered with one letter.
fn after_ssl_request(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let agreed = matches!(server.first(), None | Some(b'S'));
    (client.starts_with(&SSL_REQUEST) && agreed).then(|| (SSL_REQUEST.len(), server.len().min(1)))
}

fn after_ldap(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
    let request = client.get(..ldap_len(client)?)?;
    let asked = request.windows(START_TLS.len()).any(|window| window == START_TLS);
    asked.then(|| after_messages(client, server, ldap_len)).flatten()
}

/// One message in each direction, then TLS.
fn after_messages(client: &[u8], server: &[u8], len: fn(&[u8]) -> Option<usize>) -> Option<(usize, usize)> {
    let client_begins = len(client).filter(|&end| client.get(end) == Some(&HANDSHAKE))?;
    let server_begins = len(server).map_or(server.len(), |end| end.min(server.len()));
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
