//! The shape of a flow, without a look at its payload: who breaks the silence, and who answers.
//!
//! A host that reports speaks first and is acknowledged; a host that is driven is spoken to first and answers. That is
//! all an encrypted control channel shows.

use std::time::Duration;

use super::key::{PerSide, Side};
use crate::net::Timestamp;

/// Exchanges that one side began after a silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exchanges {
    /// Times it spoke first after a silence.
    pub begun: u32,
    /// Times the other side answered that before the next silence.
    pub answered: u32,
    /// When it did so first.
    pub first: Timestamp,
    /// When it did so last.
    pub last: Timestamp,
    /// Payload bytes it has sent since it first did so.
    pub bytes: u64,
    /// Payload bytes the other side has sent since then.
    pub answer_bytes: u64,
    /// Answers of another length than the answer before.
    pub varied: u32,
}

impl Exchanges {
    /// Mean time from one exchange to the next; `None` with fewer than two.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        let intervals = self.begun.checked_sub(1).filter(|count| *count > 0)?;
        Some(self.last.since(self.first) / intervals)
    }
}

/// What one side began after the silences of a flow: one cache line, since one side speaks at a time.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Begun {
    /// Times it spoke first after a silence.
    begun: u32,
    /// Times the other side answered.
    answered: u32,
    /// When it did so first, and last.
    first: Timestamp,
    last: Timestamp,
    /// Payload bytes of itself and of the other side before it did so first.
    before: (u64, u64),
    /// Payload bytes of the other side before it did so last.
    answers: u64,
    /// Length of the answer before that.
    answer: u64,
    /// Answers of another length than the answer before.
    varied: u32,
}

/// Follows the silences of one flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silences(PerSide<Begun>);

impl Silences {
    /// `side` spoke after a silence, until which both had sent so many bytes of payload.
    pub(super) fn broken(&mut self, side: Side, at: Timestamp, sent: PerSide<u64>) {
        let own = self.0.of_mut(side);
        own.begun = own.begun.saturating_add(1);
        let answers = *sent.of(side.other());
        let length = answers.saturating_sub(own.answers);
        match own.begun {
            1 => {
                own.first = at;
                own.before = (*sent.of(side), answers);
            }
            2 => {}
            _ => own.varied = own.varied.saturating_add(u32::from(length != own.answer)),
        }
        (own.answers, own.answer) = (answers, length);
        own.last = at;
    }

    /// The other side answered what `side` began.
    pub(super) fn answered(&mut self, side: Side) {
        let own = self.0.of_mut(side);
        own.answered = own.answered.saturating_add(1);
    }

    /// What `side` began, now that both have sent so many bytes of payload.
    pub(super) fn begun_by(&self, side: Side, sent: PerSide<u64>) -> Exchanges {
        let own = self.0.of(side);
        let exchanges = Exchanges {
            begun: own.begun,
            answered: own.answered,
            first: own.first,
            last: own.last,
            varied: own.varied,
            ..Exchanges::default()
        };
        if own.begun == 0 {
            return exchanges;
        }
        let since = |side, before| sent.of(side).saturating_sub(before);
        Exchanges { bytes: since(side, own.before.0), answer_bytes: since(side.other(), own.before.1), ..exchanges }
    }
}

/// The silences of the flows that have any; fixed capacity. A flow that finds it full is not followed by its shape.
#[derive(Debug)]
pub(super) struct SilencePool {
    silences: Vec<Silences>,
    free: Vec<u32>,
    capacity: usize,
}

impl SilencePool {
    /// A flow without silences.
    pub(super) const NONE: u32 = u32::MAX;

    pub(super) fn new(capacity: usize) -> Self {
        SilencePool { silences: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity }
    }

    /// Takes note that a side spoke: after a silence until which both had sent `before`, or without one. Given is who broke
    /// the last silence and has no answer yet, if anybody; so is the answer, of this one.
    pub(super) fn spoke(
        &mut self,
        slot: &mut u32,
        (side, at): (Side, Timestamp),
        before: Option<PerSide<u64>>,
        pending: Option<Side>,
    ) -> Option<Side> {
        if *slot == Self::NONE {
            *slot = self.take();
        }
        let silences = self.silences.get_mut(*slot as usize)?;
        match before {
            Some(sent) => {
                silences.broken(side, at, sent);
                Some(side)
            }
            None if pending == Some(side.other()) => {
                silences.answered(side.other());
                None
            }
            None => pending,
        }
    }

    /// Brings what a flow has of it into the cache, by reading a word of each of its two lines.
    #[inline]
    pub(super) fn warm(&self, slot: u32) -> u64 {
        let Some(Silences(sides)) = self.silences.get(slot as usize) else { return 0 };
        u64::from(sides.of(Side::Low).begun ^ sides.of(Side::High).begun)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Silences> {
        self.silences.get(slot as usize)
    }

    fn take(&mut self) -> u32 {
        if let Some(index) = self.free.pop() {
            return index;
        }
        if self.silences.len() == self.capacity {
            return Self::NONE;
        }
        self.silences.push(Silences::default());
        self.silences.len() as u32 - 1
    }

    /// Takes a place back.
    pub(super) fn release(&mut self, slot: &mut u32) {
        if let Some(silences) = self.silences.get_mut(*slot as usize) {
            *silences = Silences::default();
            self.free.push(*slot);
        }
        *slot = Self::NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(low: u64, high: u64) -> PerSide<u64> {
        let mut sent = PerSide::default();
        (*sent.of_mut(Side::Low), *sent.of_mut(Side::High)) = (low, high);
        sent
    }

    #[test]
    fn exchanges_belong_to_who_breaks_the_silence_and_count_as_answered_once() {
        let (mut pool, mut slot) = (SilencePool::new(1), SilencePool::NONE);
        for n in 0..3 {
            let driven = (Side::Low, Timestamp::from_parts(10 * n, 1));
            let broken = (Side::High, Timestamp::from_parts(10 * n, 0));
            let pending = pool.spoke(&mut slot, broken, Some(sent(100 + 80 * n, 50 + 20 * n)), None);
            assert_eq!(pending, Some(Side::High));
            let pending = pool.spoke(&mut slot, driven, None, pending);
            assert_eq!(pool.spoke(&mut slot, driven, None, pending), None);
        }
        pool.spoke(&mut slot, (Side::Low, Timestamp::from_parts(90, 0)), Some(sent(340, 110)), None);
        let silences = pool.get(slot).copied().unwrap_or_default();
        let (driver, driven) = (Side::High, Side::Low);
        let exchanges = silences.begun_by(driver, sent(340, 110));
        assert_eq!((exchanges.begun, exchanges.answered, exchanges.period()), (3, 3, Some(Duration::from_secs(10))));
        assert_eq!((exchanges.bytes, exchanges.answer_bytes), (60, 240));
        assert_eq!(silences.begun_by(driven, sent(340, 110)).answered, 0);
        assert_eq!(silences.begun_by(driven, sent(340, 110)).period(), None);
    }
}
