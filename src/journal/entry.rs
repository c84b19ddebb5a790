//! What goes into the journal and what comes out of it: plain values.

use std::sync::Arc;

use crate::net::Timestamp;

/// What an entry takes beside its texts: its columns, its place in two indices, its share of half-full pages.
const OVERHEAD_BYTES: usize = 128;

/// An alert on its way into the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The alert's stable id; an id that is in the journal already is not entered again.
    pub id: String,
    /// Id of the finding it tells of.
    pub finding: String,
    /// Packet time.
    pub at: Timestamp,
    /// 0 to 100.
    pub severity: u8,
    /// What was found: the rule's id.
    pub kind: String,
    /// Step of the finding's life.
    pub step: String,
    /// Name of the asset; empty for many.
    pub asset: String,
    /// Code of the flagged jurisdiction.
    pub jurisdiction: String,
    /// The alert as one ECS JSON object, without a line break.
    pub body: Vec<u8>,
}

impl Entry {
    /// About how many bytes it takes in memory and in the file.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let texts = [&self.id, &self.finding, &self.kind, &self.step, &self.asset, &self.jurisdiction];
        // The id stands in the index again.
        OVERHEAD_BYTES + self.body.len() + self.id.len() + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

/// An entry with its place in the journal. Places only grow and are never used twice; there may be gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The place, from 1.
    pub seq: u64,
    /// What stands there.
    pub entry: Entry,
}

/// A piece of the judge's durable memory, opaque to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whose it is: `finding`, `ledger`.
    pub kind: &'static str,
    /// Its name among its kind.
    pub key: String,
    /// JSON; `None` forgets it.
    pub value: Option<Vec<u8>>,
}

/// What one batch of judgement changes. All of it is in the journal, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Alerts, in the order of judgement.
    pub entries: Vec<Entry>,
    /// Memory; the last of several with one key counts.
    pub states: Vec<State>,
    /// Packet time the judge has reached.
    pub clock: Option<Timestamp>,
}

impl Change {
    /// True where nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.states.is_empty() && self.clock.is_none()
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let state = |state: &State| state.key.len() + state.value.as_ref().map_or(0, Vec::len) + OVERHEAD_BYTES;
        let entries: usize = self.entries.iter().map(Entry::size_bytes).sum();
        entries + self.states.iter().map(state).sum::<usize>()
    }

    /// Adds what changed after it.
    pub fn merge(&mut self, later: Change) {
        self.entries.extend(later.entries);
        self.states.extend(later.states);
        self.clock = later.clock.or(self.clock);
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Appended {
    /// Entries that were new.
    pub added: u64,
    /// Entries whose id was in the journal already.
    pub repeated: u64,
    /// The oldest held entries, given up because the memory for held changes was full.
    pub dropped: u64,
    /// True where the disk refuses: the change is held in memory and tried again with the next.
    pub held: bool,
}

/// Collects entries up to a number and a size; the first always fits.
pub(super) struct Page {
    entries: Vec<Arc<Stored>>,
    max_entries: usize,
    left_bytes: usize,
    is_full: bool,
}

impl Page {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Page {
        Page { entries: Vec::new(), max_entries, left_bytes: max_bytes, is_full: max_entries == 0 }
    }

    /// Takes an entry; false where it did not fit, and nothing after it will.
    pub(super) fn take(&mut self, stored: &Arc<Stored>) -> bool {
        let size = stored.entry.size_bytes();
        self.is_full |= self.entries.len() >= self.max_entries;
        self.is_full |= size > self.left_bytes && !self.entries.is_empty();
        if !self.is_full {
            self.left_bytes = self.left_bytes.saturating_sub(size);
            self.entries.push(Arc::clone(stored));
        }
        !self.is_full
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn into_entries(self) -> Vec<Arc<Stored>> {
        self.entries
    }
}
