//! A replay's output is a function of the capture, the configuration and the databases alone: the same alerts and
//! flow records, byte for byte, for any number of threads, any number of times, and however the capture arrives.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow_testkit::program::Program;
use borderflow_testkit::{Conversation, Frame, Host, Link, Pcap, Prng, Side, packet_frame, udp_frame};

/// What a run wrote, and its counters without those of the machine.
#[derive(PartialEq, Eq)]
struct Written {
    alerts: String,
    flows: String,
    summary: serde_json::Map<String, serde_json::Value>,
}

/// How a capture is handed over.
enum Input<'a> {
    File(&'a Path),
    Pipe(Vec<Vec<u8>>),
}

struct Case {
    directory: tempfile::TempDir,
    options: Vec<String>,
    status: Option<i32>,
}

impl Case {
    fn new(options: &[&str]) -> Case {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Case { directory: tempfile::tempdir().unwrap(), options, status: Some(0) }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn replay(&self, input: Input<'_>, threads: usize) -> Written {
        let directory = self.directory.path();
        let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory)
            .args(["replay", "--format", "ecs", "--flows", "flows", "--summary", "summary"])
            .args(["--threads", &threads.to_string()])
            .args(&self.options);
        let outcome = match input {
            Input::File(path) => program.arg(path).run(),
            Input::Pipe(chunks) => program.arg("-").input(chunks, Duration::from_micros(200)).run(),
        };
        assert_eq!(outcome.status, self.status, "{}", outcome.stderr);
        let read = |name| fs::read_to_string(directory.join(name)).unwrap();
        let mut summary: serde_json::Map<_, _> = serde_json::from_str(&read("summary")).unwrap();
        for machine in ["wall_time_s", "packets_per_second", "bytes_read"] {
            summary.remove(machine).unwrap();
        }
        Written { alerts: outcome.stdout, flows: read("flows"), summary }
    }

    /// The same output for 1, 2 and 7 threads and twice in a row.
    fn check_threads(&self, capture: &Path) -> Written {
        let once = self.replay(Input::File(capture), 1);
        for threads in [1, 2, 7] {
            assert_same(&once, &self.replay(Input::File(capture), threads), &format!("{threads} threads"));
        }
        once
    }

    /// The same output as `whole` for the capture in a pipe in odd pieces, and compressed.
    fn check_arrivals(&self, bytes: &[u8], whole: &Written) {
        for (seed, threads) in [(1, 1), (2, 1), (3, 2)] {
            let piped = self.replay(Input::Pipe(pieces(bytes, seed)), threads);
            assert_same(whole, &piped, &format!("a pipe in pieces of seed {seed} and {threads} threads"));
        }
        let compressed = self.write("capture.gz", &gzip(bytes));
        assert_same(whole, &self.replay(Input::File(&compressed), 2), "gzip");
    }
}

#[test]
fn the_demo_gives_the_same_bytes_however_it_is_read() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let case = Case::new(&["-c", demo.join("config.toml").to_str().unwrap()]);
    let whole = case.check_threads(&demo.join("demo.pcapng"));
    assert!(whole.alerts.lines().count() > 20 && whole.flows.lines().count() > 100);
    case.check_arrivals(&fs::read(demo.join("demo.pcapng")).unwrap(), &whole);
}

#[test]
fn evictions_idle_ends_late_packets_and_fragments_give_the_same_bytes_however_they_are_read() {
    let capture = crowd();
    for max_flows in [64, 700, 100_000] {
        let case = Case::new(&[
            "--set",
            "jurisdictions.flag=[{country=\"AQ\", risk=50, basis=\"test\"}]",
            "--set",
            "geoip.override=[{prefix=\"203.0.113.0/25\", country=\"AQ\", asn=64500, organization=\"Ice\"}]",
            "--set",
            "detect.finding_idle_hours=1",
            "--set",
            &format!("flow.max_flows={max_flows}"),
        ]);
        let whole = case.check_threads(&case.write("capture.pcap", &capture));
        let counted = |name: &str| whole.summary[name].as_u64().unwrap();
        assert_eq!(counted("evictions") > 100, max_flows < 1_000, "{} evictions", counted("evictions"));
        assert!(counted("datagrams_reassembled") > 100 && counted("alerts") > 20);
        assert!(whole.flows.contains("\"end_reason\":\"idle\""));
        case.check_arrivals(&capture, &whole);
    }
}

#[test]
fn real_captures_give_the_same_bytes_for_any_number_of_threads() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus in ../shared/corpus (or where BORDERFLOW_CORPUS says)");
        return;
    };
    let manifest = fs::read_to_string(corpus.join("manifest.tsv")).unwrap();
    let files: Vec<&str> = manifest.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    let sample: Vec<&str> = files.iter().copied().step_by(97).collect();
    assert!(sample.len() >= 10, "{} captures", sample.len());
    for file in sample {
        let mut case = Case::new(&["--set", "flow.max_flows=200"]);
        let capture = corpus.join(file);
        case.status = probe(&case, &capture);
        println!("{file}: {} flows", case.check_threads(&capture).flows.lines().count());
    }
}

