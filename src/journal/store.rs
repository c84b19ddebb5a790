//! What the journal asks of SQLite: one function per question, each a transaction or a read.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::entry::{Entry, Page, Stored};
use super::schema;
use crate::net::Timestamp;

/// Rows removed at a time to make room.
const REMOVED_AT_ONCE: u64 = 128;
/// Times that many are removed for one transaction at most.
const REMOVALS: usize = 64;
/// Rows looked at for their age at a time.
const AGED_AT_ONCE: i64 = 1_000;
/// Entries that stay whatever the size of the file is: states alone may be as big as the journal may be.
const LEAST_KEPT: u64 = 256;

/// The states that wait to be written, by kind and key.
pub(super) type States = BTreeMap<(&'static str, String), Option<Vec<u8>>>;

/// One transaction.
pub(super) struct Write<'a> {
    pub(super) entries: Vec<Arc<Stored>>,
    /// Everything else, with the last entries only: a state must not be ahead of the entry it accounts for.
    pub(super) rest: Option<Rest<'a>>,
    /// The highest place given so far, but for entries of later transactions.
    pub(super) head: u64,
    pub(super) gaps_until: u64,
    pub(super) keep: Keep,
}

/// What goes with the last entries.
pub(super) struct Rest<'a> {
    pub(super) states: &'a States,
    pub(super) clock: Option<Timestamp>,
    pub(super) cursors: Vec<(&'a str, u64)>,
    pub(super) join_from: Option<u64>,
}

/// What retention may remove.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    pub(super) max_bytes: u64,
    /// Every output has the entries up to here.
    pub(super) delivered: u64,
}

/// What retention removed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Removed {
    pub(super) delivered: u64,
    pub(super) undelivered: u64,
    /// Nothing is left up to this place.
    pub(super) until: u64,
}

/// What a journal remembers about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) head: u64,
    /// Up to here entries may be missing: removed, given up, lost. After it each place has its entry.
    pub(super) gaps_until: u64,
    pub(super) clock: Option<Timestamp>,
    pub(super) join_from: Option<u64>,
    pub(super) cursors: BTreeMap<String, u64>,
}

pub(super) fn write(connection: &mut Connection, write: &Write<'_>) -> rusqlite::Result<Removed> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let incoming: usize = write.entries.iter().map(|stored| stored.entry.size_bytes()).sum();
    let removed = make_room(&transaction, incoming as u64, write)?;
    insert(&transaction, &write.entries)?;
    schema::remember(&transaction, "head", sql(write.head))?;
    schema::remember(&transaction, "gaps_until", sql(write.gaps_until.max(removed.until)))?;
    if let Some(rest) = &write.rest {
        settle(&transaction, rest)?;
    }
    transaction.commit()?;
    Ok(removed)
}

/// Inserts entries whose id is new. A place that is taken is an error: places are given by us alone.
pub(super) fn insert(transaction: &Transaction<'_>, entries: &[Arc<Stored>]) -> rusqlite::Result<()> {
    insert_unless(transaction, entries, "ON CONFLICT (id) DO NOTHING")
}

/// Inserts what a damaged file says, which may be anything.
pub(super) fn insert_what_fits(transaction: &Transaction<'_>, entries: &[Arc<Stored>]) -> rusqlite::Result<()> {
    insert_unless(transaction, entries, "ON CONFLICT DO NOTHING")
}

fn insert_unless(transaction: &Transaction<'_>, entries: &[Arc<Stored>], conflict: &str) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(&format!(
        "INSERT INTO entries (seq, id, finding, at, severity, kind, step, asset, jurisdiction, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) {conflict}"
    ))?;
    for stored in entries {
        let entry = &stored.entry;
        let (at, texts) = (sql(entry.at.as_nanos()), (&entry.kind, &entry.step, &entry.asset, &entry.jurisdiction));
        let (kind, step, asset, jurisdiction) = texts;
        let (id, finding, severity, body) = (&entry.id, &entry.finding, entry.severity, &entry.body);
        statement.execute((sql(stored.seq), id, finding, at, severity, kind, step, asset, jurisdiction, body))?;
    }
    Ok(())
}

