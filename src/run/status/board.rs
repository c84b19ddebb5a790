//! Where the status is posted, and what the last minute brought.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Minute, Status};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// A handle on the latest [`Status`]; copies show the same.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    status: Arc<Status>,
    at: Option<Instant>,
    /// Totals of about the last minute, oldest first, at most one a second.
    before: VecDeque<(Instant, Minute)>,
}

impl Board {
    /// Shows this status from now on. Counters may begin again (an interface came back): what they lost counts as nothing.
    pub fn publish(&self, status: Status) {
        self.publish_at(status, now());
    }

    fn publish_at(&self, mut status: Status, now: Instant) {
        let mut posted = self.posted();
        let totals = totals(&status);
        let begun = Duration::from_secs(status.uptime_s.min(MINUTE.as_secs()));
        let history = &mut posted.before;
        while history.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= MINUTE) {
            history.pop_front();
        }
        let (covered, earlier) =
            history.front().map_or((begun, Minute::default()), |(at, totals)| (now.duration_since(*at), *totals));
        status.last_minute = since(&totals, &earlier, covered);
        if history.back().is_none_or(|(at, _)| now.duration_since(*at) >= SECOND) {
            history.push_back((now, totals));
        }
        posted.status = Arc::new(status);
        posted.at = Some(now);
    }

    /// The latest status; before the first it is empty and starting.
    #[must_use]
    pub fn read(&self) -> Arc<Status> {
        Arc::clone(&self.posted().status)
    }

    /// How long ago it was posted; zero before the first.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.posted().at.map_or(Duration::ZERO, |at| now().duration_since(at))
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "how old a report is is about this machine, not about packets")]
fn now() -> Instant {
    Instant::now()
}

/// What [`Minute`] tells, since the daemon began.
fn totals(status: &Status) -> Minute {
    let handles = || status.interfaces.iter().flat_map(|interface| &interface.handles);
    let between_shards: u64 = status.shards.iter().map(|shard| shard.handovers_dropped).sum();
    let by_interfaces: u64 = status.interfaces.iter().map(|interface| interface.frames_lost).sum();
    Minute {
        seconds: 0,
        frames_read: handles().map(|handle| handle.frames_read).sum(),
        wire_bytes: handles().map(|handle| handle.wire_bytes).sum(),
        frames_lost: handles().map(|handle| handle.frames_lost).sum::<u64>() + by_interfaces + between_shards,
        updates_dropped: status.shards.iter().map(|shard| shard.updates_dropped).sum(),
        entries_dropped: status.journal.dropped + status.journal.forced_out,
        records_lost: status.outputs.iter().map(|output| output.refused + output.dropped).sum(),
    }
}

fn since(totals: &Minute, earlier: &Minute, covered: Duration) -> Minute {
    Minute {
        seconds: covered.as_secs(),
        frames_read: totals.frames_read.saturating_sub(earlier.frames_read),
        wire_bytes: totals.wire_bytes.saturating_sub(earlier.wire_bytes),
        frames_lost: totals.frames_lost.saturating_sub(earlier.frames_lost),
        updates_dropped: totals.updates_dropped.saturating_sub(earlier.updates_dropped),
        entries_dropped: totals.entries_dropped.saturating_sub(earlier.entries_dropped),
        records_lost: totals.records_lost.saturating_sub(earlier.records_lost),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Handle, Interface};
    use super::*;

    fn with(frames_read: u64, frames_lost: u64) -> Status {
        let handle = Handle { frames_read, frames_lost, ..Handle::default() };
        let interface = Interface { handles: vec![handle], ..Interface::default() };
        Status { interfaces: vec![interface], ..Status::default() }
    }

    #[test]
    fn the_last_minute_forgets_what_was_before_it() {
        let board = Board::default();
        let start = now();
        board.publish_at(with(0, 0), start);
        for second in 1..=300 {
            let lost = if second < 100 { 0 } else { 7 };
            board.publish_at(with(second * 1000, lost), start + SECOND * second as u32);
            let minute = board.read().last_minute;
            assert_eq!(minute.seconds, second.min(60));
            assert_eq!(minute.frames_read, second.min(60) * 1000);
            assert_eq!(minute.frames_lost, if (100..160).contains(&second) { 7 } else { 0 }, "second {second}");
        }
        assert!(board.posted().before.len() <= 62);
    }

    #[test]
    fn posting_often_keeps_no_more_than_a_minute() {
        let board = Board::default();
        let start = now();
        for millisecond in 0..100_000_u32 {
            board.publish_at(with(u64::from(millisecond), 0), start + Duration::from_millis(millisecond.into()));
        }
        assert!(board.posted().before.len() <= 62, "{}", board.posted().before.len());
        assert_eq!(board.read().last_minute.frames_read, 60_999);
    }

    #[test]
    fn counters_that_begin_again_lose_nothing_but_their_past() {
        let board = Board::default();
        let start = now();
        board.publish_at(with(1_000_000, 500), start);
        board.publish_at(with(10, 0), start + SECOND);
        let minute = board.read().last_minute;
        assert_eq!((minute.frames_read, minute.frames_lost), (0, 0));
    }
}
