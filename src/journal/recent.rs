//! The newest entries in memory: those the disk does not have yet, and before them some that it has, from which outputs
//! that keep up are served without asking SQLite.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::entry::{Page, Stored};

/// Bytes of written entries that stay.
const WRITTEN_BYTES: usize = 8 << 20;

/// Entries in order of their places: first the written, then the held.
#[derive(Default)]
pub(super) struct Recent {
    entries: VecDeque<Arc<Stored>>,
    /// How many of them, from the front, are in the file.
    written: usize,
    /// Every entry after this place is here, unless it was given up.
    after: u64,
    written_bytes: usize,
    held_bytes: usize,
    held_ids: HashSet<String>,
}

impl Recent {
    /// For a journal whose file holds everything up to `after`.
    pub(super) fn new(after: u64) -> Recent {
        Recent { after, ..Recent::default() }
    }

    /// Takes an entry that is not in the file.
    pub(super) fn hold(&mut self, stored: Arc<Stored>) {
        self.held_bytes += stored.entry.size_bytes();
        self.held_ids.insert(stored.entry.id.clone());
        self.entries.push_back(stored);
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.held_ids.contains(id)
    }

    /// The oldest held entries, up to `max_bytes`.
    pub(super) fn oldest_held(&self, max_bytes: usize) -> Vec<Arc<Stored>> {
        let mut page = Page::new(usize::MAX, max_bytes);
        let _fitting = self.entries.range(self.written..).take_while(|stored| page.take(stored)).count();
        page.into_entries()
    }

    /// The oldest `count` of the held entries are in the file.
    pub(super) fn wrote(&mut self, count: usize) {
        for stored in self.entries.range(self.written..).take(count) {
            let size = stored.entry.size_bytes();
            self.held_bytes = self.held_bytes.saturating_sub(size);
            self.written_bytes += size;
            self.held_ids.remove(&stored.entry.id);
        }
        self.written = (self.written + count).min(self.entries.len());
        self.forget_written(WRITTEN_BYTES);
    }

    fn forget_written(&mut self, most_bytes: usize) {
        while self.written > 0 && self.written_bytes > most_bytes {
            self.forget_oldest();
        }
    }

    /// Forgets the oldest, which is written.
    fn forget_oldest(&mut self) {
        if let Some(stored) = self.entries.pop_front() {
            self.written -= 1;
            self.written_bytes = self.written_bytes.saturating_sub(stored.entry.size_bytes());
            self.after = stored.seq;
        }
    }

    /// The file has nothing up to the place `until` any more.
    pub(super) fn removed(&mut self, until: u64) {
        while self.written > 0 && self.entries.front().is_some_and(|stored| stored.seq <= until) {
            self.forget_oldest();
        }
    }

    /// Gives up the oldest held entries until the rest fits into `most_bytes`; how many.
    pub(super) fn give_up(&mut self, most_bytes: usize) -> u64 {
        let mut given_up = 0;
        if self.held_bytes > most_bytes {
            self.forget_written(0);
        }
        while self.held_bytes > most_bytes {
            let Some(stored) = self.entries.pop_front() else { break };
            self.held_bytes = self.held_bytes.saturating_sub(stored.entry.size_bytes());
            self.held_ids.remove(&stored.entry.id);
            self.after = stored.seq;
            given_up += 1;
        }
        given_up
    }

    /// The file was replaced and may lack what it had: everything here is to be written again.
    pub(super) fn hold_all(&mut self) {
        self.written = 0;
        self.held_bytes += std::mem::take(&mut self.written_bytes);
        self.held_ids = self.entries.iter().map(|stored| stored.entry.id.clone()).collect();
    }

    /// Adds the entries after `after` to `page`.
    pub(super) fn read(&self, after: u64, page: &mut Page) {
        let first = self.entries.partition_point(|stored| stored.seq <= after);
        let _fitting = self.entries.range(first..).take_while(|stored| page.take(stored)).count();
    }

    /// The place after which everything is here.
    pub(super) fn after(&self) -> u64 {
        self.after
    }

    pub(super) fn held_entries(&self) -> usize {
        self.entries.len() - self.written
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}
