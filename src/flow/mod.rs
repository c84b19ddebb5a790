//! Packets to flows: a bounded, bidirectional flow table that reports while flows live and when they end.
//!
//! The table is cut into [`PARTITIONS`] partitions by flow hash. A shard owns whole partitions, and every decision –
//! idle ends, evictions, order – is taken within one, so the result does not depend on how many shards there are.
//! Memory is reserved at the start and never grows. A full partition gives up its oldest unanswered flow first, so a
//! flood of one-packet flows cannot push out a conversation; only where all are answered goes the one nearest to its
//! idle end.
//!
//! Time is the clock of the packets (the highest timestamp so far), never the machine's.

mod community;
mod grammar;
mod hearing;
mod index;
mod initiator;
mod key;
mod listening;
mod pages;
mod partition;
mod paths;
mod queue;
mod shape;
mod slot;
mod table;
mod tcp;
mod update;
mod wheel;

#[cfg(test)]
mod property;
#[cfg(test)]
pub(crate) mod testing;

pub use community::CommunityId;
pub use initiator::InitiatorBasis;
pub use key::{FlowHasher, FlowKey, PerSide, Side};
pub use paths::TunnelPath;
pub use shape::Exchanges;
pub use table::Arrival;
pub use tcp::TcpState;
pub use update::{Cause, FlowUpdate, Party, Place, Volume};

use std::time::Duration;

use crate::decode::{Envelope, Packet};
use crate::net::Timestamp;

use partition::Partition;
use slot::{Class, Cold, Hot};
use table::Table;

/// Number of partitions, and the largest useful number of shards.
pub const PARTITIONS: usize = crate::net::deal::PARTS;

/// Flows that [`Flows::warm`] reads ahead at most.
pub const WARM_AHEAD: usize = 32;

/// What the flow table is built from.
#[derive(Clone, Debug)]
pub struct Options {
    /// Flows held at once, over all partitions.
    pub max_flows: usize,
    /// Idle time of an answered, open TCP connection.
    pub tcp_idle: Duration,
    /// Idle time of a closed or reset TCP connection.
    pub tcp_closed_idle: Duration,
    /// Idle time of an answered UDP flow.
    pub udp_idle: Duration,
    /// Idle time of an answered flow of any other transport.
    pub other_idle: Duration,
    /// Idle time of a flow that only one side has sent on.
    pub unanswered_idle: Duration,
    /// A living flow is reported at least this often; whole seconds.
    pub update_interval: Duration,
    /// Flows whose payloads are put together at once, over all partitions: hellos in several segments. Each takes up to
    /// 32 KiB.
    pub max_inspections: usize,
    /// Flows whose messages are followed at once, over all partitions. Each takes about a kilobyte.
    pub max_dialogues: usize,
    /// Silence after which whoever speaks first begins an exchange.
    pub silence: Duration,
    /// Seed of the hash. The same seed gives the same evictions.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            max_flows: 1_000_000,
            tcp_idle: Duration::from_secs(3600),
            tcp_closed_idle: Duration::from_secs(10),
            udp_idle: Duration::from_secs(120),
            other_idle: Duration::from_secs(120),
            unanswered_idle: Duration::from_secs(60),
            update_interval: Duration::from_secs(60),
            max_inspections: 1024,
            max_dialogues: 65_536,
            silence: Duration::from_secs(2),
            seed: 0,
        }
    }
}

impl Options {
    fn idle(&self, class: Class) -> Duration {
        match class {
            Class::Unanswered => self.unanswered_idle,
            Class::TcpClosed => self.tcp_closed_idle,
            Class::Udp => self.udp_idle,
            Class::Other => self.other_idle,
            Class::Tcp => self.tcp_idle,
        }
    }
}

/// What the flow table counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounters {
    /// TCP flows begun.
    pub tcp: u64,
    /// UDP flows begun.
    pub udp: u64,
    /// ICMP and ICMPv6 flows begun.
    pub icmp: u64,
    /// SCTP flows begun.
    pub sctp: u64,
    /// Flows of other transports begun.
    pub other: u64,
    /// Flows ended because the table was full.
    pub evicted: u64,
    /// Flows of which the capture holds one direction although the other took part.
    pub one_sided: u64,
    /// TCP payload bytes that were acknowledged and never seen.
    pub missed_bytes: u64,
    /// TCP gaps that could not be tracked for want of room.
    pub untracked_gaps: u64,
    /// Inspections cut short for want of buffers.
    pub withdrawn_inspections: u64,
    /// Flows whose messages were not followed because too many were.
    pub unfollowed: u64,
}

