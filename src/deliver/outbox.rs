//! The outbox: one thread owns the journal; the judge hands it changes, each output asks it for entries.
//!
//! * **The judge** puts changes into a bounded inbox. [`Outbox::append`] waits for room (a replay: back-pressure),
//!   [`Outbox::try_append`] never waits and hands a change back that does not fit (live: the packet path is not held up).
//! * **The thread** takes all changes that wait, up to a bound, into one transaction (group commit), then answers every
//!   output that waits for entries.
//! * **An output** has a [`Feed`] and asks on its own: one that is slow or gone delays nobody. An acknowledgement costs no
//!   transaction of its own; it goes into the file with the next one, or within a fifth of a second.
//!
//! Outputs come and go while it runs: [`Outbox::rejoin`] gives feeds to those that are new or begin anew, and ends those
//! that are left out; the others notice nothing.
//!
//! To end: [`Outbox::finish`] says that nothing more comes; feeds go on until they have everything and then give `None`.
//! [`Outbox::close`] ends it there and then. Whatever an output did not acknowledge is its backlog, for the next start.
//!
//! Bounds: the inbox by entries and bytes, one waiting question per feed, one pending acknowledgement per output, 64
//! untold troubles.

mod keeper;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use keeper::Keeper;

use crate::journal::{Change, Counters, Journal, Stored, Trouble};

/// Entries that wait in the inbox at most; a single change may be bigger.
const INBOX_ENTRIES: usize = 8_192;
/// Bytes that wait in the inbox at most.
const INBOX_BYTES: usize = 32 << 20;
/// Entries of one transaction, beyond which no further change joins it.
const COMMIT_ENTRIES: usize = 2_000;
/// Bytes of one transaction.
const COMMIT_BYTES: usize = 8 << 20;
/// Troubles kept for who asks.
const TROUBLES: usize = 64;

type Answer = Option<Vec<Arc<Stored>>>;

/// The journal behind its thread.
pub struct Outbox {
    shared: Arc<Shared>,
    /// Until it has ended.
    thread: Option<JoinHandle<Journal>>,
}

