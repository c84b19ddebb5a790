//! TCP, UDP, ICMP and SCTP, each as the bytes that follow the IP header.

use crate::ip::{internet_checksum, protocol, transport_checksum};
use std::net::{IpAddr, SocketAddr};

/// TCP control bits.
pub mod flags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push function.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number is significant.
    pub const ACK: u8 = 0x10;
}

/// A UDP datagram (RFC 768).
#[must_use]
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap_or_else(|_| panic!("a datagram holds 65,527 bytes at most"));
    let mut datagram = Vec::with_capacity(usize::from(len));
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(len.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let checksum = match transport_checksum(from.ip(), to.ip(), protocol::UDP, &datagram) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    datagram
}

/// The header fields of a TCP segment (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Source.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Control bits, see [`flags`].
    pub flags: u8,
    /// Options, padded to a multiple of 4 bytes by the caller.
    pub options: &'a [u8],
}

/// A TCP segment.
#[must_use]
pub fn tcp(segment: &Segment<'_>, payload: &[u8]) -> Vec<u8> {
    let header_words = 5 + segment.options.len() / 4;
    let mut bytes = Vec::with_capacity(header_words * 4 + payload.len());
    bytes.extend(segment.from.port().to_be_bytes());
    bytes.extend(segment.to.port().to_be_bytes());
    bytes.extend(segment.sequence.to_be_bytes());
    bytes.extend(segment.acknowledgement.to_be_bytes());
    bytes.extend([(header_words as u8) << 4, segment.flags]);
    bytes.extend(64_240u16.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(segment.options);
    bytes.extend(payload);
    let checksum = transport_checksum(segment.from.ip(), segment.to.ip(), protocol::TCP, &bytes);
    bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// An echo request (or its reply) of ICMP (RFC 792) or ICMPv6 (RFC 4443), by the family of the addresses.
#[must_use]
pub fn icmp_echo(from: IpAddr, to: IpAddr, reply: bool, id: u16, sequence: u16, data: &[u8]) -> Vec<u8> {
    let kind = match (from.is_ipv4(), reply) {
        (true, false) => 8,
        (true, true) => 0,
        (false, false) => 128,
        (false, true) => 129,
    };
    let mut rest = id.to_be_bytes().to_vec();
    rest.extend(sequence.to_be_bytes());
    rest.extend(data);
    icmp(from, to, kind, 0, &rest)
}

/// "Port unreachable" quoting the start of `packet`, the IP packet it answers.
#[must_use]
pub fn icmp_unreachable(from: IpAddr, to: IpAddr, packet: &[u8]) -> Vec<u8> {
    let (kind, code) = if from.is_ipv4() { (3, 3) } else { (1, 4) };
    let mut rest = vec![0; 4];
    rest.extend(&packet[..packet.len().min(548)]);
    icmp(from, to, kind, code, &rest)
}

fn icmp(from: IpAddr, to: IpAddr, kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(rest);
    let checksum = match from {
        IpAddr::V4(_) => internet_checksum(&[&message]),
        IpAddr::V6(_) => transport_checksum(from, to, protocol::ICMPV6, &message),
    };
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// An SCTP packet with one DATA chunk (RFC 9260, sections 3.1 and 3.3.1).
#[must_use]
pub fn sctp(source_port: u16, destination_port: u16, verification_tag: u32, data: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(28 + data.len() + 3);
    packet.extend(source_port.to_be_bytes());
    packet.extend(destination_port.to_be_bytes());
    packet.extend(verification_tag.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend([0, 3]);
    packet.extend(((16 + data.len()) as u16).to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend(data);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let checksum = crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

/// CRC-32C (RFC 9260, appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::{Segment, crc32c, flags, tcp, udp};
    use crate::ip::{protocol, transport_checksum};
    use std::net::SocketAddr;

    #[test]
    fn checksums_verify_over_the_pseudo_header() {
        for (a, b) in [("10.0.0.1:1024", "8.8.8.8:53"), ("[2001:db8::1]:1024", "[2001:db8::2]:53")] {
            let (from, to): (SocketAddr, SocketAddr) = (a.parse().unwrap(), b.parse().unwrap());
            let segment = Segment { from, to, sequence: 1, acknowledgement: 2, flags: flags::ACK, options: &[1; 4] };
            let check = |protocol, bytes: &[u8]| transport_checksum(from.ip(), to.ip(), protocol, bytes);
            assert_eq!(check(protocol::UDP, &udp(from, to, b"odd")), 0);
            assert_eq!(check(protocol::TCP, &tcp(&segment, b"seven..")), 0);
        }
    }

    #[test]
    fn crc32c_gives_the_catalogued_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
