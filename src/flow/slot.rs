//! The memory of one flow: a hot part that every packet touches, and a cold part beside it.

use std::sync::Arc;
use std::time::Duration;

use crate::decode::{Packet, TcpFlags};
use crate::inspect::{Conversation, Dialogue, Facts};
use crate::net::{MacAddr, Timestamp};

use super::initiator;
use super::key::{FlowKey, PerSide, Side};
use super::shape::SilencePool;
use super::table::Arrival;
use super::tcp::{HolePool, HoleSlot, Origin, Sequence, Tracker};
use super::update::Volume;
use super::{InitiatorBasis, TcpState};

/// Packets of a flow whose payload is asked who speaks as client.
const TELLING_PACKETS: u32 = 32;

/// End of a list, and no slot.
pub(super) const NIL: u32 = u32::MAX;

/// What kind of flow a slot holds: decides its idle time and its place in the order of eviction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// One side only so far: scans, floods, attempts. First to go.
    Unanswered,
    /// TCP, closed or reset.
    TcpClosed,
    /// UDP with packets both ways.
    Udp,
    /// Any other transport with packets both ways.
    Other,
    /// TCP, answered and open.
    Tcp,
}

impl Class {
    pub(super) const ALL: [Class; 5] = [Class::Unanswered, Class::TcpClosed, Class::Udp, Class::Other, Class::Tcp];
}

/// The part of a flow that every packet touches: two cache lines.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Hot {
    pub(super) key: FlowKey,
    pub(super) ip_bytes: PerSide<u64>,
    pub(super) payload_bytes: PerSide<u64>,
    /// Low half of the packet counts; what carries over is in [`Cold::packet_carries`].
    pub(super) packets: PerSide<u32>,
    /// The clock at the last packet: what idle time is measured from.
    pub(super) active: Timestamp,
    /// Latest packet time.
    pub(super) last_seen: Timestamp,
    pub(super) sequences: PerSide<Sequence>,
    pub(super) holes: HoleSlot,
    /// Who breaks its silences: a place in the pool, once one was broken.
    pub(super) silences: u32,
    pub(super) class: Class,
    pub(super) initiator: Side,
    pub(super) basis: InitiatorBasis,
    pub(super) watch: Watch,
}

/// Why the next payload of a flow is of interest beyond its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch(u8);

impl Watch {
    const LISTENING: u8 = 1;
    const PENDING_LOW: u8 = 2;
    const PENDING_HIGH: u8 = 4;
    const PENDING: u8 = Self::PENDING_LOW | Self::PENDING_HIGH;

    /// Whether payloads are still listened to.
    #[inline]
    pub(super) const fn is_listening(self) -> bool {
        self.0 & Self::LISTENING != 0
    }

    pub(super) const fn set_listening(&mut self, listening: bool) {
        self.0 = self.0 & !Self::LISTENING | if listening { Self::LISTENING } else { 0 };
    }

    /// Whether a side that broke a silence has no answer yet.
    #[inline]
    pub(super) const fn is_pending(self) -> bool {
        self.0 & Self::PENDING != 0
    }

    /// The side that spoke first after the last silence and has no answer yet.
    #[inline]
    pub(super) const fn pending(self) -> Option<Side> {
        match self.0 & Self::PENDING {
            0 => None,
            Self::PENDING_LOW => Some(Side::Low),
            _ => Some(Side::High),
        }
    }

    pub(super) const fn set_pending(&mut self, pending: Option<Side>) {
        let bit = match pending {
            None => 0,
            Some(Side::Low) => Self::PENDING_LOW,
            Some(Side::High) => Self::PENDING_HIGH,
        };
        self.0 = self.0 & !Self::PENDING | bit;
    }
}

