//! WireGuard (whitepaper, section 5.4): a datagram's type, three zeros, and a length that each type fixes.
//!
//! Either end may begin a handshake at any time, so a message does not say who began the flow.

use super::super::{Carrier, Message, Protocol, Reading};

/// Any port: seven known bytes or more, and the length.
pub const PROTOCOL: Protocol = Protocol { name: "wireguard", carrier: Carrier::Datagram, ports: &[], read };

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let fits = match (bytes, bytes.len()) {
        ([1, 0, 0, 0, ..], 148) | ([2, 0, 0, 0, ..], 92) | ([3, 0, 0, 0, ..], 64) => true,
        // Data: the receiver's index is random, the counter starts at zero and is far from using its upper half.
        ([4, 0, 0, 0, a, b, c, d, _, _, _, _, 0, 0, 0, 0, ..], length) => {
            length >= 32 && length % 16 == 0 && [a, b, c, d].iter().any(|byte| **byte != 0)
        }
        _ => false,
    };
    if fits { Reading::Found(Message { length: bytes.len(), ..Message::default() }) } else { Reading::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        (bytes[0], bytes[4]) = (kind, 7);
        bytes
    }

    #[test]
    fn each_type_has_its_length() {
        for (kind, length) in [(1, 148), (2, 92), (3, 64), (4, 32), (4, 1424)] {
            assert!(matches!(read(&message(kind, length)), Reading::Found(_)), "{kind}");
            assert_eq!(read(&message(kind, length + 1)), Reading::Other, "{kind}");
        }
        assert_eq!(read(&message(5, 148)), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &message(4, 48));
    }
}
