//! Which flow a packet belongs to: the unordered pair of its endpoints, and the transport.

use std::hint::select_unpredictable;

use crate::decode::Packet;
use crate::net::deal::Deal;
use crate::net::{Endpoint, IpVersion};

/// One of the two endpoints of a flow, by the numeric order of (address, port).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// The endpoint with the smaller (address, port).
    Low = 0,
    /// The other one.
    High = 1,
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Low => Side::High,
            Side::High => Side::Low,
        }
    }
}

/// A value for each side of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PerSide<T> {
    low: T,
    high: T,
}

impl<T> PerSide<T> {
    /// Of one side.
    #[inline]
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }

    /// Of one side, to change it.
    #[inline]
    pub const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        }
    }
}

/// The identity of a flow: both endpoints in numeric order, transport and IP version. VLAN and tunnel are not part of
/// it, since a mirror session may show them on one direction only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Addresses as four words: low address (high half, low half), high address (high half, low half).
    words: [u64; 4],
    ports: PerSide<u16>,
    protocol: u8,
    version: IpVersion,
    /// ICMP messages without a counterpart; see [`Packet::one_way`].
    one_way: bool,
}

impl FlowKey {
    /// The key of a packet, and the side that sent it.
    #[inline(always)]
    #[must_use]
    pub fn of(packet: &Packet) -> (FlowKey, Side) {
        // Which side sent is as good as random: a branch on it would be mispredicted for every other packet.
        let (from, to) = (packet.source, packet.destination);
        let descends = (from > to) | ((from == to) & (packet.source_port > packet.destination_port));
        let words = |bits: u128| [(bits >> 64) as u64, bits as u64];
        let ([a, b], [c, d]) = (words(from), words(to));
        let key = FlowKey {
            words: [
                select_unpredictable(descends, c, a),
                select_unpredictable(descends, d, b),
                select_unpredictable(descends, a, c),
                select_unpredictable(descends, b, d),
            ],
            ports: PerSide {
                low: select_unpredictable(descends, packet.destination_port, packet.source_port),
                high: select_unpredictable(descends, packet.source_port, packet.destination_port),
            },
            protocol: packet.protocol,
            version: packet.version,
            one_way: packet.one_way,
        };
        let side = if descends { Side::High } else { Side::Low };
        (key, side)
    }

    /// One endpoint.
    #[must_use]
    pub fn endpoint(&self, side: Side) -> Endpoint {
        let [a, b, c, d] = self.words;
        let (high_half, low_half) = match side {
            Side::Low => (a, b),
            Side::High => (c, d),
        };
        let bits = u128::from(high_half) << 64 | u128::from(low_half);
        Endpoint { address: self.version.address(bits), port: *self.ports.of(side) }
    }

    /// Port of one endpoint.
    #[must_use]
    pub const fn port(&self, side: Side) -> u16 {
        *self.ports.of(side)
    }

    /// IP protocol number.
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        self.protocol
    }

    /// IP version.
    #[must_use]
    pub const fn version(&self) -> IpVersion {
        self.version
    }

    /// True for ICMP messages without a counterpart.
    #[must_use]
    pub const fn one_way(&self) -> bool {
        self.one_way
    }
}

/// A keyed hash of flow keys.
///
/// Addresses and ports are chosen by whoever sends packets, so the hash is seeded: without the seed nobody can aim
/// at one bucket. It folds 64×64-bit products, as wyhash and foldhash do.
#[derive(Clone, Copy, Debug)]
pub struct FlowHasher {
    seeds: [u64; 6],
    deal: Deal,
}

impl FlowHasher {
    /// A hasher with its six words drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        let seeds = std::array::from_fn(|_| split_mix(&mut state));
        FlowHasher { seeds, deal: Deal::new(split_mix(&mut state)) }
    }

    /// How flows are dealt to partitions.
    #[must_use]
    pub const fn deal(&self) -> Deal {
        self.deal
    }

    /// The hash of a key: all 64 bits are usable, the upper six are its part by [`FlowHasher::deal`].
    #[inline(always)]
    #[must_use]
    pub fn hash(&self, key: &FlowKey) -> u64 {
        let [a, b, c, d] = key.words;
        let [s0, s1, s2, s3, s4, s5] = self.seeds;
        let rest = u64::from(key.ports.low)
            | u64::from(key.ports.high) << 16
            | u64::from(key.protocol) << 32
            | u64::from(key.version as u8) << 40
            | u64::from(key.one_way) << 48;
        let first = fold(a ^ s0, b ^ s1);
        let second = fold(c ^ s2, d ^ s3);
        let part = self.deal.part(key.words, (key.ports.low, key.ports.high), key.protocol) as u64;
        part << 58 | fold(first ^ second.rotate_left(32) ^ s4, rest ^ s5) >> 6
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Next output of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::testing::udp;

    #[test]
    fn both_directions_have_one_key_and_opposite_sides() {
        let there = udp("10.0.0.1", 5000, "9.9.9.9", 53);
        let back = udp("9.9.9.9", 53, "10.0.0.1", 5000);
        let (key, side) = FlowKey::of(&there);
        let (same, opposite) = FlowKey::of(&back);
        assert_eq!(key, same);
        assert_eq!(side, opposite.other());
        assert_eq!(key.endpoint(side).port, 5000);
        assert_eq!(key.endpoint(opposite).address.to_string(), "9.9.9.9");
    }

    #[test]
    fn the_smaller_address_and_then_the_smaller_port_is_the_low_side() {
        let hosts = ["10.0.0.1", "9.9.9.9", "::1", "2001:db8::1", "2001:db8:0:1::", "fe80::9"];
        for source in hosts {
            for destination in hosts.into_iter().filter(|host| host.contains(':') == source.contains(':')) {
                for ports in [(7, 9), (9, 7), (9, 9)] {
                    let packet = udp(source, ports.0, destination, ports.1);
                    let (from, to) = ((packet.source, ports.0), (packet.destination, ports.1));
                    let (key, side) = FlowKey::of(&packet);
                    assert_eq!(side, if from <= to { Side::Low } else { Side::High });
                    let ends = (key.endpoint(side), key.endpoint(side.other()));
                    assert_eq!(ends.0, Endpoint { address: packet.version.address(from.0), port: from.1 });
                    assert_eq!(ends.1, Endpoint { address: packet.version.address(to.0), port: to.1 });
                }
            }
        }
    }

    #[test]
    fn a_host_talking_to_itself_keeps_its_ports_apart() {
        let (key, side) = FlowKey::of(&udp("10.0.0.1", 7, "10.0.0.1", 9));
        assert_eq!((key.port(side), key.port(side.other())), (7, 9));
    }

    #[test]
    fn the_hash_spreads_neighbouring_keys_and_follows_its_seed() {
        let hasher = FlowHasher::new(1);
        let mut buckets = [0u32; 64];
        for port in 0..64_000u16 {
            let (key, _) = FlowKey::of(&udp("10.0.0.1", port, "9.9.9.9", 53));
            buckets[(hasher.hash(&key) >> 58) as usize] += 1;
        }
        assert!(buckets.iter().all(|&n| (850..1150).contains(&n)), "{buckets:?}");
        let (key, _) = FlowKey::of(&udp("10.0.0.1", 1, "9.9.9.9", 53));
        assert_ne!(hasher.hash(&key), FlowHasher::new(2).hash(&key));
    }
}
