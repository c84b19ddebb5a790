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

/// Follows the silences of one flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silences {
    /// Who spoke first after the last silence and has no answer yet.
    pub(super) pending: Option<Side>,
    exchanges: PerSide<Exchanges>,
    /// Payload bytes of either side before each side's first exchange.
    before: PerSide<PerSide<u64>>,
    /// Payload bytes of the other side before each side's last exchange, and the length of the answer before that.
    last: PerSide<(u64, u64)>,
}

impl Silences {
    /// `side` spoke after a silence, until which both had sent so many bytes of payload.
    pub(super) fn broken(&mut self, side: Side, at: Timestamp, sent: PerSide<u64>) {
        let own = self.exchanges.of_mut(side);
        own.begun = own.begun.saturating_add(1);
        let (answers, last) = (*sent.of(side.other()), self.last.of_mut(side));
        let length = answers.saturating_sub(last.0);
        match own.begun {
            1 => {
                own.first = at;
                *self.before.of_mut(side) = sent;
            }
            2 => {}
            _ => own.varied = own.varied.saturating_add(u32::from(length != last.1)),
        }
        *last = (answers, length);
        own.last = at;
        self.pending = Some(side);
    }

    /// `side` spoke without a silence before.
    pub(super) fn answered(&mut self, side: Side) {
        if self.pending == Some(side.other()) {
            let other = self.exchanges.of_mut(side.other());
            other.answered = other.answered.saturating_add(1);
            self.pending = None;
        }
    }

    /// What `side` began, now that both have sent so many bytes of payload.
    pub(super) fn begun_by(&self, side: Side, sent: PerSide<u64>) -> Exchanges {
        let (exchanges, before) = (*self.exchanges.of(side), self.before.of(side));
        if exchanges.begun == 0 {
            return exchanges;
        }
        let since = |side| sent.of(side).saturating_sub(*before.of(side));
        Exchanges { bytes: since(side), answer_bytes: since(side.other()), ..exchanges }
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

    /// Takes note that `side` spoke: after a silence until which both had sent `before`, or without one. True where
    /// whoever broke the last silence still has no answer.
    #[cold]
    pub(super) fn spoke(&mut self, slot: &mut u32, side: Side, at: Timestamp, before: Option<PerSide<u64>>) -> bool {
        if *slot == Self::NONE {
            *slot = self.take();
        }
        let Some(silences) = self.silences.get_mut(*slot as usize) else { return false };
        match before {
            Some(sent) => silences.broken(side, at, sent),
            None => silences.answered(side),
        }
        silences.pending.is_some()
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
        let mut silences = Silences::default();
        for n in 0..3 {
            silences.broken(Side::High, Timestamp::from_parts(10 * n, 0), sent(100 + 80 * n, 50 + 20 * n));
            silences.answered(Side::Low);
            silences.answered(Side::Low);
        }
        silences.broken(Side::Low, Timestamp::from_parts(90, 0), sent(340, 110));
        let (driver, driven) = (Side::High, Side::Low);
        let exchanges = silences.begun_by(driver, sent(340, 110));
        assert_eq!((exchanges.begun, exchanges.answered, exchanges.period()), (3, 3, Some(Duration::from_secs(10))));
        assert_eq!((exchanges.bytes, exchanges.answer_bytes), (60, 240));
        assert_eq!(silences.begun_by(driven, sent(340, 110)).answered, 0);
        assert_eq!(silences.begun_by(driven, sent(340, 110)).period(), None);
    }
}
