//! The journal: one SQLite file with every alert, the judge's durable memory, and how far each output has come.
//!
//! Synchronous, without a thread and without a clock; [`crate::deliver::Outbox`] gives it a thread.
//!
//! # Invariants
//!
//! 1. A [`Change`] is in the file whole or not at all, the states with the alerts they account for.
//! 2. Places ([`Stored::seq`]) only grow and are never given twice, also over a restart, an outage of the disk and a
//!    damaged file. No entry and no cursor is beyond `meta.head`; no place after `meta.gaps_until` is empty, so that an
//!    entry that vanished from the file is noticed.
//! 3. An id is entered once while its entry is in the journal: reading a capture again adds nothing.
//! 4. A cursor only grows, and stands before the first entry that its output has not acknowledged.
//! 5. What is not yet in the file is in memory, bounded by [`Options::held_bytes`], and read like the rest.
//! 6. Nothing here ends the caller: after [`Journal::open`] every failure is a [`Trouble`] and a counter.
//!
//! # Layout
//!
//! ```text
//! journal.db            header: application id "BdFl", user_version = schema version; mode 0640
//!   entries             seq, id, finding, at (ns), severity, kind, step, asset, jurisdiction, body (ECS JSON)
//!   states              kind, key, value: opaque JSON of the judge
//!   cursors             output, seq: everything up to seq is delivered
//!   meta                head: highest place given; clock: packet time of the judge (ns); version: as user_version;
//!                       gaps_until: up to here places may be empty (removed, given up, lost), after it none is;
//!                       join_from: until an output has joined, and after cursors were lost: where unknown outputs begin
//! journal.db-wal, -shm  SQLite's log and its index, 16 MiB each and less, written back as they fill
//! journal.db.lock       held by the one process that writes; its id
//! journal.db.corrupt-n  a damaged file that was set aside (see `salvage.rs`)
//! ```
//!
//! # What a crash leaves
//!
//! * Before a commit: the journal as before it. Judgement from its states gives the same ids again.
//! * After it: everything; the log is `fsync`ed with each commit (`synchronous=FULL`) and replayed by the next start.
//! * Cursors are written with the next change or [`Journal::maintain`]: after a crash an output gets again what it had
//!   acknowledged since, with the same ids.
//! * While held changes are written after an outage, entries go before states: the judge repeats ids, never skips one.
//! * A log whose tail is torn or flipped counts up to the last sound commit, which is all SQLite can tell.
//!
//! # When the file refuses
//!
//! * **Full disk, read-only file system, I/O error, lock:** changes are held in memory and tried again with each change
//!   and each `maintain`. Entries are read by outputs meanwhile; when the memory is full the oldest are given up and
//!   counted; states keep the newest value for each key.
//! * **Damage** (an SQLite error that is not the system's): the file is renamed to `.corrupt-n`, states, cursors and the
//!   entries that not every output has are read out of it as far as possible, and the journal goes on in a new file.
//! * **At the start** a journal on a full disk opens, one on a read-only disk opens as far as it was written back.
//!
//! # Retention
//!
//! Oldest first. By age ([`Options::max_age`], packet time of the entry against [`Journal::maintain`]'s) only what
//! every joined output has; by size ([`Options::max_bytes`]) also the rest, counted and told. Freed pages are used
//! again, so the file never outgrows its size; `compact` gives them back.
//!
//! # Where an output begins
//!
//! A journal that no output has ever joined gives everything to the first ones. An output that joins later begins with
//! what comes after. One that is left out keeps its cursor but holds back nothing.

mod entry;
mod error;
mod file;
mod moved;
mod reader;
mod recent;
mod salvage;
mod schema;
mod store;
mod verify;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

pub use entry::{Appended, Change, Entry, State, Stored};
pub use error::{JournalError, Trouble, TroubleKind};
pub use reader::{Filter, Reader};
pub use verify::Report;

use crate::net::Timestamp;
use entry::Page;
use file::{Access, Lock};
use recent::Recent;
use store::{Memory, States};

/// How big a journal gets and how it writes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of the file, without its log; 256 entries and the states stay in any case.
    pub max_bytes: u64,
    /// Age at which a delivered entry is removed; `None` keeps it until the file is full.
    pub max_age: Option<Duration>,
    /// Bytes of changes held in memory while the disk refuses.
    pub held_bytes: usize,
    /// Whether each commit waits for the disk (`fsync`).
    pub durable: bool,
}

impl Default for Options {
    /// 1 GiB, 90 days, 64 MiB held, durable.
    fn default() -> Self {
        let max_age = Some(Duration::from_secs(90 * 86_400));
        Options { max_bytes: 1 << 30, max_age, held_bytes: 64 << 20, durable: true }
    }
}

