//! PPTP control messages (RFC 2637, section 2): length, type 1, the magic cookie, the message's kind.

use super::super::cursor::Cursor;
use super::super::{Carrier, Message, Protocol, Reading, Speaker};

/// Any port: the cookie. The head is 10 bytes.
pub const PROTOCOL: Protocol = Protocol { name: "pptp", carrier: Carrier::Stream, ports: &[], read };

/// Type 1 and the cookie, behind the length.
const FIXED: [u8; 6] = [0, 1, 0x1a, 0x2b, 0x3c, 0x4d];
const LENGTH_MAX: usize = 1024;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    if !bytes.iter().skip(2).zip(FIXED).all(|(byte, fixed)| *byte == fixed) {
        return Reading::Other;
    }
    let mut cursor = Cursor(bytes);
    let Some(length) = cursor.be16().map(usize::from) else { return Reading::More };
    if !(12..=LENGTH_MAX).contains(&length) {
        return Reading::Other;
    }
    cursor.take(FIXED.len());
    let Some(kind) = cursor.be16() else { return Reading::More };
    let speaker = match kind {
        1 | 7 | 12 => Some(Speaker::Client),
        2 | 8 | 13 => Some(Speaker::Server),
        3..=15 => None,
        _ => return Reading::Other,
    };
    Reading::Found(Message { length, speaker, ..Message::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_starts_the_control_connection() {
        let start = [&[0, 156][..], &FIXED, &[0, 1], &[0; 146]].concat();
        assert!(matches!(read(&start), Reading::Found(Message { length: 156, speaker: Some(Speaker::Client), .. })));
        assert_eq!(read(&start[..8]), Reading::More);
        assert_eq!(read(b"\0\x9c\0\x01GET "), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &[&[0, 156][..], &FIXED, &[0, 1], &[0; 8]].concat());
    }
}
