//! A shard at work: reads what the kernel deals to it, decodes, follows flows, and hands on what they tell.
//!
//! It waits for nobody. What the judge does not take yet waits here, up to a bound; what is beyond it is dropped and counted.
//! Packets whose flow belongs to another shard, because the kernel could not see it (a tunnel, a fragment), are handed over
//! with the batch they lie in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tracing::warn;

use super::clock::{self, PacketClock};
use super::interfaces::{FromShard, ToShard};
use super::judge::{Seen, ToJudge};
use crate::capture::live::{TapCounters, Taps, Timing};
use crate::capture::{Batch, PacketSource as _};
use crate::flow::{FlowCounters, FlowUpdate};
use crate::net::Timestamp;
use crate::pipeline::{Front, FrontCounters, Prepared, Shard, Sighting};
use crate::run::status::Histogram;

/// How often a shard tells what it counted, nanoseconds.
const REPORT_EVERY_NS: u64 = 200_000_000;
/// How often the judge hears from a shard that has something to tell, and how much of that is worth waking it earlier.
const HAND_ON_EVERY_NS: u64 = 20_000_000;
const HANDED_ON_AT_ONCE: usize = 1_000;
/// How often it hears from one that has not.
const BEAT_EVERY_NS: u64 = 1_000_000_000;
/// The same where the judge waits for every shard, to judge in the order of time.
const BEAT_AMONG_OTHERS_NS: u64 = 50_000_000;
/// One batch in so many is timed.
const TIMED_BATCHES: u64 = 16;
/// Sightings that wait at most.
const MOST_SIGHTINGS: usize = 4_096;
/// How far packet time stays behind the clock on a silent line: frames may be on their way.
const BEHIND: Duration = Duration::from_millis(200);
/// Batches of which packets are with other shards, at most.
const SHARED_BATCHES: usize = 32;
/// Batches read at the end at most: what the kernel's ring still holds.
const LAST_BATCHES: usize = 4_096;
/// How long a shard that ends waits for packets from others that end.
const LAST_PARCELS: Duration = Duration::from_secs(2);
/// A loop that took longer has stalled.
const STALL_NS: u64 = 1_000_000_000;

/// Packets for another shard, with the batch they lie in.
pub(super) struct Parcel {
    batch: Arc<Batch>,
    packets: Vec<Prepared>,
}

/// What a shard is made of.
pub(super) struct ShardLoop {
    pub(super) number: u16,
    pub(super) cpu: Option<u16>,
    pub(super) taps: Taps,
    pub(super) front: Front,
    pub(super) shard: Shard,
    /// What comes from the thread of the interfaces, and what goes there.
    pub(super) orders: Receiver<ToShard>,
    pub(super) events: std::sync::mpsc::Sender<FromShard>,
    /// Packets from other shards, and the way to each of them; `None` at our own place.
    pub(super) inbox: Receiver<Parcel>,
    pub(super) peers: Vec<Option<SyncSender<Parcel>>>,
    pub(super) judge: SyncSender<ToJudge>,
    /// Spent lists of updates come back.
    pub(super) spent: Receiver<Vec<FlowUpdate>>,
    pub(super) max_waiting_updates: usize,
    pub(super) board: Arc<ShardBoard>,
    pub(super) stop: Arc<AtomicBool>,
}

/// What everybody may look at.
#[derive(Default)]
pub(super) struct ShardBoard {
    /// Grows with every turn of the loop.
    pub(super) turns: AtomicU64,
    pub(super) report: Mutex<ShardReport>,
}

/// What a shard counted.
#[derive(Clone, Default)]
pub(super) struct ShardReport {
    pub(super) front: FrontCounters,
    pub(super) flows: FlowCounters,
    pub(super) open: usize,
    pub(super) taps: Vec<TapCounters>,
    pub(super) handed_over: u64,
    pub(super) handovers_dropped: u64,
    /// Packets handed over to this shard that were copies of others.
    pub(super) copies: u64,
    pub(super) waiting: usize,
    pub(super) dropped: u64,
    pub(super) stalls: u64,
    pub(super) decode: Histogram,
    /// The step of the machine's clock seen last, nanoseconds, and how many there were.
    pub(super) step_ns: i64,
    pub(super) steps: u64,
}

impl ShardLoop {
    /// Until it is told to stop; ends its flows.
    pub(super) fn run(mut self) {
        self.keep_to_cpu();
        let mut state = State::new(&self);
        while !self.stop.load(Ordering::Relaxed) {
            self.turn(&mut state);
        }
        self.finish(&mut state);
    }

