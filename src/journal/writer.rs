//! How the journal writes, and what it does where that fails.

use std::io;

use rusqlite::Connection;

use super::error::{Fault, JournalError, Trouble, TroubleKind};
use super::file::{self, Access, Lock};
use super::recent::Recent;
use super::salvage::{self, Known, SalvageError};
use super::schema::{self, Kind, MIGRATIONS};
use super::store::{self, Keep, Memory, Removed, Rest, Write};
use super::{Entry, Journal, Place};
use crate::net::Timestamp;

/// Entries written in one transaction after an outage: the oldest first, so that a little room is used at once.
const TRANSACTION_BYTES: usize = 16 << 20;
/// Troubles kept for who asks.
const TROUBLES: usize = 64;
/// Rounds of removal by age for one `maintain`, of a thousand entries each.
const EXPIRY_ROUNDS: usize = 8;

/// What was told, so that a lasting trouble is told once.
#[derive(Default)]
pub(super) struct Told {
    list: Vec<Trouble>,
    ongoing: Option<Fault>,
    dropped: u64,
    forced_out: u64,
}

impl Told {
    pub(super) fn take(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.list)
    }

    pub(super) fn tell(&mut self, kind: TroubleKind, text: String) {
        if self.list.len() < TROUBLES {
            self.list.push(Trouble { kind, text });
        }
    }
}

/// Why the file cannot be used.
enum Unusable {
    /// It must not be touched, or nobody can.
    Refused(JournalError),
    /// A fault that may pass.
    Sql(rusqlite::Error),
    /// It is not what was written.
    Damage(String),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        if Fault::of(&error) == Fault::Damage { Unusable::Damage(error.to_string()) } else { Unusable::Sql(error) }
    }
}

impl Journal {
    /// Opens the file for the first time: what can be wrong with it is told the caller.
    pub(super) fn attach_first(&mut self) -> Result<(), JournalError> {
        let opened = match self.attach() {
            Err(Unusable::Damage(text)) => {
                self.replace(&text, false).map_err(|error| JournalError::Io {
                    path: self.path().to_owned(),
                    source: io::Error::other(format!("it is damaged ({text}) and cannot be replaced: {error}")),
                })?;
                self.attach()
            }
            opened => opened,
        };
        let memory = opened.map_err(|unusable| match unusable {
            Unusable::Refused(error) => error,
            Unusable::Sql(source) => JournalError::Sql { path: self.path().to_owned(), doing: "opening", source },
            Unusable::Damage(text) => JournalError::Io { path: self.path().to_owned(), source: io::Error::other(text) },
        })?;
        self.recent = Recent::new(memory.head);
        self.memory = memory;
        Ok(())
    }

    /// Opens the file, as wide as the disk allows, and says what it remembers.
    fn attach(&mut self) -> Result<Memory, Unusable> {
        self.connection = None;
        let (mut connection, access) = match &self.place {
            Place::File(path, _) => file::connect(path, self.options.durable)?,
            Place::Private => (file::private()?, Access::Whole),
        };
        let version = match schema::kind(&connection, MIGRATIONS)? {
            Kind::Ours { version } => version,
            Kind::Foreign { application_id } => {
                return Err(Unusable::Refused(JournalError::Foreign { path: self.path().to_owned(), application_id }));
            }
            Kind::Newer { version } => {
                let (path, known) = (self.path().to_owned(), MIGRATIONS.len() as i64);
                return Err(Unusable::Refused(JournalError::Newer { path, version, known }));
            }
            Kind::Damaged => return Err(Unusable::Damage("its header contradicts its tables".to_owned())),
        };
        if access == Access::Whole && !matches!(self.place, Place::Private) {
            file::keep_log(&connection)?;
        }
        schema::migrate(&mut connection, version, MIGRATIONS)?;
        let memory = store::memory(&connection)?;
        self.connection = Some((connection, access));
        self.note_identity();
        Ok(memory)
    }

