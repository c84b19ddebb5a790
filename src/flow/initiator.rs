//! Who began a flow, and how we know.

use super::grammar;
use super::key::{FlowKey, Side};
use crate::decode::{Packet, TcpFlags};
use crate::inspect::Speaker;

/// The evidence for a flow's initiator, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum InitiatorBasis {
    /// Sent the first packet seen.
    First,
    /// Home hosts begin most conversations across the border: the guess where nothing else is known of an answered TCP
    /// connection seen midstream.
    Role,
    /// The other side uses the service port.
    Port,
    /// What was said: a request, or an answer to one.
    Grammar,
    /// Received a SYN-ACK.
    SynAck,
    /// Sent the SYN.
    Syn,
}

impl InitiatorBasis {
    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            InitiatorBasis::First => "first",
            InitiatorBasis::Role => "role",
            InitiatorBasis::Port => "port",
            InitiatorBasis::Grammar => "grammar",
            InitiatorBasis::SynAck => "synack",
            InitiatorBasis::Syn => "syn",
        }
    }
}

/// What the first packet of a flow tells about its initiator.
pub(super) fn of_first_packet(packet: &Packet, key: &FlowKey, sender: Side) -> (Side, InitiatorBasis) {
    of_handshake(packet, sender)
        .or_else(|| of_icmp(packet, sender))
        .or_else(|| of_ports(key))
        .unwrap_or((sender, InitiatorBasis::First))
}

/// What a SYN or SYN-ACK tells, whenever it comes.
#[inline]
pub(super) fn of_handshake(packet: &Packet, sender: Side) -> Option<(Side, InitiatorBasis)> {
    let flags = packet.tcp.flags;
    if !flags.has(TcpFlags::SYN) {
        None
    } else if flags.has(TcpFlags::ACK) {
        Some((sender.other(), InitiatorBasis::SynAck))
    } else {
        Some((sender, InitiatorBasis::Syn))
    }
}

/// What a payload tells, in the first packets of a flow whose beginning was not seen.
#[inline]
pub(super) fn of_payload(packet: &Packet, payload: &[u8], sender: Side) -> Option<(Side, InitiatorBasis)> {
    if payload.is_empty() {
        return None;
    }
    let side = match grammar::speaker(packet, payload)? {
        Speaker::Client => sender,
        Speaker::Server => sender.other(),
    };
    Some((side, InitiatorBasis::Grammar))
}

/// Requests and replies among ICMP and ICMPv6 messages (RFC 792, RFC 950, RFC 4443, RFC 4861, RFC 3810).
fn of_icmp(packet: &Packet, sender: Side) -> Option<(Side, InitiatorBasis)> {
    let request = match (packet.protocol, packet.source_port) {
        (1, 8 | 10 | 13 | 15 | 17) | (58, 128 | 130 | 133 | 135 | 139) => true,
        (1, 0 | 9 | 14 | 16 | 18) | (58, 129 | 131 | 134 | 136 | 140) => false,
        _ => return None,
    };
    Some((if request { sender } else { sender.other() }, InitiatorBasis::Grammar))
}

/// The side whose port is not the service port, where exactly one is.
fn of_ports(key: &FlowKey) -> Option<(Side, InitiatorBasis)> {
    // A datagram or an INIT may well begin a conversation from any port: only a well-known service speaks against it.
    // TCP without a SYN is surely midstream, where a lower rank is a hint too.
    let known = |side| match (key.protocol(), service_rank(key.port(side))) {
        (6, rank) => Some(rank),
        (17 | 132, rank) => Some(rank / 2),
        _ => None,
    };
    let (low, high) = (known(Side::Low)?, known(Side::High)?);
    match low.cmp(&high) {
        std::cmp::Ordering::Less => Some((Side::Low, InitiatorBasis::Port)),
        std::cmp::Ordering::Greater => Some((Side::High, InitiatorBasis::Port)),
        std::cmp::Ordering::Equal => None,
    }
}

/// How much a port looks like a service: 2 for system ports and well-known services above them, 1 for other
/// registered ports, 0 for the dynamic range from 32768 (RFC 6335 and the Linux default).
fn service_rank(port: u16) -> u8 {
    /// Services that critical infrastructure runs above the system ports (IANA registry; vendors' documentation).
    const SERVICES: [u16; 40] = [
        1194, 1433, 1521, 1701, 1812, 1883, 1911, 1962, 2049, 2222, 2404, 3260, 3306, 3389, 3478, 4000, 4840, 4911,
        5060, 5061, 5094, 5222, 5432, 5671, 5672, 5683, 5900, 5938, 5985, 5986, 6379, 8000, 8080, 8443, 8883, 9600,
        18245, 20000, 44818, 47808,
    ];
    if port < 1024 || SERVICES.contains(&port) { 2 } else { u8::from(port < 32768) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::testing::{tcp, udp};

    fn judged(packet: &Packet) -> (u16, InitiatorBasis) {
        let (key, sender) = FlowKey::of(packet);
        let (side, basis) = of_first_packet(packet, &key, sender);
        (key.port(side), basis)
    }

    #[test]
    fn the_handshake_decides_before_ports_do() {
        assert_eq!(judged(&tcp("10.0.0.1", 22, "9.9.9.9", 40000, TcpFlags::SYN, 1, 0, 0)), (22, InitiatorBasis::Syn));
        let reply = tcp("10.0.0.1", 40000, "9.9.9.9", 22, TcpFlags::SYN | TcpFlags::ACK, 1, 2, 0);
        assert_eq!(judged(&reply), (22, InitiatorBasis::SynAck));
    }

    #[test]
    fn a_flow_seen_midstream_goes_by_its_service_port() {
        assert_eq!(judged(&udp("9.9.9.9", 53, "10.0.0.1", 5353)), (5353, InitiatorBasis::Port));
        assert_eq!(
            judged(&tcp("9.9.9.9", 47808, "10.0.0.1", 50000, TcpFlags::ACK, 1, 1, 0)),
            (50000, InitiatorBasis::Port)
        );
        assert_eq!(judged(&udp("9.9.9.9", 40000, "10.0.0.1", 50000)), (40000, InitiatorBasis::First));
        assert_eq!(judged(&udp("10.0.0.1", 5000, "9.9.9.9", 40000)), (5000, InitiatorBasis::First));
    }
}
