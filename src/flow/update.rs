//! What the flow table hands on.

use std::sync::Arc;

use crate::decode::Few;
use crate::net::{Endpoint, IpVersion, MacAddr, Timestamp};

use super::{InitiatorBasis, TcpState, TunnelPath};

/// Volume that one endpoint sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets; a reassembled datagram counts its fragments.
    pub packets: u64,
    /// Bytes of the innermost IP packets, headers included.
    pub ip_bytes: u64,
    /// Bytes of transport payload; TCP retransmissions excluded.
    pub payload_bytes: u64,
}

impl Volume {
    /// What came on top of `before`.
    #[must_use]
    pub const fn since(self, before: Volume) -> Volume {
        Volume {
            packets: self.packets.saturating_sub(before.packets),
            ip_bytes: self.ip_bytes.saturating_sub(before.ip_bytes),
            payload_bytes: self.payload_bytes.saturating_sub(before.payload_bytes),
        }
    }
}

/// One endpoint of a flow and what it sent.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// Address and port.
    pub endpoint: Endpoint,
    /// Hardware address on the frame that began the flow.
    pub mac: Option<MacAddr>,
    /// Sent since the flow began.
    pub total: Volume,
    /// Sent since the last update of this flow.
    pub delta: Volume,
    /// Payload bytes its peer acknowledged and the capture does not hold.
    pub missed_bytes: u64,
}

/// Why an update was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The flow lives: first payload of a side, an answer, a volume step, or the update interval.
    Alive,
    /// Nothing was seen for the idle time of its kind.
    Idle,
    /// A new connection began on the same endpoints and ports.
    PortReuse,
    /// The table was full.
    Evicted,
    /// The input ended.
    EndOfInput,
}

impl Cause {
    /// True where the flow is over with this update.
    #[must_use]
    pub const fn is_end(self) -> bool {
        !matches!(self, Cause::Alive)
    }

    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Alive => "alive",
            Cause::Idle => "idle",
            Cause::PortReuse => "port_reuse",
            Cause::Evicted => "evicted",
            Cause::EndOfInput => "end_of_input",
        }
    }
}

/// A delta of a flow, handed on while it lives and when it ends.
#[derive(Clone, Debug)]
pub struct FlowUpdate {
    /// Packet time at which the update is due; an idle flow is due at its last packet plus the idle time.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// Identity of the flow within the run: the number of its first frame.
    pub flow: u64,
    /// Place among updates with the same `at`; see [`FlowUpdate::order`].
    pub(super) sequence: u64,
    /// Who began it.
    pub initiator: Party,
    /// The other side.
    pub responder: Party,
    /// How the initiator is known.
    pub basis: InitiatorBasis,
    /// IP protocol number.
    pub protocol: u8,
    /// IP version.
    pub version: IpVersion,
    /// ICMP without a counterpart; matters for the community id.
    pub one_way: bool,
    /// Time of the earliest packet.
    pub first_seen: Timestamp,
    /// Time of the latest packet.
    pub last_seen: Timestamp,
    /// True once both sides have taken part: a packet other than a reset from each, or, where the mirror shows one
    /// side only, TCP payload that acknowledges the other.
    pub answered: bool,
    /// `answered` at the previous update of this flow.
    pub was_answered: bool,
    /// True for a TCP flow of which the capture holds one direction although the other took part.
    pub one_sided: bool,
    /// State of a TCP connection; `None` for other transports.
    pub tcp_state: Option<TcpState>,
    /// VLAN ids on the frame that began the flow, outermost first.
    pub vlans: Few<u16, 4>,
    /// Tunnels around that frame's innermost packet, outermost first; `None` without.
    pub tunnel_path: Option<Arc<TunnelPath>>,
}

impl FlowUpdate {
    /// The key that puts updates of all shards into one order, the same for any number of shards: by due time; then
    /// flows that ended idle, by flow; then those caused by a packet, by frame; then those caused by the end.
    #[must_use]
    pub fn order(&self) -> (Timestamp, u8, u64) {
        let rank = match self.cause {
            Cause::Idle => 0,
            Cause::Alive | Cause::PortReuse | Cause::Evicted => 1,
            Cause::EndOfInput => 2,
        };
        (self.at, rank, self.sequence)
    }
}
