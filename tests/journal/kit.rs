//! What the tests of the journal share: entries, changes, a directory, what is in a journal.

use std::path::{Path, PathBuf};

use borderflow::journal::{Change, Entry, Journal, Options, State, TroubleKind};
use borderflow::net::Timestamp;

pub(crate) const START_S: u64 = 1_762_934_400;

/// A directory of its own for one test.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("journal.db")
    }
}

/// Fast: a test kills no machine.
pub(crate) fn options() -> Options {
    Options { durable: false, max_age: None, ..Options::default() }
}

pub(crate) fn open(path: &Path) -> Journal {
    Journal::open(path, &options()).unwrap()
}

/// The alert of `number`, with a record of about `bytes`.
pub(crate) fn entry(number: u64, bytes: usize) -> Entry {
    let id = format!("{:016x}{number:08x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let body = format!(r#"{{"event":{{"id":"{id}"}},"message":"{}"}}"#, "x".repeat(bytes));
    Entry {
        finding: format!("finding-{}", number % 7),
        at: Timestamp::from_parts(START_S + number, 0),
        severity: (number % 101) as u8,
        kind: if number.is_multiple_of(2) { "egress" } else { "management" }.to_owned(),
        step: "opened".to_owned(),
        asset: format!("pump-{}", number % 5),
        jurisdiction: if number.is_multiple_of(3) { "RU" } else { "CN" }.to_owned(),
        body: body.into_bytes(),
        id,
    }
}

/// The alerts of `numbers`, and what the judge remembers of the last.
pub(crate) fn change(numbers: impl IntoIterator<Item = u64>, bytes: usize) -> Change {
    let entries: Vec<Entry> = numbers.into_iter().map(|number| entry(number, bytes)).collect();
    let clock = entries.last().map(|entry| entry.at);
    let last = clock.map(|at| at.to_string().into_bytes());
    let states = vec![State { kind: "finding", key: "last".to_owned(), value: last }];
    Change { entries, states, clock }
}

/// All that can be read after `after`, in pages.
pub(crate) fn all(journal: &mut Journal, after: u64) -> Vec<(u64, Entry)> {
    let (mut entries, mut last) = (Vec::new(), after);
    loop {
        let page = journal.read(last, 100, 1 << 20);
        let Some(newest) = page.last() else { return entries };
        assert!(newest.seq > last, "reading goes on");
        last = newest.seq;
        entries.extend(page.iter().map(|stored| (stored.seq, stored.entry.clone())));
    }
}

pub(crate) fn ids(journal: &mut Journal) -> Vec<String> {
    all(journal, 0).into_iter().map(|(_, entry)| entry.id).collect()
}

pub(crate) fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| entry(number, 0).id).collect()
}

pub(crate) fn kinds(journal: &mut Journal) -> Vec<TroubleKind> {
    journal.take_troubles().into_iter().map(|trouble| trouble.kind).collect()
}

/// The files of a journal as a kill leaves them.
pub(crate) fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if name(from).exists() {
            std::fs::copy(name(from), name(to)).unwrap();
        }
    }
}
