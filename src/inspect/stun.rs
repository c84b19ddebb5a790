//! STUN and TURN (RFC 8489, RFC 8656): addresses behind translators, and the peers a relay connects.
//!
//! As messages, a client's requests and a relay's indications name the peer behind the relay. Over streams a relay's data
//! follows in the same connection (ChannelData, RFC 8656, section 12.4). The head is 64 bytes; peers stand in front by
//! custom, and one that comes behind them is found where the segment holds it.

use super::cursor::Cursor;
use super::text::some_text;
use super::{Carrier, Message, Protocol, Reading, Speaker};
use std::net::{IpAddr, SocketAddr};

/// Most addresses kept of a message.
pub const ADDRESSES_MAX: usize = 8;
const TEXT_MAX: usize = 128;
const COOKIE: u32 = 0x2112_a442;
const LENGTH_MAX: u16 = 2048;

/// Any port: the cookie is not met by chance.
pub const DATAGRAM: Protocol = Protocol { name: "stun", carrier: Carrier::Datagram, ports: &[], read };
/// Ports of relays, where a relay's data is not mistaken for something else.
pub const STREAM: Protocol =
    Protocol { name: "stun", carrier: Carrier::Stream, ports: &[443, 3478, 3479, 5349], read: read_stream };

const HEADER: usize = 20;
const HEAD: usize = 64;
const PEER: u16 = 0x0012;

/// What an address in a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client as the server sees it.
    Mapped,
    /// The peer a TURN client talks to through the relay.
    Peer,
    /// The relay's address that peers see.
    Relayed,
    /// Another server to go to.
    Alternate,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stun {
    /// 1 binding, 3 allocate, 4 refresh, 6 send, 7 data, 8 create permission, 9 channel bind.
    pub method: u16,
    /// Requests are the client's, responses the server's; an indication leaves it open.
    pub speaker: Option<Speaker>,
    /// Addresses it carries, at most [`ADDRESSES_MAX`].
    pub addresses: Vec<(Role, SocketAddr)>,
    /// Attribute REALM, often the provider's name.
    pub realm: Option<String>,
    /// Attribute SOFTWARE.
    pub software: Option<String>,
}

/// A datagram, or the beginning of a direction of a TCP connection.
#[must_use]
pub fn stun(bytes: &[u8]) -> Reading<Stun> {
    let mut cursor = Cursor(bytes);
    let header = (cursor.be16(), cursor.be16(), cursor.be32(), cursor.array::<12>());
    let (Some(kind), Some(length), Some(cookie), Some(transaction)) = header else {
        return if may_open(bytes) { Reading::More } else { Reading::Other };
    };
    if kind & 0xc000 != 0 || cookie != COOKIE || length % 4 != 0 || length > LENGTH_MAX {
        return Reading::Other;
    }
    match cursor.take(usize::from(length)) {
        Some(attributes) => Reading::Found(Stun::new(kind, transaction, Cursor(attributes))),
        None => Reading::More,
    }
}

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let mut cursor = Cursor(bytes);
    let header = (cursor.be16(), cursor.be16(), cursor.be32(), cursor.array::<12>());
    let (Some(kind), Some(length), Some(COOKIE), Some(transaction)) = header else {
        return if may_open(bytes) && bytes.len() < HEADER { Reading::More } else { Reading::Other };
    };
    let room = usize::from(length);
    if kind & 0xc000 != 0 || length % 4 != 0 || length > LENGTH_MAX {
        return Reading::Other;
    }
    let (method, speaker) = method(kind);
    let attributes = cursor.0.get(..room).unwrap_or(cursor.0);
    let peer = if names_peer(method) { peer(Cursor(attributes), transaction) } else { None };
    if peer.is_none() && names_peer(method) && bytes.len() < HEAD.min(HEADER + room) {
        return Reading::More;
    }
    Reading::Found(Message { length: HEADER + room, speaker, peer, ..Message::default() })
}

fn read_stream(bytes: &[u8]) -> Reading<Message<'_>> {
    match *bytes {
        // Channels are given out from 0x4000 to 0x4fff; text that begins with the same letters is none.
        [high @ 0x40..=0x4f, low, length_high, length_low, ..]
            if ![high, low, length_high].iter().all(|byte| (b' '..=b'~').contains(byte)) =>
        {
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            Reading::Found(Message { length: 4 + length.next_multiple_of(4), ..Message::default() })
        }
        [0x40..=0x4f] | [0x40..=0x4f, _] | [0x40..=0x4f, _, _] => Reading::More,
        _ => read(bytes),
    }
}

fn may_open(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|byte| byte & 0xc0 == 0)
        && bytes.iter().skip(4).zip(COOKIE.to_be_bytes()).all(|(byte, cookie)| *byte == cookie)
}

/// Method, and who sends messages of this class (RFC 8489, section 5; RFC 8656: a relay's clients send, relays hand on data).
fn method(kind: u16) -> (u16, Option<Speaker>) {
    let method = kind & 0xf | kind >> 1 & 0x70 | kind >> 2 & 0xf80;
    let speaker = match (kind >> 8 & 1, kind >> 4 & 1, method) {
        (0, 0, _) | (0, 1, 6) => Some(Speaker::Client),
        (1, _, _) | (0, 1, 7 | 12) => Some(Speaker::Server),
        _ => None,
    };
    (method, speaker)
}

/// Send, data, create permission, channel bind (RFC 8656); connect, connection attempt (RFC 6062).
fn names_peer(method: u16) -> bool {
    matches!(method, 6..=10 | 12)
}

