//! QUIC's first packets (RFC 9000, RFC 9001, RFC 9369), protected as a client or a server protects them.

use crate::prng::Prng;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// A version of QUIC, by what it needs to protect an Initial.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// The number in the long header.
    pub number: u32,
    /// Salt of the initial secret.
    pub salt: [u8; 20],
    /// What the labels of keys begin with.
    pub prefix: &'static str,
    /// The two type bits of an Initial.
    pub initial: u8,
}

/// RFC 9001, section 5.2.
pub const V1: Version = Version {
    number: 1,
    salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
    prefix: "quic",
    initial: 0,
};

/// RFC 9369, section 3.
pub const V2: Version = Version {
    number: 0x6b33_43cf,
    salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
    prefix: "quicv2",
    initial: 1,
};

/// Google QUIC 50, as Chromium's quiche had it.
pub const Q050: Version = Version {
    number: 0x5130_3530,
    salt: *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45",
    prefix: "quic",
    initial: 0,
};

/// The id a client goes by.
pub const CLIENT: &[u8] = b"client";
/// Bytes of a datagram during the handshake: what a client pads to (RFC 9000, section 14.1), and a server may send.
const DATAGRAM: usize = 1_200;
/// A long header with ids of 6 and 8 bytes, and the length.
const HANDSHAKE_HEADER: usize = 23;

/// An Initial packet.
#[derive(Clone, Debug)]
pub struct Initial<'a> {
    /// The version in its header, whose keys protect it.
    pub version: Version,
    /// The client's first destination id, from which the keys follow.
    pub origin: &'a [u8],
    /// Whom it goes to.
    pub destination: &'a [u8],
    /// Whom it comes from.
    pub source: &'a [u8],
    /// What a Retry or an earlier connection gave; empty for none.
    pub token: &'a [u8],
    /// Packet number.
    pub number: u32,
    /// `"client in"` or `"server in"`.
    pub side: &'static str,
    /// The frames before padding.
    pub frames: Vec<u8>,
}

impl<'a> Initial<'a> {
    /// A client's first packet to `origin`.
    #[must_use]
    pub fn of_client(origin: &'a [u8], number: u32, frames: Vec<u8>) -> Initial<'a> {
        let [source, token]: [&[u8]; 2] = [CLIENT, &[]];
        Initial { version: V1, origin, destination: origin, source, token, number, side: "client in", frames }
    }

    /// The packet, padded to `length` bytes where its frames are shorter.
    #[must_use]
    pub fn packet(&self, length: usize) -> Vec<u8> {
        let mut header = vec![0xc3 | self.version.initial << 4];
        header.extend(self.version.number.to_be_bytes());
        for id in [self.destination, self.source] {
            header.push(id.len() as u8);
            header.extend(id);
        }
        header.extend(varint(self.token.len()));
        header.extend(self.token);
        let mut frames = self.frames.clone();
        frames.resize(frames.len().max(length.saturating_sub(header.len() + 2 + 4 + 16)), 0);
        header.extend((0x4000 | (4 + frames.len() + 16) as u16).to_be_bytes());
        header.extend(self.number.to_be_bytes());
        self.protect(header, frames)
    }

    fn protect(&self, header: Vec<u8>, mut frames: Vec<u8>) -> Vec<u8> {
        let secret = Salt::new(HKDF_SHA256, &self.version.salt).extract(self.origin);
        let secret = Prk::new_less_safe(HKDF_SHA256, &expand(&secret, self.side, 32));
        let [key, mut iv, mask] = [("key", 16), ("iv", 12), ("hp", 16)]
            .map(|(what, length)| expand(&secret, &format!("{} {what}", self.version.prefix), length));
        for (byte, part) in iv.iter_mut().rev().zip(self.number.to_le_bytes()) {
            *byte ^= part;
        }
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("16 bytes"));
        let nonce = Nonce::try_assume_unique_for_key(&iv).expect("12 bytes");
        key.seal_in_place_append_tag(nonce, Aad::from(&header), &mut frames).expect("short enough");
        let mut packet = [header.as_slice(), &frames].concat();
        let mask = quic::HeaderProtectionKey::new(&quic::AES_128, &mask).expect("16 bytes");
        let [first, number @ ..] = mask.new_mask(&packet[header.len()..header.len() + 16]).expect("16 bytes");
        packet[0] ^= first & 0x0f;
        packet[header.len() - 4..header.len()].iter_mut().zip(number).for_each(|(byte, mask)| *byte ^= mask);
        packet
    }
}

/// A CRYPTO frame: a stretch of the handshake from `offset` on.
#[must_use]
pub fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    [&[6], varint(offset).as_slice(), &varint(data.len()), data].concat()
}

