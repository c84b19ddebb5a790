//! When each flow is idle: a timing wheel of one-second buckets.
//!
//! A flow is filed under the second of its deadline when it begins. A packet moves the deadline and not the flow,
//! which is filed again when its old bucket comes up. So a packet touches no neighbour, and a flow is moved once per
//! idle time at most (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987).

use super::slot::{Cold, NIL};

/// Marks [`Cold::previous`] of the first flow in a bucket; the rest is the number of the bucket.
const FIRST: u32 = 1 << 31;

/// Most slots a wheel can hold.
pub(super) const MOST_SLOTS: usize = FIRST as usize - 1;

/// Lists of slots by the second of their deadline, through [`Cold::previous`] and [`Cold::next`].
#[derive(Debug)]
pub(super) struct Wheel {
    heads: Vec<u32>,
    /// The second whose bucket comes up next.
    due_s: u64,
}

impl Wheel {
    /// Buckets; a deadline further away than this many seconds is filed under the last and looked at again then.
    pub(super) const BUCKETS: u64 = 8192;

    pub(super) fn new() -> Self {
        Wheel { heads: vec![NIL; Self::BUCKETS as usize], due_s: 0 }
    }

    /// True where a second is over whose bucket has not come up.
    #[inline]
    pub(super) fn is_due(&self, now_s: u64) -> bool {
        self.due_s < now_s
    }

    /// Files a slot under the second of its deadline, or under the nearest there is a bucket for.
    pub(super) fn file(&mut self, slots: &mut [Cold], slot: u32, deadline_s: u64) {
        let second = deadline_s.clamp(self.due_s, self.due_s + Self::BUCKETS - 1);
        let bucket = second % Self::BUCKETS;
        let Some(head) = self.heads.get_mut(bucket as usize) else { return };
        if let Some(next) = slots.get_mut(*head as usize) {
            next.previous = slot;
        }
        if let Some(cold) = slots.get_mut(slot as usize) {
            (cold.previous, cold.next) = (FIRST | bucket as u32, *head);
        }
        *head = slot;
    }

    /// Takes a slot out of its bucket.
    pub(super) fn unfile(&mut self, slots: &mut [Cold], slot: u32) {
        let Some(cold) = slots.get_mut(slot as usize) else { return };
        let (previous, next) = (std::mem::replace(&mut cold.previous, NIL), cold.next);
        let before = if previous & FIRST == 0 {
            slots.get_mut(previous as usize).map(|cold| &mut cold.next)
        } else {
            self.heads.get_mut((previous & !FIRST) as usize)
        };
        if let Some(before) = before {
            *before = next;
        }
        if let Some(cold) = slots.get_mut(next as usize) {
            cold.previous = previous;
        }
    }

    /// Empties the bucket of the next second that is over at `now_s`, and moves on; `None` where none is.
    ///
    /// The slots come as a chain through [`Cold::next`]. Those whose deadline is later must be filed again.
    pub(super) fn turn(&mut self, now_s: u64) -> Option<u32> {
        // After a silence longer than a turn, each bucket comes up once.
        self.due_s = self.due_s.max(now_s.saturating_sub(Self::BUCKETS));
        if !self.is_due(now_s) {
            return None;
        }
        let bucket = self.due_s % Self::BUCKETS;
        self.due_s += 1;
        self.heads.get_mut(bucket as usize).map(|head| std::mem::replace(head, NIL))
    }

    /// Moves on to `now_s` where nothing is filed.
    pub(super) fn skip(&mut self, now_s: u64) {
        self.due_s = self.due_s.max(now_s);
    }

    /// The slot filed under the earliest second, and that second.
    pub(super) fn first(&self) -> Option<(u32, u64)> {
        let seconds = self.due_s..self.due_s + Self::BUCKETS;
        seconds.map(|second| (self.heads.get((second % Self::BUCKETS) as usize), second)).find_map(|(head, second)| {
            let head = *head?;
            (head != NIL).then_some((head, second))
        })
    }

    /// The last second there is a bucket for.
    pub(super) fn horizon_s(&self) -> u64 {
        self.due_s + Self::BUCKETS - 1
    }
}