/// One output's way to the entries.
pub struct Feed {
    shared: Arc<Shared>,
    name: String,
    /// Which of the feeds that had this name.
    number: u64,
    cursor: u64,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Closed {
    /// What the journal did.
    pub counters: Counters,
    /// Entries each output did not acknowledge.
    pub backlog: Vec<(String, u64)>,
    /// What was not yet told.
    pub troubles: Vec<Trouble>,
    /// Entries that [`Outbox::try_append`] handed back.
    pub refused: u64,
}

struct Shared {
    inbox: Mutex<Inbox>,
    /// Something is in the inbox.
    work: Condvar,
    /// There is room in the inbox.
    room: Condvar,
    head: AtomicU64,
    refused: AtomicU64,
    report: Mutex<(Counters, Vec<Trouble>)>,
}

/// One output as the thread knows it.
struct Slot {
    /// Of the feed that may ask.
    number: u64,
    cursor: u64,
    /// A place that the journal was not told of.
    acknowledged: Option<u64>,
    /// Where it wants to go on, and who waits for the answer.
    question: Option<(u64, oneshot::Sender<Answer>)>,
}

/// A feed's name, number and cursor.
type Seat = (String, u64, u64);

/// Who takes part from now on, those of them that begin anew, and who waits for the feeds.
struct Rejoin {
    outputs: Vec<String>,
    renewed: Vec<String>,
    feeds: Sender<Vec<Seat>>,
}

#[derive(Default)]
struct Inbox {
    changes: VecDeque<Change>,
    entries: usize,
    bytes: usize,
    outputs: BTreeMap<String, Slot>,
    /// Feeds given out.
    feeds: u64,
    rejoin: Option<Rejoin>,
    /// There is something new beside the changes.
    is_knocked: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// Nothing more comes.
    Finished,
    /// The thread ends or has ended.
    Closed,
}

impl Outbox {
    /// Starts the thread that owns `journal`; a feed for each of `outputs`, in their order.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(mut journal: Journal, outputs: &[&str]) -> io::Result<(Outbox, Vec<Feed>)> {
        let shared = Arc::new(Shared {
            inbox: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            head: journal.head().into(),
            refused: AtomicU64::new(0),
            report: Mutex::new((journal.counters(), journal.take_troubles())),
        });
        let names: Vec<String> = outputs.iter().map(|output| (*output).to_owned()).collect();
        let feeds = shared.seat(&mut journal, &names, &[]);
        let feed = |(name, number, cursor)| Feed { shared: Arc::clone(&shared), name, number, cursor };
        let feeds = feeds.into_iter().map(feed).collect();
        let keeper = Keeper { shared: Arc::clone(&shared), commits: 0 };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || keeper.run(journal))?;
        Ok((Outbox { shared, thread: Some(thread) }, feeds))
    }

    /// From now on exactly `outputs` take part. Feeds for those that are new, which begin where [`Journal::join`] says, and
    /// for those that are `renewed`, which go on where their former feed has come to by then; that and the feeds of outputs
    /// that are left out give nothing more.
    pub fn rejoin(&self, outputs: &[&str], renewed: &[&str]) -> Vec<Feed> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (sender, feeds) = channel();
        let mut inbox = self.shared.inbox();
        if inbox.stage == Stage::Closed {
            return Vec::new();
        }
        inbox.rejoin = Some(Rejoin { outputs: owned(outputs), renewed: owned(renewed), feeds: sender });
        inbox.is_knocked = true;
        drop(inbox);
        self.shared.work.notify_one();
        let feed = |(name, number, cursor)| Feed { shared: Arc::clone(&self.shared), name, number, cursor };
        // Nobody answers where the thread has ended.
        feeds.recv().unwrap_or_default().into_iter().map(feed).collect()
    }

    /// Hands a change over; waits while the inbox is full.
    pub fn append(&self, change: Change) {
        let mut inbox = self.shared.inbox();
        while !inbox.has_room(&change) && inbox.stage != Stage::Closed {
            inbox = self.shared.room.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        if inbox.stage == Stage::Closed {
            self.shared.refused.fetch_add(change.entries.len() as u64, Ordering::Relaxed);
            return;
        }
        inbox.push(change);
        drop(inbox);
        self.shared.work.notify_one();
    }

    /// Hands a change over at once.
    ///
    /// # Errors
    /// The inbox is full: the change comes back, to be merged with the next ([`Change::merge`]) or given up. Its entries
    /// are counted as refused.
    pub fn try_append(&self, change: Change) -> Result<(), Change> {
        let mut inbox = self.shared.inbox();
        if !inbox.has_room(&change) || inbox.stage == Stage::Closed {
            self.shared.refused.fetch_add(change.entries.len() as u64, Ordering::Relaxed);
            return Err(change);
        }
        inbox.push(change);
        drop(inbox);
        self.shared.work.notify_one();
        Ok(())
    }

    /// True where a change of so many entries and bytes would be taken at this moment.
    #[must_use]
    pub fn has_room(&self, entries: usize, bytes: usize) -> bool {
        self.shared.inbox().fits(entries, bytes)
    }

    /// How many entries of the journal each output has not acknowledged, as of the last commit; by name.
    #[must_use]
    pub fn backlog(&self) -> Vec<(String, u64)> {
        self.shared.backlog()
    }

    /// The journal's counters, as of the last commit.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.report().0
    }

    /// Entries that [`Outbox::try_append`] handed back.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// What troubled the journal since this was last asked, for an alert about ourselves.
    #[must_use]
    pub fn take_troubles(&self) -> Vec<Trouble> {
        std::mem::take(&mut self.shared.report().1)
    }

    /// Nothing more comes: all that was appended is committed, and each feed gives `None` when it has everything.
    pub fn finish(&self) {
        let mut inbox = self.shared.inbox();
        if inbox.stage == Stage::Open {
            inbox.stage = Stage::Finished;
            inbox.is_knocked = true;
        }
        drop(inbox);
        self.shared.work.notify_one();
    }

    /// Commits all that was appended and acknowledged, ends the thread and every feed, and says what is left to deliver.
    #[must_use]
    pub fn close(mut self) -> Closed {
        let journal = self.end();
        let mut troubles = std::mem::take(&mut self.shared.report().1);
        let counters = match journal {
            Some(mut journal) => {
                troubles.append(&mut journal.take_troubles());
                journal.counters()
            }
            None => self.shared.report().0,
        };
        let refused = self.shared.refused.load(Ordering::Relaxed);
        Closed { counters, backlog: self.shared.backlog(), troubles, refused }
    }

    /// Waits until the thread has committed everything; its journal, unless it panicked.
    fn end(&mut self) -> Option<Journal> {
        self.shared.close();
        self.thread.take()?.join().ok()
    }
}

impl Drop for Outbox {
    /// As [`Outbox::close`], without an answer.
    fn drop(&mut self) {
        drop(self.end());
    }
}

