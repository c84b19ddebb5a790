//! The journal against a naive model of it, under random actions, and cut off at any byte of its log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use borderflow::journal::{Change, Journal, JournalError, State};
use proptest::prelude::*;

use super::kit::*;

#[derive(Clone, Debug)]
enum Action {
    /// Alerts from a small set, so that ids come again, and a state.
    Append(Vec<u64>, u8, Option<u8>),
    Acknowledge(usize, u64),
    Read(u64, usize, usize),
    Reopen,
    /// The process dies: only the files are left.
    Kill,
    Maintain,
}

const OUTPUTS: [&str; 2] = ["siem", "archive"];

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (prop::collection::vec(0_u64..200, 0..12), 0_u8..6, prop::option::of(any::<u8>()))
            .prop_map(|(numbers, key, value)| Action::Append(numbers, key, value)),
        3 => (0..OUTPUTS.len(), 0_u64..250).prop_map(|(output, seq)| Action::Acknowledge(output, seq)),
        3 => (0_u64..250, 0_usize..40, 0_usize..20_000).prop_map(|(after, entries, bytes)| Action::Read(after, entries, bytes)),
        1 => Just(Action::Reopen),
        1 => Just(Action::Kill),
        1 => Just(Action::Maintain),
    ]
}

#[derive(Clone, Default)]
struct Model {
    entries: Vec<u64>,
    states: BTreeMap<String, Vec<u8>>,
    cursors: [u64; 2],
    /// The cursors a kill may fall back to.
    written: [u64; 2],
}

impl Model {
    fn append(&mut self, numbers: &[u64], key: u8, value: Option<u8>) -> usize {
        let before = self.entries.len();
        for number in numbers {
            if !self.entries.contains(number) {
                self.entries.push(*number);
            }
        }
        match value {
            Some(value) => self.states.insert(key.to_string(), vec![value]),
            None => self.states.remove(&key.to_string()),
        };
        self.written = self.cursors;
        self.entries.len() - before
    }
}

fn check(model: &Model, journal: &mut Journal) {
    let all: Vec<(u64, String)> = all(journal, 0).into_iter().map(|(seq, entry)| (seq, entry.id)).collect();
    let expected: Vec<(u64, String)> = (1..).zip(numbered(model.entries.iter().copied())).collect();
    assert_eq!(all, expected);
    let states: BTreeMap<String, Vec<u8>> = journal.states("ledger").unwrap().into_iter().collect();
    assert_eq!(states, model.states);
    for (output, cursor) in OUTPUTS.iter().zip(model.cursors) {
        assert_eq!(journal.cursor(output), Some(cursor), "{output}");
    }
    assert_eq!(journal.take_troubles(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_is_what_a_naive_list_would_be(actions in prop::collection::vec(action(), 1..60)) {
        let scratch = Scratch::new();
        let mut lives = 0;
        let mut path = scratch.path().join("0.db");
        let mut journal = open(&path);
        journal.join(&OUTPUTS);
        let mut model = Model::default();
        for action in actions {
            match action {
                Action::Append(numbers, key, value) => {
                    let states = vec![State { kind: "ledger", key: key.to_string(), value: value.map(|value| vec![value]) }];
                    let appended = journal.append(Change { states, ..change(numbers.iter().copied(), 700) });
                    let added = model.append(&numbers, key, value);
                    prop_assert_eq!(appended.added as usize, added);
                    prop_assert_eq!(appended.repeated as usize, numbers.len() - added);
                    prop_assert!(!appended.held);
                }
                Action::Acknowledge(output, seq) => {
                    journal.acknowledge(OUTPUTS[output], seq);
                    let head = model.entries.len() as u64;
                    model.cursors[output] = model.cursors[output].max(seq.min(head));
                }
                Action::Read(after, entries, bytes) => {
                    let page = journal.read(after, entries, bytes);
                    let rest = (model.entries.len() as u64).saturating_sub(after) as usize;
                    prop_assert!(page.len() <= entries.min(rest));
                    prop_assert_eq!(page.is_empty(), entries.min(rest) == 0, "a page never stands still");
                    let size: usize = page.iter().map(|stored| stored.entry.size_bytes()).sum();
                    prop_assert!(size <= bytes || page.len() == 1);
                    prop_assert_eq!(page.first().map_or(after + 1, |stored| stored.seq), after + 1);
                }
                Action::Reopen => {
                    drop(journal);
                    model.written = model.cursors;
                    journal = open(&path);
                    journal.join(&OUTPUTS);
                }
                Action::Kill => {
                    lives += 1;
                    let next = scratch.path().join(format!("{lives}.db"));
                    copy(&path, &next);
                    drop(journal);
                    path = next;
                    model.cursors = model.written;
                    journal = open(&path);
                    journal.join(&OUTPUTS);
                }
                Action::Maintain => {
                    journal.maintain(None);
                    model.written = model.cursors;
                }
            }
        }
        check(&model, &mut journal);
    }

    #[test]
    fn a_kill_at_any_byte_of_the_log_leaves_whole_changes(cut in 0.0..1.0_f64, sizes in prop::collection::vec(1_u64..30, 1..25)) {
        let scratch = Scratch::new();
        let mut journal = open(&scratch.file());
        journal.join(&["siem"]);
        let mut ends = BTreeSet::from([0]);
        let mut next = 0;
        for size in sizes {
            let _ = journal.append(change(next..next + size, 900));
            next += size;
            ends.insert(next);
        }
        let killed = scratch.path().join("killed.db");
        copy(&scratch.file(), &killed);
        let log = scratch.path().join("killed.db-wal");
        let length = (fs::metadata(&log).unwrap().len() as f64 * cut) as u64;
        fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length).unwrap();
        let mut journal = open(&killed);
        let left = ids(&mut journal);
        prop_assert!(ends.contains(&(left.len() as u64)), "{} entries are no whole number of changes", left.len());
        prop_assert_eq!(&left, &numbered(0..left.len() as u64));
        let state = journal.states("finding").unwrap();
        let last = all(&mut journal, 0).last().map(|(_, entry)| entry.at.to_string().into_bytes());
        prop_assert_eq!(state.first().map(|(_, value)| value.clone()), last, "the state is that of the last alert");
        // Judging again from there gives the same ids and nothing twice.
        let _ = journal.append(change(0..next, 900));
        prop_assert_eq!(ids(&mut journal), numbered(0..next));
    }
}

#[test]
fn reading_a_capture_again_adds_nothing() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    assert_eq!(journal.append(change(0..50, 10)).added, 50);
    let again = journal.append(change(0..60, 10));
    assert_eq!((again.added, again.repeated), (10, 50));
    assert_eq!(ids(&mut journal), numbered(0..60));
    assert_eq!(journal.head(), 60, "a repeated id takes no place");
}

