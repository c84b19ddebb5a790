//! How big a journal gets, and what goes first.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use borderflow::journal::{Journal, Options, TroubleKind};
use borderflow::net::Timestamp;

use super::kit::*;

const MAX_BYTES: u64 = 4 << 20;

fn small(scratch: &Scratch) -> Journal {
    Journal::open(&scratch.file(), &Options { max_bytes: MAX_BYTES, ..options() }).unwrap()
}

fn file_bytes(scratch: &Scratch) -> u64 {
    fs::metadata(scratch.file()).unwrap().len()
}

#[test]
fn the_file_stops_growing_and_delivered_alerts_go_first() {
    let scratch = Scratch::new();
    let mut journal = small(&scratch);
    journal.join(&["siem"]);
    for start in (0..8_000).step_by(40) {
        let _ = journal.append(change(start..start + 40, 3_300));
        journal.acknowledge("siem", start + 40);
    }
    let left = ids(&mut journal);
    assert!(left.len() > 700, "the room is used: {}", left.len());
    assert_eq!(left, numbered(8_000 - left.len() as u64..8_000), "the newest are left");
    assert!(kinds(&mut journal).is_empty(), "nobody missed any");
    assert_eq!(journal.counters().expired, 8_000 - left.len() as u64);
    let log = PathBuf::from(format!("{}-wal", scratch.file().display()));
    assert!(fs::metadata(log).unwrap().len() <= 20 << 20, "the log is bounded");
    drop(journal);
    assert!(file_bytes(&scratch) <= MAX_BYTES + (1 << 18), "{} bytes", file_bytes(&scratch));
}

#[test]
fn undelivered_alerts_are_forced_out_by_size_alone_and_that_is_told() {
    let scratch = Scratch::new();
    let mut journal = small(&scratch);
    journal.join(&["siem", "dead"]);
    for start in (0..4_000).step_by(40) {
        let _ = journal.append(change(start..start + 40, 3_300));
        journal.acknowledge("siem", start + 40);
    }
    let forced_out = journal.counters().forced_out;
    assert!(forced_out > 2_000, "{forced_out}");
    assert_eq!(ids(&mut journal).len() as u64, 4_000 - forced_out);
    let troubles = kinds(&mut journal);
    assert!(troubles.iter().all(|kind| *kind == TroubleKind::ForcedOut), "{troubles:?}");
    assert!((1..16).contains(&troubles.len()), "told as it doubles, not each time: {}", troubles.len());
    drop(journal);
    assert!(file_bytes(&scratch) <= MAX_BYTES + (1 << 18), "{} bytes", file_bytes(&scratch));
}

#[test]
fn an_output_that_was_taken_away_holds_nothing_back() {
    let scratch = Scratch::new();
    let mut journal = small(&scratch);
    journal.join(&["siem", "removed"]);
    journal.join(&["siem"]);
    for start in (0..3_000).step_by(40) {
        let _ = journal.append(change(start..start + 40, 3_300));
        journal.acknowledge("siem", start + 40);
    }
    assert_eq!(journal.counters().forced_out, 0);
    assert_eq!(journal.cursor("removed"), Some(0), "though it is remembered");
}

#[test]
fn old_alerts_go_when_every_output_has_them() {
    let scratch = Scratch::new();
    let options = Options { max_age: Some(Duration::from_secs(100)), ..options() };
    let mut journal = Journal::open(&scratch.file(), &options).unwrap();
    journal.join(&["siem", "archive"]);
    let _ = journal.append(change(0..200, 100));
    journal.acknowledge("siem", 200);
    journal.acknowledge("archive", 50);
    journal.maintain(Some(Timestamp::from_parts(START_S + 180, 0)));
    drop(journal);
    let mut journal = Journal::open(&scratch.file(), &options).unwrap();
    journal.join(&["siem", "archive"]);
    assert_eq!(ids(&mut journal), numbered(50..200), "80 are old enough, 50 are delivered");
    journal.acknowledge("archive", 200);
    journal.maintain(Some(Timestamp::from_parts(START_S + 180, 0)));
    drop(journal);
    assert_eq!(ids(&mut open(&scratch.file())), numbered(80..200));
}

#[test]
fn compacting_gives_room_back_and_keeps_everything() {
    let scratch = Scratch::new();
    let mut journal = small(&scratch);
    let _ = journal.append(change(0..900, 3_300));
    drop(journal);
    let options = Options { max_age: Some(Duration::from_secs(1)), ..options() };
    let mut journal = Journal::open(&scratch.file(), &options).unwrap();
    let _ = journal.append(change(2_000..2_010, 100));
    journal.maintain(Some(Timestamp::from_parts(START_S + 2_000, 0)));
    let (before, after) = journal.compact().unwrap();
    assert!(after < before / 10, "{before} bytes, {after} after");
    drop(journal);
    assert_eq!(file_bytes(&scratch), after);
    assert_eq!(ids(&mut open(&scratch.file())), numbered(2_000..2_010));
}
