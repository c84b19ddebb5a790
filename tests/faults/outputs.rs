//! One output at a time is down, slow, or comes and goes, beside a healthy one.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::kit::*;
use super::receiver::{Mood, Receiver};

const FINDINGS: u32 = 1_000;

/// A kind of output: its receiver in a mood, and its configuration.
type Kind = (&'static str, fn(&Scratch, Mood) -> (Receiver, String));

const KINDS: [Kind; 5] = [
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
    scratch.write("capture.pcap", capture(FINDINGS));
    let ids = scratch.undisturbed();
    assert_eq!(ids.len(), 2 * FINDINGS as usize);
    (scratch, ids)
}

/// The same output where nobody listens.
fn nowhere(output: &str, receiver: &Receiver) -> String {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    output.replace(&receiver.port.to_string(), &closed.to_string()).replace("agent.sock", "nobody.sock")
}

/// Runs until everything that is not down has everything: how long the archive took, how long the run, and its status.
fn run(scratch: &Scratch, wait_s: u64, alerts: usize) -> (Duration, Duration, Option<i32>, String) {
    let begun = Instant::now();
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            wait("the archive", || {
                let lines = std::fs::read(scratch.path("archive.ndjson")).unwrap_or_default();
                lines.iter().filter(|&&byte| byte == b'\n').count() >= alerts
            });
            begun.elapsed()
        });
        let outcome = scratch.replay(wait_s);
        let whole = begun.elapsed();
        (watch.join().unwrap(), whole, outcome.status, outcome.stderr)
    })
}

#[test]
fn an_output_that_is_down_delays_no_other_and_gets_everything_from_the_next_run() {
    for (name, kind) in KINDS {
        let (scratch, ids) = prepared();
        let (receiver, output) = kind(&scratch, Mood::Healthy);
        scratch.configure(&[archive(), nowhere(&output, &receiver)]);
        let (archived, whole, status, said) = run(&scratch, 2, ids.len());
        assert_eq!(status, Some(1), "{name}: {said}");
        assert!(said.contains(&format!("{} not delivered", "2 000")), "{name}: {said}");
        assert!(whole >= Duration::from_secs(2) && whole < Duration::from_secs(8), "{name}: {whole:?}");
        assert!(archived < whole - Duration::from_secs(1), "{name}: the archive had to wait: {archived:?} of {whole:?}");
        assert_eq!(receiver.count(), 0);
        scratch.configure(&[archive(), output]);
        let outcome = scratch.replay(30);
        assert_eq!(outcome.status, Some(0), "{name}: {}", outcome.stderr);
        Tally::of(&ids, &receiver.arrived()).insist(&format!("{name}, down for a whole run"));
        assert_eq!(scratch.ids("archive.ndjson"), ids, "{name}: the archive has each alert once");
        println!("{name}, down: the archive had everything after {archived:.2?}, the run ended after {whole:.2?}");
    }
}

#[test]
fn an_output_that_is_slow_or_comes_and_goes_delays_no_other_and_gets_everything() {
    for mood in [Mood::Slow(Duration::from_millis(150)), Mood::Flapping] {
        for (name, kind) in KINDS {
            let (scratch, ids) = prepared();
            let (receiver, output) = kind(&scratch, mood);
            scratch.configure(&[archive(), output]);
            let (archived, whole, status, said) = run(&scratch, 60, ids.len());
            assert_eq!(status, Some(0), "{name}, {mood:?}: {said}");
            // A stream has written everything before its peer has read it.
            wait("the rest of the stream", || Tally::of(&ids, &receiver.arrived()).lost == 0);
            Tally::of(&ids, &receiver.arrived()).insist(&format!("{name}, {mood:?}"));
            assert_eq!(scratch.ids("archive.ndjson"), ids, "{name}: the archive has each alert once");
            println!("{name}, {mood:?}: the archive had everything after {archived:.2?}, the run ended after {whole:.2?}");
        }
    }
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
