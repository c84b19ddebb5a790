//! The pipeline on one thread or on several.
//!
//! With several, the calling thread reads and decodes, each shard has a thread, and so has the judge. A batch is shared
//! by reference and comes back for reuse; every channel is bounded, so the slowest stage sets the pace and memory stays
//! flat. Nothing is copied but the small decoded packets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::capture::Batch;
use crate::deliver::Output;
use crate::flow::{FlowCounters, FlowUpdate};
use crate::net::Timestamp;
use crate::pipeline::{Front, Judge, Prepared, Shard, Sighting};

/// Batches on their way at once, per shard.
const IN_FLIGHT: usize = 4;

/// Where batches come from: refills the batch, and says whether there was one.
pub(super) type Refill<'a> = dyn FnMut(&mut Batch, &mut Front) -> bool + 'a;

/// The outputs, and whether anybody still listens to them.
pub(super) struct Outputs<'a> {
    pub(super) list: Vec<&'a mut dyn Output>,
    /// Called after each batch with true where every output was abandoned.
    pub(super) abandoned: &'a (dyn Fn() + Sync),
}

impl Outputs<'_> {
    /// Hands on what is buffered, and what must be kept of the judge's memory.
    pub(super) fn flush(&mut self, judge: &mut Judge, clock: Timestamp, is_last: bool) {
        for output in &mut self.list {
            if output.keeps() {
                let (changed, complete) = judge.changes(clock, is_last);
                output.keep(changed, complete, clock);
            }
            output.flush();
        }
        if !self.list.is_empty() && self.list.iter().all(|output| output.is_abandoned()) {
            (self.abandoned)();
        }
    }
}

/// Runs every stage on this thread.
pub(super) fn inline(
    refill: &mut Refill<'_>,
    front: &mut Front,
    mut shard: Shard,
    judge: &mut Judge,
    outputs: &mut Outputs<'_>,
) -> FlowCounters {
    let (mut batch, mut packets, mut updates) = (Batch::default(), [Vec::new()], Vec::new());
    while refill(&mut batch, front) {
        front.decode(&mut batch, &mut packets);
        let [list] = &mut packets;
        shard.handle(&batch, list, front.clock(), &mut updates);
        list.clear();
        judge.hear(front.sightings());
        judge.handle(&mut updates, &mut outputs.list);
        outputs.flush(judge, front.clock(), false);
    }
    front.finish();
    judge.hear(front.sightings());
    while shard.finish_some(front.clock(), &mut updates) {
        judge.handle_some(&mut updates, &mut outputs.list);
    }
    judge.finish(&mut updates, front.clock(), &mut outputs.list);
    outputs.flush(judge, front.clock(), true);
    shard.counters()
}

/// A batch on its way to one shard.
struct Work {
    batch: Arc<Batch>,
    packets: Vec<Prepared>,
    /// What the front saw below IP; the first shard passes it on.
    sightings: Vec<Sighting>,
    clock: Timestamp,
}

/// What a shard has for the judge.
enum Done {
    /// What it made of one batch.
    Batch(Handled),
    /// Some of the flows that end with the input, in the order of their places.
    Last(Vec<FlowUpdate>),
}

/// What a shard made of one batch.
struct Handled {
    batch: Arc<Batch>,
    packets: Vec<Prepared>,
    updates: Vec<FlowUpdate>,
    sightings: Vec<Sighting>,
    clock: Timestamp,
}

/// Runs each shard and the judge on threads of their own.
pub(super) fn threaded(
    refill: &mut Refill<'_>,
    front: &mut Front,
    shards: Vec<Shard>,
    judge: &mut Judge,
    outputs: &mut Outputs<'_>,
) -> FlowCounters {
    thread::scope(|scope| {
        let (mut senders, mut receivers, mut shard_threads) = (Vec::new(), Vec::new(), Vec::new());
        for shard in shards {
            let (to_shard, work) = sync_channel::<Work>(IN_FLIGHT);
            let (to_judge, done) = sync_channel::<Done>(IN_FLIGHT);
            senders.push(to_shard);
            receivers.push(done);
            shard_threads.push(scope.spawn(move || shard_loop(shard, &work, &to_judge)));
        }
        let (give_back, spent) = sync_channel::<(Batch, Vec<Vec<Prepared>>)>(IN_FLIGHT * 2);
        let judge_thread = scope.spawn(move || judge_loop(judge, &receivers, outputs, &give_back));
        read_loop(refill, front, senders, &spent);
        let mut counters = FlowCounters::default();
        for handle in shard_threads {
            counters.add(&join(handle));
        }
        join(judge_thread);
        counters
    })
}

