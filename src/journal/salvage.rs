//! A damaged file is set aside, and what can be read of it goes into a new one.
//!
//! ```text
//! journal.db.salvaging   the new file while it is filled; worthless after a crash
//! journal.db.salvaged    the new file, complete and synced: from here on the replacement happens, whatever comes
//! journal.db.corrupt-1   the damaged file, with its log journal.db.corrupt-1-wal; never deleted
//! ```
//!
//! A crash before the rename to `.salvaged` leaves the damaged file in its place, to be found again; after it, the next
//! start carries the replacement out ([`finish`]).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::entry::Stored;
use super::file::{beside, sync_directory};
use super::schema::{self, MIGRATIONS};
use super::store::{self, Memory, sql, unsql};
use crate::net::Timestamp;

/// No place is as high as this; a number that is, is damage.
const HIGHEST: u64 = 1 << 60;
/// Where places go on when nobody knows how far they had come: the next multiple, beyond any that was used.
const LEAP: u64 = 1 << 40;
/// Attempts to read on after unreadable pages.
const ATTEMPTS: u32 = 20_000;
/// Entries read between two writes.
const BATCH: usize = 500;

/// What a running journal still knows of the file it lost; a journal that is being opened knows nothing.
pub(super) struct Known<'a> {
    pub(super) memory: Option<&'a Memory>,
    pub(super) delivered: u64,
}

/// What became of a damaged file.
#[derive(Debug, Default)]
pub(super) struct Salvage {
    pub(super) aside: PathBuf,
    pub(super) entries: u64,
    pub(super) states: u64,
    /// Where reading stopped at damage.
    pub(super) is_whole: bool,
}

/// Why a file could not be replaced; the damaged one is where it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum SalvageError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// Replaces the damaged file at `path`, to which no connection is open.
pub(super) fn replace(path: &Path, known: &Known<'_>) -> Result<Salvage, SalvageError> {
    let part = beside(path, ".salvaging");
    remove(&part)?;
    super::file::prepare(&part).map_err(io::Error::other)?;
    let aside = name_aside(path);
    let filled = fill(&part, path, &aside, known);
    let mut salvage = match filled {
        Ok(salvage) => salvage,
        Err(error) => {
            let _ = remove(&part);
            return Err(error.into());
        }
    };
    File::open(&part)?.sync_all()?;
    fs::rename(&part, beside(path, ".salvaged"))?;
    sync_directory(path)?;
    salvage.aside = finish(path)?.unwrap_or(aside);
    Ok(salvage)
}

/// Carries out a replacement that was decided; the name the damaged file got, `None` where there is nothing to do.
pub(super) fn finish(path: &Path) -> io::Result<Option<PathBuf>> {
    remove(&beside(path, ".salvaging"))?;
    let salvaged = beside(path, ".salvaged");
    if !salvaged.exists() {
        return Ok(None);
    }
    let aside = name_aside(path);
    rename_if_there(&beside(path, "-wal"), &beside(&aside, "-wal"))?;
    remove(&beside(path, "-shm"))?;
    rename_if_there(path, &aside)?;
    fs::rename(&salvaged, path)?;
    sync_directory(path)?;
    Ok(Some(aside))
}

