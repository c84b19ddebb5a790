//! SIGKILL at random moments while alerts flow.

use std::fs::File;
use std::io::Read as _;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use borderflow_testkit::Prng;
use borderflow_testkit::program::Program;
use flate2::read::GzDecoder;

use super::kit::*;
use super::receiver::{Mood, Receiver};

const FINDINGS: u32 = 5_000;

/// How long a process needs until its first alert is at a receiver; it says how long the others live.
fn life(scratch: &Scratch, receiver: &Receiver, capture: &[u8]) -> Duration {
    let mut sensor = Sensor::start(scratch, &scratch.path("journal.db"));
    let feeding = feed(sensor.input(), &capture[..capture.len() / 100], capture.len() / 100, 1);
    let started = sensor.started;
    wait("the first alert", || receiver.first_after(started).is_some());
    sensor.kill();
    feeding.join().unwrap();
    (receiver.first_after(started).unwrap() * 4).max(Duration::from_millis(600))
}

/// The output "rotated": a file that rotates all the time.
fn rotated() -> String {
    "name = \"rotated\"\nkind = \"file\"\npath = \"rotated\"\nrotate_bytes = 500000\nkeep = 1000\ncompress = true"
        .to_owned()
}

/// The ids in `rotated`, oldest file first.
fn rotated_ids(scratch: &Scratch) -> Vec<String> {
    let mut ids = Vec::new();
    for number in (1..=1_000).rev() {
        if let Ok(file) = File::open(scratch.path(&format!("rotated.{number}.gz"))) {
            let mut text = String::new();
            GzDecoder::new(file).read_to_string(&mut text).unwrap();
            ids.extend(text.lines().map(|line| id(line).unwrap()));
        }
        ids.extend(scratch.ids(&format!("rotated.{number}")));
    }
    ids.extend(scratch.ids("rotated"));
    ids
}

/// BORDERFLOW_KILLS=200 is the run that the issue asks for.
#[test]
fn killed_at_any_moment_no_alert_is_lost_and_none_comes_out_of_order() {
    let kills = setting("BORDERFLOW_KILLS", 12);
    let scratch = Scratch::new();
    let capture = capture(FINDINGS);
    let ids = scratch.undisturbed(&capture);
    assert!(ids.len() >= 10_000);
    let (hooked, indexed) = (Receiver::http(Mood::Slow(Duration::from_millis(40))), Receiver::http(Mood::Healthy));
    let logged = Receiver::syslog(Mood::Healthy);
    scratch.configure(&[archive(), rotated(), hook(hooked.port), elastic(indexed.port), syslog(logged.port)]);
    let life = life(&scratch, &indexed, &capture);
    let (mut random, mut restarts) = (Prng::new(6), Vec::new());
    for round in 0..kills {
        let mut sensor = Sensor::start(&scratch, &scratch.path("journal.db"));
        // Three quarters of the kills while the capture comes in, one while the rest is delivered. A capture never ends
        // before its end, which would close findings.
        let share =
            |round: u64| capture.len() * usize::try_from((4 * round).min(3 * kills)).unwrap() / (3 * kills as usize);
        let (begin, slices) = (share(round), life.as_millis() as usize / 5);
        let slice = (share(round + 3) - begin) / slices;
        let mut feeding = Some(feed(sensor.input(), &capture[..share(round + 3)], begin, slice));
        if begin == capture.len() {
            drop(feeding.take().map(JoinHandle::join));
        }
        std::thread::sleep(Duration::from_micros(random.below(life.as_micros() as u64)));
        let (started, said) = (sensor.started, sensor.kill());
        drop(feeding.map(JoinHandle::join));
        // A kill is no trouble to the journal: it says what it goes on with, and nothing else.
        assert!(!["panicked", "ERROR", "journal.db"].iter().any(|trouble| said.contains(trouble)), "{round}: {said}");
        let firsts = [&hooked, &indexed, &logged].map(|receiver| receiver.first_after(started));
        if firsts.iter().flatten().any(|first| *first > Duration::from_secs(1)) {
            println!("slow: {firsts:?} {said}");
        }
        restarts.extend(firsts.into_iter().flatten().min());
    }
    let (before, begun) = (journal_ids(&scratch.path("journal.db")).len(), Instant::now());
    let last = scratch.replay(60);
    println!("{kills} kills: {before} alerts in the journal; the last run took {:.2?}", begun.elapsed());
    assert_eq!(last.status, Some(0), "{}", last.stderr);
    let created = journal_ids(&scratch.path("journal.db"));
    let differs = (0..ids.len()).find(|&place| created.get(place) != ids.get(place));
    if let Some(differs) = differs {
        std::process::Command::new("cp")
            .arg("-r")
            .arg(scratch.path("."))
            .arg(format!("/tmp/fx/mismatch-{}", std::process::id()))
            .status()
            .unwrap();
        println!("{differs}");
    }
    Tally::of(&ids, &created).insist("the journal, by what a run without a kill makes");
    assert_eq!(created.len(), ids.len());
    restarts.sort();
    let (median, slowest) = (restarts.get(restarts.len() / 2), restarts.last());
    let delivering = restarts.len();
    println!(
        "{delivering} killed while they delivered; start to first alert: {median:.0?} median, {slowest:.0?} slowest"
    );
    Tally::of(&created, &scratch.ids("archive.ndjson")).insist("file");
    Tally::of(&created, &rotated_ids(&scratch)).insist("file that rotates");
    Tally::of(&created, &hooked.arrived()).insist("webhook");
    let elastic = Tally::of(&created, &indexed.arrived());
    elastic.insist("elasticsearch, by document");
    assert_eq!(elastic.doubled, 0);
    wait("the rest of the stream", || Tally::of(&created, &logged.arrived()).lost == 0);
    Tally::of(&created, &logged.arrived()).insist("syslog over TCP");
    let verify = Program::new(EXECUTABLE, &scratch.path("."));
    let verified = verify.args(["journal", "verify", "--journal", "journal.db"]).run();
    assert_eq!(verified.status, Some(0), "{}{}", verified.stdout, verified.stderr);
}