impl Feed {
    /// The entries after the last acknowledged one, up to 500 or 1 MiB; waits until there are some. `None`: nothing is
    /// left and nothing more comes. Asking again without [`Feed::acknowledge`] gives the same entries again.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Vec<Arc<Stored>>> {
        if let Some(slot) = self.shared.inbox().outputs.get(&self.name) {
            // A former feed of the same output may have come further since.
            self.cursor = self.cursor.max(slot.cursor);
        }
        self.after(self.cursor).await
    }

    /// As [`Feed::next`], after the place `seq`: for an output that sends on before it has heard back.
    pub async fn after(&mut self, seq: u64) -> Option<Vec<Arc<Stored>>> {
        let answer = {
            let mut inbox = self.shared.inbox();
            if inbox.stage == Stage::Closed {
                return None;
            }
            let (sender, answer) = oneshot::channel();
            let slot = inbox.outputs.get_mut(&self.name).filter(|slot| slot.number == self.number)?;
            slot.question = Some((seq, sender));
            inbox.is_knocked = true;
            answer
        };
        self.shared.work.notify_one();
        answer.await.ok().flatten()
    }

    /// Everything up to `seq` is delivered, or not wanted. Never goes back.
    #[expect(clippy::unused_async, reason = "an output awaits its feed; how long it takes is the feed's business")]
    pub async fn acknowledge(&mut self, seq: u64) {
        self.cursor = self.cursor.max(seq);
        if let Some(slot) = self.shared.inbox().outputs.get_mut(&self.name) {
            slot.cursor = slot.cursor.max(self.cursor);
            slot.acknowledged = Some(slot.cursor);
        }
    }

    /// The last acknowledged place.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The output's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Shared {
    /// A thread that panicked has left the inbox as it was between two statements that cannot.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> MutexGuard<'_, (Counters, Vec<Trouble>)> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backlog(&self) -> Vec<(String, u64)> {
        let head = self.head.load(Ordering::Relaxed);
        let inbox = self.inbox();
        inbox.outputs.iter().map(|(name, slot)| (name.clone(), head.saturating_sub(slot.cursor))).collect()
    }

    /// Seats exactly `outputs`; what the feeds of those are that are new or `renewed`, in the order of `outputs`.
    fn seat(&self, journal: &mut Journal, outputs: &[String], renewed: &[String]) -> Vec<Seat> {
        let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let cursors = journal.join(&names);
        let mut inbox = self.inbox();
        inbox.outputs.retain(|name, _| outputs.contains(name));
        let mut seats = Vec::new();
        for (name, cursor) in outputs.iter().zip(cursors) {
            if inbox.outputs.contains_key(name) && !renewed.contains(name) {
                continue;
            }
            inbox.feeds += 1;
            let number = inbox.feeds;
            let acknowledged = inbox.outputs.get(name).and_then(|slot| slot.acknowledged);
            let cursor = cursor.max(acknowledged.unwrap_or(0));
            inbox.outputs.insert(name.clone(), Slot { number, cursor, acknowledged, question: None });
            seats.push((name.clone(), number, cursor));
        }
        seats
    }

    /// Nobody waits any longer; what is in the inbox is still committed.
    fn close(&self) {
        let mut inbox = self.inbox();
        inbox.stage = Stage::Closed;
        inbox.outputs.values_mut().for_each(|slot| slot.question = None);
        inbox.rejoin = None;
        drop(inbox);
        self.work.notify_one();
        self.room.notify_all();
    }
}

impl Inbox {
    fn has_room(&self, change: &Change) -> bool {
        self.fits(change.entries.len(), change.size_bytes())
    }

    /// A change that is bigger than the inbox has room in an empty one.
    fn fits(&self, entries: usize, bytes: usize) -> bool {
        let fits = self.entries + entries <= INBOX_ENTRIES && self.bytes + bytes <= INBOX_BYTES;
        fits || self.changes.is_empty()
    }

    fn push(&mut self, change: Change) {
        self.entries += change.entries.len();
        self.bytes += change.size_bytes();
        self.changes.push_back(change);
    }

    /// All changes that wait, up to the size of a transaction.
    fn take_changes(&mut self) -> Change {
        let mut taken = Change::default();
        let mut bytes = 0;
        while taken.entries.len() < COMMIT_ENTRIES
            && bytes < COMMIT_BYTES
            && let Some(change) = self.changes.pop_front()
        {
            let size = change.size_bytes();
            (self.entries, self.bytes) =
                (self.entries.saturating_sub(change.entries.len()), self.bytes.saturating_sub(size));
            bytes += size;
            taken.merge(change);
        }
        taken
    }
}