fn peer(mut attributes: Cursor<'_>, transaction: [u8; 12]) -> Option<SocketAddr> {
    loop {
        let (kind, value) = attributes.be16().zip(attributes.counted16())?;
        if kind == PEER {
            return address(value, Some(transaction));
        }
        attributes.take(value.len().next_multiple_of(4) - value.len())?;
    }
}

impl Stun {
    fn new(kind: u16, transaction: [u8; 12], mut attributes: Cursor<'_>) -> Stun {
        let (method, speaker) = method(kind);
        let mut found = Stun { method, speaker, addresses: Vec::new(), realm: None, software: None };
        while let Some((kind, value)) = attributes.be16().zip(attributes.counted16()) {
            found.attribute(kind, value, transaction);
            let padding = value.len().next_multiple_of(4) - value.len();
            attributes.take(padding);
        }
        found
    }

    fn attribute(&mut self, kind: u16, value: &[u8], transaction: [u8; 12]) {
        let (role, key) = match kind {
            0x0001 => (Role::Mapped, None),
            0x0020 | 0x8020 => (Role::Mapped, Some(transaction)),
            0x0012 => (Role::Peer, Some(transaction)),
            0x0016 => (Role::Relayed, Some(transaction)),
            0x8023 => (Role::Alternate, None),
            0x0014 => return self.realm = some_text(value, TEXT_MAX),
            0x8022 => return self.software = some_text(value, TEXT_MAX),
            _ => return,
        };
        let room = self.addresses.len() < ADDRESSES_MAX;
        self.addresses.extend(address(value, key).filter(|_| room).map(|address| (role, address)));
    }
}

/// An address, hidden by the cookie and the transaction where there is one (RFC 8489, section 14.2).
fn address(value: &[u8], transaction: Option<[u8; 12]>) -> Option<SocketAddr> {
    let mut cursor = Cursor(value);
    let (family, port) = (cursor.be16()? & 0xff, cursor.be16()?);
    let mut key = [0; 16];
    if let Some(transaction) = transaction {
        let bytes = COOKIE.to_be_bytes().into_iter().chain(transaction);
        key.iter_mut().zip(bytes).for_each(|(key, byte)| *key = byte);
    }
    let port = port ^ u16::from_be_bytes([key[0], key[1]]);
    let address = match family {
        1 => IpAddr::from(unhide(cursor.array::<4>()?, key)),
        2 => IpAddr::from(unhide(cursor.array::<16>()?, key)),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

fn unhide<const N: usize>(mut bytes: [u8; N], key: [u8; 16]) -> [u8; N] {
    bytes.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    bytes
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let length = (attributes.len() as u16).to_be_bytes();
        [&kind.to_be_bytes()[..], &length, &COOKIE.to_be_bytes(), b"transaction!", attributes].concat()
    }

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        let peer = [0, 0x12, 0, 8, 0, 1, 0x21 ^ 0x1f, 0x12 ^ 0x90, 0x21 ^ 192, 0x12, 0xa4 ^ 2, 0x42 ^ 9];
        let realm = [0, 0x14, 0, 5, b't', b'u', b'r', b'n', b'x', 0, 0, 0];
        message(0x0008, &[realm, peer].concat())
    }

    #[test]
    fn the_peer_behind_a_relay_is_read() {
        let Reading::Found(found) = stun(&golden()) else { panic!("not read") };
        assert_eq!((found.method, found.speaker), (8, Some(Speaker::Client)));
        assert_eq!(found.addresses, [(Role::Peer, "192.0.2.9:8080".parse().unwrap())]);
        assert_eq!(found.realm.as_deref(), Some("turnx"));
    }

    #[test]
    fn an_ipv6_address_is_hidden_by_the_transaction_too() {
        let plain: [u8; 16] = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets();
        let key: Vec<u8> = COOKIE.to_be_bytes().into_iter().chain(*b"transaction!").collect();
        let hidden: Vec<u8> = plain.iter().zip(&key).map(|(byte, key)| byte ^ key).collect();
        let attribute = [&[0, 0x20, 0, 20, 0, 2, 0x21, 0x13], hidden.as_slice()].concat();
        let Reading::Found(found) = stun(&message(0x0101, &attribute)) else { panic!("not read") };
        assert_eq!(found.addresses, [(Role::Mapped, "[2001:db8::7]:1".parse().unwrap())]);
        assert_eq!(found.speaker, Some(Speaker::Server));
    }

    #[test]
    fn the_peer_is_named_by_the_message_that_asks_the_relay_for_it() {
        let asked = golden();
        let Reading::Found(found) = read(&asked) else { panic!("not read") };
        assert_eq!((found.length, found.speaker), (asked.len(), Some(Speaker::Client)));
        assert_eq!(found.peer, Some("192.0.2.9:8080".parse().unwrap()));
        let mapped = [0, 0x20, 0, 8, 0, 1, 0x21, 0x13, 0x21, 0x12, 0xa4, 0x43];
        let binding = message(0x0101, &mapped);
        let Reading::Found(found) = read(&binding) else { panic!("not read") };
        assert_eq!((found.peer, found.speaker), (None, Some(Speaker::Server)));
        assert_eq!(read(&asked[..30]), Reading::More);
    }

    #[test]
    fn over_a_stream_channel_data_lies_between_messages() {
        let data = [0x40, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
        assert!(matches!(read_stream(&data), Reading::Found(Message { length: 12, .. })));
        assert!(matches!(read_stream(&golden()), Reading::Found(Message { peer: Some(_), .. })));
        assert_eq!(read_stream(b"GET / HTTP/1.1\r\n"), Reading::Other);
        assert_eq!(read(&data), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read_stream, &golden());
    }

    #[test]
    fn without_the_cookie_it_is_none() {
        let mut bytes = golden();
        bytes[5] = 0;
        assert_eq!(stun(&bytes), Reading::Other);
    }
}
