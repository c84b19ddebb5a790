//! Replays the real captures of `../shared/corpus` (or `$BORDERFLOW_CORPUS`) through reader and decoder, and holds
//! packets and IP bytes of every TCP, UDP and SCTP conversation against what an independent tool saw in them.
//!
//! The differences that are explained, with their reasons, are in `docs/decoding.md`; [`EXPLAINED`] lists the files.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where the corpus is not what it should be"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow::capture::{Batch, CaptureFiles, PacketSource};
use borderflow::decode::{Decoded, Decoder, Options, Packet};
use borderflow::net::Timestamp;
use serde_json::Value;

/// Captures whose differences `docs/decoding.md` explains.
const EXPLAINED: &[&str] = &[
    "wireguard-ping-tcp-dsb.pcapng",
    "output_be/advanced/test102.pcapng",
    "output_be/basic/test018.pcapng",
    "output_be/difficult/test202.pcapng",
    "output_le/advanced/test102.pcapng",
    "output_le/basic/test018.pcapng",
    "output_le/difficult/test202.pcapng",
    "clusterfuzz-testcase-minimized-FuzzTarget-5755755617189888",
    "crash-exception-cast-constructed-record",
    "AH-IPcomp-IPv4.pcap",
    "bigtcp-ipv4-geneve-ipv4.pcap",
    "bigtcp-ipv4-geneve-ipv6.pcap",
    "bigtcp-ipv4-vxlan-ipv6.pcap",
    "bigtcp-ipv6-geneve-ipv4.pcap",
    "bigtcp-ipv6-vxlan-ipv4.pcap",
    "bigtcp-ipv6-vxlan-ipv6.pcap",
    "quic_32_bit_pointer_overflow.pcap",
];

type Side = (IpAddr, u16);
type Key = (String, Side, Side);
/// Per endpoint: packets and IP bytes sent.
type Volumes = BTreeMap<Side, (u64, u64)>;

#[test]
fn every_conversation_of_the_corpus_has_the_volumes_an_independent_tool_saw() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus (set BORDERFLOW_CORPUS, or put it at ../shared/corpus)");
        return;
    };
    let only = std::env::var("BORDERFLOW_CORPUS_ONLY").unwrap_or_default();
    let (mut captures, mut wrong) = (0, Vec::new());
    for (capture, truth) in manifest(&corpus).into_iter().filter(|(capture, _)| capture.contains(&only)) {
        captures += 1;
        let differences = compare(&corpus.join(&capture), &corpus.join(truth));
        if differences.is_empty() {
            continue;
        }
        let is_explained = EXPLAINED.iter().any(|name| capture.ends_with(name));
        let mark = if is_explained { " (explained)" } else { "" };
        for difference in differences.iter().take(3) {
            eprintln!("{capture}{mark}: {difference}");
        }
        eprintln!("{capture}{mark}: {} differences", differences.len());
        if !is_explained {
            wrong.push(capture);
        }
    }
    eprintln!("{} of {captures} captures agree or are explained", captures - wrong.len());
    assert!(wrong.is_empty(), "{} captures differ without explanation", wrong.len());
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// Path of each capture and of its truth.
fn manifest(corpus: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(corpus.join("manifest.tsv")).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name| header.iter().position(|title| *title == name).unwrap();
    let (file, truth) = (column("file"), column("truth"));
    lines.map(|fields| (fields[file].to_owned(), fields[truth].to_owned())).collect()
}

