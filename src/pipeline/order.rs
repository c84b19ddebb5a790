//! Flow updates of all shards in one order, the same for any number of shards and any cutting into batches.
//!
//! Updates that a packet caused come in order from each shard and need merging only. A shard notices an idle flow up to
//! [`NOTICE`] after its due time, so idle ends go through a heap, and an update is released only when nothing that is
//! due before it can still come.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::flow::{Cause, FlowUpdate};
use crate::net::Timestamp;

/// How late, in packet time, a shard may notice that a flow is idle: its timing wheel goes by the second.
const NOTICE: Duration = Duration::from_secs(2);

/// Place in the order, and the slot that holds the update.
type Place = Reverse<((Timestamp, u8, u64), usize)>;

/// Updates waiting for their turn.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    caused: VecDeque<FlowUpdate>,
    idle: BinaryHeap<Place>,
    slots: Vec<Option<FlowUpdate>>,
    free: Vec<usize>,
    batch: Vec<FlowUpdate>,
}

impl InOrder {
    /// Takes the updates of one batch from every shard.
    pub(super) fn take(&mut self, updates: &mut Vec<FlowUpdate>) {
        for update in updates.drain(..) {
            if update.cause == Cause::Idle {
                self.hold(update);
            } else {
                self.batch.push(update);
            }
        }
        // Stable, so that two updates one packet caused keep their order; nearly free on what is sorted already.
        self.batch.sort_by_key(FlowUpdate::order);
        self.caused.extend(self.batch.drain(..));
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

    /// The next update, if nothing that is due before it can still come at packet time `clock`.
    pub(super) fn next_due(&mut self, clock: Timestamp) -> Option<FlowUpdate> {
        let settled = Timestamp::from_nanos(clock.as_nanos().saturating_sub(NOTICE.as_nanos() as u64));
        self.next_before(settled)
    }

    /// The next update: the input is over.
    pub(super) fn next_of_all(&mut self) -> Option<FlowUpdate> {
        self.next_before(Timestamp::MAX)
    }

    fn next_before(&mut self, settled: Timestamp) -> Option<FlowUpdate> {
        let idle = self.idle.peek().map(|Reverse((order, _))| *order);
        let caused = self.caused.front().map(FlowUpdate::order);
        let is_idle = match (idle, caused) {
            (Some(idle), Some(caused)) => idle < caused,
            (idle, _) => idle.is_some(),
        };
        let (at, _, _) = if is_idle { idle? } else { caused? };
        if at >= settled && settled != Timestamp::MAX {
            None
        } else if is_idle {
            let Reverse((_, slot)) = self.idle.pop()?;
            self.free.push(slot);
            self.slots.get_mut(slot)?.take()
        } else {
            self.caused.pop_front()
        }
    }
}
