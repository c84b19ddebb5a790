//! The second copy of a packet mirrored twice.
//!
//! A span port that mirrors a switch's ingress and egress, or two points of one path, delivers packets twice: at the
//! second point with another time to live, VLAN, hardware address or tunnel, or just the same. Only the first copy may
//! count. A packet is known by a fingerprint of what no switch or router on the way changes: addresses, protocol, IP
//! length, IPv4 identification, the whole captured transport header and payload; without the type of service, time to
//! live and checksums. Its *path* is a fingerprint of what may differ between mirror points: hardware addresses, VLAN
//! ids, tunnels and their endpoints, capture interface, time to live.
//!
//! Equal packets are no proof: senders repeat datagrams, retransmit, and send equal acknowledgements. So:
//!
//! * **Another path:** a duplicate within the window. The repetition of a packet takes the path of the first one, so
//!   each repetition counts once more there, and its copies on other paths do not.
//! * **The same path, IPv4 with an identification:** a repetition has a new identification (RFC 6864), so an equal one
//!   is a copy: of TCP within the window, of other transports within [`SAME_PATH_DATAGRAM`], since some small stacks
//!   never change it.
//! * **The same path, identification 0 or IPv6:** only a TCP segment that takes up sequence space, within
//!   [`SAME_PATH_SEGMENT`]: no sender repeats one so fast. Equal acknowledgements and datagrams all count.
//!
//! The table has a fixed size, in sets of four that fill one cache line; a full set forgets its oldest entry, which at
//! worst counts a copy. Packet time is kept in microseconds modulo 2^32.

use std::time::Duration;

use super::envelope::Recorder;
use super::ip::{Fragment, Ip};
use super::packet::TcpFlags;
use super::walk::Found;
use super::{Encapsulation, View};
use crate::net::Timestamp;
use etherparse::IpNumber;

/// Within this, an equal IPv4 datagram with an identification on the same path is a copy.
const SAME_PATH_DATAGRAM: Duration = Duration::from_millis(1);
/// Within this, an equal TCP segment without identification on the same path is a copy.
const SAME_PATH_SEGMENT: Duration = Duration::from_micros(50);

const WAYS: usize = 4;
/// 1 MiB of table: some 50 ms of a million packets per second.
const SETS: usize = 1 << 14;

/// Packets seen lately.
#[derive(Debug)]
pub(super) struct Duplicates {
    window_us: u32,
    sets: Vec<Set>,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set([Entry; WAYS]);

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// 0 where the entry is free.
    fingerprint: u64,
    time_us: u32,
    path: u32,
}

/// A packet as the table knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    fingerprint: u64,
    path: u32,
    /// How long an equal packet on the same path is a copy.
    same_path_us: u32,
}

impl Duplicates {
    /// A window of zero switches the search off and takes no memory.
    pub(super) fn new(window: Duration) -> Duplicates {
        let sets = if window.is_zero() { 0 } else { SETS };
        Duplicates { window_us: micros(window), sets: vec![Set::default(); sets] }
    }

    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.window_us != 0
    }

    /// Says whether the packet at `time` is the copy of one that counted, and remembers it otherwise.
    #[inline]
    pub(super) fn check(&mut self, print: Print, time: Timestamp) -> bool {
        let now = (time.as_nanos() / 1_000) as u32;
        let Some(Set(set)) = self.sets.get_mut(print.fingerprint as usize % SETS) else { return false };
        let known = set.iter_mut().find(|entry| entry.fingerprint == print.fingerprint);
        if let Some(entry) = known {
            let apart = distance(now, entry.time_us);
            let limit = if entry.path == print.path { print.same_path_us } else { u32::MAX };
            if apart <= limit.min(self.window_us) {
                return true;
            }
            *entry = Entry { fingerprint: print.fingerprint, time_us: now, path: print.path };
            return false;
        }
        let oldest = set.iter_mut().max_by_key(|entry| (entry.fingerprint == 0, now.wrapping_sub(entry.time_us)));
        if let Some(entry) = oldest {
            *entry = Entry { fingerprint: print.fingerprint, time_us: now, path: print.path };
        }
        false
    }
}