fn compare(capture: &Path, truth: &Path) -> Vec<String> {
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(File::open(truth).unwrap()).read_to_end(&mut json).unwrap();
    let truth: Value = serde_json::from_slice(&json).unwrap();
    let (expected, partly) = expected(&truth);
    let (measured, frames, accounted) = measured(capture);
    let mut differences = Vec::new();
    if frames != accounted {
        differences.push(format!("{frames} frames read, {accounted} accounted for"));
    }
    if frames != truth["frames"]["count"].as_u64().unwrap() && truth["oracle"]["read_error"].is_null() {
        differences.push(format!("{frames} frames read, truth {}", truth["frames"]["count"]));
    }
    for key in expected.keys().chain(measured.keys()).collect::<BTreeSet<_>>() {
        match (expected.get(key), measured.get(key)) {
            (None, Some(got)) if !partly.contains(key) => differences.push(format!("unknown {key:?} {got:?}")),
            (Some(_), _) if partly.contains(key) => {}
            (Some(want), Some(got)) if want != got => differences.push(format!("{key:?} want {want:?} got {got:?}")),
            (Some(want), None) => differences.push(format!("missing {key:?} {want:?}")),
            _ => {}
        }
    }
    differences
}

fn key(protocol: &str, a: Side, b: Side) -> Key {
    (protocol.to_owned(), a.min(b), a.max(b))
}

fn add(flows: &mut BTreeMap<Key, Volumes>, key: Key, side: Side, packets: u64, ip_bytes: u64) {
    if packets != 0 {
        let volume = flows.entry(key).or_default().entry(side).or_default();
        *volume = (volume.0 + packets, volume.1 + ip_bytes);
    }
}

/// The innermost conversations of the truth, and those that are tunnels in part.
fn expected(truth: &Value) -> (BTreeMap<Key, Volumes>, BTreeSet<Key>) {
    let (mut flows, mut partly) = (BTreeMap::new(), BTreeSet::new());
    for entry in truth["conversations"].as_array().unwrap() {
        let side = |ip: &str, port: &str| {
            (entry[ip].as_str().unwrap().parse::<IpAddr>().unwrap(), entry[port].as_u64().unwrap() as u16)
        };
        let number = |name: &str| entry[name].as_u64().unwrap();
        let (a, b) = (side("a_ip", "a_port"), side("b_ip", "b_port"));
        let key = key(entry["proto"].as_str().unwrap(), a, b);
        let (sent, received) = (number("packets_a2b"), number("packets_b2a"));
        if number("inner_packets") > 0 || sent + received == 0 {
            partly.insert(key.clone());
        }
        if number("inner_packets") < sent + received {
            add(&mut flows, key.clone(), a, sent, number("ip_bytes_a2b"));
            add(&mut flows, key, b, received, number("ip_bytes_b2a"));
        }
    }
    (flows, partly)
}

/// What reader and decoder make of the capture: volumes, frames read, frames accounted for.
fn measured(capture: &Path) -> (BTreeMap<Key, Volumes>, u64, u64) {
    let mut source = CaptureFiles::open(&[capture.to_path_buf()]).unwrap();
    let mut decoder = Decoder::new(Options { duplicate_window: Duration::ZERO, ..Options::default() });
    let (mut flows, mut frames, mut clock) = (BTreeMap::new(), 0, Timestamp::ZERO);
    let mut batch = Batch::default();
    loop {
        match source.next_batch(&mut batch) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => continue,
        }
        for index in 0..batch.frames.len() {
            clock = clock.max(batch.frames[index].timestamp);
            frames += 1;
            if let Ok(Decoded::Packet(packet)) = decoder.decode(&mut batch, index, clock) {
                count(&mut flows, &packet);
            }
        }
    }
    decoder.flush();
    (flows, frames, decoder.counters().frames_decoded + decoder.skips().total())
}

fn count(flows: &mut BTreeMap<Key, Volumes>, packet: &Packet) {
    let protocol = match packet.protocol {
        6 => "tcp",
        17 => "udp",
        132 => "sctp",
        _ => return,
    };
    let source = (packet.version.address(packet.source), packet.source_port);
    let destination = (packet.version.address(packet.destination), packet.destination_port);
    let key = key(protocol, source, destination);
    add(flows, key, source, packet.frames.into(), packet.ip_bytes.into());
}
