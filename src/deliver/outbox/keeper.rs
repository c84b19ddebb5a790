//! The outbox's thread: commits what the judge hands over, answers the outputs, seats who comes and goes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Rejoin, Shared, Slot, Stage, TROUBLES};
use crate::journal::{Change, Journal};

/// Entries of one answer.
const FEED_ENTRIES: usize = 500;
/// Bytes of one answer.
const FEED_BYTES: usize = 1 << 20;
/// How long the thread sleeps where nobody wakes it: acknowledgements and held changes wait as long.
const TICK: Duration = Duration::from_millis(200);
/// Commits between two looks at the age of entries.
const COMMITS_PER_ROUND: u32 = 64;

/// What the thread does.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) commits: u32,
}

/// What one look into the inbox brought.
struct Work {
    change: Change,
    acknowledged: Vec<(String, u64)>,
    rejoin: Option<Rejoin>,
    is_knocked: bool,
    stage: Stage,
}

impl Keeper {
    pub(super) fn run(mut self, mut journal: Journal) -> Journal {
        loop {
            let work = self.wait();
            for (output, seq) in &work.acknowledged {
                journal.acknowledge(output, *seq);
            }
            if let Some(Rejoin { outputs, renewed, feeds }) = &work.rejoin {
                let _ = feeds.send(self.shared.seat(&mut journal, outputs, renewed));
            }
            let is_quiet = work.change.is_empty();
            if !is_quiet {
                // What became of it is in the counters and troubles.
                let _ = journal.append(work.change);
                self.commits = self.commits.wrapping_add(1);
            }
            let is_due = if is_quiet { !work.is_knocked } else { self.commits.is_multiple_of(COMMITS_PER_ROUND) };
            if is_due {
                journal.maintain(journal.clock());
            }
            self.tell(&mut journal);
            self.answer(&mut journal, work.stage);
            self.tell_troubles(&mut journal);
            if work.stage == Stage::Closed && is_quiet {
                journal.maintain(journal.clock());
                return journal;
            }
        }
    }

    /// Waits until there is something to do, or for a while.
    fn wait(&self) -> Work {
        let mut inbox = self.shared.inbox();
        if inbox.changes.is_empty() && !inbox.is_knocked && inbox.stage != Stage::Closed {
            let waited = self.shared.work.wait_timeout(inbox, TICK);
            inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let change = inbox.take_changes();
        let acknowledged = inbox.outputs.iter_mut();
        let acknowledged =
            acknowledged.filter_map(|(name, slot)| Some((name.clone(), slot.acknowledged.take()?))).collect();
        let rejoin = inbox.rejoin.take();
        let (is_knocked, stage) = (std::mem::take(&mut inbox.is_knocked), inbox.stage);
        drop(inbox);
        self.shared.room.notify_all();
        Work { change, acknowledged, rejoin, is_knocked, stage }
    }

    fn tell(&self, journal: &mut Journal) {
        let mut report = self.shared.report();
        report.0 = journal.counters();
        drop(report);
        self.tell_troubles(journal);
        self.shared.head.store(journal.head(), Ordering::Relaxed);
    }

    /// Also after each answer: who acts on one can ask what troubled the reading of it.
    fn tell_troubles(&self, journal: &mut Journal) {
        let troubles = journal.take_troubles();
        if !troubles.is_empty() {
            let mut report = self.shared.report();
            let room = TROUBLES.saturating_sub(report.1.len());
            report.1.extend(troubles.into_iter().take(room));
        }
    }

    /// Answers every question for which there are entries, or never will be.
    fn answer(&self, journal: &mut Journal, stage: Stage) {
        let names: Vec<String> = self.shared.inbox().outputs.keys().cloned().collect();
        for name in names {
            let take = |slot: &mut Slot| Some((slot.number, slot.question.take()?));
            let Some((number, (after, asker))) = self.shared.inbox().outputs.get_mut(&name).and_then(take) else {
                continue;
            };
            if asker.is_closed() {
                continue;
            }
            let entries =
                if after < journal.head() { journal.read(after, FEED_ENTRIES, FEED_BYTES) } else { Vec::new() };
            let is_over = stage != Stage::Open && self.shared.inbox().changes.is_empty();
            if !entries.is_empty() {
                // Who does not wait any longer asks again.
                let _ = asker.send(Some(entries));
            } else if is_over {
                let _ = asker.send(None);
            } else if let Some(slot) = self.shared.inbox().outputs.get_mut(&name)
                && slot.question.is_none()
                && slot.number == number
            {
                slot.question = Some((after, asker));
            }
        }
    }
}

impl Drop for Keeper {
    /// However the thread ends, nobody waits for it.
    fn drop(&mut self) {
        self.shared.close();
    }
}
