//! IPv4 (RFC 791) and IPv6 (RFC 8200) packets with right lengths and checksums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP protocol numbers (IANA).
pub mod protocol {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
}

/// A packet of the family of `from` and `to`; `id` is the IPv4 identification, unused in IPv6.
///
/// # Panics
/// Where the families differ or the packet passes 65,535 bytes.
#[must_use]
pub fn ip_packet(from: IpAddr, to: IpAddr, protocol: u8, hop_limit: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ipv4(from, to, protocol, hop_limit, id, payload),
        (IpAddr::V6(from), IpAddr::V6(to)) => ipv6(from, to, protocol, hop_limit, payload),
        _ => panic!("a packet from {from} to {to} mixes address families"),
    }
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, hop_limit: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend(length(20 + payload.len()));
    packet.extend(id.to_be_bytes());
    packet.extend([0x40, 0, hop_limit, protocol, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    let checksum = internet_checksum(&[&packet]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, next_header: u8, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(length(payload.len()));
    packet.extend([next_header, hop_limit]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or_else(|_| panic!("{len} bytes do not fit an IP packet")).to_be_bytes()
}

/// An IPv6 extension header in the common shape: next header, length in eights of bytes beyond the first, body.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6Extension<'a> {
    /// Its own protocol number: 0 hop-by-hop, 43 routing, 60 destination options.
    pub kind: u8,
    /// 6 bytes, or 6 plus a multiple of 8.
    pub body: &'a [u8],
}

/// An IPv6 packet with extension headers in the given order before its transport.
///
/// # Panics
/// Where a body's length is not 6 plus a multiple of 8.
#[must_use]
pub fn ipv6_extended(
    from: Ipv6Addr,
    to: Ipv6Addr,
    extensions: &[Ipv6Extension<'_>],
    protocol: u8,
    transport: &[u8],
) -> Vec<u8> {
    let mut payload = Vec::new();
    for (index, extension) in extensions.iter().enumerate() {
        assert_eq!(extension.body.len() % 8, 6, "an extension header is a multiple of 8 bytes");
        let next = extensions.get(index + 1).map_or(protocol, |following| following.kind);
        payload.extend([next, (extension.body.len() / 8) as u8]);
        payload.extend(extension.body);
    }
    payload.extend(transport);
    let first = extensions.first().map_or(protocol, |extension| extension.kind);
    ipv6(from, to, first, 64, &payload)
}

/// The Internet checksum (RFC 1071) over the concatenation of `parts`, of which only the last may have an odd length.
#[must_use]
pub fn internet_checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum of a transport over its pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
pub(crate) fn transport_checksum(from: IpAddr, to: IpAddr, protocol: u8, transport: &[u8]) -> u16 {
    let len = (transport.len() as u32).to_be_bytes();
    let tail = [0, 0, 0, protocol];
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            internet_checksum(&[&from.octets(), &to.octets(), &len, &tail, transport])
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            internet_checksum(&[&from.octets(), &to.octets(), &len, &tail, transport])
        }
        _ => panic!("a packet from {from} to {to} mixes address families"),
    }
}

#[cfg(test)]
mod tests {
    use super::{internet_checksum, ip_packet, protocol};

    #[test]
    fn an_ipv4_header_sums_to_zero() {
        let packet = ip_packet([10, 0, 0, 1].into(), [8, 8, 8, 8].into(), protocol::UDP, 64, 7, b"payload");
        assert_eq!(packet.len(), 27);
        assert_eq!(internet_checksum(&[&packet[..20]]), 0);
    }
}