/// The exit status for one capture: some of the corpus are damaged.
fn probe(case: &Case, capture: &Path) -> Option<i32> {
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), case.directory.path());
    program.args(["replay", "--alerts", "alerts"]).arg(capture).run().status
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// Fails with the first line that differs instead of with megabytes.
fn assert_same(expected: &Written, found: &Written, how: &str) {
    for (name, expected, found) in
        [("alerts", &expected.alerts, &found.alerts), ("flows", &expected.flows, &found.flows)]
    {
        let lines = expected.lines().zip(found.lines()).enumerate();
        for (number, (before, after)) in lines {
            assert_eq!(before, after, "line {} of the {name} with {how}", number + 1);
        }
        assert_eq!(expected.len(), found.len(), "length of the {name} with {how}");
    }
    assert_eq!(expected.summary, found.summary, "summary with {how}");
}

fn pieces(bytes: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let (mut prng, mut rest, mut pieces) = (Prng::new(seed), bytes, Vec::new());
    while !rest.is_empty() {
        let longest = if prng.below(4) == 0 { 40 } else { 60_000 };
        let (piece, after) = rest.split_at((1 + prng.below(longest) as usize).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Two hours of thousands of flows, many at the same instant, some of them long silent, some late.
fn crowd() -> Vec<u8> {
    const START_NS: u64 = 1_762_934_400_000_000_000;
    let mut prng = Prng::new(11);
    let mut frames = Vec::new();
    for number in 0..4_000u64 {
        // In bursts, so that many flows have one time and many pass their idle time within one batch.
        let time = START_NS + prng.below(40) * 180_000_000_000 + prng.below(3) * 700_000_000;
        let home = Host::new(&format!("10.1.{}.{}", prng.below(8), prng.below(250)));
        let remote = Host::new(&format!("203.0.113.{}", prng.below(250)));
        let port = 32_768 + (number % 30_000) as u16;
        match prng.below(6) {
            0 => frames.extend(connection(&mut prng, home, port, remote).at(time).open().client(&[1; 700]).frames()),
            1 => frames.extend(session(&mut prng, home, port, remote, time)),
            2 => frames.extend(Conversation::new(home, port, remote, 23).at(time).syn().frames()),
            3 => frames.extend(query(home, port, remote, time, prng.below(400_000_000_000))),
            4 => frames.extend(datagram_in_fragments(home, port, remote, time, number as u16)),
            _ => frames.extend(remote_scan(remote, home, port, time)),
        }
    }
    // Almost in order: every frame may come up to two seconds early or late.
    frames.sort_by_cached_key(|frame| frame.timestamp_ns + prng.below(4_000_000_000));
    Pcap { nanoseconds: true, ..Pcap::microseconds(1) }.write(&frames)
}

fn connection(prng: &mut Prng, home: Host, port: u16, remote: Host) -> Conversation {
    Conversation::new(home, port, remote, if prng.below(2) == 0 { 443 } else { 8_883 })
}

/// A connection with answers, silence, a retransmission and an end.
fn session(prng: &mut Prng, home: Host, port: u16, remote: Host, time: u64) -> Vec<Frame> {
    let talk = connection(prng, home, port, remote).at(time).open().exchange(Side::Client, &[1; 200], &[2; 90_000]);
    let talk = talk.wait(prng.below(9_000_000_000_000)).client(&[3; 4_000]).retransmit(Side::Client);
    if prng.below(2) == 0 { talk.close().frames() } else { talk.reset(Side::Server).frames() }
}

fn query(home: Host, port: u16, remote: Host, time: u64, later: u64) -> Vec<Frame> {
    vec![
        udp_frame(&Link::Ethernet, time, (home, port), (remote, 53), &[4; 60]),
        udp_frame(&Link::Ethernet, time + later, (remote, 53), (home, port), &[5; 120]),
    ]
}

fn remote_scan(remote: Host, home: Host, port: u16, time: u64) -> Vec<Frame> {
    let scan = Conversation::new(remote, port, home, 22).at(time).syn();
    if port.is_multiple_of(3) { scan.refuse().frames() } else { scan.frames() }
}

fn datagram_in_fragments(home: Host, port: u16, remote: Host, time: u64, id: u16) -> Vec<Frame> {
    let (from, to) = (std::net::SocketAddr::new(home.ip, port), std::net::SocketAddr::new(remote.ip, 514));
    let whole = packet_frame(&Link::Raw, time, home, remote, 17, &borderflow_testkit::udp(from, to, &[6; 2_000]));
    let (header, body) = whole.data.split_at(20);
    let part = |range: std::ops::Range<usize>, more: u16| {
        let mut packet = header.to_vec();
        packet[2..4].copy_from_slice(&((20 + range.len()) as u16).to_be_bytes());
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[6..8].copy_from_slice(&((range.start / 8) as u16 | more).to_be_bytes());
        packet.extend(&body[range]);
        Frame::new(time, Link::Ethernet.frame(home, remote, &packet))
    };
    vec![part(0..1_200, 0x2000), part(1_200..body.len(), 0)]
}
