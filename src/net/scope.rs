//! Address scopes: which addresses are hosts of the Internet, and which are something else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, after the IANA special-purpose address registries (RFC 6890) and RFC 4291.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Routed on the Internet: one host (or one anycast service) somewhere in the world.
    Global,
    /// Private networks: RFC 1918, and unique local IPv6 addresses (RFC 4193).
    Private,
    /// Shared by carriers between their customers and their address translators, `100.64.0.0/10` (RFC 6598).
    Shared,
    /// Valid on one link only (RFC 3927, RFC 4291).
    LinkLocal,
    /// The host itself.
    Loopback,
    /// A group of hosts.
    Multicast,
    /// Every host of the link, `255.255.255.255`.
    Broadcast,
    /// No address yet, `0.0.0.0` or `::`.
    Unspecified,
    /// For examples in documents (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// For measurements between test devices (RFC 2544, RFC 5180).
    Benchmarking,
    /// Set aside for protocols or the future.
    Reserved,
}

impl Scope {
    /// The scope of `address`. An IPv4 address inside an IPv6 one (RFC 4291 mapped, RFC 6052 NAT64) has its own scope.
    #[must_use]
    pub fn of(address: IpAddr) -> Scope {
        match address {
            IpAddr::V4(v4) => Scope::of_v4(v4),
            IpAddr::V6(v6) => Scope::of_v6(v6),
        }
    }

    /// True where the address names one host, so that it can be an asset or somebody an asset talks to.
    #[must_use]
    pub fn is_host(self) -> bool {
        !matches!(self, Scope::Loopback | Scope::Multicast | Scope::Broadcast | Scope::Unspecified)
    }

    /// True where a country or an autonomous system can be looked up for the address.
    #[must_use]
    pub fn is_global(self) -> bool {
        self == Scope::Global
    }

    fn of_v4(address: Ipv4Addr) -> Scope {
        match address.octets() {
            [0, 0, 0, 0] => Scope::Unspecified,
            [255, 255, 255, 255] => Scope::Broadcast,
            [127, ..] => Scope::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Scope::Private,
            [100, 64..=127, ..] => Scope::Shared,
            [169, 254, ..] => Scope::LinkLocal,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Scope::Documentation,
            [198, 18..=19, ..] => Scope::Benchmarking,
            [224..=239, ..] => Scope::Multicast,
            [0, ..] | [192, 0, 0, _] | [240..=255, ..] => Scope::Reserved,
            _ => Scope::Global,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Scope {
        if let Some(inner) = embedded_v4(address) {
            return Scope::of_v4(inner);
        }
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Scope::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Loopback,
            [0xff00..=0xffff, ..] => Scope::Multicast,
            [0xfe80..=0xfebf, ..] => Scope::LinkLocal,
            [0xfc00..=0xfdff, ..] => Scope::Private,
            [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => Scope::Documentation,
            [0x2001, 0x0002, 0, ..] => Scope::Benchmarking,
            [0x2000..=0x3fff, ..] => Scope::Global,
            _ => Scope::Reserved,
        }
    }
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::of(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_global_up_to_the_edge_of_the_special_blocks() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2a00::1",
            "64:ff9b::808:808",
            "2001:0:4136::1",
        ] {
            assert_eq!(scope(text), Scope::Global, "{text}");
        }
    }

    #[test]
    fn special_addresses_are_told_apart() {
        for (text, expected) in [
            ("10.0.0.0", Scope::Private),
            ("172.31.255.255", Scope::Private),
            ("192.168.1.1", Scope::Private),
            ("fd00::1", Scope::Private),
            ("64:ff9b::a00:1", Scope::Private),
            ("100.64.0.1", Scope::Shared),
            ("169.254.1.1", Scope::LinkLocal),
            ("fe80::1", Scope::LinkLocal),
            ("127.0.0.1", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("224.0.0.251", Scope::Multicast),
            ("239.255.255.255", Scope::Multicast),
            ("ff02::1", Scope::Multicast),
            ("255.255.255.255", Scope::Broadcast),
            ("0.0.0.0", Scope::Unspecified),
            ("::", Scope::Unspecified),
            ("203.0.113.9", Scope::Documentation),
            ("2001:db8::1", Scope::Documentation),
            ("198.19.0.1", Scope::Benchmarking),
            ("240.0.0.1", Scope::Reserved),
            ("0.1.2.3", Scope::Reserved),
            ("4000::1", Scope::Reserved),
        ] {
            assert_eq!(scope(text), expected, "{text}");
        }
    }
}
