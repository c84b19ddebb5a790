//! Captures for the tests: read, sampled from the corpus, made.

use std::fs;
use std::path::{Path, PathBuf};

use borderflow_testkit::{Frame, Host, Link, udp_frame};

/// A host in China, by its address and by whose it is.
pub(crate) const CHINESE: &str = "47.97.1.10";

/// The demo of this repository.
pub(crate) fn demo() -> PathBuf {
    root().join("demo/demo.pcapng")
}

/// The root of this repository.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("BORDERFLOW_ROOT").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// What asset number `number` sends to a host in China, and the answer.
pub(crate) fn exchange(number: u32) -> [Frame; 2] {
    let [_, a, b, c] = number.to_be_bytes();
    exchange_with(&format!("10.{a}.{b}.{c}"), CHINESE)
}

/// What one host asks another, and the answer.
pub(crate) fn exchange_with(asset: &str, remote: &str) -> [Frame; 2] {
    exchange_between((asset, 40_000), (remote, 9_999))
}

/// The same, with ports. The times make the packets' identifications, by which copies of them are known.
pub(crate) fn exchange_between(asset: (&str, u16), remote: (&str, u16)) -> [Frame; 2] {
    let (asset, remote) = ((Host::new(asset.0), asset.1), (Host::new(remote.0), remote.1));
    [
        udp_frame(&Link::Ethernet, 1_000_000, asset, remote, &[7; 200]),
        udp_frame(&Link::Ethernet, 2_000_000, remote, asset, &[8; 100]),
    ]
}

/// Those of so many assets, from number `first` on.
pub(crate) fn exchanges(first: u32, count: u32) -> Vec<Frame> {
    (first..first + count).flat_map(exchange).collect()
}

/// How many frames a pcap has; what is not there whole yet does not count.
pub(crate) fn count(pcap: &[u8]) -> usize {
    records(pcap).count()
}

/// The frames of a little-endian pcap of Ethernet; `None` where it is something else, or cannot be sent into a cable as it
/// was: a frame was cut, or has no whole Ethernet header, or is larger than a cable carries.
pub(crate) fn sendable(pcap: &[u8]) -> Option<Vec<Frame>> {
    let is_ethernet = pcap.get(20..24) == Some(&[1, 0, 0, 0]);
    let is_known = pcap.get(..4) == Some(&0xa1b2_c3d4u32.to_le_bytes());
    let is_whole = |(_, wire_len, data): &(u64, u32, &[u8])| {
        *wire_len as usize == data.len() && (15..=65_549).contains(&data.len())
    };
    (is_ethernet && is_known && records(pcap).all(|record| is_whole(&record)))
        .then(|| records(pcap).map(|(time_ns, _, data)| Frame::new(time_ns, data.to_vec())).collect())
}

/// The frames of several recordings in the order of their time.
pub(crate) fn merged(pcaps: &[Vec<u8>]) -> Vec<Frame> {
    let all = pcaps.iter().flat_map(|pcap| records(pcap));
    let mut frames: Vec<Frame> = all.map(|(time_ns, _, data)| Frame::new(time_ns, data.to_vec())).collect();
    frames.sort_by_key(|frame| frame.timestamp_ns);
    frames
}

/// Time, length on the wire and bytes of every frame.
fn records(pcap: &[u8]) -> impl Iterator<Item = (u64, u32, &[u8])> {
    let unit = if pcap.get(..4) == Some(&0xa1b2_3c4du32.to_le_bytes()) { 1 } else { 1_000 };
    let mut rest = pcap.get(24..).unwrap_or_default();
    std::iter::from_fn(move || {
        let word = |at: usize| Some(u32::from_le_bytes(rest.get(at..at + 4)?.try_into().ok()?));
        let (seconds, fraction, length, wire_len) = (word(0)?, word(4)?, word(8)? as usize, word(12)?);
        let data = rest.get(16..16 + length)?;
        rest = &rest[16 + length..];
        Some((u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * unit, wire_len, data))
    })
}

/// Captures of the corpus that can be sent into a cable, that have one of `themes` (none given: any) and at most `most`
/// frames: every `step`th of them. Empty, and a message, where there is no corpus.
pub(crate) fn sample(themes: &[&str], most: usize, step: usize) -> Vec<Vec<Frame>> {
    let corpus = std::env::var_os("BORDERFLOW_CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    let Ok(manifest) = fs::read_to_string(corpus.join("manifest.tsv")) else {
        println!("skipped: no corpus (set BORDERFLOW_CORPUS, or put it at ../shared/corpus)");
        return Vec::new();
    };
    let lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let is_wanted = |row: &Vec<&str>| {
        let has = |theme: &&str| row[10].split(' ').any(|word| word.starts_with(theme));
        row[9] == "pcap" && (themes.is_empty() || themes.iter().any(has))
    };
    let read = |row: Vec<&str>| sendable(&fs::read(corpus.join(Path::new(row[0]))).ok()?);
    let found = lines.filter(is_wanted).filter_map(read).filter(|frames| (1..=most).contains(&frames.len()));
    found.step_by(step).collect()
}
