//! L2TP over UDP (RFC 2661, section 3.1; RFC 3931, section 4.1.2.1): version, and the length a control message states.

use super::super::cursor::Cursor;
use super::super::{Carrier, Message, Protocol, Reading, Speaker};

/// Its own port.
pub const PROTOCOL: Protocol = Protocol { name: "l2tp", carrier: Carrier::Datagram, ports: &[1701], read };

const CONTROL: u16 = 0x8000;
/// Type, length and sequence: what a control message must have.
const CONTROL_BITS: u16 = 0xc800;
/// Bits that are zero in every message.
const RESERVED: u16 = 0x34f0;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let mut cursor = Cursor(bytes);
    let (Some(flags), Some(length)) = (cursor.be16(), cursor.be16()) else { return Reading::Other };
    let found = Message { length: bytes.len(), ..Message::default() };
    if flags & RESERVED != 0 || !matches!(flags & 0xf, 2 | 3) {
        return Reading::Other;
    }
    if flags & CONTROL == 0 {
        return if bytes.len() > 6 { Reading::Found(found) } else { Reading::Other };
    }
    if flags & CONTROL_BITS != CONTROL_BITS || usize::from(length) != bytes.len() {
        return Reading::Other;
    }
    // Behind the header of 12 bytes: message type, mandatory, 8 bytes, of the IETF.
    let kind = match cursor.0.get(8..) {
        Some(&[_, 8, 0, 0, 0, 0, high, low, ..]) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    };
    let speaker = match kind {
        Some(1 | 3) => Some(Speaker::Client),
        Some(2) => Some(Speaker::Server),
        _ => None,
    };
    Reading::Found(Message { speaker, ..found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: u8) -> Vec<u8> {
        vec![0xc8, 2, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 8, 0, 0, 0, 0, 0, kind]
    }

    #[test]
    fn who_asks_for_the_tunnel_shows_in_the_message_type() {
        assert!(matches!(
            read(&control(1)),
            Reading::Found(Message { speaker: Some(Speaker::Client), length: 20, .. })
        ));
        assert!(matches!(read(&control(2)), Reading::Found(Message { speaker: Some(Speaker::Server), .. })));
        assert_eq!(read(&control(1)[..19]), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &control(1));
    }
}
