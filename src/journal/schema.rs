//! The tables, how a file of an older release becomes one of this, and whose a file is.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

/// In the header of each journal, for `file` and for us: "BdFl".
pub(super) const APPLICATION_ID: i64 = 0x4264_466c;

/// `MIGRATIONS[n]` makes version n + 1 of version n; an empty file is version 0.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        finding TEXT NOT NULL,
        at INTEGER NOT NULL,
        severity INTEGER NOT NULL,
        kind TEXT NOT NULL,
        step TEXT NOT NULL,
        asset TEXT NOT NULL,
        jurisdiction TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE states (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key))
        STRICT, WITHOUT ROWID;
    CREATE TABLE cursors (output TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('head', 0), ('join_from', 0);
"];

const TABLES: [&str; 4] = ["cursors", "entries", "meta", "states"];

/// What a file turns out to be.
#[derive(Debug)]
pub(super) enum Kind {
    /// A journal of the version the migrations end at, or an empty file.
    Ours { version: i64 },
    /// Another program's.
    Foreign { application_id: i64 },
    /// A later release's.
    Newer { version: i64 },
    /// A journal whose header contradicts its tables.
    Damaged,
}

/// Looks at a file without changing it. Two places tell the version, so that a flipped bit is not taken for a release.
pub(super) fn kind(connection: &Connection, migrations: &[&str]) -> rusqlite::Result<Kind> {
    let application_id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let has_ours = TABLES.iter().all(|name| tables.iter().any(|table| table == name));
    Ok(if tables.is_empty() && application_id == 0 && version == 0 {
        Kind::Ours { version: 0 }
    } else if application_id != APPLICATION_ID {
        if has_ours { Kind::Damaged } else { Kind::Foreign { application_id } }
    } else if !has_ours || version < 1 || meta(connection, "version")? != Some(version) {
        Kind::Damaged
    } else if usize::try_from(version).is_ok_and(|version| version > migrations.len()) {
        Kind::Newer { version }
    } else {
        Kind::Ours { version }
    })
}

/// Brings a file of `version` to the version the migrations end at, in one transaction.
pub(super) fn migrate(connection: &mut Connection, version: i64, migrations: &[&str]) -> rusqlite::Result<()> {
    let from = usize::try_from(version).unwrap_or(0);
    if from >= migrations.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in migrations.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    let version = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", version)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    remember(&transaction, "version", version)?;
    transaction.commit()
}

/// A number the journal keeps about itself.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// Keeps a number about the journal.
pub(super) fn remember(transaction: &Transaction<'_>, key: &str, value: i64) -> rusqlite::Result<()> {
    transaction.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (key, value)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_file_is_brought_up_to_date_and_a_newer_one_is_told_apart_from_damage() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS).unwrap();
        connection.execute("INSERT INTO cursors VALUES ('siem', 0)", []).unwrap();
        let later: Vec<&str> = MIGRATIONS
            .iter()
            .copied()
            .chain(["ALTER TABLE cursors ADD COLUMN note TEXT NOT NULL DEFAULT 'x'"])
            .collect();
        let Kind::Ours { version } = kind(&connection, &later).unwrap() else { panic!("not ours") };
        migrate(&mut connection, version, &later).unwrap();
        let row: (String, String) =
            connection.query_row("SELECT output, note FROM cursors", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, ("siem".to_owned(), "x".to_owned()));
        let new = i64::try_from(later.len()).unwrap();
        assert!(matches!(kind(&connection, MIGRATIONS).unwrap(), Kind::Newer { version } if version == new));
        connection.pragma_update(None, "user_version", 0x0100_0001).unwrap();
        assert!(matches!(kind(&connection, MIGRATIONS).unwrap(), Kind::Damaged), "one flipped bit is no release");
    }

    #[test]
    fn a_file_of_another_program_is_not_ours() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE moz_places (url TEXT); PRAGMA application_id = 7").unwrap();
        assert!(matches!(kind(&connection, MIGRATIONS).unwrap(), Kind::Foreign { application_id: 7 }));
    }
}