/// Time between two moments, either way round.
#[inline]
fn distance(a: u32, b: u32) -> u32 {
    a.wrapping_sub(b).min(b.wrapping_sub(a))
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

impl Print {
    /// Of a packet.
    #[inline]
    pub(super) fn of_packet(found: &Found<'_>, path: Path) -> Print {
        let tcp = found.segment.tcp;
        let takes_sequence_space = found.protocol == IpNumber::TCP.0
            && (found.segment.payload.wire != 0 || tcp.flags.0 & (TcpFlags::SYN | TcpFlags::FIN) != 0);
        let same_path = match (found.ip.id, found.protocol == IpNumber::TCP.0) {
            (0, _) if takes_sequence_space => micros(SAME_PATH_SEGMENT),
            (0, _) => 0,
            (_, true) => u32::MAX,
            (_, false) => micros(SAME_PATH_DATAGRAM),
        };
        let hash = start(&found.ip, found.protocol);
        Print::new(hash_segment(hash, found.protocol, found.data), &found.ip, path, same_path)
    }

    /// Of a fragment, which always has an identification.
    pub(super) fn of_fragment(fragment: &Fragment<'_>, path: Path) -> Print {
        let place = u64::from(fragment.id) << 32 | u64::from(fragment.offset) << 1 | u64::from(fragment.more);
        let hash = mix(start(&fragment.ip, fragment.protocol), place);
        Print::new(hash_bytes(hash, fragment.data.data), &fragment.ip, path, u32::MAX)
    }

    #[inline]
    fn new(hash: u64, ip: &Ip, path: Path, same_path_us: u32) -> Print {
        let path = mix(path.0, ip.ttl.into());
        Print { fingerprint: hash | 1 << 63, path: (path >> 32) as u32, same_path_us }
    }
}

/// Fingerprint of the way a packet came to the capture: a recorder that only tells paths apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path(u64);

impl Path {
    #[inline]
    pub(super) fn new(interface: u16) -> Path {
        Path(u64::from(interface))
    }
}

impl Recorder for Path {
    #[inline]
    fn macs(&mut self, destination: [u8; 6], source: [u8; 6]) {
        let [a, b, c, d, e, f] = destination;
        let [g, h, i, j, k, l] = source;
        self.0 =
            mix(mix(self.0, u64::from_le_bytes([a, b, c, d, e, f, g, h])), u32::from_le_bytes([i, j, k, l]).into());
    }

    #[inline]
    fn strip(&mut self, kind: Encapsulation, id: Option<u32>) {
        self.0 = mix(self.0, (kind as u64) << 33 | u64::from(id.is_some()) << 32 | u64::from(id.unwrap_or_default()));
    }

    fn carrier(&mut self, ip: &Ip) {
        self.0 = mix(mix(self.0, fold(ip.source)), fold(ip.destination));
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

/// What of the IP header is the same at every mirror point.
#[inline]
fn start(ip: &Ip, protocol: u8) -> u64 {
    let rest = u64::from(ip.ip_bytes) << 32 | u64::from(ip.id) << 16 | u64::from(protocol) << 8 | ip.version as u64;
    let source = mix(ip.source as u64 ^ 0x243f_6a88_85a3_08d3, (ip.source >> 64) as u64 ^ rest);
    mix(source ^ ip.destination as u64, (ip.destination >> 64) as u64)
}

/// The transport header without its checksum, and the payload.
#[inline]
fn hash_segment(hash: u64, protocol: u8, data: View<'_>) -> u64 {
    let (checksum, behind) = match IpNumber(protocol) {
        IpNumber::TCP => (16, 18),
        IpNumber::UDP | IpNumber::UDP_LITE => (6, 8),
        IpNumber::ICMP | IpNumber::IPV6_ICMP => (2, 4),
        _ => (0, 0),
    };
    let bytes = data.data;
    let head = bytes.get(..checksum).unwrap_or(bytes);
    hash_bytes(hash_bytes(hash, head), bytes.get(behind..).unwrap_or_default())
}

/// Folded 64-bit multiplication: both halves of the product depend on every bit of both factors.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (product >> 64) as u64 ^ product as u64
}

/// 32 bytes at a time in two lanes, which keeps the multiplier busy.
#[inline]
fn hash_bytes(hash: u64, bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<32>();
    let (mut a, mut b) = (hash, hash.rotate_left(32));
    for [c0, c1, c2, c3, c4, c5, c6, c7, rest @ ..] in chunks {
        let [d0, d1, d2, d3, d4, d5, d6, d7, e0, e1, e2, e3, e4, e5, e6, e7, f0, f1, f2, f3, f4, f5, f6, f7] = *rest;
        let first = u64::from_le_bytes([*c0, *c1, *c2, *c3, *c4, *c5, *c6, *c7]);
        let second = u64::from_le_bytes([d0, d1, d2, d3, d4, d5, d6, d7]);
        let third = u64::from_le_bytes([e0, e1, e2, e3, e4, e5, e6, e7]);
        let fourth = u64::from_le_bytes([f0, f1, f2, f3, f4, f5, f6, f7]);
        a = mix(a ^ first, second);
        b = mix(b ^ third, fourth);
    }
    let (words, last) = rest.as_chunks::<8>();
    for word in words {
        a = mix(a, u64::from_le_bytes(*word));
    }
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(last) {
        *to = *from;
    }
    mix(mix(a, u64::from_le_bytes(word)), b ^ bytes.len() as u64)
}
