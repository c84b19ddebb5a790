//! STUN and TURN (RFC 8489, RFC 8656): addresses behind translators, and the peers a relay connects.

use super::cursor::Cursor;
use super::text::some_text;
use super::{Reading, Speaker};
use std::net::{IpAddr, SocketAddr};

/// Most addresses kept of a message.
pub const ADDRESSES_MAX: usize = 8;
const TEXT_MAX: usize = 128;
const COOKIE: u32 = 0x2112_a442;
const LENGTH_MAX: u16 = 2048;

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
        let may_be = bytes.first().is_none_or(|byte| byte & 0xc0 == 0)
            && bytes.iter().skip(4).zip(COOKIE.to_be_bytes()).all(|(byte, cookie)| *byte == cookie);
        return if may_be { Reading::More } else { Reading::Other };
    };
    if kind & 0xc000 != 0 || cookie != COOKIE || length % 4 != 0 || length > LENGTH_MAX {
        return Reading::Other;
    }
    match cursor.take(usize::from(length)) {
        Some(attributes) => Reading::Found(Stun::new(kind, transaction, Cursor(attributes))),
        None => Reading::More,
    }
}

impl Stun {
    fn new(kind: u16, transaction: [u8; 12], mut attributes: Cursor<'_>) -> Stun {
        let method = kind & 0xf | kind >> 1 & 0x70 | kind >> 2 & 0xf80;
        let speaker = match (kind >> 4 & 1, kind >> 8 & 1) {
            (0, 0) => Some(Speaker::Client),
            (_, 1) => Some(Speaker::Server),
            _ => None,
        };
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
    fn without_the_cookie_it_is_none() {
        let mut bytes = golden();
        bytes[5] = 0;
        assert_eq!(stun(&bytes), Reading::Other);
    }
}
