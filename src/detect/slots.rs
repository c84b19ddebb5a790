//! Where findings are: each in a slot that it keeps while it is open, found by its relation or by its time to close.
//!
//! Nothing here is ordered by what changes with every observation. A finding is queued for the moment at which it would
//! close if nothing came, once; only when that moment is there does it show that something has come, and it is queued
//! again. So adding to a finding costs one look-up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher as _;

use hashbrown::HashTable;

use super::Relation;
use super::finding::Finding;
use crate::net::{Keyed, Timestamp};

/// The number of a slot.
pub(super) type Slot = u32;

/// Findings by their relations and deadlines.
#[derive(Default)]
pub(super) struct Slots {
    findings: Vec<Option<Box<Finding>>>,
    free: Vec<Slot>,
    by_relation: HashTable<Slot>,
    hashes: Keyed,
    /// Each finding at least once, in the order in which they would close.
    queue: BinaryHeap<Reverse<Queued>>,
}

/// When a finding would close, as it was when it was queued; of several that close at once the first by their relations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    at: Timestamp,
    relation: Relation,
    slot: Slot,
}

impl Slots {
    /// The slot of `relation`.
    pub(super) fn find(&self, relation: &Relation) -> Option<Slot> {
        let is_it = |slot: &Slot| self.get(*slot).is_some_and(|finding| finding.relation == *relation);
        self.by_relation.find(self.hashes.hash_one(relation), is_it).copied()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Finding> {
        self.findings.get(slot as usize)?.as_deref()
    }

    /// Its relation must stay.
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Finding> {
        self.findings.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Takes a finding whose relation has none.
    pub(super) fn insert(&mut self, finding: Box<Finding>) -> Slot {
        let (hash, deadline) = (self.hashes.hash_one(finding.relation), finding.deadline);
        let slot = self.free.pop().unwrap_or(self.findings.len() as Slot);
        match self.findings.get_mut(slot as usize) {
            Some(place) => *place = Some(finding),
            None => self.findings.push(Some(finding)),
        }
        let (findings, hashes) = (&self.findings, &self.hashes);
        let relation_of = |slot: &Slot| findings.get(*slot as usize)?.as_ref().map(|finding| finding.relation);
        self.by_relation.insert_unique(hash, slot, |slot| relation_of(slot).map_or(0, |it| hashes.hash_one(it)));
        self.enqueue(slot, deadline);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Box<Finding>> {
        let finding = self.findings.get_mut(slot as usize)?.take()?;
        let hash = self.hashes.hash_one(finding.relation);
        if let Ok(entry) = self.by_relation.find_entry(hash, |it| *it == slot) {
            entry.remove();
        }
        self.free.push(slot);
        Some(finding)
    }

    /// From now on it closes at `deadline` unless something is added.
    pub(super) fn defer(&mut self, slot: Slot, deadline: Timestamp) {
        let Some(finding) = self.get_mut(slot) else { return };
        finding.deadline = deadline;
        if deadline < finding.queued {
            self.enqueue(slot, deadline);
        }
    }

    /// The finding that closes first, of several the first by their relations, if it closes by `until`; from now on it is in
    /// no queue.
    pub(super) fn next_due(&mut self, until: Timestamp) -> Option<Slot> {
        while let Some(Reverse(next)) = self.queue.peek().copied().filter(|Reverse(next)| next.at <= until) {
            self.queue.pop();
            if self.requeue(&next) == Some(true) {
                return Some(next.slot);
            }
        }
        None
    }

    /// Whether the finding that was queued for `at` closes then; if later, it is queued for that. `None` where what was
    /// queued is no more, or was queued for another time too.
    fn requeue(&mut self, queued: &Queued) -> Option<bool> {
        let is_meant = |finding: &&Finding| finding.queued == queued.at && finding.relation == queued.relation;
        let deadline = self.get(queued.slot).filter(is_meant)?.deadline;
        if deadline > queued.at {
            self.enqueue(queued.slot, deadline);
        }
        Some(deadline <= queued.at)
    }

    fn enqueue(&mut self, slot: Slot, deadline: Timestamp) {
        if let Some(finding) = self.get_mut(slot) {
            finding.queued = deadline;
            let relation = finding.relation;
            self.queue.push(Reverse(Queued { at: deadline, relation, slot }));
        }
    }

    /// Every relation with its slot, in order.
    pub(super) fn relations(&self) -> Vec<(Relation, Slot)> {
        let all = self.by_relation.iter().filter_map(|slot| Some((self.get(*slot)?.relation, *slot)));
        let mut relations: Vec<_> = all.collect();
        relations.sort_unstable();
        relations
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_relation.len()
    }

    /// Forgets the times to close of findings that are no more.
    pub(super) fn clear(&mut self) {
        *self = Slots::default();
    }
}
