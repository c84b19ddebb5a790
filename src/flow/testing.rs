//! Packets for tests, made without frames.

use crate::decode::{Packet, Payload, TcpFields, TcpFlags};
use crate::net::{IpVersion, Timestamp};

fn packet(source: &str, sport: u16, destination: &str, dport: u16, protocol: u8, payload_len: u32) -> Packet {
    let (version, source) = IpVersion::split(source.parse().unwrap());
    let (_, destination) = IpVersion::split(destination.parse().unwrap());
    Packet {
        timestamp: Timestamp::ZERO,
        source,
        destination,
        frame: 0,
        frames: 1,
        ip_bytes: payload_len + 40,
        payload_len,
        payload: Payload::default(),
        tcp: TcpFields::default(),
        source_port: sport,
        destination_port: dport,
        protocol,
        version,
        one_way: false,
    }
}

/// A UDP packet with ten bytes of payload.
pub(crate) fn udp(source: &str, sport: u16, destination: &str, dport: u16) -> Packet {
    packet(source, sport, destination, dport, 17, 10)
}

/// A TCP segment.
#[expect(clippy::too_many_arguments, reason = "the fields of a segment, in header order")]
pub(crate) fn tcp(
    source: &str,
    sport: u16,
    destination: &str,
    dport: u16,
    flags: u8,
    sequence: u32,
    acknowledgement: u32,
    payload_len: u32,
) -> Packet {
    let tcp = TcpFields { sequence, acknowledgement, flags: TcpFlags(flags) };
    Packet { tcp, ..packet(source, sport, destination, dport, 6, payload_len) }
}
