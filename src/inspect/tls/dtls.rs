//! DTLS (RFC 6347 section 4, RFC 9147 section 4): datagrams of records, and in each handshake record a fragment of a
//! message that says where in the message it belongs.

use super::bytes::Bytes;
use super::client::{self, ClientHello, Transport};
use super::{MOST_MESSAGE_BYTES, message};
use crate::inspect::Reading;

const HANDSHAKE: u8 = 22;
/// What CAPWAP puts before DTLS in a datagram (RFC 5415 section 4.2).
const CAPWAP_PREAMBLE: [u8; 4] = [1, 0, 0, 0];
/// Fragments of a hello that are put together.
const MOST_FRAGMENTS: usize = 64;

/// A piece of a ClientHello.
#[derive(Clone, Copy)]
struct Fragment<'a> {
    /// Length of the whole message, without its header.
    message_len: usize,
    sequence: u16,
    offset: usize,
    content: &'a [u8],
}

pub(super) fn client(datagrams: &[u8]) -> Reading<ClientHello> {
    if datagrams.is_empty() {
        return Reading::More;
    }
    let mut rest = Bytes(datagrams);
    let Some(first) = fragment(&mut rest) else { return Reading::Other };
    if first.message_len > MOST_MESSAGE_BYTES {
        return Reading::Other;
    }
    if first.content.len() == first.message_len {
        return client::from_body(first.content, Transport::Dtls);
    }
    assemble(first, rest).map_or(Reading::More, |body| client::from_body(&body, Transport::Dtls))
}

/// The message `first` belongs to, if the fragments after it complete it.
fn assemble(first: Fragment<'_>, mut rest: Bytes<'_>) -> Option<Vec<u8>> {
    let same =
        |fragment: &Fragment<'_>| (fragment.sequence, fragment.message_len) == (first.sequence, first.message_len);
    let others = std::iter::from_fn(|| fragment(&mut rest)).take(MOST_FRAGMENTS).filter(same);
    let mut fragments: Vec<Fragment<'_>> = std::iter::once(first).chain(others).collect();
    fragments.sort_by_key(|fragment| fragment.offset);
    let mut body = Vec::with_capacity(first.message_len);
    for fragment in fragments {
        let known = body.len().checked_sub(fragment.offset)?;
        body.extend_from_slice(fragment.content.get(known..).unwrap_or_default());
    }
    (body.len() == first.message_len).then_some(body)
}

/// The next record, if it carries a fragment of a ClientHello in the clear.
fn fragment<'a>(rest: &mut Bytes<'a>) -> Option<Fragment<'a>> {
    const IN_THE_CLEAR: u16 = 0;
    const RECORD_SEQUENCE_BYTES: usize = 6;
    rest.0 = rest.0.strip_prefix(&CAPWAP_PREAMBLE).unwrap_or(rest.0);
    let kind = rest.u8()?;
    let version = rest.u16()?;
    let epoch = rest.u16()?;
    rest.take(RECORD_SEQUENCE_BYTES)?;
    let mut content = rest.vector16()?;
    let is_dtls = version >> 8 == 0xfe || version == 0x0100;
    if kind != HANDSHAKE || !is_dtls || epoch != IN_THE_CLEAR || content.u8()? != message::CLIENT_HELLO {
        return None;
    }
    let message_len = content.u24()?;
    let sequence = content.u16()?;
    let offset = content.u24()?;
    let len = content.u24()?;
    let content = content.take(len)?;
    (offset + len <= message_len).then_some(Fragment { message_len, sequence, offset, content })
}
