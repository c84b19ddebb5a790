//! A journal whose file was removed, or moved away, while it is written.
//!
//! SQLite goes on writing to the file that has no name any more, and with the process it would be gone. What is in it is
//! written to a new file under the name, and a file that has taken its place is set aside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::TroubleKind;
use super::file::{self, Access};
use super::{Journal, Place, salvage};

/// Rounds of [`Journal::maintain`] after which a failed attempt is repeated.
const ROUNDS: u32 = 300;

/// Which file is open, and when to look after it again.
#[derive(Debug, Default)]
pub(super) struct Opened {
    identity: Option<(u64, u64)>,
    rounds: u32,
}

/// Why it could not be written anew.
#[derive(Debug, thiserror::Error)]
enum RestoreError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

impl Journal {
    /// Notes which file was opened just now.
    pub(super) fn note_identity(&mut self) {
        if let Place::File(path, _) = &self.place {
            self.opened.identity = file::identity(path);
        }
    }

    /// Makes the file anew where another, or none, goes by its name.
    pub(super) fn look_after_file(&mut self) {
        let Place::File(path, Some(_)) = &self.place else { return };
        let (path, Some(opened)) = (path.clone(), self.opened.identity) else { return };
        let is_there = file::identity(&path) == Some(opened);
        if is_there || !matches!(self.connection, Some((_, Access::Whole))) {
            return;
        }
        if self.opened.rounds > 0 {
            self.opened.rounds -= 1;
            return;
        }
        let name = path.display();
        match self.restore(&path) {
            Ok(aside) => {
                self.counters.damaged_files += 1;
                let aside = aside.map_or(String::new(), |aside| {
                    format!("; the one that had taken its place was set aside as {}", aside.display())
                });
                let text =
                    format!("{name} was removed or replaced while in use; all that was in it is in a new file{aside}");
                self.trouble.tell(TroubleKind::Damaged, text);
            }
            Err(error) => {
                self.opened.rounds = ROUNDS;
                let text = format!(
                    "{name} was removed or replaced while in use and cannot be made anew: {error}; what is in it is lost when the program ends"
                );
                self.trouble.tell(TroubleKind::Damaged, text);
            }
        }
    }

    /// Writes what is open to a new file under the name; where another file was set aside.
    fn restore(&mut self, path: &Path) -> Result<Option<PathBuf>, RestoreError> {
        let new = file::beside(path, ".restored");
        remove(&new)?;
        file::create(&new)?;
        if let Some((connection, _)) = &self.connection {
            connection.execute("VACUUM INTO ?1", [new.to_string_lossy()])?;
        }
        // Closing ends the log of the old file, which still goes by the name.
        self.connection = None;
        let aside = if path.exists() { Some(salvage::set_aside(path)?) } else { None };
        for suffix in ["-wal", "-shm"] {
            remove(&file::beside(path, suffix))?;
        }
        fs::rename(&new, path)?;
        file::sync_directory(path)?;
        self.opened.identity = file::identity(path);
        Ok(aside)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
