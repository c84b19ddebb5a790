//! What the flow table hands on.

use std::net::IpAddr;
use std::sync::Arc;

use crate::decode::Few;
use crate::inspect::{Answer, Dealings, End, Facts};
use crate::net::{Endpoint, IpVersion, MacAddr, Timestamp, known};

use super::shape::Exchanges;
use super::{InitiatorBasis, TcpState, TunnelPath};

/// Volume that one endpoint sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
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
    /// Exchanges it began after a silence.
    pub exchanges: Exchanges,
}

/// Why an update was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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

/// The place of an update in the one order of all shards, which depends on the packets alone: neither on the number of
/// shards nor on how the input was cut into batches.
///
/// What a packet causes is due at the clock of that packet. A flow that falls silent is due at the first full second
/// after its idle time, which is when every shard notices it. So nothing that comes later is due earlier, and an update
/// can be judged at the end of the batch it came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    due: Timestamp,
    /// At the same time: flows that fell silent, then what packets caused, then what the end of the input caused.
    rank: u8,
    /// At the same rank: the flow's identity, or the frame.
    sequence: u64,
}

impl Place {
    /// Of a flow whose idle time was over at `deadline`: the wheel comes to it when that second is over. The last second
    /// there is never is, so then it is the end of the input that comes to it.
    pub(super) const fn of_silence(deadline: Timestamp, flow: u64) -> Place {
        let due = Timestamp::from_parts(deadline.as_secs() + 1, 0);
        let rank = if due.as_nanos() == u64::MAX { 2 } else { 0 };
        Place { due, rank, sequence: flow }
    }

    /// Of what frame number `frame` causes, which came when the clock was `clock`.
    #[must_use]
    pub const fn of_packet(clock: Timestamp, frame: u64) -> Place {
        Place { due: clock, rank: 1, sequence: frame }
    }

    pub(super) const fn of_end(clock: Timestamp, flow: u64) -> Place {
        Place { due: clock, rank: 2, sequence: flow }
    }
}

/// A delta of a flow, handed on while it lives and when it ends.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct FlowUpdate {
    /// Packet time of what it tells; an idle flow ended at its last packet plus the idle time.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// Identity of the flow within the run: the number of its first frame.
    pub flow: u64,
    /// Where it stands among the updates of all shards.
    #[serde(skip)]
    pub place: Place,
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
    #[serde(skip)]
    pub tunnel_path: Option<Arc<TunnelPath>>,
    /// The application protocol by its ECS `network.protocol` name, once known.
    #[serde(deserialize_with = "known::word_option")]
    pub application: Option<known::Word>,
    /// What its payloads said so far; `None` where no more than the protocol.
    pub facts: Option<Arc<Facts>>,
    /// Addresses that DNS responses gave since the last update.
    #[serde(skip)]
    pub answers: Vec<Answer>,
    /// What its messages ask, where the protocol is followed.
    #[serde(skip)]
    pub dealings: Option<Arc<Dealings>>,
    /// Which end of the dealings the initiator is.
    pub initiator_end: End,
    /// The end that speaks as the client of its protocol, which need not be who opened the connection.
    pub client: Option<End>,
}

impl FlowUpdate {
    /// Guesses the initiator of an answered TCP connection of which nothing else tells it: the home side.
    pub fn settle_by_role(&mut self, is_home: impl Fn(IpAddr) -> bool) {
        if self.basis != InitiatorBasis::First || self.tcp_state.is_none() || !self.answered {
            return;
        }
        let home = |party: &Party| is_home(party.endpoint.address);
        if home(&self.initiator) != home(&self.responder) {
            if home(&self.responder) {
                std::mem::swap(&mut self.initiator, &mut self.responder);
                self.initiator_end = self.initiator_end.other();
            }
            self.basis = InitiatorBasis::Role;
        }
    }
}
