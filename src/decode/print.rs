//! What a packet is known by in the search for copies: see [`super::duplicate`] for what counts and why.

use std::time::Duration;

use super::envelope::Recorder;
use super::ip::{Ip, Piece};
use super::packet::TcpFlags;
use super::walk::Found;
use super::{Encapsulation, View};
use crate::net::Timestamp;
use etherparse::IpNumber;

/// Within this, a packet that nothing numbers is a copy where it came by another path.
const OTHER_PATH_ALIKE: Duration = Duration::from_micros(500);
/// Within this, an equal IPv4 datagram with an identification on the same path is a copy.
const SAME_PATH_DATAGRAM: Duration = Duration::from_micros(400);
/// Within this, an equal TCP segment without identification on the same path is a copy.
const SAME_PATH_SEGMENT: Duration = Duration::from_micros(50);

/// A packet as the table knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) fingerprint: u64,
    pub(super) path: u32,
    likeness: Likeness,
}

/// What an equal packet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// A TCP segment or a fragment with an identification: a copy.
    Numbered,
    /// Another datagram with an identification: on the same path a copy only if it came at once.
    Datagram,
    /// A TCP segment with payload, without identification: the same.
    Stretch,
    /// A TCP segment that takes up sequence space without payload, without identification: on any path a copy only if it
    /// came at once.
    Handshake,
    /// Nothing numbers it: on the same path a repetition, on another one a copy only if it came at once.
    Alike,
}

impl Likeness {
    /// How long an equal packet is a copy.
    fn limit(self, is_same_path: bool) -> Duration {
        match (self, is_same_path) {
            (Likeness::Numbered, _) | (Likeness::Datagram | Likeness::Stretch, false) => Duration::MAX,
            (Likeness::Datagram, true) => SAME_PATH_DATAGRAM,
            (Likeness::Stretch | Likeness::Handshake, true) => SAME_PATH_SEGMENT,
            (Likeness::Handshake | Likeness::Alike, false) => OTHER_PATH_ALIKE,
            (Likeness::Alike, true) => Duration::ZERO,
        }
    }
}

impl Print {
    /// Of nothing.
    pub(super) const NONE: Print = Print { fingerprint: 0, path: 0, likeness: Likeness::Alike };

    /// Of a packet.
    #[inline(always)]
    pub(super) fn of_packet(found: &Found<'_>, path: Path, keys: Keys) -> Print {
        let (is_tcp, has_payload) = (found.protocol == IpNumber::TCP.0, found.segment.payload.wire != 0);
        let opens_or_closes = found.segment.tcp.flags.0 & (TcpFlags::SYN | TcpFlags::FIN) != 0;
        let likeness = match (found.ip.id, is_tcp) {
            (0, true) if has_payload => Likeness::Stretch,
            (0, true) if opens_or_closes => Likeness::Handshake,
            (0, _) => Likeness::Alike,
            (_, true) => Likeness::Numbered,
            (_, false) => Likeness::Datagram,
        };
        let hash = keys.start(&found.ip, found.protocol);
        Print::new(keys.segment(hash, found.protocol, found.data), &found.ip, path, likeness)
    }

    /// Of a fragment, which always has an identification.
    pub(super) fn of_fragment(fragment: &Found<'_>, path: Path, keys: Keys) -> Print {
        let Piece { id, offset, more } = fragment.piece;
        let place = u64::from(id) << 32 | u64::from(offset) << 1 | u64::from(more);
        let hash = keys.mix(keys.start(&fragment.ip, fragment.protocol), place);
        Print::new(keys.bytes(hash, fragment.data.data), &fragment.ip, path, Likeness::Numbered)
    }

    /// How long an equal packet that came by `path` is a copy.
    pub(super) fn copy_within(&self, path: u32) -> Duration {
        self.likeness.limit(path == self.path)
    }

