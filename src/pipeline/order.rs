//! Flow updates of all shards in one order, the same for any number of shards and any cutting into batches.
//!
//! Updates that a packet caused come in order from each shard and need merging only. A shard notices an idle flow when
//! the second of its deadline is over, so idle ends go through a heap, and an update is released only once its second is
//! over: then nothing that is due before it can still come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::flow::{Cause, FlowUpdate};
use crate::net::Timestamp;

/// Released updates that are kept before their room is taken back.
const MOST_RELEASED: usize = 4096;

/// Place in the order, and the slot that holds the update.
type Place = Reverse<((Timestamp, u8, u64), usize)>;

/// Updates waiting for their turn.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    /// Updates that packets caused, in order; those before `next` are released.
    caused: Vec<FlowUpdate>,
    next: usize,
    /// Idle ends.
    idle: BinaryHeap<Place>,
    slots: Vec<Option<FlowUpdate>>,
    free: Vec<usize>,
}

impl InOrder {
    /// Takes the updates of one batch from every shard.
    pub(super) fn take(&mut self, updates: &mut Vec<FlowUpdate>) {
        if self.next >= MOST_RELEASED && self.next * 2 >= self.caused.len() {
            self.caused.drain(..self.next);
            self.next = 0;
        }
        let known = self.caused.len();
        for update in updates.drain(..) {
            if update.cause == Cause::Idle {
                self.hold(update);
            } else {
                self.caused.push(update);
            }
        }
        // Stable, so that two updates one packet caused keep their order; nearly free on what is sorted already.
        if let Some(batch) = self.caused.get_mut(known..) {
            batch.sort_by_key(FlowUpdate::order);
        }
    }

    fn hold(&mut self, update: FlowUpdate) {
        let order = update.order();
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(update);
        }
        self.idle.push(Reverse((order, slot)));
    }

    /// Releases what nothing can come before at packet time `clock`.
    pub(super) fn release(&mut self, clock: Timestamp, visit: impl FnMut(&FlowUpdate)) {
        let settled = Timestamp::from_parts(clock.as_secs(), 0);
        self.release_while(|at| at < settled, visit);
    }

    /// Releases everything: the input is over.
    pub(super) fn release_all(&mut self, visit: impl FnMut(&FlowUpdate)) {
        self.release_while(|_| true, visit);
    }

    fn release_while(&mut self, is_settled: impl Fn(Timestamp) -> bool, mut visit: impl FnMut(&FlowUpdate)) {
        loop {
            let caused = self.caused.get(self.next);
            let order = caused.map(FlowUpdate::order);
            let idle = self.idle.peek().map(|Reverse((idle, _))| *idle);
            let idle_first = idle.filter(|&idle| order.is_none_or(|caused| idle < caused));
            match (idle_first, caused) {
                (Some((at, ..)), _) if is_settled(at) => {
                    if let Some(update) = self.pop_idle() {
                        visit(&update);
                    }
                }
                (None, Some(update)) if is_settled(update.at) => {
                    visit(update);
                    self.next += 1;
                }
                _ => return,
            }
        }
    }

    fn pop_idle(&mut self) -> Option<FlowUpdate> {
        let Reverse((_, slot)) = self.idle.pop()?;
        self.free.push(slot);
        self.slots.get_mut(slot)?.take()
    }
}
