//! One partition of the flow table: fixed memory, an index, and a timing wheel.
//!
//! Whatever is due is done before a packet is looked at, so the result depends on the packets alone and not on how often
//! somebody asks for idle flows.

use std::sync::Arc;
use std::time::Duration;

use crate::decode::{Envelope, Packet, TcpFlags};
use crate::inspect::Conversation;
use crate::net::Timestamp;

use super::hearing::{self, Hearing, end_of};
use super::index::Index;
use super::initiator;
use super::key::{FlowKey, PerSide, Side};
use super::listening;
use super::paths::Paths;
use super::queue::Queue;
use super::shape::{Exchanges, SilencePool};
use super::slot::{Class, Cold, Hot, NIL, TCP};
use super::tcp::{HolePool, HoleSlot};
use super::update::{Cause, FlowUpdate, Party, Place};
use super::wheel::{MOST_SLOTS, Wheel};
use super::{FlowCounters, InitiatorBasis, Options, TcpState};

/// A packet with everything the table needs to know about it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The packet.
    pub packet: &'a Packet,
    /// The captured part of its payload.
    pub payload: &'a [u8],
    /// Its flow.
    pub key: FlowKey,
    /// Who sent it.
    pub sender: Side,
    /// Hash of the key.
    pub hash: u64,
    /// Number of its frame within the run.
    pub frame: u64,
    /// Highest packet time so far.
    pub clock: Timestamp,
}

impl Arrival<'_> {
    fn place(&self) -> Place {
        Place::of_packet(self.clock, self.frame)
    }
}

/// A bounded table of flows.
#[derive(Debug)]
pub(super) struct Table {
    index: Index,
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    free: Vec<u32>,
    capacity: usize,
    wheel: Wheel,
    unanswered: Queue,
    idle: [Duration; Class::ALL.len()],
    update_interval_s: u64,
    /// The period of updates that the clock is in: since when, and until when.
    period: (Timestamp, Timestamp),
    silence: Duration,
    holes: HolePool,
    silences: SilencePool,
    hearing: Hearing,
    paths: Paths,
    pub(super) counters: FlowCounters,
}

impl Table {
    /// A table for `capacity` flows; it never takes more memory than it reserves here.
    pub(super) fn new(capacity: usize, options: &Options) -> Self {
        let capacity = capacity.min(MOST_SLOTS);
        Table {
            index: Index::new(capacity),
            hot: Vec::with_capacity(capacity),
            cold: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            capacity,
            wheel: Wheel::new(),
            unanswered: Queue::EMPTY,
            idle: Class::ALL.map(|class| options.idle(class)),
            update_interval_s: options.update_interval.as_secs().max(1),
            period: (Timestamp::ZERO, Timestamp::ZERO),
            silence: options.silence,
            holes: HolePool::new((capacity / 16).max(16)),
            silences: SilencePool::new((capacity / 4).max(16)),
            hearing: Hearing::new(
                options.max_inspections.div_ceil(super::PARTITIONS),
                options.max_dialogues.div_ceil(super::PARTITIONS),
            ),
            paths: Paths::new(),
            counters: FlowCounters::default(),
        }
    }

    /// Brings the index bucket of a hash into the cache.
    #[inline]
    pub(super) fn warm_index(&self, hash: u64) -> u64 {
        self.index.warm(hash as u32)
    }

