//! Recency lists: flows of one class, least recently active first.
//!
//! A flow moves to the end of its list when it is active in another second than before, not at every packet. So the
//! head is, to within a second, the flow that was silent longest, at the cost of two neighbours once a second.

use super::slot::{Hot, NIL};

/// A doubly linked list through [`Hot::previous`] and [`Hot::next`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Recency {
    pub(super) head: u32,
    tail: u32,
}

impl Recency {
    pub(super) const EMPTY: Recency = Recency { head: NIL, tail: NIL };

    /// Puts a slot that is in no list at the end.
    pub(super) fn push(&mut self, slots: &mut [Hot], slot: u32) {
        if let Some(hot) = slots.get_mut(slot as usize) {
            (hot.previous, hot.next) = (self.tail, NIL);
        }
        match slots.get_mut(self.tail as usize) {
            Some(tail) => tail.next = slot,
            None => self.head = slot,
        }
        self.tail = slot;
    }

    /// Takes a slot of this list out.
    pub(super) fn unlink(&mut self, slots: &mut [Hot], slot: u32) {
        let Some((previous, next)) = slots.get(slot as usize).map(|hot| (hot.previous, hot.next)) else { return };
        match slots.get_mut(previous as usize) {
            Some(hot) => hot.next = next,
            None => self.head = next,
        }
        match slots.get_mut(next as usize) {
            Some(hot) => hot.previous = previous,
            None => self.tail = previous,
        }
    }
}
