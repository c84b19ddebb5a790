//! Hostile input through the whole pipeline: whatever bytes a frame or a file holds, nothing panics and every frame is
//! accounted for. Named cases lie in `tests/hostile/<what>.<link type>.hex`: bytes that broke something once, or would
//! break a decoder that believes what a header says.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "hostile/good.rs"]
mod good;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow::attribute::geo::Databases;
use borderflow::attribute::{Attributor, Catalogue};
use borderflow::capture::{Batch, CaptureFiles, CaptureReader, Delivery, LinkType, PacketSource as _};
use borderflow::config::Config;
use borderflow::deliver::{AlertLines, Filter, FlowLines, Lines, Output};
use borderflow::encode::Format;
use borderflow::flow::FlowUpdate;
use borderflow::net::Timestamp;
use borderflow::pipeline::{Front, Judge, Prepared, Shard};
use borderflow::run;
use borderflow_testkit::program::Program;
use borderflow_testkit::{Frame, Interface, Pcap, Pcapng};

/// The pipeline on one thread, with outputs that encode everything and keep nothing.
struct Pipeline {
    front: Front,
    shard: Shard,
    judge: Judge,
    batch: Batch,
    packets: [Vec<Prepared>; 1],
    updates: Vec<FlowUpdate>,
    alerts: AlertLines,
    flows: FlowLines,
    frames: u64,
}

impl Pipeline {
    fn new() -> Pipeline {
        let sets = ["flow.max_flows=500".to_owned(), "decode.fragment_datagrams=16".to_owned()];
        let config = Config::from_text(None, &sets).unwrap();
        let (decode, flow) = (run::decode_options(&config), run::flow_options(&config));
        let attributor = Attributor::new(Databases::open(None, None).unwrap(), Catalogue::embedded().unwrap());
        let nowhere = || Lines::new("nowhere".to_owned(), std::io::sink());
        Pipeline {
            front: Front::new(decode, None, flow.seed),
            shard: Shard::new(&flow, decode, 0, 1),
            judge: Judge::new(attributor, run::policy(&config)),
            batch: Batch::default(),
            packets: [Vec::new()],
            updates: Vec::new(),
            alerts: AlertLines::new(nowhere(), Format::Ecs, Filter::default()),
            flows: FlowLines::new(nowhere()),
            frames: 0,
        }
    }

    fn push(&mut self, link: LinkType, wire_len: u32, bytes: &[u8]) {
        // A millisecond apart, with a leap now and then so that flows end and fragments are given up.
        self.frames += 1;
        let nanos = self.frames * 1_000_000 + self.frames / 5_000 * 400_000_000_000;
        self.batch.push(Timestamp::from_nanos(nanos), link, wire_len, bytes);
        if self.batch.frames.len() >= 1_000 {
            self.handle();
            self.batch.clear();
        }
    }

    fn handle(&mut self) {
        self.front.decode(&mut self.batch, &mut self.packets);
        let ([packets], clock) = (&mut self.packets, self.front.clock());
        self.shard.handle(&self.batch, packets, clock, &mut self.updates);
        packets.clear();
        self.judge.hear(self.front.sightings());
        self.judge.handle(&mut self.updates, &mut [&mut self.alerts as &mut dyn Output, &mut self.flows]);
    }

    /// Ends the input and checks that every frame is accounted for.
    fn finish(mut self, expected_frames: u64) {
        self.handle();
        self.front.finish();
        let clock = self.front.clock();
        self.shard.finish(clock, &mut self.updates);
        self.judge.finish(&mut self.updates, clock, &mut [&mut self.alerts as &mut dyn Output, &mut self.flows]);
        let counters = self.front.counters();
        assert_eq!(counters.frames_read, expected_frames);
        assert_eq!(counters.frames_read, counters.decode.frames_decoded + counters.skips.total());
    }
}

#[test]
fn every_good_frame_is_good() {
    for good in good::all() {
        let mut pipeline = Pipeline::new();
        for frame in &good.frames {
            pipeline.push(LinkType(good.link), 0, frame);
        }
        pipeline.handle();
        pipeline.front.finish();
        let skips: Vec<_> = borderflow::decode::Skip::ALL
            .into_iter()
            .filter(|&reason| pipeline.front.counters().skips.of(reason) > 0)
            .collect();
        assert!(skips.is_empty(), "{} was skipped: {skips:?}", good.name);
        assert_eq!(pipeline.shard.counters().total(), good.flows, "{}", good.name);
    }
}

#[test]
fn every_prefix_of_a_good_frame_is_survived() {
    for good in good::all() {
        let (mut pipeline, mut frames) = (Pipeline::new(), 0);
        for (index, whole) in good.frames.iter().enumerate() {
            for length in 0..=whole.len() {
                for wire_len in [length, whole.len()] {
                    for (other, frame) in good.frames.iter().enumerate() {
                        let cut = if other == index { &frame[..length] } else { frame };
                        pipeline.push(LinkType(good.link), wire_len as u32, cut);
                        frames += 1;
                    }
                }
            }
        }
        pipeline.finish(frames);
    }
}

#[test]
fn every_one_byte_change_of_a_good_frame_is_survived() {
    for good in good::all() {
        let (mut pipeline, mut frames) = (Pipeline::new(), 0);
        for (index, whole) in good.frames.iter().enumerate() {
            for at in 0..whole.len().min(160) {
                for value in 0..=255 {
                    for (other, frame) in good.frames.iter().enumerate() {
                        let mut changed = frame.clone();
                        if other == index {
                            changed[at] = value;
                        }
                        pipeline.push(LinkType(good.link), 0, &changed);
                        frames += 1;
                    }
                }
            }
        }
        pipeline.finish(frames);
    }
}

