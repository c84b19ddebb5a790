//! The journal's disk is full, or read-only, while alerts flow; later it is not.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{fs, io::Write as _, process::ChildStdin, thread, time::Duration};

use super::kit::*;
use super::receiver::{Mood, Receiver};

const FINDINGS: u32 = 2_000;

/// A file system of its own.
struct Disk(PathBuf);

impl Disk {
    /// `None`, with a message, where this process may not mount.
    fn new(scratch: &Scratch, size: &str) -> Option<Disk> {
        let path = scratch.path("disk");
        fs::create_dir(&path).unwrap();
        let disk = Disk(path);
        let is_mounted = disk.mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        if !is_mounted {
            println!("skipped: needs the right to mount a tmpfs");
        }
        is_mounted.then_some(disk)
    }

    fn mount(&self, args: &[&str]) -> bool {
        let status = Command::new("mount").args(args).arg(&self.0).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    fn remount(&self, options: &str) {
        assert!(self.mount(&["-o", &format!("remount,{options}")]), "remount {options}");
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal.db")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).stderr(Stdio::null()).status();
    }
}

/// A directory with a capture, two outputs, and the ids it makes.
fn prepared() -> (Scratch, Vec<u8>, Vec<String>, Receiver) {
    let scratch = Scratch::new();
    let capture = capture(FINDINGS);
    let ids = scratch.undisturbed(&capture);
    let receiver = Receiver::http(Mood::Healthy);
    scratch.configure(&[archive(), hook(receiver.port)]);
    (scratch, capture, ids, receiver)
}

/// Writes slowly, so that the sensor judges it in many batches.
fn trickle(input: &mut ChildStdin, bytes: &[u8]) {
    for slice in bytes.chunks(bytes.len() / 100 + 1) {
        input.write_all(slice).unwrap();
        thread::sleep(Duration::from_millis(8));
    }
}

/// Alerts about the sensor itself, as they stand in the archive.
fn notices(scratch: &Scratch) -> Vec<String> {
    let records = fs::read_to_string(scratch.path("archive.ndjson")).unwrap();
    let notices = records.lines().filter(|line| line.contains("\"rule\":{\"id\":\"self\""));
    notices.map(str::to_owned).collect()
}

fn insist(scratch: &Scratch, receiver: &Receiver, ids: &[String], journal: &[String], of: &str) {
    Tally::of(ids, journal).insist(&format!("{of}: the journal"));
    Tally::of(journal, &scratch.ids("archive.ndjson")).insist(&format!("{of}: file"));
    Tally::of(journal, &receiver.arrived()).insist(&format!("{of}: webhook"));
}

#[test]
fn a_disk_that_fills_up_and_gets_room_again_costs_no_alert_and_is_told_to_every_output() {
    let (scratch, capture, ids, receiver) = prepared();
    let Some(disk) = Disk::new(&scratch, "2m") else { return };
    let mut sensor = Sensor::start(&scratch, &disk.journal());
    let mut input = sensor.input();
    let third = capture.len() / 3;
    trickle(&mut input, &capture[..third]);
    sensor.wait_until_said("cannot be written");
    trickle(&mut input, &capture[third..2 * third]);
    wait("alerts that the disk does not have", || receiver.count() > ids.len() / 3);
    disk.remount("size=200m");
    trickle(&mut input, &capture[2 * third..]);
    drop(input);
    let (status, said) = sensor.end();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("is written again"), "{said}");
    let notices = notices(&scratch);
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("disk is full") || notices[0].contains("full"), "{}", notices[0]);
    assert!(notices.iter().all(|notice| receiver.arrived().contains(&id(notice).unwrap())), "and to the webhook");
    insist(&scratch, &receiver, &ids, &journal_ids(&disk.journal()), "full for a while");
}

#[test]
fn a_disk_that_stays_full_is_an_error_at_the_end_and_the_next_run_makes_up_for_it() {
    let (scratch, capture, ids, receiver) = prepared();
    let Some(disk) = Disk::new(&scratch, "2m") else { return };
    let mut sensor = Sensor::start(&scratch, &disk.journal());
    let mut input = sensor.input();
    trickle(&mut input, &capture);
    drop(input);
    let (status, said) = sensor.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("cannot be written"), "{said}");
    Tally::of(&ids, &scratch.ids("archive.ndjson")).insist("full to the end: file, from memory");
    Tally::of(&ids, &receiver.arrived()).insist("full to the end: webhook, from memory");
    disk.remount("size=200m");
    let mut sensor = Sensor::start(&scratch, &disk.journal());
    trickle(&mut sensor.input(), &capture);
    let (status, said) = sensor.end();
    assert_eq!(status, Some(0), "{said}");
    insist(&scratch, &receiver, &ids, &journal_ids(&disk.journal()), "full to the end, then room");
}

#[test]
fn a_disk_that_is_read_only_and_becomes_writable_costs_no_alert_and_is_told_to_every_output() {
    let (scratch, capture, ids, receiver) = prepared();
    let Some(disk) = Disk::new(&scratch, "200m") else { return };
    let half = capture.len() / 2;
    // An empty capture makes a journal.
    let mut sensor = Sensor::start(&scratch, &disk.journal());
    trickle(&mut sensor.input(), &capture[..24]);
    let (status, said) = sensor.end();
    assert_eq!(status, Some(0), "{said}");
    disk.remount("ro");
    let mut sensor = Sensor::start(&scratch, &disk.journal());
    let mut input = sensor.input();
    trickle(&mut input, &capture[..half]);
    sensor.wait_until_said("cannot be written");
    wait("alerts that the disk does not have", || receiver.count() > ids.len() / 4);
    disk.remount("rw");
    trickle(&mut input, &capture[half..]);
    drop(input);
    let (status, said) = sensor.end();
    assert_eq!(status, Some(0), "{said}");
    let notices = notices(&scratch);
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices.iter().all(|notice| receiver.arrived().contains(&id(notice).unwrap())), "and to the webhook");
    insist(&scratch, &receiver, &ids, &journal_ids(&disk.journal()), "read-only for a while");
}
