//! Frames of several interfaces in the order of their time: both directions of a tap are one conversation.
//!
//! The kernel hands over what came in on an interface in pieces, up to [`DELIVERY`] late. So while an interface has nothing
//! to offer, the frames of the others wait until they are older than [`HOLD`]: then nothing older can come any more.

use std::time::Duration;

use super::handle::{DELIVERY, Handle};
use super::{LiveError, Timing};
use crate::capture::Batch;
use crate::net::Timestamp;

/// How long a frame waits for older ones at most.
pub(super) const HOLD: Duration = DELIVERY.saturating_add(Duration::from_millis(20));

/// Frames of one interface that wait for their turn.
#[derive(Default)]
pub(super) struct Stage {
    batch: Batch,
    next: usize,
    /// Whether more can come.
    pub(super) is_open: bool,
}

impl Stage {
    fn first(&self) -> Option<Timestamp> {
        self.batch.frames.get(self.next).map(|frame| frame.timestamp)
    }

    /// Takes what waits at the handle, where nothing is left here.
    pub(super) fn refill(
        &mut self,
        handle: &mut Handle,
        most: usize,
        timing: Timing,
    ) -> Result<(usize, u64), LiveError> {
        if self.first().is_some() {
            return Ok((0, 0));
        }
        self.batch.clear();
        self.next = 0;
        handle.read(&mut self.batch, most, timing)
    }

    /// Frames that wait.
    pub(super) fn len(&self) -> usize {
        self.batch.frames.len() - self.next
    }

    fn give(&mut self, batch: &mut Batch) {
        if let Some(frame) = self.batch.frame(self.next) {
            let offset = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(frame.data);
            batch.frames.push(crate::capture::FrameRef { offset, ..frame.meta });
        }
        self.next += 1;
    }
}

/// Appends up to `most` frames in the order of time, as far as it is certain at `now`. It is, for all frames, where `is_last`.
pub(super) fn merge<T>(
    staged: &mut [T],
    stage: impl Fn(&mut T) -> &mut Stage,
    batch: &mut Batch,
    most: usize,
    now: Timestamp,
    is_last: bool,
) {
    for _ in 0..most {
        let (mut is_certain, mut oldest) = (true, None);
        for (place, staged) in staged.iter_mut().enumerate() {
            let stage = stage(staged);
            match stage.first() {
                Some(time) if oldest.is_none_or(|(first, _)| time < first) => oldest = Some((time, place)),
                Some(_) => {}
                None => is_certain &= is_last || !stage.is_open,
            }
        }
        let Some((_, place)) = oldest.filter(|(time, _)| is_certain || now.since(*time) >= HOLD) else { return };
        if let Some(staged) = staged.get_mut(place) {
            stage(staged).give(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    fn stage(millis: &[u64]) -> Stage {
        let mut stage = Stage { is_open: true, ..Stage::default() };
        for &time in millis {
            stage.batch.push(Timestamp::from_nanos(time * 1_000_000), LinkType::ETHERNET, 0, &time.to_be_bytes());
        }
        stage
    }

    fn merged(stages: &mut [Stage], now_ms: u64, is_last: bool) -> Vec<u64> {
        let mut batch = Batch::default();
        merge(stages, |stage| stage, &mut batch, 100, Timestamp::from_nanos(now_ms * 1_000_000), is_last);
        let times = (0..batch.frames.len()).map(|index| {
            let frame = batch.frame(index).unwrap();
            assert_eq!(frame.meta.timestamp.as_nanos() / 1_000_000, u64::from_be_bytes(frame.data.try_into().unwrap()));
            frame.meta.timestamp.as_nanos() / 1_000_000
        });
        times.collect()
    }

    #[test]
    fn frames_of_two_interfaces_come_in_the_order_of_their_time() {
        let mut stages = [stage(&[1, 4, 5, 9]), stage(&[2, 3, 8])];
        assert_eq!(merged(&mut stages, 10, false), [1, 2, 3, 4, 5, 8]);
        assert_eq!(stages.map(|stage| stage.len()), [1, 0]);
    }

    #[test]
    fn frames_wait_for_a_silent_interface_and_not_longer_than_it_can_be_late() {
        let mut stages = [stage(&[100, 150, 200]), stage(&[])];
        let hold = HOLD.as_millis() as u64;
        assert_eq!(merged(&mut stages, 100 + hold - 1, false), [0u64; 0]);
        assert_eq!(merged(&mut stages, 150 + hold, false), [100, 150]);
        assert_eq!(merged(&mut stages, 150 + hold, true), [200]);
    }

    #[test]
    fn nothing_waits_for_an_interface_that_is_away() {
        let mut stages = [stage(&[100, 150]), stage(&[])];
        stages[1].is_open = false;
        assert_eq!(merged(&mut stages, 150, false), [100, 150]);
    }
}