/// A client's first flight: `hello` in Initials of 1,200 bytes, one to a datagram.
#[must_use]
pub fn flight(origin: &[u8], hello: &[u8]) -> Vec<Vec<u8>> {
    let stretches = hello.chunks(1_100).enumerate();
    stretches
        .map(|(index, data)| Initial::of_client(origin, index as u32, crypto(index * 1_100, data)).packet(1_200))
        .collect()
}

/// What a server answers a client's hello with, one datagram each: its Initial and the first Handshake packet together,
/// then Handshake packets until `encrypted_len` bytes of encrypted extensions, certificate and Finished are sent.
#[must_use]
pub fn server_flight(origin: &[u8], server: &[u8], encrypted_len: usize, prng: &mut Prng) -> Vec<Vec<u8>> {
    const HELLO: usize = 90;
    let acknowledgement = vec![2, 0, 0, 0, 0];
    let frames = [acknowledgement, crypto(0, &prng.bytes(HELLO))].concat();
    let client = Initial::of_client(origin, 0, frames);
    let initial = Initial { destination: CLIENT, source: server, side: "server in", ..client }.packet(0);
    let room = DATAGRAM - initial.len();
    let first = handshake(CLIENT, server, room.min(encrypted_len + HANDSHAKE_HEADER), prng);
    let rest = (encrypted_len + HANDSHAKE_HEADER).saturating_sub(room);
    let mut datagrams = vec![[initial, first].concat()];
    for sent in (0..rest).step_by(DATAGRAM - HANDSHAKE_HEADER) {
        let length = (rest - sent + HANDSHAKE_HEADER).clamp(HANDSHAKE_HEADER + 16, DATAGRAM);
        datagrams.push(handshake(CLIENT, server, length, prng));
    }
    datagrams
}

/// How the client ends its handshake: an Initial that acknowledges the server's, and its Finished, in one padded datagram.
#[must_use]
pub fn client_finished(origin: &[u8], server: &[u8], number: u32, prng: &mut Prng) -> Vec<u8> {
    let initial = Initial { destination: server, ..Initial::of_client(origin, number, vec![2, 0, 0, 0, 0]) }.packet(0);
    let finished = handshake(server, CLIENT, DATAGRAM - initial.len(), prng);
    [initial, finished].concat()
}

/// A packet of `length` bytes with a short header (RFC 9000, section 17.3): data or acknowledgements under keys that no
/// onlooker has.
#[must_use]
pub fn short(destination: &[u8], length: usize, prng: &mut Prng) -> Vec<u8> {
    let mut packet = vec![0x40 | prng.below(0x40) as u8];
    packet.extend(destination);
    packet.extend(prng.bytes(length.saturating_sub(packet.len())));
    packet
}

/// A Handshake packet of `length` bytes (RFC 9000, section 17.2.4), opaque behind its header.
fn handshake(destination: &[u8], source: &[u8], length: usize, prng: &mut Prng) -> Vec<u8> {
    let mut packet = vec![0xe0 | prng.below(0x10) as u8];
    packet.extend(V1.number.to_be_bytes());
    for id in [destination, source] {
        packet.push(id.len() as u8);
        packet.extend(id);
    }
    let protected = length.saturating_sub(packet.len() + 2);
    packet.extend((0x4000 | protected as u16).to_be_bytes());
    packet.extend(prng.bytes(protected));
    packet
}

/// A variable-length integer (RFC 9000, section 16) below 2³⁰, in the fewest bytes.
fn varint(value: usize) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (0x4000 | value as u16).to_be_bytes().to_vec(),
        _ => (0x8000_0000 | value as u32).to_be_bytes().to_vec(),
    }
}

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446, section 7.1) with an empty context.
fn expand(secret: &Prk, label: &str, length: usize) -> Vec<u8> {
    let info = [&[0, length as u8, 6 + label.len() as u8], b"tls13 ".as_slice(), label.as_bytes(), &[0]].concat();
    let mut bytes = vec![0; length];
    secret.expand(&[&info], Length(length)).and_then(|okm| okm.fill(&mut bytes)).expect("short enough");
    bytes
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Prng, client_finished, server_flight, short};

    #[test]
    fn a_handshake_fills_datagrams_of_1200_bytes() {
        let mut prng = Prng::new(1);
        let flight = server_flight(b"original", b"server 1", 2_600, &mut prng);
        let lengths: Vec<usize> = flight.iter().map(Vec::len).collect();
        assert_eq!((lengths.len(), lengths[0], lengths[1]), (3, 1_200, 1_200));
        assert_eq!(client_finished(b"original", b"server 1", 1, &mut prng).len(), 1_200);
    }

    #[test]
    fn a_short_header_has_the_fixed_bit_and_no_long_form() {
        let packet = short(b"server 1", 90, &mut Prng::new(1));
        assert_eq!((packet[0] & 0xc0, packet.len(), &packet[1..9]), (0x40, 90, b"server 1".as_slice()));
    }
}