    #[inline]
    fn new(hash: u64, ip: &Ip, path: Path, likeness: Likeness) -> Print {
        let path = (path.0 >> 32) as u32 ^ u32::from(ip.ttl).wrapping_mul(0x9e37_79b1);
        Print { fingerprint: hash | 1 << 63, path, likeness }
    }
}

/// Fingerprint of the way a packet came to the capture: a recorder that only tells paths apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path(u64);

impl Path {
    #[inline]
    pub(super) fn new(interface: u16) -> Path {
        Path(u64::from(interface) << 32 | u64::from(interface))
    }
}

impl Recorder for Path {
    const KEEPS_TRANSPORT: bool = true;

    #[inline]
    fn macs(&mut self, destination: [u8; 6], source: [u8; 6]) {
        let [a, b, c, d, e, f] = destination;
        let [g, h, i, j, k, l] = source;
        let rest = u64::from(u32::from_le_bytes([i, j, k, l]));
        self.0 = Keys::OPEN.mix(self.0 ^ u64::from_le_bytes([a, b, c, d, e, f, g, h]), self.0 << 32 ^ rest);
    }

    #[inline]
    fn passage(&mut self, place: u64) {
        self.0 = Keys::OPEN.mix(self.0, place);
    }

    #[inline]
    fn strip(&mut self, kind: Encapsulation, id: Option<u32>) {
        self.0 = Keys::OPEN
            .mix(self.0, (kind as u64) << 33 | u64::from(id.is_some()) << 32 | u64::from(id.unwrap_or_default()));
    }

    fn carrier(&mut self, ip: &Ip) {
        self.0 = Keys::OPEN.mix(Keys::OPEN.mix(self.0, fold(ip.source)), fold(ip.destination));
    }

    #[inline]
    fn path(&self) -> Option<Path> {
        Some(*self)
    }
}

#[inline]
fn fold(bits: u128) -> u64 {
    (bits >> 64) as u64 ^ bits as u64
}

/// What fingerprints are made with. Nobody who sends packets may know it: else he finds bytes that give other packets the
/// fingerprint of one that counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys(u64, u64);

impl Keys {
    /// Known to everybody: where nothing is gained by knowing it.
    const OPEN: Keys = Keys(0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03);

    /// Of a secret.
    pub(super) fn new(secret: u64) -> Keys {
        let first = Keys::OPEN.mix(secret, 1);
        Keys(first, Keys::OPEN.mix(first ^ secret, 2))
    }

    /// Of what nobody knew beforehand: when this frame came, and all of it.
    pub(super) fn of_frame(self, time: Timestamp, data: &[u8]) -> Keys {
        Keys::new(self.bytes(self.mix(self.0, time.as_nanos()), data))
    }

    /// What of the IP header is the same at every mirror point.
    #[inline(always)]
    fn start(self, ip: &Ip, protocol: u8) -> u64 {
        let rest = u64::from(ip.ip_bytes) << 32 | u64::from(ip.id) << 16 | u64::from(protocol) << 8 | ip.version as u64;
        let source = self.mix(ip.source as u64 ^ 0x243f_6a88_85a3_08d3, (ip.source >> 64) as u64 ^ rest);
        self.mix(source ^ ip.destination as u64, (ip.destination >> 64) as u64)
    }

    /// The transport header without its checksum, and the payload.
    #[inline(always)]
    fn segment(self, hash: u64, protocol: u8, data: View<'_>) -> u64 {
        const ALL_BUT_UDP_CHECKSUM: u64 = u64::MAX >> 16;
        let bytes = data.data;
        match (IpNumber(protocol), bytes.split_first_chunk::<8>()) {
            (IpNumber::UDP | IpNumber::UDP_LITE, Some((head, rest))) => {
                self.bytes(self.mix(hash, u64::from_le_bytes(*head) & ALL_BUT_UDP_CHECKSUM), rest)
            }
            (IpNumber::TCP, Some((head, rest))) => {
                let Some((behind, rest)) = rest.split_first_chunk::<12>() else { return self.bytes(hash, bytes) };
                let [a, b, c, d, e, f, g, h, _, _, urgent @ ..] = *behind;
                let second = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                let hash = self.mix(hash ^ u64::from_le_bytes(*head), second) ^ u64::from(u16::from_le_bytes(urgent));
                self.ends(hash, rest)
            }
            (IpNumber::ICMP | IpNumber::IPV6_ICMP, Some((head, rest))) => {
                self.bytes(self.mix(hash, u64::from_le_bytes(*head) & !0xffff_0000), rest)
            }
            _ => self.bytes(hash, bytes),
        }
    }