/// What a journal has done since it was opened, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries that were new.
    pub added: u64,
    /// Entries whose id was there already.
    pub repeated: u64,
    /// Entries given up because the memory for held changes was full.
    pub dropped: u64,
    /// Delivered entries removed by retention.
    pub expired: u64,
    /// Undelivered entries removed because the file was full.
    pub forced_out: u64,
    /// Transactions.
    pub commits: u64,
    /// Transactions the file refused.
    pub refused_commits: u64,
    /// Damaged files set aside.
    pub damaged_files: u64,
    /// Entries that are in memory only.
    pub held_entries: u64,
    /// About how many bytes they take.
    pub held_bytes: u64,
    /// Bytes of the file, without its log.
    pub file_bytes: u64,
}

/// One journal, open for writing.
pub struct Journal {
    place: Place,
    options: Options,
    connection: Option<(Connection, Access)>,
    recent: Recent,
    /// States that are not in the file.
    states: States,
    clock_is_written: bool,
    memory: Memory,
    /// Outputs whose cursor is not in the file.
    moved: BTreeSet<String>,
    /// Outputs that take part; before any has joined, all that ever did.
    joined: Option<BTreeSet<String>>,
    trouble: writer::Told,
    opened: moved::Opened,
    counters: Counters,
}

/// Where a journal lies.
enum Place {
    /// A file of its own; without a lock where none can be kept.
    File(PathBuf, Option<Lock>),
    /// SQLite's private file.
    Private,
}

/// Has this process keep its temporary journals in `directory`. Where that cannot be set, they are where SQLite finds room.
pub fn keep_private_files_in(directory: &Path) {
    let _ = file::keep_private_files_in(directory);
}

