//! The second copy of a packet mirrored twice.
//!
//! A span port that mirrors a switch's ingress and egress, or two points of one path, delivers packets twice: at the
//! second point with another time to live, VLAN, hardware address or tunnel, or just the same. Only the first copy may
//! count. A packet is known by a fingerprint of what no switch or router on the way changes: addresses, protocol, IP
//! length, IPv4 identification, the captured transport header and payload (of a long TCP segment its ends); without the
//! type of service, time to live and checksums. Its *path* is a fingerprint of what may differ between mirror points:
//! hardware addresses, VLAN ids, tunnels and their endpoints, capture interface, time to live.
//!
//! Equal packets are no proof: senders repeat datagrams, retransmit, and send equal acknowledgements. So:
//!
//! * **Another path, IPv4 with an identification, or TCP with payload:** a duplicate within the window. The repetition
//!   of a packet takes the path of the first one, so each repetition counts once more there, and its copies on other
//!   paths do not.
//! * **Another path, anything else:** a duplicate within [`OTHER_PATH_ALIKE`](super::print) only. Probes of a route
//!   differ in nothing but their time to live, and a host with two links may send equal datagrams over both in turn.
//! * **The same path, IPv4 with an identification:** a repetition has a new identification (RFC 6864), so an equal one
//!   is a copy: of TCP within the window, of other transports within [`SAME_PATH_DATAGRAM`](super::print), since some
//!   small stacks never change it.
//! * **The same path, identification 0 or IPv6:** only a TCP segment that takes up sequence space, within
//!   [`SAME_PATH_SEGMENT`](super::print): no sender repeats one so fast. Equal acknowledgements and datagrams all count.
//!
//! The table has a fixed size, in sets of four that fill one cache line; a full set forgets its oldest entry, which at
//! worst counts a copy. Packet time is kept in microseconds modulo 2^32. Which set a packet belongs to is as good as
//! random, so each is a cache miss: [`Duplicates::warm`] reads the sets of many packets ahead of their turn.

use std::time::Duration;

use super::print::Print;
use crate::net::Timestamp;

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
struct Set {
    /// 0 where the entry is free.
    fingerprints: [u64; WAYS],
    times_us: [u32; WAYS],
    paths: [u32; WAYS],
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

    /// A word of the set that the packet belongs to: reading it brings the set into the cache.
    #[inline]
    pub(super) fn warm(&self, print: &Print) -> u64 {
        self.sets.get(print.fingerprint as usize % SETS).map_or(0, |set| set.fingerprints[0])
    }

    /// Says whether the packet at `time` is the copy of one that counted, and remembers it otherwise.
    #[inline]
    pub(super) fn check(&mut self, print: &Print, time: Timestamp) -> bool {
        let now = (time.as_nanos() / 1_000) as u32;
        let Some(set) = self.sets.get_mut(print.fingerprint as usize % SETS) else { return false };
        let way = match set.way_of(print.fingerprint) {
            Some(way) if set.holds_original(way, print, now, self.window_us) => return true,
            Some(way) => way,
            None => set.oldest(now),
        };
        set.put(way, print, now);
        false
    }
}

impl Set {
    #[inline]
    fn way_of(&self, fingerprint: u64) -> Option<usize> {
        self.fingerprints.iter().position(|known| *known == fingerprint)
    }

    /// Whether the packet is a copy of the equal one that is known.
    #[cold]
    fn holds_original(&self, way: usize, print: &Print, now: u32, window_us: u32) -> bool {
        let (Some(time_us), Some(path)) = (self.times_us.get(way), self.paths.get(way)) else { return false };
        distance(now, *time_us) <= micros(print.copy_within(*path)).min(window_us)
    }

    /// A free entry, or else the oldest one.
    #[inline]
    fn oldest(&self, now: u32) -> usize {
        let [a, b, c, d] = self.fingerprints;
        let [e, f, g, h] = self.times_us;
        // By age, and then by number.
        let rank = |way: u64, fingerprint: u64, time_us: u32| {
            u64::from(fingerprint == 0) << 34 | u64::from(now.wrapping_sub(time_us)) << 2 | way
        };
        let ranks = (rank(0, a, e).max(rank(1, b, f)), rank(2, c, g).max(rank(3, d, h)));
        (ranks.0.max(ranks.1) & 3) as usize
    }

    #[inline]
    fn put(&mut self, way: usize, print: &Print, now: u32) {
        let Set { fingerprints, times_us, paths } = self;
        if let (Some(fingerprint), Some(time_us), Some(path)) =
            (fingerprints.get_mut(way), times_us.get_mut(way), paths.get_mut(way))
        {
            (*fingerprint, *time_us, *path) = (print.fingerprint, now, print.path);
        }
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
    fn no_words_in_a_payload_make_other_packets_copies() {
        // Those that the hash was once made with, and what takes a factor to zero or one.
        let words = [0x9e37_79b9_7f4a_7c15_u64, 0xd1b5_4a32_d192_ed03, 0xd1b5_4a32_d192_ed02, 0, 1, u64::MAX];
        for word in words {
            for len in [24, 64, 200, 1_400] {
                let segment = |number: u16| {
                    let mut payload = vec![0x55; len];
                    payload[..2].copy_from_slice(&number.to_be_bytes());
                    for place in payload[8..].chunks_exact_mut(8).rev().take(16) {
                        place.copy_from_slice(&word.to_le_bytes());
                    }
                    golden::ethernet(0x0800, golden::ipv4(6, 64, number, &golden::tcp(&payload)))
                };
                let frames: Vec<_> = (1..200).map(|number| (u64::from(number), segment(number))).collect();
                assert_eq!(counted(WINDOW, &frames), frames.len(), "{word:x} in {len} bytes");
            }
        }
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
    fn long_segments_that_differ_in_what_tcp_numbers_are_no_copies_and_equal_ones_are() {
        let segment = |at: usize, change: u8, len: usize| {
            let mut bytes = golden::ethernet(0x0800, golden::ipv4(6, 64, 9, &golden::tcp(&vec![7; len])));
            bytes[at] ^= change;
            bytes
        };
        let end = segment(0, 0, 1_400).len() - 1;
        assert_eq!(counted(WINDOW, &[(0, segment(0, 0, 1_400)), (300, segment(0, 0, 1_400))]), 1);
        let transport = 14 + 20;
        let (sequence, acknowledgement, flags) = (transport + 7, transport + 11, transport + 13);
        for at in [sequence, acknowledgement, flags, transport + 20, transport + 100, end] {
            assert_eq!(counted(WINDOW, &[(0, segment(0, 0, 1_400)), (300, segment(at, 1, 1_400))]), 2, "byte {at}");
        }
        assert_eq!(counted(WINDOW, &[(0, segment(0, 0, 1_400)), (300, segment(0, 0, 1_399))]), 2);
    }

    #[test]
    fn no_byte_of_a_datagram_can_differ_in_a_copy() {
        for len in [1, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 300, 1_400] {
            let datagram = golden::udp(5004, 5004, &vec![7; len]);
            let first = golden::ethernet(0x0800, golden::ipv4(17, 64, 9, &datagram));
            for at in 14 + 20 + 8..first.len() {
                let mut other = first.clone();
                other[at] ^= 1;
                assert_eq!(counted(WINDOW, &[(0, first.clone()), (300, other)]), 2, "byte {at} of {len}");
            }
        }
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