/// The part of a flow that only its beginning, its updates and its end touch.
#[derive(Debug)]
pub(super) struct Cold {
    /// Number of the first frame: the flow's identity.
    pub(super) flow: u64,
    pub(super) first_seen: Timestamp,
    pub(super) origins: PerSide<Origin>,
    pub(super) packet_carries: PerSide<u32>,
    /// Volumes at the last update.
    pub(super) reported: PerSide<Volume>,
    /// Whether the flow was answered at the last update.
    pub(super) reported_answered: bool,
    pub(super) macs: PerSide<Option<MacAddr>>,
    pub(super) vlans: crate::decode::Few<u16, 4>,
    /// Index of the tunnel path among the paths seen.
    pub(super) path: u16,
    pub(super) hash: u32,
    /// The place of its partition in its shard.
    pub(super) partition: u8,
    /// How far listening to the payloads has come, and the buffers it has borrowed.
    pub(super) conversation: Conversation,
    pub(super) open: u16,
    /// Whether names are no longer listened for.
    pub(super) is_heard: bool,
    /// Who speaks as the client of the protocol, which need not be who opened the connection.
    pub(super) client: Option<Side>,
    /// The application protocol, once known.
    pub(super) application: Option<&'static str>,
    /// What they said.
    pub(super) facts: Option<Arc<Facts>>,
    /// What is asked in it, of a protocol whose messages are followed.
    pub(super) dialogue: Option<Box<Dialogue>>,
    /// Neighbours in the queue of unanswered flows.
    pub(super) older: u32,
    pub(super) younger: u32,
    /// Neighbours in the wheel's bucket.
    pub(super) previous: u32,
    pub(super) next: u32,
}

impl Hot {
    /// A flow without packets.
    pub(super) fn new(key: FlowKey, clock: Timestamp, packet: &Packet, initiator: (Side, InitiatorBasis)) -> Self {
        Hot {
            key,
            ip_bytes: PerSide::default(),
            payload_bytes: PerSide::default(),
            packets: PerSide::default(),
            active: clock,
            last_seen: packet.timestamp,
            sequences: PerSide::default(),
            holes: HoleSlot::NONE,
            silences: SilencePool::NONE,
            class: Class::Unanswered,
            initiator: initiator.0,
            basis: initiator.1,
            watch: Watch(if matches!(key.protocol(), TCP | UDP) { Watch::LISTENING } else { 0 }),
        }
    }

    /// Reads a word of each of its two lines.
    #[inline]
    pub(super) fn warm(&self) -> u64 {
        self.ip_bytes.of(Side::Low) ^ self.active.as_nanos()
    }

    /// Adds a packet to the counters and says whether an update is due because of its payload.
    #[inline]
    pub(super) fn count(&mut self, cold: &mut Cold, pool: &mut HolePool, sender: Side, packet: &Packet) -> bool {
        let packets = self.packets.of_mut(sender);
        let (sum, carried) = packets.overflowing_add(packet.frames);
        *packets = sum;
        if carried {
            *cold.packet_carries.of_mut(sender) += 1;
        }
        *self.ip_bytes.of_mut(sender) += u64::from(packet.ip_bytes);
        if packet.timestamp >= self.last_seen {
            self.last_seen = packet.timestamp;
        } else {
            cold.first_seen = cold.first_seen.min(packet.timestamp);
        }
        let fresh = if packet.protocol == TCP {
            let mut tracker =
                Tracker { sequences: &mut self.sequences, origins: &mut cold.origins, holes: &mut self.holes, pool };
            tracker.segment(sender, packet)
        } else {
            packet.payload_len
        };
        let payload = self.payload_bytes.of_mut(sender);
        *payload += u64::from(fresh);
        self.sequences.of_mut(sender).passes_step(*payload)
    }

    /// How long the flow had been silent when a packet came at `time`.
    #[inline]
    pub(super) fn silent_until(&self, time: Timestamp) -> Duration {
        if *self.packets.of(Side::Low) == 0 && *self.packets.of(Side::High) == 0 {
            Duration::ZERO
        } else {
            time.since(self.last_seen)
        }
    }

    /// Takes over better evidence for the initiator.
    pub(super) fn learn_initiator(&mut self, arrival: &Arrival<'_>) {
        let handshake = match self.key.protocol() {
            TCP => initiator::of_handshake(arrival.packet, arrival.sender),
            _ => None,
        };
        let early = self.packets.of(Side::Low).saturating_add(*self.packets.of(Side::High)) <= TELLING_PACKETS;
        let evidence = match handshake {
            None if early && self.basis < InitiatorBasis::Grammar => {
                initiator::of_payload(arrival.packet, arrival.payload, arrival.sender)
            }
            found => found,
        };
        if let Some((side, basis)) = evidence.filter(|(_, basis)| *basis > self.basis) {
            (self.initiator, self.basis) = (side, basis);
        }
    }

