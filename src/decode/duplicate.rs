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
//! * **Another path, IPv4 with an identification, or TCP with payload:** a duplicate within the window. The repetition
//!   of a packet takes the path of the first one, so each repetition counts once more there, and its copies on other
//!   paths do not.
//! * **Another path, anything else:** a duplicate within [`OTHER_PATH_ALIKE`] only. Probes of a route differ in nothing
//!   but their time to live, and a host with two links may send equal datagrams over both in turn.
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
    /// How long one on another path is.
    other_path_us: u32,
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
            let limit = if entry.path == print.path { print.same_path_us } else { print.other_path_us };
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
        let is_numbered = found.ip.id != 0 || found.protocol == IpNumber::TCP.0 && found.segment.payload.wire != 0;
        let other_path = if is_numbered { u32::MAX } else { micros(OTHER_PATH_ALIKE) };
        let hash = start(&found.ip, found.protocol);
        Print::new(hash_segment(hash, found.protocol, found.data), &found.ip, path, (same_path, other_path))
    }

    /// Of a fragment, which always has an identification.
    pub(super) fn of_fragment(fragment: &Found<'_>, path: Path) -> Print {
        let Piece { id, offset, more } = fragment.piece;
        let place = u64::from(id) << 32 | u64::from(offset) << 1 | u64::from(more);
        let hash = mix(start(&fragment.ip, fragment.protocol), place);
        Print::new(hash_bytes(hash, fragment.data.data), &fragment.ip, path, (u32::MAX, u32::MAX))
    }

    #[inline]
    fn new(hash: u64, ip: &Ip, path: Path, (same_path_us, other_path_us): (u32, u32)) -> Print {
        let path = mix(path.0, ip.ttl.into());
        Print { fingerprint: hash | 1 << 63, path: (path >> 32) as u32, same_path_us, other_path_us }
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
    const KEEPS_TRANSPORT: bool = true;

    #[inline]
    fn macs(&mut self, destination: [u8; 6], source: [u8; 6]) {
        let [a, b, c, d, e, f] = destination;
        let [g, h, i, j, k, l] = source;
        self.0 =
            mix(mix(self.0, u64::from_le_bytes([a, b, c, d, e, f, g, h])), u32::from_le_bytes([i, j, k, l]).into());
    }

    #[inline]
    fn passage(&mut self, place: u64) {
        self.0 = mix(self.0, place);
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
    const ALL_BUT_UDP_CHECKSUM: u64 = u64::MAX >> 16;
    let bytes = data.data;
    match (IpNumber(protocol), bytes.split_first_chunk::<8>()) {
        (IpNumber::UDP | IpNumber::UDP_LITE, Some((head, rest))) => {
            hash_bytes(mix(hash, u64::from_le_bytes(*head) & ALL_BUT_UDP_CHECKSUM), rest)
        }
        (IpNumber::TCP, Some((head, rest))) => {
            let second = rest.first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
            let hash = mix(hash ^ u64::from_le_bytes(*head), second);
            hash_bytes(hash, rest.get(10..).unwrap_or_default())
        }
        (IpNumber::ICMP | IpNumber::IPV6_ICMP, Some((head, rest))) => {
            hash_bytes(mix(hash, u64::from_le_bytes(*head) & !0xffff_0000), rest)
        }
        _ => hash_bytes(hash, bytes),
    }
}

/// Folded 64-bit multiplication: both halves of the product depend on every bit of both factors.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (product >> 64) as u64 ^ product as u64
}

