//! Ledgers of assets, or of entities, that a new configuration does not know: they wait for one that does. A mistake that is
//! put right again costs nothing that was added up.

use super::ledger::{Ledger, Ledgers};
use super::saved::{Names, Saved, SavedKind};

/// Ledgers that wait, as they are kept.
#[derive(Debug, Default)]
pub(super) struct Parked {
    list: Vec<(String, Vec<u8>)>,
    /// How many of them, at the end of the list, the journal does not have yet.
    unsaved: usize,
}

impl Parked {
    /// Takes up those that `names` knows again.
    pub(super) fn take_up(&mut self, names: &Names<'_>, ledgers: &mut Ledgers) {
        let first_unsaved = self.list.len() - self.unsaved;
        let mut place = 0;
        let mut unsaved = self.unsaved;
        self.list.retain(|(key, value)| {
            let is_taken_up = names.resume_ledger(key, value, ledgers).is_some();
            unsaved -= usize::from(is_taken_up && place >= first_unsaved);
            place += 1;
            !is_taken_up
        });
        self.unsaved = unsaved;
    }

    /// Parks ledgers by the names they were kept under, as many as there may be ledgers.
    pub(super) fn park(&mut self, ledgers: impl Iterator<Item = (String, Box<Ledger>)>, most: usize) {
        for (key, ledger) in ledgers {
            let Ok(value) = serde_json::to_vec(&*ledger) else { continue };
            if self.list.len() < most {
                self.list.push((key, value));
                self.unsaved += 1;
            }
        }
    }

    /// What the journal does not have yet.
    pub(super) fn changes(&mut self) -> impl Iterator<Item = Saved> + '_ {
        let first_unsaved = self.list.len() - std::mem::take(&mut self.unsaved);
        let unsaved = self.list.iter().skip(first_unsaved);
        unsaved.map(|(key, value)| Saved { kind: SavedKind::Ledger, key: key.clone(), value: Some(value.clone()) })
    }
}
