//! IPv6 addresses that carry an IPv4 address by a standard: whoever is behind them is known by the IPv4 address.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `::/96`, where MaxMind databases keep IPv4; as IPv6 addresses they are deprecated (RFC 4291 section 2.5.5.1).
const COMPATIBLE: Block = Block { bits: 0, length: 96 };
/// `::ffff:0:0/96`, IPv4-mapped (RFC 4291 section 2.5.5.2).
const MAPPED: Block = Block { bits: 0xffff << 32, length: 96 };
/// `64:ff9b::/96`, NAT64 (RFC 6052 section 2.1).
const NAT64: Block = Block { bits: 0x0064_ff9b << 96, length: 96 };
/// `2001::/32`, Teredo (RFC 4380 section 4).
const TEREDO: Block = Block { bits: 0x2001_0000 << 96, length: 32 };
/// `2002::/16`, 6to4 (RFC 3056 section 2).
const SIX_TO_FOUR: Block = Block { bits: 0x2002 << 112, length: 16 };

/// A block of IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// First address.
    pub(super) bits: u128,
    /// Number of fixed bits.
    pub(super) length: u8,
}

impl Block {
    /// Last address.
    pub(super) fn last(self) -> u128 {
        self.bits | u128::MAX.checked_shr(u32::from(self.length)).unwrap_or(0)
    }

    fn contains(self, bits: u128) -> bool {
        (self.bits..=self.last()).contains(&bits)
    }
}

/// The IPv4 address that `address` carries: IPv4-mapped (RFC 4291 section 2.5.5.2), NAT64 well-known prefix (RFC 6052
/// section 2.1), 6to4 (RFC 3056 section 2), or the client's of Teredo (RFC 4380 section 4, stored inverted).
#[must_use]
pub fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let v4 = if MAPPED.contains(bits) || NAT64.contains(bits) {
        bits as u32
    } else if SIX_TO_FOUR.contains(bits) {
        (bits >> 80) as u32
    } else if TEREDO.contains(bits) {
        !(bits as u32)
    } else {
        return None;
    };
    Some(Ipv4Addr::from_bits(v4))
}

/// All IPv6 blocks that carry no IPv4 address, ascending: what a database is asked for as IPv6.
pub(super) fn native_blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    split(Block { bits: 0, length: 0 }, &mut blocks);
    blocks
}

fn split(block: Block, native: &mut Vec<Block>) {
    let carriers = [COMPATIBLE, MAPPED, NAT64, TEREDO, SIX_TO_FOUR];
    if carriers.iter().any(|carrier| carrier.contains(block.bits) && carrier.contains(block.last())) {
        return;
    }
    if !carriers.iter().any(|carrier| block.contains(carrier.bits)) {
        return native.push(block);
    }
    let length = block.length + 1;
    split(Block { bits: block.bits, length }, native);
    split(Block { bits: block.bits | 1 << (128 - length), length }, native);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_carried_in_ipv6_is_found() {
        let carried = |text: &str| carried_v4(text.parse().unwrap()).map(|v4| v4.to_string());
        assert_eq!(carried("::ffff:1.2.3.4").as_deref(), Some("1.2.3.4"));
        assert_eq!(carried("64:ff9b::1.2.3.4").as_deref(), Some("1.2.3.4"));
        assert_eq!(carried("2002:102:304:5::6").as_deref(), Some("1.2.3.4"));
        // The example of RFC 4380 section 5.2.9's form: client 192.0.2.45 behind server 65.54.227.120.
        assert_eq!(carried("2001:0:4136:e378:8000:63bf:3fff:fdd2").as_deref(), Some("192.0.2.45"));
        for other in ["::", "::1", "::1.2.3.4", "64:ff9b:1::1", "2001:1::1", "2003::1", "2a00::1"] {
            assert_eq!(carried(other), None, "{other}");
        }
    }

    #[test]
    fn the_native_blocks_and_the_carriers_cover_every_address_once() {
        let mut all = native_blocks();
        assert!(all.is_sorted_by_key(|block| block.bits));
        all.extend([COMPATIBLE, MAPPED, NAT64, TEREDO, SIX_TO_FOUR]);
        all.sort_by_key(|block| block.bits);
        assert_eq!(all[0].bits, 0);
        assert!(all.windows(2).all(|pair| pair[0].last() + 1 == pair[1].bits));
        assert_eq!(all.last().map(|block| block.last()), Some(u128::MAX));
    }
}
