//! Alerts as fast as a large site can make them, and whether the packet path feels the outputs.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use borderflow_testkit::{Host, Link, Pcap, udp_frame};

use super::kit::*;
use super::receiver::{Mood, Receiver};

/// Seconds of CPU that a process has used.
fn cpu_s(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    // utime and stime, in hundredths (proc(5)).
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    (ticks > 0.0).then_some(ticks / 100.0)
}

/// BORDERFLOW_THROUGHPUT_S=20 is the run that the issue asks for.
#[test]
fn five_thousand_alerts_a_second_reach_a_file_and_a_webhook_as_they_are_made() {
    let (seconds, rate) = (setting("BORDERFLOW_THROUGHPUT_S", 2), setting("BORDERFLOW_THROUGHPUT_RATE", 5_000));
    let alerts = (seconds * rate) as usize;
    let (scratch, receiver) = (Scratch::new(), Receiver::http(Mood::Healthy));
    scratch.configure(&[archive(), hook(receiver.port)]);
    let mut lines = Lines::of_archive(&scratch);
    let capture = capture(u32::try_from(alerts / 2).unwrap());
    let mut sensor = Sensor::start(&scratch, &scratch.path("journal.db"));
    let (pid, mut input) = (sensor.pid(), sensor.input());
    input.write_all(&capture[..24]).unwrap();
    thread::sleep(Duration::from_millis(500));
    let cpu_before = cpu_s(pid).unwrap_or(0.0);
    let (begun, length) = (Instant::now(), Duration::from_secs(seconds));
    let (mut fed, mut next_look, mut furthest) = (24, Duration::from_secs(1), 0);
    while fed < capture.len() {
        thread::sleep(Duration::from_millis(10));
        let due = begun.elapsed().as_secs_f64() / length.as_secs_f64();
        let until = ((capture.len() as f64 * due) as usize).clamp(fed, capture.len());
        input.write_all(&capture[fed..until]).unwrap();
        fed = until;
        if begun.elapsed() > next_look {
            next_look += Duration::from_millis(500);
            let behind = |count: usize| (alerts as f64 * due) as usize - count.min((alerts as f64 * due) as usize);
            furthest = furthest.max(behind(receiver.count())).max(behind(lines.count()));
        }
    }
    let feeding = begun.elapsed();
    drop(input);
    let mut cpu = 0.0;
    wait("the last alert", || {
        cpu = cpu_s(pid).unwrap_or(cpu);
        lines.count() >= alerts && receiver.count() >= alerts
    });
    let whole = begun.elapsed();
    let (status, said) = sensor.end();
    assert_eq!(status, Some(0), "{said}");
    println!(
        "{alerts} alerts in {feeding:.2?} ({:.0} a second) through journal, file and webhook: the last {:.2?} after its packet, \
         outputs at most {furthest} alerts behind; {:.0} % of one CPU",
        alerts as f64 / feeding.as_secs_f64(),
        whole - feeding,
        100.0 * (cpu - cpu_before) / whole.as_secs_f64(),
    );
    let created = journal_ids(&scratch.path("journal.db"));
    assert_eq!(created.len(), alerts);
    Tally::of(&created, &scratch.ids("archive.ndjson")).insist("throughput: file");
    Tally::of(&created, &receiver.arrived()).insist("throughput: webhook");
    assert!(whole - feeding < Duration::from_secs(10), "the outputs did not keep up: {:?}", whole - feeding);
}

/// A capture in which every 400th frame belongs to a finding, and the rest to conversations of no interest.
fn mixed(frames: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Pcap::microseconds(1).start(&mut bytes);
    let quiet: Vec<_> = (0..100).map(|n| Host::new(&format!("10.9.{n}.1"))).collect();
    let step_ns = 20_000_000_000 / 800;
    let findings = capture(u32::try_from(frames / 800).unwrap());
    let start_ns = 1_762_934_400_000_000_000;
    let (mut rest, mut number) = (&findings[24..], 0);
    while !rest.is_empty() {
        for _ in 0..2 {
            let length = 16 + u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
            bytes.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
        }
        for _ in 0..798 {
            let (a, b) = (quiet[number % 100], quiet[(number + 50) % 100]);
            let at = start_ns + 40_000_000 + number as u64 * 800 / 798 * step_ns;
            Pcap::microseconds(1)
                .append(&mut bytes, &udp_frame(&Link::Ethernet, at, (a, 5_000), (b, 5_001), &[1; 200]));
            number += 1;
        }
    }
    bytes
}

/// Replays `mixed.pcap`: seconds until all was judged, and CPU seconds of the reading thread.
fn replay(scratch: &Scratch, more: &[&str]) -> (f64, f64) {
    let mut child = Command::new(EXECUTABLE)
        .args(["replay", "mixed.pcap", "-c", "config.toml", "--threads", "2", "--summary", "summary"])
        .args(more)
        .current_dir(scratch.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let schedule = format!("/proc/{0}/task/{0}/schedstat", child.id());
    let mut cpu_ns = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&schedule).unwrap_or_default();
        let now = text.split(' ').next().and_then(|ns| ns.parse().ok());
        cpu_ns = now.filter(|&ns: &u64| ns > 0).unwrap_or(cpu_ns);
        thread::sleep(Duration::from_millis(2));
    }
    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(scratch.path("summary")).unwrap()).unwrap();
    (summary["wall_time_s"].as_f64().unwrap(), cpu_ns as f64 / 1e9)
}

/// BORDERFLOW_FRAMES=4000000 is the long form.
#[test]
fn the_thread_that_reads_packets_does_not_feel_the_outputs() {
    let frames = setting("BORDERFLOW_FRAMES", 200_000);
    let (scratch, receiver) = (Scratch::new(), Receiver::http(Mood::Healthy));
    scratch.write("mixed.pcap", mixed(frames));
    let (mut without, mut with) = ((f64::MAX, f64::MAX), (f64::MAX, f64::MAX));
    let least = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.min(b.1));
    for round in 0..5 {
        scratch.configure(&[]);
        without = least(without, replay(&scratch, &["--alerts", "/dev/null"]));
        scratch.configure(&[archive(), hook(receiver.port)]);
        let journal = format!("journal-{round}.db");
        with = least(with, replay(&scratch, &["--journal", &journal]));
        assert_eq!(journal_ids(&scratch.path(&journal)).len() as u64, frames / 400);
    }
    println!(
        "{frames} frames, {} alerts: judged in {:.3} s without and {:.3} s with two outputs ({:.2}); {:.0} alerts/s; the \
         reading thread takes {:.3} s and {:.3} s of CPU ({:.2})",
        frames / 400,
        without.0,
        with.0,
        with.0 / without.0,
        (frames / 400) as f64 / with.0,
        without.1,
        with.1,
        with.1 / without.1,
    );
    assert!(with.1 < 1.5 * without.1, "the reading thread does {} times the work", with.1 / without.1);
}