#[test]
fn places_are_not_given_again_after_everything_was_removed() {
    let scratch = Scratch::new();
    let options = borderflow::journal::Options { max_age: Some(std::time::Duration::from_secs(1)), ..options() };
    let mut journal = Journal::open(&scratch.file(), &options).unwrap();
    let _ = journal.append(change(0..20, 10));
    journal.maintain(Some(borderflow::net::Timestamp::from_parts(START_S + 10_000, 0)));
    assert_eq!(ids(&mut open_again(journal, &scratch)), [""; 0]);
    let mut journal = open(&scratch.file());
    let _ = journal.append(change([99], 10));
    assert_eq!(all(&mut journal, 0)[0].0, 21);
}

fn open_again(journal: Journal, scratch: &Scratch) -> Journal {
    drop(journal);
    open(&scratch.file())
}

#[test]
fn an_output_that_comes_later_begins_with_what_comes_after() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..5, 10));
    assert_eq!(journal.join(&["siem", "archive"]), [0, 0], "the first ones get everything");
    let _ = journal.append(change(5..8, 10));
    assert_eq!(journal.join(&["siem", "new"]), [0, 8]);
    assert_eq!(open_again(journal, &scratch).join(&["archive", "new", "siem"]), [0, 8, 0]);
}

#[test]
fn only_one_process_writes_and_the_other_is_named() {
    let scratch = Scratch::new();
    let journal = open(&scratch.file());
    let Err(error) = Journal::open(&scratch.file(), &options()) else { panic!("two writers") };
    assert!(matches!(error, JournalError::Locked { .. }));
    let text = error.to_string();
    assert!(text.contains("journal.db") && text.contains(&format!("process {}", std::process::id())), "{text}");
    drop(journal);
    drop(open(&scratch.file()));
}

#[test]
fn the_file_is_private_to_owner_and_group_and_wrong_places_are_refused() {
    let scratch = Scratch::new();
    drop(open(&scratch.file()));
    let mode = fs::metadata(scratch.file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & !0o640, 0, "{mode:o}");
    let refused = |path: &std::path::Path| Journal::open(path, &options()).err().unwrap();
    assert!(matches!(refused(&scratch.path().join("no/such/journal.db")), JournalError::Directory(_)));
    assert!(matches!(refused(scratch.path()), JournalError::NotAFile(_)));
    let other = scratch.path().join("places.sqlite");
    let sql = ["CREATE TABLE moz_places (url TEXT);", "PRAGMA application_id = 1234;", "PRAGMA user_version = 3;"];
    if sqlite(&other, &sql.concat()) {
        let before = fs::read(&other).unwrap();
        assert!(matches!(refused(&other), JournalError::Foreign { application_id: 1234, .. }));
        assert!(fs::read(&other).unwrap() == before, "somebody else's file is left alone");
        assert!(sqlite(&scratch.file(), "PRAGMA user_version = 9; UPDATE meta SET value = 9 WHERE key = 'version';"));
        let text = refused(&scratch.file()).to_string();
        assert!(text.contains("version 9") && text.contains("up to 1"), "{text}");
    }
}

/// Runs SQL with Debian's `sqlite3`; false, with a message, where there is none.
fn sqlite(path: &std::path::Path, sql: &str) -> bool {
    let status = std::process::Command::new("sqlite3").arg(path).arg(sql).stdout(std::process::Stdio::null()).status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("skipped: sqlite3: {error}");
            false
        }
    }
}

#[test]
fn a_temporary_journal_leaves_nothing_and_shows_nothing_to_others() {
    let mut journal = Journal::temporary(&options()).unwrap();
    journal.join(&["out"]);
    for start in 0..40 {
        // More than SQLite keeps in memory.
        let _ = journal.append(change(start * 500..start * 500 + 500, 3_000));
    }
    assert!(journal.counters().file_bytes > 60 << 20);
    let open_files = fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    let names: Vec<String> = open_files.map(|path| path.display().to_string()).collect();
    // SQLite's names for temporary files: one it unlinks, or none at all (`O_TMPFILE`).
    let own: Vec<&String> = names.iter().filter(|name| name.contains("etilqs_") || name.contains("/#")).collect();
    assert!(!own.is_empty() && own.iter().all(|name| name.ends_with("(deleted)")), "{names:?}");
    assert_eq!(ids(&mut journal).len(), 20_000);
}