    /// Of a long segment, the options and the first and the last bytes of the payload. Two segments of one
    /// length with the same ports, sequence and acknowledgement numbers, flags, window, options and identification carry the
    /// same stretch of one stream: that is what TCP numbers bytes for. Where a sender lies and fills the stretch differently
    /// the second time, the receiver keeps what came first (RFC 9293, section 3.10.7.4), and so does the flow: the second is a
    /// retransmission, which adds no payload to it.
    #[inline(always)]
    fn ends(self, hash: u64, bytes: &[u8]) -> u64 {
        const FIRST: usize = 128;
        const LAST: usize = 64;
        match (bytes.first_chunk::<FIRST>(), bytes.last_chunk::<LAST>()) {
            (Some(first), Some(last)) if bytes.len() > FIRST + LAST => self.bytes(self.bytes(hash, first), last),
            _ => self.bytes(hash, bytes),
        }
    }

    /// Folded 64-bit multiplication: both halves of the product depend on every bit of both factors.
    #[inline(always)]
    fn mix(self, a: u64, b: u64) -> u64 {
        let product = u128::from(a ^ self.0) * u128::from(b ^ self.1);
        (product >> 64) as u64 ^ product as u64
    }

    #[inline(always)]
    fn bytes(self, hash: u64, bytes: &[u8]) -> u64 {
        let length = (bytes.len() as u64).rotate_left(48);
        match bytes.len() {
            len @ 16..=64 => {
                // Four words that may overlap cover every byte, whatever the length: no branch to mispredict.
                let step = (len - 16).min(16);
                let first = self.take(hash, bytes, 0) ^ self.take(hash, bytes, step).rotate_left(16);
                let last = self.take(hash, bytes, len - 16 - step) ^ self.take(hash, bytes, len - 16).rotate_left(16);
                self.mix(first, last.rotate_left(32) ^ length)
            }
            0..16 => {
                let ends = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
                    (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
                    _ => (bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)), 0),
                };
                self.mix(hash ^ ends.0, ends.1 ^ length)
            }
            _ => self.long(hash, bytes),
        }
    }

    /// 64 bytes at a time in four lanes, which keeps the multiplier busy; the last bytes may be read twice.
    #[inline(never)]
    fn long(self, hash: u64, bytes: &[u8]) -> u64 {
        let hash = self.mix(hash, bytes.len() as u64);
        let mut lanes = [hash, hash.rotate_left(16), hash.rotate_left(32), hash.rotate_left(48)];
        for block in bytes.as_chunks().0 {
            lanes = self.block(lanes, block);
        }
        if let Some(block) = bytes.last_chunk() {
            lanes = self.block(lanes, block);
        }
        let [first, second, third, fourth] = lanes;
        self.mix(first ^ second.rotate_left(16), third ^ fourth.rotate_left(16))
    }

    #[inline(always)]
    fn block(self, [first, second, third, fourth]: [u64; 4], block: &[u8; 64]) -> [u64; 4] {
        [
            self.take(first, block, 0),
            self.take(second, block, 16),
            self.take(third, block, 32),
            self.take(fourth, block, 48),
        ]
    }

    /// Takes up the two words at `at`.
    #[inline(always)]
    fn take(self, hash: u64, bytes: &[u8], at: usize) -> u64 {
        let bits = bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |pair| u128::from_le_bytes(*pair));
        self.mix(hash ^ bits as u64, (bits >> 64) as u64)
    }
}
