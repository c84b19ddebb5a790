//! Reading a journal beside the daemon that writes it: each question is a short read of its own, so neither waits.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::entry::Stored;
use super::error::{Fault, JournalError};
use super::file;
use super::schema::{self, Kind, MIGRATIONS};
use super::store::{self, Memory, sql};
use crate::net::Timestamp;

const COLUMNS: &str = "seq, id, finding, at, severity, kind, step, asset, jurisdiction, body";

/// Which entries are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This severity or higher.
    pub severity: Option<u8>,
    /// Exactly this asset.
    pub asset: Option<String>,
    /// Exactly this kind.
    pub kind: Option<String>,
    /// Exactly this jurisdiction.
    pub jurisdiction: Option<String>,
    /// Exactly this finding.
    pub finding: Option<String>,
    /// At this packet time or later.
    pub since: Option<Timestamp>,
    /// Before this packet time.
    pub until: Option<Timestamp>,
}

impl Filter {
    const WHERE: &'static str = "(?2 IS NULL OR severity >= ?2) AND (?3 IS NULL OR asset = ?3)
        AND (?4 IS NULL OR kind = ?4) AND (?5 IS NULL OR jurisdiction = ?5) AND (?6 IS NULL OR finding = ?6)
        AND (?7 IS NULL OR at >= ?7) AND (?8 IS NULL OR at < ?8)";
}

/// A journal, open for reading only.
pub struct Reader {
    path: PathBuf,
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens the journal at `path`; it is neither changed nor made.
    ///
    /// # Errors
    /// There is none, it is not a journal of this release, or it cannot be read.
    pub fn open(path: &Path) -> Result<Reader, JournalError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(JournalError::NotAFile(path.to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(JournalError::Missing(path.to_owned()));
            }
            Err(source) => return Err(JournalError::Io { path: path.to_owned(), source }),
        }
        let sql_error = |source| JournalError::Sql { path: path.to_owned(), doing: "opening", source };
        let connection = file::reading(path).map_err(sql_error)?;
        match schema::kind(&connection, MIGRATIONS).map_err(sql_error)? {
            Kind::Ours { version: 0 } => Err(JournalError::Missing(path.to_owned())),
            Kind::Ours { .. } | Kind::Damaged => Ok(Reader { path: path.to_owned(), connection }),
            Kind::Foreign { application_id } => Err(JournalError::Foreign { path: path.to_owned(), application_id }),
            Kind::Newer { version } => {
                Err(JournalError::Newer { path: path.to_owned(), version, known: MIGRATIONS.len() as i64 })
            }
        }
    }

    /// Up to `limit` entries after the place `after` that `filter` lets through, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn after(&self, after: u64, filter: &Filter, limit: usize) -> Result<Vec<Stored>, JournalError> {
        let query = format!("SELECT {COLUMNS} FROM entries WHERE seq > ?1 AND {} ORDER BY seq LIMIT ?9", Filter::WHERE);
        self.select(&query, after, filter, limit)
    }

    /// The newest `limit` entries that `filter` lets through, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn newest(&self, filter: &Filter, limit: usize) -> Result<Vec<Stored>, JournalError> {
        let query =
            format!("SELECT {COLUMNS} FROM entries WHERE seq > ?1 AND {} ORDER BY seq DESC LIMIT ?9", Filter::WHERE);
        let mut entries = self.select(&query, 0, filter, limit)?;
        entries.reverse();
        Ok(entries)
    }

    fn select(&self, query: &str, after: u64, filter: &Filter, limit: usize) -> Result<Vec<Stored>, JournalError> {
        let nanos = |at: Option<Timestamp>| at.map(|at| sql(at.as_nanos()));
        let Filter { severity, asset, kind, jurisdiction, finding, since, until } = filter;
        let (since, until, limit) = (nanos(*since), nanos(*until), sql(limit as u64));
        let read = || {
            let mut statement = self.connection.prepare(query)?;
            let parameters = (sql(after), severity, asset, kind, jurisdiction, finding, since, until, limit);
            statement.query_map(parameters, store::stored)?.collect::<rusqlite::Result<Vec<Stored>>>()
        };
        read().map_err(|source| self.failed("reading entries", source))
    }

    /// The entries whose id begins with `prefix`, in the order of ids, up to `limit`; one where an id is `prefix`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn find(&self, prefix: &str, limit: usize) -> Result<Vec<Stored>, JournalError> {
        let query =
            format!("SELECT {COLUMNS} FROM entries WHERE id >= ?1 AND id < ?1 || char(1114111) ORDER BY id LIMIT ?2");
        let read = || {
            let mut statement = self.connection.prepare(&query)?;
            statement.query_map((prefix, sql(limit as u64)), store::stored)?.collect::<rusqlite::Result<Vec<Stored>>>()
        };
        let mut found = read().map_err(|source| self.failed("looking for an id", source))?;
        if found.first().is_some_and(|stored| stored.entry.id == prefix) {
            found.truncate(1);
        }
        Ok(found)
    }

    pub(super) fn memory(&self) -> rusqlite::Result<Memory> {
        store::memory(&self.connection)
    }

    pub(super) fn failed(&self, doing: &'static str, source: rusqlite::Error) -> JournalError {
        let doing =
            if Fault::of(&source) == Fault::Damage { "the file is damaged; try `journal verify`" } else { doing };
        JournalError::Sql { path: self.path.clone(), doing, source }
    }
}