    /// Sets a damaged file aside and makes a new one of what can be read of it. `is_running`: what this journal knows
    /// of the file's past is better than what the file says.
    fn replace(&mut self, reason: &str, is_running: bool) -> Result<(), SalvageError> {
        self.connection = None;
        // Without outputs the operator's list is all the journal is for.
        let delivered = Some(self.delivered()).filter(|seq| *seq < u64::MAX).unwrap_or(0);
        let known = Known { memory: is_running.then_some(&self.memory), delivered };
        let name = self.path().display().to_string();
        let text = match &self.place {
            Place::File(path, _) => {
                let salvage = salvage::replace(path, &known)?;
                let rest = if salvage.is_whole { "all" } else { "what could be read" };
                format!(
                    "{name} is damaged ({reason}); it was set aside as {}, and {rest} of its states and undelivered entries ({} and {}) went into a new file",
                    salvage.aside.display(),
                    salvage.states,
                    salvage.entries
                )
            }
            Place::Private => format!("the temporary journal is damaged ({reason}) and begins anew"),
        };
        self.counters.damaged_files += 1;
        self.memory.gaps_until = self.memory.head;
        self.trouble.tell(TroubleKind::Damaged, text);
        self.recent.hold_all();
        self.moved.extend(self.memory.cursors.keys().cloned());
        self.clock_is_written = false;
        Ok(())
    }

    /// Which entries the file has already; `None` where it cannot be read.
    pub(super) fn known(&mut self, entries: &[Entry]) -> Option<Vec<bool>> {
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        self.ask(|connection, _| store::contains(connection, &ids))
    }

