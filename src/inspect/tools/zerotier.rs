//! ZeroTier (zerotier/ZeroTierOne, `node/Packet.hpp`): number, destination and source of five bytes each, flags, code,
//! verb. Only the HELLO is in the clear.

use super::super::{Carrier, Message, Protocol, Reading};

/// Its own port, where any packet between two different nodes is one.
pub const PROTOCOL: Protocol = Protocol { name: "zerotier", carrier: Carrier::Datagram, ports: &[9993], read };
/// Any port: the HELLO.
pub const HELLO: Protocol = Protocol { name: "zerotier", carrier: Carrier::Datagram, ports: &[], read: read_hello };

const HEADER: usize = 28;
/// Cipher in the flags: none, but signed.
const CIPHER: u8 = 0x38;
/// Verb, behind the bits that say it is compressed.
const HELLO_VERB: u8 = 1;
/// A HELLO carries the node's identity of 71 bytes or more behind versions and a time.
const HELLO_MIN: usize = HEADER + 13 + 71;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let (destination, source) = (bytes.get(8..13), bytes.get(13..18));
    // An address that began with ff would be taken for the mark of a fragment.
    let is_node = |address: Option<&[u8]>| matches!(address, Some([1..=0xfe, ..]));
    let is_fragment = matches!(source, Some([0xff, 0x02..=0xff, ..]));
    let fits =
        is_node(destination) && (is_fragment || is_node(source) && bytes.len() >= HEADER && source != destination);
    if fits { whole(bytes) } else { Reading::Other }
}

fn read_hello(bytes: &[u8]) -> Reading<Message<'_>> {
    let (Some(&flags), Some(&[verb, protocol, major, minor])) =
        (bytes.get(18), bytes.get(27..31).and_then(|it| it.first_chunk()))
    else {
        return Reading::Other;
    };
    let versions = (4..=32).contains(&protocol) && major <= 2 && minor <= 32;
    if flags & CIPHER == 0 && verb == HELLO_VERB && versions && bytes.len() >= HELLO_MIN {
        read(bytes)
    } else {
        Reading::Other
    }
}

fn whole(bytes: &[u8]) -> Reading<Message<'_>> {
    Reading::Found(Message { length: bytes.len(), ..Message::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Vec<u8> {
        let mut bytes = vec![7; 140];
        bytes[8..13].copy_from_slice(&[0x3a, 0x46, 0xf1, 0xbf, 0x30]);
        bytes[18] = 0;
        bytes[27..31].copy_from_slice(&[1, 12, 1, 14]);
        bytes
    }

    #[test]
    fn a_hello_is_known_anywhere_and_the_rest_on_the_port() {
        assert!(matches!(read_hello(&hello()), Reading::Found(_)));
        let mut sealed = hello();
        sealed[18] = 0x08;
        assert!(matches!((read(&sealed), read_hello(&sealed)), (Reading::Found(_), Reading::Other)));
        assert_eq!(read(&[0; 140]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read_hello, &hello());
    }
}