/// Gives the file at `path` another name beside it, and says which.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = name_aside(path);
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn name_aside(path: &Path) -> PathBuf {
    let names = (1_u32..).map(|number| beside(path, &format!(".corrupt-{number}")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| beside(path, ".corrupt"))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Fills the new file; an error is one of the new file's, never one of the damaged.
fn fill(part: &Path, damaged: &Path, aside: &Path, known: &Known<'_>) -> rusqlite::Result<Salvage> {
    let mut fresh = Connection::open_with_flags(part, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    fresh.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    fresh.pragma_update(None, "synchronous", "OFF")?;
    schema::migrate(&mut fresh, 0, MIGRATIONS)?;
    let mut salvage = Salvage { is_whole: true, ..Salvage::default() };
    let transaction = fresh.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let old = open_damaged(damaged).ok();
    salvage.is_whole &= old.is_some();
    let read = old.as_ref().map(remembered).unwrap_or_default();
    let memory = known.memory.cloned().unwrap_or_else(|| read.sound());
    let delivered = if known.memory.is_some() { known.delivered } else { memory.delivered() };
    let mut highest = 0;
    if let Some(old) = &old {
        salvage.states = copy_states(old, &transaction, &mut salvage.is_whole)?;
        let mut reader = Reader { old, transaction: &transaction, copied: 0, highest: 0, attempts: ATTEMPTS };
        salvage.is_whole &= reader.copy(delivered, HIGHEST)?;
        (salvage.entries, highest) = (reader.copied, reader.highest);
    }
    let is_known =
        known.memory.is_some() || read.head.is_some_and(|head| head >= highest && read.cursors_are_within(head));
    let head = if is_known { memory.head } else { leap(highest.max(memory.head), aside) };
    keep_memory(&transaction, &Memory { head, ..memory })?;
    transaction.commit()?;
    fresh.close().map_err(|(_, error)| error)?;
    Ok(salvage)
}

/// A place that was never given, though it is not known which were.
fn leap(seen: u64, aside: &Path) -> u64 {
    let number = aside.extension().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("corrupt-"));
    let times: u64 = number.and_then(|number| number.parse().ok()).unwrap_or(1);
    (seen / LEAP + 1).max(times) * LEAP
}

fn open_damaged(path: &Path) -> rusqlite::Result<Connection> {
    let old = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    old.pragma_update(None, "writable_schema", true)?;
    old.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(old)
}

/// What the damaged file says about itself, each item as far as it could be read.
#[derive(Default)]
struct Remembered {
    head: Option<u64>,
    clock: Option<u64>,
    join_from: Option<u64>,
    cursors: BTreeMap<String, u64>,
    cursors_are_whole: bool,
}

fn remembered(old: &Connection) -> Remembered {
    let meta = |key| schema::meta(old, key).ok().flatten().map(unsql).filter(|value| *value < HIGHEST * 8);
    let mut read = Remembered {
        head: meta("head").filter(|head| *head < HIGHEST),
        clock: meta("clock"),
        join_from: meta("join_from").filter(|seq| *seq < HIGHEST),
        ..Remembered::default()
    };
    read.cursors_are_whole = read_cursors(old, &mut read.cursors).is_ok();
    read
}

fn read_cursors(old: &Connection, cursors: &mut BTreeMap<String, u64>) -> rusqlite::Result<()> {
    let mut statement = old.prepare("SELECT output, seq FROM cursors")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        cursors.insert(row.get(0)?, unsql(row.get(1)?));
    }
    Ok(())
}

impl Remembered {
    fn cursors_are_within(&self, head: u64) -> bool {
        self.cursors_are_whole && self.cursors.values().all(|seq| *seq <= head)
    }

    /// What may be believed: without sound cursors each output begins with what is left.
    fn sound(&self) -> Memory {
        let head = self.head.unwrap_or(0);
        let are_sound = self.cursors_are_within(head);
        Memory {
            head,
            gaps_until: head,
            clock: self.clock.map(Timestamp::from_nanos),
            join_from: if are_sound { self.join_from } else { Some(0) },
            cursors: if are_sound { self.cursors.clone() } else { BTreeMap::new() },
        }
    }
}

impl Memory {
    /// Every known output has the entries up to here; 0 where none is known.
    fn delivered(&self) -> u64 {
        if self.join_from.is_some() { 0 } else { self.cursors.values().copied().min().unwrap_or(0) }
    }
}

fn keep_memory(transaction: &Transaction<'_>, memory: &Memory) -> rusqlite::Result<()> {
    schema::remember(transaction, "head", sql(memory.head))?;
    schema::remember(transaction, "gaps_until", sql(memory.head))?;
    if let Some(clock) = memory.clock {
        schema::remember(transaction, "clock", sql(clock.as_nanos()))?;
    }
    match memory.join_from {
        Some(seq) => schema::remember(transaction, "join_from", sql(seq))?,
        None => transaction.execute("DELETE FROM meta WHERE key = 'join_from'", []).map(drop)?,
    }
    for (output, seq) in &memory.cursors {
        transaction.execute("INSERT INTO cursors VALUES (?1, ?2)", (output, sql(*seq)))?;
    }
    Ok(())
}

fn copy_states(old: &Connection, fresh: &Transaction<'_>, is_whole: &mut bool) -> rusqlite::Result<u64> {
    let mut insert = fresh.prepare("INSERT OR REPLACE INTO states VALUES (?1, ?2, ?3)")?;
    let mut copied = 0;
    // A damaged page ends one direction of reading; the other reaches what lies behind it.
    for order in ["ASC", "DESC"] {
        let query = format!("SELECT kind, key, value FROM states ORDER BY kind {order}, key {order}");
        let Ok(mut statement) = old.prepare(&query) else {
            *is_whole = false;
            continue;
        };
        let Ok(mut rows) = statement.query([]) else {
            *is_whole = false;
            continue;
        };
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let read = |column| row.get::<_, String>(column);
                    let (Ok(kind), Ok(key), Ok(value)) = (read(0), read(1), row.get::<_, Vec<u8>>(2)) else {
                        *is_whole = false;
                        continue;
                    };
                    insert.execute((kind, key, value))?;
                    copied += 1;
                }
                Ok(None) => return Ok(copied),
                Err(_) => {
                    *is_whole = false;
                    break;
                }
            }
        }
    }
    Ok(copied)
}

