//! SIGKILL at random moments while alerts flow.

use std::fs::File;
use std::io::Read as _;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use borderflow_testkit::Prng;
use borderflow_testkit::program::Program;
use flate2::read::GzDecoder;

use super::kit::*;
use super::receiver::{Mood, Receiver};

const FINDINGS: u32 = 5_000;

/// Who gets the alerts beside two files.
struct Receivers {
    hooked: Receiver,
    indexed: Receiver,
    logged: Receiver,
}

impl Receivers {
    fn new() -> Receivers {
        let hooked = Receiver::http(Mood::Slow(Duration::from_millis(40)));
        Receivers { hooked, indexed: Receiver::http(Mood::Healthy), logged: Receiver::syslog(Mood::Healthy) }
    }

    /// When the first of them got something of a process that started then.
    fn first_after(&self, started: Instant) -> Option<Duration> {
        let all = [&self.hooked, &self.indexed, &self.logged];
        all.into_iter().filter_map(|receiver| receiver.first_after(started)).min()
    }

    /// Insists that each got what was created, and so did the files.
    fn insist(&self, scratch: &Scratch, created: &[String]) {
        Tally::of(created, &scratch.ids("archive.ndjson")).insist("file");
        Tally::of(created, &rotated_ids(scratch)).insist("file that rotates");
        Tally::of(created, &self.hooked.arrived()).insist("webhook");
        let documents = Tally::of(created, &self.indexed.arrived());
        documents.insist("elasticsearch, by document");
        assert_eq!(documents.doubled, 0);
        wait("the rest of the stream", || Tally::of(created, &self.logged.arrived()).lost == 0);
        Tally::of(created, &self.logged.arrived()).insist("syslog over TCP");
    }
}

/// How long a process needs until its first alert is at a receiver; it says how long the others live.
fn life(scratch: &Scratch, receivers: &Receivers, capture: &[u8]) -> Duration {
    let mut sensor = Sensor::start(scratch, &scratch.path("journal.db"));
    let feeding = feed(sensor.input(), &capture[..capture.len() / 100], capture.len() / 100, 1);
    let started = sensor.started;
    wait("the first alert", || receivers.first_after(started).is_some());
    sensor.kill();
    feeding.join().unwrap();
    (receivers.first_after(started).unwrap() * 4).max(Duration::from_millis(600))
}

/// Starts a process, lets it have the capture up to `begin` at once and up to `end` by and by, and kills it at a random
/// moment of its life; when it started.
fn kill_one(
    scratch: &Scratch,
    capture: &[u8],
    (begin, end): (usize, usize),
    life: Duration,
    random: &mut Prng,
) -> Instant {
    let mut sensor = Sensor::start(scratch, &scratch.path("journal.db"));
    let slices = life.as_millis() as usize / 5;
    let mut feeding = Some(feed(sensor.input(), &capture[..end], begin, (end - begin) / slices));
    if begin == capture.len() {
        // Only a whole capture ends: the end closes findings.
        drop(feeding.take().map(JoinHandle::join));
    }
    thread::sleep(Duration::from_micros(random.below(life.as_micros() as u64)));
    let (started, said) = (sensor.started, sensor.kill());
    drop(feeding.map(JoinHandle::join));
    // A kill is no trouble to the journal: it says what it goes on with, and nothing else.
    assert!(!["panicked", "ERROR", "journal.db"].iter().any(|trouble| said.contains(trouble)), "{said}");
    started
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
    let kills = setting("BORDERFLOW_KILLS", 12) as usize;
    let (scratch, receivers) = (Scratch::new(), Receivers::new());
    let capture = capture(FINDINGS);
    let ids = scratch.undisturbed(&capture);
    assert!(ids.len() >= 10_000);
    let Receivers { hooked, indexed, logged } = &receivers;
    scratch.configure(&[archive(), rotated(), hook(hooked.port), elastic(indexed.port), syslog(logged.port)]);
    let life = life(&scratch, &receivers, &capture);
    let (mut random, mut restarts) = (Prng::new(6), Vec::new());
    for round in 0..kills {
        // Three quarters of the kills while the capture comes in, one while the rest is delivered.
        let share = |round: usize| capture.len() * (4 * round).min(3 * kills) / (3 * kills);
        let started = kill_one(&scratch, &capture, (share(round), share(round + 3)), life, &mut random);
        restarts.extend(receivers.first_after(started));
    }
    let (before, begun) = (journal_ids(&scratch.path("journal.db")).len(), Instant::now());
    let last = scratch.replay(60);
    println!("{kills} kills: {before} alerts in the journal before the last run, which took {:.2?}", begun.elapsed());
    assert_eq!(last.status, Some(0), "{}", last.stderr);
    restarts.sort();
    let (median, slowest) = (restarts.get(restarts.len() / 2), restarts.last());
    let delivering = restarts.len();
    println!(
        "{delivering} killed while they delivered; start to first alert: {median:.2?} median, {slowest:.2?} slowest"
    );
    let created = journal_ids(&scratch.path("journal.db"));
    Tally::of(&ids, &created).insist("the journal, by what a run without a kill makes");
    assert_eq!(created.len(), ids.len());
    receivers.insist(&scratch, &created);
    let verify = Program::new(EXECUTABLE, &scratch.path("."));
    let verified = verify.args(["journal", "verify", "--journal", "journal.db"]).run();
    assert_eq!(verified.status, Some(0), "{}{}", verified.stdout, verified.stderr);
}