impl Journal {
    /// Opens the journal at `path`, or makes one; a damaged file is replaced (see [`Journal::take_troubles`]).
    ///
    /// # Errors
    /// The directory is missing, another process writes it, the file is another program's or a later release's, or it
    /// can be neither read nor made.
    pub fn open(path: &Path, options: &Options) -> Result<Journal, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        if path.parent().is_some_and(|directory| !directory.as_os_str().is_empty() && !directory.is_dir()) {
            return Err(JournalError::Directory(path.parent().unwrap_or(path).to_owned()));
        }
        let lock = Lock::take(path)?;
        if lock.is_some() {
            salvage::finish(path).map_err(io)?;
        }
        file::prepare(path)?;
        let mut journal = Journal::at(Place::File(path.to_owned(), lock), options);
        journal.attach_first()?;
        Ok(journal)
    }

    /// A journal in a private file (mode 0600, in the directory for temporary files) that is gone with the process,
    /// and does not wait for the disk.
    ///
    /// # Errors
    /// SQLite cannot make one.
    pub fn temporary(options: &Options) -> Result<Journal, JournalError> {
        let mut journal = Journal::at(Place::Private, &Options { durable: false, ..*options });
        journal.attach_first()?;
        Ok(journal)
    }

    fn at(place: Place, options: &Options) -> Journal {
        Journal {
            place,
            options: *options,
            connection: None,
            recent: Recent::default(),
            states: States::new(),
            clock_is_written: true,
            memory: Memory::default(),
            moved: BTreeSet::new(),
            joined: None,
            trouble: writer::Told::default(),
            opened: moved::Opened::default(),
            counters: Counters::default(),
        }
    }

    /// Enters a change: on return it is on the disk, or held in memory because the disk refuses.
    pub fn append(&mut self, change: Change) -> Appended {
        let mut appended = Appended::default();
        let known = self.known(&change.entries);
        let is_sure = known.is_some();
        let known = known.unwrap_or_else(|| vec![false; change.entries.len()]);
        for (entry, is_known) in change.entries.into_iter().zip(known) {
            if is_known || self.recent.holds(&entry.id) {
                appended.repeated += 1;
            } else {
                self.memory.head += 1;
                self.recent.hold(Arc::new(Stored { seq: self.memory.head, entry }));
                appended.added += 1;
            }
        }
        self.states.extend(change.states.into_iter().map(|state| ((state.kind, state.key), state.value)));
        if change.clock.is_some() {
            self.memory.clock = change.clock;
            self.clock_is_written = false;
        }
        if !is_sure {
            // What is repeated leaves its place empty.
            self.memory.gaps_until = self.memory.head;
        }
        self.counters.added += appended.added;
        self.counters.repeated += appended.repeated;
        appended.held = !self.flush();
        appended.dropped = self.give_up();
        appended
    }

    /// The entries after the place `after`, in order: up to `max_entries`, and up to `max_bytes` unless the first alone
    /// is bigger. Those that are held in memory included. Empty also while the disk refuses to be read.
    pub fn read(&mut self, after: u64, max_entries: usize, max_bytes: usize) -> Vec<Arc<Stored>> {
        let mut page = Page::new(max_entries, max_bytes);
        let until = self.recent.after();
        if after < until {
            let read = |connection: &Connection, gaps_until| {
                let mut page = Page::new(max_entries, max_bytes);
                store::read(connection, (after, until), gaps_until, &mut page).map(|()| page)
            };
            match self.ask(read) {
                Some(read) => page = read,
                None => return Vec::new(),
            }
        }
        if !page.is_full() {
            self.recent.read(after.max(self.recent.after()), &mut page);
        }
        page.into_entries()
    }

    /// Names the outputs that take part, and says where each begins.
    pub fn join(&mut self, outputs: &[&str]) -> Vec<u64> {
        let start = self.memory.join_from.unwrap_or(self.memory.head);
        for output in outputs {
            if !self.memory.cursors.contains_key(*output) {
                self.memory.cursors.insert((*output).to_owned(), start);
                self.moved.insert((*output).to_owned());
            }
        }
        if !outputs.is_empty() {
            self.memory.join_from = None;
        }
        self.joined = Some(outputs.iter().map(|output| (*output).to_owned()).collect());
        self.flush();
        outputs.iter().map(|output| self.cursor(output).unwrap_or(start)).collect()
    }

    /// `output` has everything up to the place `seq`. In the file with the next [`Journal::append`] or
    /// [`Journal::maintain`]; a cursor never goes back, nor beyond the last entry.
    pub fn acknowledge(&mut self, output: &str, seq: u64) {
        let seq = seq.min(self.memory.head);
        if self.cursor(output).is_none_or(|cursor| cursor < seq) {
            self.memory.cursors.insert(output.to_owned(), seq);
            self.moved.insert(output.to_owned());
        }
    }

    /// The place up to which `output` has everything; `None` if it never joined.
    #[must_use]
    pub fn cursor(&self, output: &str) -> Option<u64> {
        self.memory.cursors.get(output).copied()
    }

    /// The last place given; 0 in a journal that never had an entry.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.memory.head
    }

    /// The packet time the judge had reached.
    #[must_use]
    pub fn clock(&self) -> Option<Timestamp> {
        self.memory.clock
    }

    /// The states of a kind, by key.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn states(&mut self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, JournalError> {
        let mut states = match self.ask(|connection, _| store::states(connection, kind)) {
            Some(states) => states,
            None => return Err(self.refused("reading the states")),
        };
        for ((_, key), value) in self.states.iter().filter(|((own, _), _)| *own == kind) {
            match value {
                Some(value) => states.insert(key.clone(), value.clone()),
                None => states.remove(key),
            };
        }
        Ok(states.into_iter().collect())
    }

    /// Writes what is held and what was acknowledged, and removes what is older than it may be at packet time `now`.
    pub fn maintain(&mut self, now: Option<Timestamp>) {
        self.look_after_file();
        if self.flush()
            && let (Some(now), Some(max_age)) = (now, self.options.max_age)
        {
            let cutoff =
                Timestamp::from_nanos(now.as_nanos().saturating_sub(Timestamp::ZERO.after(max_age).as_nanos()));
            self.expire(cutoff);
        }
    }

    /// Gives the pages of removed entries back to the file system; bytes before and after. Needs as much room again
    /// while it works.
    ///
    /// # Errors
    /// SQLite refuses; the journal is as before.
    pub fn compact(&mut self) -> Result<(u64, u64), JournalError> {
        let before = self.counters().file_bytes;
        let path = self.path().to_owned();
        let Some((connection, _)) = &self.connection else { return Err(self.refused("compacting")) };
        connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").map_err(|source| JournalError::Sql {
            path,
            doing: "compacting",
            source,
        })?;
        Ok((before, self.counters().file_bytes))
    }

    /// What happened since this was last asked, oldest first.
    pub fn take_troubles(&mut self) -> Vec<Trouble> {
        self.trouble.take()
    }

    /// Counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let file_bytes = self.connection.as_ref().and_then(|(connection, _)| store::file_bytes(connection).ok());
        Counters {
            held_entries: self.recent.held_entries() as u64,
            held_bytes: self.recent.held_bytes() as u64,
            file_bytes: file_bytes.unwrap_or(0),
            ..self.counters
        }
    }

    /// The file; empty for a private one.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::File(path, _) => path,
            Place::Private => Path::new(""),
        }
    }

    /// How many entries of the journal each joined output does not have.
    #[must_use]
    pub fn backlog(&self) -> BTreeMap<String, u64> {
        let behind = |output: &String| self.memory.head.saturating_sub(self.cursor(output).unwrap_or(0));
        self.joined.iter().flatten().map(|output| (output.clone(), behind(output))).collect()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.flush();
    }
}
