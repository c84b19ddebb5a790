//! IKE, versions 1 and 2, and what it protects (RFC 2408, section 3.1; RFC 7296, section 3.1; RFC 3948): on port 4500
//! behind four zeros, or ESP where these are none.

use super::super::cursor::Cursor;
use super::super::{Carrier, Message, Protocol, Reading, Speaker};

/// Its ports.
pub const PROTOCOL: Protocol = Protocol { name: "ike", carrier: Carrier::Datagram, ports: &[500, 4500], read };

const HEADER: usize = 28;
const INITIATOR: u8 = 0x08;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let found = Message { length: bytes.len(), ..Message::default() };
    match bytes {
        [0xff] => return Reading::Found(found),
        [0, 0, 0, 0, marked @ ..] => {
            return header(marked).map_or(Reading::Other, |speaker| Reading::Found(Message { speaker, ..found }));
        }
        _ => {}
    }
    match header(bytes) {
        Some(speaker) => Reading::Found(Message { speaker, ..found }),
        // ESP: an index above the reserved ones, a number that has not wrapped, a sealed packet and its check.
        None if matches!(bytes, [a, b, c, _, 0, ..] if [a, b, c].iter().any(|byte| **byte != 0))
            && bytes.len() >= 32 =>
        {
            Reading::Found(found)
        }
        None => Reading::Other,
    }
}

/// Who sent it, where it is a header with a length that fits.
fn header(bytes: &[u8]) -> Option<Option<Speaker>> {
    let mut cursor = Cursor(bytes);
    let (initiator, responder) = (cursor.array::<8>()?, cursor.array::<8>()?);
    let [_next, version, exchange, flags, _, _, _, _] = cursor.array::<8>()?;
    let length = cursor.be32()? as usize;
    let exchanges = match version >> 4 {
        1 => matches!(exchange, 1..=6 | 32..=34),
        2 => matches!(exchange, 34..=44),
        _ => return None,
    };
    if initiator == [0; 8] || !exchanges || length != bytes.len() || length < HEADER {
        return None;
    }
    let is_initiator =
        if version >> 4 == 2 { Some(flags & INITIATOR != 0) } else { (responder == [0; 8]).then_some(true) };
    Some(is_initiator.map(|initiator| if initiator { Speaker::Client } else { Speaker::Server }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(version: u8, exchange: u8, flags: u8) -> Vec<u8> {
        [&[7; 8][..], &[0; 8], &[33, version, exchange, flags, 0, 0, 0, 0, 0, 0, 0, 32], &[0, 0, 0, 4]].concat()
    }

    fn speaker(bytes: &[u8]) -> Option<Speaker> {
        match read(bytes) {
            Reading::Found(found) => found.speaker,
            Reading::More | Reading::Other => panic!("not read"),
        }
    }

    #[test]
    fn the_initiator_shows_in_both_versions_and_behind_the_marker() {
        assert_eq!(speaker(&message(0x20, 34, 0x08)), Some(Speaker::Client));
        assert_eq!(speaker(&message(0x20, 34, 0x20)), Some(Speaker::Server));
        assert_eq!(speaker(&message(0x10, 2, 0)), Some(Speaker::Client));
        assert_eq!(speaker(&[&[0; 4][..], &message(0x20, 35, 0x08)].concat()), Some(Speaker::Client));
    }

    #[test]
    fn sealed_packets_are_followed_and_a_wrong_length_is_none() {
        assert_eq!(speaker(&[&[0xc1, 2, 3, 4, 0, 0, 0, 9][..], &[7; 60]].concat()), None);
        assert_eq!(read(&message(0x20, 34, 0x08)[..28]), Reading::Other);
        assert_eq!(read(b"hello"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &message(0x20, 34, 0x08));
    }
}
