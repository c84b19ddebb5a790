//! What goes wrong with a journal: errors for who opens it, faults for the journal itself, troubles for the operator.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why a journal cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No such file, for a command that only reads.
    #[error("{path}: there is no journal; give --journal the path of one, or make one with `borderflow replay --journal`", path = .0.display())]
    Missing(PathBuf),
    /// The directory does not exist.
    #[error("{path}: the directory of the journal does not exist; create it for the user the program runs as", path = .0.display())]
    Directory(PathBuf),
    /// Not a regular file.
    #[error("{path}: not a regular file; a journal is one", path = .0.display())]
    NotAFile(PathBuf),
    /// Another process writes it.
    #[error("{path}: {holder} is writing this journal; stop it first, or give this one a journal of its own", path = .path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
        /// Who, as far as it is known.
        holder: String,
    },
    /// Somebody else's SQLite file.
    #[error("{path}: an SQLite file of another program (application id {application_id:#010x}), not a journal; it is left as it is", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        application_id: i64,
    },
    /// Written by a later release.
    #[error("{path}: schema version {version}, this program knows up to {known}; run the release that wrote it, or a later one", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        version: i64,
        /// The last version this program knows.
        known: i64,
    },
    /// The system refuses.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("{path}: {doing}: {source}", path = .path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// What an SQLite error means for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No room on the disk.
    Full,
    /// Nothing may be written.
    ReadOnly,
    /// Another process is in the way.
    Busy,
    /// The disk or the system failed.
    Io,
    /// The file is not what was written.
    Damage,
}

impl Fault {
    /// What SQLite does not blame on the system is in the file: an unknown table, a text where a number belongs.
    pub(super) fn of(error: &rusqlite::Error) -> Fault {
        let Some(code) = error.sqlite_error_code() else { return Fault::Damage };
        let is = |codes: &[ErrorCode]| codes.contains(&code);
        if code == ErrorCode::DiskFull {
            Fault::Full
        } else if is(&[ErrorCode::ReadOnly, ErrorCode::PermissionDenied]) {
            Fault::ReadOnly
        } else if is(&[ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::FileLockingProtocolFailed]) {
            Fault::Busy
        } else if is(&[
            ErrorCode::SystemIoFailure,
            ErrorCode::CannotOpen,
            ErrorCode::OutOfMemory,
            ErrorCode::OperationInterrupted,
            ErrorCode::OperationAborted,
            ErrorCode::NoLargeFileSupport,
        ]) {
            Fault::Io
        } else {
            Fault::Damage
        }
    }

    pub(super) fn trouble(self) -> TroubleKind {
        match self {
            Fault::Full => TroubleKind::DiskFull,
            Fault::ReadOnly => TroubleKind::ReadOnly,
            Fault::Busy => TroubleKind::Busy,
            Fault::Io => TroubleKind::Io,
            Fault::Damage => TroubleKind::Damaged,
        }
    }
}

/// Something the operator has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it is.
    pub kind: TroubleKind,
    /// The journal, what happened and what it means, in one sentence.
    pub text: String,
}

/// What troubles a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// No room on the disk; changes are held in memory.
    DiskFull,
    /// The file or its file system is read-only; changes are held in memory.
    ReadOnly,
    /// Another process holds the file; changes are held in memory.
    Busy,
    /// Reading or writing failed; changes are held in memory.
    Io,
    /// The file is damaged: it was set aside, and what could be read of it is in a new file.
    Damaged,
    /// The memory for held changes was full, and the oldest entries were given up.
    Dropped,
    /// Entries that not every output had were removed because the journal reached its size.
    ForcedOut,
    /// Held changes are in the file; all is well again.
    Recovered,
}

impl TroubleKind {
    /// Its name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TroubleKind::DiskFull => "disk-full",
            TroubleKind::ReadOnly => "read-only",
            TroubleKind::Busy => "busy",
            TroubleKind::Io => "io-error",
            TroubleKind::Damaged => "damaged",
            TroubleKind::Dropped => "dropped",
            TroubleKind::ForcedOut => "forced-out",
            TroubleKind::Recovered => "recovered",
        }
    }
}