    fn keep_to_cpu(&self) {
        let Some(cpu) = self.cpu else { return };
        let mut set = CpuSet::new();
        let kept = set.set(usize::from(cpu)).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        if let Err(problem) = kept {
            warn!("shard {} cannot be kept to processor {cpu}: {problem}", self.number);
        }
    }

    fn turn(&mut self, state: &mut State) {
        self.take_orders();
        let now = clock::read();
        let (timing, step) = state.clock.at(now);
        if let Some(step) = step {
            (state.report.step_ns, state.report.steps) = (step, state.report.steps + 1);
        }
        self.taps.set_timing(timing);
        let is_some = self.read(state);
        self.take_parcels(state);
        if !is_some {
            self.front.advance_to(earlier(timing));
            self.shard.handle(&Batch::default(), &[], self.front.clock(), &mut state.updates);
        }
        self.report_gone();
        self.hand_on(state, now.boot_ns);
        self.board.turns.fetch_add(1, Ordering::Relaxed);
        let took = clock::read().boot_ns.saturating_sub(now.boot_ns);
        state.report.stalls += u64::from(took > STALL_NS);
        if now.boot_ns.saturating_sub(state.reported_ns) >= REPORT_EVERY_NS {
            state.reported_ns = now.boot_ns;
            self.report(state);
        }
    }

    /// Reads and follows one batch; false where nothing came.
    fn read(&mut self, state: &mut State) -> bool {
        let State { batches, lists, updates, report, .. } = state;
        let Some(batch) = batches.unshared() else { return false };
        // An interface that fails is told by `Taps::gone`.
        if !matches!(self.taps.next_batch(batch), Ok(true)) {
            return false;
        }
        state.turns += 1;
        let begun = state.turns.is_multiple_of(TIMED_BATCHES).then(|| clock::read().boot_ns);
        let frames = batch.frames.len() as u64;
        self.front.decode(batch, lists);
        let Some(batch) = batches.current() else { return false };
        for ((list, peer), number) in lists.iter_mut().zip(&self.peers).zip(0u16..) {
            if number == self.number {
                self.shard.handle(batch, list, self.front.clock(), updates);
                list.clear();
            } else if let (Some(peer), false) = (peer, list.is_empty()) {
                let parcel = Parcel { batch: Arc::clone(batch), packets: std::mem::take(list) };
                let packets = parcel.packets.len() as u64;
                match peer.try_send(parcel) {
                    Ok(()) => report.handed_over += packets,
                    Err(_) => report.handovers_dropped += packets,
                }
            }
        }
        if let Some(begun) = begun {
            report.decode.record(clock::read().boot_ns.saturating_sub(begun) / frames.max(1));
        }
        true
    }

    fn take_parcels(&mut self, state: &mut State) {
        while let Ok(parcel) = self.inbox.try_recv() {
            self.take_parcel(parcel, state);
        }
    }

    /// Packets from another shard come a little late or early: time does not go back for them.
    fn take_parcel(&mut self, mut parcel: Parcel, state: &mut State) {
        state.report.copies += self.front.take_over(&parcel.batch, &mut parcel.packets);
        self.shard.handle(&parcel.batch, &parcel.packets, self.front.clock(), &mut state.updates);
    }

