//! A journal whose bytes are not what was written: it opens, says so, keeps what can be read, and goes on.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use borderflow::journal::{Journal, TroubleKind};
use proptest::prelude::*;

use super::kit::*;

const ENTRIES: u64 = 160;

/// A journal whose process was killed: half of it in the file, half in its log.
fn killed(path: &Path) {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    journal.join(&["siem", "archive"]);
    let _ = journal.append(change(0..ENTRIES / 2, 900));
    journal.acknowledge("siem", 30);
    journal.acknowledge("archive", 60);
    drop(journal);
    let mut journal = open(&scratch.file());
    journal.join(&["siem", "archive"]);
    let _ = journal.append(change(ENTRIES / 2..ENTRIES, 900));
    copy(&scratch.file(), path);
}

#[derive(Clone, Debug)]
enum Harm {
    Flip { place: f64, bits: u8 },
    Zero { place: f64, length: usize },
    Truncate { place: f64 },
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => (0.0..1.0_f64, 1_u8..=255).prop_map(|(place, bits)| Harm::Flip { place, bits }),
        // The header, where a bit means most.
        2 => (0.0..0.0014_f64, 1_u8..=255).prop_map(|(place, bits)| Harm::Flip { place, bits }),
        1 => (0.0..1.0_f64, 1_usize..9_000).prop_map(|(place, length)| Harm::Zero { place, length }),
        1 => (0.0..1.0_f64).prop_map(|place| Harm::Truncate { place }),
    ]
}

fn inflict(path: &Path, harm: &Harm) {
    let mut bytes = fs::read(path).unwrap();
    let at = |place: f64| (bytes.len() as f64 * place) as usize;
    match harm {
        Harm::Flip { place, bits } => {
            let at = at(*place);
            bytes[at] ^= bits;
        }
        Harm::Zero { place, length } => {
            let at = at(*place);
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(0);
        }
        Harm::Truncate { place } => bytes.truncate(at(*place)),
    }
    fs::write(path, bytes).unwrap();
}

/// Uses a damaged journal as a daemon would, and says what is left of it.
fn withstands(path: &Path) -> (Vec<String>, Vec<TroubleKind>) {
    let mut journal = open(path);
    journal.join(&["siem", "archive"]);
    let _ = journal.states("finding");
    let left = ids(&mut journal);
    let head = journal.head();
    let appended = journal.append(change(1_000..1_040, 900));
    assert_eq!((appended.added, appended.held), (40, false), "it goes on");
    let after = all(&mut journal, head);
    assert_eq!(after.into_iter().map(|(_, entry)| entry.id).collect::<Vec<_>>(), numbered(1_000..1_040));
    let troubles = kinds(&mut journal);
    drop(journal);
    let mut journal = open(path);
    let again = ids(&mut journal);
    assert!(numbered(1_000..1_040).iter().all(|id| again.contains(id)), "what was entered since is kept");
    (left, troubles)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_opened_and_every_loss_is_told(harms in prop::collection::vec(harm(), 1..4)) {
        let scratch = Scratch::new();
        killed(&scratch.file());
        for harm in &harms {
            inflict(&scratch.file(), harm);
        }
        let (left, troubles) = withstands(&scratch.file());
        let lost = ENTRIES as usize - left.len().min(ENTRIES as usize);
        if lost > 0 {
            prop_assert!(troubles.contains(&TroubleKind::Damaged), "{} entries lost, and nobody told: {:?}", lost, troubles);
        }
        let aside = scratch.path().join("journal.db.corrupt-1");
        prop_assert_eq!(troubles.contains(&TroubleKind::Damaged), aside.exists(), "what is damaged is set aside");
    }

    #[test]
    fn a_damaged_log_counts_up_to_the_last_sound_change(harms in prop::collection::vec(harm(), 1..3)) {
        let scratch = Scratch::new();
        killed(&scratch.file());
        for harm in &harms {
            inflict(&scratch.path().join("journal.db-wal"), harm);
        }
        let (left, _) = withstands(&scratch.file());
        prop_assert!([ENTRIES / 2, ENTRIES].contains(&(left.len() as u64)), "{} entries", left.len());
        prop_assert_eq!(&left, &numbered(0..left.len() as u64));
    }
}