impl FlowCounters {
    fn begun(&mut self, protocol: u8) {
        let counter = match protocol {
            slot::TCP => &mut self.tcp,
            slot::UDP => &mut self.udp,
            1 | 58 => &mut self.icmp,
            132 => &mut self.sctp,
            _ => &mut self.other,
        };
        *counter += 1;
    }

    /// Flows begun.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.tcp + self.udp + self.icmp + self.sctp + self.other
    }

    /// Adds the counts of another part of the table.
    pub const fn add(&mut self, other: &FlowCounters) {
        self.tcp += other.tcp;
        self.udp += other.udp;
        self.icmp += other.icmp;
        self.sctp += other.sctp;
        self.other += other.other;
        self.evicted += other.evicted;
        self.one_sided += other.one_sided;
        self.missed_bytes += other.missed_bytes;
        self.untracked_gaps += other.untracked_gaps;
        self.withdrawn_inspections += other.withdrawn_inspections;
        self.unfollowed += other.unfollowed;
    }
}

/// Which partition a flow belongs to, by its hash.
#[inline]
#[must_use]
pub const fn partition(hash: u64) -> usize {
    (hash >> 58) as usize
}

/// The partitions of one shard.
#[derive(Debug)]
pub struct Flows {
    /// Which of `partitions` each is, where this shard has it.
    places: [u8; PARTITIONS],
    partitions: Vec<Partition>,
    /// The flows of all of them, each in a slot: what every packet touches, and the rest.
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    /// Once the input is over.
    ending: Option<Ending>,
}

/// A flow's last update is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Last {
    place: Place,
    partition: u8,
    slot: u32,
}

/// The order in which flows end with the input.
#[derive(Debug)]
struct Ending {
    order: Vec<Last>,
    done: usize,
}

impl Ending {
    fn of(partitions: &[Partition], hot: &[Hot], cold: &[Cold], clock: Timestamp) -> Ending {
        let mut order = Vec::with_capacity(partitions.iter().map(Partition::len).sum());
        let slots = (0u32..).zip(hot.iter().zip(cold)).filter(|(_, (_, cold))| cold.is_filed());
        order.extend(slots.filter_map(|(slot, (hot, cold))| {
            let place = match partitions.get(usize::from(cold.partition))?.passed_deadline(hot, clock) {
                Some(deadline) => Place::of_silence(deadline, cold.flow),
                None => Place::of_end(clock, cold.flow),
            };
            Some(Last { place, partition: cold.partition, slot })
        }));
        order.sort_unstable();
        Ending { order, done: 0 }
    }

    fn next(&mut self, most: usize) -> Option<&[Last]> {
        let rest = self.order.get(self.done..).filter(|rest| !rest.is_empty())?;
        let next = rest.get(..most).unwrap_or(rest);
        self.done += next.len();
        Some(next)
    }
}

impl Flows {
    /// The flows of shard number `shard` of `shards`: every partition whose number leaves that remainder.
    ///
    /// Memory for all of them is reserved here: about 375 bytes per flow, touched as flows come.
    #[must_use]
    pub fn new(options: &Options, shard: usize, shards: usize) -> Self {
        let shards = shards.clamp(1, PARTITIONS);
        let capacity = options.max_flows.div_ceil(PARTITIONS).clamp(1, wheel::MOST_SLOTS / PARTITIONS);
        let numbers = 0u8..(shard..PARTITIONS).step_by(shards).len() as u8;
        let partitions: Vec<_> = numbers.map(|number| Partition::new(number, capacity, options)).collect();
        let (mut hot, mut cold) =
            (Vec::with_capacity(capacity * partitions.len()), Vec::with_capacity(capacity * partitions.len()));
        pages::prefer_large(&mut hot);
        pages::prefer_large(&mut cold);
        let mut places = [u8::MAX; PARTITIONS];
        for (place, partition) in (0u8..).zip(places.iter_mut().skip(shard).step_by(shards)) {
            *partition = place;
        }
        Flows { places, partitions, hot, cold, ending: None }
    }

