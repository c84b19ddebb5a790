//! The files of a journal: where they may lie, who may write them, how SQLite opens them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{Fault, JournalError};

const MODE: u32 = 0o640;
/// How long SQLite waits for a reader that recovers the log.
const BUSY: Duration = Duration::from_secs(2);
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_URI);

/// The path beside `path` with a suffix: `journal.db` and `.lock` give `journal.db.lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// How much of the file is within reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everything.
    Whole,
    /// Without the memory that readers share, for which the disk has no room: they wait.
    Alone,
    /// Reading what was there when it was opened, without the log.
    Snapshot,
}

/// The right to write a journal; it ends with the process.
pub(super) struct Lock(File);

impl Lock {
    /// Takes it; `None` where no lock can be kept, as on a read-only file system, on which nobody writes.
    pub(super) fn take(path: &Path) -> Result<Option<Lock>, JournalError> {
        let name = beside(path, ".lock");
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(&name);
        let Ok(mut file) = options else { return Ok(None) };
        match file.try_lock() {
            Ok(()) => {
                // Who it is helps people only; the lock holds without it.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                Ok(Some(Lock(file)))
            }
            Err(TryLockError::WouldBlock) => {
                Err(JournalError::Locked { path: path.to_owned(), holder: holder(&mut file) })
            }
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Explicitly: a child of this process that is about to start has the file open, too.
        let _ = self.0.set_len(0).and_then(|()| self.0.unlock());
    }
}

/// `process 4711 (borderflow)`.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.take(32).read_to_string(&mut text));
    let Ok(id) = text.trim().parse::<u32>() else { return "another process".to_owned() };
    let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    if name.is_empty() { format!("process {id}") } else { format!("process {id} ({})", name.trim()) }
}

/// Checks that `path` can be a journal, and makes an empty file with its permissions where there is none.
pub(super) fn prepare(path: &Path) -> Result<(), JournalError> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(JournalError::Directory(directory.to_owned()));
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(JournalError::NotAFile(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })
        }
        Err(source) => Err(JournalError::Io { path: path.to_owned(), source }),
    }
}

/// Makes an empty file with the permissions of a journal.
pub(super) fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(MODE).open(path).map(drop)
}

/// Device and inode of what is at `path`: which file it is, whatever it is called.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Opens the file as wide as the disk allows.
pub(super) fn connect(path: &Path, durable: bool) -> rusqlite::Result<(Connection, Access)> {
    let first = match whole(path, durable) {
        Ok(connection) => return Ok((connection, Access::Whole)),
        Err(error) if Fault::of(&error) == Fault::Damage => return Err(error),
        Err(error) => error,
    };
    if let Ok(connection) = alone(path, durable) {
        return Ok((connection, Access::Alone));
    }
    snapshot(path).map(|connection| (connection, Access::Snapshot)).map_err(|_| first)
}

fn whole(path: &Path, durable: bool) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settle(&connection, durable)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    touch(&connection)?;
    Ok(connection)
}

/// Makes SQLite write ahead into a log, which is in the header of the file from then on.
pub(super) fn keep_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// In exclusive mode the index of the log lies in memory instead of in a file.
fn alone(path: &Path, durable: bool) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    settle(&connection, durable)?;
    touch(&connection)?;
    Ok(connection)
}

/// Opens for reading only, the log included where that is possible.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    match touch(&connection) {
        Ok(()) => Ok(connection),
        Err(error) if Fault::of(&error) == Fault::Damage => Err(error),
        Err(error) => snapshot(path).map_err(|_| error),
    }
}

fn snapshot(path: &Path) -> rusqlite::Result<Connection> {
    let escaped: String = path
        .to_string_lossy()
        .chars()
        .map(|c| match c {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let uri = format!("file:{escaped}?immutable=1");
    let connection = Connection::open_with_flags(uri, FLAGS | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    touch(&connection)?;
    Ok(connection)
}

/// Has this process keep its private databases in `directory`, instead of where SQLite finds room.
pub(super) fn keep_private_files_in(directory: &Path) -> rusqlite::Result<()> {
    let any = Connection::open_in_memory()?;
    any.pragma_update(None, "temp_store_directory", directory.to_string_lossy())
}

/// A database without a name: SQLite makes a file with mode 0600 in the directory for temporary files and unlinks it
/// before it writes the first byte, so it is gone however the process ends.
pub(super) fn private() -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags("", FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settle(&connection, false)?;
    connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    Ok(connection)
}

fn settle(connection: &Connection, durable: bool) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "OFF" })?;
    // Pages of 4 KiB: the log is written back every 16 MiB and never stays longer than that for long.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 4_096, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// Reads something, which is when SQLite looks at the file.
fn touch(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// Makes the names in the directory of `path` durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