/// 64 bytes at a time in four lanes, which keeps the multiplier busy; the last bytes may be read twice.
#[inline]
fn hash_bytes(hash: u64, bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    let (blocks, rest) = words.as_chunks::<8>();
    let mut lanes = [hash, hash.rotate_left(16), hash.rotate_left(32), hash.rotate_left(48)];
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    for [a, b, c, d, e, f, g, h] in blocks {
        let [first, second, third, fourth] = lanes;
        lanes = [
            mix(first ^ word(a), word(b)),
            mix(second ^ word(c), word(d)),
            mix(third ^ word(e), word(f)),
            mix(fourth ^ word(g), word(h)),
        ];
    }
    let [first, second, third, fourth] = lanes;
    let mut hash = if blocks.is_empty() { hash } else { mix(first ^ second, third ^ fourth.rotate_left(1)) };
    let (pairs, odd) = rest.as_chunks::<2>();
    for [a, b] in pairs {
        hash = mix(hash ^ word(a), word(b));
    }
    let odd = odd.first().map_or(0, word);
    let last = match bytes.last_chunk::<8>() {
        Some(last) => word(last),
        None => tail.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
    };
    mix(hash ^ odd, last ^ (bytes.len() as u64).rotate_left(48))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Batch, LinkType};
    use crate::decode::{Decoded, Decoder, Options, Skip, golden};

    /// Copies counted of packets at these times in microseconds.
    fn counted(window: Duration, frames: &[(u64, Vec<u8>)]) -> usize {
        counted_of(LinkType::ETHERNET, window, frames)
    }

    fn counted_of(link: LinkType, window: Duration, frames: &[(u64, Vec<u8>)]) -> usize {
        let mut batch = Batch::default();
        for (micros, bytes) in frames {
            batch.push(Timestamp::from_nanos(1_000_000_000 + micros * 1_000), link, 0, bytes);
        }
        let mut decoder = Decoder::new(Options { duplicate_window: window, ..Options::default() });
        let counted = (0..frames.len())
            .filter(|index| {
                let clock = batch.frames[*index].timestamp;
                matches!(decoder.decode(&mut batch, *index, clock), Ok(Decoded::Packet(_)))
            })
            .count();
        assert_eq!(decoder.skips().of(Skip::Duplicate) as usize, frames.len() - counted);
        counted
    }

    const WINDOW: Duration = Duration::from_millis(50);

    fn udp(ttl: u8, id: u16) -> Vec<u8> {
        golden::ethernet(0x0800, golden::ipv4(17, ttl, id, &golden::udp(5004, 5004, golden::PAYLOAD)))
    }

    fn tcp(ttl: u8, id: u16) -> Vec<u8> {
        golden::ethernet(0x0800, golden::ipv4(6, ttl, id, &golden::tcp(golden::PAYLOAD)))
    }

    fn tagged() -> Vec<u8> {
        let packet = golden::ipv4(17, 64, 9, &golden::udp(5004, 5004, golden::PAYLOAD));
        golden::ethernet(0x8100, [golden::tag(20, 0x0800), packet].concat())
    }

    #[test]
    fn a_packet_mirrored_twice_counts_once() {
        let rerouted = udp(63, 9);
        for copy in [udp(64, 9), rerouted, tagged()] {
            assert_eq!(counted(WINDOW, &[(0, udp(64, 9)), (300, copy)]), 1);
        }
        assert_eq!(counted(WINDOW, &[(0, udp(64, 0)), (300, udp(63, 0))]), 1);
        assert_eq!(counted(WINDOW, &[(0, tcp(64, 9)), (20_000, tcp(64, 9))]), 1);
    }

    #[test]
    fn a_datagram_that_a_machine_takes_in_and_sends_out_counts_once_among_all_its_interfaces() {
        let packet = golden::ipv4(17, 64, 0, &golden::udp(5004, 5004, golden::PAYLOAD));
        let cooked = |kind: u8| [&[0, kind, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], packet.as_slice()].concat();
        let (came_in, went_out) = (cooked(3), cooked(4));
        let frames = [(0, came_in.clone()), (100, went_out)];
        assert_eq!(counted_of(LinkType::LINUX_SLL, WINDOW, &frames), 1);
        assert_eq!(counted_of(LinkType::LINUX_SLL, WINDOW, &[(0, came_in.clone()), (100, came_in)]), 2, "repeated");
    }

    #[test]
    fn a_copy_with_another_checksum_is_still_a_copy() {
        let mut copy = udp(63, 9);
        copy[14 + 20 + 6] ^= 0xff;
        copy[14 + 10] ^= 0xff;
        assert_eq!(counted(WINDOW, &[(0, udp(64, 9)), (300, copy)]), 1);
    }

    #[test]
    fn repetitions_count_however_equal_they_are() {
        let repeated = [(0, udp(64, 0)), (100, udp(64, 0)), (5_000, udp(64, 0))];
        assert_eq!(counted(WINDOW, &repeated), 3);
        let renumbered: Vec<_> = (0..50).map(|i| (i * 20, udp(64, i as u16 + 1))).collect();
        assert_eq!(counted(WINDOW, &renumbered), 50);
        let constant = [(0, udp(64, 9)), (20_000, udp(64, 9))];
        assert_eq!(counted(WINDOW, &constant), 2);
        let v6 = golden::ethernet(0x86dd, golden::ipv6(6, &golden::tcp(golden::PAYLOAD)));
        assert_eq!(counted(WINDOW, &[(0, v6.clone()), (900, v6)]), 2);
        assert_eq!(counted(WINDOW, &[(0, tcp(64, 8)), (10_000, tcp(64, 9))]), 2);
    }

    #[test]
    fn each_repetition_counts_once_where_two_points_are_mirrored() {
        let frames: Vec<_> = (0..10).flat_map(|i| [(i * 1_000, udp(64, 0)), (i * 1_000 + 200, udp(63, 0))]).collect();
        assert_eq!(counted(WINDOW, &frames), 10);
    }

    #[test]
    fn beyond_the_window_and_without_one_everything_counts() {
        let frames = [(0, udp(64, 9)), (60_000, udp(63, 9))];
        assert_eq!(counted(WINDOW, &frames), 2);
        assert_eq!(counted(Duration::ZERO, &[(0, udp(64, 9)), (1, udp(63, 9))]), 2);
    }

    #[test]
    fn mirrored_fragments_make_one_datagram() {
        let payload = golden::udp(5004, 5004, &[7; 200]);
        let part = |ttl, start: usize, end: usize, field: u16| {
            let mut bytes = golden::ethernet(0x0800, golden::ipv4(17, ttl, 77, &payload[start..end]));
            bytes[20..22].copy_from_slice(&field.to_be_bytes());
            bytes
        };
        let frames: Vec<_> = [(64, 0), (63, 50)]
            .iter()
            .flat_map(|&(ttl, at)| [(at, part(ttl, 0, 104, 0x2000)), (at + 10, part(ttl, 104, 208, 13))])
            .collect();
        let mut batch = Batch::default();
        for (micros, bytes) in &frames {
            batch.push(Timestamp::from_nanos(micros * 1_000), LinkType::ETHERNET, 0, bytes);
        }
        let mut decoder = Decoder::new(Options::default());
        let packets = (0..4).filter_map(|i| decoder.decode(&mut batch, i, Timestamp::ZERO).ok()).collect::<Vec<_>>();
        let [Decoded::Held, Decoded::Packet(packet)] = packets.as_slice() else { panic!("{packets:?}") };
        assert_eq!((packet.frames, decoder.skips().of(Skip::Duplicate)), (2, 2));
    }
}