    /// Brings what the flows of these hashes need into the cache: their buckets of the index, then what every packet
    /// touches, then what that says this packet will touch. The reads of one pass do not depend on each other, so the
    /// processor overlaps their misses, where observing packet by packet would wait for each.
    #[inline]
    pub fn warm(&self, hashes: impl Iterator<Item = u64> + Clone) {
        let buckets = hashes.clone().filter_map(|hash| Some(self.partition(hash)?.index.warm(hash as u32)));
        std::hint::black_box(buckets.fold(0, |sum, word| sum ^ word));
        let mut slots = [u32::MAX; WARM_AHEAD];
        for (slot, hash) in slots.iter_mut().zip(hashes.clone()) {
            if let Some(guess) = self.partition(hash).and_then(|partition| partition.guess(hash)) {
                *slot = guess;
            }
        }
        let hot = slots.iter().filter_map(|slot| Some(self.hot.get(*slot as usize)?.warm()));
        std::hint::black_box(hot.fold(0, |sum, word| sum ^ word));
        let rest = slots.iter().zip(hashes).filter_map(|(slot, hash)| self.warm_rest(*slot, self.partition(hash)?));
        std::hint::black_box(rest.fold(0, |sum, word| sum ^ word));
    }

    /// Brings into the cache what the hot part of a flow says the next packet will touch beside it.
    #[inline]
    fn warm_rest(&self, slot: u32, partition: &Partition) -> Option<u64> {
        let hot = self.hot.get(slot as usize)?;
        let is_told = hot.watch.is_listening() || hot.active < partition.period.0;
        let cold = if is_told { self.cold.get(slot as usize).map_or(0, Cold::warm) } else { 0 };
        Some(cold ^ partition.silences.warm(hot.silences))
    }

    #[inline]
    fn partition(&self, hash: u64) -> Option<&Partition> {
        self.partitions.get(self.place(hash))
    }

    /// The flows of the partition at `place`.
    #[inline]
    fn table(&mut self, place: usize) -> Option<Table<'_>> {
        Some(Table { own: self.partitions.get_mut(place)?, hot: &mut self.hot, cold: &mut self.cold })
    }

    /// Which of this shard's partitions a flow belongs to.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        self.places.get(partition(hash)).map_or(usize::MAX, |place| usize::from(*place))
    }

    /// Adds a packet to its flow and appends the updates it causes. `envelope` is asked for only when the flow is new.
    #[inline]
    pub fn observe(&mut self, arrival: &Arrival<'_>, envelope: impl FnOnce() -> Envelope, out: &mut Vec<FlowUpdate>) {
        let place = self.place(arrival.hash);
        if let Some(mut table) = self.table(place) {
            table.observe(arrival, envelope, out);
        }
    }

    /// Ends flows that have been idle for their time at `clock`.
    pub fn expire(&mut self, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        for place in 0..self.partitions.len() {
            if let Some(mut table) = self.table(place) {
                table.expire(clock, out);
            }
        }
    }

    /// Ends every flow, in the order of their places: the input is over. Nothing may come after it.
    pub fn finish(&mut self, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        while self.finish_some(clock, usize::MAX, out) {}
    }

    /// Ends the next flows, `most` at most, in the order of their places; false where none is left. The last updates of all
    /// flows at once would take more memory than the flows do.
    pub fn finish_some(&mut self, clock: Timestamp, most: usize, out: &mut Vec<FlowUpdate>) -> bool {
        let Flows { partitions, hot, cold, ending, .. } = self;
        let ending = ending.get_or_insert_with(|| Ending::of(partitions, hot, cold, clock));
        let Some(next) = ending.next(most) else { return false };
        for ahead in next.chunks(WARM_AHEAD) {
            let read = ahead
                .iter()
                .filter_map(|last| Some(hot.get(last.slot as usize)?.warm() ^ cold.get(last.slot as usize)?.warm()));
            std::hint::black_box(read.fold(0, |sum, word| sum ^ word));
            for last in ahead {
                if let Some(own) = partitions.get_mut(usize::from(last.partition)) {
                    Table { own, hot, cold }.end_last(last.slot, clock, out);
                }
            }
        }
        true
    }

    /// Flows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partitions.iter().map(Partition::len).sum()
    }

    /// True where no flow is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> FlowCounters {
        let mut sum = FlowCounters::default();
        self.partitions.iter().for_each(|partition| sum.add(&partition.count()));
        sum
    }
}

/// A packet's flow, sender and hash, ready for [`Flows::observe`].
#[inline]
#[must_use]
pub fn arrival<'a>(
    hasher: &FlowHasher,
    packet: &'a Packet,
    payload: &'a [u8],
    frame: u64,
    clock: Timestamp,
) -> Arrival<'a> {
    let (key, sender) = FlowKey::of(packet);
    Arrival { packet, payload, key, sender, hash: hasher.hash(&key), frame, clock }
}