    /// The slot a packet's flow most likely has: two flows seldom share all bits of the hash that the index keeps.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.index.find(hash as u32, |_| true)
    }

    /// Brings the hot part of a flow into the cache, by reading a word of each of its two lines.
    #[inline]
    pub(super) fn warm_hot(&self, slot: u32) -> u64 {
        self.hot.get(slot as usize).map_or(0, |hot| hot.ip_bytes.of(Side::Low) ^ hot.active.as_nanos())
    }

    /// Brings into the cache what the hot part says the next packet will touch beside it.
    #[inline]
    pub(super) fn warm_rest(&self, slot: u32) -> u64 {
        let Some(hot) = self.hot.get(slot as usize) else { return 0 };
        let is_told = hot.watch.is_listening() || hot.active < self.period.0;
        let heard = if is_told { self.warm_cold(slot) } else { 0 };
        heard ^ self.silences.warm(hot.silences)
    }

    /// Brings all of a flow into the cache.
    pub(super) fn warm_whole(&self, slot: u32) -> u64 {
        self.warm_hot(slot) ^ self.warm_cold(slot)
    }

    #[inline]
    fn warm_cold(&self, slot: u32) -> u64 {
        self.cold.get(slot as usize).map_or(0, Cold::warm)
    }

    /// Adds a packet to its flow. `envelope` is asked for only when the flow is new.
    #[inline]
    pub(super) fn observe(
        &mut self,
        arrival: &Arrival<'_>,
        envelope: impl FnOnce() -> Envelope,
        out: &mut Vec<FlowUpdate>,
    ) {
        if self.wheel.is_due(arrival.clock.as_secs()) {
            self.expire(arrival.clock, out);
        }
        if arrival.clock >= self.period.1 {
            self.begin_period(arrival.clock);
        }
        let hash = arrival.hash as u32;
        let hot = &self.hot;
        let found = self.index.find(hash, |slot| hot.get(slot as usize).is_some_and(|hot| hot.key == arrival.key));
        match found.and_then(|slot| self.still(slot, arrival, out)) {
            Some(slot) => self.update(slot, arrival, out),
            None => {
                let slot = self.create(arrival, envelope(), out);
                self.update(slot, arrival, out);
            }
        }
    }

    /// The slot, unless its flow ended before this packet.
    #[inline]
    fn still(&mut self, slot: u32, arrival: &Arrival<'_>, out: &mut Vec<FlowUpdate>) -> Option<u32> {
        let (hot, cold) = (self.hot.get(slot as usize)?, self.cold.get(slot as usize)?);
        let idle = self.idle_of(hot.class);
        let flags = arrival.packet.tcp.flags;
        if arrival.clock.since(hot.active) >= idle {
            self.end(slot, Cause::Idle, hot.active.after(idle), arrival.place(), out);
            None
        } else if flags.has(TcpFlags::SYN)
            && (hot.class != Class::Unanswered || hot.is_refused())
            && cold
                .origins
                .of(arrival.sender)
                .contradicts(arrival.packet.tcp.sequence, hot.sequences.of(arrival.sender))
        {
            self.end(slot, Cause::PortReuse, arrival.clock, arrival.place(), out);
            None
        } else {
            Some(slot)
        }
    }

    fn update(&mut self, slot: u32, arrival: &Arrival<'_>, out: &mut Vec<FlowUpdate>) {
        let index = slot as usize;
        let (Some(hot), Some(cold)) = (self.hot.get_mut(index), self.cold.get_mut(index)) else { return };
        let (sent, silent) = (hot.payload_bytes, hot.silent_until(arrival.packet.timestamp));
        let step = hot.count(cold, &mut self.holes, arrival.sender, arrival.packet);
        if hot.payload_bytes != sent && (silent >= self.silence || hot.watch.is_pending()) {
            let before = (silent >= self.silence).then_some(sent);
            let spoke = (arrival.sender, arrival.packet.timestamp);
            let pending = self.silences.spoke(&mut hot.silences, spoke, before, hot.watch.pending());
            hot.watch.set_pending(pending);
        }
        if hot.basis < InitiatorBasis::Syn {
            hot.learn_initiator(arrival);
        }
        let (before, class) = (hot.class, hot.classify(arrival.packet.tcp.flags));
        let period = std::mem::replace(&mut hot.active, arrival.clock) < self.period.0;
        hot.class = class;
        let answered = before == Class::Unanswered && class != before;
        let has_payload = *hot.payload_bytes.of(Side::Low) > 0 || *hot.payload_bytes.of(Side::High) > 0;
        let listening = hot.watch.is_listening() && !arrival.payload.is_empty();
        if before != class {
            self.reclassify(slot, before, class);
        }
        // What was asked in a connection is complete when that closes, and not only when it has been idle long enough.
        let closed = before == Class::Tcp && class == Class::TcpClosed && self.has_dialogue(slot);
        let news = listening && self.listen(slot, arrival);
        if closed || step || period || news || answered && has_payload {
            self.report(slot, Cause::Alive, arrival.clock, arrival.place(), out);
        }
    }

    /// Looks up the period that `clock` is in, which only time going on changes.
    #[cold]
    fn begin_period(&mut self, clock: Timestamp) {
        let begun_s = clock.as_secs() / self.update_interval_s * self.update_interval_s;
        let begun = Timestamp::from_parts(begun_s, 0);
        self.period = (begun, begun.after(Duration::from_secs(self.update_interval_s)));
    }

    fn has_dialogue(&self, slot: u32) -> bool {
        self.cold.get(slot as usize).is_some_and(|cold| cold.dialogue.is_some())
    }

    /// Listens to a payload; true where it said something new.
    fn listen(&mut self, slot: u32, arrival: &Arrival<'_>) -> bool {
        let (Some(hot), Some(cold)) = (self.hot.get_mut(slot as usize), self.cold.get_mut(slot as usize)) else {
            return false;
        };
        let outcome = self.hearing.listen(slot, hot, cold, arrival);
        if let Some(loser) = outcome.loser
            && let (Some(hot), Some(cold)) = (self.hot.get_mut(loser as usize), self.cold.get_mut(loser as usize))
        {
            hearing::stop_hearing(hot, cold);
        }
        outcome.news
    }

    /// Moves a flow to the deadline of its new class.
    #[cold]
    fn reclassify(&mut self, slot: u32, before: Class, class: Class) {
        if before == Class::Unanswered {
            self.unanswered.remove(&mut self.cold, slot);
        } else if class == Class::Unanswered {
            self.unanswered.push(&mut self.cold, slot);
        }
        self.wheel.unfile(&mut self.cold, slot);
        self.file(slot);
    }

    /// Files a slot that is not filed under its deadline.
    fn file(&mut self, slot: u32) {
        if let Some(deadline) = self.deadline(slot) {
            self.wheel.file(&mut self.cold, slot, deadline.as_secs());
        }
    }

    fn deadline(&self, slot: u32) -> Option<Timestamp> {
        self.hot.get(slot as usize).map(|hot| hot.active.after(self.idle_of(hot.class)))
    }

    /// The deadline of a flow that has been idle for its time at `clock`. At the end of time none passes.
    fn passed_deadline(&self, hot: &Hot, clock: Timestamp) -> Option<Timestamp> {
        let idle = self.idle_of(hot.class);
        (clock.since(hot.active) >= idle).then(|| hot.active.after(idle))
    }

    /// Opens a flow; a full table gives up the flow that matters least.
    #[cold]
    fn create(&mut self, arrival: &Arrival<'_>, envelope: Envelope, out: &mut Vec<FlowUpdate>) -> u32 {
        if self.free.is_empty() && self.hot.len() >= self.capacity {
            self.evict(arrival, out);
        }
        let initiator = initiator::of_first_packet(arrival.packet, &arrival.key, arrival.sender);
        let hot = Hot::new(arrival.key, arrival.clock, arrival.packet, initiator);
        let mut macs = PerSide::default();
        *macs.of_mut(arrival.sender) = envelope.source_mac;
        *macs.of_mut(arrival.sender.other()) = envelope.destination_mac.filter(|mac| !mac.is_group());
        let cold = Cold {
            flow: arrival.frame,
            first_seen: arrival.packet.timestamp,
            origins: PerSide::default(),
            packet_carries: PerSide::default(),
            reported: PerSide::default(),
            reported_answered: false,
            macs,
            vlans: envelope.vlans,
            path: self.paths.intern(&envelope.path),
            hash: arrival.hash as u32,
            conversation: Conversation::default(),
            open: listening::NONE,
            is_heard: false,
            client: None,
            application: None,
            facts: None,
            dialogue: None,
            older: NIL,
            younger: NIL,
            previous: NIL,
            next: NIL,
        };
        self.counters.begun(arrival.key.protocol());
        let slot = self.place(hot, cold);
        self.index.insert(arrival.hash as u32, slot);
        self.unanswered.push(&mut self.cold, slot);
        self.file(slot);
        slot
    }

    fn place(&mut self, hot: Hot, cold: Cold) -> u32 {
        let Some(slot) = self.free.pop() else {
            self.hot.push(hot);
            self.cold.push(cold);
            return self.hot.len() as u32 - 1;
        };
        if let (Some(old_hot), Some(old_cold)) = (self.hot.get_mut(slot as usize), self.cold.get_mut(slot as usize)) {
            (*old_hot, *old_cold) = (hot, cold);
        }
        slot
    }

    /// Ends the oldest unanswered flow, or else the one nearest to its deadline.
    fn evict(&mut self, arrival: &Arrival<'_>, out: &mut Vec<FlowUpdate>) {
        let unanswered = self.unanswered.oldest;
        let victim = if unanswered == NIL { self.nearest_deadline() } else { Some(unanswered) };
        if let Some(slot) = victim {
            self.counters.evicted += 1;
            self.end(slot, Cause::Evicted, arrival.clock, arrival.place(), out);
        }
    }

    /// Files flows again until the first in the wheel is where it belongs.
    fn nearest_deadline(&mut self) -> Option<u32> {
        loop {
            let (slot, filed_s) = self.wheel.first()?;
            let deadline_s = self.deadline(slot)?.as_secs();
            if deadline_s <= filed_s || filed_s == self.wheel.horizon_s() {
                return Some(slot);
            }
            self.wheel.unfile(&mut self.cold, slot);
            self.wheel.file(&mut self.cold, slot, deadline_s);
        }
    }

    /// Ends flows whose idle time was over before the current second.
    pub(super) fn expire(&mut self, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        let now_s = clock.as_secs();
        if self.len() == 0 {
            return self.wheel.skip(now_s);
        }
        while let Some(chain) = self.wheel.turn(now_s) {
            self.for_each(chain, |table, slot| {
                // Filed again first, so that every flow is in the wheel whatever becomes of it. A flow is left alone until
                // the second of its deadline is over, however late its bucket comes up.
                table.file(slot);
                match table.deadline(slot) {
                    Some(deadline) if deadline.as_secs() < now_s => table.end_idle(slot, deadline, out),
                    _ => {}
                }
            });
        }
    }

    /// The place of every flow's last update, if the input ends at `clock`, and its slot.
    pub(super) fn last_places(&self, clock: Timestamp) -> impl Iterator<Item = (Place, u32)> {
        let slots = (0u32..).zip(self.hot.iter().zip(&self.cold)).filter(|(_, (_, cold))| cold.is_filed());
        slots.map(move |(slot, (hot, cold))| match self.passed_deadline(hot, clock) {
            Some(deadline) => (Place::of_silence(deadline, cold.flow), slot),
            None => (Place::of_end(clock, cold.flow), slot),
        })
    }

    /// Ends a flow because the input ends at `clock`: where its idle time is over, at that deadline.
    pub(super) fn end_last(&mut self, slot: u32, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        let Some(hot) = self.hot.get(slot as usize) else { return };
        self.counters.one_sided += u64::from(hot.is_one_sided());
        match self.passed_deadline(hot, clock) {
            Some(deadline) => {
                let place = Place::of_silence(deadline, self.flow_of(slot));
                self.report(slot, Cause::Idle, deadline, place, out);
            }
            None => self.report(slot, Cause::EndOfInput, clock, Place::of_end(clock, self.flow_of(slot)), out),
        }
        // Nothing comes after it, so what else it holds stays until all of the table goes.
        self.free.push(slot);
    }

    /// Visits a chain of slots, each of which may be filed elsewhere or ended meanwhile.
    fn for_each(&mut self, chain: u32, mut visit: impl FnMut(&mut Self, u32)) {
        let mut slot = chain;
        while let Some(next) = self.cold.get(slot as usize).map(|cold| cold.next) {
            visit(self, slot);
            slot = next;
        }
    }

    fn end_idle(&mut self, slot: u32, deadline: Timestamp, out: &mut Vec<FlowUpdate>) {
        let place = Place::of_silence(deadline, self.flow_of(slot));
        self.end(slot, Cause::Idle, deadline, place, out);
    }

    fn flow_of(&self, slot: u32) -> u64 {
        self.cold.get(slot as usize).map_or(0, |cold| cold.flow)
    }

    /// Reports a flow for the last time and frees its slot.
    fn end(&mut self, slot: u32, cause: Cause, at: Timestamp, place: Place, out: &mut Vec<FlowUpdate>) {
        self.report(slot, cause, at, place, out);
        let Some(hot) = self.hot.get(slot as usize) else { return };
        let (class, holes) = (hot.class, hot.holes);
        self.counters.one_sided += u64::from(hot.is_one_sided());
        self.holes.release(holes);
        self.wheel.unfile(&mut self.cold, slot);
        if class == Class::Unanswered {
            self.unanswered.remove(&mut self.cold, slot);
        }
        if let Some(hot) = self.hot.get_mut(slot as usize) {
            self.silences.release(&mut hot.silences);
        }
        if let Some(cold) = self.cold.get_mut(slot as usize) {
            self.index.remove(cold.hash, slot);
            self.hearing.release(cold);
        }
        self.free.push(slot);
    }

    /// Hands on what came since the last report.
    fn report(&mut self, slot: u32, cause: Cause, at: Timestamp, place: Place, out: &mut Vec<FlowUpdate>) {
        let (Some(hot), Some(cold)) = (self.hot.get(slot as usize), self.cold.get_mut(slot as usize)) else { return };
        let holes = &self.holes;
        let silences = self.silences.get(hot.silences);
        let mut party = |side: Side| {
            let total = cold.total(hot, side);
            let before = std::mem::replace(cold.reported.of_mut(side), total);
            let missed_bytes = match hot.holes {
                HoleSlot::NONE => 0,
                slot => holes.missed(slot, side, hot.sequences.of(side)),
            };
            Party {
                endpoint: hot.key.endpoint(side),
                mac: *cold.macs.of(side),
                total,
                delta: total.since(before),
                missed_bytes,
                exchanges: silences.map_or(Exchanges::default(), |silences| silences.begun_by(side, hot.payload_bytes)),
            }
        };
        let (initiator, responder) = (party(hot.initiator), party(hot.initiator.other()));
        let answered = hot.is_answered();
        let was_answered = std::mem::replace(&mut cold.reported_answered, answered);
        if cause.is_end() {
            self.counters.missed_bytes += initiator.missed_bytes + responder.missed_bytes;
        }
        out.push(FlowUpdate {
            at,
            cause,
            flow: cold.flow,
            place,
            initiator,
            responder,
            basis: hot.basis,
            protocol: hot.key.protocol(),
            version: hot.key.version(),
            one_way: hot.key.one_way(),
            first_seen: cold.first_seen,
            last_seen: hot.last_seen,
            answered,
            was_answered,
            one_sided: hot.is_one_sided(),
            tcp_state: (hot.key.protocol() == TCP).then(|| TcpState::of(&hot.sequences)),
            vlans: cold.vlans,
            tunnel_path: self.paths.of(cold.path),
            application: cold.application,
            facts: cold.facts.clone(),
            answers: std::mem::take(&mut self.hearing.answers),
            dealings: cold.dialogue.as_ref().map(|dialogue| Arc::clone(dialogue.dealings())),
            initiator_end: end_of(hot.initiator),
            client: cold.client.map(end_of),
        });
    }

    fn idle_of(&self, class: Class) -> Duration {
        self.idle.get(class as usize).copied().unwrap_or(Duration::MAX)
    }

    /// Flows in the table.
    pub(super) fn len(&self) -> usize {
        self.hot.len() - self.free.len()
    }

    /// Inspections cut short for want of buffers.
    pub(super) fn withdrawn_inspections(&self) -> u64 {
        self.hearing.withdrawn()
    }

    /// Flows whose messages were not followed because too many were.
    pub(super) fn unfollowed(&self) -> u64 {
        self.hearing.unfollowed()
    }

    /// Holes that could not be tracked for want of room.
    pub(super) fn untracked_holes(&self) -> u64 {
        self.holes.untracked
    }
}