#[test]
fn every_good_frame_is_survived_under_every_link_type() {
    let mut pipeline = Pipeline::new();
    let mut frames = 0;
    for good in good::all() {
        for link in 0..=310 {
            for frame in &good.frames {
                pipeline.push(LinkType(link), 0, frame);
                frames += 1;
            }
        }
    }
    pipeline.finish(frames);
}

/// A small capture in every format there is a writer for.
fn files() -> Vec<Vec<u8>> {
    let good = &good::all()[0];
    let frames: Vec<Frame> = (1..4).map(|time| Frame::new(time * 1_000_000_007, good.frames[0].clone())).collect();
    let interface = Interface { offset_s: 1, ..Interface::new("span0", good.link) };
    vec![
        Pcap::microseconds(good.link).write(&frames),
        Pcap { nanoseconds: true, big_endian: true, ..Pcap::microseconds(good.link) }.write(&frames),
        Pcapng::new(vec![interface.clone()]).write(&frames),
        Pcapng { big_endian: true, interfaces: vec![interface] }.write(&frames),
    ]
}

/// Reads a capture through the pipeline, damage and all.
fn read(pipeline: &mut Pipeline, bytes: &[u8], frames: &mut u64) {
    let mut reader = CaptureReader::new("hostile", bytes, Delivery::Full);
    let mut batch = Batch::default();
    for _ in 0..50 {
        match reader.next_batch(&mut batch) {
            Ok(true) => *frames += batch.frames.len() as u64,
            Ok(false) => return,
            Err(error) => {
                assert!(error.to_string().starts_with("hostile: "), "{error}");
                continue;
            }
        }
        pipeline.batch = std::mem::take(&mut batch);
        pipeline.handle();
        pipeline.batch.clear();
    }
    panic!("a file of {} bytes never ended", bytes.len());
}

#[test]
fn every_prefix_and_every_one_byte_change_of_a_capture_file_is_survived() {
    for whole in files() {
        let (mut pipeline, mut frames) = (Pipeline::new(), 0);
        for length in 0..whole.len() {
            read(&mut pipeline, &whole[..length], &mut frames);
        }
        for at in 0..whole.len() {
            for change in [1, 0x10, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                read(&mut pipeline, &changed, &mut frames);
            }
        }
        pipeline.finish(frames);
    }
}

#[test]
fn the_named_cases_are_survived() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "hex") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let link: u16 = name.rsplit('.').next().unwrap().parse().unwrap();
        let mut pipeline = Pipeline::new();
        let frames = hex(&fs::read_to_string(&path).unwrap());
        for frame in &frames {
            pipeline.push(LinkType(link), 0, frame);
        }
        pipeline.finish(frames.len() as u64);
        cases += 1;
    }
    assert!(cases > 0, "no case in tests/hostile");
}

/// One frame per line; what follows a `#` is a remark.
fn hex(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap().trim()).filter(|line| !line.is_empty());
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    lines.map(|line| line.replace(' ', "").as_bytes().chunks(2).map(byte).collect()).collect()
}

#[test]
fn the_robustness_files_of_the_corpus_are_survived_and_accounted_for() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus in ../shared/corpus (or where BORDERFLOW_CORPUS says)");
        return;
    };
    let manifest = fs::read_to_string(corpus.join("manifest.tsv")).unwrap();
    let files: Vec<&str> = manifest
        .lines()
        .filter(|line| ["robustness", "fuzz", "crash", "malformed"].iter().any(|theme| line.contains(theme)))
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert!(files.len() > 20, "{} robustness files", files.len());
    for file in files {
        let (mut pipeline, mut frames) = (Pipeline::new(), 0);
        let Ok(mut source) = CaptureFiles::open(&[corpus.join(file)]) else { continue };
        let mut batch = Batch::default();
        loop {
            match source.next_batch(&mut batch) {
                Ok(true) => frames += batch.frames.len() as u64,
                Ok(false) => break,
                Err(_) => continue,
            }
            pipeline.batch = std::mem::take(&mut batch);
            pipeline.handle();
            batch = std::mem::take(&mut pipeline.batch);
        }
        println!("{file}: {frames} frames");
        pipeline.batch.clear();
        pipeline.finish(frames);
    }
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

#[test]
fn times_at_the_end_of_the_range_are_survived() {
    let directory = tempfile::tempdir().unwrap();
    let good = &good::all()[0];
    let at = |time| Frame::new(time, good.frames[0].clone());
    let frames = [at(0), at(u64::from(u32::MAX) * 1_000_000_000), at(5), at(4_000_000_000_000_000_000)];
    fs::write(directory.path().join("c.pcap"), Pcap::microseconds(good.link).write(&frames)).unwrap();
    for threads in ["1", "3"] {
        let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory.path());
        let outcome = program.args(["replay", "c.pcap", "--flows", "-", "--threads", threads]);
        let outcome = outcome.input(Vec::new(), Duration::ZERO).run();
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        assert!(outcome.stdout.contains("2106-02-07T06:28:15"), "{}", outcome.stdout);
    }
}

#[test]
fn a_frame_from_the_far_future_holds_nothing_back_that_comes_after_it() {
    let connection = good::all().into_iter().find(|good| good.name == "tcp").unwrap();
    let mut pipeline = Pipeline::new();
    let future = Timestamp::from_parts(4_294_967_295, 0);
    pipeline.batch.push(future, LinkType(1), 0, &good::all()[0].frames[0]);
    pipeline.handle();
    pipeline.batch.clear();
    for frame in &connection.frames {
        pipeline.push(LinkType(1), 0, frame);
    }
    pipeline.handle();
    assert!(pipeline.judge.counters().alerts > 0, "an alert waits for a time that will not come");
    assert!(pipeline.updates.is_empty());
}
