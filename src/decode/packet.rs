//! What decoding yields.

use crate::net::{IpVersion, Timestamp};

/// The innermost IP packet of a frame, or of the fragments of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Capture time of the frame (of a reassembled datagram: of the frame that completed it).
    pub timestamp: Timestamp,
    /// Source address as a number, IPv4 in the low 32 bits; see [`IpVersion::address`].
    pub source: u128,
    /// Destination address as a number.
    pub destination: u128,
    /// Index of the frame in its batch (of a reassembled datagram: of the frame that completed it).
    pub frame: u32,
    /// IP packets it took at its own layer: 1, or the number of its fragments. (Where a tunnel's outer packet came in
    /// fragments, the packet inside still is one; frames are accounted for by [`crate::decode::Counters`].)
    pub frames: u32,
    /// Length of the innermost IP packet from its header, in bytes: header, extension headers and payload, without
    /// link padding; for a reassembled datagram the sum over its fragments.
    pub ip_bytes: u32,
    /// Bytes of transport payload by the headers, also where the capture is cut by the snap length.
    pub payload_len: u32,
    /// The captured part of the transport payload.
    pub payload: Payload,
    /// TCP header fields; all zero for other transports.
    pub tcp: TcpFields,
    /// Source port (TCP, UDP, SCTP, UDP-Lite, DCCP). For ICMP and ICMPv6 the message type; see `destination_port`.
    pub source_port: u16,
    /// Destination port. For ICMP and ICMPv6 as the community id specification maps them: the counterpart's type
    /// (echo request 8 and reply 0 and so on), or the code where the message has no counterpart. 0 otherwise.
    pub destination_port: u16,
    /// IP protocol number of the transport.
    pub protocol: u8,
    /// IP version of both addresses.
    pub version: IpVersion,
    /// For ICMP messages without a counterpart: source and destination keep their order in the community id.
    pub one_way: bool,
}

/// A range of [`crate::capture::Batch::bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// First byte.
    pub offset: u32,
    /// Length in bytes; may be smaller than [`Packet::payload_len`].
    pub len: u32,
}

impl Payload {
    /// The bytes; empty where the range does not lie in `bytes`.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.offset as usize;
        bytes.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// What flow tracking needs of a TCP header (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFields {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number; meaningful with [`TcpFlags::ACK`].
    pub acknowledgement: u32,
    /// Control bits.
    pub flags: TcpFlags,
}

/// TCP control bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
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
    /// The urgent pointer is significant.
    pub const URG: u8 = 0x20;

    /// True where every bit of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}

/// What a frame turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A packet.
    Packet(Packet),
    /// A fragment kept until its datagram is complete. Its frame is counted with the packet that completes it, or as
    /// [`crate::decode::Skip::FragmentIncomplete`] when it is given up.
    Held,
}
