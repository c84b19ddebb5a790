//! RustDesk: what its clients say to the rendezvous server (rustdesk/hbb_common, `protos/rendezvous.proto`,
//! `src/lib.rs`, `src/bytes_codec.rs`): one protobuf message, over TCP behind its length in one to four bytes.
//!
//! The server tells the controlled end the address of the one that will control it (PunchHole, FetchLocalAddr,
//! RequestRelay), mixed with a clock that is sent along. The head is 40 bytes.

use super::super::cursor::Cursor;
use super::super::{Carrier, Message, Protocol, Reading, Speaker};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The rendezvous server's port.
pub const DATAGRAM: Protocol =
    Protocol { name: "rustdesk", carrier: Carrier::Datagram, ports: &[21116], read: read_datagram };
/// Its ports over TCP: NAT test and rendezvous.
pub const STREAM: Protocol =
    Protocol { name: "rustdesk", carrier: Carrier::Stream, ports: &[21115, 21116], read: read_stream };

const HEAD: usize = 36;
const LENGTH_MAX: usize = 64 << 10;

const PUNCH_HOLE: u32 = 9;
const FETCH_LOCAL_ADDR: u32 = 12;
const REQUEST_RELAY: u32 = 18;

fn read_datagram(bytes: &[u8]) -> Reading<Message<'_>> {
    match message(bytes, bytes.len()) {
        Some(found) => Reading::Found(Message { length: bytes.len(), ..found }),
        None => Reading::Other,
    }
}

fn read_stream(bytes: &[u8]) -> Reading<Message<'_>> {
    let Some(first) = bytes.first() else { return Reading::More };
    let width = usize::from(first & 3) + 1;
    let Some((prefix, rest)) = bytes.split_at_checked(width) else { return Reading::More };
    let length = prefix.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte)) >> 2;
    if !(2..LENGTH_MAX).contains(&length) {
        return Reading::Other;
    }
    match message(rest.get(..length).unwrap_or(rest), length) {
        Some(found) => Reading::Found(Message { length: width + length, ..found }),
        None if rest.len() < length.min(HEAD) => Reading::More,
        None => Reading::Other,
    }
}

/// One field of a known number that takes up the whole message.
fn message(bytes: &[u8], length: usize) -> Option<Message<'static>> {
    let mut cursor = Cursor(bytes);
    let key = varint(&mut cursor)?;
    let content = varint(&mut cursor)? as usize;
    if key & 7 != 2 || bytes.len() - cursor.0.len() + content != length || cursor.0.len() < content.min(HEAD - 4) {
        return None;
    }
    let number = key >> 3;
    let speaker = match number {
        6 | 8 | 10 | 13 | 15 | 20 => Some(Speaker::Client),
        7 | PUNCH_HOLE | 11 | FETCH_LOCAL_ADDR | 14 | 16 | 17 | 21 => Some(Speaker::Server),
        REQUEST_RELAY | 19 | 22..=25 => None,
        _ => return None,
    };
    let field = if number == REQUEST_RELAY { 3 } else { 1 };
    let names_peer = matches!(number, PUNCH_HOLE | FETCH_LOCAL_ADDR | REQUEST_RELAY);
    let peer = if names_peer { bytes_field(cursor, field).and_then(address) } else { None };
    Some(Message { speaker, peer, ..Message::default() })
}

/// The first field of this number that holds bytes, among at most four.
fn bytes_field(mut cursor: Cursor<'_>, wanted: u32) -> Option<&[u8]> {
    for _ in 0..4 {
        let key = varint(&mut cursor)?;
        if key & 7 != 2 {
            return None;
        }
        let length = varint(&mut cursor)? as usize;
        let value = cursor.take(length)?;
        if key >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

/// An address and the clock it is mixed with: `(address + clock) << 49 | clock << 17 | port + low half of clock`.
fn address(mangled: &[u8]) -> Option<SocketAddr> {
    let mut bytes = [0; 16];
    bytes.get_mut(..mangled.len())?.copy_from_slice(mangled);
    let number = u128::from_le_bytes(bytes);
    let clock = (number >> 17) as u32;
    let address = ((number >> 49) as u32).wrapping_sub(clock);
    let port = (number as u32 & 0xff_ffff).wrapping_sub(clock & 0xffff) as u16;
    let address = Ipv4Addr::from(address.to_le_bytes());
    (mangled.len() >= 8).then(|| SocketAddr::new(IpAddr::V4(address), port))
}

fn varint(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = cursor.u8()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn punch_hole() -> Vec<u8> {
        let clock = 0x1234_abcd_u128;
        let address = u128::from(u32::from_le_bytes([198, 51, 100, 7]));
        let mangled = ((address + clock) << 49 | clock << 17 | (50_000 + (clock & 0xffff))).to_le_bytes();
        let content = [&[0x0a, 16][..], &mangled, &[0x12, 3], b"hbr"].concat();
        [&[0x4a, content.len() as u8], content.as_slice()].concat()
    }

    #[test]
    fn the_controlling_end_is_named_to_the_controlled() {
        let bytes = punch_hole();
        let Reading::Found(found) = read_datagram(&bytes) else { panic!("not read") };
        assert_eq!((found.speaker, found.peer), (Some(Speaker::Server), Some("198.51.100.7:50000".parse().unwrap())));
        let framed = [&[(bytes.len() as u8) << 2], bytes.as_slice()].concat();
        assert!(matches!(read_stream(&framed), Reading::Found(Message { length: 26, peer: Some(_), .. })));
        assert_eq!(read_stream(&framed[..9]), Reading::More);
    }

    #[test]
    fn a_registration_is_the_clients() {
        let register = b"\x32\x0b\x0a\x09123456789";
        assert!(matches!(read_datagram(register), Reading::Found(Message { speaker: Some(Speaker::Client), .. })));
        assert_eq!(read_datagram(&register[..9]), Reading::Other);
        assert_eq!(read_datagram(b"hello"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read_datagram, &punch_hole());
        crate::inspect::hostile::withstands(read_stream, &[&[25 << 2], punch_hole().as_slice()].concat());
    }
}
