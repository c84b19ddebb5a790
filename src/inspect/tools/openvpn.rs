//! OpenVPN (draft-openvpn-wire-protocol; openvpn.net, "OpenVPN protocol"): operation and key in the first byte, session
//! identifier, then what the static key, if any, leaves in the clear. Over TCP a length of two bytes comes in front.
//!
//! On any port only the resets that open a session are known; on 1194 every operation is. The head is 81 bytes.

use super::super::cursor::Cursor;
use super::super::{Carrier, Message, Protocol, Reading, Speaker};

/// Its own port: a flow is known from its middle too.
pub const DATAGRAM: Protocol = Protocol { name: "openvpn", carrier: Carrier::Datagram, ports: &[1194], read };
/// Any port: from a session's opening.
pub const DATAGRAM_ANY_PORT: Protocol =
    Protocol { name: "openvpn", carrier: Carrier::Datagram, ports: &[], read: read_reset };
/// Its own port over TCP.
pub const STREAM: Protocol = Protocol { name: "openvpn", carrier: Carrier::Stream, ports: &[1194], read: read_stream };
/// Any port over TCP, from a session's opening; later messages are not of this reader.
pub const STREAM_ANY_PORT: Protocol =
    Protocol { name: "openvpn", carrier: Carrier::Stream, ports: &[], read: read_stream_reset };

const RESET_CLIENT_V2: u8 = 7 << 3;
const RESET_SERVER_V2: u8 = 8 << 3;
const RESET_CLIENT_V3: u8 = 10 << 3;
/// Operation, session, no acknowledgement, number.
const RESET: usize = 14;
/// The same with one acknowledgement and the session it is for.
const RESET_ANSWER: usize = RESET + 12;
/// Number and time that a static key puts in front of what it signs or hides.
const REPLAY: usize = 8;
/// Bytes of a packet that tell a reset: behind the longest signature stand number and time.
const LOOKED_AT: usize = 9 + 64 + REPLAY;
/// Longest message: what TLS and a tunnel's frames take.
const LENGTH_MAX: usize = 9 << 10;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match operation(bytes, bytes.len()) {
        Some(speaker) => Reading::Found(Message { length: bytes.len(), speaker, ..Message::default() }),
        None => Reading::Other,
    }
}

fn read_reset(bytes: &[u8]) -> Reading<Message<'_>> {
    match reset(bytes, bytes.len()) {
        Some(speaker) => Reading::Found(Message { length: bytes.len(), speaker: Some(speaker), ..Message::default() }),
        None => Reading::Other,
    }
}

fn read_stream(bytes: &[u8]) -> Reading<Message<'_>> {
    framed(bytes, operation)
}

fn read_stream_reset(bytes: &[u8]) -> Reading<Message<'_>> {
    framed(bytes, |packet, length| reset(packet, length).map(Some))
}

fn framed(bytes: &[u8], known: impl Fn(&[u8], usize) -> Option<Option<Speaker>>) -> Reading<Message<'static>> {
    let mut cursor = Cursor(bytes);
    let Some(length) = cursor.be16().map(usize::from) else { return Reading::More };
    let packet = cursor.0.get(..length).unwrap_or(cursor.0);
    match known(packet, length) {
        Some(speaker) => Reading::Found(Message { length: 2 + length, speaker, ..Message::default() }),
        None if packet.len() < length.min(LOOKED_AT) && (RESET..LENGTH_MAX).contains(&length) && may_be(packet) => {
            Reading::More
        }
        None => Reading::Other,
    }
}

fn may_be(packet: &[u8]) -> bool {
    packet.first().is_none_or(|first| matches!(first >> 3, 3..=10))
}

/// Any operation, by its shortest length.
fn operation(packet: &[u8], length: usize) -> Option<Option<Speaker>> {
    let first = *packet.first()?;
    match first >> 3 {
        3..=5 if (RESET..LENGTH_MAX).contains(&length) => Some(None),
        6 | 9 if (20..LENGTH_MAX).contains(&length) => Some(None),
        _ => reset(packet, length).map(Some),
    }
}

/// A hard reset: first key, and a length and numbers as the kinds of static key leave them.
fn reset(packet: &[u8], length: usize) -> Option<Speaker> {
    let speaker = match *packet.first()? {
        RESET_CLIENT_V2 => Speaker::Client,
        RESET_SERVER_V2 => Speaker::Server,
        // The wrapped key of tls-crypt-v2 follows (draft, section 4.1).
        RESET_CLIENT_V3 if length >= RESET + REPLAY + 32 => Speaker::Client,
        _ => return None,
    };
    let plain = if speaker == Speaker::Client { RESET } else { RESET_ANSWER };
    let number = |at: usize| packet.get(at..).and_then(|bytes| bytes.first_chunk()).copied().map(u32::from_be_bytes);
    // The first numbers, and a time since 2010.
    let is_replay =
        |at: usize| matches!(number(at), Some(1 | 2)) && matches!(number(at + 4), Some(0x4b3d_3b00..=0xa000_0000));
    let hidden = length >= 9 + REPLAY + 32 + 5 && is_replay(9);
    let signed =
        || [16, 20, 28, 32, 48, 64].iter().any(|digest| length == plain + digest + REPLAY && is_replay(9 + digest));
    let open = length == plain
        && packet.get(9) == Some(&u8::from(plain == RESET_ANSWER))
        && matches!(number(plain - 4), Some(0..=2));
    (open || hidden || signed()).then_some(speaker)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 14] = [RESET_CLIENT_V2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0];

    fn found(reading: &Reading<Message<'_>>) -> (usize, Option<Speaker>) {
        match reading {
            Reading::Found(found) => (found.length, found.speaker),
            Reading::More | Reading::Other => panic!("not read"),
        }
    }

    #[test]
    fn a_session_opens_with_a_reset_in_the_clear_signed_or_hidden() {
        assert_eq!(found(&read_reset(&PLAIN)), (14, Some(Speaker::Client)));
        let signed = [&[RESET_CLIENT_V2][..], &[9; 8], &[7; 20], &[0, 0, 0, 1, 0x65, 0, 0, 0], &[0; 5]].concat();
        assert_eq!(found(&read_reset(&signed)), (42, Some(Speaker::Client)));
        let hidden = [&[RESET_SERVER_V2][..], &[9; 8], &[0, 0, 0, 1, 0x65, 0, 0, 0], &[7; 32], &[5; 17]].concat();
        assert_eq!(found(&read_reset(&hidden)).1, Some(Speaker::Server));
    }

    #[test]
    fn over_tcp_the_length_comes_first() {
        let stream = [&[0, 14][..], &PLAIN, &[0, 40, 0x48]].concat();
        assert_eq!(found(&read_stream_reset(&stream)), (16, Some(Speaker::Client)));
        assert_eq!(read_stream_reset(&stream[..9]), Reading::More);
        assert_eq!(read_stream_reset(b"\x16\x03\x01\x02\0\x01"), Reading::Other);
    }

    #[test]
    fn data_is_known_on_its_own_port_only() {
        let data = [&[0x48, 0, 0, 1][..], &[8; 60]].concat();
        assert_eq!((found(&read(&data)).0, read_reset(&data)), (64, Reading::Other));
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &PLAIN);
        crate::inspect::hostile::withstands(read_stream, &[&[0, 14][..], &PLAIN].concat());
    }
}
