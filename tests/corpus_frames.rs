//! Every capture of the corpus holds the frames that TShark sees in it: their number, their length on the wire and
//! the bytes captured. Skipped, with a message, where the corpus is absent.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says where it fails")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use borderflow::capture::{Batch, CaptureFiles, LinkType, PacketSource};

const SUN_ATM: LinkType = LinkType(123);

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

/// What the oracle says of a capture.
struct Oracle {
    frames: Frames,
    /// It lists pcapng's Custom Blocks as records without a link type: not frames, but in its counts.
    custom_blocks: u64,
    /// It could not read the file, or not to its end.
    damaged: bool,
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
        let oracle = oracle(&corpus.join(truth));
        let (found, error) = read(&corpus.join(file));
        compared += 1;
        if !agree(&oracle, &found, error.as_deref()) {
            differences.push(format!("{file}\n  tshark {:?}\n  we     {found:?} {error:?}", oracle.frames));
        }
    }
    assert!(compared > 1_000, "only {compared} captures compared");
    assert!(differences.is_empty(), "{} of {compared} differ:\n{}", differences.len(), differences.join("\n"));
}

/// TShark gives up on link types it does not know and on frames over 256 KiB, where this program goes on: of a file
/// it could not read, not fewer frames. It gives no time to Simple Packets and to times beyond its range.
fn agree(oracle: &Oracle, found: &Frames, error: Option<&str>) -> bool {
    let expected = &oracle.frames;
    if oracle.damaged {
        return found.count >= expected.count;
    }
    let same_time = |expected: Option<u64>, found| expected.is_none() || expected == found;
    let same_bytes = (expected.wire_bytes, expected.captured_bytes) == (found.wire_bytes, found.captured_bytes);
    error.is_none()
        && found.count + oracle.custom_blocks == expected.count
        && (same_bytes || oracle.custom_blocks > 0)
        && found.truncated == expected.truncated
        && same_time(expected.first, found.first)
        && same_time(expected.last, found.last)
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

fn oracle(path: &Path) -> Oracle {
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
    Oracle {
        frames,
        custom_blocks: truth["encapsulations"][""].as_u64().unwrap_or(0),
        damaged: !truth["oracle"]["read_error"].is_null(),
    }
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
        // TShark takes the pseudo-header of SunATM off a frame before it counts.
        let pseudo_header = if frame.meta.link == SUN_ATM { 4 } else { 0 };
        frames.wire_bytes += u64::from(frame.meta.wire_len) - pseudo_header;
        frames.captured_bytes += frame.data.len() as u64 - pseudo_header;
        frames.truncated += u64::from(frame.meta.captured_len < frame.meta.wire_len);
        let time = frame.meta.timestamp.as_nanos();
        frames.first = frames.first.or(Some(time));
        frames.last = Some(time);
    }
}
