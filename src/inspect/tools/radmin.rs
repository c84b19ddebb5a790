//! Radmin: messages of a mark `01`, a length of four bytes, a sum, and content (nDPI, `radmin.c`, 2023).

use super::super::cursor::Cursor;
use super::super::{Carrier, Message, Protocol, Reading};

/// Its own port. The head is 9 bytes.
pub const PROTOCOL: Protocol = Protocol { name: "radmin", carrier: Carrier::Stream, ports: &[4899], read };

const HEADER: usize = 9;
const LENGTH_MAX: usize = 1 << 20;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let mut cursor = Cursor(bytes);
    match (cursor.u8(), cursor.be32().map(|length| length as usize)) {
        (None, _) | (Some(1), None) => Reading::More,
        (Some(1), Some(length @ 1..LENGTH_MAX)) if bytes.len() >= HEADER => {
            Reading::Found(Message { length: HEADER + length, ..Message::default() })
        }
        (Some(1), Some(1..LENGTH_MAX)) => Reading::More,
        (Some(_), _) => Reading::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_says_where_a_message_ends() {
        assert!(matches!(read(b"\x01\0\0\0\x01\0\0\0\x08\x08"), Reading::Found(Message { length: 10, .. })));
        assert_eq!(read(b"\x01\0\0\0\x01\0"), Reading::More);
        assert_eq!(read(b"\x01\xff\0\0\x01\0\0\0\x08"), Reading::Other);
        assert_eq!(read(b"SSH-2.0"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, b"\x01\0\0\0\x01\0\0\0\x08\x08");
    }
}
