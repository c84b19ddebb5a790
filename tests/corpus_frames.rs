//! Every capture of the corpus holds the frames that TShark sees in it: their number, their length on the wire and
//! the bytes captured. Skipped, with a message, where the corpus is absent.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test says where it fails")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use borderflow::capture::{Batch, CaptureFiles, PacketSource};

/// Frames of a capture as the oracle counts them.
#[derive(Debug, PartialEq, Eq)]
struct Frames {
    count: u64,
    wire_bytes: u64,
    captured_bytes: u64,
    truncated: u64,
    first: Option<u64>,
    last: Option<u64>,
}

#[test]
fn every_capture_of_the_corpus_has_the_frames_tshark_sees() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus in ../shared/corpus (or where BORDERFLOW_CORPUS says)");
        return;
    };
    let manifest = fs::read_to_string(corpus.join("manifest.tsv")).unwrap();
    let (mut compared, mut differences) = (0, Vec::new());
    for line in manifest.lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, truth) = (columns.next().unwrap(), columns.next().unwrap());
        let (expected, damaged) = oracle(&corpus.join(truth));
        let (found, error) = read(&corpus.join(file));
        if damaged {
            println!("damaged: {file}\n  tshark {expected:?}\n  we     {found:?}\n  {error:?}");
            continue;
        }
        compared += 1;
        if found != expected || error.is_some() {
            differences.push(format!("{file}\n  tshark {expected:?}\n  we     {found:?}\n  error  {error:?}"));
        }
    }
    assert!(compared > 1_000, "only {compared} captures compared");
    assert!(differences.is_empty(), "{} of {compared} differ:\n{}", differences.len(), differences.join("\n"));
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// The oracle's count, and whether it found the file damaged.
fn oracle(path: &Path) -> (Frames, bool) {
    let mut json = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut json).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&json).unwrap();
    let frames = &truth["frames"];
    let number = |name: &str| frames[name].as_u64().unwrap();
    let frames = Frames {
        count: number("count"),
        wire_bytes: number("wire_bytes"),
        captured_bytes: number("captured_bytes"),
        truncated: number("truncated"),
        first: frames["first_ts"].as_str().and_then(nanos),
        last: frames["last_ts"].as_str().and_then(nanos),
    };
    (frames, !truth["oracle"]["read_error"].is_null())
}

/// `seconds.fraction` as nanoseconds.
fn nanos(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    let fraction: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000_000 + fraction)
}

fn read(path: &Path) -> (Frames, Option<String>) {
    let mut files = CaptureFiles::open(&[path.to_owned()]).unwrap();
    let mut frames = Frames { count: 0, wire_bytes: 0, captured_bytes: 0, truncated: 0, first: None, last: None };
    let mut batch = Batch::default();
    loop {
        match files.next_batch(&mut batch) {
            Ok(true) => add(&mut frames, &batch),
            Ok(false) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

fn add(frames: &mut Frames, batch: &Batch) {
    for index in 0..batch.frames.len() {
        let frame = batch.frame(index).unwrap();
        frames.count += 1;
        frames.wire_bytes += u64::from(frame.meta.wire_len);
        frames.captured_bytes += frame.data.len() as u64;
        frames.truncated += u64::from(frame.meta.captured_len < frame.meta.wire_len);
        let time = frame.meta.timestamp.as_nanos();
        frames.first = frames.first.or(Some(time));
        frames.last = Some(time);
    }
}