fn settle(transaction: &Transaction<'_>, rest: &Rest<'_>) -> rusqlite::Result<()> {
    let mut set = transaction.prepare("INSERT OR REPLACE INTO states VALUES (?1, ?2, ?3)")?;
    let mut forget = transaction.prepare("DELETE FROM states WHERE kind = ?1 AND key = ?2")?;
    for ((kind, key), value) in rest.states {
        match value {
            Some(value) => set.execute((kind, key, value))?,
            None => forget.execute((kind, key))?,
        };
    }
    for (output, seq) in &rest.cursors {
        transaction.execute("INSERT OR REPLACE INTO cursors VALUES (?1, ?2)", (output, sql(*seq)))?;
    }
    if let Some(clock) = rest.clock {
        schema::remember(transaction, "clock", sql(clock.as_nanos()))?;
    }
    match rest.join_from {
        Some(seq) => schema::remember(transaction, "join_from", sql(seq)),
        None => transaction.execute("DELETE FROM meta WHERE key = 'join_from'", []).map(drop),
    }
}

/// Removes the oldest entries until `incoming` bytes fit; pages they leave are used again, so the file stops growing.
fn make_room(transaction: &Transaction<'_>, incoming: u64, write: &Write<'_>) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    for _ in 0..REMOVALS {
        if used_bytes(transaction)?.saturating_add(incoming) <= write.keep.max_bytes {
            break;
        }
        let oldest = "SELECT max(seq) FROM (SELECT seq FROM entries ORDER BY seq LIMIT ?1)";
        let until: Option<i64> = transaction.query_row(oldest, [sql(REMOVED_AT_ONCE)], |row| row.get(0))?;
        let Some(until) = until.map(unsql).filter(|until| until.saturating_add(LEAST_KEPT) <= write.head) else {
            break;
        };
        remove(transaction, until, write.keep.delivered, &mut removed)?;
    }
    Ok(removed)
}

fn remove(transaction: &Transaction<'_>, until: u64, delivered: u64, removed: &mut Removed) -> rusqlite::Result<()> {
    let undelivered = "SELECT count(*) FROM entries WHERE seq > ?1 AND seq <= ?2";
    let lost: i64 = transaction.query_row(undelivered, (sql(delivered), sql(until)), |row| row.get(0))?;
    let all = transaction.execute("DELETE FROM entries WHERE seq <= ?1", [sql(until)])? as u64;
    removed.until = removed.until.max(until);
    removed.undelivered += unsql(lost);
    removed.delivered += all.saturating_sub(unsql(lost));
    Ok(())
}

/// Removes delivered entries of before `cutoff`, oldest first; stops at the first that is younger or not delivered.
pub(super) fn expire(connection: &mut Connection, cutoff: Timestamp, keep: Keep) -> rusqlite::Result<Removed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut removed = Removed::default();
    let until = {
        let mut statement = transaction.prepare("SELECT seq, at FROM entries ORDER BY seq LIMIT ?1")?;
        let mut rows = statement.query([AGED_AT_ONCE])?;
        let mut until = None;
        while let Some(row) = rows.next()? {
            let (seq, at) = (unsql(row.get(0)?), unsql(row.get(1)?));
            if at >= cutoff.as_nanos() || seq > keep.delivered {
                break;
            }
            until = Some(seq);
        }
        until
    };
    if let Some(until) = until {
        remove(&transaction, until, keep.delivered, &mut removed)?;
        let gaps_until = schema::meta(&transaction, "gaps_until")?.unwrap_or(0);
        schema::remember(&transaction, "gaps_until", gaps_until.max(sql(until)))?;
    }
    transaction.commit()?;
    Ok(removed)
}

