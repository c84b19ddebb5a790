//! The journal is cut short or its bits flip between two runs.

use std::fs;

use borderflow_testkit::Prng;

use super::kit::*;
use super::receiver::{Mood, Receiver};

const FINDINGS: u32 = 250;

/// A journal as a kill leaves it: the archive has everything so far, the webhook nothing.
fn killed(capture: &[u8]) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("capture.pcap", capture);
    scratch.configure(&[archive(), hook(1)]);
    let mut sensor = Sensor::start(&scratch, &scratch.path("journal.db"));
    let mut input = sensor.input();
    std::io::Write::write_all(&mut input, &capture[..capture.len() / 2]).unwrap();
    wait("the archive", || scratch.ids("archive.ndjson").len() > FINDINGS as usize / 3);
    sensor.kill();
    scratch
}

/// Flips, blanks or cuts off something, in the file or in its log; says what.
fn harm(scratch: &Scratch, random: &mut Prng) -> String {
    let mut done = String::new();
    for _ in 0..1 + random.below(3) {
        let name = ["journal.db", "journal.db-wal"][random.below(2) as usize];
        let mut bytes = fs::read(scratch.path(name)).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + random.between(1, 9_000) as usize).min(bytes.len());
                bytes[at..end].fill(0);
            }
            _ => bytes[at] ^= 1 << random.below(8),
        }
        done.push_str(&format!(" {name} at {at};"));
        scratch.write(name, bytes);
    }
    done
}

/// BORDERFLOW_SEEDS=50 is the run that the issue asks for.
#[test]
fn after_any_damage_the_next_run_delivers_what_can_be_saved_and_says_what_it_did() {
    let seeds = setting("BORDERFLOW_SEEDS", 12);
    let capture = capture(FINDINGS);
    let template = killed(&capture);
    let reference = Scratch::new();
    reference.write("capture.pcap", &capture);
    let ids = reference.undisturbed();
    let (mut told, mut lost, mut garbled, mut doubled) = (0, 0, 0, 0);
    for seed in 0..seeds {
        let (scratch, receiver) = (Scratch::new(), Receiver::http(Mood::Healthy));
        for name in ["capture.pcap", "journal.db", "journal.db-wal", "archive.ndjson"] {
            fs::copy(template.path(name), scratch.path(name)).unwrap();
        }
        scratch.configure(&[archive(), hook(receiver.port)]);
        let harm = harm(&scratch, &mut Prng::new(seed));
        let outcome = scratch.replay(30);
        let said = &outcome.stderr;
        assert!(outcome.status.is_some_and(|status| status < 2) && !said.contains("panicked"), "{seed},{harm}: {said}");
        let is_told = said.contains("is damaged");
        assert_eq!(is_told, scratch.path("journal.db.corrupt-1").exists(), "{seed},{harm}: {said}");
        let tally = Tally::of(&ids, &receiver.arrived());
        println!("seed {seed},{harm} {tally}, {} garbled, told: {is_told}", receiver.garbled());
        told += u32::from(is_told);
        lost += tally.lost;
        garbled += receiver.garbled();
        doubled += Tally::of(&ids, &scratch.ids("archive.ndjson")).doubled;
        assert_eq!(Tally::of(&ids, &scratch.ids("archive.ndjson")).lost, 0, "{seed},{harm}");
        let again = scratch.replay(30);
        assert_eq!(again.status, Some(0), "{seed},{harm}: the run after it: {}", again.stderr);
        assert!(!again.stderr.contains("is damaged"), "{seed},{harm}: mended once: {}", again.stderr);
    }
    println!("{seeds} seeds: {told} told of damage, {lost} lost, {garbled} garbled, {doubled} doubled in the archive");
    assert_eq!(lost, 0);
}