    /// Asks the file, telling the question up to where places may be empty; a damaged one is replaced and asked again.
    /// `None` where it cannot be read.
    pub(super) fn ask<T>(&mut self, question: impl Fn(&Connection, u64) -> rusqlite::Result<T>) -> Option<T> {
        for _ in 0..2 {
            let attached = if self.connection.is_some() { Ok(()) } else { self.attach().map(drop) };
            let result = attached.and_then(|()| match &self.connection {
                Some((connection, _)) => question(connection, self.memory.gaps_until).map_err(Unusable::from),
                None => Err(Unusable::Sql(rusqlite::Error::InvalidQuery)),
            });
            match result {
                Ok(answer) => return Some(answer),
                Err(unusable) => {
                    if !self.mend(unusable, "cannot be read") {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Writes everything that is not in the file; false where it refuses.
    pub(super) fn flush(&mut self) -> bool {
        for _ in 0..2 {
            match self.write_out() {
                Ok(removed) => {
                    self.account(removed);
                    if self.trouble.ongoing.take().is_some() {
                        let text = format!("{} is written again, nothing held is missing in it", self.path().display());
                        self.trouble.tell(TroubleKind::Recovered, text);
                    }
                    return true;
                }
                Err(unusable) => {
                    self.counters.refused_commits += 1;
                    if !self.mend(unusable, "cannot be written; changes are held in memory and tried again") {
                        return false;
                    }
                }
            }
        }
        false
    }

    fn write_out(&mut self) -> Result<Removed, Unusable> {
        let mut removed = Removed::default();
        let is_settled = self.states.is_empty() && self.moved.is_empty() && self.clock_is_written;
        if is_settled && self.recent.held_entries() == 0 && self.connection.is_some() {
            return Ok(removed);
        }
        self.widen()?;
        let keep = Keep { max_bytes: self.options.max_bytes, delivered: self.delivered() };
        loop {
            let entries = self.recent.oldest_held(TRANSACTION_BYTES);
            let (count, is_last) = (entries.len(), entries.len() == self.recent.held_entries());
            let cursors = &self.memory.cursors;
            let rest = is_last.then(|| Rest {
                states: &self.states,
                clock: self.memory.clock,
                cursors: self.moved.iter().filter_map(|name| Some((name.as_str(), *cursors.get(name)?))).collect(),
                join_from: self.memory.join_from,
            });
            let last = entries.last().map_or(self.memory.head, |stored| stored.seq);
            let head = if is_last { self.memory.head } else { last };
            let gaps_until = self.memory.gaps_until.max(removed.until).min(head);
            let Some((connection, _)) = &mut self.connection else { break };
            let step = store::write(connection, &Write { entries, rest, head, gaps_until, keep })?;
            removed.delivered += step.delivered;
            removed.undelivered += step.undelivered;
            removed.until = removed.until.max(step.until);
            self.counters.commits += 1;
            self.recent.wrote(count);
            if is_last {
                self.states.clear();
                self.moved.clear();
                self.clock_is_written = true;
                break;
            }
        }
        Ok(removed)
    }

    /// Opens the file again where it is not within reach, or not all of it.
    fn widen(&mut self) -> Result<(), Unusable> {
        if let Place::File(path, lock @ None) = &mut self.place {
            *lock = Lock::take(path).map_err(Unusable::Refused)?;
        }
        if self.connection.as_ref().is_none_or(|(_, access)| *access != Access::Whole) {
            self.attach()?;
        }
        Ok(())
    }

    /// True where the file was replaced, so that it is worth trying again.
    fn mend(&mut self, unusable: Unusable, consequence: &str) -> bool {
        let (fault, reason) = match unusable {
            Unusable::Damage(reason) => match self.replace(&reason, true) {
                Ok(()) => return true,
                Err(error) => {
                    (salvage_fault(&error), format!("it is damaged ({reason}) and cannot be replaced: {error}"))
                }
            },
            Unusable::Sql(error) => (Fault::of(&error), error.to_string()),
            Unusable::Refused(error) => (Fault::Busy, error.to_string()),
        };
        if self.trouble.ongoing != Some(fault) {
            self.trouble.ongoing = Some(fault);
            self.trouble.tell(fault.trouble(), format!("{} {consequence}: {reason}", self.path().display()));
        }
        false
    }

    /// What outputs that take part all have; everything where there are none.
    fn delivered(&self) -> u64 {
        let cursors = self.memory.cursors.iter();
        let taking_part = |output: &String| self.joined.as_ref().is_none_or(|joined| joined.contains(output));
        cursors.filter(|(output, _)| taking_part(output)).map(|(_, seq)| *seq).min().unwrap_or(u64::MAX)
    }

    pub(super) fn expire(&mut self, cutoff: Timestamp) {
        let keep = Keep { max_bytes: self.options.max_bytes, delivered: self.delivered() };
        for _ in 0..EXPIRY_ROUNDS {
            let Some((connection, Access::Whole)) = &mut self.connection else { return };
            match store::expire(connection, cutoff, keep) {
                Ok(removed) if removed.delivered == 0 => return,
                Ok(removed) => self.account(removed),
                Err(error) => {
                    self.mend(Unusable::from(error), "cannot be cleared of old entries");
                    return;
                }
            }
        }
    }

    fn account(&mut self, removed: Removed) {
        self.recent.removed(removed.until);
        self.memory.gaps_until = self.memory.gaps_until.max(removed.until);
        self.counters.expired += removed.delivered;
        self.counters.forced_out += removed.undelivered;
        let total = self.counters.forced_out;
        if total > self.trouble.forced_out.saturating_mul(2) {
            self.trouble.forced_out = total;
            let name = self.path().display();
            let text = format!(
                "{name} has reached its size: {total} entries that not every output had were removed so far; bring the outputs back or allow it more"
            );
            self.trouble.tell(TroubleKind::ForcedOut, text);
        }
    }

    /// Keeps what is held within its memory; how many entries were given up for it.
    pub(super) fn give_up(&mut self) -> u64 {
        let given_up = self.recent.give_up(self.options.held_bytes);
        self.counters.dropped += given_up;
        if given_up > 0 {
            self.memory.gaps_until = self.memory.gaps_until.max(self.recent.after());
        }
        let total = self.counters.dropped;
        if given_up > 0 && total > self.trouble.dropped.saturating_mul(2) {
            self.trouble.dropped = total;
            let name = self.path().display();
            let text = format!(
                "{name} cannot be written and the memory for held changes is full: {total} entries were given up so far"
            );
            self.trouble.tell(TroubleKind::Dropped, text);
        }
        given_up
    }

    pub(super) fn refused(&self, doing: &'static str) -> JournalError {
        let why = self.trouble.list.last().map_or("the file cannot be opened", |trouble| trouble.text.as_str());
        JournalError::Io { path: self.path().to_owned(), source: io::Error::other(format!("{doing}: {why}")) }
    }
}

fn salvage_fault(error: &SalvageError) -> Fault {
    match error {
        SalvageError::Io(error) if error.kind() == io::ErrorKind::StorageFull => Fault::Full,
        SalvageError::Io(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly,
        SalvageError::Io(_) => Fault::Io,
        SalvageError::Sql(error) => match Fault::of(error) {
            Fault::Damage => Fault::Io,
            fault @ (Fault::Full | Fault::ReadOnly | Fault::Busy | Fault::Io) => fault,
        },
    }
}
