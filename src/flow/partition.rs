//! What a partition of the flow table has of its own: how many flows it may hold, which those are, and when they are idle.
//!
//! The flows themselves lie in the memory of their shard, beside those of the other partitions, as they came: so that memory
//! fills from its beginning, and in large pages.

use std::time::Duration;

use crate::net::Timestamp;

use super::hearing::Hearing;
use super::index::Index;
use super::paths::Paths;
use super::queue::Queue;
use super::shape::SilencePool;
use super::slot::{Class, Hot};
use super::tcp::HolePool;
use super::wheel::Wheel;
use super::{FlowCounters, Options};

/// A bounded set of flows.
#[derive(Debug)]
pub(super) struct Partition {
    /// Its place in its shard.
    pub(super) number: u8,
    pub(super) index: Index,
    /// Slots it had before and has no flow in.
    pub(super) free: Vec<u32>,
    /// Slots it has taken.
    pub(super) taken: usize,
    capacity: usize,
    pub(super) wheel: Wheel,
    pub(super) unanswered: Queue,
    idle: [Duration; Class::ALL.len()],
    update_interval_s: u64,
    /// The period of updates that the clock is in: since when, and until when.
    pub(super) period: (Timestamp, Timestamp),
    pub(super) silence: Duration,
    pub(super) holes: HolePool,
    pub(super) silences: SilencePool,
    pub(super) hearing: Hearing,
    pub(super) paths: Paths,
    pub(super) counters: FlowCounters,
}

impl Partition {
    /// For `capacity` flows; it never takes more memory than it reserves here.
    pub(super) fn new(number: u8, capacity: usize, options: &Options) -> Self {
        Partition {
            number,
            index: Index::new(capacity),
            free: Vec::with_capacity(capacity),
            taken: 0,
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

    /// The slot that a flow of this hash most likely has: two flows seldom share all bits of the hash that the index keeps.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.index.find(hash as u32, |_| true)
    }

    /// Flows it holds.
    pub(super) fn len(&self) -> usize {
        self.taken - self.free.len()
    }

    /// True where a flow must end before another can begin.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() && self.taken >= self.capacity
    }

    pub(super) fn idle_of(&self, class: Class) -> Duration {
        self.idle.get(class as usize).copied().unwrap_or(Duration::MAX)
    }

    /// The deadline of a flow that has been idle for its time at `clock`. At the end of time none passes.
    pub(super) fn passed_deadline(&self, hot: &Hot, clock: Timestamp) -> Option<Timestamp> {
        let idle = self.idle_of(hot.class);
        (clock.since(hot.active) >= idle).then(|| hot.active.after(idle))
    }

    /// Looks up the period that `clock` is in, which only time going on changes.
    #[cold]
    pub(super) fn begin_period(&mut self, clock: Timestamp) {
        let begun_s = clock.as_secs() / self.update_interval_s * self.update_interval_s;
        let begun = Timestamp::from_parts(begun_s, 0);
        self.period = (begun, begun.after(Duration::from_secs(self.update_interval_s)));
    }

    /// What was counted so far.
    pub(super) fn count(&self) -> FlowCounters {
        let mut counters = self.counters;
        counters.untracked_gaps += self.holes.untracked;
        counters.withdrawn_inspections += self.hearing.withdrawn();
        counters.unfollowed += self.hearing.unfollowed();
        counters
    }
}