/// Reads and decodes until the end, then drops the senders, which ends the shards.
fn read_loop(
    refill: &mut Refill<'_>,
    front: &mut Front,
    senders: Vec<SyncSender<Work>>,
    spent: &Receiver<(Batch, Vec<Vec<Prepared>>)>,
) {
    loop {
        let (mut batch, mut lists) = spent.try_recv().unwrap_or_default();
        lists.resize_with(senders.len(), Vec::new);
        if !refill(&mut batch, front) {
            break;
        }
        front.decode(&mut batch, &mut lists);
        let (batch, clock) = (Arc::new(batch), front.clock());
        for (sender, packets) in senders.iter().zip(lists) {
            let sightings = front.sightings().collect();
            // A shard that is gone has panicked; joining it will say so.
            let _ = sender.send(Work { batch: Arc::clone(&batch), packets, sightings, clock });
        }
    }
    front.finish();
    // What the front has seen in all goes the way of a batch without packets.
    let (batch, clock) = (Arc::new(Batch::default()), front.clock());
    for sender in senders {
        let sightings = front.sightings().collect();
        let _ = sender.send(Work { batch: Arc::clone(&batch), packets: Vec::new(), sightings, clock });
    }
}

fn shard_loop(mut shard: Shard, work: &Receiver<Work>, to_judge: &SyncSender<Done>) -> FlowCounters {
    let mut last = Timestamp::ZERO;
    while let Ok(Work { batch, mut packets, sightings, clock }) = work.recv() {
        let mut updates = Vec::new();
        shard.handle(&batch, &packets, clock, &mut updates);
        packets.clear();
        last = clock;
        if to_judge.send(Done::Batch(Handled { batch, packets, updates, sightings, clock })).is_err() {
            break;
        }
    }
    let mut updates = Vec::new();
    while shard.finish_some(last, &mut updates) {
        if to_judge.send(Done::Last(std::mem::take(&mut updates))).is_err() {
            break;
        }
    }
    shard.counters()
}

/// Takes one result per shard and batch, and then the flows that end with the input.
fn judge_loop(
    judge: &mut Judge,
    receivers: &[Receiver<Done>],
    outputs: &mut Outputs<'_>,
    give_back: &SyncSender<(Batch, Vec<Vec<Prepared>>)>,
) {
    let mut updates = Vec::new();
    let mut clock = Timestamp::ZERO;
    loop {
        let (mut batch, mut lists) = (None, Vec::with_capacity(receivers.len()));
        let mut endings = Vec::new();
        for receiver in receivers {
            match receiver.recv() {
                Ok(Done::Batch(mut done)) => {
                    updates.append(&mut done.updates);
                    judge.hear(done.sightings);
                    clock = done.clock;
                    lists.push(done.packets);
                    batch = Arc::into_inner(done.batch).or(batch);
                }
                Ok(Done::Last(updates)) => endings.push(Ending { receiver, updates: updates.into(), is_over: false }),
                Err(_) => {}
            }
        }
        if lists.is_empty() {
            judge_endings(judge, endings, outputs);
            judge.finish(&mut updates, clock, &mut outputs.list);
            outputs.flush(judge, clock, true);
            return;
        }
        judge.handle(&mut updates, &mut outputs.list);
        outputs.flush(judge, clock, false);
        if let Some(batch) = batch {
            // Nobody waits for a batch: one too many is dropped.
            let _ = give_back.try_send((batch, lists));
        }
    }
}

/// The flows of one shard that end with the input, as they come.
struct Ending<'a> {
    receiver: &'a Receiver<Done>,
    updates: VecDeque<FlowUpdate>,
    is_over: bool,
}

impl Ending<'_> {
    fn fill(&mut self) {
        while self.updates.is_empty() && !self.is_over {
            match self.receiver.recv() {
                Ok(Done::Last(updates)) => self.updates = updates.into(),
                Ok(Done::Batch(_)) => {}
                Err(_) => self.is_over = true,
            }
        }
    }
}

/// Judges the flows that end with the input in one order, without waiting for all of them.
fn judge_endings(judge: &mut Judge, mut endings: Vec<Ending<'_>>, outputs: &mut Outputs<'_>) {
    let mut updates = Vec::new();
    loop {
        endings.iter_mut().for_each(Ending::fill);
        // A shard that goes on has nothing before the last that it has told.
        let going_on = endings.iter().filter(|ending| !ending.is_over);
        let safe = going_on.filter_map(|ending| ending.updates.back()).map(|update| update.place).min();
        let Some(safe) = safe else { return };
        for ending in &mut endings {
            let count = ending.updates.partition_point(|update| update.place <= safe);
            updates.extend(ending.updates.drain(..count));
        }
        judge.handle_some(&mut updates, &mut outputs.list);
    }
}

/// The result of a thread; its panic goes on in this one.
fn join<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    match handle.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