/// Bytes of the file that hold something.
pub(super) fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map(unsql);
    Ok(number("page_count")?.saturating_sub(number("freelist_count")?).saturating_mul(number("page_size")?))
}

/// Size of the file without its log.
pub(super) fn file_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map(unsql);
    Ok(number("page_count")?.saturating_mul(number("page_size")?))
}

/// Reads the entries after `after` up to `until` into `page`; after `gaps_until` none may be missing.
pub(super) fn read(
    connection: &Connection,
    (after, until): (u64, u64),
    gaps_until: u64,
    page: &mut Page,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT seq, id, finding, at, severity, kind, step, asset, jurisdiction, body
         FROM entries WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query((sql(after), sql(until)))?;
    let mut last = after;
    while let Some(row) = rows.next()? {
        let stored = stored(row)?;
        if stored.seq <= last || stored.seq > last.max(gaps_until) + 1 {
            return Err(damage(format!("the entry after place {last} is missing")));
        }
        last = stored.seq;
        if !page.take(&Arc::new(stored)) {
            return Ok(());
        }
    }
    if last.max(gaps_until) < until {
        Err(damage(format!("the entries after place {last} are missing")))
    } else {
        Ok(())
    }
}

/// Damage that SQLite did not notice.
fn damage(text: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(text))
}

/// The columns `seq, id, finding, at, severity, kind, step, asset, jurisdiction, body`.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let text = |column: usize| -> rusqlite::Result<String> {
        Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes()?).into_owned())
    };
    let entry = Entry {
        id: text(1)?,
        finding: text(2)?,
        at: Timestamp::from_nanos(unsql(row.get(3)?)),
        severity: u8::try_from(row.get::<_, i64>(4)?.clamp(0, 255)).unwrap_or(u8::MAX),
        kind: text(5)?,
        step: text(6)?,
        asset: text(7)?,
        jurisdiction: text(8)?,
        body: row.get_ref(9)?.as_bytes()?.to_vec(),
    };
    Ok(Stored { seq: unsql(row.get(0)?), entry })
}

pub(super) fn contains(connection: &Connection, ids: &[&str]) -> rusqlite::Result<Vec<bool>> {
    let mut statement = connection.prepare("SELECT 1 FROM entries WHERE id = ?1")?;
    ids.iter().map(|id| statement.exists([id])).collect()
}

pub(super) fn states(connection: &Connection, kind: &str) -> rusqlite::Result<BTreeMap<String, Vec<u8>>> {
    let mut statement = connection.prepare("SELECT key, value FROM states WHERE kind = ?1")?;
    statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// What the journal remembers, if it makes sense.
///
/// # Errors
/// It contradicts itself: an entry or a cursor beyond the highest place ever given, or none at that place.
pub(super) fn memory(connection: &Connection) -> rusqlite::Result<Memory> {
    let head = schema::meta(connection, "head")?.ok_or_else(|| damage("its last place is missing".to_owned()))?;
    let gaps_until = schema::meta(connection, "gaps_until")?.unwrap_or(0);
    let last: Option<i64> = connection.query_row("SELECT max(seq) FROM entries", [], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT output, seq FROM cursors")?;
    let cursors: BTreeMap<String, i64> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    if let Some(beyond) = cursors.values().copied().chain(last).find(|seq| !(0..=head).contains(seq)) {
        return Err(damage(format!("place {beyond} is beyond the last, {head}")));
    }
    if last.unwrap_or(0).max(gaps_until) < head {
        return Err(damage(format!("the entry of place {head} is missing")));
    }
    Ok(Memory {
        head: unsql(head),
        gaps_until: unsql(gaps_until),
        clock: schema::meta(connection, "clock")?.map(|nanos| Timestamp::from_nanos(unsql(nanos))),
        join_from: schema::meta(connection, "join_from")?.map(unsql),
        cursors: cursors.into_iter().map(|(output, seq)| (output, unsql(seq))).collect(),
    })
}

/// As SQLite keeps it; the last moment it can keep is in the year 2262.
pub(super) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
