//! n2n, versions 2 and 3 (ntop/n2n, `include/n2n_define.h`, `doc/Protocol.md`): version, time to live, flags with the type,
//! and the community's name of 20 bytes. With header encryption nothing of it is in the clear, and it is not seen.

use super::super::{Carrier, Message, Protocol, Reading, Speaker};

/// Any port: the name is text behind known numbers and followed by zeros.
pub const PROTOCOL: Protocol = Protocol { name: "n2n", carrier: Carrier::Datagram, ports: &[], read };

const COMMUNITY: usize = 20;
const TYPE: u8 = 0x1f;
/// Flag: sent by the supernode.
const FROM_SUPERNODE: u8 = 0x20;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let [2 | 3, 1..=16, 0, flags, rest @ ..] = bytes else { return Reading::Other };
    let Some(community) = rest.get(..COMMUNITY) else { return Reading::Other };
    let length = community.iter().position(|byte| *byte == 0).unwrap_or(COMMUNITY);
    let (name, padding) = community.split_at(length);
    let is_name = length >= 2 && name.iter().all(u8::is_ascii_graphic) && padding.iter().all(|byte| *byte == 0);
    if !is_name || length == COMMUNITY || !matches!(flags & TYPE, 1..=13) {
        return Reading::Other;
    }
    let speaker = (flags & FROM_SUPERNODE != 0).then_some(Speaker::Server);
    Reading::Found(Message { length: bytes.len(), speaker, ..Message::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(flags: u8) -> Vec<u8> {
        [&[3, 2, 0, flags][..], b"plantnet", &[0; 12], &[9; 40]].concat()
    }

    #[test]
    fn an_edge_names_its_community() {
        assert!(matches!(read(&register(5)), Reading::Found(Message { length: 64, speaker: None, .. })));
        assert!(matches!(read(&register(0x27)), Reading::Found(Message { speaker: Some(Speaker::Server), .. })));
        assert_eq!(read(&register(0)), Reading::Other);
        assert_eq!(read(b"\x03\x02\0\x05plant"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &register(5));
    }
}
