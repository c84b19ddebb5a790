//! A disk that is full, read-only, or gone with the process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use borderflow::journal::{Journal, Options, TroubleKind};

use super::kit::*;

/// A file system of its own.
struct Disk(PathBuf, #[expect(dead_code, reason = "keeps the directory")] Scratch);

impl Disk {
    /// `None`, with a message, where this process may not mount.
    fn new(size: &str) -> Option<Disk> {
        let scratch = Scratch::new();
        let path = scratch.path().join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], &path);
        if !mounted {
            eprintln!("skipped: needs the right to mount a tmpfs");
        }
        mounted.then(|| Disk(path, scratch))
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], &self.0), "remount {options}");
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal.db")
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(args: &[&str], path: &Path) -> bool {
    let status = Command::new("mount").args(args).arg(path).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_holds_alerts_and_loses_none() {
    let Some(disk) = Disk::new("2m") else { return };
    let mut journal = open(&disk.file());
    journal.join(&["siem"]);
    let mut held = 0;
    for start in (0..2_000).step_by(20) {
        held += u64::from(journal.append(change(start..start + 20, 2_000)).held);
    }
    assert!(held > 50, "the disk was full most of the time: {held}");
    assert_eq!(kinds(&mut journal), [TroubleKind::DiskFull], "told once");
    assert_eq!(ids(&mut journal), numbered(0..2_000), "held ones are read like the rest");
    journal.acknowledge("siem", 1_500);
    journal.maintain(None);
    assert_eq!(journal.cursor("siem"), Some(1_500));
    disk.remount("size=64m");
    journal.maintain(None);
    assert_eq!(kinds(&mut journal), [TroubleKind::Recovered]);
    assert_eq!(journal.counters().held_entries, 0);
    drop(journal);
    let mut journal = open(&disk.file());
    assert_eq!(ids(&mut journal), numbered(0..2_000));
    assert_eq!((journal.cursor("siem"), journal.head()), (Some(1_500), 2_000));
    assert_eq!(journal.clock(), Some(entry(1_999, 0).at));
}

#[test]
fn what_does_not_fit_into_memory_is_given_up_oldest_first_and_counted() {
    let Some(disk) = Disk::new("1m") else { return };
    let mut journal = Journal::open(&disk.file(), &Options { held_bytes: 1 << 20, ..options() }).unwrap();
    journal.join(&["siem"]);
    let mut dropped = 0;
    for start in (0..3_000).step_by(20) {
        dropped += journal.append(change(start..start + 20, 2_000)).dropped;
    }
    let counters = journal.counters();
    assert_eq!(dropped, counters.dropped);
    assert!(counters.held_bytes <= 1 << 20, "{counters:?}");
    let left = ids(&mut journal);
    assert_eq!(left.len() as u64, 3_000 - dropped, "all others are there");
    assert_eq!(left.last(), numbered([2_999]).last());
    assert!(kinds(&mut journal).contains(&TroubleKind::Dropped));
    disk.remount("size=64m");
    journal.maintain(None);
    drop(journal);
    let mut journal = open(&disk.file());
    assert_eq!(ids(&mut journal), left);
    let _ = journal.append(change([9_999], 10));
    assert_eq!(journal.head(), 3_001, "places of given up entries stay empty");
}

#[test]
fn a_journal_opens_on_a_full_disk_after_a_kill_and_after_a_clean_end() {
    for is_clean in [true, false] {
        let Some(disk) = Disk::new("4m") else { return };
        let scratch = Scratch::new();
        let mut journal = open(&scratch.file());
        let _ = journal.append(change(0..100, 2_000));
        if is_clean {
            drop(journal);
            copy(&scratch.file(), &disk.file());
        } else {
            copy(&scratch.file(), &disk.file());
            drop(journal);
        }
        disk.fill();
        let mut journal = open(&disk.file());
        assert_eq!(ids(&mut journal), numbered(0..100), "clean end: {is_clean}");
        let appended = journal.append(change(100..200, 2_000));
        assert_eq!((appended.added, appended.held), (100, true), "clean end: {is_clean}");
        fs::remove_file(disk.0.join("filler")).unwrap();
        assert!(!journal.append(change(200..210, 10)).held, "clean end: {is_clean}");
        drop(journal);
        assert_eq!(ids(&mut open(&disk.file())), numbered(0..210));
    }
}

#[test]
fn a_read_only_disk_is_read_and_written_again_when_it_can_be() {
    let Some(disk) = Disk::new("16m") else { return };
    let mut journal = open(&disk.file());
    journal.join(&["siem"]);
    let _ = journal.append(change(0..100, 500));
    drop(journal);
    disk.remount("ro");
    let mut journal = open(&disk.file());
    journal.join(&["siem"]);
    assert_eq!(ids(&mut journal), numbered(0..100));
    let appended = journal.append(change(90..150, 500));
    assert_eq!((appended.added, appended.repeated, appended.held), (50, 10, true));
    assert_eq!(ids(&mut journal), numbered(0..150));
    assert_eq!(kinds(&mut journal), [TroubleKind::ReadOnly]);
    disk.remount("rw");
    journal.maintain(None);
    assert_eq!(kinds(&mut journal), [TroubleKind::Recovered]);
    drop(journal);
    assert_eq!(ids(&mut open(&disk.file())), numbered(0..150));
}

const CHILD: &str = "BORDERFLOW_TEST_JOURNAL";

/// Not a test of its own: what [`killed_at_any_moment_nothing_that_was_entered_is_lost`] kills.
#[test]
fn child_enters_changes_and_asserts_nothing_is_held() {
    let Ok(path) = env::var(CHILD) else { return };
    let mut journal = Journal::open(Path::new(&path), &Options::default()).unwrap();
    journal.join(&["siem"]);
    let mut next = journal.head();
    loop {
        let size = 1 + next % 9;
        assert!(!journal.append(change(next..next + size, 3_000)).held);
        next += size;
        journal.acknowledge("siem", next / 2);
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\nentered {next}").unwrap();
        stdout.flush().unwrap();
    }
}

#[test]
fn killed_at_any_moment_nothing_that_was_entered_is_lost() {
    let scratch = Scratch::new();
    let mut entered = 0;
    for round in 0..12_u64 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "disk::child_enters_changes_and_asserts_nothing_is_held", "--nocapture"])
            .env(CHILD, scratch.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            let numbers = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("entered ")?.parse().ok());
            numbers.last().unwrap_or(0_u64)
        });
        std::thread::sleep(Duration::from_millis(120 + round * 37 % 200));
        child.kill().unwrap();
        child.wait().unwrap();
        entered = reader.join().unwrap().max(entered);
        let mut journal = open(&scratch.file());
        let left = ids(&mut journal);
        assert!(left.len() as u64 >= entered, "{} left of {entered}", left.len());
        assert_eq!(left, numbered(0..left.len() as u64));
        assert_eq!(kinds(&mut journal), []);
    }
    assert!(entered > 50, "the children entered too little to show anything: {entered}");
}