/// Copies the entries between two places, around pages that cannot be read.
struct Reader<'a> {
    old: &'a Connection,
    transaction: &'a Transaction<'a>,
    copied: u64,
    highest: u64,
    attempts: u32,
}

impl Reader<'_> {
    /// Copies what lies after `low` and before `high`: from the front, from the back, then each half of the gap.
    /// True where nothing was in the way.
    fn copy(&mut self, low: u64, high: u64) -> rusqlite::Result<bool> {
        let (low, ended) = self.run(low, high, "ASC")?;
        if ended {
            return Ok(true);
        }
        let (high, _) = self.run(low, high, "DESC")?;
        if self.attempts > 0 && high > low + 2 {
            self.attempts -= 1;
            let middle = low + (high - low) / 2;
            self.copy(low, middle + 1)?;
            self.copy(middle, high)?;
        }
        Ok(false)
    }

    /// How far reading in one direction came, and whether it came to the end.
    fn run(&mut self, low: u64, high: u64, order: &str) -> rusqlite::Result<(u64, bool)> {
        let mut reached = if order == "ASC" { low } else { high };
        let query = format!(
            "SELECT seq, id, finding, at, severity, kind, step, asset, jurisdiction, body
             FROM entries WHERE seq > ?1 AND seq < ?2 ORDER BY seq {order}"
        );
        let Ok(mut statement) = self.old.prepare(&query) else { return Ok((reached, false)) };
        let Ok(mut rows) = statement.query((sql(low), sql(high))) else { return Ok((reached, false)) };
        let mut batch = Vec::new();
        let ended = loop {
            let row = match rows.next() {
                Ok(None) => break true,
                Err(_) => break false,
                Ok(Some(row)) => row,
            };
            let Ok(seq) = row.get(0).map(unsql) else { break false };
            let onward = if order == "ASC" { seq > reached } else { seq < reached };
            if !onward {
                break false;
            }
            reached = seq;
            if let Ok(stored) = store::stored(row) {
                batch.push(Arc::new(stored));
            }
            if batch.len() >= BATCH {
                self.flush(&mut batch)?;
            }
        };
        self.flush(&mut batch)?;
        Ok((reached, ended))
    }

    fn flush(&mut self, batch: &mut Vec<Arc<Stored>>) -> rusqlite::Result<()> {
        self.copied += batch.len() as u64;
        self.highest = batch.iter().map(|stored| stored.seq).fold(self.highest, u64::max);
        store::insert_what_fits(self.transaction, batch)?;
        batch.clear();
        Ok(())
    }
}