#[test]
fn undelivered_alerts_and_states_are_saved_from_a_file_with_a_bad_page() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    journal.join(&["siem"]);
    let _ = journal.append(change(0..2_000, 900));
    journal.acknowledge("siem", 100);
    drop(journal);
    let bytes = fs::read(scratch.file()).unwrap();
    // A page in the middle, in which the record of an entry starts.
    let page = 200;
    let mut file = fs::OpenOptions::new().write(true).open(scratch.file()).unwrap();
    file.seek(SeekFrom::Start(page * 4_096)).unwrap();
    file.write_all(&[0xff; 4_096]).unwrap();
    drop(file);
    let mut journal = open(&scratch.file());
    journal.join(&["siem"]);
    let left = ids(&mut journal);
    let troubles = journal.take_troubles();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(troubles[0].text.contains("journal.db.corrupt-1"), "{}", troubles[0].text);
    assert!(left.len() >= 1_880, "only {} of 1900 undelivered ones were saved", left.len());
    assert_eq!(journal.cursor("siem"), Some(100));
    assert_eq!(journal.states("finding").unwrap().len(), 1);
    assert_eq!(fs::read(scratch.path().join("journal.db.corrupt-1")).unwrap().len(), bytes.len());
    let _ = journal.append(change([5_000], 10));
    assert_eq!(journal.head(), 2_001, "places go on");
}

#[test]
fn damage_while_running_is_mended_and_places_go_on() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    journal.join(&["siem"]);
    let _ = journal.append(change(0..3_000, 3_000));
    drop(journal);
    let mut journal = open(&scratch.file());
    journal.join(&["siem"]);
    let length = fs::metadata(scratch.file()).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(scratch.file()).unwrap();
    for page in 1..length / 4_096 {
        file.seek(SeekFrom::Start(page * 4_096)).unwrap();
        file.write_all(&[0x5a; 100]).unwrap();
    }
    let _ = all(&mut journal, 0);
    let appended = journal.append(change(4_000..4_100, 100));
    assert_eq!((appended.added, appended.held), (100, false));
    assert_eq!(journal.head(), 3_100);
    assert_eq!(kinds(&mut journal), [TroubleKind::Damaged]);
    assert_eq!(journal.counters().damaged_files, 1);
    assert!(numbered(4_000..4_100).iter().all(|id| ids(&mut journal).contains(id)));
    assert_eq!(journal.cursor("siem"), Some(0), "cursors are known without the file");
}

#[test]
fn a_file_of_nothing_but_noise_is_set_aside_and_places_are_not_given_twice() {
    let scratch = Scratch::new();
    let mut last = 0;
    for number in 1..4 {
        fs::write(scratch.file(), [b'#'; 10_000]).unwrap();
        let mut journal = open(&scratch.file());
        assert_eq!(kinds(&mut journal), [TroubleKind::Damaged]);
        let _ = journal.append(change([number], 10));
        assert!(journal.head() > last, "{} after {last}", journal.head());
        last = journal.head();
        let aside = scratch.path().join(format!("journal.db.corrupt-{number}"));
        assert_eq!(fs::read(aside).unwrap(), [b'#'; 10_000], "never deleted, never written to");
    }
}

#[test]
fn a_replacement_that_a_crash_cut_short_is_carried_out() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.path().join("other.db"));
    let _ = journal.append(change(0..10, 10));
    drop(journal);
    // As a crash leaves it between the rename of the damaged file and that of the new one.
    fs::rename(scratch.path().join("other.db"), scratch.path().join("journal.db.salvaged")).unwrap();
    fs::write(scratch.path().join("journal.db.corrupt-1"), b"damaged").unwrap();
    fs::write(scratch.path().join("journal.db.salvaging"), b"half").unwrap();
    let mut journal = open(&scratch.file());
    assert_eq!(ids(&mut journal), numbered(0..10));
    assert!(!scratch.path().join("journal.db.salvaging").exists());
    assert_eq!(fs::read(scratch.path().join("journal.db.corrupt-1")).unwrap(), b"damaged");
}

#[test]
fn a_damaged_file_is_opened_by_a_reader_that_says_what_is_wrong() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..300, 900));
    drop(journal);
    inflict(&scratch.file(), &Harm::Zero { place: 0.5, length: 6_000 });
    let before = fs::read(scratch.file()).unwrap();
    let report = borderflow::journal::Reader::open(&scratch.file()).unwrap().verify();
    assert!(!report.is_sound() && report.to_string().contains("PROBLEM"), "{report}");
    assert_eq!(fs::read(scratch.file()).unwrap(), before, "verify changes nothing");
    let sound = Journal::temporary(&options());
    assert!(sound.is_ok());
}
