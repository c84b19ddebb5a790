//! One output at a time is down, slow, or comes and goes, beside a healthy one.

use std::thread;
use std::time::{Duration, Instant};

use super::kit::*;
use super::receiver::{Mood, Receiver};

const FINDINGS: u32 = 600;

/// Makes an output's receiver in a mood, and its configuration.
type Make = fn(&Scratch, Mood) -> (Receiver, String);

const KINDS: [(&str, Make); 5] = [
    ("webhook", |_, mood| {
        let receiver = Receiver::http(mood);
        let output = hook(receiver.port);
        (receiver, output)
    }),
    ("elasticsearch", |_, mood| {
        let receiver = Receiver::http(mood);
        let output = elastic(receiver.port);
        (receiver, output)
    }),
    ("splunk", |scratch, mood| {
        let receiver = Receiver::http(mood);
        scratch.write("token", "splunk-token");
        let url = format!("http://127.0.0.1:{}", receiver.port);
        (receiver, format!("name = \"splunk\"\nkind = \"splunk\"\nurl = \"{url}\"\ntoken_file = \"token\""))
    }),
    ("syslog over TCP", |_, mood| {
        let receiver = Receiver::syslog(mood);
        let output = syslog(receiver.port);
        (receiver, output)
    }),
    ("unix socket", |scratch, mood| {
        let receiver = Receiver::unix(&scratch.path("agent.sock"), mood);
        (receiver, "name = \"agent\"\nkind = \"unix\"\npath = \"agent.sock\"".to_owned())
    }),
];

/// A directory with a capture, and the ids it makes.
fn prepared() -> (Scratch, Vec<String>) {
    let scratch = Scratch::new();
    let ids = scratch.undisturbed(&capture(FINDINGS));
    assert_eq!(ids.len(), 2 * FINDINGS as usize);
    (scratch, ids)
}

/// Most of the time goes by waiting: all kinds at once.
fn for_each_kind(test: impl Fn(&'static str, Make) + Sync) {
    thread::scope(|scope| {
        for (name, make) in KINDS {
            let test = &test;
            scope.spawn(move || test(name, make));
        }
    });
}

/// The same output where nobody listens.
fn nowhere(output: &str, receiver: &Receiver) -> String {
    output.replace(&receiver.port.to_string(), "1").replace("agent.sock", "nobody.sock")
}

/// A run that is watched.
struct Run {
    /// When the archive had everything.
    archived: Duration,
    whole: Duration,
    status: Option<i32>,
    said: String,
}

fn run(scratch: &Scratch, wait_s: u64, alerts: usize) -> Run {
    let (begun, mut lines) = (Instant::now(), Lines::of_archive(scratch));
    thread::scope(|scope| {
        let watch = scope.spawn(move || {
            wait("the archive", || lines.count() >= alerts);
            begun.elapsed()
        });
        let outcome = scratch.replay(wait_s);
        let whole = begun.elapsed();
        Run { archived: watch.join().unwrap(), whole, status: outcome.status, said: outcome.stderr }
    })
}

#[test]
fn an_output_that_is_down_delays_no_other_and_gets_everything_from_the_next_run() {
    for_each_kind(|name, make| {
        let (scratch, ids) = prepared();
        let (receiver, output) = make(&scratch, Mood::Healthy);
        scratch.configure(&[archive(), nowhere(&output, &receiver)]);
        let Run { archived, whole, status, said } = run(&scratch, 3, ids.len());
        assert_eq!(status, Some(1), "{name}: {said}");
        assert!(said.contains("1\u{202f}200 not delivered"), "{name}: {said}");
        assert!(whole >= Duration::from_secs(3) && whole < Duration::from_secs(10), "{name}: {whole:?}");
        assert!(
            archived + Duration::from_secs(1) < whole,
            "{name}: the archive had to wait: {archived:?} of {whole:?}"
        );
        assert_eq!(receiver.count(), 0);
        scratch.configure(&[archive(), output]);
        let outcome = scratch.replay(30);
        assert_eq!(outcome.status, Some(0), "{name}: {}", outcome.stderr);
        println!("{name}, down: the archive had everything after {archived:.2?}, the run ended after {whole:.2?}");
        Tally::of(&ids, &receiver.arrived()).insist(&format!("{name}, down for a whole run"));
        assert_eq!(scratch.ids("archive.ndjson"), ids, "{name}: the archive has each alert once");
    });
}

fn all_get_everything_beside_one_that_is(mood: Mood) {
    for_each_kind(|name, make| {
        let (scratch, ids) = prepared();
        let (receiver, output) = make(&scratch, mood);
        scratch.configure(&[archive(), output]);
        let Run { archived, whole, status, said } = run(&scratch, 90, ids.len());
        assert_eq!(status, Some(0), "{name}, {mood:?}: {said}");
        // A stream has written everything before its peer has read it.
        wait("the rest of the stream", || Tally::of(&ids, &receiver.arrived()).lost == 0);
        println!("{name}, {mood:?}: the archive had everything after {archived:.2?}, the run ended after {whole:.2?}");
        Tally::of(&ids, &receiver.arrived()).insist(&format!("{name}, {mood:?}"));
        assert_eq!(scratch.ids("archive.ndjson"), ids, "{name}: the archive has each alert once");
        assert!(archived < whole, "{name}, {mood:?}: the archive had to wait: {archived:?} of {whole:?}");
    });
}

#[test]
fn an_output_that_is_slow_delays_no_other_and_gets_everything() {
    all_get_everything_beside_one_that_is(Mood::Slow(Duration::from_millis(150)));
}

#[test]
fn an_output_that_comes_and_goes_delays_no_other_and_gets_everything() {
    all_get_everything_beside_one_that_is(Mood::Flapping);
}

#[test]
fn a_file_output_whose_disk_is_missing_is_written_once_it_is_there() {
    let (scratch, ids) = prepared();
    let receiver = Receiver::http(Mood::Healthy);
    let archive = archive().replace("archive.ndjson", "mnt/archive.ndjson");
    scratch.configure(&[archive, hook(receiver.port)]);
    let outcome = scratch.replay(1);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("mnt/archive.ndjson: No such file"), "{}", outcome.stderr);
    Tally::of(&ids, &receiver.arrived()).insist("webhook beside a file whose disk is missing");
    std::fs::create_dir(scratch.path("mnt")).unwrap();
    assert_eq!(scratch.replay(30).status, Some(0));
    Tally::of(&ids, &scratch.ids("mnt/archive.ndjson")).insist("file whose disk was missing for a whole run");
    assert_eq!(receiver.count(), ids.len(), "the webhook gets nothing twice");
}
