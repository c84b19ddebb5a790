//! What happens to the flows of one partition.
//!
//! Whatever is due is done before a packet is looked at, so the result depends on the packets alone and not on how often
//! somebody asks for idle flows.

use std::sync::Arc;

use crate::decode::{Envelope, Packet, TcpFlags};
use crate::inspect::Conversation;
use crate::net::Timestamp;

use super::hearing::{self, end_of};
use super::initiator;
use super::key::{FlowKey, PerSide, Side};
use super::listening;
use super::partition::Partition;
use super::shape::Exchanges;
use super::slot::{Class, Cold, Hot, NIL, TCP};
use super::tcp::HoleSlot;
use super::update::{Cause, FlowUpdate, Party, Place};
use super::{InitiatorBasis, TcpState};

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

/// The flows of one partition, in the memory of all.
#[derive(Debug)]
pub(super) struct Table<'t> {
    pub(super) own: &'t mut Partition,
    pub(super) hot: &'t mut Vec<Hot>,
    pub(super) cold: &'t mut Vec<Cold>,
}

impl Table<'_> {
    /// Adds a packet to its flow. `envelope` is asked for only when the flow is new.
    #[inline]
    pub(super) fn observe(
        &mut self,
        arrival: &Arrival<'_>,
        envelope: impl FnOnce() -> Envelope,
        out: &mut Vec<FlowUpdate>,
    ) {
        if self.own.wheel.is_due(arrival.clock.as_secs()) {
            self.expire(arrival.clock, out);
        }
        if arrival.clock >= self.own.period.1 {
            self.own.begin_period(arrival.clock);
        }
        let hash = arrival.hash as u32;
        let hot = &self.hot;
        let found = self.own.index.find(hash, |slot| hot.get(slot as usize).is_some_and(|hot| hot.key == arrival.key));
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
        let idle = self.own.idle_of(hot.class);
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
        let step = hot.count(cold, &mut self.own.holes, arrival.sender, arrival.packet);
        if hot.payload_bytes != sent && (silent >= self.own.silence || hot.watch.is_pending()) {
            let before = (silent >= self.own.silence).then_some(sent);
            let spoke = (arrival.sender, arrival.packet.timestamp);
            let pending = self.own.silences.spoke(&mut hot.silences, spoke, before, hot.watch.pending());
            hot.watch.set_pending(pending);
        }
        if hot.basis < InitiatorBasis::Syn {
            hot.learn_initiator(arrival);
        }
        let (before, class) = (hot.class, hot.classify(arrival.packet.tcp.flags));
        let period = std::mem::replace(&mut hot.active, arrival.clock) < self.own.period.0;
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

    fn has_dialogue(&self, slot: u32) -> bool {
        self.cold.get(slot as usize).is_some_and(|cold| cold.dialogue.is_some())
    }

    /// Listens to a payload; true where it said something new.
    fn listen(&mut self, slot: u32, arrival: &Arrival<'_>) -> bool {
        let (Some(hot), Some(cold)) = (self.hot.get_mut(slot as usize), self.cold.get_mut(slot as usize)) else {
            return false;
        };
        let outcome = self.own.hearing.listen(slot, hot, cold, arrival);
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
            self.own.unanswered.remove(self.cold, slot);
        } else if class == Class::Unanswered {
            self.own.unanswered.push(self.cold, slot);
        }
        self.own.wheel.unfile(self.cold, slot);
        self.file(slot);
    }

    /// Files a slot that is not filed under its deadline.
    fn file(&mut self, slot: u32) {
        if let Some(deadline) = self.deadline(slot) {
            self.own.wheel.file(self.cold, slot, deadline.as_secs());
        }
    }

    fn deadline(&self, slot: u32) -> Option<Timestamp> {
        self.hot.get(slot as usize).map(|hot| hot.active.after(self.own.idle_of(hot.class)))
    }

    /// Opens a flow; a full table gives up the flow that matters least.
    #[cold]
    fn create(&mut self, arrival: &Arrival<'_>, envelope: Envelope, out: &mut Vec<FlowUpdate>) -> u32 {
        if self.own.is_full() {
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
            path: self.own.paths.intern(&envelope.path),
            hash: arrival.hash as u32,
            partition: self.own.number,
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
        self.own.counters.begun(arrival.key.protocol());
        let slot = self.place(hot, cold);
        self.own.index.insert(arrival.hash as u32, slot);
        self.own.unanswered.push(self.cold, slot);
        self.file(slot);
        slot
    }

    fn place(&mut self, hot: Hot, cold: Cold) -> u32 {
        let Some(slot) = self.own.free.pop() else {
            self.own.taken += 1;
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
        let unanswered = self.own.unanswered.oldest;
        let victim = if unanswered == NIL { self.nearest_deadline() } else { Some(unanswered) };
        if let Some(slot) = victim {
            self.own.counters.evicted += 1;
            self.end(slot, Cause::Evicted, arrival.clock, arrival.place(), out);
        }
    }

    /// Files flows again until the first in the wheel is where it belongs.
    fn nearest_deadline(&mut self) -> Option<u32> {
        loop {
            let (slot, filed_s) = self.own.wheel.first()?;
            let deadline_s = self.deadline(slot)?.as_secs();
            if deadline_s <= filed_s || filed_s == self.own.wheel.horizon_s() {
                return Some(slot);
            }
            self.own.wheel.unfile(self.cold, slot);
            self.own.wheel.file(self.cold, slot, deadline_s);
        }
    }

    /// Ends flows whose idle time was over before the current second.
    pub(super) fn expire(&mut self, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        let now_s = clock.as_secs();
        if self.own.len() == 0 {
            return self.own.wheel.skip(now_s);
        }
        while let Some(chain) = self.own.wheel.turn(now_s) {
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

    /// Ends a flow because the input ends at `clock`: where its idle time is over, at that deadline.
    pub(super) fn end_last(&mut self, slot: u32, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        let Some(hot) = self.hot.get(slot as usize) else { return };
        self.own.counters.one_sided += u64::from(hot.is_one_sided());
        match self.own.passed_deadline(hot, clock) {
            Some(deadline) => {
                let place = Place::of_silence(deadline, self.flow_of(slot));
                self.report(slot, Cause::Idle, deadline, place, out);
            }
            None => self.report(slot, Cause::EndOfInput, clock, Place::of_end(clock, self.flow_of(slot)), out),
        }
        // Nothing comes after it, so what else it holds stays until all of the table goes.
        self.own.free.push(slot);
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
        self.own.counters.one_sided += u64::from(hot.is_one_sided());
        self.own.holes.release(holes);
        self.own.wheel.unfile(self.cold, slot);
        if class == Class::Unanswered {
            self.own.unanswered.remove(self.cold, slot);
        }
        if let Some(hot) = self.hot.get_mut(slot as usize) {
            self.own.silences.release(&mut hot.silences);
        }
        if let Some(cold) = self.cold.get_mut(slot as usize) {
            self.own.index.remove(cold.hash, slot);
            self.own.hearing.release(cold);
        }
        self.own.free.push(slot);
    }

    /// Hands on what came since the last report.
    fn report(&mut self, slot: u32, cause: Cause, at: Timestamp, place: Place, out: &mut Vec<FlowUpdate>) {
        let (Some(hot), Some(cold)) = (self.hot.get(slot as usize), self.cold.get_mut(slot as usize)) else { return };
        let holes = &self.own.holes;
        let silences = self.own.silences.get(hot.silences);
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
            self.own.counters.missed_bytes += initiator.missed_bytes + responder.missed_bytes;
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
            tunnel_path: self.own.paths.of(cold.path),
            application: cold.application,
            facts: cold.facts.clone(),
            answers: std::mem::take(&mut self.own.hearing.answers),
            dealings: cold.dialogue.as_ref().map(|dialogue| Arc::clone(dialogue.dealings())),
            initiator_end: end_of(hot.initiator),
            client: cold.client.map(end_of),
        });
    }
}