    fn take_orders(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                ToShard::Attach(handle) => self.taps.attach(*handle),
                ToShard::Detach(interface) => self.taps.detach(interface),
            }
        }
    }

    fn report_gone(&mut self) {
        for gone in self.taps.gone() {
            // Whoever opens interfaces being gone means that the daemon ends.
            let _ = self.events.send(FromShard::Gone(gone));
        }
    }

    /// Hands updates and sightings to the judge, as far as it takes them now.
    fn hand_on(&mut self, state: &mut State, now_ns: u64) {
        state.sightings.extend(self.front.sightings());
        let is_nothing = state.updates.is_empty() && state.sightings.is_empty();
        let every = match (is_nothing, self.peers.len()) {
            (false, _) => HAND_ON_EVERY_NS,
            (true, 0 | 1) => BEAT_EVERY_NS,
            (true, _) => BEAT_AMONG_OTHERS_NS,
        };
        if now_ns.saturating_sub(state.beat_ns) < every && state.updates.len() < HANDED_ON_AT_ONCE {
            return;
        }
        let empty = self.spent.try_recv().unwrap_or_default();
        let updates = std::mem::replace(&mut state.updates, empty);
        let sightings = std::mem::take(&mut state.sightings);
        let clock = self.front.clock();
        match self.judge.try_send(ToJudge::Seen(Seen { shard: self.number, updates, sightings, clock })) {
            Ok(()) => state.beat_ns = now_ns,
            Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => state.take_back(back, self),
        }
        state.report.waiting = state.updates.len();
    }

    fn report(&mut self, state: &mut State) {
        state.report.front = self.front.counters();
        state.report.flows = self.shard.counters();
        state.report.open = self.shard.flows();
        state.report.taps.clear();
        state.report.taps.extend(self.taps.counters());
        // What an interface lost is the same for all shards.
        let of_interface = |tap: &TapCounters| if self.number == 0 { tap.lost.interface } else { 0 };
        let lost: u64 = state.report.taps.iter().map(|tap| tap.lost.kernel + of_interface(tap)).sum();
        self.front.lose(lost + state.report.handovers_dropped);
        if let Ok(mut report) = self.board.report.try_lock() {
            report.clone_from(&state.report);
        }
    }

    /// What the kernel still holds is read, and every flow ends.
    fn finish(mut self, state: &mut State) {
        self.taps.finish();
        for _ in 0..LAST_BATCHES {
            let (timing, _) = state.clock.at(clock::read());
            self.taps.set_timing(timing);
            if !self.read(state) {
                break;
            }
            self.take_parcels(state);
        }
        self.peers.clear();
        while let Ok(parcel) = self.inbox.recv_timeout(LAST_PARCELS) {
            self.take_parcel(parcel, state);
        }
        self.front.finish();
        self.report(state);
        state.sightings.extend(self.front.sightings());
        let clock = self.front.clock();
        loop {
            let (updates, sightings) = (std::mem::take(&mut state.updates), std::mem::take(&mut state.sightings));
            let seen = Seen { shard: self.number, updates, sightings, clock };
            // Now the judge may be waited for; if it is gone, it has panicked, and joining it says so.
            if self.judge.send(ToJudge::Seen(seen)).is_err() || !self.shard.finish_some(clock, &mut state.updates) {
                break;
            }
        }
        self.report(state);
    }
}

/// What a shard works with.
struct State {
    clock: PacketClock,
    batches: Batches,
    lists: Vec<Vec<Prepared>>,
    updates: Vec<FlowUpdate>,
    sightings: Vec<Sighting>,
    /// Turns that brought frames.
    turns: u64,
    report: ShardReport,
    reported_ns: u64,
    beat_ns: u64,
}

impl State {
    fn new(shard: &ShardLoop) -> State {
        State {
            clock: PacketClock::new(clock::read()),
            batches: Batches::default(),
            lists: shard.peers.iter().map(|_| Vec::new()).collect(),
            updates: Vec::new(),
            sightings: Vec::new(),
            turns: 0,
            report: ShardReport::default(),
            reported_ns: 0,
            beat_ns: 0,
        }
    }

    /// What the judge did not take waits; what is beyond the bound is dropped.
    fn take_back(&mut self, back: ToJudge, shard: &ShardLoop) {
        let ToJudge::Seen(seen) = back else { return };
        self.sightings = seen.sightings;
        // What devices say of themselves they say again.
        self.sightings.truncate(MOST_SIGHTINGS);
        self.updates = seen.updates;
        let most = shard.max_waiting_updates;
        if self.updates.len() > most {
            self.report.dropped += (self.updates.len() - most) as u64;
            self.updates.truncate(most);
        }
    }
}

/// Batches that are used again, some of which other shards still look into.
#[derive(Default)]
struct Batches {
    list: Vec<Arc<Batch>>,
    current: usize,
}

impl Batches {
    /// A batch that nobody else looks into: the one used last, else another, else a new one.
    fn unshared(&mut self) -> Option<&mut Batch> {
        if self.list.get_mut(self.current).and_then(Arc::get_mut).is_none() {
            let free = self.list.iter_mut().position(|batch| Arc::get_mut(batch).is_some());
            if free.is_none() {
                if self.list.len() >= SHARED_BATCHES {
                    // They live on with whoever looks into them.
                    self.list.clear();
                }
                self.list.push(Arc::default());
            }
            self.current = free.unwrap_or(self.list.len() - 1);
        }
        self.list.get_mut(self.current).and_then(Arc::get_mut)
    }

    /// The same, to be shared.
    fn current(&self) -> Option<&Arc<Batch>> {
        self.list.get(self.current)
    }
}

fn earlier(timing: Timing) -> Timestamp {
    Timestamp::from_nanos(timing.now.as_nanos().saturating_sub(BEHIND.as_nanos() as u64))
}
