//! The keys of a client's Initials (RFC 9001 section 5): anybody who sees the first destination id can derive them.

use std::ops::Range;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::header::ConnectionId;
use super::version::Scheme;

/// `HkdfLabel` structures (RFC 8446 section 7.1) ready to expand: length, label, empty context.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    header: &'static [u8],
}

impl Labels {
    pub(super) const V1: Labels = Labels {
        key: b"\x00\x10\x0etls13 quic key\x00",
        iv: b"\x00\x0c\x0dtls13 quic iv\x00",
        header: b"\x00\x10\x0dtls13 quic hp\x00",
    };
    /// RFC 9369 section 3.3.2.
    pub(super) const V2: Labels = Labels {
        key: b"\x00\x10\x10tls13 quicv2 key\x00",
        iv: b"\x00\x0c\x0ftls13 quicv2 iv\x00",
        header: b"\x00\x10\x0ftls13 quicv2 hp\x00",
    };
}

const CLIENT: &[u8] = b"\x00\x20\x0ftls13 client in\x00";
/// Bytes of ciphertext from which the header's mask is made, four bytes behind where the packet number begins.
const SAMPLE: usize = 16;
const LONGEST_NUMBER: usize = 4;

/// What opens the Initials a client protects.
pub(super) struct InitialKeys {
    payload: LessSafeKey,
    header: quic::HeaderProtectionKey,
    iv: [u8; NONCE_LEN],
}

impl InitialKeys {
    /// The keys that follow from the destination id of a client's first Initial.
    pub(super) fn derive(scheme: &Scheme, destination: &ConnectionId) -> Option<InitialKeys> {
        let initial = Salt::new(HKDF_SHA256, &scheme.salt).extract(destination.as_slice());
        let client = Prk::from(initial.expand(&[CLIENT], HKDF_SHA256).ok()?);
        let mut iv = [0; NONCE_LEN];
        client.expand(&[scheme.labels.iv], IvLength).ok()?.fill(&mut iv).ok()?;
        Some(InitialKeys {
            payload: LessSafeKey::new(UnboundKey::from(client.expand(&[scheme.labels.key], &AES_128_GCM).ok()?)),
            header: client.expand(&[scheme.labels.header], &quic::AES_128).ok()?.into(),
            iv,
        })
    }

    /// Opens a protected packet in place; where in it the frames then are.
    pub(super) fn open(&self, packet: &mut [u8], number_at: usize) -> Option<Range<usize>> {
        let (frames_at, number) = self.unmask(packet, number_at)?;
        let (header, payload) = packet.split_at_mut_checked(frames_at)?;
        let length = self.payload.open_in_place(self.nonce(number), Aad::from(&*header), payload).ok()?.len();
        Some(frames_at..frames_at + length)
    }

    /// Takes the protection off the header (RFC 9001 section 5.4); where the payload begins, and the packet number.
    fn unmask(&self, packet: &mut [u8], number_at: usize) -> Option<(usize, u32)> {
        let sample_at = number_at + LONGEST_NUMBER;
        let [of_first, of_number @ ..] = self.header.new_mask(packet.get(sample_at..sample_at + SAMPLE)?).ok()?;
        let first = packet.first_mut()?;
        *first ^= of_first & 0x0f;
        let frames_at = number_at + usize::from(*first & 3) + 1;
        let mut number = 0;
        for (byte, mask) in packet.get_mut(number_at..frames_at)?.iter_mut().zip(of_number) {
            *byte ^= mask;
            number = number << 8 | u32::from(*byte);
        }
        Some((frames_at, number))
    }

    /// Whether the header's key is this one.
    #[cfg(test)]
    pub(super) fn has_header_key(&self, key: &[u8]) -> bool {
        let other = quic::HeaderProtectionKey::new(&quic::AES_128, key);
        other.is_ok_and(|other| self.header.new_mask(&[7; SAMPLE]).ok() == other.new_mask(&[7; SAMPLE]).ok())
    }

    fn nonce(&self, number: u32) -> Nonce {
        let mut nonce = self.iv;
        for (byte, part) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= part;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

struct IvLength;

impl KeyType for IvLength {
    fn len(&self) -> usize {
        NONCE_LEN
    }
}
