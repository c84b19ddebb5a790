//! A journal whose file is removed, or replaced, while it is written: it is made anew, and nothing that was in it is missing.

use std::fs;

use borderflow::journal::TroubleKind;

use super::kit::*;

#[test]
fn a_file_that_is_removed_while_it_is_written_is_made_anew_with_all_that_was_in_it() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    journal.join(&["siem"]);
    let _ = journal.append(change(0..10, 900));
    journal.maintain(None);
    assert!(journal.take_troubles().is_empty());
    for name in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{name}", scratch.file().display()));
    }
    let _ = journal.append(change(10..20, 900));
    journal.maintain(None);
    let troubles = journal.take_troubles();
    assert_eq!(troubles.iter().map(|trouble| trouble.kind).collect::<Vec<_>>(), [TroubleKind::Damaged], "{troubles:?}");
    let _ = journal.append(change(20..30, 900));
    journal.acknowledge("siem", 25);
    journal.maintain(None);
    assert!(journal.take_troubles().is_empty());
    drop(journal);
    let mut journal = open(&scratch.file());
    assert_eq!(journal.join(&["siem"]), [25]);
    assert_eq!(journal.read(0, 100, usize::MAX).len(), 30);
}

#[test]
fn a_file_that_takes_the_place_of_another_is_set_aside() {
    let scratch = Scratch::new();
    let other = scratch.file().with_extension("backup");
    {
        let mut backup = open(&other);
        let _ = backup.append(change(0..3, 900));
    }
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..10, 900));
    fs::rename(&other, scratch.file()).unwrap();
    journal.maintain(None);
    let troubles = journal.take_troubles();
    assert!(troubles.len() == 1 && troubles[0].text.contains("set aside as"), "{troubles:?}");
    let _ = journal.append(change(10..12, 900));
    drop(journal);
    assert_eq!(open(&scratch.file()).read(0, 100, usize::MAX).len(), 12);
}
