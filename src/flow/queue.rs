//! Unanswered flows in the order they began: the first to go when the table is full.

use super::slot::{Cold, NIL};

/// A doubly linked list through [`Cold::older`] and [`Cold::younger`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub(super) oldest: u32,
    youngest: u32,
}

impl Queue {
    pub(super) const EMPTY: Queue = Queue { oldest: NIL, youngest: NIL };

    /// Puts a slot that is not in the queue at its end.
    pub(super) fn push(&mut self, slots: &mut [Cold], slot: u32) {
        if let Some(cold) = slots.get_mut(slot as usize) {
            (cold.older, cold.younger) = (self.youngest, NIL);
        }
        match slots.get_mut(self.youngest as usize) {
            Some(youngest) => youngest.younger = slot,
            None => self.oldest = slot,
        }
        self.youngest = slot;
    }

    /// Takes a slot of the queue out.
    pub(super) fn remove(&mut self, slots: &mut [Cold], slot: u32) {
        let Some((older, younger)) = slots.get(slot as usize).map(|cold| (cold.older, cold.younger)) else { return };
        match slots.get_mut(older as usize) {
            Some(cold) => cold.younger = younger,
            None => self.oldest = younger,
        }
        match slots.get_mut(younger as usize) {
            Some(cold) => cold.older = older,
            None => self.youngest = older,
        }
    }
}
