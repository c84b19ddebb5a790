//! A set of addresses as ranges: asked before anything else of most flows, and nearly always answered by one bit.
//!
//! Of the 65,536 blocks of IPv4 addresses that share their first 16 bits most lie in one country: two bits of each block
//! (16 KiB in all) say that none or all of it is in the set, and only where it is divided are the ranges searched. Of
//! IPv6 the upper halves are searched, so the set may hold more of a divided /64 than it was made of.

use std::net::IpAddr;

use super::carried_v4;
use crate::net::{IpVersion, Prefix};

/// Ranges in any order, which may overlap: first and last address.
#[derive(Clone, Debug, Default)]
pub struct RangeList {
    /// Of IPv4.
    pub v4: Vec<(u32, u32)>,
    /// Of IPv6, the upper halves.
    pub v6: Vec<(u64, u64)>,
}

impl RangeList {
    /// Adds the addresses of `prefix`.
    pub fn push(&mut self, prefix: Prefix) {
        let (first, last) = (prefix.first_bits(), prefix.last_bits());
        match prefix.version() {
            IpVersion::V4 => self.v4.push((first as u32, last as u32)),
            IpVersion::V6 => self.v6.push(((first >> 64) as u64, (last >> 64) as u64)),
        }
    }
}

/// A set of addresses.
#[derive(Clone, Debug)]
pub struct Ranges {
    blocks: Vec<u64>,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u64, u64)>,
}

/// Blocks whose two bits share a word.
const BLOCKS_PER_WORD: u32 = 32;
const NONE: u64 = 0b00;
const ALL: u64 = 0b01;
const DIVIDED: u64 = 0b10;

impl From<RangeList> for Ranges {
    fn from(list: RangeList) -> Ranges {
        let v4 = merged(list.v4, |last| last.checked_add(1));
        let v6 = merged(list.v6, |last| last.checked_add(1));
        let mut blocks = vec![NONE; (1 << 16) / BLOCKS_PER_WORD as usize];
        let mut mark = |block: u32, state: u64| {
            if let Some(word) = blocks.get_mut((block / BLOCKS_PER_WORD) as usize) {
                *word |= state << (block % BLOCKS_PER_WORD * 2);
            }
        };
        for &(first, last) in &v4 {
            for block in first >> 16..=last >> 16 {
                let is_whole = first <= block << 16 && last >= block << 16 | 0xffff;
                mark(block, if is_whole { ALL } else { DIVIDED });
            }
        }
        Ranges { blocks, v4, v6 }
    }
}

/// The same ranges, ascending, apart, and as few as there can be.
fn merged<K: Copy + Ord>(mut ranges: Vec<(K, K)>, next: impl Fn(K) -> Option<K>) -> Vec<(K, K)> {
    ranges.sort_unstable();
    let mut merged: Vec<(K, K)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if next(before.1).is_none_or(|next| first <= next) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.shrink_to_fit();
    merged
}

impl Ranges {
    /// True where the set holds `address`, or the IPv4 address that it carries by a standard.
    #[inline]
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.contains_v4(v4.to_bits()),
            IpAddr::V6(v6) => {
                carried_v4(v6).is_some_and(|v4| self.contains_v4(v4.to_bits()))
                    || holds(&self.v6, (v6.to_bits() >> 64) as u64)
            }
        }
    }

    #[inline]
    fn contains_v4(&self, address: u32) -> bool {
        let block = address >> 16;
        let word = self.blocks.get((block / BLOCKS_PER_WORD) as usize).copied().unwrap_or_default();
        match word >> (block % BLOCKS_PER_WORD * 2) & 0b11 {
            NONE => false,
            ALL => true,
            _ => holds(&self.v4, address),
        }
    }
}

fn holds<K: Ord + Copy>(ranges: &[(K, K)], key: K) -> bool {
    let before = ranges.partition_point(|(first, _)| *first <= key);
    before.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|(_, last)| key <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_what_its_ranges_hold(
            ranges in prop::collection::vec((any::<u32>(), 0u32..1 << 20), 0..40),
            asked in prop::collection::vec(any::<u32>(), 20),
        ) {
            let v4: Vec<(u32, u32)> = ranges.iter().map(|(first, len)| (*first, first.saturating_add(*len))).collect();
            let v6 = v4.iter().map(|(first, last)| (u64::from(*first) << 32, u64::from(*last) << 32)).collect();
            let set = Ranges::from(RangeList { v4: v4.clone(), v6 });
            let edges = v4.iter().flat_map(|(first, last)| {
                [*first, *last, first.wrapping_sub(1), last.wrapping_add(1), first & !0xffff, last | 0xffff]
            });
            for address in edges.chain(asked) {
                let expected = v4.iter().any(|(first, last)| (*first..=*last).contains(&address));
                prop_assert_eq!(set.contains(IpAddr::from(address.to_be_bytes())), expected, "{}", address);
                let v6 = u128::from(address) << 96;
                if carried_v4(v6.into()).is_none() {
                    prop_assert_eq!(set.contains(IpAddr::V6(v6.into())), expected, "{}", address);
                }
            }
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_found() {
        let mut list = RangeList::default();
        list.push("47.88.0.0/14".parse().unwrap());
        list.push("2408:4000::/22".parse().unwrap());
        let set = Ranges::from(list);
        for (address, expected) in
            [("64:ff9b::2f58:1", true), ("64:ff9b::808:808", false), ("2408:4000::1", true), ("2001:4860::8", false)]
        {
            assert_eq!(set.contains(address.parse().unwrap()), expected, "{address}");
        }
    }
}
