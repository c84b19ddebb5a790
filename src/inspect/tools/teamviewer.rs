//! TeamViewer: messages begin with `17 24` or, in newer versions, `11 30`; in datagrams behind eleven bytes (Xplico's and
//! nDPI's dissectors, 2012–2024). Where they end is not documented, so a segment is taken for a message.

use super::super::{Carrier, Message, Protocol, Reading};

/// Its own port and those of the web, where TLS and HTTP begin otherwise.
pub const STREAM: Protocol =
    Protocol { name: "teamviewer", carrier: Carrier::Stream, ports: &[80, 443, 5938], read: read_stream };
/// Its own port.
pub const DATAGRAM: Protocol =
    Protocol { name: "teamviewer", carrier: Carrier::Datagram, ports: &[5938], read: read_datagram };

fn read_stream(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes {
        [] | [0x17] | [0x11] => Reading::More,
        [0x17, 0x24, ..] | [0x11, 0x30, ..] => whole(bytes),
        _ => Reading::Other,
    }
}

fn read_datagram(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes.get(11..13) {
        Some([0x17, 0x24] | [0x11, 0x30]) => whole(bytes),
        _ => Reading::Other,
    }
}

fn whole(bytes: &[u8]) -> Reading<Message<'_>> {
    Reading::Found(Message { length: bytes.len(), ..Message::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_are_known_and_tls_is_not() {
        assert!(matches!(read_stream(b"\x17\x24\x11\x04\0\xa9"), Reading::Found(_)));
        assert!(matches!(read_stream(b"\x11\x30\x42\0"), Reading::Found(_)));
        assert_eq!(read_stream(b"\x17"), Reading::More);
        assert_eq!(read_stream(b"\x17\x03\x03\0\x20"), Reading::Other);
        assert!(matches!(read_datagram(b"\0\x01\0\0\0\0\0\0\0\0\0\x17\x24\x01"), Reading::Found(_)));
        assert_eq!(read_datagram(b"\x17\x24"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read_stream, b"\x17\x24\x11\x04\0\xa9");
    }
}