    /// The class that what was seen so far amounts to, the last of it a packet with these control bits.
    #[inline]
    pub(super) fn classify(&self, flags: TcpFlags) -> Class {
        // An answered flow stays what it is, but for a connection that is closed or reset.
        match self.class {
            Class::Udp | Class::Other => return self.class,
            Class::Tcp if flags.0 & (TcpFlags::FIN | TcpFlags::RST) == 0 => return self.class,
            Class::Tcp | Class::TcpClosed | Class::Unanswered => {}
        }
        if !self.is_answered() {
            Class::Unanswered
        } else if self.key.protocol() == TCP {
            match TcpState::of(&self.sequences) {
                TcpState::Closed | TcpState::Reset => Class::TcpClosed,
                TcpState::SynSent | TcpState::SynReceived | TcpState::Established | TcpState::Closing => Class::Tcp,
            }
        } else if self.key.protocol() == UDP {
            Class::Udp
        } else {
            Class::Other
        }
    }

    /// A TCP connection that met a reset before it was answered.
    pub(super) fn is_refused(&self) -> bool {
        self.key.protocol() == TCP && TcpState::of(&self.sequences) == TcpState::Reset
    }

    /// See [`super::FlowUpdate::answered`].
    #[inline]
    pub(super) fn is_answered(&self) -> bool {
        let took_part =
            |side| *self.packets.of(side) > 0 && (self.key.protocol() != TCP || self.sequences.of(side).alive);
        took_part(Side::Low) && took_part(Side::High) || self.is_one_sided_transfer()
    }

    /// TCP payload that acknowledges a side of which nothing was captured.
    fn is_one_sided_transfer(&self) -> bool {
        self.is_one_sided() && (*self.payload_bytes.of(Side::Low) > 0 || *self.payload_bytes.of(Side::High) > 0)
    }

    /// TCP whose one captured side acknowledges what the other must have sent.
    pub(super) fn is_one_sided(&self) -> bool {
        let lonely = |side: Side| {
            let flags = self.sequences.of(side).flags;
            *self.packets.of(side.other()) == 0
                && self.sequences.of(side).alive
                && flags.has(TcpFlags::ACK)
                && !flags.has(TcpFlags::RST)
        };
        self.key.protocol() == TCP && (lonely(Side::Low) || lonely(Side::High))
    }
}

/// IP protocol numbers.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

impl Cold {
    /// Whether its messages still are followed.
    pub(super) fn is_followed(&self) -> bool {
        self.dialogue.as_ref().is_some_and(|dialogue| !dialogue.is_over())
    }

    /// Whether the slot holds a flow: the wheel has every one.
    pub(super) const fn is_filed(&self) -> bool {
        self.previous != NIL
    }

    /// Reads a word of each of its lines.
    #[inline]
    pub(super) fn warm(&self) -> u64 {
        let told = self.reported.of(Side::Low).packets ^ self.reported.of(Side::High).payload_bytes;
        let heard = u64::from(self.open) ^ u64::from(self.facts.is_some()) ^ u64::from(self.dialogue.is_some());
        self.flow ^ told ^ heard ^ u64::from(self.hash) ^ u64::from(self.previous)
    }

    /// What `side` sent so far.
    pub(super) fn total(&self, hot: &Hot, side: Side) -> Volume {
        Volume {
            packets: u64::from(*self.packet_carries.of(side)) << 32 | u64::from(*hot.packets.of(side)),
            ip_bytes: *hot.ip_bytes.of(side),
            payload_bytes: *hot.payload_bytes.of(side),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_part_of_a_flow_is_two_cache_lines() {
        assert_eq!(size_of::<Hot>(), 128);
        assert!(size_of::<Cold>() <= 224, "{}", size_of::<Cold>());
    }
}
