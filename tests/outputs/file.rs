//! Files: rotation, a torn line, a disk that is full, a file moved away.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use borderflow::deliver::Target;
use borderflow::deliver::file::Options;
use flate2::read::GzDecoder;

use super::kit::{Running, ids, stored, tally, wait};

fn options(path: &Path) -> Options {
    Options { path: path.to_owned(), rotate_bytes: None, rotate_every: None, keep: 100, compress: false }
}

/// The file and the rotated ones, the oldest first.
fn everything(path: &Path, keep: u32) -> String {
    let mut text = String::new();
    for number in (0..=keep).rev() {
        let name = if number == 0 { path.display().to_string() } else { format!("{}.{number}", path.display()) };
        text += &fs::read_to_string(&name).unwrap_or_default();
        if let Ok(packed) = fs::File::open(format!("{name}.gz")) {
            GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        }
    }
    text
}

#[test]
fn a_file_rotates_by_size_keeps_what_it_should_and_only_the_group_may_read() {
    let folder = tempfile::tempdir().unwrap();
    for compress in [false, true] {
        let path = folder.path().join(format!("alerts-{compress}"));
        let file = Options { rotate_bytes: Some(10_000), compress, ..options(&path) };
        let running = Running::start(Target::File(file.clone()));
        running.feed(0..1_000);
        running.drain();
        // Another run appends.
        let running = Running::start(Target::File(file.clone()));
        running.feed(1_000..1_200);
        running.drain();
        assert_eq!(tally(&format!("file, rotated, compressed {compress}"), &ids(&everything(&path, 100)), 0..1_200), 0);
        let suffix = if compress { ".gz" } else { "" };
        assert!(fs::metadata(format!("{}.3{suffix}", path.display())).is_ok());
        for rotated in [path.clone(), format!("{}.1{suffix}", path.display()).into()] {
            assert_eq!(fs::metadata(rotated).unwrap().permissions().mode() & 0o777, 0o640);
        }
        assert!(fs::metadata(&path).unwrap().len() <= 10_000);

        let few = Options { keep: 2, ..file };
        let running = Running::start(Target::File(few));
        running.feed(1_200..1_500);
        running.drain();
        assert!(fs::metadata(format!("{}.2{suffix}", path.display())).is_ok());
        let kept = ids(&everything(&path, 2));
        assert_eq!(kept.last(), Some(&super::kit::id(1_499)));
    }
}

#[test]
fn a_file_rotates_by_the_time_of_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts");
    let file = Options { rotate_every: Some(Duration::from_secs(3_600)), ..options(&path) };
    let running = Running::start(Target::File(file));
    // A record a second from 08:15:00: 45 minutes to the full hour.
    running.feed(0..7_200);
    running.drain();
    assert_eq!(ids(&fs::read_to_string(format!("{}.2", path.display())).unwrap()).len(), 2_700);
    assert_eq!(ids(&fs::read_to_string(format!("{}.1", path.display())).unwrap()).len(), 3_600);
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()).len(), 900);
}

#[test]
fn a_line_torn_by_a_crash_is_cut_off_and_whole_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts");
    let whole = String::from_utf8(stored(0, 0).entry.body.clone()).unwrap();
    fs::write(&path, format!("{whole}\n{}", &whole[..40])).unwrap();
    let running = Running::start(Target::File(options(&path)));
    running.feed(1..3);
    running.drain();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(tally("file with a torn line", &ids(&text), 0..3), 0);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    fs::write(&path, &whole[..40]).unwrap();
    let running = Running::start(Target::File(options(&path)));
    running.feed(0..1);
    running.drain();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{whole}\n"));
}

#[test]
fn a_file_moved_away_is_made_anew_at_once_or_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("alerts"), folder.path().join("moved"));
    let running = Running::start(Target::File(options(&path)));
    running.feed(0..100);
    running.wait_acknowledged(99);
    fs::rename(&path, &moved).unwrap();
    running.feed(100..200);
    running.wait_acknowledged(199);
    assert_eq!(ids(&fs::read_to_string(&moved).unwrap()).len(), 100);
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()).len(), 100);
    running.reopen.request();
    running.feed(200..300);
    running.drain();
    let text = fs::read_to_string(&moved).unwrap() + &fs::read_to_string(&path).unwrap();
    assert_eq!(tally("file, moved away", &ids(&text), 0..300), 0);
}

#[test]
fn a_full_disk_is_waited_for_and_leaves_no_half_line() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: a small disk cannot be mounted here");
        return;
    }
    let path = disk.join("alerts");
    let running = Running::start(Target::File(options(&path)));
    running.feed(0..2_000);
    wait("the disk to be full", || running.counters.read().retries > 2);
    let before = running.acknowledged();
    let half = fs::read_to_string(&path).unwrap();
    assert!(half.is_empty() || half.ends_with('\n'), "half a line");
    assert!(running.counters.read().last_error.contains("No space left"), "{:?}", running.counters.read());
    let grown = Command::new("mount").args(["-o", "remount,size=4m"]).arg(&disk).status().unwrap();
    assert!(grown.success());
    let told = running.drain();
    let text = fs::read_to_string(&path).unwrap();
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert!(before < 2_000);
    assert_eq!(tally("file on a full disk", &ids(&text), 0..2_000), 0);
    assert_eq!(told.delivered, 2_000);
}

#[test]
fn a_device_takes_records_like_a_file() {
    let running = Running::start(Target::File(options(Path::new("/dev/null"))));
    running.feed(0..100);
    assert_eq!(running.drain().delivered, 100);
}
